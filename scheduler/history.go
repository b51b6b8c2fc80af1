package scheduler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
)

// Bounds of a walk through a publisher's own archive.
const (
	DefaultMaxDocuments = 10_000
	DefaultMaxWalk      = 20 << 30 // bytes

	// roundDocuments and roundTaken are how many documents of a source are fetched in one round in the
	// background, and how many are taken in: there are other sources too.
	roundDocuments = 20
	roundTaken     = 200
)

// ErrNoHistory is returned for a source that shows no way to its older documents.
var ErrNoHistory = errors.New("shows no way to older articles")

// Walk is a stretch of a walk through a publisher's own archive: what has been done of it now.
// Source.Fetch.History says how far it has come altogether.
type Walk struct {
	Source  feed.Source // as it is now
	Fetched int         // documents fetched
	Taken   int         // documents taken in
	Added   int         // new articles, all of them back issues
	Revised int         // new revisions of known articles
	Ended   bool        // the walk has come to its end
	Err     error       // why it goes no further for now, in plain words; nil otherwise
}

// String returns the walk as a line for people.
func (w Walk) String() string {
	name, h := w.Source.DisplayTitle(), &w.Source.Fetch.History
	line := fmt.Sprintf("%s: history: %d fetched, %d taken in: %d new", name, w.Fetched, w.Taken, w.Added)
	if w.Revised > 0 {
		line += fmt.Sprintf(", %d revised", w.Revised)
	}
	switch {
	case w.Err != nil && w.Fetched+w.Taken == 0:
		return fmt.Sprintf("%s: history: %v", name, w.Err)
	case w.Err != nil:
		return fmt.Sprintf("%s; %v", line, w.Err)
	case w.Ended && h.Problem != "":
		return line + "; older ones are missing: " + h.Problem
	}
	return line
}

// History brings home the publisher's own archive of a source, or what is new of it since the last
// time: it begins a walk, or goes on with the one under way, and returns when that has ended or goes
// no further for now. What a walk cannot do is said in Walk.Err, and is done later by itself; the
// error is the archive's, or ErrNotSubscribed, ErrNoHistory, or that of ctx. progress, if not nil,
// hears of the walk after each document.
func (s *Scheduler) History(ctx context.Context, id feed.SourceID, progress func(Walk)) (Walk, error) {
	src, err := s.Store.Source(ctx, id)
	if err != nil {
		return Walk{}, fmt.Errorf("walk through the history of source %d: %w", id, err)
	}
	if !src.Subscribed {
		return Walk{Source: src}, fmt.Errorf("walk through the history of %q: %w", src.URL, ErrNotSubscribed)
	}
	if src.Fetch.Changed.IsZero() { // where its history is, nobody has heard
		r, err := s.Round(ctx, RoundOptions{Sources: []feed.SourceID{id}, Progress: func(Event) {}, NoHistory: true})
		if err != nil {
			return Walk{Source: src}, err
		}
		if r.Failed+r.Skipped > 0 {
			return Walk{Source: r.Events[0].Source, Err: r.Events[0].Err}, nil
		}
	}
	err = s.alone(ctx, id, func(src feed.Source) error {
		h := src.Fetch.History
		if _, some := wayOf(&src); !some && !h.Wanted {
			return fmt.Errorf("walk through the history of %q: %w", src.URL, ErrNoHistory)
		}
		h.Wanted = true
		return s.Store.Shelve(ctx, id, h, nil)
	})
	if err != nil {
		return Walk{Source: src}, err
	}
	s.walks.add(id)
	w := &walker{Scheduler: s, id: id, documents: -1, taken: -1, progress: progress}
	return w.walk(ctx)
}

// first prepares for the first document that comes of a subscription: the history that it shows a way
// to is to be brought home, and where this very program wrote it, its guids tell articles apart, if
// the owner has said nothing else. It returns the source as it is then.
func (s *Scheduler) first(ctx context.Context, src feed.Source, doc *parse.Document) (feed.Source, error) {
	if !src.Fetch.Changed.IsZero() {
		return src, nil
	}
	t := doc.Trail()
	trusted := src.Identity == feed.PolicyAuto && t.Backissue()
	if trusted {
		src.Identity = feed.PolicyGUID
	}
	if src.ID == 0 { // the rest comes with the subscription
		return src, nil
	}
	if trusted && src.Subscribed {
		if _, err := s.Store.Subscribe(context.WithoutCancel(ctx), feed.Source{URL: src.URL, Identity: feed.PolicyGUID}); err != nil {
			return src, err
		}
	}
	return src, s.want(ctx, &src, &doc.Source)
}

