package bolt_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
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

// old writes an archive of an older format to a file of its own. testdata/v1.db.gz was made by the last
// version that wrote format 1: 120 articles of one source, of which one was revised twice and one lost
// its tag, and 9 of another, of which the last repeats one of the first's.
//
// testdata/v2.db.gz was made by the last that wrote format 2: 60 articles of a source, of which one was
// edited; 50 of another, of which one was edited and one lost its tag; two of one guid, which are not
// the same; and a third source, which repeats one article and then floods the archive with 80.
func old(t *testing.T, name string) string {
	t.Helper()
	packed, err := os.ReadFile(filepath.Join("testdata", name))
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
	path := old(t, "v1.db.gz")
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
	db, err := bolt.Open(old(t, "v1.db.gz"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	elder, err := db.Article(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	twin := feed.Article{Key: elder.Key, GUID: elder.GUID, Link: elder.Link + "?utm_source=feed", Title: elder.Title}
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

func TestUpgradeFrom2(t *testing.T) {
	path := old(t, "v2.db.gz")
	var identity [16]byte
	for _, when := range []string{"upgraded", "opened again"} {
		db, err := bolt.Open(path, nil)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if faults, err := db.Check(t.Context()); err != nil || len(faults) > 0 {
			t.Errorf("%s: check: %v, %q", when, err, faults)
		}
		// The UUID of version 5, in the name space of URLs, of when the first article came and its key.
		identity, err = db.Identity(t.Context())
		if got := hex.EncodeToString(identity[:]); got != "1f1f408c5c70565aa74064f3a38ff4b0" || err != nil {
			t.Errorf("%s: identity %s, %v", when, got, err)
		}
		feeds := 0
		for _, ref := range []store.Ref{
			{Kind: store.All}, {Kind: store.Tag, Name: "news"}, {Kind: store.Tag, Name: "flood"},
			{Kind: store.Source, Name: "source-1"}, {Kind: store.Source, Name: "source-2"}, {Kind: store.Source, Name: "source-3"},
		} {
			feeds++
			documentsOf(t, db, ref)
		}
		touched, err := db.Touched(t.Context(), 0, 100)
		if len(touched) != feeds+1 || err != nil { // and the tag that one article got
			t.Errorf("%s: %d feeds have changed, %v", when, len(touched), err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// documentsOf expects that no document of a feed holds a key twice, that the tail is live, and that each
// document says how the feed describes itself.
func documentsOf(t *testing.T, db store.Store, ref store.Ref) {
	t.Helper()
	f, err := db.Feed(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	for k := range f.Sealed {
		s, err := db.Document(t.Context(), ref, k)
		if err != nil || s.Title != f.Title || (s.About != nil) != (ref.Kind == store.Source) || s.About != nil && s.About.Description != "Notes" {
			t.Errorf("%c%s: document %d: %+v, %v", ref.Kind, ref.Name, k, s, err)
		}
		log, err := db.Log(t.Context(), ref, s.From, int(s.To-s.From))
		keys := map[string]bool{}
		for _, a := range log {
			keys[a.Key] = true
		}
		if len(keys) != int(s.To-s.From) || err != nil {
			t.Errorf("%c%s: document %d holds [%d, %d) with %d keys, %v", ref.Kind, ref.Name, k, s.From, s.To, len(keys), err)
		}
	}
	live, err := store.Subscription(t.Context(), db, f, 1)
	if err != nil || len(live) < int(f.Length-f.Open) {
		t.Errorf("%c%s: %d articles are live, %d in the tail, %v", ref.Kind, ref.Name, len(live), f.Length-f.Open, err)
	}
}

// TestUpgradedFrom2GoesOn has an archive of format 2 meet what only the new format knows of.
func TestUpgradedFrom2GoesOn(t *testing.T) {
	db, err := bolt.Open(old(t, "v2.db.gz"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	saved, err := db.Save(t.Context(), store.Batch{
		Source:   feed.Source{URL: "https://4.example.org/feed"},
		Articles: []feed.Article{{Key: "1", GUID: "1", Title: "A third one"}, {Key: "2", GUID: "2", Title: "Two"}},
		Seen:     time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range []bool{true, false} {
		if a, err := db.Article(t.Context(), saved[0].Added[n]); err != nil || a.Homonym != want {
			t.Errorf("%q is a homonym: %v, %v", a.Title, a.Homonym, err)
		}
	}
	if n, err := db.Release(t.Context(), 3); n != 80 || err != nil {
		t.Errorf("released %d, %v", n, err)
	}
	if err := db.Shelve(t.Context(), 1, feed.History{Wanted: true}, &store.Shelved{URL: "https://1.example.org/feed?paged=2"}); err != nil {
		t.Error(err)
	}
	if faults, err := db.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Errorf("check: %v, %q", err, faults)
	}
}
