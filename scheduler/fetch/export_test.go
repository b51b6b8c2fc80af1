package fetch

import (
	"crypto/x509"
	"net/http"
	"net/netip"
)

// TreatAsPublic lets a test have public addresses on the loopback network.
func (c *Client) TreatAsPublic(p netip.Prefix) {
	c.setup.Do(c.init)
	c.guard = newGuard(nil, c.Resolver, c.Allow, p)
}

// TrustRoots has the client trust other signers of certificates than the system's.
func (c *Client) TrustRoots(pool *x509.CertPool) {
	c.setup.Do(c.init)
	for _, rt := range c.guard.pools {
		rt.(*http.Transport).TLSClientConfig.RootCAs = pool
	}
}

// Reaches reports whether an address in digits can be dialled.
func (c *Client) Reaches(ip netip.Addr, named bool) bool {
	c.setup.Do(c.init)
	return c.guard.within(c.guard.reachOf(ip.String(), named), ip)
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

// TrustRootsBehind has the client trust other signers of certificates where it goes through a proxy.
func (c *Client) TrustRootsBehind(proxy string, pool *x509.CertPool) {
	c.setup.Do(c.init)
	via, err := ParseProxy(proxy)
	if err != nil {
		panic(err)
	}
	c.guard.proxies.pool(via).TLSClientConfig.RootCAs = pool
}
