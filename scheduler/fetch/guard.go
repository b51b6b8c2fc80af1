package fetch

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"time"

	"code.dny.dev/ssrf"
)

// maxHeaderBytes is how much of header fields an answer may have.
const maxHeaderBytes = 256 << 10

// guard chooses the connections on which a request may travel. Guarded and open requests have a
// pool of connections each: a request that may not open a connection may not find it open either.
type guard struct {
	rules   *ssrf.Guardian
	open    http.RoundTripper // to any address
	guarded http.RoundTripper // to public addresses only
	proxy   func(*http.Request) bool
}

// newGuard returns the guard of a client. A transport given from outside serves both kinds of
// request as it is. Addresses in public count as public whatever they are.
func newGuard(given http.RoundTripper, public ...netip.Prefix) guard {
	rules := ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(public...))
	if given != nil {
		return guard{rules: rules, open: given, guarded: given, proxy: func(*http.Request) bool { return false }}
	}
	open := newTransport(&net.Dialer{Timeout: 10 * time.Second})
	open.Proxy = http.ProxyFromEnvironment
	return guard{
		rules:   rules,
		open:    open,
		guarded: newTransport(&net.Dialer{Timeout: 10 * time.Second, Control: rules.Safe}),
		proxy: func(r *http.Request) bool {
			u, err := http.ProxyFromEnvironment(r)
			return u != nil && err == nil
		},
	}
}

func newTransport(d *net.Dialer) *http.Transport {
	return &http.Transport{
		DialContext:            d.DialContext,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  20 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true, // unpacked here, within limits
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    1, // there is one request at a time
		IdleConnTimeout:        90 * time.Second,
	}
}

// transport returns what carries the request, and whether a proxy stands in between. A proxy that
// the owner has set up looks up names itself, so only an address in digits can be refused here.
func (g *guard) transport(r *http.Request, open bool) (http.RoundTripper, bool, error) {
	if !g.proxy(r) {
		if open {
			return g.open, false, nil
		}
		return g.guarded, false, nil
	}
	if ip, err := netip.ParseAddr(r.URL.Hostname()); err == nil && !open {
		if err := g.rules.SafeAddr(ip.Unmap().WithZone("")); err != nil {
			return nil, true, err
		}
	}
	return g.open, true, nil
}

// private reports whether the other end of a connection has an address that guarded requests
// could not reach.
func (g *guard) private(peer net.Addr) bool {
	ip, ok := addrOf(peer)
	return ok && g.rules.SafeAddr(ip) != nil
}

func (g *guard) closeIdle() {
	for _, rt := range []http.RoundTripper{g.open, g.guarded} {
		if t, ok := rt.(interface{ CloseIdleConnections() }); ok {
			t.CloseIdleConnections()
		}
	}
}
