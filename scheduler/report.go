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
	Changed   Outcome = "changed"   // it has brought new or revised articles
	Failed    Outcome = "failed"    // see Event.Err
	Skipped   Outcome = "skipped"   // not visited after all; see Event.Err
)

// Event is one visit.
type Event struct {
	Source   feed.Source // as it is now
	Outcome  Outcome
	Added    int           // new articles
	Revised  int           // new revisions of known articles
	Err      error         // why it failed or was skipped, in plain words; nil otherwise
	Moved    string        // address to which the source says it has moved for good; it is only noted
	Duration time.Duration // of the whole visit, with its save
	N, Of    int           // this was the Nth visit that ended, of so many that its round knows of
}

// String returns the event as a line for people.
func (e Event) String() string {
	name := e.Source.DisplayTitle()
	switch {
	case e.Err != nil:
		return fmt.Sprintf("%s: %s: %v", name, e.Outcome, e.Err)
	case e.Outcome != Changed:
		return fmt.Sprintf("%s: %s", name, e.Outcome)
	}
	var parts []string
	if e.Added > 0 {
		parts = append(parts, fmt.Sprintf("%d new", e.Added))
	}
	if e.Revised > 0 {
		parts = append(parts, fmt.Sprintf("%d revised", e.Revised))
	}
	return name + ": " + strings.Join(parts, ", ")
}

// Report says what a round did. Each of its events is counted under its outcome.
type Report struct {
	Events []Event // in the order in which the visits ended

	Unchanged, Changed, Failed, Skipped int

	Added   int // new articles
	Revised int // new revisions of known articles
}

func (r *Report) add(e Event) {
	r.Events = append(r.Events, e)
	r.Added += e.Added
	r.Revised += e.Revised
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
