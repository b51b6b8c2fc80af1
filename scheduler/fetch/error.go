package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Class is the kind of a failure.
type Class string

// Kinds of failure.
const (
	ClassAddress  Class = "address"   // nothing that can be asked for
	ClassOffline  Class = "offline"   // this machine has no network, or its DNS does not answer
	ClassDNS      Class = "dns"       // there is no such host
	ClassConnect  Class = "connect"   // the host could not be reached, or hung up
	ClassTLS      Class = "tls"       // no secure connection
	ClassTimeout  Class = "timeout"   // no answer, or not all of it, in time
	ClassPrivate  Class = "private"   // not asked, since it is a private address
	ClassRedirect Class = "redirect"  // redirects that lead nowhere
	ClassStatus   Class = "status"    // an HTTP status that brings nothing; see Error.Status
	ClassTooLarge Class = "too large" // more than was to be taken
	ClassBody     Class = "body"      // an answer that could not be read
)

// Error is a request that brought no document.
type Error struct {
	URL        string        // what was asked for last, after redirects; user and password are left out
	Class      Class         // kind of failure
	Status     int           // HTTP status; 0 where there was no answer
	RetryAfter time.Duration // how long the server, or a redirect on the way, asks to be left alone; 0 where none does
	Requests   int           // how many were made, redirects included
	Wire       int64         // bytes of bodies as they came, packed, redirects included
	Problem    string        // what went wrong, in plain words
	Err        error         // the cause, if there was one
}

// Error returns what was asked for and what went wrong.
func (e *Error) Error() string { return fmt.Sprintf("fetch %q: %s", e.URL, e.Problem) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func fail(u *url.URL, class Class, problem string, err error) *Error {
	return &Error{URL: public(u), Class: class, Problem: problem, Err: err}
}

// broken says in plain words why an exchange failed, before or after the answer had begun. The end
// of ctx is not the server's failure.
func (c *Client) broken(ctx context.Context, u *url.URL, begun bool, err error) error {
	if ctx.Err() != nil {
		return canceled(u, context.Cause(ctx))
	}
	class, problem := c.explain(u, begun, err)
	return fail(u, class, problem, err)
}

func canceled(u *url.URL, err error) error { return fmt.Errorf("fetch %q: %w", public(u), err) }

func (c *Client) explain(u *url.URL, begun bool, err error) (Class, string) {
	var (
		dns      *net.DNSError
		timeout  net.Error
		encoding encodingError
		proxy    proxyError
	)
	switch {
	case errors.Is(err, errPrivate):
		return ClassPrivate, fmt.Sprintf("%s is on a private network, and is not among the hosts that the owner allows", u.Hostname())
	case errors.As(err, &proxy) && isDial(err):
		return ClassConnect, "the proxy does not get through: " + bare(proxy.error)
	case errors.As(err, &dns) && dns.IsNotFound:
		return ClassDNS, fmt.Sprintf("there is no host %q", u.Hostname())
	case errors.As(err, &dns):
		return ClassOffline, fmt.Sprintf("the host %q could not be looked up", u.Hostname())
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.ENETDOWN):
		return ClassOffline, "there is no network"
	case strings.Contains(err.Error(), "response headers exceeded"): // net/http says it in words only
		return ClassTooLarge, "the header fields are larger than " + size(maxHeaderBytes)
	case errors.Is(err, errTooLarge):
		return ClassTooLarge, "the answer is larger than " + size(c.maxBytes())
	case errors.Is(err, errTooSlow):
		return ClassTimeout, "the answer comes too slowly"
	case errors.As(err, &timeout) && timeout.Timeout():
		if begun {
			return ClassTimeout, "the answer did not end in time"
		}
		return ClassTimeout, "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return ClassConnect, u.Host + " refuses connections"
	case isTLS(err):
		return ClassTLS, "no secure connection: " + bare(err)
	case errors.As(err, &encoding):
		return ClassBody, encoding.Error()
	case isDial(err):
		return ClassConnect, fmt.Sprintf("%s cannot be reached: %s", u.Host, bare(err))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		if begun {
			return ClassBody, "the answer broke off"
		}
		return ClassConnect, "the server hung up without an answer"
	case errors.As(err, &proxy):
		return ClassConnect, "the proxy does not get through: " + bare(proxy.error)
	}
	return ClassBody, "the answer cannot be read: " + bare(err)
}

// proxyError is a failure of an exchange that a proxy was to carry.
type proxyError struct{ error }

func (e proxyError) Unwrap() error { return e.error }

func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect" || op.Op == "socks connect")
}

func isTLS(err error) bool {
	var (
		verify  *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		alert   tls.AlertError
		host    x509.HostnameError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
	)
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &host) || errors.As(err, &unknown) || errors.As(err, &invalid) ||
		// net/http says these in words only.
		strings.Contains(err.Error(), "tls: ") || strings.Contains(err.Error(), "to HTTPS client")
}

// bare returns the innermost reason without the layers that repeat the address.
func bare(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		err = op.Err
	}
	s := err.Error()
	for _, prefix := range []string{"HTTP/1.x transport connection broken: ", "net/http: ", "http: ", "tls: ", "failed to verify certificate: ", "x509: "} {
		s = strings.TrimPrefix(s, prefix)
	}
	return s
}

func statusError(u *url.URL, res *http.Response) *Error {
	e := &Error{
		URL:        public(u),
		Class:      ClassStatus,
		Status:     res.StatusCode,
		RetryAfter: retryAfter(res.Header, time.Now()),
		Problem:    fmt.Sprintf("the server answers %d", res.StatusCode),
	}
	if text := http.StatusText(res.StatusCode); text != "" {
		e.Problem += " " + text
	}
	if e.RetryAfter > 0 {
		e.Problem += fmt.Sprintf(" and asks to be left alone for %v", e.RetryAfter)
	}
	return e
}

func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
