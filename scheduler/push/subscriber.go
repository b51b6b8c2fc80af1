package push

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
)

const (
	wantLease = DefaultLease        // what hubs are asked for
	maxLease  = 90 * 24 * time.Hour // what they are believed
	askAgain  = 6 * time.Hour       // after a hub was asked in vain
	askLeast  = 5 * time.Minute     // between two requests, however short its leases are
	round     = time.Minute         // how often it is looked who is to be asked
	askAtOnce = 16                  // hubs that are asked side by side

	takeAtOnce = 8 // deliveries that are read at once: each may be large
)

// Subscriber has the hubs of the archive's sources tell it what is new. [Subscriber.Heard] is to be told
// of every visit, [Subscriber.Run] asks hubs, and the handler hears what they say. Store, Scheduler, Fetch
// and Callback must be set; nothing may be changed once it is in use.
type Subscriber struct {
	Store     store.Store
	Scheduler *scheduler.Scheduler
	Fetch     *fetch.Client
	// Callback is the address below which hubs reach the handler, with a slash at its end. What follows is
	// different for each source, and is known to its hub alone.
	Callback string

	MaxBytes int64            // of a delivery; fetch.DefaultMaxBytes if 0
	Now      func() time.Time // the clock; time.Now if nil
	Log      *slog.Logger     // silent if nil

	once   sync.Once
	bell   chan struct{}
	taking chan struct{} // holds as many as deliveries are being read

	mu    sync.Mutex
	heard map[feed.SourceID]*scheduler.Named // by visits, and not acted upon yet
	watch map[feed.SourceID]time.Time        // when to look at a source that has a hub
}

func (s *Subscriber) init() {
	s.once.Do(func() {
		s.bell = make(chan struct{}, 1)
		s.taking = make(chan struct{}, takeAtOnce)
		s.heard = make(map[feed.SourceID]*scheduler.Named)
		s.watch = make(map[feed.SourceID]time.Time)
	})
}

func (s *Subscriber) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// Heard notes what a visit has found. It does not wait for anything.
func (s *Subscriber) Heard(e scheduler.Event) {
	s.init()
	if e.Source.ID == 0 || e.Named == nil && e.Source.Fetch.Push.Hub == "" ||
		e.Named != nil && e.Named.Hub == "" && e.Source.Fetch.Push.Hub == "" {
		return
	}
	s.mu.Lock()
	if e.Named != nil || s.heard[e.Source.ID] == nil {
		s.heard[e.Source.ID] = e.Named
	}
	s.mu.Unlock()
	select {
	case s.bell <- struct{}{}:
	default: // it rings already
	}
}

// Run asks hubs to tell what is new at the sources that name them, again before a subscription ends, and
// where they have stopped telling, until ctx ends. An error is the archive's.
func (s *Subscriber) Run(ctx context.Context) error {
	s.init()
	var asking sync.WaitGroup
	defer asking.Wait()
	slots := make(chan struct{}, askAtOnce)
	asking.Go(func() {
		if err := s.load(ctx); err != nil && ctx.Err() == nil {
			orSilent(s.Log).Error("hubs not known", "error", err)
		}
	})
	ticker := time.NewTicker(round)
	defer ticker.Stop()
	for {
		for id, named := range s.due() {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return nil
			}
			asking.Go(func() {
				defer func() { <-slots }()
				if err := s.attend(ctx, id, named); err != nil && ctx.Err() == nil {
					orSilent(s.Log).Error("hub not asked", "source", id, "error", err)
				}
			})
		}
		select {
		case <-ticker.C:
		case <-s.bell:
		case <-ctx.Done():
			return nil
		}
	}
}

// load finds the sources that have a hub.
func (s *Subscriber) load(ctx context.Context) error {
	for after := feed.SourceID(0); ; {
		sources, err := s.Store.Pushing(ctx, after, pageLen)
		if err != nil || len(sources) == 0 {
			return err
		}
		after = sources[len(sources)-1].ID
		s.mu.Lock()
		for i := range sources {
			if src := &sources[i]; s.watch[src.ID].IsZero() {
				s.watch[src.ID] = next(src)
			}
		}
		s.mu.Unlock()
	}
}

// due returns the sources that are to be looked at, with what visits have found there.
func (s *Subscriber) due() map[feed.SourceID]*scheduler.Named {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.heard
	s.heard = make(map[feed.SourceID]*scheduler.Named)
	for id, at := range s.watch {
		if _, there := all[id]; !there && !now.Before(at) {
			all[id] = nil
		}
	}
	for id := range all {
		s.watch[id] = now.Add(askAgain) // so that nobody else takes it up meanwhile
	}
	return all
}

