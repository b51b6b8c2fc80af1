package scheduler

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
)

const (
	// manySilent is how many hosts, all well before, must fall silent one after the other for that to be
	// our own network's fault.
	manySilent = 5
	// maxExcuse is how long a source that does not answer may be thought well.
	maxExcuse = week
)

// network tells our own failures from those of sources: a machine that has lost its network must not
// find all its sources put off for days.
type network struct {
	mu     sync.Mutex
	down   bool
	silent map[string][]silence // by host, since any host last answered
	amends []silence            // visits that were held against sources and should not have been
}

// silence is a visit without an answer.
type silence struct {
	before feed.Source // as it was before the visit
	noted  time.Time   // when the failure was
}

// heard notes that some host has answered.
func (n *network) heard() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down, n.silent = false, nil
}

// quiet notes a visit that got no answer, and reports whether that is our own network's fault.
func (n *network) quiet(v silence) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	f := &v.before.Fetch
	switch {
	case n.down:
		return true
	case f.Failures > 0 || f.Checked.IsZero() || v.noted.Sub(f.Checked) > maxExcuse:
		return false // of which nobody knows that it was well
	}
	if n.silent == nil {
		n.silent = make(map[string][]silence)
	}
	host := hostOf(v.before.URL)
	n.silent[host] = append(n.silent[host], v)
	if len(n.silent) < manySilent {
		return false
	}
	for _, visits := range n.silent {
		for _, other := range visits {
			if other.before.ID != v.before.ID {
				n.amends = append(n.amends, other)
			}
		}
	}
	n.down, n.silent = true, nil
	return true
}

func (n *network) take() []silence {
	n.mu.Lock()
	defer n.mu.Unlock()
	visits := n.amends
	n.amends = nil
	return visits
}

// ours notes how a visit failed, and reports whether that is our own network's fault and so says nothing
// about the source.
func (s *Scheduler) ours(before feed.Source, err error, at time.Time) bool {
	var e *fetch.Error
	if !errors.As(err, &e) {
		s.network.heard()
		return false
	}
	switch e.Class {
	case fetch.ClassOffline:
		return true
	case fetch.ClassDNS, fetch.ClassConnect, fetch.ClassTLS, fetch.ClassTimeout:
		if e.Status == 0 {
			return s.network.quiet(silence{before, at})
		}
	case fetch.ClassAddress, fetch.ClassPrivate:
		return false
	}
	s.network.heard()
	return false
}

// errOurs is the problem of a source while the network is down.
var errOurs = errors.New("no host answers, so it seems to be this machine's own network that fails")

// amend takes back what was held against sources before it was clear that the network is down. The caller
// must have no claim.
func (s *Scheduler) amend(ctx context.Context) {
	for _, v := range s.network.take() {
		err := s.alone(ctx, v.before.ID, func(src feed.Source) error {
			if src.Fetch.Failures != v.before.Fetch.Failures+1 || src.Fetch.Status != 0 {
				return nil // it has been visited since
			}
			a := answer{at: v.noted, ours: true, err: &fetch.Error{Class: fetch.ClassOffline}}
			src.Fetch.Failures, src.Fetch.Checked, src.Fetch.Allowed = v.before.Fetch.Failures, v.before.Fetch.Checked, v.before.Fetch.Allowed
			src.Fetch.Problem = errOurs.Error()
			src.Fetch.Allowed, src.Fetch.Due = schedule(&src, a)
			_, err := s.save(ctx, store.Batch{Source: src, Seen: v.noted})
			return err
		})
		if err != nil {
			return // they count, then, and are visited later than they might be
		}
	}
}
