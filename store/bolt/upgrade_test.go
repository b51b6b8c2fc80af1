package bolt_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// format1 writes testdata/v1.db.gz to a file of its own. It was made by the last version that wrote
// format 1: 120 articles of one source, of which one was revised twice and one lost its tag, and 9 of
// another, of which the last repeats one of the first's.
func format1(t *testing.T) string {
	t.Helper()
	packed, err := os.ReadFile("testdata/v1.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "archive.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUpgradeFrom1(t *testing.T) {
	path := format1(t)
	for _, when := range []string{"upgraded", "opened again"} {
		db, err := bolt.Open(path, nil)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if faults, err := db.Check(t.Context()); err != nil || len(faults) > 0 {
			t.Errorf("%s: check: %v, %q", when, err, faults)
		}
		f, err := db.Feed(t.Context(), store.Ref{Kind: store.All})
		if err != nil || f.Length != 132 || f.Articles != 129 || f.Sealed != 2 || f.Open != 130 {
			t.Errorf("%s: the feed of everything is %+v, %v", when, f, err)
		}
		if s, err := db.Document(t.Context(), f.Ref, 0); s.From != 0 || s.To != 100 || err != nil {
			t.Errorf("%s: document 0 is [%d, %d), %v", when, s.From, s.To, err)
		}
		changes, err := db.Changes(t.Context(), 0, 10)
		var got []string
		for _, c := range changes {
			got = append(got, fmt.Sprintf("%d %c %d %d", c.N, c.Kind, c.Article, c.Seq))
		}
		if want := "[3 r 6 132 2 r 120 131 1 r 6 130]"; fmt.Sprint(got) != want || err != nil {
			t.Errorf("%s: changes %v, %v, want %s", when, got, err, want)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUpgradedArchiveGoesOn has an old archive meet what only the new format knows of.
func TestUpgradedArchiveGoesOn(t *testing.T) {
	db, err := bolt.Open(format1(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	old, err := db.Article(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	twin := feed.Article{Key: old.Key, GUID: old.GUID, Link: old.Link + "?utm_source=feed", Title: old.Title}
	saved, err := db.Save(t.Context(), store.Batch{
		Source: feed.Source{URL: "https://three.example.org/feed"}, Articles: []feed.Article{twin},
		Seen: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := db.Standing(t.Context(), saved[0].Added[0]); err != nil || len(s.Twins) != 1 || s.Twins[0] != 3 {
		t.Errorf("a repetition of an old article: %+v, %v", s, err)
	}
	if faults, err := db.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Errorf("check: %v, %q", err, faults)
	}
}
