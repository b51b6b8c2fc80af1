package scheduler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// RoundOptions says what a round visits. The zero value is what is due.
type RoundOptions struct {
	// Sources are visited by name, whether they are due or not.
	Sources []feed.SourceID
	// All visits every subscribed source, due or not.
	All bool
	// NoHistory leaves it at the visits: no older documents are fetched.
	NoHistory bool
	// Progress, if not nil, is called after each visit in place of the Scheduler's own.
	Progress func(Event)
}

const (
	// atOnce is how many sources, or turns of sources, are read from the archive at a time.
	atOnce = 4096
)

// Round visits sources, each once, and returns when all visits have ended. A failed visit is an
// event of the report; the error is the archive's, or that of a source in o that is not subscribed
// to, or that of ctx. When ctx ends, visits that are under way are brought to an end first.
//
// After the visits the round goes on with the walks through the histories of what it visits (of all
// sources, where none are named), a bounded stretch of each.
//
// Sources whose servers have asked to be left alone until later (429 or 503) are left alone, even
// where they are named.
//
// Of rounds that run at once in one process, one visits a source and the others wait for its
// result.
func (s *Scheduler) Round(ctx context.Context, o RoundOptions) (Report, error) {
	r := &round{Scheduler: s, started: s.now(), progress: s.Progress, report: new(Report)}
	if o.Progress != nil {
		r.progress = o.Progress
	}
	err := r.visitChosen(ctx, o)
	if err == nil && ctx.Err() == nil && !o.NoHistory {
		err = r.walkChosen(ctx, o)
	}
	return *r.report, cmp.Or(err, ctx.Err())
}

// walkChosen goes on with the walks.
func (r *round) walkChosen(ctx context.Context, o RoundOptions) error {
	if len(o.Sources) == 0 {
		if err := r.load(ctx); err != nil {
			return err
		}
	}
	ids := slices.DeleteFunc(r.walks.list(), func(id feed.SourceID) bool {
		return len(o.Sources) > 0 && !slices.Contains(o.Sources, id)
	})
	return r.walkAll(ctx, ids, func(w Walk) { r.report.Walks = append(r.report.Walks, w) })
}

// round is a round under way, or the one that lasts as long as [Scheduler.Run].
type round struct {
	*Scheduler
	started  time.Time
	forced   bool // visits are made whether due or not
	progress func(Event)
	queue    queue

	mu     sync.Mutex
	ends   int     // visits that have ended
	apart  int     // of these, how many were never queued
	report *Report // nil where nobody reads one
}

// visitChosen visits what the options name.
func (r *round) visitChosen(ctx context.Context, o RoundOptions) error {
	var err error
	switch {
	case len(o.Sources) > 0:
		r.forced = true
		err = r.queueNamed(ctx, o.Sources)
	case o.All:
		r.forced = true
		err = r.queueAll(ctx)
	default:
		_, err = r.queueDue(ctx, r.started, store.Turn{})
	}
	if err != nil {
		return err
	}
	r.queue.close()
	r.drain(ctx)
	return nil
}

// queueDue queues what is due at a moment and comes after a turn, and returns the last turn that it met.
func (r *round) queueDue(ctx context.Context, now time.Time, after store.Turn) (store.Turn, error) {
	for ctx.Err() == nil {
		turns, err := r.Store.Due(ctx, now, after, atOnce)
		if err != nil {
			return after, fmt.Errorf("find what is due: %w", err)
		}
		for _, turn := range turns {
			after = turn
			if r.queue.has(turn.Source) || r.claims.isHeld(turn.Source, now) {
				continue
			}
			src, err := r.Store.Source(ctx, turn.Source)
			if err != nil {
				return after, fmt.Errorf("find what is due: %w", err)
			}
			r.queue.add(src.ID, hostOf(src.URL))
		}
		if len(turns) < atOnce {
			break
		}
	}
	return after, nil
}

// queueNamed queues sources, unless one of them is not subscribed to.
func (r *round) queueNamed(ctx context.Context, ids []feed.SourceID) error {
	var sources []feed.Source
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue
		}
		src, err := r.Store.Source(ctx, id)
		if err != nil {
			return fmt.Errorf("visit source %d: %w", id, err)
		}
		if !src.Subscribed {
			return fmt.Errorf("visit %q: %w", src.URL, ErrNotSubscribed)
		}
		sources = append(sources, src)
	}
	r.queueSources(sources)
	return nil
}

// queueSources queues the sources that are subscribed to and not to be left alone.
func (r *round) queueSources(sources []feed.Source) {
	for i := range sources {
		if src := &sources[i]; src.Subscribed && !r.leaveAlone(src) {
			r.queue.add(src.ID, hostOf(src.URL))
		}
	}
}

// leaveAlone reports whether the source's server has asked to be left alone until later, and if so
// enters that in the report.
func (r *round) leaveAlone(src *feed.Source) bool {
	until := refusedUntil(src)
	if !until.After(r.started) {
		return false
	}
	r.mu.Lock()
	r.apart++
	r.mu.Unlock()
	r.ended(Event{Source: *src, Outcome: Skipped, Err: leftAlone(src.Fetch.Status, until)})
	return true
}

