package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/backissue/backissue/feed"
)

// reserved are the fields of a request that are the client's own business: what it says who it is,
// what it can unpack, what it knows already, and how the message is framed.
var reserved = []string{
	"Accept-Encoding", "Connection", "Content-Length", "Expect", "Host", "If-Match", "If-Modified-Since",
	"If-None-Match", "If-Range", "If-Unmodified-Since", "Keep-Alive", "Proxy-Authorization",
	"Proxy-Connection", "Range", "Referer", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent",
}

// CheckAccess tells why what an owner wants to give along cannot be sent as it is. The error names
// fields and repeats no value.
func CheckAccess(a *feed.Access) error {
	for _, h := range a.Headers {
		name := textproto.CanonicalMIMEHeaderKey(h.Name)
		switch {
		case !isToken(h.Name):
			return errors.New("a header has a name that is none")
		case slices.Contains(reserved, name):
			return fmt.Errorf("the header %s cannot be set", name)
		case !isValue(h.Value):
			return fmt.Errorf("the header %s has a value with characters that cannot be sent", name)
		}
	}
	switch {
	case a.Bearer != "" && a.User != "":
		return errors.New("a bearer token and a user cannot be sent together")
	case strings.Contains(a.User, ":"):
		return errors.New("a user's name cannot hold a colon")
	case a.User == "" && a.Password != "":
		return errors.New("a password wants a user")
	case !isValue(a.Bearer) || strings.ContainsAny(a.Bearer, " \t"):
		return errors.New("the bearer token has characters that cannot be sent")
	case !isValue(a.Cookie):
		return errors.New("the cookie has characters that cannot be sent")
	}
	if a.Proxy != "" {
		_, err := ParseProxy(a.Proxy)
		return err
	}
	return nil
}

// isToken reports whether s may name a field (RFC 9110 §5.1).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) || c >= 0x80 {
			return false
		}
	}
	return s != ""
}

// isValue reports whether s may be the value of a field (RFC 9110 §5.5).
func isValue(s string) bool { return strings.TrimSpace(s) == s && validator(s) == s }

// give adds to a request what the owner gives along, which [CheckAccess] has found good.
func give(r *http.Request, a *feed.Access) {
	for _, h := range a.Headers {
		if name := textproto.CanonicalMIMEHeaderKey(h.Name); name == "Accept" {
			r.Header.Set(name, h.Value)
		} else {
			r.Header.Add(name, h.Value)
		}
	}
	if a.Cookie != "" {
		r.Header.Set("Cookie", a.Cookie)
	}
	switch {
	case a.Bearer != "":
		r.Header.Set("Authorization", "Bearer "+a.Bearer)
	case a.User != "":
		r.SetBasicAuth(a.User, a.Password)
	}
}

// isHome reports whether an address belongs to whom the owner gave something for: the scheme, host
// and port of home, or the same host under https.
func isHome(home, u *url.URL) bool {
	if hostName(u.Hostname()) != hostName(home.Hostname()) {
		return false
	}
	same := port(u) == port(home)
	return same && u.Scheme == home.Scheme || u.Scheme == "https" && (same || home.Scheme == "http" && port(u) == "443")
}

func port(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// hidden stands where a secret stood.
const hidden = "…"

// hide takes out of words what the owner gave along: a server may well say it back to us.
func hide(words string, a *feed.Access) string {
	secrets := []string{a.Password, a.Bearer, a.Cookie}
	for _, h := range a.Headers {
		secrets = append(secrets, h.Value)
	}
	for _, s := range secrets {
		if len(s) >= 4 { // less than this would tear words apart, and tells nothing
			words = strings.ReplaceAll(words, s, hidden)
			words = strings.ReplaceAll(words, url.QueryEscape(s), hidden)
		}
	}
	return words
}

// String returns the address without user and password, and nothing of what the owner gives along,
// so that a request can be printed.
func (r Request) String() string { return withoutUser(r.URL) }

// GoString is String, for %#v.
func (r Request) GoString() string { return fmt.Sprintf("fetch.Request{%q}", r.String()) }

// withoutUser takes user and password out of what need not be an address.
func withoutUser(s string) string {
	if u, err := url.Parse(s); err == nil {
		return public(u)
	}
	return s[strings.LastIndexByte(s, '@')+1:]
}
