package scheduler

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/scheduler/fetch"
)

// way is where the next older document is, and how that is known.
type way struct {
	next     string
	archived bool // it is named as an archive document, so there is one
	guessed  bool // it is not named at all: WordPress numbers its pages so
}

// wayOf returns the way from the document that is polled; false where it shows none.
func wayOf(src *feed.Source) (way, bool) { return wayFrom(src, src, src.PublicURL()) }

// wayFrom returns the way from a document of a source, which was found at an address.
func wayFrom(src, doc *feed.Source, address string) (way, bool) {
	t, own := parse.TrailOf(doc), parse.TrailOf(src)
	switch {
	case t.Complete && !t.Archived:
		return way{}, false
	case t.Older != "":
		next, err := normal(t.Older)
		return way{next: next, archived: t.Archived}, err == nil
	case own.Older == "" && (own.WordPress() || t.WordPress()):
		next, ok := nextPaged(address)
		return way{next: next, guessed: true}, ok
	}
	return way{}, false
}

// nextPaged returns the address of the page behind one of a WordPress site. What has no number is
// the first.
func nextPaged(address string) (string, bool) {
	u, err := fetch.ParseURL(address)
	if err != nil {
		return "", false
	}
	q, n := u.Query(), 1
	if s := q.Get("paged"); s != "" {
		if n, err = strconv.Atoi(s); err != nil || n < 1 || n > 1<<30 {
			return "", false
		}
	}
	q.Set("paged", strconv.Itoa(n+1))
	u.RawQuery = q.Encode()
	next, err := normal(u.String())
	return next, err == nil
}

// mayFollow reports whether a document at from may send a walk to the address next: the source's own
// host may name any, others only themselves and the source's.
func mayFollow(src *feed.Source, from, next string) bool {
	own := hostOf(src.URL)
	return hostOf(from) == own || slices.Contains([]string{own, hostOf(from)}, hostOf(next))
}

// request returns the request for a document of a source's history. The owner has named the source's
// host, with user and password perhaps, and no other.
func request(src *feed.Source, address string) fetch.Request {
	r := fetch.Request{URL: address, Trusted: trusted(src) && hostOf(address) == hostOf(src.URL)}
	if sameOrigin(src.URL, address) {
		r.Access = src.Access
	}
	own, err := url.Parse(src.URL)
	if err != nil || own.User == nil {
		return r
	}
	if u, err := url.Parse(address); err == nil && u.User == nil && u.Scheme == own.Scheme && u.Host == own.Host {
		u.User = own.User
		r.URL = u.String()
	}
	return r
}

// page is a document of a source's history as far as a walk must know it.
type page struct {
	url     string
	keys    map[string]bool // of its articles
	archive bool
	way     way
	more    bool // there is a way
}

func newPage(src *feed.Source, doc *parse.Document, address, asked string) *page {
	t := doc.Trail()
	p := &page{url: address, archive: t.Archive, keys: make(map[string]bool, len(doc.Articles))}
	for i := range doc.Articles {
		p.keys[doc.Articles[i].Key] = true
	}
	p.way, p.more = wayFrom(src, &doc.Source, asked)
	return p
}

// repeats reports whether a page brings nothing that the one before has not brought. An archive
// document may well hold other revisions of the same articles.
func (p *page) repeats(before *page) bool {
	if p.archive {
		return false
	}
	for k := range p.keys {
		if before == nil || !before.keys[k] {
			return false
		}
	}
	return true
}
