package scheduler

import "github.com/backissue/backissue/feed"

// Manners is what asking a source has cost, and how often it was done against the publisher's wish. The
// Manners of several sources are added up.
type Manners struct {
	Requests    uint64 // redirects and walks included
	NotModified uint64 // answers of 304
	Bytes       uint64 // of bodies, as they came over the wire, walks included
	Refused     uint64 // answers of 429 and 503
	Honoured    uint64 // of these, after how many the source was left alone for as long as was asked
	Violations  uint64 // requests sooner than the publisher wanted, or planned so, but for the owner's own word
	Walked      Walked // through the publisher's own archive
}

// Walked is the part of [Manners] that walks through a publisher's own archive have cost.
type Walked struct {
	Requests uint64
	Bytes    uint64
}

// MannersOf returns how a source has been asked so far.
func MannersOf(s *feed.Source) Manners {
	t, h := &s.Fetch.Tally, &s.Fetch.History
	m := Manners{
		Requests: t.Requests + h.Requests, NotModified: t.NotModified, Bytes: t.Bytes + h.Bytes,
		Refused: t.Refused, Violations: t.Early, Walked: Walked{Requests: h.Requests, Bytes: h.Bytes},
	}
	if s.Subscribed && s.Fetch.Due.Before(s.Fetch.Allowed) {
		m.Violations++
	}
	m.Honoured = m.Refused - min(m.Refused, m.Violations)
	return m
}

// Add adds those of another source.
func (m *Manners) Add(o Manners) {
	m.Requests += o.Requests
	m.NotModified += o.NotModified
	m.Bytes += o.Bytes
	m.Refused += o.Refused
	m.Honoured += o.Honoured
	m.Violations += o.Violations
	m.Walked.Requests += o.Walked.Requests
	m.Walked.Bytes += o.Walked.Bytes
}

// Repeated returns the share of the requests of visits that were answered 304; false where there were none.
func (m *Manners) Repeated() (float64, bool) {
	n := m.Requests - m.Walked.Requests
	if n == 0 {
		return 0, false
	}
	return float64(m.NotModified) / float64(n), true
}
