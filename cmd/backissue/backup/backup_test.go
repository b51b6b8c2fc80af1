package backup_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
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
	db, err := bolt.Open(filepath.Join(dir, "archive.db"), &bolt.Options{Raw: filepath.Join(dir, "raw"), NoSync: true})
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
		Articles: []feed.Article{{Key: fmt.Sprint(n), GUID: fmt.Sprint(n), Title: text[:min(len(text), 100)]}},
		Seen:     noon,
		Capture:  &store.Capture{URL: "https://example.org/feed", At: noon, Status: 200, Body: []byte(text + fmt.Sprint(n))},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// shelf is a place for backups whose files can be got at.
type shelf struct {
	*backup.Place
	files func(t *testing.T) map[string][]byte
	write func(t *testing.T, name string, data []byte)
}

// inFolder keeps backups in a folder.
func inFolder(t *testing.T) shelf {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "backups")
	place, err := backup.At(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return shelf{
		Place: place,
		files: func(t *testing.T) map[string][]byte {
			t.Helper()
			files := make(map[string][]byte)
			err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					name, _ := filepath.Rel(dir, path)
					files[filepath.ToSlash(name)], err = os.ReadFile(path)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return files
		},
		write: func(t *testing.T, name string, data []byte) {
			t.Helper()
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600)); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// places runs a test in every kind of place.
func places(t *testing.T, test func(t *testing.T, to shelf)) {
	t.Helper()
	t.Run("folder", func(t *testing.T) { test(t, inFolder(t)) })
	t.Run("S3", func(t *testing.T) { test(t, inBucket(t)) })
}

func (s shelf) make(t *testing.T, db *bolt.DB, dir string, after time.Duration) (backup.Manifest, int64) {
	t.Helper()
	m, stored, faults, err := s.Make(t.Context(), db, dir, noon.Add(after))
	if err != nil || len(faults) > 0 {
		t.Fatalf("%v, %q", err, faults)
	}
	return m, stored
}

// restore brings a backup back and looks at it.
func (s shelf) restore(t *testing.T, m backup.Manifest) (dir string, db *bolt.DB) {
	t.Helper()
	dir = t.TempDir()
	if faults, err := s.Bring(t.Context(), m, dir); err != nil || len(faults) > 0 {
		t.Fatalf("%v, %q", err, faults)
	}
	if err := backup.Settle(dir); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("there is %v, %v", entries, err)
	}
	db = open(t, dir)
	if stats, err := db.Stats(t.Context()); err != nil || stats.Articles != m.Articles || stats.Sequence != m.Sequence {
		t.Errorf("%+v, %v, want %+v", stats, err, m)
	}
	return dir, db
}

// names returns the names of backups.
func (s shelf) names(t *testing.T) (names []string) {
	t.Helper()
	list, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		names = append(names, m.Name)
	}
	return names
}

// nothingElse makes sure that there is nothing but these backups.
func (s shelf) nothingElse(t *testing.T, all ...backup.Manifest) {
	t.Helper()
	need := make(map[string]int64)
	for _, m := range all {
		for _, f := range m.Raw {
			need[f.Name] = max(need[f.Name], f.Bytes)
		}
	}
	got := make(map[string]int64)
	for name, data := range s.files(t) {
		folder, file := path.Split(name)
		if segment, _, _ := strings.Cut(file, ".gz"); folder == "raw/" {
			got[segment+".gz"] += int64(len(data))
			continue
		}
		if !slices.ContainsFunc(all, func(m backup.Manifest) bool { return m.Name+"/" == folder }) {
			t.Errorf("%s is there", name)
		}
	}
	for name, n := range got {
		if n != need[name] {
			t.Errorf("%s is %d bytes long, and %d are needed", name, n, need[name])
		}
	}
}

func TestThereAndBack(t *testing.T) {
	places(t, func(t *testing.T, to shelf) {
		dir := t.TempDir()
		db := open(t, dir)
		long := strings.Repeat("a long text that does not pack well: 3.14159 ", 20)
		for n := range 30 {
			save(t, db, n, long)
		}
		first, _ := to.make(t, db, dir, 0)
		save(t, db, 30, "Another")
		second, stored := to.make(t, db, dir, time.Hour)
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
			t.Errorf("beside the archive there is %v, %v", entries, err)
		}
		if fresh := stored - second.Archive.Bytes; fresh <= 0 || fresh >= second.Raw[0].Bytes/2 {
			t.Errorf("%d bytes of what was received were stored again, of %d", fresh, second.Raw[0].Bytes)
		}
		to.write(t, noon.Add(2*time.Hour).Format(backup.Layout)+"/archive.db", []byte("cut off"))
		if names := to.names(t); len(names) != 2 {
			t.Errorf("%q", names)
		}
		for _, m := range []backup.Manifest{first, second} {
			found, err := to.Find(t.Context(), m.Name)
			if err != nil {
				t.Fatal(err)
			}
			there, _ := to.restore(t, found)
			if err := backup.Settle(there); err == nil {
				t.Error("an archive was written over")
			}
		}
		if _, err := to.Find(t.Context(), "yesterday"); !errors.Is(err, backup.ErrNone) {
			t.Errorf("found %v", err)
		}
		if n, err := to.Keep(t.Context(), 1); n != 1 || err != nil {
			t.Errorf("removed %d, %v", n, err)
		}
		if m, err := to.Find(t.Context(), ""); err != nil || m.Name != second.Name {
			t.Errorf("the newest is %s, %v", m.Name, err)
		}
		to.nothingElse(t, second)
		to.restore(t, second)
	})
}

