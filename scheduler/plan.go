package scheduler

import (
	"errors"
	"hash/fnv"
	"net/http"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler/fetch"
)

// The plan's figures. A conditional request once an hour and an unconditional one once a day are
// what publishers agree to be the most that is polite.
const (
	day  = 24 * time.Hour
	week = 7 * day

	minConditional   = time.Hour      // between requests that may be answered "not modified"
	minUnconditional = day            // between requests for the whole document
	maxQuiet         = 12 * time.Hour // between visits to a source that brings nothing new
	maxHint          = week           // how much of max-age, Expires and ttl is heeded
	maxBackoff       = week           // between visits to a source that fails
	margin           = time.Minute    // on top of all, since clocks differ
	maxSpread        = 30 * time.Minute
)

// answer is what a visit learned that bears on when to come again, beside the source's own state.
type answer struct {
	at    time.Time
	fresh time.Duration // how long the server says the document stays good
	err   error         // why the visit failed; nil for a good one
}

// nextDue returns when a source wants to be visited again. Its fetch state is the one after the
// visit: validators, TTL, Changed and Failures are up to date. The answer depends on nothing else:
// the spread that keeps sources from coming due all at once comes from the source's address, and
// only ever makes a visit later.
func nextDue(s *feed.Source, a answer) time.Time {
	var wait time.Duration
	if a.err != nil {
		wait = backoff(s, a.err)
	} else {
		wait = max(floor(s), rhythm(s, a.at), min(s.Fetch.TTL, maxHint), min(a.fresh, maxHint))
	}
	return a.at.Add(wait + margin + spread(s.URL, wait))
}

// floor is the least time between two visits.
func floor(s *feed.Source) time.Duration {
	if s.Fetch.ETag != "" || s.Fetch.LastModified != "" {
		return minConditional
	}
	return minUnconditional
}

// rhythm follows the source: the longer it has brought nothing new, the longer it can wait. A visit
// so comes late by a quarter, at most, of the time that the source had been quiet.
func rhythm(s *feed.Source, at time.Time) time.Duration {
	last := s.Fetch.Changed
	if last.IsZero() {
		last = s.Added
	}
	if last.IsZero() {
		return maxQuiet
	}
	return min(max(0, at.Sub(last)/4), maxQuiet)
}

// backoff is how long to leave a source alone after a failure: twice as long each time, and never
// less than the server asks for.
func backoff(s *feed.Source, err error) time.Duration {
	wait := minConditional
	for n := 1; n < s.Fetch.Failures && wait < maxBackoff; n++ {
		wait *= 2
	}
	wait = min(wait, maxBackoff)
	var e *fetch.Error
	if !errors.As(err, &e) {
		// There was a whole document, only no feed in it.
		return max(wait, floor(s))
	}
	switch {
	case e.Class == fetch.ClassOffline:
		// It is not the source that fails: see counts.
		wait = minConditional
	case e.Status == http.StatusGone:
		wait = maxBackoff
	case e.Status == http.StatusTooManyRequests && e.RetryAfter == 0:
		wait = max(wait, day)
	}
	return max(wait, e.RetryAfter)
}

// counts reports whether a failure is the source's: that this machine has no network says nothing
// about any source, and a laptop that wakes up must not find all its sources put off for days.
func counts(err error) bool {
	var e *fetch.Error
	return !errors.As(err, &e) || e.Class != fetch.ClassOffline
}

// asked reports whether the server's last answer was that it is asked too much.
func asked(s *feed.Source) bool {
	return s.Fetch.Status == http.StatusTooManyRequests || s.Fetch.Status == http.StatusServiceUnavailable
}

// spread returns a part of up to a tenth of wait, always the same for one address.
func spread(address string, wait time.Duration) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(address))
	return time.Duration(float64(min(wait/10, maxSpread)) * float64(h.Sum32()) / (1 << 32))
}