// queueAll queues every source.
func (r *round) queueAll(ctx context.Context) error {
	for after := feed.SourceID(0); ; {
		page, err := r.Store.Sources(ctx, after, atOnce)
		if err != nil {
			return fmt.Errorf("list the sources: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		after = page[len(page)-1].ID
		r.queueSources(page)
	}
}

// byHost groups sources by their hosts. Hosts with the most sources come first, since they take longest.
func byHost(sources []feed.Source) [][]feed.SourceID {
	at := make(map[string]int)
	var hosts [][]feed.SourceID
	for i := range sources {
		h := hostOf(sources[i].URL)
		k, ok := at[h]
		if !ok {
			k = len(hosts)
			at[h] = k
			hosts = append(hosts, nil)
		}
		hosts[k] = append(hosts[k], sources[i].ID)
	}
	slices.SortStableFunc(hosts, func(a, b []feed.SourceID) int { return cmp.Compare(len(b), len(a)) })
	return hosts
}

// ended counts a visit and tells of it.
func (r *round) ended(e Event) {
	if e.Source.Fetch.History.Wanted && (e.Outcome == Changed || e.Outcome == Unchanged) {
		r.walks.add(e.Source.ID)
	}
	r.hear(e)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ends++
	e.N, e.Of = r.ends, r.queue.count()+r.apart
	if r.report != nil {
		r.report.add(e)
	}
	if r.progress != nil {
		r.progress(e)
	}
}

// visitOnce visits a source unless someone is doing so, in which case it waits for the result. The
// visit itself may go on until long ends. As soon as its host has been heard out, free is called.
func (r *round) visitOnce(ctx, long context.Context, id feed.SourceID, free func()) Event {
	for {
		c, mine := r.claims.take(id)
		if mine {
			e := r.visitIfDue(long, id, free)
			r.claims.settle(id, c, e)
			return e
		}
		select {
		case <-c.done:
			if c.event.Outcome != Skipped {
				return c.event
			}
		case <-ctx.Done():
			return Event{Source: feed.Source{ID: id}, Outcome: Skipped, Err: errInterrupted}
		}
	}
}

// since returns the moment that counts for whether a visit is still to be made: now, where the round has
// no end.
func (r *round) since() time.Time {
	if r.report == nil {
		return r.now()
	}
	return r.started
}

// visitIfDue looks at the source again, since it may have been visited, or its subscription ended,
// while it was waiting for its turn.
func (r *round) visitIfDue(ctx context.Context, id feed.SourceID, free func()) Event {
	src, err := r.Store.Source(ctx, id)
	checked := src.Fetch.Checked
	switch {
	case err != nil:
		return Event{Source: feed.Source{ID: id}, Outcome: Failed, Err: err}
	case !src.Subscribed:
		return Event{Source: src, Outcome: Skipped, Err: ErrNotSubscribed}
	case !r.forced && src.Fetch.Due.After(r.since()), checked.After(r.since()) && !checked.After(r.now()):
		return Event{Source: src, Outcome: Skipped, Err: errors.New("has just been visited")}
	}
	if e, may := r.mayVisit(ctx, src); !may {
		return e
	}
	return r.visit(ctx, src, r.forced, free)
}

// mayVisit reports whether the source's publisher is content with a visit now. If not, the source is
// put off, and the event says so. The owner's word counts for more than any wish of a publisher but to
// be left alone.
func (r *round) mayVisit(ctx context.Context, src feed.Source) (Event, bool) {
	now := r.now()
	r.recall(ctx, hostOf(src.URL))
	next, until, why := src, src.Fetch.Allowed, errors.New("its publisher does not want it to be read yet")
	host, closed := r.hosts.closed(hostOf(src.URL), now)
	switch {
	case closed:
		why = leftAlone(host.status, host.until)
		if host.until.After(until) { // or its own publisher's wish is the longer one
			until = host.until
			next.Fetch.Status, next.Fetch.Problem = host.status, why.Error()
		}
	case refusedUntil(&src).After(now):
		until = refusedUntil(&src)
		why = leftAlone(src.Fetch.Status, until)
	case r.forced:
		return Event{}, true
	default: // what is visited late may have come into an hour that is to be skipped
		if until = open(src.Fetch.Skip, latest(until, now)); !until.After(now) {
			return Event{}, true
		}
	}
	next.Fetch.Allowed = open(next.Fetch.Skip, latest(next.Fetch.Allowed, until))
	if due := later(&next, next.Fetch.Allowed, until.Sub(now)); due.After(next.Fetch.Due) {
		next.Fetch.Due = due
	}
	if next.Fetch.Checked.IsZero() {
		next.Fetch.Checked = now // or it would not be stored
	}
	e := Event{Source: next, Outcome: Skipped, Err: why}
	if saved, err := r.save(ctx, store.Batch{Source: next, Seen: now}); err != nil {
		r.claims.hold(src.ID, next.Fetch.Due)
	} else {
		e.Source = saved.Source
	}
	return e, false
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// ErrNotSubscribed is returned for a source that is in the archive and not polled.
var ErrNotSubscribed = errors.New("is not subscribed to")

var errInterrupted = errors.New("interrupted")