// What is made last is the newest, whatever the clock says; and what a power cut leaves of one backup is in
// nobody's way.
func TestWhatMachinesDo(t *testing.T) {
	places(t, func(t *testing.T, to shelf) {
		dir := t.TempDir()
		db := open(t, dir)
		save(t, db, 1, "One")
		to.make(t, db, dir, 365*24*time.Hour)
		save(t, db, 2, "Two")
		second, _ := to.make(t, db, dir, 0)
		if m, err := to.Find(t.Context(), ""); err != nil || m.Name != second.Name || m.Articles != 2 {
			t.Errorf("the newest is %+v, %v, want %+v", m, err, second)
		}
		for name, data := range to.files(t) {
			if strings.HasPrefix(name, "raw/") { // a length that came to the disk without what was written
				to.write(t, name, append(data, make([]byte, 300)...))
			}
		}
		to.write(t, noon.Format(backup.Layout)+".part/archive.db", []byte("cut off"))
		if err := os.MkdirAll(filepath.Join(dir, ".backup.part", "archive.db"), 0o700); err != nil { // by way of which S3 is
			t.Fatal(err)
		}
		save(t, db, 3, "Three")
		third, _ := to.make(t, db, dir, 0)
		if n, err := to.Keep(t.Context(), 1); n != 2 || err != nil {
			t.Errorf("removed %d, %v", n, err)
		}
		to.restore(t, third)
	})
}

// An archive that was brought back, and went on otherwise, does not spoil the backups of the other way; nor
// does another archive.
func TestAnotherWay(t *testing.T) {
	places(t, func(t *testing.T, to shelf) {
		dir := t.TempDir()
		db := open(t, dir)
		save(t, db, 1, "One")
		first, _ := to.make(t, db, dir, 0)
		save(t, db, 2, "Two")
		to.make(t, db, dir, time.Hour)
		there, other := to.restore(t, first)
		for n := range 40 {
			save(t, other, 10+n, "Something else")
		}
		stranger := t.TempDir()
		for dir, db := range map[string]*bolt.DB{there: other, stranger: open(t, stranger)} {
			if _, _, _, err := to.Make(t.Context(), db, dir, noon.Add(2*time.Hour)); !errors.Is(err, backup.ErrOther) {
				t.Errorf("got %v", err)
			}
		}
		if names := to.names(t); len(names) != 2 {
			t.Errorf("%q", names)
		}
	})
}

