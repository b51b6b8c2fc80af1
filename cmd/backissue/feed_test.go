package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// TestFinishSearches cuts a search off, as a crash would, and expects it to be finished.
func TestFinishSearches(t *testing.T) {
	a, err := openArchive(t.TempDir(), &env{Stderr: os.Stderr, Getenv: func(string) string { return "" }}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	batch := store.Batch{Source: feed.Source{URL: "https://example.org/feed"}, Seen: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	for n := range 1200 {
		batch.Articles = append(batch.Articles, feed.Article{Key: fmt.Sprint("urn:", n), Title: fmt.Sprint("News ", n)})
	}
	if _, err := a.Save(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = a.Define(ctx, store.Definition{Name: "news", Query: "news", Limit: 7}, func(uint64, uint64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("cut off: %v", err)
	}
	ref := store.Ref{Kind: store.Search, Name: "news"}
	if f, err := a.Feed(t.Context(), ref); err != nil || f.Articles >= 1200 {
		t.Fatalf("cut off at %d: %v", f.Articles, err)
	}
	if err := a.finishSearches(t.Context()); err != nil {
		t.Fatal(err)
	}
	f, err := a.Feed(t.Context(), ref)
	if err != nil || f.Articles != 1200 || f.Search.Limit != 7 {
		t.Errorf("finished: %+v, %v", f, err)
	}
}
