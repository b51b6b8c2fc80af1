package scheduler

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/backissue/backissue/store"
)

const (
	// minPause is how long a daemon sleeps at least, unless it is woken: what comes due meanwhile is read at
	// once.
	minPause = time.Second
	// maxPause is how long a daemon sleeps at most before it looks at the clock again: timers do not
	// count the time that a computer was asleep.
	maxPause = time.Minute
)

// Run visits each source when it is due, and meanwhile brings home the histories of sources that are
// wanted, until ctx ends. Then it brings the visits that are under way to an end and returns nil. Any
// other return is an error of the archive.
//
// What it costs while nothing is due does not depend on how many sources there are.
func (s *Scheduler) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var working sync.WaitGroup
	defer working.Wait()
	defer stop()
	r := &round{Scheduler: s, started: s.now(), progress: s.tell}
	working.Go(func() { s.walkOn(ctx) })
	working.Go(func() { r.drain(ctx) })
	if err := r.watch(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}

// watch queues what is due until ctx ends. It goes through the index of what is due once, and begins
// again each minute and whenever it is woken, since a turn may be put before those that it has met.
func (r *round) watch(ctx context.Context) error {
	var (
		last  store.Turn
		begun time.Time     // when it last began at the beginning
		took  time.Duration // to go through it then
	)
	for rung := true; ; {
		r.turn()
		now := r.now()
		// To begin again takes long where much is waiting; so not at each of many calls.
		again := rung && now.Sub(begun) >= 20*took || now.Sub(begun) >= maxPause || now.Before(begun)
		if again {
			rung, begun, last = false, now, store.Turn{}
		}
		var err error
		if last, err = r.queueDue(ctx, now, last); err != nil || ctx.Err() != nil {
			return err
		}
		if again {
			took = r.now().Sub(begun)
		}
		pause, err := r.pause(ctx, last)
		if err != nil {
			return err
		}
		if rung {
			pause = min(pause, max(minPause, 20*took))
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-r.wake.rung():
			rung = true
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// walkOn goes on with the walks through sources' histories, a stretch of each at a time, until ctx
// ends.
func (s *Scheduler) walkOn(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.load(ctx)
		if err == nil {
			err = s.walkAll(ctx, s.walks.list(), s.tellWalk)
		}
		if err != nil && ctx.Err() == nil {
			s.log().Warn("walk not kept", "problem", err)
		}
		var more <-chan struct{} // a new walk does not make the others go faster
		if err == nil && len(s.walks.list()) == 0 {
			more = s.walks.bell.rung()
		}
		timer := time.NewTimer(maxPause)
		select {
		case <-timer.C:
		case <-more:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// tellWalk logs a stretch of a walk that Run made.
func (s *Scheduler) tellWalk(w Walk) {
	if s.Walked != nil {
		s.Walked(w)
	}
	log := s.log().With("source", w.Source.ID, "host", hostOf(w.Source.URL))
	h := &w.Source.Fetch.History
	switch {
	case w.Err != nil:
		log.Info("history put off", "problem", w.Err)
	case w.Ended && h.Problem != "":
		log.Warn("history ends early", "documents", h.Fetched, "problem", h.Problem)
	case w.Ended:
		log.Info("history is home", "documents", h.Fetched)
	case w.Fetched+w.Taken > 0:
		log.Debug("history goes on", "documents", h.Fetched)
	}
}

// Wake makes Run look at once for what is due, as after a change of subscriptions that was not made
// by [Scheduler.Subscribe].
func (s *Scheduler) Wake() { s.wake.ring() }

// pause returns how long nothing comes due, as far as one can tell, after the last turn that was met.
func (s *Scheduler) pause(ctx context.Context, last store.Turn) (time.Duration, error) {
	now := s.now()
	turns, err := s.Store.Due(ctx, now.Add(maxPause), last, 1)
	switch {
	case err != nil && ctx.Err() == nil:
		return 0, fmt.Errorf("find what is due: %w", err)
	case len(turns) == 0:
		return maxPause, nil
	}
	return min(max(turns[0].At.Sub(now), minPause), maxPause), nil
}

// tell logs a visit that Run made.
func (s *Scheduler) tell(e Event) {
	if s.Progress != nil {
		s.Progress(e)
	}
	log := s.log().With("source", e.Source.ID, "host", hostOf(e.Source.URL))
	switch e.Outcome {
	case Failed:
		log.Warn("visit failed", "problem", e.Err)
	case Changed:
		log.Info("source changed", "added", e.Added, "revised", e.Revised)
	default:
		log.Log(context.Background(), slog.LevelDebug, "source "+string(e.Outcome))
	}
	switch {
	case e.Adopted:
		log.Info("source moved", "to", e.Moved)
	case e.Taken != 0:
		log.Warn("source moved to another's address", "to", e.Moved, "other", e.Taken)
	case e.Moved != "":
		log.Debug("source says it moved", "to", e.Moved)
	}
}