func TestSpoiled(t *testing.T) {
	places(t, func(t *testing.T, to shelf) {
		dir := t.TempDir()
		db := open(t, dir)
		save(t, db, 1, "One")
		m, _ := to.make(t, db, dir, 0)
		for name, data := range to.files(t) {
			if path.Base(name) == "manifest.json" {
				continue
			}
			for what, spoiled := range map[string][]byte{"flipped": slices.Clone(data), "short": data[:len(data)-1]} {
				spoiled[len(spoiled)/2] ^= 4
				to.write(t, name, spoiled)
				there := t.TempDir()
				if faults, err := to.Bring(t.Context(), m, there); err == nil && len(faults) == 0 {
					t.Errorf("%s, %s: it came back all the same", name, what)
				}
				if entries, err := os.ReadDir(there); err != nil || len(entries) > 0 {
					t.Errorf("%s, %s: there is %v, %v", name, what, entries, err)
				}
				if faults, err := to.Drill(t.Context(), m, there, func(backup.Step) {}); err == nil && len(faults) == 0 {
					t.Errorf("%s, %s: the drill found nothing", name, what)
				}
				copy(spoiled, data)
			}
			to.write(t, name, data)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if _, _, _, err := to.Make(ctx, db, dir, noon.Add(time.Hour)); !errors.Is(err, context.Canceled) {
			t.Errorf("cut off: %v", err)
		}
		to.nothingElse(t, m)
		for _, evil := range []string{`{"name":"x"}`, `{`, `{"name":"` + m.Name + `","raw":[{"name":"../../x.warc.gz"}]}`} {
			to.write(t, m.Name+"/manifest.json", []byte(evil))
			if _, err := to.List(t.Context()); err == nil {
				t.Errorf("%s was taken for a manifest", evil)
			}
		}
	})
}

// Whatever step it is killed at: what there was before is there, and the next one is as if nothing had been.
func TestKilledAtEachStep(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it makes dozens of backups")
	}
	places(t, func(t *testing.T, to shelf) {
		dir := t.TempDir()
		db := open(t, dir)
		save(t, db, 0, "The first")
		first, _ := to.make(t, db, dir, 0)
		all := []backup.Manifest{first}
		steps := 0
		for done := false; !done; steps++ {
			noise := make([]byte, 70<<10) // so that no more than one part is compared before another is added
			_, _ = rand.NewChaCha8([32]byte{byte(steps)}).Read(noise)
			save(t, db, 1+steps, hex.EncodeToString(noise))
			m, _, _, err := to.DieAfter(steps).Make(t.Context(), db, dir, noon)
			if done = err == nil; !done && !errors.Is(err, backup.ErrDied) {
				t.Fatalf("step %d: %v", steps, err)
			}
			if !done {
				if names := to.names(t); len(names) != len(all) {
					t.Fatalf("step %d: %q", steps, names)
				}
				to.restore(t, all[len(all)-1])
				m, _ = to.make(t, db, dir, 0)
			}
			to.nothingElse(t, append(all, m)...)
			if all = append(all, m); len(all) < 3 {
				continue
			}
			// Likewise where the oldest of three is removed.
			_, err = to.DieAfter(steps).Keep(t.Context(), 2)
			if err != nil && !errors.Is(err, backup.ErrDied) {
				t.Fatalf("step %d: %v", steps, err)
			}
			if names := to.names(t); len(names) < 2 {
				t.Fatalf("step %d: %q", steps, names)
			}
			if _, err := to.Keep(t.Context(), 2); err != nil {
				t.Fatal(err)
			}
			all = all[1:]
			to.nothingElse(t, all...)
		}
		if steps < 8 {
			t.Errorf("there were %d steps", steps)
		}
		to.restore(t, all[0])
		to.restore(t, all[1])
	})
}

// A restore that is killed between two steps says so, and is brought to its end by doing it again; but what has
// become somebody's archive is not touched.
func TestRestoreCutOff(t *testing.T) {
	to, dir := inFolder(t), t.TempDir()
	db := open(t, dir)
	save(t, db, 1, "One")
	m, _ := to.make(t, db, dir, 0)
	for _, between := range []string{"brought back", "WARC files in their place"} {
		there := t.TempDir()
		raw := filepath.Join(there, "raw")
		if backup.CutOff(there) || backup.Occupied(there) {
			t.Error("an empty folder is taken for more")
		}
		if faults, err := to.Bring(t.Context(), m, there); err != nil || len(faults) > 0 {
			t.Fatalf("%v, %q", err, faults)
		}
		if between != "brought back" {
			if err := os.Rename(filepath.Join(there, "restoring", "raw"), raw); err != nil {
				t.Fatal(err)
			}
			segment := filepath.Join(raw, m.Raw[0].Name)
			if err := os.Truncate(segment, m.Raw[0].Bytes+1); err != nil { // somebody has gone on with it
				t.Fatal(err)
			}
			if backup.CutOff(there) || !backup.Occupied(there) {
				t.Error("a journal that has grown is taken for what was brought back")
			}
			if err := os.Truncate(segment, m.Raw[0].Bytes); err != nil {
				t.Fatal(err)
			}
		}
		if !backup.CutOff(there) || backup.Occupied(there) {
			t.Errorf("%s: nobody sees that it was cut off", between)
		}
		if faults, err := to.Bring(t.Context(), m, there); err != nil || len(faults) > 0 {
			t.Fatalf("%v, %q", err, faults)
		}
		if err := backup.Settle(there); err != nil {
			t.Fatal(err)
		}
		if backup.CutOff(there) || !backup.Occupied(there) {
			t.Errorf("%s: it is not there", between)
		}
		open(t, there)
	}
}

func TestDrill(t *testing.T) {
	places(t, func(t *testing.T, to shelf) {
		dir, tmp := t.TempDir(), t.TempDir()
		db := open(t, dir)
		for n := range 5 {
			save(t, db, n, "One of five")
		}
		m, _ := to.make(t, db, dir, 0)
		var steps []string
		faults, err := to.Drill(t.Context(), m, tmp, func(s backup.Step) { steps = append(steps, s.Name) })
		if err != nil || len(faults) > 0 || len(steps) != 3 {
			t.Errorf("%v, %q after %q", err, faults, steps)
		}
		if entries, err := os.ReadDir(tmp); err != nil || len(entries) > 0 {
			t.Errorf("it left %v, %v", entries, err)
		}
	})
}
