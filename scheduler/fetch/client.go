// Package fetch makes one polite HTTP request.
//
// It is the only HTTP client of the program. A [Client] asks one host for one thing at a time,
// gives back the validators that the server handed out exactly as they came, says who it is,
// takes no cookies and sends no Referer, and gives up on servers that send too much or too slowly.
//
// # Private addresses
//
// What a publisher writes (a redirect, a link on a page, an answer of his DNS) must not make the
// archive ask the machines of its owner's own network. So the address of every connection is checked
// when it is dialled, and only public ones pass, with these exceptions: the hosts and ranges in
// Allow; what the owner named himself (a [Request] that is Trusted), if it is an address in digits or
// a name that nobody outside can answer for; and redirects from one such to another. With
// AllowPrivate nothing is refused.
package fetch

import (
	"context"
	"errors"
	"fmt"
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
	DefaultTimeout  = 60 * time.Second
	DefaultMaxBytes = 32 << 20
)

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
	// HostGap is the pause between the end of one request for a document and the start of the next request
	// to the same host; none if 0, and none for this machine itself. See [Client.Gap].
	HostGap time.Duration

	// Allow names hosts and address ranges (CIDR) of the owner's own network that every request may
	// reach, whoever has named them.
	Allow []string
	// Resolver looks names up; the system's if nil.
	Resolver *net.Resolver
	// AllowPrivate lets every request reach private addresses.
	AllowPrivate bool
	// HTTP, if not nil, gives the transport that is used for every request, and then there is no
	// guard against private addresses. Nothing else of it is used.
	HTTP *http.Client
	// Log is told of every answer, at debug level. Silent if nil.
	Log *slog.Logger
	// Subscribers is told to publishers in the User-Agent; 1 if 0.
	Subscribers int

	gate   gate
	places places
	setup  sync.Once
	guard  *guard
}

// Request is what to ask for.
type Request struct {
	URL          string // http or https
	ETag         string // as received earlier; sent as If-None-Match, byte for byte
	LastModified string // as received earlier; sent as If-Modified-Since, byte for byte
	// Trusted says that the owner of the archive named this address himself, so that it may be a
	// private one.
	Trusted bool
	// FollowNow says that redirects are followed though they ask for some time to pass first (Retry-After,
	// RFC 9110 §10.2.3): it has passed, or the owner is waiting. Without it they fail with their status.
	FollowNow bool
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
	// (RFC 9110 §10.2.3); 0 where none did. It was followed all the same; see Request.FollowNow.
	RetryAfter time.Duration
	Header     http.Header
	Asked      http.Header // what the last request said, without what the owner gave along

	Requests int   // how many were made, redirects included
	Wire     int64 // bytes of bodies as they came, packed, redirects included

	release func() // gives back the place of a large body; nil for a small one
}

// Get asks for one document, following redirects. Any failure but the end of ctx is an [*Error]. The
// response must be released; see [Response.Release].
func (c *Client) Get(ctx context.Context, r Request) (*Response, error) {
	u, err := ParseURL(r.URL)
	if err != nil {
		return nil, &Error{URL: r.String(), Class: ClassAddress, Problem: err.Error(), Err: err}
	}
	if err := CheckAccess(&r.Access); err != nil {
		return nil, fail(u, ClassAddress, err.Error(), err)
	}
	c.setup.Do(c.init)
	w := walk{client: c, request: r, home: u, named: r.Trusted, left: c.timeout()}
	res, err := w.follow(ctx, u)
	var e *Error
	switch {
	case err == nil:
		res.Requests, res.Wire, res.RetryAfter = w.requests, w.wire, w.retryAfter
	case errors.As(err, &e):
		e.Requests, e.Wire, e.RetryAfter = w.requests, w.wire, max(e.RetryAfter, w.retryAfter)
		e.Problem, e.URL = hide(e.Problem, &r.Access), hide(e.URL, &r.Access)
	}
	return res, err
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
	c.guard = newGuard(rt, c.Resolver, c.Allow)
}

// Gap returns how long a host is left alone between two requests: not at all where it is this machine
// itself, whose owner has nobody to be polite to but himself.
func (c *Client) Gap(host string) time.Duration {
	host = hostName(host)
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return 0
	}
	return c.HostGap
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
	agent := c.UserAgent
	if agent == "" {
		agent = UserAgent("")
	}
	if before, ok := strings.CutSuffix(agent, ")"); ok {
		n, unit := max(1, c.Subscribers), " subscribers)"
		if n == 1 {
			unit = " subscriber)"
		}
		return before + "; " + strconv.Itoa(n) + unit
	}
	return agent
}

