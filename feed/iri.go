package feed

import (
	"cmp"
	"regexp"
	"strings"
	"sync"
)

// AtomID returns the article's Key as an atom:id (RFC 4287 §4.2.6): verbatim where it is an
// absolute IRI that can stand in a feed, else a UUID made of it and of where the article comes from,
// since a guid such as "1" is one in its own feed only. exact reports which. So two articles with one
// atom:id are one article, whatever sources they came from.
func (a *Article) AtomID() (id string, exact bool) {
	if AbsoluteIRI(a.Key) {
		return a.Key, true
	}
	return uuid("atom:id", cmp.Or(a.Origin.URL, a.Origin.ID), a.Key), false
}

// schemeRules are those of the schemes that serve as identities and have rules of their own.
var schemeRules = sync.OnceValue(func() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"urn:uuid": regexp.MustCompile(`(?i)^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`),                  // RFC 4122 §3
		"urn":      regexp.MustCompile(`(?i)^urn:[0-9a-z][0-9a-z-]{1,31}:([0-9a-z()+,.:=@;$_!*'-]|%[0-9a-f]{2})+$`), // RFC 8141 §2
		"tag": regexp.MustCompile(`^tag:([a-z0-9._-]+@)?[a-z0-9.-]+,\d{4}(-\d\d(-\d\d)?)?:` +
			`[0-9a-zA-Z;/?:@&=+$._!~*'()%,-]*(#[0-9a-zA-Z;/?:@&=+$._!~*'()%,-]*)?$`), // RFC 4151 §2.1
	}
})

// AbsoluteIRI reports whether s is an absolute IRI in the characters of RFC 3986, and obeys the
// rules of its scheme where that is one of those that serve as identities.
func AbsoluteIRI(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !schemeName(scheme) || rest == "" {
		return false
	}
	if strings.ContainsFunc(rest, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\^`{|}[]", r)
	}) {
		return false
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "http", "https", "ftp":
		host, ok := strings.CutPrefix(rest, "//")
		return ok && host != "" && host[0] != '/'
	case "urn", "tag":
		if len(rest) > 5 && strings.EqualFold(rest[:5], "uuid:") {
			scheme += ":uuid"
		}
		rules, ok := schemeRules()[scheme]
		return ok && rules.MatchString(s)
	}
	return true
}

// schemeName reports whether s can be the name of a scheme (RFC 3986 §3.1).
func schemeName(s string) bool {
	for i, r := range s {
		letter := 'a' <= r|0x20 && r|0x20 <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", r)) {
			return false
		}
	}
	return s != ""
}
