package web

import (
	"net/http"
	"strings"
)

// class is what documents of one kind have in common on the wire. Header values are made once and
// shared by all answers, so that an answer allocates none of them.
type class struct {
	status  int     // of an answer with the body
	always  []field // sent with a 304 too
	full    []field // sent with the body
	codings [encodings][]string
}

type field struct {
	name  string // canonical
	value []string
}

func put(h http.Header, fields []field) {
	for i := range fields {
		h[fields[i].name] = fields[i].value
	}
}

// How long a copy may be used without asking. Feeds change when their sources are polled, which is
// seldom twice in five minutes, and readers ask more seldom still; a proxy in front spares the
// archive whatever comes in between. A person who reloads a page wants to see what is new.
const (
	feedsKeep  = "public, max-age=300"
	pagesKeep  = "public, max-age=60"
	sealedKeep = "public, max-age=31536000, immutable" // what has the address never changes
	iconKeep   = "public, max-age=86400"
)

// newClass returns the class of documents of a media type that may be kept for so long. Whatever
// has encodings varies by them, the identity too.
func newClass(mediaType, keep string, more ...field) *class {
	c := &class{
		status: http.StatusOK,
		always: []field{
			{"Cache-Control", []string{keep}},
			{"Vary", []string{"Accept-Encoding"}},
		},
		full: append([]field{{"Content-Type", []string{mediaType}}}, more...),
	}
	for e := range encodings {
		c.codings[e] = []string{e.token()}
	}
	return c
}

// newFeedClass returns a class whose documents scripts of any site may read.
//
// Its header has eight fields at most, since with the ninth net/http needs two maps more for each
// answer, which costs as much as all else that is done for it here. That is why it has no
// X-Content-Type-Options: what is labelled XML or JSON no browser takes for anything else. (Where a hub
// is named there are nine; see discovery.)
//
// What is given in vary is what the documents depend on besides their encoding.
func newFeedClass(mediaType, keep string, vary ...string) *class {
	c := newClass(mediaType, keep)
	c.always = append(c.always, field{"Access-Control-Allow-Origin", []string{"*"}})
	for i := range c.always {
		if f := &c.always[i]; f.name == "Vary" {
			f.value = []string{strings.Join(append(f.value, vary...), ", ")}
		}
	}
	return c
}

// deltaVary is what answers depend on where deltas are offered.
func deltaVary() []string { return []string{"A-IM", "If-None-Match"} }

// newDeltaClass returns the class of what is new in a feed (RFC 3229 §10.4.1). A cache that does not
// know what that is must not take it for the feed (§10.7.2).
func newDeltaClass(mediaType string) *class {
	c := newFeedClass(mediaType, "no-store, im", deltaVary()...)
	c.status = http.StatusIMUsed
	c.full = append(c.full, field{"Im", []string{"feed"}})
	return c
}

// newPageClass returns the class of HTML pages. They show text, pictures and sound of other people's
// making, so no script runs, no form is sent but to where it is said, and nothing else is loaded,
// whatever might have got by the cleaning; and nobody is told who reads what.
func newPageClass(forms string) *class {
	return newClass("text/html; charset=utf-8", pagesKeep, pageFields(forms)...)
}

// pageFields are the fields with which a page goes out; its forms may be sent to these sources (CSP 3,
// form-action).
func pageFields(forms string) []field {
	return []field{
		{"Content-Security-Policy", []string{"default-src 'none'; img-src * data:; media-src *; style-src 'self'; " +
			"base-uri 'none'; form-action " + forms + "; frame-ancestors 'none'"}},
		{"Referrer-Policy", []string{"no-referrer"}},
		noSniffing(),
	}
}

func noSniffing() field { return field{"X-Content-Type-Options", []string{"nosniff"}} }
