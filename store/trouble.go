package store

import (
	"time"

	"github.com/backissue/backissue/feed"
)

// Trouble is something about a source that its owner may want to know. The numbers are stored; never
// renumber.
type Trouble byte

// Kinds of trouble. The first three are those of sources that are polled.
const (
	Failing  Trouble = 0 // visits to it fail
	Ended    Trouble = 1 // its server says that it is gone for good (410)
	Unpushed Trouble = 2 // there is no subscription with the hub that it names
	Holding  Trouble = 3 // something of it is held back from the live feeds
	Gapped   Trouble = 4 // something may have come and gone between two visits
	Stuck    Trouble = 5 // its older articles cannot be brought home
	Mended   Trouble = 6 // its document had to be mended

	// Troubles is how many kinds there are.
	Troubles = 7
)

// Troubled is a source with what is wrong with it.
type Troubled struct {
	feed.Source
	// Since is when the first of the visits was that have failed without a good one between; zero if the
	// last one did not fail.
	Since time.Time
}

// IncidentKind is what an owner is told of. The letters are stored; never renumber.
type IncidentKind byte

// Kinds of incident.
const (
	BeganToFail IncidentKind = 'f' // visits have failed for a day
	WentAway    IncidentKind = 'x' // the server says that the feed is gone for good (410)
	Recovered   IncidentKind = 'r' // a visit was good, after one of the above
	Moved       IncidentKind = 'm' // the source has another address from now on
	Missed      IncidentKind = 'g' // there was a gap; of one source told once a day at most
	HeldBack    IncidentKind = 'h' // something is held back, and nothing was before
)

// FailingFor is how long the visits to a source must have failed before that is an incident.
const FailingFor = 24 * time.Hour

// Incident is something that an owner should hear of. It never changes.
type Incident struct {
	N      uint64 // its place among all incidents, counted from 1 without gaps
	Kind   IncidentKind
	Source feed.SourceID
	Name   string // of the source, in URLs
	Title  string // of the source, as it was then
	At     time.Time
	Since  time.Time // of BeganToFail, WentAway and Recovered: the first failed visit; of Missed: the newest article before
	Until  time.Time // of Missed: the date of the oldest article behind
	Count  int       // of HeldBack: how many articles and revisions
	Text   string    // why visits fail, or failed; the address to which it has moved
}
