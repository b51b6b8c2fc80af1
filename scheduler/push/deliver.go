package push

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
)

const (
	listen     = 200 * time.Millisecond // how often the archive is asked whether something has come
	noteEvery  = time.Second            // how often what was delivered is noted
	atOnce     = 32                     // hosts that are told side by side
	firstRetry = time.Second
	maxRetry   = time.Hour
	maxPut     = 24 * time.Hour // for which a callback may put deliveries off
	pageLen    = 1000
)

// subscription is a subscriber with what the hub knows of it. The hub's lock guards it.
type subscription struct {
	store.Subscriber
	ref  store.Ref
	path string
	host string

	newest   uint64    // edition of the feed, as far as is known; more than Told where there is something to tell
	failures int       // deliveries that failed since the last that did not
	next     time.Time // no delivery before
	busy     bool      // it waits in its host's queue, or is being told
	noted    bool      // what is in the archive is true of it
	gone     bool      // it has ended
}

// host is where callbacks are. Those on one host are told one after the other, so that a slow one holds
// nobody else up.
type host struct {
	count   int // subscriptions
	queue   []*subscription
	running bool
}

// Run tells subscribers what is new until ctx ends. Each is told what its topic holds, as soon as that
// has changed; whoever cannot be reached is tried again, at longer and longer intervals, until the
// subscription ends. What was not delivered when ctx ends is when Run is called again. An error is
// the archive's.
func (h *Hub) Run(ctx context.Context) error {
	h.init()
	l := &looker{Hub: h, slots: make(chan struct{}, atOnce)}
	if err := l.load(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("open the hub: %w", err)
	}
	defer l.workers.Wait()
	ticker := time.NewTicker(listen)
	defer ticker.Stop()
	for {
		err := l.look(ctx)
		if ctx.Err() != nil {
			l.workers.Wait()
			return l.note(context.WithoutCancel(ctx))
		}
		if err == nil {
			err = l.sweep(ctx)
		}
		if err != nil {
			orSilent(h.Log).Error("hub failed", "error", err)
		}
		select {
		case <-ticker.C:
		case <-h.changed:
		case w := <-h.wishes:
			l.workers.Go(func() { h.grant(ctx, w) })
		case <-ctx.Done():
		}
	}
}

func (h *Hub) ring() {
	select {
	case h.changed <- struct{}{}:
	default: // it rings already
	}
}

// put adds a subscription, or renews it. The caller holds the lock.
func (h *Hub) put(sub store.Subscriber, ref store.Ref, path string) {
	k := key{sub.Topic, sub.Callback}
	s := h.subs[k]
	if s == nil {
		s = &subscription{ref: ref, path: path, host: hostOf(sub.Callback), newest: sub.Told}
		h.subs[k] = s
		if h.topics[ref] == nil {
			h.topics[ref] = make(map[*subscription]bool)
		}
		h.topics[ref][s] = true
		if h.hosts[s.host] == nil {
			h.hosts[s.host] = new(host)
		}
		h.hosts[s.host].count++
	}
	s.Subscriber, s.failures, s.next, s.noted = sub, 0, time.Time{}, true
}

// drop takes a subscription out. The caller holds the lock.
func (h *Hub) drop(s *subscription) {
	s.gone = true
	delete(h.subs, key{s.Topic, s.Callback})
	if delete(h.topics[s.ref], s); len(h.topics[s.ref]) == 0 {
		delete(h.topics, s.ref)
	}
	at := h.hosts[s.host]
	if at.count--; at.count == 0 && !at.running {
		delete(h.hosts, s.host)
	}
}

// looker is a hub at work.
type looker struct {
	*Hub
	edition uint64 // of the archive, when it was last looked at
	place   uint64 // up to which changes of feeds have been seen
	flushed time.Time
	slots   chan struct{}
	workers sync.WaitGroup
}

