package bolt_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// begun is when the archives of these tests begin.
var begun = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// received is what a visit brings that comes with what it was read from.
func received(source, hour, from, to int, edited string) store.Batch {
	at := begun.Add(time.Duration(hour) * time.Hour)
	s := feed.Source{URL: fmt.Sprintf("https://%d.example.org/feed", source), Title: fmt.Sprintf("Source %d", source), Tags: []string{"News"}}
	s.Fetch.Checked, s.Fetch.ETag = at, fmt.Sprintf(`"%d"`, hour)
	b := store.Batch{Source: s, Seen: at, Whole: true}
	var body bytes.Buffer
	for n := from; n < to; n++ {
		a := feed.Article{
			Key: fmt.Sprintf("tag:%d.example.org,2026:%d", source, n), Title: fmt.Sprintf("Article %d of %d%s", n, source, edited),
			Link: fmt.Sprintf("https://%d.example.org/%d", source, n), Published: begun.Add(time.Duration(n-1000) * time.Hour),
			Content: strings.Repeat(fmt.Sprintf("<p>What %d says of %d.</p>", source, n), 1+n%7),
			Tags:    []feed.Tag{{Term: fmt.Sprintf("tag %d", n%5)}}, Authors: []feed.Person{{Name: fmt.Sprintf("Author %d", n%3)}},
		}
		a.GUID = a.Key
		b.Articles = append(b.Articles, a)
		fmt.Fprintf(&body, "<item><guid>%s</guid><title>%s</title>%s</item>\n", a.Key, a.Title, a.Content)
	}
	b.Capture = &store.Capture{
		URL: s.URL, At: at, Request: http.Header{"Accept": {"application/rss+xml"}}, Status: 200,
		Header: http.Header{"Content-Type": {"application/rss+xml"}, "Etag": {s.Fetch.ETag}}, Body: body.Bytes(),
	}
	return b
}