// next returns when the hub of a source is to be asked.
func next(src *feed.Source) time.Time {
	p := &src.Fetch.Push
	again := p.Asked.Add(askAgain)
	switch {
	case p.Asked.IsZero():
		return time.Time{}.Add(1)
	case !p.Until.After(p.Asked): // it has never agreed, or not this time
		return again
	}
	renewal := later(p.Asked.Add(askLeast), p.Asked.Add(p.Until.Sub(p.Asked)/5*4))
	// A visit has found what was not told?
	if found := src.Fetch.Changed; found.After(p.Pushed) && found.After(p.Asked) && again.Before(renewal) {
		return again
	}
	return renewal
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// attend looks at a source, notes the hub that a visit has found, and asks it if it is time to.
func (s *Subscriber) attend(ctx context.Context, id feed.SourceID, named *scheduler.Named) error {
	src, err := s.Store.Source(ctx, id)
	if err != nil {
		return err
	}
	if named != nil && src.Subscribed {
		if err := s.choose(ctx, &src, named); err != nil {
			return err
		}
	}
	if !src.Subscribed || src.Fetch.Push.Hub == "" {
		s.mu.Lock()
		delete(s.watch, id)
		s.mu.Unlock()
		if !src.Subscribed && src.Fetch.Push.Until.After(s.now()) {
			s.leave(ctx, &src)
		}
		return nil
	}
	if now := s.now(); !now.Before(next(&src)) {
		src.Fetch.Push.Asked = now
		err = s.ask(ctx, &src)
	}
	s.mu.Lock()
	s.watch[id] = next(&src)
	s.mu.Unlock()
	return err
}

// leave asks a source's hub to end the subscription (WebSub §5.1). It does so once: what a hub delivers all
// the same is answered with 410.
func (s *Subscriber) leave(ctx context.Context, src *feed.Source) {
	p := &src.Fetch.Push
	log := orSilent(s.Log).With("source", src.ID, "hub", hostOf(p.Hub))
	answer, err := s.say(ctx, src, url.Values{
		"hub.mode": {unsubscribe}, "hub.topic": {p.Topic}, "hub.callback": {s.Callback + p.Callback},
	})
	switch {
	case err != nil && ctx.Err() == nil:
		log.Info("hub not left", "problem", plain(err))
	case err == nil && answer.Status/100 != 2:
		log.Info("hub not left", "problem", fmt.Sprintf("the hub answers %d", answer.Status))
	}
}

// say sends a form to a source's hub.
func (s *Subscriber) say(ctx context.Context, src *feed.Source, form url.Values) (*fetch.Answer, error) {
	hub := src.Fetch.Push.Hub
	return s.Fetch.Send(ctx, fetch.Message{
		Method: http.MethodPost, URL: hub, Header: http.Header{"Content-Type": {formType}}, Body: []byte(form.Encode()),
		// The owner has named the source's own host, so its hub may be where the source is.
		Trusted: hostOf(hub) == hostOf(src.URL), Follow: true,
	})
}

// choose makes the hub that a source names the one that is asked. One that is named no more is forgotten,
// and its callback with it.
func (s *Subscriber) choose(ctx context.Context, src *feed.Source, n *scheduler.Named) error {
	p := &src.Fetch.Push
	if p.Hub == n.Hub && (n.Hub == "" || p.Topic == n.Topic) {
		return nil
	}
	to := feed.Push{}
	if n.Hub != "" {
		to = feed.Push{
			Hub: n.Hub, Topic: n.Topic, Secret: unguessable(),
			Callback: strconv.FormatUint(uint64(src.ID), 36) + "-" + unguessable(),
		}
	}
	src.Fetch.Push = to
	return s.Store.SetPush(ctx, src.ID, func(p *feed.Push) { *p = to })
}

// ask asks a source's hub for a subscription (WebSub §5.1). That it has been asked is noted first, since
// only then its callback may say yes. A hub that does not answer is no error.
func (s *Subscriber) ask(ctx context.Context, src *feed.Source) error {
	p := src.Fetch.Push
	err := s.Store.SetPush(ctx, src.ID, func(was *feed.Push) {
		if was.Callback == p.Callback {
			was.Asked = p.Asked
		}
	})
	if err != nil {
		return err
	}
	form := url.Values{
		"hub.mode": {subscribe}, "hub.topic": {p.Topic}, "hub.callback": {s.Callback + p.Callback}, "hub.secret": {p.Secret},
		"hub.lease_seconds": {seconds(wantLease)},
	}
	answer, err := s.say(ctx, src, form)
	log := orSilent(s.Log).With("source", src.ID, "hub", hostOf(p.Hub))
	problem := ""
	switch {
	case err != nil && ctx.Err() != nil:
		return nil
	case err != nil:
		problem = "the hub cannot be asked: " + plain(err)
	case answer.Status/100 != 2:
		problem = fmt.Sprintf("the hub answers %d", answer.Status)
	default:
		log.Debug("hub asked")
		return nil
	}
	log.Info("hub not asked", "problem", problem)
	return s.Store.SetPush(ctx, src.ID, func(was *feed.Push) {
		if was.Callback == p.Callback {
			was.Problem = problem
		}
	})
}
