// Package fetch makes one polite HTTP request.
//
// It is the only HTTP client of the program. A [Client] asks one host for one thing at a time,
// gives back the validators that the server handed out exactly as they came, says who it is,
// takes no cookies and sends no Referer, and gives up on servers that send too much or too slowly.
//
// # Private addresses
//
// What a publisher writes (a redirect, a link on a page) must not make the archive ask the machines
// of its owner's own network. So every connection is checked against the address really dialled,
// and private ones are refused, with two exceptions: the address of a [Request] that is Trusted,
// that is, one that the owner typed, and redirects between private addresses that start at such a
// one. With AllowPrivate nothing is refused.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/backissue/backissue/feed"
)

// Defaults of a [Client]'s fields.
const (
	DefaultTimeout  = 30 * time.Second
	DefaultMaxBytes = 64 << 20
)

// maxRedirects is how many redirects are followed before the request is given up.
const maxRedirects = 5

// accept asks for feeds first and takes anything: servers that negotiate are few, and a page is
// worth having for the feeds that it names.
const accept = "application/atom+xml, application/rss+xml, application/feed+json, " +
	"application/rdf+xml;q=0.9, application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, " +
	"text/html;q=0.7, */*;q=0.5"

// UserAgent returns what a program of this version calls itself.
func UserAgent(version string) string {
	name := "backissue"
	if version != "" {
		name += "/" + version
	}
	return name + " (+https://github.com/backissue/backissue)"
}

// Client makes requests. The zero value is ready for use. A Client is safe for concurrent use; it
// must not be copied, nor its fields changed, once it has been used.
type Client struct {
	UserAgent string        // sent with every request; [UserAgent] without a version if empty
	Timeout   time.Duration // for a whole request with its redirects, waiting for its turn not counted; DefaultTimeout if 0
	MaxBytes  int64         // of a body, unpacked; DefaultMaxBytes if 0
	HostGap   time.Duration // pause between the end of one request to a host and the start of the next; none if 0

	// AllowPrivate lets every request reach private addresses.
	AllowPrivate bool
	// HTTP, if not nil, gives the transport that is used for every request, and then there is no
	// guard against private addresses. Nothing else of it is used.
	HTTP *http.Client
	// Log is told of every answer, at debug level. Silent if nil.
	Log *slog.Logger
	// Subscribers is told to publishers in the User-Agent; 1 if 0.
	Subscribers int

	gate  gate
	setup sync.Once
	guard guard
}

// Request is what to ask for.
type Request struct {
	URL          string // http or https
	ETag         string // as received earlier; sent as If-None-Match, byte for byte
	LastModified string // as received earlier; sent as If-Modified-Since, byte for byte
	// Trusted says that the owner of the archive named this address himself, so that it may lead
	// to a private one.
	Trusted bool
	// Access is what the owner gives along. It goes to the host of URL alone: the same scheme, host
	// and port, or https on the same host, and to nobody once a redirect has led elsewhere. Its
	// proxy carries every request.
	Access feed.Access
}

// Response is a good answer: a body, or word that there is no new one.
type Response struct {
	URL         string // where the answer came from, after redirects, without user and password
	Moved       string // target of the leading permanent redirects (301, 308), if there were any
	Status      int    // 200, 203 or 304
	NotModified bool   // the server vouches that nothing has changed since the validators were given out
	Body        []byte // unpacked; nil if NotModified
	Hash        string // SHA-256 of Body in hex; empty if NotModified
	ContentType string // the header field as it came

	ETag         string // of this answer, as received; empty where there was none
	LastModified string // of this answer, as received; empty where there was none

	// Fresh is for how long the server says that there is no use in asking again (Cache-Control
	// max-age less Age, or else Expires less Date; RFC 9111 §4.2), on 304 as on 200; 0 where it does
	// not say.
	Fresh time.Duration
	// RetryAfter is the longest time for which a redirect on the way has asked to be left alone
	// (RFC 9110 §10.2.3); 0 where none did.
	RetryAfter time.Duration
	Header     http.Header

	Requests int   // how many were made, redirects included
	Wire     int64 // bytes of bodies as they came, packed, redirects included
}

