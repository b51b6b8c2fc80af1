package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// BenchmarkList lists an archive of BACKISSUE_SOURCES sources (10,000 if that is not set), of which one in
// a thousand fails.
func BenchmarkList(b *testing.B) {
	n := 10_000
	if s := os.Getenv("BACKISSUE_SOURCES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	dir := b.TempDir()
	a, err := openArchive(dir, &env{Stderr: os.Stderr, Getenv: func(string) string { return "" }}, true)
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var batches []store.Batch
	for i := range n {
		s := feed.Source{URL: fmt.Sprintf("https://%d.example/feed.xml", i), Title: fmt.Sprint("Source ", i)}
		s.Fetch.Checked, s.Fetch.ETag, s.Fetch.Status = at, `"v1"`, 200
		if i%1000 == 0 {
			s.Fetch.Repairs = []string{"an entity"}
		}
		batches = append(batches, store.Batch{Source: s, Seen: at})
	}
	if _, err := a.Save(b.Context(), batches...); err != nil {
		b.Fatal(err)
	}
	for _, args := range [][]string{{"list"}, {"list", "--problems"}} {
		b.Run(args[len(args)-1], func(b *testing.B) {
			for b.Loop() {
				e := &env{Stdout: io.Discard, Stderr: io.Discard, Getenv: func(string) string { return "" }, Dir: dir, archive: a}
				if code := run(b.Context(), append([]string{"--data", dir}, args...), e); code != 0 {
					b.Fatal(code)
				}
			}
		})
	}
}
