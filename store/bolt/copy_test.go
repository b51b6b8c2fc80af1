package bolt_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// grown makes an archive with so many articles in a folder, the half of them with what they were read from.
func grown(t *testing.T, dir string, articles int) *bolt.DB {
	t.Helper()
	d, err := bolt.Open(filepath.Join(dir, "archive.db"), &bolt.Options{Raw: filepath.Join(dir, "raw"), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	saveSome(t, d, 0, articles)
	return d
}

func saveSome(t *testing.T, d *bolt.DB, from, to int) {
	t.Helper()
	for at := from; at < to; at += 20 {
		b := store.Batch{Source: feed.Source{URL: "https://example.org/feed"}, Seen: time.Unix(1_700_000_000+int64(at), 0)}
		for i := at; i < min(at+20, to); i++ {
			b.Articles = append(b.Articles, feed.Article{
				Key: fmt.Sprintf("urn:example:%d", i), Title: fmt.Sprintf("Article %d", i), Content: strings.Repeat(fmt.Sprintf("<p>Text %d.</p>", i), 30),
				Tags: []feed.Tag{{Label: fmt.Sprintf("tag %d", i%7)}}, Published: time.Unix(1_600_000_000+int64(i)*3600, 0),
			})
		}
		b.Capture = &store.Capture{URL: b.Source.URL, At: b.Seen, Status: 200, Body: fmt.Appendf(nil, "<rss>%d</rss>", at)}
		saved, err := d.Save(t.Context(), b)
		if err = errors.Join(err, saved[0].Err); err != nil {
			t.Fatal(err)
		}
	}
}

func sound(t *testing.T, d *bolt.DB) {
	t.Helper()
	if faults, err := d.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Fatalf("check: %v, %q", err, faults)
	}
}

func TestCopyWhileOthersWrite(t *testing.T) {
	dir := t.TempDir()
	d := grown(t, dir, 100)
	var writing sync.WaitGroup
	writing.Go(func() { saveSome(t, d, 100, 600) })
	for i := range 5 {
		to := t.TempDir()
		segments, err := d.CopyTo(t.Context(), filepath.Join(to, "archive.db"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(to, "raw"), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, s := range segments {
			raw, err := os.ReadFile(filepath.Join(dir, "raw", s.Name))
			if err == nil {
				err = os.WriteFile(filepath.Join(to, "raw", s.Name), raw[:s.Bytes], 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		c, err := bolt.Open(filepath.Join(to, "archive.db"), &bolt.Options{Raw: filepath.Join(to, "raw"), ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		sound(t, c)
		if stats, err := c.Stats(t.Context()); err != nil || stats.Articles < 100 {
			t.Errorf("copy %d: %v, %+v", i, err, stats)
		}
		if err := errors.Join(c.Close()); err != nil {
			t.Error(err)
		}
	}
	writing.Wait()
}

func TestCopyIsCutOff(t *testing.T) {
	d := grown(t, t.TempDir(), 20)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(t.TempDir(), "copy.db")
	if _, err := d.CopyTo(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it left something behind: %v", err)
	}
}

func TestOpenReadOnly(t *testing.T) {
	dir := t.TempDir()
	d := grown(t, dir, 40)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "archive.db")
	d, err := bolt.Open(path, &bolt.Options{Raw: filepath.Join(dir, "raw"), ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	sound(t, d)
	if _, err := d.Save(t.Context(), store.Batch{Source: feed.Source{URL: "https://example.org/other"}}); !errors.Is(err, bolt.ErrReadOnly) {
		t.Errorf("save: %v", err)
	}
	if err := d.Withdraw(t.Context(), 1); !errors.Is(err, bolt.ErrReadOnly) {
		t.Errorf("withdraw: %v", err)
	}
	if err := bolt.InUse(path); !errors.Is(err, store.ErrInUse) {
		t.Errorf("in use: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if err := bolt.InUse(path); err != nil {
		t.Errorf("not in use: %v", err)
	}
}

// TestDamagedFiles opens what machines leave behind: it is refused in words that say what is wrong, never made
// worse, and read where something can be read.
func TestDamagedFiles(t *testing.T) {
	made := t.TempDir()
	if err := grown(t, made, 200).Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(made, "archive.db"))
	if err != nil {
		t.Fatal(err)
	}
	const page = 8192
	for _, test := range []struct {
		name   string
		damage func(t *testing.T, path string, b []byte)
		says   string
		reads  bool // some of it can be read
	}{
		{"cut short by half", func(t *testing.T, path string, b []byte) { write(t, path, b[:newestEnd(b)/2]) }, "it is cut short", true},
		{"cut short by a byte", func(t *testing.T, path string, b []byte) { write(t, path, b[:newestEnd(b)-1]) }, "it is cut short", true},
		{"two pages left", func(t *testing.T, path string, b []byte) { write(t, path, b[:2*page]) }, "it is cut short", true},
		{"a hundred bytes left", func(t *testing.T, path string, b []byte) { write(t, path, b[:100]) }, "the archive is damaged", false},
		{"empty", func(t *testing.T, path string, b []byte) { write(t, path, nil) }, "it is empty", false},
		{"not there", func(t *testing.T, path string, b []byte) { _ = os.Remove(path) }, "it is not there", false},
		{"both metas zeroed", func(t *testing.T, path string, b []byte) { write(t, path, append(make([]byte, 2*page), b[2*page:]...)) }, "the archive is damaged", false},
		{"all zeroes", func(t *testing.T, path string, b []byte) { write(t, path, make([]byte, len(b))) }, "the archive is damaged", false},
		{"another file", func(t *testing.T, path string, b []byte) {
			write(t, path, []byte(strings.Repeat("something else ", 3000)))
		}, "the archive is damaged", false},
		{"a folder", func(t *testing.T, path string, b []byte) {
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		}, "it is a folder, not a file", false},
		{"the list of free pages torn", func(t *testing.T, path string, b []byte) {
			at := binary.NativeEndian.Uint64(b[newestMeta(b)*page+16+32:]) * page
			write(t, path, append(append(b[:at:at], make([]byte, page)...), b[at+page:]...))
		}, "the archive is damaged", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(made)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "archive.db")
			test.damage(t, path, whole)
			before, _ := os.ReadFile(path)
			for range 2 { // what was done at the first try must not make the second one succeed
				d, err := bolt.Open(path, &bolt.Options{Raw: filepath.Join(dir, "raw")})
				if err == nil {
					_ = d.Close()
				}
				if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "runtime") {
					t.Errorf("opened with: %v", err)
				}
			}
			d, err := bolt.Open(path, &bolt.Options{Raw: filepath.Join(dir, "raw"), ReadOnly: true})
			if err == nil {
				_, err = d.Stats(t.Context())
				if faults, err := d.Check(t.Context()); len(faults) == 0 && err == nil && !strings.Contains(test.name, "a byte") {
					t.Errorf("no fault is found")
				} else if strings.Contains(fmt.Sprint(faults, err), "runtime") {
					t.Errorf("%q, %v", faults, err)
				}
				_ = d.Close()
			}
			if err != nil && !errors.Is(err, store.ErrDamaged) || test.reads && err != nil && test.name != "two pages left" && test.name != "cut short by half" {
				t.Errorf("read with: %v", err)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Errorf("it was changed")
			}
			if test.name == "a folder" {
				return
			}
			_ = os.Remove(path)
			if err := bolt.Rebuild(t.Context(), filepath.Join(dir, "raw"), path, nil); err != nil {
				t.Fatal(err)
			}
			if d, err = bolt.Open(path, &bolt.Options{Raw: filepath.Join(dir, "raw")}); err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			sound(t, d)
			if s, err := d.Stats(t.Context()); err != nil || s.Articles != 200 {
				t.Errorf("rebuilt: %v, %+v", err, s)
			}
		})
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// newestMeta is the page, 0 or 1, with the newer of the two heads of a file.
func newestMeta(b []byte) int {
	if binary.NativeEndian.Uint64(b[16+48:]) > binary.NativeEndian.Uint64(b[8192+16+48:]) {
		return 0
	}
	return 1
}

// newestEnd is how long a file says that it is.
func newestEnd(b []byte) int {
	return int(binary.NativeEndian.Uint64(b[newestMeta(b)*8192+16+40:])) * 8192
}