// full fills an archive with something of everything.
func full(t testing.TB, db *bolt.DB) {
	t.Helper()
	ctx := t.Context()
	save := func(batches ...store.Batch) []store.Saved {
		t.Helper()
		saved, err := db.Save(ctx, batches...)
		if err != nil {
			t.Fatal(err)
		}
		return saved
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := db.Subscribe(ctx, feed.Source{URL: "https://1.example.org/feed", Added: begun}, feed.Source{URL: "https://2.example.org/feed", Added: begun})
	must(err)
	save(received(1, 0, 0, 110, ""), received(2, 0, 0, 30, ""))
	_, err = db.Define(ctx, store.Definition{Name: "Ones", Query: "article", Limit: 50, Split: true}, nil)
	must(err)
	save(received(1, 1, 100, 120, ", edited"))
	save(received(1, 1, 100, 120, ", edited")) // the same body, and nothing new
	save(received(2, 2, 10, 200, ""))          // a flood
	twin := received(3, 3, 0, 1, "")
	twin.Articles[0].Title, twin.Articles[0].Link = "Article 5 of 1", "https://1.example.org/5"
	twin.Articles[0].Key, twin.Articles[0].GUID = "tag:1.example.org,2026:5", "tag:1.example.org,2026:5"
	save(twin)
	file := received(4, 4, 0, 3, "")
	file.Source.Fetch, file.Whole = feed.FetchState{}, false
	file.Capture = &store.Capture{URL: "old articles.txt", At: file.Seen, ContentType: "text/plain", Body: []byte("One\n\nTwo\n")}
	save(file)
	must(db.Withdraw(ctx, 3, 7))
	must(db.Restore(ctx, 7))
	_, err = db.Release(ctx, 2)
	must(err)
	must(db.Shelve(ctx, 1, feed.History{Wanted: true, Next: "https://1.example.org/feed?2"}, &store.Shelved{URL: "https://1.example.org/feed?1", Body: []byte("<feed/>")}))
	must(db.SetPush(ctx, 1, func(p *feed.Push) { p.Hub = "https://hub.example.org/" }))
	must(db.Enrol(ctx, store.Subscriber{Topic: "https://us.example.org/feed.atom", Callback: "https://them.example.org/", Until: begun}))
	for hour := 5; hour < 40; hour += 5 {
		failed := received(2, hour, 0, 0, "")
		failed.Whole, failed.Capture = false, nil
		failed.Source.Fetch.Problem, failed.Source.Fetch.Status, failed.Source.Fetch.Failures = "the server answers 500", 500, hour
		save(failed)
	}
}

// kept opens an archive that keeps what was received.
func kept(t testing.TB, dir string) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(filepath.Join(dir, "archive.db"), keptIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func keptIn(dir string) *bolt.Options {
	return &bolt.Options{Raw: filepath.Join(dir, "raw"), NoSync: true, Now: func() time.Time { return begun }}
}

func clean(t testing.TB, db store.Store) {
	t.Helper()
	if faults, err := db.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Errorf("check: %v, %d faults: %q", err, len(faults), faults[:min(len(faults), 10)])
	}
}

// copyTo copies the files of an archive into a folder of its own.
func copyTo(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestEverythingIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	db := kept(t, dir)
	full(t, db)
	clean(t, db)
	c, err := db.Capture(t.Context(), 111)
	if err != nil || c.Status != 200 || !strings.HasPrefix(string(c.Body), "<item><guid>tag:2.example.org,2026:0</guid>") {
		t.Errorf("what an article was read from is %+v, %v", c, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	likeNew(t, filepath.Join(dir, "archive.db"), filepath.Join(dir, "raw"))
	again := kept(t, dir)
	clean(t, again)
}

// TestLostCommitsAreDoneAgain puts an older archive beside a journal that goes on.
func TestLostCommitsAreDoneAgain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "archive.db")
	db := kept(t, dir)
	if _, err := db.Save(t.Context(), received(1, 0, 0, 20, "")); err != nil {
		t.Fatal(err)
	}
	db.Close()
	older, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	db = kept(t, dir)
	full(t, db)
	db.Close()
	newer := filepath.Join(copyTo(t, dir), "archive.db")
	if err := os.WriteFile(path, older, 0o600); err != nil {
		t.Fatal(err)
	}
	db = kept(t, dir)
	clean(t, db)
	db.Close()
	if diff, err := bolt.Differences(path, newer); err != nil || len(diff) > 0 {
		t.Errorf("%v, %q", err, diff)
	}
}

// TestWhatBreaksOffIsCut has records of a commit that never was behind the last one.
func TestWhatBreaksOffIsCut(t *testing.T) {
	dir := t.TempDir()
	db := kept(t, dir)
	if _, err := db.Save(t.Context(), received(1, 0, 0, 20, "")); err != nil {
		t.Fatal(err)
	}
	db.Close()
	segment := filepath.Join(dir, "raw", "2026-11.warc.gz")
	whole, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	for _, tail := range [][]byte{whole[:5], whole[:200], make([]byte, 5000), append(append([]byte{}, whole[:300]...), make([]byte, 700)...)} {
		if err := os.WriteFile(segment, append(append([]byte{}, whole...), tail...), 0o600); err != nil {
			t.Fatal(err)
		}
		db := kept(t, dir)
		clean(t, db)
		if err := db.Withdraw(t.Context(), 2); err != nil {
			t.Error(err)
		}
		if err := db.Restore(t.Context(), 2); err != nil {
			t.Error(err)
		}
		clean(t, db)
		db.Close()
		likeNew(t, filepath.Join(dir, "archive.db"), filepath.Join(dir, "raw"))
		if whole, err = os.ReadFile(segment); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLostJournal has an archive go on whose journal is lost, or was left alone for a while.
func TestLostJournal(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "archive.db")
	db := kept(t, dir)
	b := received(1, 0, 0, 20, "")
	b.Capture = nil
	if _, err := db.Save(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	db.Close()
	for what, lose := range map[string]func() error{
		"lost": func() error { return os.RemoveAll(filepath.Join(dir, "raw")) },
		"left alone": func() error {
			db, err := bolt.Open(path, &bolt.Options{NoSync: true})
			if err != nil {
				return err
			}
			return errors.Join(db.Withdraw(t.Context(), 4), db.Close())
		},
	} {
		if err := lose(); err != nil {
			t.Fatal(err)
		}
		db := kept(t, dir)
		clean(t, db)
		if err := db.Withdraw(t.Context(), 5); err != nil {
			t.Error(err)
		}
		db.Close()
		t.Log(what)
		likeNew(t, path, filepath.Join(dir, "raw"))
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Open(path, keptIn(dir)); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("an archive is begun beside the journal of a lost one: %v", err)
	}
}

// dense writes a file anew without what is unused in it.
func dense(t testing.TB, path string) {
	t.Helper()
	from, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	to, err := bbolt.Open(path+".dense", 0o600, &bbolt.Options{PageSize: from.Info().PageSize, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(bbolt.Compact(to, from, 0), to.Close(), from.Close(), os.Rename(path+".dense", path)); err != nil {
		t.Fatal(err)
	}
}

var flips = flag.Int("flips", 60, "how many bytes TestFlippedBytes flips")

// TestFlippedBytes flips single bytes in the files of an archive and expects that each is told, or that it has
// changed nothing; and that the archive is repaired where the journal has it.
func TestFlippedBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it checks an archive dozens of times")
	}
	dir := t.TempDir()
	db := kept(t, dir)
	full(t, db)
	clean(t, db)
	db.Close()
	dense(t, filepath.Join(dir, "archive.db"))
	r := rand.New(rand.NewPCG(6, 2026))
	var told, same, repaired, other int
	for n := range *flips {
		name := []string{"archive.db", "archive.db", "raw/2026-11.warc.gz"}[n%3]
		there := copyTo(t, dir)
		path := filepath.Join(there, name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at, bits := r.IntN(len(data)), byte(1+r.IntN(255))
		data[at] ^= bits
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("%s, byte %d ^ %02x", name, at, bits)
		db, err := bolt.Open(filepath.Join(there, "archive.db"), keptIn(there))
		if err != nil {
			if !errors.Is(err, store.ErrDamaged) {
				t.Errorf("%s: open: %v", what, err)
			}
			told++
			continue
		}
		faults, err := db.Check(t.Context())
		if err != nil {
			t.Errorf("%s: check: %v", what, err)
		}
		mend := len(faults) > 0 && strings.HasPrefix(name, "archive") && !strings.Contains(strings.Join(faults, "\n"), "pages: ")
		if mend {
			if _, err := db.Repair(t.Context(), nil); err != nil {
				t.Errorf("%s: repair: %v; %q", what, err, faults[:min(3, len(faults))])
			}
			clean(t, db)
		}
		db.Close()
		var diff []string
		if len(faults) == 0 || mend { // or it may not even be safe to read
			diff, err = bolt.Differences(filepath.Join(there, "archive.db"), filepath.Join(dir, "archive.db"))
		}
		switch {
		case len(faults) == 0 && (err != nil || len(diff) > 0):
			t.Errorf("%s: is not told: %v, %q", what, err, diff[:min(3, len(diff))])
		case mend && (err != nil || len(diff) > 0):
			t.Errorf("%s: is not repaired: %v, %q", what, err, diff[:min(3, len(diff))])
		case mend:
			repaired++
			told++
		case len(faults) > 0:
			told++
			other++
		default:
			same++
		}
	}
	t.Logf("%d told, of which %d were repaired in place and %d are of pages or WARC files; %d changed nothing", told, repaired, other, same)
}
