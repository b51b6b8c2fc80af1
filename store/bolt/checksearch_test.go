package bolt_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// TestCheckMeetsAHugeNumber flips the highest bits of the numbers in the feeds' logs, that of a saved search
// among them: check must say so, and not make a set as large as the number.
func TestCheckMeetsAHugeNumber(t *testing.T) {
	dir := t.TempDir()
	d := grown(t, dir, 20)
	if _, err := d.Define(t.Context(), store.Definition{Name: "Some", Query: "article"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "archive.db")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("feed-log"))
		k, v := b.Cursor().Last() // the search's feed came last
		v = bytes.Clone(v)
		v[0] ^= 0x80
		return b.Put(bytes.Clone(k), v)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = bolt.Open(path, nil); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	faults, err := d.Check(t.Context())
	if err != nil || !strings.Contains(strings.Join(faults, "\n"), "its log has revision 9223372036854775") {
		t.Errorf("%q, %v", faults, err)
	}
}
