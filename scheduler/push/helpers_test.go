package push_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/render"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/scheduler/push"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// network is an Internet in memory, in which the clock may be that of a synctest bubble.
type network struct {
	mu    sync.Mutex
	hosts map[string]http.Handler
	log   []string // "METHOD host/path status"
}

func newNetwork() *network { return &network{hosts: make(map[string]http.Handler)} }

// set puts a host on the network; nil takes it off.
func (n *network) set(host string, h http.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[host] = h
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	h := n.hosts[r.URL.Host]
	n.mu.Unlock()
	if h == nil {
		n.note(r, 0)
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	in := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), bytes.NewReader(body))
	in.Header = r.Header.Clone()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, in)
	if err := r.Context().Err(); err != nil {
		n.note(r, 0)
		return nil, err
	}
	n.note(r, w.Code)
	return w.Result(), nil
}

func (n *network) note(r *http.Request, status int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.log = append(n.log, fmt.Sprintf("%s %s%s %d", r.Method, r.URL.Host, r.URL.Path, status))
}

// heard returns how many exchanges so far begin like this.
func (n *network) heard(prefix string) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, line := range n.log {
		if strings.HasPrefix(line, prefix) {
			count++
		}
	}
	return count
}

// instance is an archive on the network, with a hub and hearing the hubs of others.
type instance struct {
	testing.TB
	net  *network
	host string
	dir  string

	db    *bolt.DB
	sched *scheduler.Scheduler
	hub   *push.Hub
	sub   *push.Subscriber

	only    bool   // it has no hub of its own
	stop    func() // all of it
	stopHub func() // the hub alone
}

func newInstance(t testing.TB, n *network, host string) *instance {
	t.Helper()
	i := &instance{TB: t, net: n, host: host, dir: t.TempDir()}
	i.start()
	return i
}

// newReader returns an instance that tells nobody anything.
func newReader(t testing.TB, n *network, host string) *instance {
	t.Helper()
	i := &instance{TB: t, net: n, host: host, dir: t.TempDir(), only: true}
	i.start()
	return i
}

func (i *instance) base() string { return "https://" + i.host }

// start opens the archive and begins to work.
func (i *instance) start() {
	i.Helper()
	db, err := bolt.Open(filepath.Join(i.dir, "archive.db"), &bolt.Options{NoSync: true})
	if err != nil {
		i.Fatal(err)
	}
	i.db = db
	client := func() *fetch.Client {
		return &fetch.Client{HTTP: &http.Client{Transport: i.net}, Timeout: 10 * time.Second}
	}
	i.sched = &scheduler.Scheduler{Store: db, Fetch: client()}
	i.sub = &push.Subscriber{Store: db, Scheduler: i.sched, Fetch: i.sched.Fetch, Callback: i.base() + "/push/", MaxBytes: 1 << 20}
	i.sched.Heard = i.sub.Heard
	if i.stopHub = func() {}; i.only {
		i.serve(http.NotFoundHandler())
	} else {
		i.startHub()
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() {
		if err := i.sub.Run(ctx); err != nil {
			i.Error(err)
		}
	})
	work.Go(func() {
		if err := i.sched.Run(ctx); err != nil {
			i.Error(err)
		}
	})
	i.stop = func() {
		i.stopHub()
		cancel()
		work.Wait()
		i.net.set(i.host, nil)
		if faults, err := db.Check(context.Background()); err != nil || len(faults) > 0 {
			i.Errorf("%s: the archive is damaged: %v %q", i.host, err, faults)
		}
		if err := db.Close(); err != nil {
			i.Error(err)
		}
	}
}

// startHub gives the instance a hub.
func (i *instance) startHub() {
	i.hub = &push.Hub{
		Store: i.db, Address: i.base() + "/hub", Site: http.HandlerFunc(i.feed),
		Fetch: &fetch.Client{HTTP: &http.Client{Transport: i.net}, Timeout: 10 * time.Second},
		Topic: func(address string) (store.Ref, string, bool) {
			return store.Ref{Kind: store.All}, "/feed.atom", address == i.topic()
		},
	}
	hub := i.hub
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() {
		if err := hub.Run(ctx); err != nil {
			i.Error(err)
		}
	})
	i.stopHub = func() { cancel(); work.Wait() }
	i.serve(hub)
}

// serve puts the instance on the network.
func (i *instance) serve(hub http.Handler) {
	mux := http.NewServeMux()
	mux.Handle("/hub", hub)
	mux.Handle("/push/", i.sub)
	mux.HandleFunc("/feed.atom", i.feed)
	i.net.set(i.host, mux)
}

func (i *instance) topic() string { return i.base() + "/feed.atom" }

// feed shows everything in the archive.
func (i *instance) feed(w http.ResponseWriter, r *http.Request) {
	f, err := i.db.Feed(r.Context(), store.Ref{Kind: store.All})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%d"`, f.Edition))
	w.Header().Set("Link", "<"+i.base()+`/hub>; rel="hub", <`+i.topic()+`>; rel=self`)
	if r.Header.Get("If-None-Match") == w.Header().Get("ETag") {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	articles, err := store.Subscription(r.Context(), i.db, f, 100)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	render.Atom(w, &render.Document{ID: "urn:example:" + i.host, Title: i.host, Home: i.base(), Self: i.topic(), Updated: f.Changed, Articles: articles})
}

// publish puts articles into the archive by another door than its feeds.
func (i *instance) publish(titles ...string) {
	i.Helper()
	var articles []feed.Article
	for _, title := range titles {
		articles = append(articles, feed.Article{GUID: "urn:example:" + title, Key: "urn:example:" + title, Title: title, Content: "<p>Text of " + title + "</p>", Published: time.Now()})
	}
	saved, err := i.db.Save(context.Background(), store.Batch{Source: feed.Source{URL: "file:here", Title: "Here"}, Articles: articles, Seen: time.Now()})
	if err != nil || saved[0].Err != nil {
		i.Fatal(err, saved[0].Err)
	}
}

// follow subscribes to another instance's feed.
func (i *instance) follow(other *instance) feed.Source {
	i.Helper()
	r, err := i.sched.Subscribe(context.Background(), other.topic(), nil, "")
	if err != nil {
		i.Fatal(err)
	}
	return r.Source
}

func (i *instance) source(id feed.SourceID) feed.Source {
	i.Helper()
	src, err := i.db.Source(context.Background(), id)
	if err != nil {
		i.Fatal(err)
	}
	return src
}

// has reports whether there is an article of this title, in how many revisions.
func (i *instance) has(title string) int {
	i.Helper()
	page, err := i.db.Articles(context.Background(), store.Query{Ref: store.Ref{Kind: store.All}, Limit: 1000})
	if err != nil {
		i.Fatal(err)
	}
	for _, a := range page.Articles {
		if a.Title == title {
			return a.Revision + 1
		}
	}
	return 0
}

// say sends a request to a handler and returns the status and the answer.
func say(h http.Handler, method, target, body string, fields ...string) (int, string) {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for k := 0; k < len(fields); k += 2 {
		r.Header.Set(fields[k], fields[k+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// eventOf is what is told of a source whose subscription has ended.
func eventOf(src feed.Source) scheduler.Event { return scheduler.Event{Source: src} }
