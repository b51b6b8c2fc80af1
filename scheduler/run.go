package scheduler

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// minPause keeps a daemon from spinning where an archive cannot be told that a visit was made.
	minPause = time.Second
	// maxPause is how long a daemon sleeps at most before it looks at the clock again: timers do not
	// count the time that a computer was asleep.
	maxPause = time.Minute
)

// Run makes a round whenever a source is due, and meanwhile brings home the histories of sources that
// are wanted, until ctx ends. Then it brings the visits that are under way to an end and returns nil.
// Any other return is an error of the archive.
func (s *Scheduler) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var walking sync.WaitGroup
	defer walking.Wait()
	defer stop()
	walking.Go(func() { s.walkOn(ctx) })
	for {
		s.turn()
		r := &round{Scheduler: s, started: s.now(), progress: s.tell}
		err := r.visitDue(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		pause, err := s.pause(ctx)
		if err != nil {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-s.wake.rung():
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

// pause returns how long there is nothing to do, as far as one can tell.
func (s *Scheduler) pause(ctx context.Context) (time.Duration, error) {
	next, some, err := s.Store.NextDue(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return 0, nil
		}
		return 0, err
	}
	if !some {
		return maxPause, nil
	}
	return min(max(next.Sub(s.now()), minPause), maxPause), nil
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
