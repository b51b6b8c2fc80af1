package scheduler_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

var everyFeed = flag.Bool("everyfeed", false, "have TestReparseRealFeeds visit all real feeds, not only some")

// crippled is an archive into which less comes than was received, as if the parser did not see it.
type crippled struct {
	store.Store
	drop func(*store.Batch)
}

func (c *crippled) Save(ctx context.Context, batches ...store.Batch) ([]store.Saved, error) {
	batches = slices.Clone(batches)
	for i := range batches {
		batches[i].Articles = slices.Clone(batches[i].Articles)
		c.drop(&batches[i])
	}
	return c.Store.Save(ctx, batches...)
}

// keeping is a world whose archive keeps what is received; less, if not nil, takes away what the parser
// does not see.
func keeping(t *testing.T, less func(*store.Batch)) *world {
	t.Helper()
	file := filepath.Join(t.TempDir(), "archive.db")
	db, err := bolt.Open(file, &bolt.Options{NoSync: true, Raw: filepath.Join(filepath.Dir(file), "raw")})
	if err != nil {
		t.Fatal(err)
	}
	archive := &faulty{Store: db}
	if less != nil {
		archive.Store = &crippled{db, less}
	}
	t.Cleanup(func() { db.Close() })
	c := &clock{now: noon}
	client := new(fetch.Client)
	t.Cleanup(client.CloseIdle)
	return &world{&scheduler.Scheduler{Store: archive, Fetch: client, Now: c.Now}, t, archive, c, file}
}

// again is an archive made anew from its journal and read again.
type again struct {
	done          scheduler.Reparsed
	before, after []byte // exports
	journal       bool   // something was written
	db            *bolt.DB
}

// reparse makes an archive anew from its files, and reads again what was received.
func reparse(t *testing.T, raw string) again {
	t.Helper()
	dir := t.TempDir()
	kept, file := filepath.Join(dir, "raw"), filepath.Join(dir, "archive.db")
	if err := os.CopyFS(kept, os.DirFS(raw)); err != nil {
		t.Fatal(err)
	}
	if err := bolt.Rebuild(t.Context(), kept, file, nil); err != nil {
		t.Fatal(err)
	}
	later := func() time.Time { return noon.AddDate(10, 0, 0) }
	db, err := bolt.Open(file, &bolt.Options{NoSync: true, Raw: kept, Now: later})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	a := again{db: db, before: exported(t, db)}
	size := bytesIn(t, kept)
	progress := uint64(0)
	r := scheduler.Reparser{Store: db, Now: later, Progress: func(done, of uint64) {
		if done <= progress || done > of {
			t.Errorf("progress: %d of %d after %d", done, of, progress)
		}
		progress = done
	}}
	if a.done, err = r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.after, a.journal = exported(t, db), bytesIn(t, kept) != size
	if faults, err := db.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Fatalf("the archive is damaged: %v %q", err, faults[:min(len(faults), 5)])
	}
	t.Cleanup(func() { db.Close() })
	if once := (&scheduler.Reparser{Store: db}); !t.Failed() {
		more, err := once.Run(t.Context())
		if err != nil || more.Added+more.Revised > 0 || !bytes.Equal(exported(t, db), a.after) {
			t.Errorf("once more: %+v, %v", more, err)
		}
	}
	return a
}

