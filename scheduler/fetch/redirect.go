package fetch

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// maxRedirects is how many redirects are followed before the request is given up.
const maxRedirects = 5

// follow asks for u and goes where redirects lead.
//
// A redirect from https to http is followed, since the article behind it would be lost otherwise,
// but never told as a move: whoever stands in the network could have the source moved for good.
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
		if permanent = permanent && isPermanent(res.Status) && !isDowngrade(u, next); permanent {
			moved = public(next)
		}
		u = next
	}
}

func isPermanent(status int) bool {
	return status == http.StatusMovedPermanently || status == http.StatusPermanentRedirect
}

func isDowngrade(from, to *url.URL) bool { return from.Scheme == "https" && to.Scheme == "http" }

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// location returns where a redirect leads. User and password go along on the same host
// only.
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
	to.User = nil // which is not for a server to choose
	if to.Scheme == from.Scheme && strings.EqualFold(to.Host, from.Host) {
		to.User = from.User
	}
	return to, nil
}
