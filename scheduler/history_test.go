package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// older is a document of a publisher's archive: its articles by number, and what it says of others.
type older struct {
	articles []int
	next     string // the next older one
	generate string // what wrote it
	archive  bool
}

// published returns when article n was published: a day apart, the first in 2001.
func published(n int) time.Time { return time.Date(2001, 1, n, 12, 0, 0, 0, time.UTC) }

// as writes a document in a format.
func (o older) as(format string) http.HandlerFunc {
	var b strings.Builder
	rel := "next"
	if o.archive {
		rel = "prev-archive"
	}
	switch format {
	case "atom":
		b.WriteString(`<feed xmlns="http://www.w3.org/2005/Atom" xmlns:fh="http://purl.org/syndication/history/1.0"><title>News</title><id>urn:news</id>`)
		fmt.Fprintf(&b, `<generator>%s</generator>`, o.generate)
		if o.archive {
			b.WriteString(`<fh:archive/>`)
		}
		if o.next != "" {
			fmt.Fprintf(&b, `<link rel="%s" href="%s"/>`, rel, o.next)
		}
		for _, n := range o.articles {
			fmt.Fprintf(&b, `<entry><id>urn:a:%d</id><title>A%d</title><published>%s</published><updated>%[3]s</updated><content>Text %[1]d</content></entry>`,
				n, n, published(n).Format(time.RFC3339))
		}
		b.WriteString(`</feed>`)
	case "rss":
		b.WriteString(`<rss version="2.0" xmlns:a="http://www.w3.org/2005/Atom" xmlns:fh="http://purl.org/syndication/history/1.0"><channel><title>News</title>`)
		fmt.Fprintf(&b, `<generator>%s</generator>`, o.generate)
		if o.archive {
			b.WriteString(`<fh:archive/>`)
		}
		if o.next != "" {
			fmt.Fprintf(&b, `<a:link rel="%s" href="%s"/>`, rel, o.next)
		}
		for _, n := range o.articles {
			fmt.Fprintf(&b, `<item><guid isPermaLink="false">urn:a:%d</guid><title>A%d</title><pubDate>%s</pubDate><description>Text %[1]d</description></item>`,
				n, n, published(n).Format(time.RFC1123Z))
		}
		b.WriteString(`</channel></rss>`)
	case "json":
		fmt.Fprintf(&b, `{"version":"https://jsonfeed.org/version/1.1","title":"News","next_url":%q,"items":[`, o.next)
		for i, n := range o.articles {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"id":"urn:a:%d","title":"A%d","date_published":%q,"content_text":"Text %[1]d"}`, n, n, published(n).Format(time.RFC3339))
		}
		b.WriteString(`]}`)
	}
	body := b.String()
	return text(body, "")
}

// library sets up a feed with a chain of older documents: article 9 is in the feed, 7 and 8 in /3, and
// so on down to 1 and 2 in... /1 with 3 and 4.
func library(s *site, format string, archive bool) {
	s.set("/feed", older{articles: []int{9}, next: "/3"}.live(format, archive))
	s.set("/3", older{articles: []int{8, 7}, next: "/2", archive: archive}.as(format))
	s.set("/2", older{articles: []int{6, 5}, next: "/1", archive: archive}.as(format))
	s.set("/1", older{articles: []int{4, 3}, archive: archive}.as(format))
}

// live writes the document that is polled: it is no archive document, but may link to one.
func (o older) live(format string, archive bool) http.HandlerFunc {
	h := o
	h.archive = archive
	written := httptest.NewRecorder()
	h.as(format)(written, httptest.NewRequest(http.MethodGet, "/", nil))
	return text(strings.Replace(written.Body.String(), "<fh:archive/>", "", 1), "")
}

// blog is a WordPress site of so many pages of two articles, the feed itself being the first.
func blog(pages int, end http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n := 1
		if s := r.URL.Query().Get("paged"); s != "" {
			fmt.Sscan(s, &n)
		}
		if n > pages {
			end(w, r)
			return
		}
		last := 2*(pages-n) + 2
		older{articles: []int{last, last - 1}, generate: "https://wordpress.org/?v=6.4"}.as("rss")(w, r)
	}
}

// history walks through a source's history to the end.
func (w *world) history(id feed.SourceID) scheduler.Walk {
	w.Helper()
	walk, err := w.History(w.Context(), id, nil)
	if err != nil {
		w.Fatal(err)
	}
	return walk
}

// subscribe subscribes to a feed with its first visit.
func (w *world) subscribe(url string) feed.Source {
	w.Helper()
	r, err := w.Add(w.Context(), scheduler.Subscription{URL: url})
	if err != nil {
		w.Fatal(err)
	}
	return r.Source
}

// paths returns what was asked for, in order.
func paths(asked []*http.Request) string {
	var list []string
	for _, r := range asked {
		list = append(list, r.URL.RequestURI())
	}
	return strings.Join(list, " ")
}

// isHistory holds the archive to having the articles of these numbers, as they were published, those up
// to the second as back issues that came in oldest first, and the rest as none.
func (w *world) isHistory(from, to, newest int) {
	w.Helper()
	w.isWhole(from, to, newest)
	log, err := w.Store.Log(w.Context(), store.Ref{Kind: store.All}, uint64(newest-to), 1000)
	if err != nil {
		w.Fatal(err)
	}
	if !slices.IsSortedFunc(log, func(a, b feed.Article) int { return a.Published.Compare(b.Published) }) {
		w.Error("back issues did not come in oldest first")
	}
}

// isWhole is isHistory in any order.
func (w *world) isWhole(from, to, newest int) {
	w.Helper()
	page, err := w.Store.Articles(w.Context(), store.Query{Ref: store.Ref{Kind: store.All}, Limit: 1000})
	if err != nil {
		w.Fatal(err)
	}
	if len(page.Articles) != newest-from+1 {
		w.Errorf("%d articles: %s", len(page.Articles), w.titles())
	}
	for i := range page.Articles {
		a, n := &page.Articles[i], newest-i
		if a.Key != fmt.Sprint("urn:a:", n) || !a.Published.Equal(published(n)) {
			w.Errorf("article %d is %q of %v", n, a.Key, a.Published)
		}
		standing, err := w.Store.Standing(w.Context(), a.ID)
		if err != nil {
			w.Fatal(err)
		}
		if back := n <= to; standing.Back != back || (standing.Live == 0) != back || standing.Held {
			w.Errorf("article %d: %+v", n, standing)
		}
	}
}

func TestHistory(t *testing.T) {
	for _, test := range []struct {
		name    string
		format  string
		archive bool
	}{
		{"archive documents in Atom", "atom", true},
		{"archive documents in RSS", "rss", true},
		{"pages in Atom", "atom", false},
		{"pages in RSS", "rss", false},
		{"JSON Feed", "json", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, s := newWorld(t), newSite(t, "127.0.0.1")
			library(s, test.format, test.archive)
			src := w.subscribe(s.URL + "/feed")
			if !src.Fetch.History.Wanted {
				t.Error("the history is not wanted")
			}
			walk := w.history(src.ID)
			if walk.Fetched != 3 || walk.Taken != 3 || walk.Added != 6 || !walk.Ended || walk.Err != nil {
				t.Errorf("the walk: %+v", walk)
			}
			asked := s.requests()
			if got := paths(asked); got != "/feed /3 /2 /1" {
				t.Errorf("asked for %s", got)
			}
			for _, r := range asked {
				if r.Header.Get("If-None-Match")+r.Header.Get("If-Modified-Since") != "" {
					t.Errorf("asked for %s on a condition", r.URL)
				}
			}
			h := w.source(src.ID).Fetch.History
			if h.Wanted || h.Next != "" || h.Shelved != 0 || h.Fetched != 3 || h.Done.IsZero() || h.Problem != "" {
				t.Errorf("in the end: %+v", h)
			}
			if want := map[bool]string{true: s.URL + "/3"}[test.archive]; h.Last != want {
				t.Errorf("the next walk stops at %q, not %q", h.Last, want)
			}
			w.isHistory(3, 8, 9)
		})
	}
}

func TestHistoryOfWordPress(t *testing.T) {
	other := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html><body>Nothing found</body></html>") }
	same := func(w http.ResponseWriter, r *http.Request) {
		older{articles: []int{2, 1}, generate: "https://wordpress.org/?v=6.4"}.as("rss")(w, r)
	}
	for _, test := range []struct {
		name string
		feed http.HandlerFunc
		want string
		n    int
	}{
		{"404 at the end", blog(3, http.NotFound), "/feed?x=1 /feed?paged=2&x=1 /feed?paged=3&x=1 /feed?paged=4&x=1", 6},
		{"a page of the site at the end", blog(2, other), "/feed?x=1 /feed?paged=2&x=1 /feed?paged=3&x=1", 4},
		{"one page", blog(1, http.NotFound), "/feed?x=1 /feed?paged=2&x=1", 2},
		{"the same page always", same, "/feed?x=1 /feed?paged=2&x=1", 2},
		{"the last page for ever", blog(2, same), "/feed?x=1 /feed?paged=2&x=1 /feed?paged=3&x=1", 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, s := newWorld(t), newSite(t, "127.0.0.1")
			s.set("/feed", test.feed)
			src := w.subscribe(s.URL + "/feed?x=1")
			if walk := w.history(src.ID); walk.Err != nil || !walk.Ended || walk.Source.Fetch.History.Problem != "" {
				t.Errorf("the walk: %+v", walk)
			}
			if got := paths(s.requests()); got != test.want {
				t.Errorf("asked for %s", got)
			}
			page, err := w.Store.Articles(t.Context(), store.Query{Ref: store.Ref{Kind: store.All}})
			if err != nil || len(page.Articles) > test.n {
				t.Errorf("%v, %s", err, w.titles())
			}
		})
	}
}

var errKilled = errors.New("killed")

// mortal is an archive whose process is killed after so many writes.
type mortal struct {
	store.Store
	mu   sync.Mutex
	left int
}

func (m *mortal) write() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left--; m.left < 0 {
		return errKilled
	}
	return nil
}

func (m *mortal) Save(ctx context.Context, batches ...store.Batch) ([]store.Saved, error) {
	if err := m.write(); err != nil {
		return make([]store.Saved, len(batches)), err
	}
	return m.Store.Save(ctx, batches...)
}

func (m *mortal) Shelve(ctx context.Context, id feed.SourceID, h feed.History, d *store.Shelved) error {
	if err := m.write(); err != nil {
		return err
	}
	return m.Store.Shelve(ctx, id, h, d)
}

// TestHistoryGoesOn kills the process after each of the writes of a walk. Whatever was kept is not
// fetched again.
func TestHistoryGoesOn(t *testing.T) {
	s := newSite(t, "127.0.0.1")
	library(s, "atom", true)
	for killed, n := true, 0; killed; n++ {
		killed = false
		t.Run(fmt.Sprint("killed after ", n, " writes"), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "archive.db")
			db, err := bolt.Open(path, &bolt.Options{NoSync: true})
			if err != nil {
				t.Fatal(err)
			}
			client := new(fetch.Client)
			defer client.CloseIdle()
			archive := &mortal{Store: db, left: 1000}
			sched := &scheduler.Scheduler{Store: archive, Fetch: client}
			r, err := sched.Add(t.Context(), scheduler.Subscription{URL: s.URL + "/feed"})
			if err != nil {
				t.Fatal(err)
			}
			archive.left = n
			first, err := sched.History(t.Context(), r.Source.ID, nil)
			killed = err != nil || first.Err != nil
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			kept := first.Fetched
			before := len(s.requests()) - 1 // without the feed
			if before > kept+1 {
				t.Errorf("%d documents fetched, %d kept", before, kept)
			}

			if db, err = bolt.Open(path, &bolt.Options{NoSync: true}); err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			w := &world{Scheduler: &scheduler.Scheduler{Store: db, Fetch: client}, TB: t}
			if killed {
				w.history(r.Source.ID)
			}
			if again := len(s.requests()); kept+again != 3 {
				t.Errorf("%d documents kept, and %d fetched again", kept, again)
			}
			w.isHistory(3, 8, 9)
			if faults, err := db.Check(t.Context()); err != nil || len(faults) > 0 {
				t.Errorf("%v %q", err, faults)
			}
		})
	}
}

// TestHistoryOfAGap holds a second walk to what is new since the first.
func TestHistoryOfAGap(t *testing.T) {
	w, s := newWorld(t), newSite(t, "127.0.0.1")
	library(s, "atom", true)
	src := w.subscribe(s.URL + "/feed")
	w.history(src.ID)
	s.requests()
	if walk := w.history(src.ID); !walk.Ended || walk.Fetched != 0 {
		t.Errorf("with nothing new: %+v", walk)
	}

	s.set("/feed", older{articles: []int{13}, next: "/5"}.live("atom", true))
	s.set("/5", older{articles: []int{12, 11}, next: "/4", archive: true}.as("atom"))
	s.set("/4", older{articles: []int{10, 9}, next: "/3", archive: true}.as("atom"))
	w.clock.advance(25 * time.Hour)
	report := w.round(scheduler.RoundOptions{})
	if len(report.Events) != 1 || !report.Events[0].Gap || len(report.Walks) != 1 || report.Walks[0].Added != 3 {
		t.Errorf("the round: %+v", report)
	}
	if got := paths(s.requests()); got != "/feed /5 /4" {
		t.Errorf("asked for %s", got)
	}
	if h := w.source(src.ID).Fetch.History; h.Wanted || h.Last != s.URL+"/5" {
		t.Errorf("in the end: %+v", h)
	}
}

// TestHistoryOfAGapInPages holds a walk over pages, whose addresses say nothing, to the gap.
func TestHistoryOfAGapInPages(t *testing.T) {
	w, s := newWorld(t), newSite(t, "127.0.0.1")
	s.set("/feed", blog(5, http.NotFound))
	src := w.subscribe(s.URL + "/feed")
	w.history(src.ID)
	s.requests()
	s.set("/feed", blog(8, http.NotFound)) // articles 11 to 16 are new, 15 and 16 in the feed
	w.clock.advance(25 * time.Hour)
	w.round(scheduler.RoundOptions{})
	if got, want := paths(s.requests()), "/feed /feed?paged=2 /feed?paged=3 /feed?paged=4 /feed?paged=5"; got != want {
		t.Errorf("asked for %s, not %s", got, want)
	}
	if h := w.source(src.ID).Fetch.History; h.Wanted || h.Problem != "" {
		t.Errorf("in the end: %+v", h)
	}
}

func TestHistoryIsNotThere(t *testing.T) {
	w, s := newWorld(t), newSite(t, "127.0.0.1")
	s.set("/feed", text(rss("News", "a"), ""))
	src := w.follow(s.URL + "/feed")[0]
	if _, err := w.History(t.Context(), src.ID, nil); !errors.Is(err, scheduler.ErrNoHistory) {
		t.Errorf("%v", err)
	}
	if got := w.source(src.ID); got.Fetch.History.Wanted || got.Fetch.Changed.IsZero() {
		t.Errorf("%+v", got.Fetch)
	}
	if _, err := w.Store.Unsubscribe(t.Context(), src.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.History(t.Context(), src.ID, nil); !errors.Is(err, scheduler.ErrNotSubscribed) {
		t.Errorf("%v", err)
	}
}

// TestOwnGuids holds a feed of this program's to its guids, and any other to nothing.
func TestOwnGuids(t *testing.T) {
	for generator, want := range map[string]feed.Policy{"backissue": feed.PolicyGUID, "other": feed.PolicyAuto} {
		w, s := newWorld(t), newSite(t, "127.0.0.1")
		for _, path := range []string{"/added", "/followed"} {
			s.set(path, older{articles: []int{1}, generate: generator}.as("atom"))
		}
		added, followed := w.subscribe(s.URL+"/added"), w.follow(s.URL + "/followed")[0]
		w.visit(followed.ID)
		for _, id := range []feed.SourceID{added.ID, followed.ID} {
			if got := w.source(id); got.Identity != want || !got.Subscribed {
				t.Errorf("%s: %s by %v", generator, got.URL, got.Identity)
			}
		}
	}
}

// TestRunBringsHistoryHome leaves a daemon to itself.
func TestRunBringsHistoryHome(t *testing.T) {
	var asked atomic.Int64
	daemon(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		blog(50, http.NotFound)(w, r)
	}, func(t *testing.T, s *scheduler.Scheduler, stop func() error) {
		r, err := s.Add(t.Context(), scheduler.Subscription{URL: "https://example.org/feed"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if n := asked.Load(); n != 21 {
			t.Errorf("%d requests at first", n)
		}
		time.Sleep(5 * time.Minute)
		src, err := s.Store.Source(t.Context(), r.Source.ID)
		if h := src.Fetch.History; err != nil || h.Done.IsZero() || h.Fetched != 49 || asked.Load() != 51 {
			t.Errorf("%v after %d requests: %+v", err, asked.Load(), h)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkHistory measures what bringing home a document of a hundred articles costs, from a server
// on this machine to an archive that need not reach the disk.
//
//	go test -run - -bench History ./scheduler
func BenchmarkHistory(b *testing.B) {
	s := newSite(b, "127.0.0.1")
	s.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		n := b.N + 1
		fmt.Sscan(strings.TrimPrefix(r.URL.Path, "/"), &n)
		o := older{next: fmt.Sprint("/", n-1), archive: true}
		if n == 1 {
			o.next = ""
		}
		for i := range 100 {
			o.articles = append(o.articles, 100*n-i)
		}
		if n > b.N {
			o.live("atom", true)(rw, r)
			return
		}
		o.as("atom")(rw, r)
	})
	w := newWorld(b)
	w.MaxDocuments = b.N + 1
	src := w.subscribe(s.URL + "/feed")
	b.ResetTimer()
	if walk := w.history(src.ID); walk.Fetched != b.N || !walk.Ended {
		b.Errorf("%d of %d documents: %v", walk.Fetched, b.N, walk.Err)
	}
}