// want notes that the history of a source is to be brought home, if the feed, described so, shows a
// way there and it has not been done.
func (s *Scheduler) want(ctx context.Context, src, described *feed.Source) error {
	as := *src
	as.Links, as.Extra = described.Links, described.Extra
	h := src.Fetch.History
	if _, some := wayOf(&as); !some || h.Wanted || !h.Done.IsZero() {
		return nil
	}
	h.Wanted = true
	return s.Store.Shelve(context.WithoutCancel(ctx), src.ID, h, nil)
}

// alone calls f with a source as it is while nobody else visits it or walks through its history, so
// that what f stores of it takes nothing back.
func (s *Scheduler) alone(ctx context.Context, id feed.SourceID, f func(feed.Source) error) error {
	for {
		c, mine := s.claims.take(id)
		if mine {
			defer s.claims.settle(id, c, Event{Outcome: Skipped})
			src, err := s.Store.Source(ctx, id)
			if err != nil {
				return err
			}
			return f(src)
		}
		select {
		case <-c.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// walks knows the walks that are to go on.
type walks struct {
	mu     sync.Mutex
	known  bool // the archive has been asked
	ready  map[feed.SourceID]bool
	tracks map[feed.SourceID]*track
	turns  claims // one walks through a source's history at a time
	bell   wake
}

// track is what one process remembers of a walk. Nothing is lost with it: a circle is noticed one
// turn later, and the bytes are counted anew.
type track struct {
	seen  map[string]bool // addresses of this walk
	bytes int64
	last  *page // that was shelved last
}

// add says that a source's walk can go on.
func (w *walks) add(id feed.SourceID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ready == nil {
		w.ready = make(map[feed.SourceID]bool)
	}
	w.ready[id] = true
	w.bell.ring()
}

// rest says that a source's walk goes no further for now.
func (w *walks) rest(id feed.SourceID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.ready, id)
}

func (w *walks) list() []feed.SourceID {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]feed.SourceID, 0, len(w.ready))
	for id := range w.ready {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// track returns what is remembered of a source's walk.
func (w *walks) track(id feed.SourceID) *track {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.tracks[id]
	if t == nil {
		if w.tracks == nil {
			w.tracks = make(map[feed.SourceID]*track)
		}
		t = &track{seen: make(map[string]bool)}
		w.tracks[id] = t
	}
	return t
}

// restart forgets what is remembered of an earlier walk.
func (w *walks) restart(id feed.SourceID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.tracks, id)
}

// forget ends a walk.
func (w *walks) forget(id feed.SourceID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.ready, id)
	delete(w.tracks, id)
}

// load asks the archive once which walks are to go on. Those that are stuck go on when a visit to
// their source has shown that its server is well.
func (s *Scheduler) load(ctx context.Context) error {
	s.walks.mu.Lock()
	known := s.walks.known
	s.walks.mu.Unlock()
	if known {
		return nil
	}
	for after := feed.SourceID(0); ; {
		page, err := s.Store.Wanting(ctx, after, atOnce)
		if err != nil {
			return fmt.Errorf("find the histories that are wanted: %w", err)
		}
		if len(page) == 0 {
			break
		}
		after = page[len(page)-1]
		for _, id := range page {
			src, err := s.Store.Source(ctx, id)
			if err != nil {
				return err
			}
			if src.Subscribed && !isStuck(&src.Fetch.History) {
				s.walks.add(id)
			}
		}
	}
	s.walks.mu.Lock()
	s.walks.known = true
	s.walks.mu.Unlock()
	return nil
}

// isStuck reports whether a walk waits for its server.
func isStuck(h *feed.History) bool { return h.Problem != "" && h.Next != "" }
