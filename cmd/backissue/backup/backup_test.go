package backup_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/cmd/backissue/backup"
	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, dir string) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(filepath.Join(dir, "archive.db"), &bolt.Options{Raw: filepath.Join(dir, "raw")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// save has a visit bring an article of this number, from a body of its own.
func save(t *testing.T, db *bolt.DB, n int, text string) {
	t.Helper()
	_, err := db.Save(t.Context(), store.Batch{
		Source:   feed.Source{URL: "https://example.org/feed"},
		Articles: []feed.Article{{Key: fmt.Sprint(n), GUID: fmt.Sprint(n), Title: text}},
		Seen:     noon,
		Capture:  &store.Capture{URL: "https://example.org/feed", At: noon, Status: 200, Body: []byte(text + fmt.Sprint(n))},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func back(t *testing.T, db *bolt.DB, dir, to string, after time.Duration) (backup.Manifest, int64) {
	t.Helper()
	m, copied, faults, err := backup.Make(t.Context(), db, filepath.Join(dir, "raw"), to, noon.Add(after))
	if err != nil || len(faults) > 0 {
		t.Fatalf("%v, %q", err, faults)
	}
	return m, copied
}

func TestThereAndBack(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	db := open(t, dir)
	long := strings.Repeat("a long text that does not pack well: 3.14159 ", 20)
	for n := range 30 {
		save(t, db, n, long)
	}
	first, _ := back(t, db, dir, to, 0)
	save(t, db, 30, "Another")
	second, copied := back(t, db, dir, to, time.Hour)
	if fresh := copied - second.Archive.Bytes; fresh <= 0 || fresh >= second.Raw[0].Bytes/2 {
		t.Errorf("%d bytes of what was received were copied again, of %d", fresh, second.Raw[0].Bytes)
	}
	if err := os.Mkdir(filepath.Join(to, noon.Add(2*time.Hour).Format(backup.Layout)), 0o700); err != nil { // cut off
		t.Fatal(err)
	}
	if list, err := backup.List(to); err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
	for _, m := range []backup.Manifest{first, second} {
		there := t.TempDir()
		found, err := backup.Find(to, m.Name)
		if err != nil {
			t.Fatal(err)
		}
		if faults, err := backup.Restore(t.Context(), to, found, there); err != nil || len(faults) > 0 {
			t.Fatalf("%v, %q", err, faults)
		}
		if stats, err := open(t, there).Stats(t.Context()); err != nil || stats.Articles != m.Articles || stats.Sequence != m.Sequence {
			t.Errorf("%+v, %v, want %+v", stats, err, m)
		}
		if _, err := backup.Restore(t.Context(), to, m, there); err == nil {
			t.Error("an archive was written over")
		}
	}
	if _, err := backup.Find(to, "yesterday"); !errors.Is(err, backup.ErrNone) {
		t.Errorf("found %v", err)
	}
	if n, err := backup.Keep(to, 1); n != 1 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if m, err := backup.Find(to, ""); err != nil || m.Name != second.Name {
		t.Errorf("the newest is %s, %v", m.Name, err)
	}
}

// What is made last is the newest, whatever the clock says; and what a power cut leaves of one backup is in
// nobody's way.
func TestWhatMachinesDo(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	db := open(t, dir)
	save(t, db, 1, "One")
	back(t, db, dir, to, 365*24*time.Hour)
	save(t, db, 2, "Two")
	second, _ := back(t, db, dir, to, 0)
	if m, err := backup.Find(to, ""); err != nil || m.Name != second.Name || m.Articles != 2 {
		t.Errorf("the newest is %+v, %v, want %+v", m, err, second)
	}
	part := filepath.Join(to, noon.Format(backup.Layout)+".part")
	raw := filepath.Join(to, "raw", second.Raw[0].Name)
	f, err := os.OpenFile(raw, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.Write(make([]byte, 300)) // a length that came to the disk without what was written
		err = errors.Join(err, f.Close(), os.Mkdir(part, 0o700))
	}
	if err != nil {
		t.Fatal(err)
	}
	save(t, db, 3, "Three")
	third, _ := back(t, db, dir, to, 0)
	if n, err := backup.Keep(to, 1); n != 2 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if _, err := os.Stat(part); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was cut off is still there: %v", err)
	}
	there := t.TempDir()
	if err := os.MkdirAll(filepath.Join(there, "raw.part"), 0o700); err != nil { // of a restore that was killed
		t.Fatal(err)
	}
	if faults, err := backup.Restore(t.Context(), to, third, there); err != nil || len(faults) > 0 {
		t.Fatalf("%v, %q", err, faults)
	}
	if stats, err := open(t, there).Stats(t.Context()); err != nil || stats.Articles != 3 {
		t.Errorf("%+v, %v", stats, err)
	}
}

// An archive that was brought back, and went on otherwise, does not spoil the backups of the other way.
func TestAnotherWay(t *testing.T) {
	dir, to, there := t.TempDir(), t.TempDir(), t.TempDir()
	db := open(t, dir)
	save(t, db, 1, "One")
	first, _ := back(t, db, dir, to, 0)
	save(t, db, 2, "Two")
	back(t, db, dir, to, time.Hour)
	if faults, err := backup.Restore(t.Context(), to, first, there); err != nil || len(faults) > 0 {
		t.Fatalf("%v, %q", err, faults)
	}
	other := open(t, there)
	for n := range 40 {
		save(t, other, 10+n, "Something else")
	}
	_, _, _, err := backup.Make(t.Context(), other, filepath.Join(there, "raw"), to, noon.Add(2*time.Hour))
	if !errors.Is(err, backup.ErrOther) {
		t.Errorf("got %v", err)
	}
	if list, err := backup.List(to); err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestSpoiled(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	db := open(t, dir)
	save(t, db, 1, "One")
	m, _ := back(t, db, dir, to, 0)
	for _, name := range []string{filepath.Join(m.Name, "archive.db"), filepath.Join("raw", m.Raw[0].Name)} {
		path := filepath.Join(to, name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		spoiled := append([]byte(nil), data...)
		spoiled[len(spoiled)/2] ^= 4
		if err := os.WriteFile(path, spoiled, 0o600); err != nil {
			t.Fatal(err)
		}
		there := t.TempDir()
		if faults, err := backup.Restore(t.Context(), to, m, there); err == nil && len(faults) == 0 {
			t.Errorf("%s: restored all the same", name)
		}
		if _, err := os.Stat(filepath.Join(there, "archive.db")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: there is an archive, %v", name, err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, _, _, err := backup.Make(ctx, db, filepath.Join(dir, "raw"), to, noon.Add(time.Hour)); !errors.Is(err, context.Canceled) {
		t.Errorf("cut off: %v", err)
	}
	if entries, err := os.ReadDir(to); err != nil || len(entries) != 2 {
		t.Errorf("cut off, it left %v, %v", entries, err)
	}
}
