package fetch

import "net/netip"

// TreatAsPublic lets a test have public addresses on the loopback network.
func (c *Client) TreatAsPublic(p netip.Prefix) {
	c.setup.Do(c.init)
	c.guard = newGuard(nil, c.Resolver, c.Allow, p)
}

// Hosts returns how many hosts the client remembers.
func (c *Client) Hosts() int {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	return len(c.gate.hosts)
}

// Freshness and RetryAfter are what the client reads from header fields.
var (
	Freshness  = freshness
	RetryAfter = retryAfter
	Validator  = validator
)
