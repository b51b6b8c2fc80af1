package feed

import (
	"crypto/sha256"
	"encoding/binary"
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
// A revision is a change in what a reader sees; [Fingerprint] has the rule.
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
	return Renew(old, next), Revised
}

// Renew returns next as the version after old, whether a reader would notice or not.
func Renew(old *Article, next Article) Article {
	next.ID, next.Source = old.ID, old.Source
	next.Key, next.Arrived = old.Key, old.Arrived
	next.Revision = old.Revision + 1
	// atom:updated must rise with every version, by the second in which it is written, or readers that
	// resolve duplicates by it (RFC 5005 §4.1) keep the old one; publishers often change a text and not
	// its date.
	next.Modified = next.Updated
	if !risen(next.Modified, old.Modified) || next.Modified.After(next.Seen.Add(futureSlack)) {
		next.Modified = next.Seen
	}
	if !risen(next.Modified, old.Modified) {
		next.Modified = old.Modified.Add(time.Second)
	}
	return next
}

// risen reports whether one time is later than another by the clock that shows whole seconds.
func risen(t, than time.Time) bool { return t.Unix() > than.Unix() }

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
//
// The rule: a version is new when a reader would call the article changed. What counts is
//
//   - kicker, title, summary and text by their words; what is struck out (del, s) or put in (ins); the
//     addresses of links, pictures, recordings and frames in them;
//   - link, publication date, language, rights, dateline, authors, contributors, related articles;
//   - tags, other links, enclosures and pictures, tags and links in any order.
//
// What does not count is how it was written down, and what programs change by themselves:
//
//   - white space of any kind, soft hyphens, how a character is spelled (’, &#8217; or &rsquo;), and the
//     shape of quotation marks and dots;
//   - other tags and all other attributes (class, style, srcset, width, loading, data-…), comments,
//     scripts, styles, pictures of one pixel, links that show nothing, and links to the comments with
//     the number of them;
//   - of addresses the scheme, "www.", a trailing slash and parameters that track readers (utm_…,
//     fbclid); of files also sizes, formats, signatures and expiry dates; of frames every parameter;
//   - a summary that is only the beginning of the text;
//   - the guid, the publisher's "updated", the length of an enclosure, the links from which a feed or
//     its comments are read, and extension elements (counters of comments and views live there).
func Fingerprint(a *Article) uint64 {
	p := printer{buf: make([]byte, 0, 256+len(a.Content)+len(a.Summary))}
	p.text(a.Kicker, a.Title)
	p.texts(a.Content, a.Summary)
	p.address(a.Link)
	p.text(a.Language, a.Rights, date(a.Published))
	for _, who := range a.Authors {
		p.text("author", who.Name, who.Email, who.URI)
	}
	for _, who := range a.Contributors {
		p.text("contributor", who.Name, who.Email, who.URI)
	}
	p.anyOrder(len(a.Tags), func(i int) { p.text("tag", a.Tags[i].Term, a.Tags[i].Scheme, a.Tags[i].Label) })
	p.anyOrder(len(a.Links), func(i int) {
		switch l := a.Links[i]; l.Rel {
		case "self", "edit", "replies", "hub":
		default:
			p.text("link", l.Rel)
			p.address(l.Href)
		}
	})
	for _, e := range a.Enclosures {
		p.text("enclosure", e.Type)
		p.media(e.URL)
	}
	for _, i := range a.Images {
		p.text("image", i.Caption)
		p.media(i.URL)
	}
	for _, r := range a.Related {
		p.text("related", r.Kicker, r.Title, r.Teaser)
		p.address(r.Link)
	}
	p.text("dateline", a.Dateline.Place, a.Dateline.Agency)
	sum := sha256.Sum256(p.buf)
	return binary.BigEndian.Uint64(sum[:])
}

// printer collects the essence of fields, each ended by a byte that cannot occur inside.
type printer struct{ buf []byte }

func (p *printer) end() { p.buf = append(p.buf, 0) }

func (p *printer) text(fields ...string) {
	for _, f := range fields {
		p.buf = appendText(p.buf, f)
		p.end()
	}
}

// texts adds an article's text, and its summary unless that is the beginning of it.
func (p *printer) texts(content, summary string) {
	from := len(p.buf)
	p.buf = appendHTML(p.buf, content)
	to := len(p.buf)
	p.end()
	if summary != content {
		p.buf = appendHTML(p.buf, summary)
		if to > from && excerpt(p.buf[to+1:], p.buf[from:to]) {
			p.buf = p.buf[:to+1]
		}
	}
	p.end()
}

func (p *printer) address(s string) {
	p.buf = appendAddress(p.buf, s)
	p.end()
}

func (p *printer) media(s string) {
	p.buf = appendMedia(p.buf, s)
	p.end()
}

// anyOrder adds n things such that their order does not matter.
func (p *printer) anyOrder(n int, add func(i int)) {
	from := len(p.buf)
	var sum uint64
	for i := range n {
		add(i)
		if len(p.buf) > from {
			one := sha256.Sum256(p.buf[from:])
			sum += binary.BigEndian.Uint64(one[:])
		}
		p.buf = p.buf[:from]
	}
	p.buf = binary.BigEndian.AppendUint64(p.buf, sum)
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.Unix(), 10)
}
