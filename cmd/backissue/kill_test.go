package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

var kills = flag.Int("kills", 10, "how often TestKilledImport kills an import, and TestKilled all its verbs together")

// TestKilledImport kills imports at random moments and looks at what is left: every archive must
// pass its check, and once the import has been finished hold the very same articles, under the same
// numbers, as one that nobody disturbed.
func TestKilledImport(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it makes an archive dozens of times")
	}
	const articles = 2000
	bin, err := exec.LookPath("backissue")
	if err != nil {
		t.Fatal(err) // TestMain puts it there
	}
	in := t.TempDir()
	makeArticles(t, in, articles)
	importInto := func(dir string) *exec.Cmd {
		return exec.Command(bin, "import", "--quiet", "--data", dir, in)
	}

	calm := t.TempDir()
	began := time.Now()
	if out, err := importInto(calm).CombinedOutput(); err != nil {
		t.Fatalf("undisturbed import: %v\n%s", err, out)
	}
	whole := time.Since(began)
	want := contents(t, calm)
	if len(want) != articles {
		t.Fatalf("the undisturbed archive holds %d articles", len(want))
	}

	killed, finished := 0, 0
	for dir := t.TempDir(); killed < *kills; {
		cmd := importInto(dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(rand.Int64N(int64(whole))), func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		var exit *exec.ExitError
		switch {
		case err == nil: // it was faster; so look at the result and begin anew
			finished++
			if diff := cmp.Diff(want, contents(t, dir)); diff != "" {
				t.Fatalf("after %d kills (-undisturbed +killed):\n%s", killed, diff)
			}
			dir = t.TempDir()
		case errors.As(err, &exit) && exit.ExitCode() == -1:
			killed++
			got := contents(t, dir)
			if len(got) > len(want) {
				t.Fatalf("after kill %d: %d articles of %d", killed, len(got), len(want))
			}
			if diff := cmp.Diff(want[:len(got):len(got)], got); len(got) > 0 && diff != "" {
				t.Fatalf("after kill %d:\n%s", killed, diff)
			}
		default:
			t.Fatalf("after %d kills the import failed: %v", killed, err)
		}
	}
	t.Logf("%d kills, %d imports finished in spite of them; undisturbed: %v", killed, finished, whole)
}

// makeArticles writes so many articles in the text layout to a folder.
func makeArticles(t *testing.T, dir string, n int) {
	t.Helper()
	for i := range n {
		text := fmt.Sprintf("# The Slow Reader -- Topic %d: Article number %d\n\n> Teaser %d.\n\nSome text of article %d.\n\nAnd some more.\n\n%d May %d\n\n## AUTHORS\n\nAuthor %d\n\n## TAGS\n\nTag %d\nTag %d\n",
			i%7, i, i, i, i%28+1, 1990+i%30, i%11, i%50, 50+i%13)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.txt", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// contents opens an archive, has it checked, and returns its log without the times of arrival.
func contents(t *testing.T, dir string) []feed.Article {
	t.Helper()
	return logged(t, dir, true)
}

// logged returns the log of an archive, checked or not.
func logged(t *testing.T, dir string, check bool) []feed.Article {
	t.Helper()
	path := filepath.Join(dir, "archive.db")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil // killed before it began
	}
	db, err := bolt.Open(path, &bolt.Options{Raw: filepath.Join(dir, "raw")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if check {
		if faults, err := db.Check(context.Background()); err != nil || len(faults) > 0 {
			t.Fatalf("check: %v, %q", err, faults)
		}
	}
	log, err := db.Log(context.Background(), store.Ref{Kind: store.All}, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for i := range log {
		log[i].Arrived, log[i].Seen = time.Time{}, time.Time{}
	}
	return log
}
