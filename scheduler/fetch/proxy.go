package fetch

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
)

// maxProxies bounds the proxies to which connections are kept.
const maxProxies = 16

// proxies are the pools of connections to proxies. A proxy is named by the owner, so that it may
// stand anywhere.
type proxies struct {
	environment func(*http.Request) (*url.URL, error) // nil for none

	mu    sync.Mutex
	pools map[string]*http.Transport // by the proxy's address
}

// choose returns the pool for a request: of the proxy at the given address or else of the one that
// the environment names, or nil where there is neither.
func (p *proxies) choose(r *http.Request, address string) (http.RoundTripper, error) {
	if p.environment == nil { // a transport from outside knows its own way
		return nil, nil
	}
	via, err := ParseProxy(address)
	if address == "" {
		via, err = p.environment(r)
	}
	if via == nil || err != nil {
		return nil, err
	}
	return p.pool(via), nil
}

func (p *proxies) pool(via *url.URL) *http.Transport {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := via.String()
	if t := p.pools[key]; t != nil {
		return t
	}
	if p.pools == nil || len(p.pools) >= maxProxies {
		p.close()
		p.pools = make(map[string]*http.Transport)
	}
	t := newTransport(&net.Dialer{Timeout: dialTimeout})
	t.Proxy = http.ProxyURL(via)
	t.MaxIdleConns = 8
	p.pools[key] = t
	return t
}

func (p *proxies) closeIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.close()
}

func (p *proxies) close() {
	for _, t := range p.pools {
		t.CloseIdleConnections()
	}
}

// ParseProxy reads the address of a proxy: http, https or socks5. Its error does not repeat the
// address, which may hold a password.
func ParseProxy(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("the proxy's address is none")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return u, nil
	}
	return nil, errors.New("a proxy speaks http, https or socks5")
}
