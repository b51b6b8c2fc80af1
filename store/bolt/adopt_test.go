package bolt_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// A visit may give a source another address. The old one leads to it still.
func TestAdoptAddress(t *testing.T) {
	const old, next, others = "https://example.org/old", "https://example.net/new", "https://example.com/feed"
	ctx, now := t.Context(), time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	db, err := bolt.Open(filepath.Join(t.TempDir(), "archive.db"), &bolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	save := func(s feed.Source) feed.Source {
		t.Helper()
		saved, err := db.Save(ctx, store.Batch{Source: s, Seen: now})
		if err != nil {
			t.Fatal(err)
		}
		return saved[0].Source
	}
	var sources []feed.Source
	for _, u := range []string{old, others} {
		got, err := db.Subscribe(ctx, feed.Source{URL: u, Fetch: feed.FetchState{Due: now}})
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, got[0].Source)
	}
	s := sources[0]

	s.URL = next
	if got := save(s); got.URL != old {
		t.Errorf("what is no visit moves a source to %s", got.URL)
	}
	s.Fetch.Checked = now
	if got := save(s); got.URL != next {
		t.Errorf("a visit leaves the source at %s", got.URL)
	}
	for _, u := range []string{old, next} {
		if got, err := db.SourceByURL(ctx, u); err != nil || got.ID != s.ID || got.URL != next {
			t.Errorf("%s leads to %d at %s, %v", u, got.ID, got.URL, err)
		}
	}
	if got, err := db.Subscribe(ctx, feed.Source{URL: old}); err != nil || got[0].New || got[0].Source.ID != s.ID {
		t.Errorf("subscribed to again by its old address: %+v, %v", got[0], err)
	}

	s.URL = others
	if got := save(s); got.URL != next {
		t.Errorf("a source has taken another's address %s", got.URL)
	}
	s.URL = old
	if got := save(s); got.URL != old {
		t.Errorf("a source that moves back is at %s", got.URL)
	}
	for host, want := range map[string]int{"example.org": 1, "example.net": 0, "example.com": 1, "example": 0, "ample.org": 0} {
		if got, err := db.SourcesAt(ctx, host, 10); err != nil || len(got) != want {
			t.Errorf("%d sources at %s, %v", len(got), host, err)
		}
	}
	if faults, err := db.Check(ctx); err != nil || len(faults) > 0 {
		t.Errorf("check: %v %q", err, faults)
	}
	if _, err := db.SourceByURL(ctx, "https://example.org/"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an address of nobody: %v", err)
	}
}