// load reads the subscriptions and how far each is behind.
func (l *looker) load(ctx context.Context) error {
	all, err := l.Store.Feed(ctx, store.Ref{Kind: store.All})
	if err != nil {
		return err
	}
	subs, err := l.Store.Subscribers(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, sub := range subs {
		ref, path, ok := l.Topic(sub.Topic)
		switch {
		case ok:
			l.put(sub, ref, path)
		case sub.Until.Before(l.now()): // the archive had another address then
			if err := l.Store.Dismiss(ctx, sub.Topic, sub.Callback); err != nil {
				return err
			}
		}
	}
	for ref, behind := range l.topics {
		f, err := l.Store.Feed(ctx, ref)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		for s := range behind {
			s.newest = max(s.newest, f.Edition)
		}
	}
	l.place = all.Touched // what has changed since then is met again
	return nil
}

// look asks the archive which feeds have changed.
func (l *looker) look(ctx context.Context) error {
	edition := l.Store.Edition()
	if edition == l.edition {
		return nil
	}
	for {
		feeds, err := l.Store.Touched(ctx, l.place, pageLen)
		if err != nil {
			return err
		}
		if len(feeds) == 0 {
			l.edition = edition
			return nil
		}
		l.mu.Lock()
		for i := range feeds {
			for s := range l.topics[feeds[i].Ref] {
				s.newest = feeds[i].Edition
			}
		}
		l.mu.Unlock()
		l.place = feeds[len(feeds)-1].Touched
	}
}

// sweep ends subscriptions whose time is up, and has told who is to be told.
func (l *looker) sweep(ctx context.Context) error {
	now := l.now()
	var ended []key
	l.mu.Lock()
	for k, s := range l.subs {
		switch {
		case !now.Before(s.Until):
			ended = append(ended, k)
		case s.newest > s.Told && !s.busy && !now.Before(s.next):
			s.busy = true
			l.enqueue(ctx, s)
		}
	}
	l.mu.Unlock()
	for _, k := range ended {
		if err := l.dismiss(ctx, k); err != nil {
			return err
		}
	}
	if now.Sub(l.flushed) < noteEvery {
		return nil
	}
	l.flushed = now
	return l.note(ctx)
}

// note writes down who has been told what. Until that is done a restart would tell them again, which
// is no harm.
func (l *looker) note(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var told []store.Subscriber
	for _, s := range l.subs {
		if !s.noted {
			told = append(told, s.Subscriber)
		}
	}
	if len(told) == 0 {
		return nil
	}
	if err := l.Store.Enrol(ctx, told...); err != nil {
		return err
	}
	for _, s := range l.subs {
		s.noted = true
	}
	return nil
}

// enqueue puts a subscription into its host's queue. The caller holds the lock.
func (l *looker) enqueue(ctx context.Context, s *subscription) {
	at := l.hosts[s.host]
	at.queue = append(at.queue, s)
	if !at.running {
		at.running = true
		l.workers.Go(func() { l.serve(ctx, s.host, at) })
	}
}

// serve tells those in a host's queue until there are none.
func (l *looker) serve(ctx context.Context, name string, at *host) {
	for {
		l.mu.Lock()
		if len(at.queue) == 0 || ctx.Err() != nil {
			for _, s := range at.queue {
				s.busy = false
			}
			at.queue, at.running = nil, false
			if at.count == 0 && l.hosts[name] == at {
				delete(l.hosts, name)
			}
			l.mu.Unlock()
			return
		}
		s := at.queue[0]
		at.queue = at.queue[1:]
		sub, gone := s.Subscriber, s.gone
		l.mu.Unlock()
		if gone {
			continue
		}
		select {
		case l.slots <- struct{}{}:
			l.tell(ctx, s, sub)
			<-l.slots
		case <-ctx.Done():
			l.settle(s, func() {})
		}
	}
}

// settle ends a subscription's turn.
func (l *looker) settle(s *subscription, change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.busy = false
	change()
}

// tell delivers what a topic holds to one subscriber (WebSub §7).
func (l *looker) tell(ctx context.Context, s *subscription, sub store.Subscriber) {
	p, err := l.publication(ctx, s.ref, s.path)
	var answer *fetch.Answer
	switch {
	case err == nil && p.code == http.StatusOK && p.edition > sub.Told:
		answer, err = l.Fetch.Send(ctx, l.delivery(p, &sub))
	case err == nil: // there is no such feed any more, or nothing new in it
		answer = &fetch.Answer{Status: http.StatusOK}
	}
	log := orSilent(l.Log).With("topic", sub.Topic, "callback", s.host)
	switch {
	case err != nil && ctx.Err() != nil:
		l.settle(s, func() {})
	case err == nil && answer.Status/100 == 2:
		log.Debug("subscriber told")
		l.settle(s, func() {
			s.Told, s.failures, s.next, s.noted = max(p.edition, s.Told), 0, time.Time{}, false
			if p.code != http.StatusOK {
				s.Told = max(s.Told, s.newest)
			}
		})
	case err == nil && answer.Status == http.StatusGone:
		log.Info("subscriber gone")
		l.settle(s, func() {})
		if err := l.dismiss(ctx, key{sub.Topic, sub.Callback}); err != nil {
			log.Error("hub failed", "error", err)
		}
	default:
		problem := ""
		if err == nil {
			problem = fmt.Sprintf("it answers %d", answer.Status)
		} else {
			problem = plain(err) // without the callback, which need not stand in a log
		}
		l.settle(s, func() {
			wait := retryIn(s.failures, answer)
			s.failures++
			s.next = l.now().Add(wait)
			log.Info("subscriber not told", "problem", problem, "again in", wait)
		})
	}
}

// retryIn returns how long a subscriber that could not be told, after so many failures before, is left
// alone.
func retryIn(failures int, answer *fetch.Answer) time.Duration {
	wait := firstRetry
	for n := 0; n < failures && wait < maxRetry; n++ {
		wait *= 4
	}
	wait = min(wait, maxRetry)
	if answer != nil {
		wait = max(wait, min(answer.RetryAfter, maxPut))
	}
	return wait
}

func (h *Hub) delivery(p *publication, sub *store.Subscriber) fetch.Message {
	m := fetch.Message{Method: http.MethodPost, URL: sub.Callback, Body: p.body.Bytes(), Header: http.Header{
		"Content-Type": {p.header.Get("Content-Type")},
		"Link":         {"<" + h.Address + `>; rel="hub", <` + sub.Topic + `>; rel="self"`},
	}}
	if sub.Secret != "" {
		m.Header.Set("X-Hub-Signature", signature(sub.Secret, m.Body))
	}
	return m
}

// publication is what the site answers for a topic, kept in memory.
type publication struct {
	edition uint64 // of the feed
	header  http.Header
	code    int
	body    bytes.Buffer
}

func (p *publication) Header() http.Header         { return p.header }
func (p *publication) WriteHeader(code int)        { p.code = code }
func (p *publication) Write(b []byte) (int, error) { return p.body.Write(b) }

// publication asks the site for a topic as a reader would. Its edition is one that it holds at least.
func (h *Hub) publication(ctx context.Context, ref store.Ref, path string) (*publication, error) {
	f, err := h.Store.Feed(ctx, ref)
	if errors.Is(err, store.ErrNotFound) {
		return &publication{code: http.StatusNotFound}, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, (&url.URL{Path: path}).String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for %q: %w", path, err) // unreachable: the path is one of the site's own
	}
	for tries := 0; ; tries++ {
		p := &publication{edition: f.Edition, header: make(http.Header), code: http.StatusOK}
		h.Site.ServeHTTP(p, r.Clone(ctx))
		if p.code >= http.StatusInternalServerError {
			return nil, fmt.Errorf("the site answers %d for %q", p.code, path)
		}
		if f, err = h.Store.Feed(ctx, ref); err != nil || f.Edition == p.edition || tries == 3 {
			return p, nil // what comes in faster than it can be told is told again
		}
	}
}
