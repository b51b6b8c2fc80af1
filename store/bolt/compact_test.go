package bolt_test

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

func TestCompact(t *testing.T) {
	dir := t.TempDir()
	d := grown(t, dir, 400)
	var ids []feed.ID
	for id := range feed.ID(200) {
		ids = append(ids, id+1)
	}
	if err := d.Withdraw(t.Context(), ids...); err != nil {
		t.Fatal(err)
	}
	var others sync.WaitGroup
	over := make(chan struct{})
	others.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
			}
			if _, err := d.Articles(t.Context(), store.Query{Ref: store.Ref{Kind: store.All}}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	others.Go(func() { saveSome(t, d, 400, 500) })
	for range 3 {
		sizes, err := d.Compact(t.Context(), nil)
		if err != nil || sizes.After == 0 || sizes.After > sizes.Before {
			t.Errorf("%+v, %v", sizes, err)
		}
	}
	close(over)
	others.Wait()
	saveSome(t, d, 500, 540)
	sound(t, d)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := bolt.Open(filepath.Join(dir, "archive.db"), &bolt.Options{Raw: filepath.Join(dir, "raw")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	sound(t, d)
	if s, err := d.Stats(t.Context()); err != nil || s.Sequence != 740 {
		t.Errorf("%v, %+v", err, s)
	}
}
