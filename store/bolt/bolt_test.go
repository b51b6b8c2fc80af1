package bolt_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
	"github.com/backissue/backissue/store/storetest"
)

func open(tb testing.TB, dir string) store.Store {
	tb.Helper()
	db, err := bolt.Open(filepath.Join(dir, "archive.db"), nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

func TestPromises(t *testing.T) { storetest.Run(t, open) }

func TestOpenInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "archive.db")
	first, err := bolt.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Open(path, nil); !errors.Is(err, store.ErrInUse) {
		t.Errorf("second open: %v, want ErrInUse", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := bolt.Open(path, nil)
	if err != nil {
		t.Fatalf("after the first was closed: %v", err)
	}
	again.Close()
}

func TestOpenRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		write func(path string) error
		want  error
	}{
		"a text file":              {func(p string) error { return os.WriteFile(p, []byte("hello, archive"), 0o600) }, store.ErrDamaged},
		"another program's bbolt":  {func(p string) error { return otherBolt(p, "theirs", "", nil) }, store.ErrDamaged},
		"a newer format":           {func(p string) error { return otherBolt(p, "meta", "format", []byte{0, 0, 0, 99}) }, store.ErrTooNew},
		"a format that is no more": {func(p string) error { return otherBolt(p, "meta", "format", nil) }, store.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "archive.db")
			if err := test.write(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)
			if _, err := bolt.Open(path, nil); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("the file that was refused has changed")
			}
		})
	}
}

func otherBolt(path, bucket, key string, value []byte) error {
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte(bucket))
		if err != nil || key == "" {
			return err
		}
		return b.Put([]byte(key), value)
	})
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(tb testing.TB, dir string) store.Store {
		db, err := bolt.Open(filepath.Join(dir, "archive.db"), &bolt.Options{NoSync: true})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { db.Close() })
		return db
	})
}
