package scheduler

import (
	"sync"
	"time"

	"github.com/backissue/backissue/feed"
)

// claims knows which sources are being visited, so that nobody visits one twice at once.
type claims struct {
	mu    sync.Mutex
	under map[feed.SourceID]*claim
	held  map[feed.SourceID]time.Time
}

// claim is a visit that is under way.
type claim struct {
	done  chan struct{} // closed when event is set
	event Event
}

// take returns the claim on a source, and whether it is the caller's. Whoever has it must give it
// up by settle; everyone else may wait for that.
func (c *claims) take(id feed.SourceID) (*claim, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if other := c.under[id]; other != nil {
		return other, false
	}
	if c.under == nil {
		c.under = make(map[feed.SourceID]*claim)
	}
	mine := &claim{done: make(chan struct{})}
	c.under[id] = mine
	return mine, true
}

// settle ends a visit.
func (c *claims) settle(id feed.SourceID, mine *claim, e Event) {
	mine.event = e
	c.mu.Lock()
	delete(c.under, id)
	c.mu.Unlock()
	close(mine.done)
}

// hold remembers when a source is due next where the archive could not be told.
func (c *claims) hold(id feed.SourceID, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		c.held = make(map[feed.SourceID]time.Time)
	}
	c.held[id] = until
}

// isHeld reports whether a source has to wait, whatever the archive says.
func (c *claims) isHeld(id feed.SourceID, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	until, ok := c.held[id]
	if ok && !now.Before(until) {
		delete(c.held, id)
	}
	return ok && now.Before(until)
}
