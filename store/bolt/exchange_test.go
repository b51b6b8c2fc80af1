package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
	"github.com/backissue/backissue/store/exchange"
	"github.com/backissue/backissue/store/storetest"
)

// openExported opens an archive, and at the end of the test expects that what it has become goes through an
// export unchanged.
func openExported(tb testing.TB, dir string) store.Store {
	tb.Helper()
	path := filepath.Join(dir, "archive.db")
	db, err := bolt.Open(path, &bolt.Options{NoSync: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
		roundTrip(tb, path)
	})
	return db
}

func roundTrip(tb testing.TB, path string) {
	tb.Helper()
	again := filepath.Join(tb.TempDir(), "again.db")
	first := exported(tb, path, true)
	if err := bolt.Import(context.Background(), again, bytes.NewReader(first)); err != nil {
		tb.Error(err)
		return
	}
	diff, err := bolt.Imported(again, path)
	if err != nil || len(diff) > 0 {
		tb.Errorf("imported, %d pairs are others, %v: %q", len(diff), err, diff[:min(len(diff), 10)])
	}
	if second := exported(tb, again, true); !bytes.Equal(first, second) {
		tb.Errorf("the export of what was imported is another one: %s", firstDifference(first, second))
	}
}

// firstDifference returns the first lines in which two exports differ.
func firstDifference(a, b []byte) string {
	as, bs := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range min(len(as), len(bs)) {
		if !bytes.Equal(as[i], bs[i]) {
			return fmt.Sprintf("line %d:\n%.2000s\n%.2000s", i+1, as[i], bs[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(as), len(bs))
}

func exported(tb testing.TB, path string, secrets bool) []byte {
	tb.Helper()
	db, err := bolt.Open(path, &bolt.Options{NoSync: true})
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	var out bytes.Buffer
	if err := db.Export(context.Background(), &out, secrets, nil); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// TestPromisesOfAnExport has every promise kept by archives that then go through an export.
func TestPromisesOfAnExport(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: TestPromises has the same archives, and one goroutine exports them")
	}
	storetest.Run(t, openExported)
}

// smallArchive returns the path of an archive with an article that was edited, text that is no UTF-8, and a
// source with secrets.
func smallArchive(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "archive.db")
	db, err := bolt.Open(path, &bolt.Options{NoSync: true})
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	ctx, at := context.Background(), time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	source := feed.Source{URL: "https://reader:hush@example.org/feed", Title: "Example", Subscribed: true, Tags: []string{"news"}}
	source.Access = feed.Access{Bearer: "sesame", Headers: []feed.Header{{Name: "X-Key", Value: "sesame"}}}
	if _, err := db.Subscribe(ctx, source); err != nil {
		tb.Fatal(err)
	}
	for i, title := range []string{"One", "One, edited", "bad \xff byte and \ufffd and \\ufffd"} {
		articles := feed.Identify([]feed.Article{{GUID: "1", Title: title, Content: "<p>text</p>"}, {GUID: "2", Title: "Two"}}, "", feed.PolicyAuto)
		b := store.Batch{Source: source, Seen: at.Add(time.Duration(i) * time.Hour), Articles: articles}
		b.Source.Fetch.Checked = b.Seen
		saved, err := db.Save(ctx, b)
		if err != nil || saved[0].Err != nil {
			tb.Fatal(err, saved)
		}
	}
	return path
}

func TestExportSaysBytesThatAreNoText(t *testing.T) {
	path := smallArchive(t)
	if out := exported(t, path, true); !bytes.Contains(out, []byte(`"exact":["`)) {
		t.Error("nothing is said exactly")
	}
	roundTrip(t, path)
}

func TestExportLeavesSecretsOut(t *testing.T) {
	out := exported(t, smallArchive(t), false)
	for _, secret := range []string{"sesame", "hush"} {
		if bytes.Contains(out, []byte(secret)) {
			t.Errorf("%q is in the export", secret)
		}
	}
	again := filepath.Join(t.TempDir(), "again.db")
	if err := bolt.Import(context.Background(), again, bytes.NewReader(out)); err != nil {
		t.Fatal(err)
	}
	if second := exported(t, again, true); !bytes.Equal(out, second) {
		t.Errorf("the export of what was imported is another one: %s", firstDifference(out, second))
	}
}

// TestImportRefuses cuts an export short at every line and in every line, and breaks it: nothing is left behind,
// and the error names the line.
func TestImportRefuses(t *testing.T) {
	out := exported(t, smallArchive(t), true)
	lines := bytes.SplitAfter(out, []byte("\n"))
	lines = lines[:len(lines)-1]
	bad := map[string][]byte{"nothing": nil, "no export": []byte("hello\n"), "something behind it": append(bytes.Clone(out), "x\n"...)}
	for i := range lines {
		before, line, after := bytes.Join(lines[:i], nil), lines[i], bytes.Join(lines[i+1:], nil)
		bad["cut before a line"] = before
		bad["cut in a line"] = append(bytes.Clone(before), line[:len(line)/2]...)
		bad["without a line"] = append(bytes.Clone(before), after...)
		bad["with a line twice"] = bytes.Join([][]byte{before, line, line, after}, nil)
		bad["with a broken line"] = bytes.Join([][]byte{before, line[:len(line)/2], []byte("\n"), after}, nil)
		for name, data := range bad {
			dir := t.TempDir()
			err := bolt.Import(context.Background(), filepath.Join(dir, "archive.db"), bytes.NewReader(data))
			if err == nil || !strings.Contains(err.Error(), "line ") && !strings.Contains(err.Error(), "revision") {
				t.Errorf("%s %d: %v", name, i+1, err)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%s %d: %v is left behind", name, i+1, left)
			}
		}
	}
	err := bolt.Import(context.Background(), filepath.Join(t.TempDir(), "a.db"), bytes.NewReader(lines[0]))
	if !errors.Is(err, exchange.ErrCutShort) {
		t.Errorf("cut short: %v", err)
	}
}