// walk is one request on its way through redirects.
type walk struct {
	client  *Client
	request Request
	home    *url.URL      // where the owner's access belongs
	away    bool          // a redirect has led elsewhere, so that it goes to nobody any more
	named   bool          // the owner has named the next address, or a private one of his has
	left    time.Duration // of the timeout

	requests   int
	wire       int64
	retryAfter time.Duration // the longest that a redirect has asked for
	asked      http.Header   // the fields of the last request, without what the owner gives along
}

// step makes one exchange. It returns the answer, or where the server sends us instead.
func (w *walk) step(ctx context.Context, u *url.URL) (*Response, *url.URL, error) {
	c := w.client
	release, err := c.gate.enter(ctx, hostName(u.Hostname()), c.Gap(u.Hostname()))
	if err != nil {
		return nil, nil, canceled(u, err)
	}
	defer release()

	began := time.Now()
	exchange, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	patience := newPatience(w.left, stop)
	defer func() { w.left = patience.pause() }()

	var peer net.Addr
	traced := httptrace.WithClientTrace(exchange, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { peer = info.Conn.RemoteAddr() },
	})
	req := w.newRequest(traced, u)
	transport, proxied, err := c.guard.transport(req, w.request.Access.Proxy, w.reach(u))
	if err != nil {
		return nil, nil, c.broken(ctx, u, false, err)
	}
	w.requests++
	res, err := transport.RoundTrip(req)
	if err != nil {
		if context.Cause(exchange) == context.DeadlineExceeded {
			err = context.DeadlineExceeded
		}
		if proxied {
			err = proxyError{err}
		}
		return nil, nil, c.broken(ctx, u, false, err)
	}
	body := &meter{ReadCloser: res.Body}
	res.Body = body
	defer func() { w.wire += body.n.Load() }()
	defer body.Close()
	defer body.watch(stop)()
	c.Log.Debug("answered", "url", public(u), "status", res.StatusCode, "took", time.Since(began))

	switch {
	case isRedirect(res.StatusCode):
		// A private address that the owner named may send us on to its neighbours, a public one
		// may not.
		w.named = w.named && !proxied && c.guard.private(peer)
		wait := retryAfter(res.Header, time.Now())
		w.retryAfter = max(w.retryAfter, wait)
		drain(res.Body, stop)
		next, err := location(u, res.Header)
		if err != nil {
			return nil, nil, fail(u, ClassRedirect, err.Error(), err)
		}
		if wait > 0 && !w.request.FollowNow {
			return nil, nil, statusError(u, res)
		}
		return &Response{Status: res.StatusCode}, next, nil
	case res.StatusCode == http.StatusNotModified && w.conditional():
		return newResponse(u, res), nil, nil
	case res.StatusCode == http.StatusOK || res.StatusCode == http.StatusNonAuthoritativeInfo:
		answer := newResponse(u, res)
		answer.Asked = w.asked
		r := reading{&c.places, ctx, res.Header.Get("Content-Encoding"), body, c.maxBytes(), patience}
		if err := r.readBody(res, answer); err != nil {
			if cause := context.Cause(exchange); cause != nil && ctx.Err() == nil {
				err = cause
			}
			err = c.broken(ctx, u, true, err)
			var e *Error
			if errors.As(err, &e) {
				e.Status = res.StatusCode // it has answered, if badly: the network is well
			}
			return nil, nil, err
		}
		return answer, nil, nil
	}
	drain(res.Body, stop)
	return nil, nil, statusError(u, res)
}

// reach returns how far the request for u may go.
func (w *walk) reach(u *url.URL) reach {
	if w.client.AllowPrivate {
		return toAnywhere
	}
	return w.client.guard.reachOf(u.Hostname(), w.named)
}

func (w *walk) conditional() bool { return w.request.ETag != "" || w.request.LastModified != "" }

func (w *walk) newRequest(ctx context.Context, u *url.URL) *http.Request {
	h := http.Header{
		"User-Agent":      {w.client.userAgent()},
		"Accept":          {accept},
		"Accept-Encoding": {acceptEncoding},
	}
	if w.request.ETag != "" {
		h["If-None-Match"] = []string{w.request.ETag}
	}
	if w.request.LastModified != "" {
		h["If-Modified-Since"] = []string{w.request.LastModified}
	}
	w.asked = h.Clone()
	req := &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if u.User != nil {
		password, _ := u.User.Password()
		req.SetBasicAuth(u.User.Username(), password)
	}
	if w.away = w.away || !isHome(w.home, u); !w.away {
		give(req, &w.request.Access)
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
