package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// rss writes a feed whose items have the given guids and titles ("guid" or "guid=title").
func rss(title string, items ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>%s</title><link>https://example.org/</link><description>About</description>`, title)
	for _, item := range items {
		guid, t, ok := strings.Cut(item, "=")
		if !ok {
			t = "Title of " + guid
		}
		fmt.Fprintf(&b, `<item><guid isPermaLink="false">%s</guid><title>%s</title><link>https://example.org/%s</link><description>Text of %s</description></item>`, guid, t, guid, guid)
	}
	b.WriteString(`</channel></rss>`)
	return b.String()
}

// site is an upstream server that records what it is asked.
type site struct {
	*httptest.Server
	mu    sync.Mutex
	pages map[string]http.HandlerFunc
	asked []*http.Request
}

func newSite(t testing.TB, ip string) *site {
	t.Helper()
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Skipf("no loopback address %s: %v", ip, err)
	}
	s := &site{pages: make(map[string]http.HandlerFunc)}
	s.Server = &httptest.Server{Listener: l, Config: &http.Server{Handler: s}}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r)
	h := s.pages[r.URL.Path]
	s.mu.Unlock()
	if h == nil {
		h = http.NotFound
	}
	h(w, r)
}

// set says what the site answers at a path from now on.
func (s *site) set(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[path] = h
}

// requests returns what was asked for since it was last called.
func (s *site) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

// text answers with a document, and with 304 to its validator.
func text(body, etag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if etag != "" {
			w.Header().Set("ETag", etag)
			if r.Header.Get("If-None-Match") == etag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		io.WriteString(w, body)
	}
}

// clock is a clock that goes on when told, and a little at each look.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

// peek looks at the clock without its going on.
func (c *clock) peek() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// set puts the clock forward to a moment.
func (c *clock) set(t time.Time) { c.advance(max(0, t.Sub(c.peek()))) }

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a scheduler over an archive of its own.
type world struct {
	*scheduler.Scheduler
	testing.TB
	archive *faulty
	clock   *clock
	file    string // of the archive
}

func newWorld(t testing.TB) *world {
	t.Helper()
	file := filepath.Join(t.TempDir(), "archive.db")
	db, err := bolt.Open(file, &bolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	archive := &faulty{Store: db}
	t.Cleanup(func() {
		if faults, err := db.Check(context.Background()); err != nil || len(faults) > 0 {
			t.Errorf("the archive is damaged: %v %q", err, faults)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &clock{now: noon}
	client := new(fetch.Client)
	t.Cleanup(client.CloseIdle)
	return &world{&scheduler.Scheduler{Store: archive, Fetch: client, Now: c.Now}, t, archive, c, file}
}

// follow stores subscriptions without a visit.
func (w *world) follow(urls ...string) []feed.Source {
	w.Helper()
	var sources []feed.Source
	for _, u := range urls {
		r, err := w.Add(w.Context(), scheduler.Subscription{URL: u, NoFetch: true})
		if err != nil {
			w.Fatal(err)
		}
		sources = append(sources, r.Source)
	}
	return sources
}

// round makes a round and returns its report.
func (w *world) round(o scheduler.RoundOptions) scheduler.Report {
	w.Helper()
	r, err := w.Round(w.Context(), o)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// visit visits one source, due or not, and returns the event.
func (w *world) visit(id feed.SourceID) scheduler.Event {
	w.Helper()
	r := w.round(scheduler.RoundOptions{Sources: []feed.SourceID{id}})
	if len(r.Events) != 1 {
		w.Fatalf("%d events of one visit", len(r.Events))
	}
	return r.Events[0]
}

func (w *world) source(id feed.SourceID) feed.Source {
	w.Helper()
	s, err := w.Store.Source(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// titles returns the titles of all articles, newest first, in one line.
func (w *world) titles() string {
	w.Helper()
	page, err := w.Store.Articles(w.Context(), store.Query{Ref: store.Ref{Kind: store.All}, Limit: 1000})
	if err != nil {
		w.Fatal(err)
	}
	var titles []string
	for i := range page.Articles {
		titles = append(titles, page.Articles[i].Title)
	}
	return strings.Join(titles, ", ")
}

var errDisk = errors.New("no space left on device")

// faulty is an archive whose disk may be full.
type faulty struct {
	store.Store
	mu       sync.Mutex
	full     func(store.Batch) bool
	articles int // handed to Save so far
	saves    int
	dueErr   error                 // returned by Due
	looked   func(context.Context) // called at each look at a list of sources, or for one by name; may be nil
}

func (f *faulty) look(ctx context.Context) {
	if f.looked != nil {
		f.looked(ctx)
	}
}

func (f *faulty) Due(ctx context.Context, now time.Time, after store.Turn, limit int) ([]store.Turn, error) {
	defer f.look(ctx)
	if f.dueErr != nil {
		return nil, f.dueErr
	}
	return f.Store.Due(ctx, now, after, limit)
}

func (f *faulty) Sources(ctx context.Context, after feed.SourceID, limit int) ([]feed.Source, error) {
	defer f.look(ctx)
	return f.Store.Sources(ctx, after, limit)
}

func (f *faulty) Source(ctx context.Context, id feed.SourceID) (feed.Source, error) {
	defer f.look(ctx)
	return f.Store.Source(ctx, id)
}

func (f *faulty) Save(ctx context.Context, batches ...store.Batch) ([]store.Saved, error) {
	f.mu.Lock()
	fail := false
	for _, b := range batches {
		f.articles += len(b.Articles)
		f.saves++
		fail = fail || f.full != nil && f.full(b)
	}
	f.mu.Unlock()
	if fail {
		return make([]store.Saved, len(batches)), errDisk
	}
	return f.Store.Save(ctx, batches...)
}

// fill sets when the disk is full.
func (f *faulty) fill(full func(store.Batch) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full = full
}

// handed returns how many articles and batches were handed to Save since it was last called.
func (f *faulty) handed() (articles, saves int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	articles, saves = f.articles, f.saves
	f.articles, f.saves = 0, 0
	return articles, saves
}
