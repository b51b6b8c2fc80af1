package bolt_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// TestBlank compares with what bbolt writes.
func TestBlank(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: bolt.PageSize})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	is, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(is, bolt.Blank()) {
		t.Error("a new file is another one")
	}
}

// TestNeverFinished opens what a power cut may leave of a file that is being made.
func TestNeverFinished(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	whole := bolt.Blank()
	for n := range 200 {
		left := bytes.Clone(whole[:r.IntN(len(whole)+1)])
		for at := 0; at < len(left); at += 512 {
			if r.IntN(3) == 0 {
				clear(left[at:min(at+512, len(left))])
			}
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "archive.db")
		if err := os.WriteFile(path, left, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := bolt.Open(path, &bolt.Options{Raw: filepath.Join(dir, "raw"), NoSync: true})
		if err != nil {
			t.Fatalf("%d bytes, case %d: %v", len(left), n, err)
		}
		if faults, err := db.Check(t.Context()); err != nil || len(faults) > 0 {
			t.Errorf("case %d: %v, %q", n, err, faults)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestCutShortIsNotNew has an archive that was cut short refused, however little is left of it.
func TestCutShortIsNotNew(t *testing.T) {
	path := smallArchive(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{100, bolt.PageSize, 2 * bolt.PageSize, 4 * bolt.PageSize} {
		if err := os.WriteFile(path, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		switch db, err := bolt.Open(path, nil); {
		case err == nil:
			t.Errorf("%d bytes of %d are opened", size, len(whole))
			db.Close()
		case !errors.Is(err, store.ErrDamaged):
			t.Errorf("%d bytes: %v", size, err)
		}
		if left, err := os.ReadFile(path); err != nil || len(left) != size {
			t.Errorf("%d bytes of %d are left: %v", len(left), size, err)
		}
	}
}