// Get asks for one document, following redirects. Any failure but the end of ctx is an [*Error].
func (c *Client) Get(ctx context.Context, r Request) (*Response, error) {
	u, err := ParseURL(r.URL)
	if err != nil {
		return nil, &Error{URL: r.URL, Class: ClassAddress, Problem: err.Error(), Err: err}
	}
	w := walk{client: c, request: r, open: r.Trusted || c.AllowPrivate, left: c.timeout()}
	res, err := w.follow(ctx, u)
	var e *Error
	switch {
	case err == nil:
		res.Requests, res.Wire, res.RetryAfter = w.requests, w.wire, w.retryAfter
	case errors.As(err, &e):
		e.Requests, e.Wire, e.RetryAfter = w.requests, w.wire, max(e.RetryAfter, w.retryAfter)
	}
	return res, err
}

// follow asks for u and goes where redirects lead.
func (w *walk) follow(ctx context.Context, u *url.URL) (*Response, error) {
	seen := make(map[string]bool, 1)
	moved, permanent := "", true
	for hops := 0; ; hops++ {
		seen[u.String()] = true
		res, next, err := w.step(ctx, u)
		if err != nil {
			return nil, err
		}
		if next == nil {
			res.Moved = moved
			return res, nil
		}
		switch {
		case seen[next.String()]:
			return nil, fail(u, ClassRedirect, "the server redirects in a circle", nil)
		case hops == maxRedirects:
			return nil, fail(u, ClassRedirect, "the server redirects more than "+strconv.Itoa(maxRedirects)+" times", nil)
		}
		if permanent = permanent && (res.Status == http.StatusMovedPermanently || res.Status == http.StatusPermanentRedirect); permanent {
			moved = public(next)
		}
		u = next
	}
}

// CloseIdle closes connections that are kept for later requests.
func (c *Client) CloseIdle() {
	c.setup.Do(c.init)
	c.guard.closeIdle()
}

func (c *Client) init() {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	var rt http.RoundTripper
	if c.HTTP != nil {
		if rt = c.HTTP.Transport; rt == nil {
			rt = http.DefaultTransport
		}
	}
	c.guard = newGuard(rt)
	c.gate.gap = c.HostGap
}

func (c *Client) timeout() time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	return DefaultTimeout
}

func (c *Client) maxBytes() int64 {
	if c.MaxBytes > 0 {
		return c.MaxBytes
	}
	return DefaultMaxBytes
}

func (c *Client) userAgent() string {
	if c.UserAgent != "" {
		return c.UserAgent
	}
	return UserAgent("")
}

// walk is one request on its way through redirects.
type walk struct {
	client  *Client
	request Request
	open    bool          // the next address may be a private one
	left    time.Duration // of the timeout

	requests   int
	wire       int64
	retryAfter time.Duration // the longest that a redirect has asked for
}

// step makes one exchange. It returns the answer, or where the server sends us instead.
func (w *walk) step(ctx context.Context, u *url.URL) (*Response, *url.URL, error) {
	c := w.client
	c.setup.Do(c.init)
	release, err := c.gate.enter(ctx, strings.ToLower(u.Hostname()))
	if err != nil {
		return nil, nil, canceled(u, err)
	}
	defer release()

	began := time.Now()
	defer func() { w.left -= time.Since(began) }()
	limited, cancel := context.WithTimeout(ctx, w.left)
	defer cancel()

	var peer net.Addr
	traced := httptrace.WithClientTrace(limited, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { peer = info.Conn.RemoteAddr() },
	})
	req := w.newRequest(traced, u)
	transport, proxied, err := c.guard.transport(req, w.open)
	if err != nil {
		return nil, nil, c.broken(ctx, u, false, err)
	}
	w.requests++
	res, err := transport.RoundTrip(req)
	if err != nil {
		return nil, nil, c.broken(ctx, u, false, err)
	}
	defer res.Body.Close()
	res.Body = counted{res.Body, &w.wire}
	c.Log.Debug("answered", "url", u.Redacted(), "status", res.StatusCode, "took", time.Since(began))

	switch {
	case isRedirect(res.StatusCode):
		// A private address that the owner named may send us on to its neighbours, a public one
		// may not.
		w.open = c.AllowPrivate || w.open && !proxied && c.guard.private(peer)
		w.retryAfter = max(w.retryAfter, retryAfter(res.Header, time.Now()))
		drain(res.Body)
		next, err := location(u, res.Header)
		if err != nil {
			return nil, nil, fail(u, ClassRedirect, err.Error(), err)
		}
		return &Response{Status: res.StatusCode}, next, nil
	case res.StatusCode == http.StatusNotModified && w.conditional():
		return newResponse(u, res), nil, nil
	case res.StatusCode == http.StatusOK || res.StatusCode == http.StatusNonAuthoritativeInfo:
		answer := newResponse(u, res)
		answer.Body, answer.Hash, err = readBody(res, c.maxBytes())
		if err != nil {
			return nil, nil, c.broken(ctx, u, true, err)
		}
		return answer, nil, nil
	}
	drain(res.Body)
	return nil, nil, statusError(u, res)
}

