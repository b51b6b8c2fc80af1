package scheduler

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/backissue/backissue/feed"
)

const (
	// manyHere is how many sources of a host make it worth while to remember that the archive has been
	// asked about it.
	manyHere = 8
	// maxHere is how many sources of a host are looked at to learn whether it wants to be left alone.
	maxHere = 20_000
	// maxAsked is how many hosts are remembered to have been looked at so, and maxRefused how many that
	// have refused before those are looked for which mean it no longer.
	maxAsked, maxRefused = 100_000, 1000
)

// hosts knows which servers have asked to be left alone. One that asks so for a second address, while
// the first still is to be left alone, means all.
type hosts struct {
	mu      sync.Mutex
	refused map[string]*refusal
	sweepAt int             // how many may be in refused before it is swept
	asked   map[string]bool // what the archive knows of the host has been taken in
}

// refusal is how a host wants to be left alone.
type refusal struct {
	address string    // first to be refused
	until   time.Time // the latest moment that was named
	status  int       // of the last refusal
	whole   bool      // it means all addresses
}

// refuse notes that a host has refused a request.
func (h *hosts) refuse(address string, until time.Time, status int, now time.Time) {
	host := hostOf(address)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refused == nil {
		h.refused = make(map[string]*refusal)
	}
	if len(h.refused) >= max(h.sweepAt, maxRefused) {
		maps.DeleteFunc(h.refused, func(_ string, r *refusal) bool { return !now.Before(r.until) })
		h.sweepAt = 2 * len(h.refused)
	}
	r := h.refused[host]
	if r == nil || !now.Before(r.until) {
		r = &refusal{address: address}
		h.refused[host] = r
	}
	r.whole = r.whole || r.address != address
	r.status = status
	if until.After(r.until) {
		r.until = until
	}
}

// closed returns until when a whole host is to be left alone; false if it is not.
func (h *hosts) closed(host string, now time.Time) (refusal, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.refused[host]
	if r == nil {
		return refusal{}, false
	}
	if !now.Before(r.until) {
		delete(h.refused, host)
		return refusal{}, false
	}
	return *r, r.whole
}

// known reports whether the archive has been asked about a host, and notes that it has been.
func (h *hosts) known(host string, note bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if note {
		if h.asked == nil || len(h.asked) >= maxAsked {
			h.asked = make(map[string]bool)
		}
		h.asked[host] = true
	}
	return h.asked[host]
}

// recall takes in what the archive says of refusals of a host, which an earlier process may have met.
func (s *Scheduler) recall(ctx context.Context, host string) {
	if s.hosts.known(host, false) {
		return
	}
	sources, err := s.Store.SourcesAt(ctx, host, maxHere)
	if err != nil {
		return // whoever visits will meet it too
	}
	if len(sources) > manyHere {
		s.hosts.known(host, true)
	}
	now := s.now()
	for i := range sources {
		if until := refusedUntil(&sources[i]); refuses(sources[i].Fetch.Status) && until.After(now) {
			s.hosts.refuse(sources[i].URL, until, sources[i].Fetch.Status, now)
		}
	}
}

// asked reports whether the server's last answer was that it is asked too much, be it in a redirect
// that it wants to be followed later.
func asked(s *feed.Source) bool { return refuses(s.Fetch.Status) || redirects(s.Fetch.Status) }

// redirects reports whether a status is that of a redirect. A source has it only while a redirect has
// asked for some time to pass, or has passed it without having been asked again.
func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// waited reports whether a source's redirect has asked for some time to pass before it is followed, and
// that is over. One that asks so each time is followed each second time at least, or it would never be read.
func waited(s *feed.Source, now time.Time) bool {
	return redirects(s.Fetch.Status) && !refusedUntil(s).After(now)
}

// refusedUntil returns until when a source's server has refused to be asked; zero if it has not. The
// owner's word does not change that.
func refusedUntil(s *feed.Source) time.Time {
	switch {
	case !asked(s):
		return time.Time{}
	case s.Fetch.Allowed.IsZero(): // as written by earlier versions
		return s.Fetch.Due
	}
	return s.Fetch.Allowed
}

// leftAlone is why a source is not visited.
func leftAlone(status int, until time.Time) error {
	return fmt.Errorf("its server answered %d, so it is left alone until %s", status, until.Format(time.DateTime))
}
