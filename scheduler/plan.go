package scheduler

import (
	"errors"
	"hash/fnv"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler/fetch"
)

// The plan's figures; docs/politeness.md explains them. A conditional request once an hour and an
// unconditional one once a day are what publishers agree to be the most that is polite.
const (
	day   = 24 * time.Hour
	week  = 7 * day
	month = 30 * day

	minConditional   = time.Hour      // between requests that may be answered "not modified"
	minUnconditional = day            // between requests for the whole document
	maxQuiet         = 12 * time.Hour // between visits to a source that brings nothing new
	maxBackoff       = week           // between visits to a source that fails
	maxGone          = month          // between visits to one that its server says is gone
	margin           = time.Minute    // on top of all, since clocks differ
	maxSpread        = 30 * time.Minute
)

// answer is what a visit learned that bears on when to come again, beside the source's own state.
type answer struct {
	at    time.Time
	fresh time.Duration // how long the server says that the document stays good
	retry time.Duration // how long it asks to be left alone, for all that it has answered
	pace  time.Duration // usual time between two articles, as the document dates them; 0 where unknown
	same  bool          // "not modified": what was said of an earlier answer still stands
	ours  bool          // it is our own network that failed
	err   error         // why the visit failed; nil for a good one
}

// schedule returns the earliest moment at which a source's publisher is content to be asked again, and
// when it is to be asked, which is never sooner. The source's fetch state is the one after the visit:
// validators, TTL, Skip, Changed and Failures are up to date, Allowed is still the one before. The
// result depends on nothing else: the spread that keeps sources from coming due all at once comes from
// the source's address, and only ever makes a visit later.
func schedule(s *feed.Source, a answer) (allowed, due time.Time) {
	allowed = open(s.Fetch.Skip, a.at.Add(wish(s, a)))
	if unsaid := a.err != nil || a.same && a.fresh == 0; unsaid && s.Fetch.Allowed.After(allowed) {
		allowed = s.Fetch.Allowed
	}
	due = a.at.Add(rhythm(s, a))
	if a.err != nil {
		due = a.at.Add(backoff(s, a))
	}
	due = latest(due, allowed)
	return allowed, later(s, due, due.Sub(a.at))
}

// wish is how long the publisher wants not to be asked: the longest of all that was said, in full. To
// a request that did not reach the server, it has said nothing.
func wish(s *feed.Source, a answer) time.Duration {
	var e *fetch.Error
	if errors.As(a.err, &e) {
		if a.ours || unreached(e) {
			return e.RetryAfter // of a redirect on the way
		}
		a.retry = max(a.retry, retryAfter(e))
	}
	return max(floor(s), s.Fetch.TTL, a.fresh, a.retry)
}

// retryAfter is how long a server that has failed a request wants to be left alone; 0 where it does
// not. One that is asked too much means a day, if it does not say.
func retryAfter(e *fetch.Error) time.Duration {
	if e.Status == http.StatusTooManyRequests && e.RetryAfter == 0 {
		return day
	}
	return e.RetryAfter
}

// unreached reports whether a request ended before any server heard of it.
func unreached(e *fetch.Error) bool {
	switch e.Class {
	case fetch.ClassOffline, fetch.ClassDNS, fetch.ClassTLS, fetch.ClassPrivate, fetch.ClassAddress:
		return true
	}
	var op *net.OpError
	return (e.Class == fetch.ClassConnect || e.Class == fetch.ClassTimeout) && errors.As(e.Err, &op) && op.Op == "dial"
}

// floor is the least time between two visits.
func floor(s *feed.Source) time.Duration {
	if s.Fetch.ETag != "" || s.Fetch.LastModified != "" {
		return minConditional
	}
	return minUnconditional
}

// rhythm follows the source: the longer it has brought nothing new, and the longer its articles lie
// apart, the longer it can wait. A visit so comes late by a quarter, at most, of the time that the
// source had been quiet.
//
// One whose hub tells what is new is visited once a day, to see whether that is so: news that a visit had
// to find are a sign that it is not.
func rhythm(s *feed.Source, a answer) time.Duration {
	if p := &s.Fetch.Push; p.Until.After(a.at) && !p.Pushed.IsZero() && !p.Pushed.Before(s.Fetch.Changed) {
		return day
	}
	last := s.Fetch.Changed
	if last.IsZero() {
		last = s.Added
	}
	if last.IsZero() {
		return maxQuiet
	}
	return min(max(a.at.Sub(last), a.pace)/4, maxQuiet)
}

// maxPaced is how many of a document's newest articles tell its pace.
const maxPaced = 10

// pace returns the usual time between two articles of a document, the newest ones; 0 where too few of
// them are dated.
func pace(articles []feed.Article) time.Duration {
	var dates []time.Time
	for i := range articles {
		if t := articles[i].Published; !t.IsZero() {
			dates = append(dates, t)
		}
	}
	slices.SortFunc(dates, func(a, b time.Time) int { return b.Compare(a) })
	dates = dates[:min(len(dates), maxPaced+1)]
	if len(dates) < 4 {
		return 0
	}
	gaps := make([]time.Duration, len(dates)-1)
	for i := range gaps {
		gaps[i] = dates[i].Sub(dates[i+1])
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// backoff is how long to leave a source alone after a failure: twice as long each time, up to a week,
// or a month where the server says that the feed is gone for good.
func backoff(s *feed.Source, a answer) time.Duration {
	var e *fetch.Error
	wait, most := minConditional, maxBackoff
	switch errors.As(a.err, &e); {
	case a.ours, e != nil && e.Class == fetch.ClassOffline:
		return minConditional // it is not the source that fails
	case e != nil && e.Status == http.StatusGone:
		wait, most = week, maxGone
	}
	for n := 1; n < s.Fetch.Failures && wait < most; n++ {
		wait *= 2
	}
	return min(wait, most)
}

// open returns the first moment from t on at which a feed does not ask to be left unread (skipHours,
// skipDays). One that names all hours, or all days, has named none.
func open(s feed.Skip, t time.Time) time.Time {
	const allHours, allDays = 1<<24 - 1, 1<<7 - 1
	if s.Hours&allHours == allHours {
		s.Hours = 0
	}
	if s.Days&allDays == allDays {
		s.Days = 0
	}
	for t = t.UTC(); s.Hours>>t.Hour()&1 == 1 || s.Days>>t.Weekday()&1 == 1; {
		t = t.Truncate(time.Hour).Add(time.Hour)
	}
	return t
}

// later returns a moment a little after t, for a visit that was put off by wait: late enough for
// clocks that differ, and never the same for all. The end of what a feed asks to be skipped, which many
// have in common, is spread likewise.
func later(s *feed.Source, t time.Time, wait time.Duration) time.Time {
	t = open(s.Fetch.Skip, t)
	extra := margin + spread(s.URL, wait)
	due := t.Add(extra)
	if first := open(s.Fetch.Skip, due); first.After(due) {
		due = first.Add(extra) // within the hour that begins there
	}
	return due
}

// spread returns a part of up to a tenth of wait, always the same for one address.
func spread(address string, wait time.Duration) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(address))
	return time.Duration(float64(min(wait/10, maxSpread)) * float64(h.Sum32()) / (1 << 32))
}
