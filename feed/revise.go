package feed

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"strconv"
	"time"
)

// Change says what taking in an article did.
type Change int

// What [Revise] decides.
const (
	Same    Change = iota // nothing that a reader would notice
	Added                 // a new article
	Revised               // a new version of a known one
)

// String returns the change as one word for people and logs.
func (c Change) String() string {
	switch c {
	case Added:
		return "added"
	case Revised:
		return "revised"
	}
	return "same"
}

// Revise decides what becomes of next, given the version that the archive holds (nil for none),
// and returns the article as it is to be kept. It is the one policy, shared by every door into the
// archive and every engine.
//
// A revision is a change in what a reader sees: headline, summary, text, link, authors, tags,
// enclosures, publication date and the like. It is not a revision when only white space differs,
// when only the publisher's "updated" moved, or when only extension elements changed (counters of
// comments and views live there).
//
// The guid that went out once goes out for ever: a known article keeps its Key.
func Revise(old *Article, next Article) (Article, Change) {
	if old == nil {
		next.Revision, next.Arrived = 0, next.Seen
		next.Modified = firstOf(next.Updated, next.Published, next.Seen)
		if next.Modified.After(next.Seen.Add(futureSlack)) {
			next.Modified = next.Seen
		}
		return next, Added
	}
	if Fingerprint(old) == Fingerprint(&next) {
		return *old, Same
	}
	next.ID, next.Source = old.ID, old.Source
	next.Key, next.Arrived = old.Key, old.Arrived
	next.Revision = old.Revision + 1
	// atom:updated must rise with every version, or readers that resolve duplicates by it (RFC 5005
	// §4.1) keep the old one; publishers often change a text and not its date.
	next.Modified = next.Updated
	if !next.Modified.After(old.Modified) || next.Modified.After(next.Seen.Add(futureSlack)) {
		next.Modified = next.Seen
	}
	if !next.Modified.After(old.Modified) {
		next.Modified = old.Modified.Add(time.Second)
	}
	return next, Revised
}

func firstOf(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// Fingerprint returns a number that differs (but for one case in 2⁶⁴) exactly when [Revise] would
// call two versions of an article different. Engines may store it to spare reading the old version;
// it may change from one release to the next, which costs that reading once and nothing else.
func Fingerprint(a *Article) uint64 {
	p := printer{h: sha256.New()}
	p.text(a.Kicker, a.Title, a.Summary, a.Content)
	p.exact(a.Link, a.Language, a.Rights, date(a.Published))
	for _, who := range a.Authors {
		p.text("author", who.Name, who.Email, who.URI)
	}
	for _, who := range a.Contributors {
		p.text("contributor", who.Name, who.Email, who.URI)
	}
	for _, t := range a.Tags {
		p.text("tag", t.Term, t.Scheme, t.Label)
	}
	for _, l := range a.Links {
		p.exact("link", l.Rel, l.Href)
	}
	for _, e := range a.Enclosures {
		p.exact("enclosure", e.URL, e.Type)
	}
	for _, i := range a.Images {
		p.text("image", i.URL, i.Caption)
	}
	for _, r := range a.Related {
		p.text("related", r.Kicker, r.Title, r.Teaser, r.Link)
	}
	p.text("dateline", a.Dateline.Place, a.Dateline.Agency)
	return binary.BigEndian.Uint64(p.h.Sum(nil))
}

// printer feeds a hash with fields, each ended by a byte that cannot occur inside.
type printer struct {
	h   hash.Hash
	buf []byte
}

// text adds fields in which the amount of white space means nothing.
func (p *printer) text(fields ...string) {
	for _, f := range fields {
		p.buf = appendTidy(p.buf[:0], f)
		p.h.Write(append(p.buf, 0))
	}
}

func (p *printer) exact(fields ...string) {
	for _, f := range fields {
		p.buf = append(append(p.buf[:0], f...), 0)
		p.h.Write(p.buf)
	}
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.Unix(), 10)
}

func tidy(s string) string { return string(appendTidy(nil, s)) }

// appendTidy appends s with runs of ASCII white space as one blank and none at either end. It is
// the greater part of what a fingerprint costs, so it goes from blank to blank by copying.
func appendTidy(to []byte, s string) []byte {
	start := len(to)
	for i := 0; i < len(s); {
		if space(s[i]) {
			i++
			continue
		}
		from := i
		for i < len(s) && !space(s[i]) {
			i++
		}
		if len(to) > start {
			to = append(to, ' ')
		}
		to = append(to, s[from:i]...)
	}
	return to
}

func space(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
