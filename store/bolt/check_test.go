package bolt_test

import (
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// TestCheckFindsDamage takes the first entry of a bucket away, or flips a bit in it, and expects to be
// told.
func TestCheckFindsDamage(t *testing.T) {
	for _, bucket := range []string{"feed-seal", "about", "shelf", "feed-touch", "key", "revision", "twins", "change", "window"} {
		for name, damage := range map[string]func(b *bbolt.Bucket, k, v []byte) error{
			"lost":    func(b *bbolt.Bucket, k, _ []byte) error { return b.Delete(k) },
			"flipped": func(b *bbolt.Bucket, k, v []byte) error { return b.Put(k, append([]byte{v[0] ^ 1}, v[1:]...)) },
			"added":   func(b *bbolt.Bucket, k, v []byte) error { return b.Put(append([]byte{0xff}, k[1:]...), v) },
		} {
			valueless := bucket == "revision" || bucket == "twins"
			if valueless && name == "flipped" || bucket == "window" && name != "flipped" {
				continue // there is nothing to flip, or nothing that another record needs
			}
			t.Run(bucket+" "+name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "archive.db")
				whole(t, path)
				raw, err := bbolt.Open(path, 0o600, nil)
				if err != nil {
					t.Fatal(err)
				}
				err = raw.Update(func(tx *bbolt.Tx) error {
					b := tx.Bucket([]byte(bucket))
					k, v := b.Cursor().First()
					return damage(b, append([]byte{}, k...), append([]byte{}, v...))
				})
				if err != nil {
					t.Fatal(err)
				}
				raw.Close()
				db, err := bolt.Open(path, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				if faults, err := db.Check(t.Context()); err != nil || len(faults) == 0 {
					t.Errorf("no fault is found: %v", err)
				}
			})
		}
	}
}

// whole writes an archive that is whole, with something in every bucket.
func whole(t *testing.T, path string) {
	t.Helper()
	db, err := bolt.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	a := feed.Article{Key: "urn:example:1", GUID: "urn:example:1", Link: "https://example.org/1", Title: "One", Published: at}
	for n, source := range []string{"one", "two", "one", "one"} {
		s := feed.Source{URL: "https://" + source + ".example/feed"}
		s.Fetch.Checked = at
		if n == 2 {
			a.Title = "Edited"
		}
		if _, err := db.Save(t.Context(), store.Batch{Source: s, Articles: []feed.Article{a}, Seen: at, Whole: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Shelve(t.Context(), 1, feed.History{}, &store.Shelved{URL: "https://one.example/feed?2", Body: []byte("<feed/>")}); err != nil {
		t.Fatal(err)
	}
	if faults, err := db.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Fatalf("the whole archive has faults: %v, %q", err, faults)
	}
}
