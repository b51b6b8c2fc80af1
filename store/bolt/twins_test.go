package bolt_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// TestTwinsAreBounded has an article come from very many sources: what the later ones cost must not grow with
// how many there are, so they stand for themselves in the feeds that all share.
func TestTwinsAreBounded(t *testing.T) {
	const sources = 300
	db, err := bolt.Open(filepath.Join(t.TempDir(), "archive.db"), &bolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, at := context.Background(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	batches := make([]store.Batch, sources)
	for i := range batches {
		url := fmt.Sprintf("https://%d.example.org/feed", i)
		batches[i] = store.Batch{
			Source: feed.Source{URL: url, Fetch: feed.FetchState{Checked: at}}, Seen: at,
			Articles: feed.Identify([]feed.Article{{
				GUID: "https://example.com/1", Link: "https://example.com/1", Title: "The same everywhere", Published: at, Content: "<p>Word for word the same text</p>",
			}}, url, feed.PolicyAuto),
		}
	}
	saved, err := db.Save(ctx, batches...)
	if err != nil {
		t.Fatal(err)
	}
	twins, first := 0, saved[0].Added[0]
	for i, s := range saved {
		if s.Err != nil || len(s.Added) != 1 {
			t.Fatalf("source %d: %+v", i, s)
		}
		a, err := db.Article(ctx, s.Added[0])
		if err != nil {
			t.Fatal(err)
		}
		switch a.Twin {
		case first:
			twins++
		case 0:
		default:
			t.Errorf("source %d: a twin of %d", i, a.Twin)
		}
	}
	if twins != 256 {
		t.Errorf("%d twins", twins)
	}
	if faults, err := db.Check(ctx); err != nil || len(faults) > 0 {
		t.Errorf("check: %v, %q", err, faults)
	}
}
