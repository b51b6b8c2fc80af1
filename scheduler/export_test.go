package scheduler

import (
	"context"
	"time"

	"github.com/backissue/backissue/feed"
)

// Answer is what a visit learned.
type Answer struct {
	At                 time.Time
	Fresh, Retry, Pace time.Duration
	Same, Ours         bool
	Err                error
}

// Schedule is the plan.
func Schedule(s *feed.Source, a Answer) (allowed, due time.Time) {
	return schedule(s, answer{at: a.At, fresh: a.Fresh, retry: a.Retry, pace: a.Pace, same: a.Same, ours: a.Ours, err: a.Err})
}

// Moves is what a permanent redirect leads to.
func Moves(s *feed.Source, to string, at time.Time) (feed.Move, string) { return moves(s, to, at) }

// Trusted tells whether an address is the owner's word.
func Trusted(s *feed.Source) bool { return trusted(s) }

// Addresses is what the owner may have meant.
var Addresses = addresses

// LinksIn reads Link fields.
var LinksIn = linksIn

// VisitRudely visits a source whatever its publisher has asked for, as nothing in the program does.
func (s *Scheduler) VisitRudely(ctx context.Context, src feed.Source) Event {
	return s.visit(ctx, src, false, func() {})
}
