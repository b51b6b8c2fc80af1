package scheduler

import (
	"fmt"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
)

// Outcome is how a visit ended.
type Outcome string

// Ways in which a visit ends.
const (
	Unchanged Outcome = "unchanged" // the source has brought nothing new
	Changed   Outcome = "changed"   // it has brought new or revised articles, or taken some out or back in
	Failed    Outcome = "failed"    // see Event.Err
	Skipped   Outcome = "skipped"   // not visited after all; see Event.Err
)

// Event is one visit.
type Event struct {
	Source   feed.Source // as it is now
	Outcome  Outcome
	Added    int           // new articles
	Revised  int           // new revisions of known articles
	Held     int           // of both, how many are held back from the live feeds as a flood
	Gone     int           // articles that the publisher has taken out of the feed
	Returned int           // articles that had gone and are in it again
	Gap      bool          // there was nothing in common with the visit before
	Err      error         // why it failed or was skipped, in plain words; nil otherwise
	Moved    string        // address to which the source says that it has moved for good
	Adopted  bool          // that is its address from now on
	Taken    feed.SourceID // the other source that has that address already, so that it is not adopted; 0 for none
	Named    *Named        // the WebSub hub that the answer names; nil if it says nothing of one
	Spent    feed.Tally    // what the visit has cost; Since is left out
	Duration time.Duration // of the whole visit, with its save
	N, Of    int           // this was the Nth visit that ended, of so many that its round knows of
}

// String returns the event as a line for people.
func (e Event) String() string {
	name := e.Source.DisplayTitle()
	switch {
	case e.Adopted:
		name += " (now at " + e.Source.PublicURL() + ")"
	case e.Taken != 0:
		name += fmt.Sprintf(" (says that it has moved to %s, which is source %d already)", e.Moved, e.Taken)
	}
	switch {
	case e.Err != nil:
		return fmt.Sprintf("%s: %s: %v", name, e.Outcome, e.Err)
	case e.Outcome != Changed:
		return fmt.Sprintf("%s: %s", name, e.Outcome)
	}
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{e.Added, "new"}, {e.Revised, "revised"}, {e.Gone, "gone"}, {e.Returned, "back again"},
		{e.Held, "held back as a flood"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	line := name + ": " + strings.Join(parts, ", ")
	if e.Gap {
		line += "; nothing in common with the visit before: some may be missing"
	}
	return line
}

// MaxEvents is how many visits' events a [Report] holds one by one before it becomes choosy.
const MaxEvents = 10_000

// Report says what a round did. Each visit is counted under its outcome.
type Report struct {
	// Events are the visits in the order in which they ended: all of the first MaxEvents, and of those after
	// them the ones that failed or brought something, until there are five times as many. Progress is told
	// of every one.
	Events []Event

	Unchanged, Changed, Failed, Skipped int

	Added   int // new articles
	Revised int // new revisions of known articles
	Held    int // of both, how many are held back from the live feeds as a flood
	Gone    int // articles that publishers have taken out of their feeds
	Gaps    int // visits that had nothing in common with the visit before

	Walks []Walk // through sources' histories; what these brought is counted in none of the above
}

// Visits returns how many visits there were.
func (r *Report) Visits() int { return r.Unchanged + r.Changed + r.Failed + r.Skipped }

func (r *Report) add(e Event) {
	if n := len(r.Events); n < MaxEvents || n < 5*MaxEvents && (e.Outcome == Changed || e.Outcome == Failed) {
		r.Events = append(r.Events, e)
	}
	if e.Gap {
		r.Gaps++
	}
	r.Added += e.Added
	r.Revised += e.Revised
	r.Held += e.Held
	r.Gone += e.Gone
	switch e.Outcome {
	case Unchanged:
		r.Unchanged++
	case Changed:
		r.Changed++
	case Failed:
		r.Failed++
	case Skipped:
		r.Skipped++
	}
}