func exported(t *testing.T, db *bolt.DB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := db.Export(t.Context(), &b, true, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func bytesIn(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			info, err := e.Info()
			if err != nil {
				return err
			}
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// unchanged expects that nothing comes of reading again what the same parser has read.
func unchanged(t *testing.T, w *world) {
	t.Helper()
	a := reparse(t, filepath.Join(filepath.Dir(w.file), "raw"))
	if a.done.Added+a.done.Revised > 0 || a.journal || !bytes.Equal(a.before, a.after) {
		t.Errorf("the same parser reads something else: %+v, %s", a.done, firstDifference(a.before, a.after))
	}
	t.Logf("%d bodies, %d bytes of export", a.done.Read, len(a.after))
}

func firstDifference(a, b []byte) string {
	as, bs := strings.SplitAfter(string(a), "\n"), strings.SplitAfter(string(b), "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return fmt.Sprintf("line %d:\n%.2000s%.2000s", i+1, as[i], bs[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(as), len(bs))
}

// Real feeds, visited over HTTP, and read again by the same parser: nothing comes of it.
func TestReparseRealFeeds(t *testing.T) {
	files, _ := filepath.Glob("../../shared/corpus/*/*")
	files = slices.DeleteFunc(files, func(f string) bool {
		dir := filepath.Base(filepath.Dir(f))
		return dir == "sequences" || dir == "large" && !*everyFeed
	})
	if len(files) == 0 {
		t.Skip("no corpus of real feeds in ../shared/corpus")
	}
	w, up := keeping(t, nil), newSite(t, "127.0.0.1")
	var urls []string
	for i, file := range files {
		if i%24 > 0 && !*everyFeed {
			continue
		}
		path := fmt.Sprintf("/%d/feed", i)
		up.set(path, func(rw http.ResponseWriter, r *http.Request) { http.ServeFile(rw, r, file) })
		urls = append(urls, up.URL+path)
	}
	w.follow(urls...)
	w.round(scheduler.RoundOptions{NoHistory: true})
	unchanged(t, w)
}

// Real feeds as they went on over months, each at one address.
func TestReparseSequences(t *testing.T) {
	dirs, _ := filepath.Glob("../../shared/corpus/sequences/*")
	if len(dirs) == 0 {
		t.Skip("no corpus of real feeds in ../shared/corpus")
	}
	w, up := keeping(t, nil), newSite(t, "127.0.0.1")
	most := 0
	versions := make([][]string, 0, len(dirs))
	var urls []string
	for i, dir := range dirs {
		if i%4 > 0 && !*everyFeed {
			continue
		}
		names, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		most = max(most, len(names))
		versions = append(versions, names)
		urls = append(urls, fmt.Sprintf("%s/%s", up.URL, filepath.Base(dir)))
	}
	w.follow(urls...)
	for n := range most {
		for i, names := range versions {
			file := names[min(n, len(names)-1)]
			up.set(strings.TrimPrefix(urls[i], up.URL), func(rw http.ResponseWriter, r *http.Request) {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Error(err)
				}
				_, _ = rw.Write(data)
			})
		}
		w.clock.advance(48 * time.Hour)
		w.round(scheduler.RoundOptions{All: true, NoHistory: true})
	}
	unchanged(t, w)
}

// What a walk through a publisher's own archive, and a hub, have brought is read as it was.
func TestReparseHistoryAndPush(t *testing.T) {
	for _, archive := range []bool{true, false} {
		w, s := keeping(t, nil), newSite(t, "127.0.0.1")
		library(s, "atom", archive)
		src := w.subscribe(s.URL + "/feed")
		if walk := w.history(src.ID); walk.Added != 6 {
			t.Fatalf("the walk: %+v", walk)
		}
		if e, err := w.Take(t.Context(), src.ID, []byte(rss("News", "pushed")), "application/rss+xml"); err != nil || e.Added != 1 {
			t.Fatalf("pushed: %+v, %v", e, err)
		}
		unchanged(t, w)
	}
}

// One body that came from several addresses is read for each source as it came for that.
func TestReparseOneBodyFromSeveral(t *testing.T) {
	w, up := keeping(t, nil), newSite(t, "127.0.0.1")
	body := `<rss version="2.0"><channel><title>T</title><item><guid isPermaLink="false">1</guid><title>One</title><link>one</link></item></channel></rss>`
	for _, path := range []string{"/a/feed", "/b/feed", "/b/c/feed"} {
		up.set(path, text(body, ""))
	}
	w.follow(up.URL+"/a/feed", up.URL+"/b/feed", up.URL+"/b/c/feed")
	if r := w.round(scheduler.RoundOptions{}); r.Added != 3 {
		t.Fatalf("%d added", r.Added)
	}
	unchanged(t, w)
}

// An archive whose parser saw neither every third item nor any enclosure gets both back, and all that
// went out before stays as it was.
func TestReparseRecovers(t *testing.T) {
	blind := true
	w := keeping(t, func(b *store.Batch) {
		if !blind {
			return
		}
		n := 0
		b.Articles = slices.DeleteFunc(b.Articles, func(feed.Article) bool { n++; return n%3 == 0 })
		for i := range b.Articles {
			b.Articles[i].Enclosures = nil
		}
	})
	up := newSite(t, "127.0.0.1")
	at := func(first, last int) string {
		var b strings.Builder
		b.WriteString(`<rss version="2.0"><channel><title>Talks</title><link>https://example.org/</link>`)
		for n := last; n >= first; n-- {
			fmt.Fprintf(&b, `<item><guid isPermaLink="false">talk-%d</guid><title>Talk %[1]d</title><pubDate>%s</pubDate><description>About %[1]d</description>`+
				`<enclosure url="https://example.org/%[1]d.mp3" type="audio/mpeg" length="%[1]d00"/><category>Talks</category></item>`, n, published(n).Format(time.RFC1123Z))
		}
		b.WriteString(`</channel></rss>`)
		return b.String()
	}
	up.set("/feed", text(at(1, 9), ""))
	src := w.subscribe(up.URL + "/feed")
	w.clock.advance(48 * time.Hour)
	up.set("/feed", text(at(5, 14), ""))
	w.visit(src.ID)
	was := w.revisions(w.archive.Store)
	withdrawn := was[2].ID
	if err := w.Store.Withdraw(t.Context(), withdrawn); err != nil {
		t.Fatal(err)
	}
	was = w.revisions(w.archive.Store)

	raw := filepath.Join(filepath.Dir(w.file), "raw")
	a := reparse(t, raw)
	is := w.revisions(a.db)
	for i := range was {
		if fmt.Sprintf("%+v", is[i]) != fmt.Sprintf("%+v", was[i]) {
			t.Errorf("revision %d is another one:\n%+v\n%+v", i+1, is[i], was[i])
		}
	}
	newest := make(map[string]feed.Article)
	for _, r := range is {
		newest[r.GUID] = r
	}
	for n := 1; n <= 14; n++ {
		r, ok := newest[fmt.Sprintf("talk-%d", n)]
		switch {
		case !ok:
			t.Errorf("talk %d is not there", n)
		case r.ID == withdrawn:
			if !r.Withdrawn {
				t.Errorf("talk %d is back", n)
			}
		case len(r.Enclosures) != 1 || r.Enclosures[0].Length != int64(n*100):
			t.Errorf("talk %d has the enclosures %+v", n, r.Enclosures)
		}
	}
	if len(newest) != 14 || a.done.Added == 0 || a.done.Revised == 0 || a.done.Added+a.done.Revised != 13 || len(is) != len(was)+13 {
		t.Errorf("%d articles, %d revisions after %d; %+v", len(newest), len(is), len(was), a.done)
	}
	for _, r := range is[len(was):] {
		st, err := a.db.Standing(t.Context(), r.ID)
		if added := r.Revision == 0; err != nil || st.Back != added || (st.Live == r.Seq) == added {
			t.Errorf("%s (revision %d) stands at %+v, %v", r.Title, r.Revision, st, err)
		}
		if r.Revision == 0 && r.Arrived.After(w.clock.peek()) {
			t.Errorf("%s came %v", r.Title, r.Arrived)
		}
	}
	b := reparse(t, raw)
	if b.done != a.done || !bytes.Equal(a.after, b.after) {
		t.Errorf("another time: %+v, %s", b.done, firstDifference(a.after, b.after))
	}

	// What is polled afterwards is known.
	blind = false
	w.archive.Store = a.db
	w.clock.advance(48 * time.Hour)
	if e := w.visit(src.ID); e.Added+e.Revised != 0 {
		t.Errorf("the next visit: %+v", e)
	}
}

// What was removed for good does not come back.
func TestReparseLeavesPurged(t *testing.T) {
	w := keeping(t, func(b *store.Batch) {
		b.Articles = slices.DeleteFunc(b.Articles, func(a feed.Article) bool { return a.GUID == "seen-never" })
	})
	up := newSite(t, "127.0.0.1")
	up.set("/feed", text(rss("T", "a", "b"), ""))
	src := w.subscribe(up.URL + "/feed")
	w.clock.advance(48 * time.Hour)
	up.set("/feed", text(rss("T", "seen-never", "b", "c"), ""))
	w.visit(src.ID)
	db := w.archive.Store.(*crippled).Store.(*bolt.DB)
	for _, r := range w.revisions(db) {
		if r.GUID == "a" {
			if err := db.Withdraw(t.Context(), r.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if p, err := db.Purge(t.Context(), nil); err != nil || p.Articles != 1 || p.Captures != 1 {
		t.Fatalf("purged: %+v, %v", p, err)
	}
	a := reparse(t, filepath.Join(filepath.Dir(w.file), "raw"))
	if a.done != (scheduler.Reparsed{Read: 1, Added: 1}) {
		t.Errorf("read again: %+v", a.done)
	}
	for _, r := range w.revisions(a.db) {
		if r.GUID == "a" && !r.Purged || r.Title == "Title of a" {
			t.Errorf("it is back: %+v", r)
		}
	}
}

// revisions returns the whole log.
func (w *world) revisions(s store.Store) []feed.Article {
	w.Helper()
	log, err := s.Log(w.Context(), store.Ref{Kind: store.All}, 0, 1<<20)
	if err != nil {
		w.Fatal(err)
	}
	return log
}