func (w *walk) conditional() bool { return w.request.ETag != "" || w.request.LastModified != "" }

func (w *walk) newRequest(ctx context.Context, u *url.URL) *http.Request {
	h := http.Header{
		"User-Agent":      {w.client.userAgent()},
		"Accept":          {accept},
		"Accept-Encoding": {"gzip"},
	}
	if w.request.ETag != "" {
		h["If-None-Match"] = []string{w.request.ETag}
	}
	if w.request.LastModified != "" {
		h["If-Modified-Since"] = []string{w.request.LastModified}
	}
	req := &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if u.User != nil {
		password, _ := u.User.Password()
		req.SetBasicAuth(u.User.Username(), password)
	}
	return req.WithContext(ctx)
}

func newResponse(u *url.URL, res *http.Response) *Response {
	return &Response{
		URL:          public(u),
		Status:       res.StatusCode,
		NotModified:  res.StatusCode == http.StatusNotModified,
		ContentType:  res.Header.Get("Content-Type"),
		ETag:         validator(res.Header.Get("ETag")),
		LastModified: validator(res.Header.Get("Last-Modified")),
		Fresh:        freshness(res.Header, time.Now()),
		Header:       res.Header,
	}
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// location returns where a redirect leads. User and password go along on the same host only.
func location(from *url.URL, h http.Header) (*url.URL, error) {
	where := strings.TrimSpace(h.Get("Location"))
	if where == "" {
		return nil, errors.New("the server redirects without saying where")
	}
	to, err := from.Parse(where)
	if err == nil {
		to, err = ParseURL(to.String())
	}
	if err != nil {
		return nil, errors.New("the server redirects to " + strconv.Quote(where) + ", which is no web address")
	}
	if to.User == nil && to.Scheme == from.Scheme && strings.EqualFold(to.Host, from.Host) {
		to.User = from.User
	}
	return to, nil
}

// ParseURL reads an http or https address as it can be asked for: scheme in lower case, without
// fragment (which is none of the server's business), and everything escaped that HTTP wants escaped.
func ParseURL(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil {
		var cause *url.Error
		if errors.As(err, &cause) {
			err = cause.Err
		}
		return nil, fmt.Errorf("not a web address: %w", err)
	}
	u.Scheme = strings.ToLower(u.Scheme)
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, errors.New("not a web address: it wants http:// or https:// and a host")
	}
	u.Fragment, u.RawFragment = "", ""
	u.RawQuery = escapeQuery(u.RawQuery)
	return u, nil
}

// escapeQuery escapes what must not stand in a request line, which [url.Parse] does for paths only.
func escapeQuery(q string) string {
	clean := func(c byte) bool { return c > ' ' && c < 0x7f }
	var b strings.Builder
	for i := range len(q) {
		if clean(q[i]) {
			b.WriteByte(q[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", q[i])
		}
	}
	return b.String()
}

// public returns the address without user and password: it is the base of what is read from the
// body, which is published.
func public(u *url.URL) string {
	v := *u
	v.User = nil
	return v.String()
}

// drain reads the little that is left of an answer, so that its connection can be used again.
func drain(body io.Reader) { _, _ = io.CopyN(io.Discard, body, 16<<10) }

// addrOf returns the address at the other end of a connection.
func addrOf(peer net.Addr) (netip.Addr, bool) {
	tcp, ok := peer.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	return tcp.AddrPort().Addr().Unmap().WithZone(""), true
}
