package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// filled makes an archive with articles, and returns its folder.
func filled(t *testing.T, articles int) string {
	t.Helper()
	dir := t.TempDir()
	db, err := bolt.Open(filepath.Join(dir, "archive.db"), &bolt.Options{Raw: filepath.Join(dir, "raw"), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	b := store.Batch{Source: feed.Source{URL: "https://example.org/feed"}, Seen: time.Unix(1_700_000_000, 0)}
	for i := range articles {
		b.Articles = append(b.Articles, feed.Article{Key: fmt.Sprint("urn:example:", i), Title: fmt.Sprint("Number ", i+1), Tags: []feed.Tag{{Term: "ads"}}})
	}
	if _, err := db.Save(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// typed runs a command line at a terminal, at which somebody types.
func typed(t *testing.T, dir, typed string, args ...string) (out, err string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), append([]string{"--data", dir}, args...), &env{
		Stdin: strings.NewReader(typed), Stdout: &stdout, Stderr: &stderr, Dir: dir, Getenv: func(string) string { return "" },
		Terminal: true, Width: 80,
	})
	return stdout.String(), stderr.String(), code
}

func TestForgetAsksTwice(t *testing.T) {
	dir := filled(t, 450)
	for _, no := range []string{"", "n\n", "\n", "y\n", "y\n449\n", "yes\nyes\n", "450\n"} {
		_, asked, code := typed(t, dir, no, "forget", "--tag", "ads")
		if code != exitUsage || !strings.Contains(asked, "nothing is changed") {
			t.Errorf("typed %q: %d, %s", no, code, asked)
		}
	}
	if out, _, _ := typed(t, dir, "", "forget", "--list"); out != "nothing is forgotten\n" {
		t.Fatalf("forgotten all the same: %s", out)
	}
	out, asked, code := typed(t, dir, "y\n450\n", "forget", "--tag", "ads")
	if code != exitOK || !strings.HasSuffix(out, "450 articles forgotten\n") {
		t.Fatalf("%d: %s, %s", code, out, asked)
	}
	if !strings.Contains(asked, "450 articles would be forgotten under the tag \"ads\"\n") || strings.Count(asked, "Number ") != fewHeadlines {
		t.Errorf("asked: %s", asked)
	}
	out, _, _ = typed(t, dir, "", "forget", "--list")
	if n := strings.Count(out, "\n"); n != 451 {
		t.Errorf("%d lines", n)
	}
	// Of one it is asked once.
	if out, _, code := typed(t, dir, "", "forget", "--undo", "--tag", "ads"); code != exitOK || !strings.HasSuffix(out, "450 articles brought back\n") {
		t.Errorf("undo: %d, %s", code, out)
	}
	if out, _, code := typed(t, dir, "y\n", "forget", "7"); code != exitOK || out != "article 7 forgotten: Number 7\n" {
		t.Errorf("one: %d, %s", code, out)
	}
}
