package fetch

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// maxHeaderBytes is how much of header fields an answer may have.
const maxHeaderBytes = 256 << 10

// errPrivate is the cause of a [ClassPrivate].
var errPrivate = errors.New("not a public address")

// reach is how far a connection may go.
type reach int

const (
	toPublic   reach = iota // public addresses, and those on the allow list
	toOwn                   // the owner's own machine and network as well
	toAnywhere              // any address
)

// guard chooses the connections on which a request may travel. Every reach has a pool of connections
// of its own: a request that may not open a connection may not find it open either. The address is
// checked when it is dialled, behind the last look-up of the name, so that it does not matter what
// the look-up before has answered.
type guard struct {
	rules   *ssrf.Guardian
	allowed []netip.Prefix
	names   []string // on the allow list, in lower case
	pools   [toAnywhere + 1]http.RoundTripper
	proxies proxies
}

// newGuard returns the guard of a client, which allows the hosts and prefixes in allow. A transport
// given from outside serves every request as it is. Addresses in public count as public whatever
// they are.
func newGuard(given http.RoundTripper, r *net.Resolver, allow []string, public ...netip.Prefix) *guard {
	g := &guard{rules: ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(public...))}
	for _, a := range allow {
		if p, ok := prefix(a); ok {
			g.allowed = append(g.allowed, p)
		} else {
			g.names = append(g.names, hostName(a))
		}
	}
	for to := range g.pools {
		if g.pools[to] = given; given == nil {
			g.pools[to] = newTransport(&net.Dialer{Timeout: dialTimeout, Resolver: r, Control: g.control(reach(to))})
		}
	}
	if given == nil {
		g.proxies.environment = http.ProxyFromEnvironment
	}
	return g
}

// dialTimeout is for how long a connection is waited for, the look-up of the name included. What does not
// answer by then is dead, most often, and is not to hold one of few workers for the whole of a timeout.
const dialTimeout = 10 * time.Second

// prefix reads an address or a range of addresses (CIDR).
func prefix(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	if ip, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		ip = ip.Unmap().WithZone("")
		return netip.PrefixFrom(ip, ip.BitLen()), true
	}
	return netip.Prefix{}, false
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

// control returns the check that a dialler makes of each address before it connects to it.
func (g *guard) control(to reach) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		peer, err := netip.ParseAddrPort(address)
		if err != nil || !g.within(to, peer.Addr()) {
			return errPrivate
		}
		return nil
	}
}

// within reports whether an address lies within reach.
func (g *guard) within(to reach, ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	switch {
	case to == toAnywhere, slices.ContainsFunc(g.allowed, func(p netip.Prefix) bool { return p.Contains(ip) }):
		return true
	case isMetadata(ip):
		return false
	case to == toOwn && isOwn(ip):
		return true
	}
	return g.rules.SafeAddr(ip) == nil
}

// isOwn reports whether an address can be the owner's own machine or stand in his own network.
func isOwn(ip netip.Addr) bool {
	cgnat := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10) // RFC 6598; overlay networks live there
	return ip.IsLoopback() || ip.IsPrivate() || cgnat.Contains(ip)
}

// isMetadata reports whether a cloud gives the machines in it their keys at an address that would
// pass otherwise, since it is public or could be the owner's own. The others are link-local.
func isMetadata(ip netip.Addr) bool {
	switch ip.String() {
	case "168.63.129.16", "100.100.100.200", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254":
		return true
	}
	return false
}

// reachOf returns how far a request to a host may go; named says that the owner has named it.
//
// A name whose answers a stranger may change is not enough, even where the owner has typed it: it
// would be led into his network at the next look-up.
func (g *guard) reachOf(host string, named bool) reach {
	host = hostName(host)
	if slices.Contains(g.names, host) || named && (isAddress(host) || isLocalName(host)) {
		return toOwn
	}
	return toPublic
}

// hostName returns a host in the form in which hosts are compared.
func hostName(s string) string {
	return strings.ToLower(strings.TrimSuffix(strings.Trim(s, "[]"), "."))
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// isLocalName reports whether a name has no place in the public DNS, so that nobody outside can
// answer for it (RFC 6761 §6.3, RFC 6762 §3, RFC 8375, and .internal, which ICANN has set aside).
func isLocalName(host string) bool {
	if !strings.Contains(host, ".") {
		return true
	}
	for _, suffix := range []string{".localhost", ".local", ".internal", ".home.arpa"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}

// transport returns what carries the request, and whether a proxy stands in between. A proxy looks
// names up itself, so only addresses in digits and local names can be refused here.
func (g *guard) transport(r *http.Request, proxy string, to reach) (http.RoundTripper, bool, error) {
	via, err := g.proxies.choose(r, proxy)
	if via == nil || err != nil {
		return g.pools[to], false, err
	}
	host := hostName(r.URL.Hostname())
	ip, err := netip.ParseAddr(host)
	if err == nil && !g.within(to, ip) || err != nil && to == toPublic && isLocalName(host) {
		return nil, true, errPrivate
	}
	return via, true, nil
}

// private reports whether the other end of a connection has no public address.
func (g *guard) private(peer net.Addr) bool {
	tcp, ok := peer.(*net.TCPAddr)
	return ok && g.rules.SafeAddr(tcp.AddrPort().Addr().Unmap().WithZone("")) != nil
}

func (g *guard) closeIdle() {
	for _, rt := range g.pools {
		if t, ok := rt.(interface{ CloseIdleConnections() }); ok {
			t.CloseIdleConnections()
		}
	}
	g.proxies.closeIdle()
}
