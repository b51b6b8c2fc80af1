// Package web shows an archive over HTTP.
//
// It reads only: it is given a store.Reader and so cannot write. Every request takes one of two
// ways. What is in the cache and known to be current goes out as it stands; everything else goes
// through the routes to a handler, which asks the archive, builds a value, renders it to a
// [document] and lets the cache keep that for the next reader.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// Options say what is shown and as what.
type Options struct {
	Archive store.Reader // required
	// BaseURL is the address under which readers reach the archive, with http or https; required.
	// All addresses that leave the program are made from it, never from what a request claims. If
	// it has a path, requests may come with or without that path in front, as proxies differ.
	BaseURL string
	Title   string       // of the archive; "Archive" where empty
	Version string       // of the program; part of every validator
	Log     *slog.Logger // for failures of the archive; nil is silence
	// Deltas lets readers who ask for it have only what is new in a feed since they came last (RFC 3229,
	// A-IM: feed). There are programs that ask and do not understand the answer, so it is not for all.
	Deltas bool
	// Hub is the address of the WebSub hub that tells of what is new in the live documents of the feeds,
	// which name it; none where empty.
	Hub string
	// Hubs are the addresses of other people's hubs that are told when a live document changes. The
	// documents name them behind Hub.
	Hubs []string
	// Alive says when the scheduler last gave a sign of life, by which /healthz is answered; nil where
	// nobody visits sources.
	Alive func() time.Time
	// Limited says why the archive is only read, and what to do about it, both as sentences; "" while it is
	// written too. /healthz is answered by it, and /status says it. nil where that is always so.
	Limited func() (why, remedy string)
	// Status shows the owner how the archive is doing; nil for nobody.
	Status *Status
	// CacheBytes bounds what finished documents may take in memory; 64 MiB where 0.
	CacheBytes int64
}

// New returns the handler that shows the archive.
func New(o Options) (http.Handler, error) {
	if o.Archive == nil {
		return nil, errors.New("show archive: none given")
	}
	base, err := url.Parse(o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("read base URL %q: %w", o.BaseURL, err)
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.Fragment != "" ||
		base.User != nil || strings.Contains(base.Path, "/.") || strings.Contains(base.Path, " ") || !port(base.Port()) {
		return nil, fmt.Errorf("read base URL %q: want http://HOST or https://HOST, with a path at most", o.BaseURL)
	}
	if o.Title == "" {
		o.Title = "Archive"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 64 << 20
	}
	s := &site{
		archive: o.Archive,
		base:    strings.TrimRight(base.String(), "/"),
		prefix:  strings.TrimRight(base.EscapedPath(), "/"),
		title:   o.Title,
		version: o.Version,
		hubs:    slices.DeleteFunc(append([]string{o.Hub}, o.Hubs...), func(hub string) bool { return hub == "" }),
		log:     o.Log,
		deltas:  o.Deltas,
		cache:   newCache(o.CacheBytes),
		static:  newStatic(),
		alive:   o.Alive,
		limited: o.Limited,
		status:  o.Status,
		formats: newFormats(o.Deltas),

		searching:   make(chan struct{}, searchers),
		statusClass: newClass("text/html; charset=utf-8", statusKeep, pageFields("'none'")...),
		opmlClass:   newFeedClass("text/x-opml; charset=utf-8", feedsKeep),
	}
	if s.limited == nil {
		s.limited = func() (why, remedy string) { return "", "" }
	}
	if s.press, err = newPress(); err != nil {
		return nil, err
	}
	s.salt = fingerprint(s.base, s.title, s.version)
	if len(s.hubs) > 0 {
		s.salt = fingerprint(append([]string{s.salt}, s.hubs...)...)
	}
	if s.pages, err = newPages(); err != nil {
		return nil, err
	}
	s.mux = s.routes()
	if s.prefix != "" {
		return underPrefix(s.prefix, s), nil
	}
	return s, nil
}

// port reports whether s can be a port's number, or none.
func port(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return s == "" || err == nil && n > 0
}

// site is the archive as it is shown: the handler behind [New].
type site struct {
	archive store.Reader
	base    string // without a slash at its end
	prefix  string // the base's path, escaped; links on pages begin with it
	title   string
	version string
	hubs    []string // addresses, ours before those of others
	salt    string   // what besides the archive decides the bytes that go out
	log     *slog.Logger
	deltas  bool
	alive   func() time.Time // nil where nobody visits sources
	limited func() (why, remedy string)
	status  *Status // nil where nobody may see it

	mux         *http.ServeMux
	pages       *pages
	formats     []format
	static      static
	cache       *cache
	press       *press
	opmlClass   *class
	statusClass *class
	making      singleflight.Group
	searching   chan struct{}             // holds as many as are under way
	id          atomic.Pointer[feed.UUID] // see [site.identity]
}

// routes is the one place where addresses meet handlers.
func (s *site) routes() *http.ServeMux {
	mux := http.NewServeMux()
	handle := func(pattern string, h func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := h(w, r); err != nil {
				s.fail(w, r, err)
			}
		})
	}
	handle("/{$}", s.index)
	handle("/feeds.opml", s.opml)
	handle("/articles/{id}", s.article)
	handle("/articles/{id}/diff", s.diff)
	handle("/articles/{id}/revisions", s.versions)
	handle("/articles/{id}/revisions/{revision}", s.revision)
	handle("/articles/{id}/revisions/{revision}/diff", s.revisionDiff)
	handle(searchPath, s.search)
	handle(changesPath, s.changes)
	handle(changesPath+"/{page}", s.olderChanges)
	for i := range s.formats {
		handle(changesPath+s.formats[i].Ext, s.changesDocument(&s.formats[i]))
		handle(searchPath+s.formats[i].Ext, s.searchDocument(&s.formats[i]))
	}

	s.statusRoutes(handle)

	// A pattern cannot hold "{name}.atom", so the handlers cut known extensions off themselves.
	handle("/{name}", s.feedOf(store.All)) // /feed, /feed.atom, …
	handle("/feed"+archiveDir+"{document}", s.archiveOf(store.All))
	for _, sec := range sections() {
		handle(listPath(sec, ""), s.listOf(sec))
		if sec.Kind == store.Search {
			handle("/"+sec.Path+"/{rest...}", s.below(sec)) // names there have one part or two
			continue
		}
		handle(listPath(sec, "{name}"), s.listOf(sec))
		handle("/"+sec.Path+"/{name}", s.feedOf(sec.Kind))
		handle("/"+sec.Path+"/{name}"+archiveDir+"{document}", s.archiveOf(sec.Kind))
	}

	for path, doc := range s.static.files {
		handle(path, func(w http.ResponseWriter, r *http.Request) error {
			s.send(w, r, doc)
			return nil
		})
	}
	handle("/favicon.ico", func(w http.ResponseWriter, r *http.Request) error {
		return moved(s.static.icon)
	})
	handle("/", func(w http.ResponseWriter, r *http.Request) error {
		if path := r.URL.EscapedPath(); strings.HasSuffix(path, "/") {
			return moved(strings.TrimRight(path, "/"))
		}
		return errNoPage
	})
	return mux
}

