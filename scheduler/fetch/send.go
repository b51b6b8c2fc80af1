package fetch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

// maxAnswer is how much of an answer to a [Message] is read.
const maxAnswer = 64 << 10

// Message is a request that does not ask for a document: what hubs and their subscribers say to one
// another (W3C WebSub). It takes its turn, and is kept from private addresses, like any other.
type Message struct {
	Method  string // GET or POST
	URL     string // http or https
	Header  http.Header
	Body    []byte
	Trusted bool // as in a [Request]
	// Follow says that redirects which keep method and body (307, 308) are followed. All others are
	// answers like any.
	Follow bool
}

// Answer is what a [Message] was answered with, whatever its status.
type Answer struct {
	Status     int
	Body       []byte        // its first 64 KiB
	RetryAfter time.Duration // how long the server asks to be left alone; 0 where it does not
}

// Send makes one exchange. Its error, if there was no answer, is an [*Error], or that ctx has ended.
func (c *Client) Send(ctx context.Context, m Message) (*Answer, error) {
	u, err := ParseURL(m.URL)
	if err != nil {
		return nil, &Error{URL: withoutUser(m.URL), Class: ClassAddress, Problem: err.Error(), Err: err}
	}
	c.setup.Do(c.init)
	named := m.Trusted
	for hops := 0; ; hops++ {
		answer, next, err := c.exchange(ctx, u, &m, named)
		if err != nil || next == nil {
			return answer, err
		}
		switch {
		case hops == maxRedirects:
			return nil, fail(u, ClassRedirect, "the server redirects in circles or too often", nil)
		case isDowngrade(u, next): // what is said may be secret
			return nil, fail(u, ClassRedirect, "the server redirects to where others can listen", nil)
		}
		named = named && next.Hostname() == u.Hostname()
		u = next
	}
}

// exchange says it once. It returns the answer, and where the server sends us, if that is to be followed.
func (c *Client) exchange(ctx context.Context, u *url.URL, m *Message, named bool) (*Answer, *url.URL, error) {
	release, err := c.gate.enter(ctx, hostName(u.Hostname()), 0)
	if err != nil {
		return nil, nil, canceled(u, err)
	}
	defer release()
	limited, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	exchange, stop := context.WithCancelCause(limited)
	defer stop(nil)

	req := c.newMessage(u, m).WithContext(exchange)
	to := toAnywhere
	if !c.AllowPrivate {
		to = c.guard.reachOf(u.Hostname(), named)
	}
	transport, proxied, err := c.guard.transport(req, "", to)
	if err != nil {
		return nil, nil, c.broken(ctx, u, false, err)
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		if proxied {
			err = proxyError{err}
		}
		return nil, nil, c.broken(ctx, u, false, err)
	}
	defer res.Body.Close()
	c.Log.Debug("answered", "url", public(u), "status", res.StatusCode)
	if m.Follow && (res.StatusCode == http.StatusTemporaryRedirect || res.StatusCode == http.StatusPermanentRedirect) {
		drain(res.Body, stop)
		next, err := location(u, res.Header)
		if err != nil {
			return nil, nil, fail(u, ClassRedirect, err.Error(), err)
		}
		return nil, next, nil
	}
	answer := &Answer{Status: res.StatusCode, RetryAfter: retryAfter(res.Header, time.Now())}
	answer.Body, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil && ctx.Err() != nil {
		return nil, nil, canceled(u, errors.Join(context.Cause(ctx), err))
	}
	return answer, nil, nil // what was said counts, though the end of the body be missing
}

func (c *Client) newMessage(u *url.URL, m *Message) *http.Request {
	h := m.Header.Clone()
	if h == nil {
		h = make(http.Header)
	}
	h.Set("User-Agent", c.userAgent())
	req := &http.Request{
		Method: m.Method, URL: u, Host: u.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if m.Body != nil {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(m.Body)), int64(len(m.Body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(m.Body)), nil }
	}
	if u.User != nil {
		password, _ := u.User.Password()
		req.SetBasicAuth(u.User.Username(), password)
	}
	return req
}