// ServeHTTP answers from the cache where it can, since nearly every request to a server of feeds
// is a poll for the document that went to the last reader. Paths in the cache were routed once.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		allowOrigins(w.Header())
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		s.fail(w, r, errReadOnly)
		return
	}
	if r.URL.RawQuery == "" && !s.wantsDelta(r.Header) {
		if doc := s.current(r.URL.Path); doc != nil && s.send(w, r, doc) {
			return
		}
	}
	s.mux.ServeHTTP(w, r)
}

// current returns the document of a path if it is known to be as the archive is now.
func (s *site) current(path string) *document {
	doc := s.cache.get(path)
	if doc == nil || doc.checked.Load() != s.archive.Edition() {
		return nil
	}
	return doc
}

// underPrefix takes a path off the front of requests that come with it.
func underPrefix(prefix string, h http.Handler) http.Handler {
	stripped := http.StripPrefix(prefix, h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.EscapedPath(), prefix+"/") {
			stripped.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// allowOrigins answers a preflight request: scripts of any site may read what everybody may.
func allowOrigins(h http.Header) {
	h.Set("Allow", allowed)
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, HEAD")
	h.Set("Access-Control-Allow-Headers", "If-None-Match, If-Modified-Since")
	h.Set("Access-Control-Max-Age", "86400")
}

const allowed = "GET, HEAD, OPTIONS"

// once makes a document, once for all who ask for it at the same time. The work goes on when the
// first of them leaves.
func (s *site) once(ctx context.Context, key string, build func(context.Context, uint64) (*document, error)) (*document, error) {
	doc, err, _ := s.making.Do(key, func() (any, error) {
		// The edition is taken before anything is read: what comes in meanwhile is then asked for
		// once more, never missed.
		edition := s.archive.Edition()
		if doc := s.cache.get(key); doc != nil && doc.body != nil && doc.checked.Load() == edition {
			return doc, nil // somebody was a moment faster
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		return build(ctx, edition)
	})
	if err != nil {
		return nil, err
	}
	return doc.(*document), nil
}
