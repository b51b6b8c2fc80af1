package bolt

import (
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// The stored forms. Their field numbers are the archive's format: a number, once given, is never
// given to another field, and a field that is left out decodes to its zero value.

// stamp is what the archive decided about a revision.
type stamp struct {
	ID       uint64   `cbor:"1,keyasint"`
	Seq      uint64   `cbor:"2,keyasint"`
	Revision int      `cbor:"3,keyasint,omitempty"`
	Source   uint32   `cbor:"4,keyasint"`
	Key      string   `cbor:"5,keyasint"`
	Arrived  instant  `cbor:"6,keyasint,omitempty"`
	Seen     instant  `cbor:"7,keyasint,omitempty"`
	Modified instant  `cbor:"8,keyasint,omitempty"`
	Filed    []string `cbor:"9,keyasint,omitempty"`
	Twin     uint64   `cbor:"10,keyasint,omitempty"`
	Homonym  bool     `cbor:"11,keyasint,omitempty"`
	Past     bool     `cbor:"12,keyasint,omitempty"`

	Withdrawn bool   `cbor:"13,keyasint,omitempty"`
	Raw       uint64 `cbor:"14,keyasint,omitempty"` // number of what it was read from
	Purged    bool   `cbor:"15,keyasint,omitempty"`
}

func toStamp(a *feed.Article) *stamp {
	return &stamp{
		ID: uint64(a.ID), Seq: a.Seq, Revision: a.Revision, Source: uint32(a.Source), Key: a.Key,
		Arrived: toInstant(a.Arrived), Seen: toInstant(a.Seen), Modified: toInstant(a.Modified), Filed: a.Filed,
		Twin: uint64(a.Twin), Homonym: a.Homonym, Past: a.Past, Withdrawn: a.Withdrawn, Purged: a.Purged,
	}
}

func (s *stamp) apply(a *feed.Article) {
	a.ID, a.Seq, a.Revision, a.Twin = feed.ID(s.ID), s.Seq, s.Revision, feed.ID(s.Twin)
	a.Homonym, a.Past, a.Withdrawn, a.Purged = s.Homonym, s.Past, s.Withdrawn, s.Purged
	a.Source, a.Key, a.Filed = feed.SourceID(s.Source), s.Key, s.Filed
	a.Arrived, a.Seen, a.Modified = s.Arrived.time(), s.Seen.time(), s.Modified.time()
}

// payload is what the publisher said.
type payload struct {
	GUID         string      `cbor:"1,keyasint,omitempty"`
	PermaLink    bool        `cbor:"2,keyasint,omitempty"`
	Link         string      `cbor:"3,keyasint,omitempty"`
	Kicker       string      `cbor:"4,keyasint,omitempty"`
	Title        string      `cbor:"5,keyasint,omitempty"`
	TitleCut     bool        `cbor:"6,keyasint,omitempty"`
	Authors      []person    `cbor:"7,keyasint,omitempty"`
	Contributors []person    `cbor:"8,keyasint,omitempty"`
	Published    instant     `cbor:"9,keyasint,omitempty"`
	Updated      instant     `cbor:"10,keyasint,omitempty"`
	Summary      string      `cbor:"11,keyasint,omitempty"`
	Content      string      `cbor:"12,keyasint,omitempty"`
	Language     string      `cbor:"13,keyasint,omitempty"`
	Rights       string      `cbor:"14,keyasint,omitempty"`
	Tags         []tag       `cbor:"15,keyasint,omitempty"`
	Links        []link      `cbor:"16,keyasint,omitempty"`
	Enclosures   []enclosure `cbor:"17,keyasint,omitempty"`
	Images       []image     `cbor:"18,keyasint,omitempty"`
	Dateline     *dateline   `cbor:"19,keyasint,omitempty"`
	Related      []related   `cbor:"20,keyasint,omitempty"`
	Origin       *origin     `cbor:"21,keyasint,omitempty"`
	Extra        []element   `cbor:"22,keyasint,omitempty"`
}

type person struct {
	Name  string `cbor:"1,keyasint,omitempty"`
	URI   string `cbor:"2,keyasint,omitempty"`
	Email string `cbor:"3,keyasint,omitempty"`
}

type tag struct {
	Term   string `cbor:"1,keyasint,omitempty"`
	Scheme string `cbor:"2,keyasint,omitempty"`
	Label  string `cbor:"3,keyasint,omitempty"`
}

type link struct {
	Href     string `cbor:"1,keyasint,omitempty"`
	Rel      string `cbor:"2,keyasint,omitempty"`
	Type     string `cbor:"3,keyasint,omitempty"`
	Hreflang string `cbor:"4,keyasint,omitempty"`
	Title    string `cbor:"5,keyasint,omitempty"`
	Length   int64  `cbor:"6,keyasint,omitempty"`
}

type enclosure struct {
	URL      string        `cbor:"1,keyasint,omitempty"`
	Type     string        `cbor:"2,keyasint,omitempty"`
	Length   int64         `cbor:"3,keyasint,omitempty"`
	Title    string        `cbor:"4,keyasint,omitempty"`
	Duration time.Duration `cbor:"5,keyasint,omitempty"`
}

type image struct {
	URL     string `cbor:"1,keyasint,omitempty"`
	Caption string `cbor:"2,keyasint,omitempty"`
	Cut     bool   `cbor:"3,keyasint,omitempty"`
}

type dateline struct {
	Place  string `cbor:"1,keyasint,omitempty"`
	Agency string `cbor:"2,keyasint,omitempty"`
}

type related struct {
	Kicker string   `cbor:"1,keyasint,omitempty"`
	Title  string   `cbor:"2,keyasint,omitempty"`
	Teaser string   `cbor:"3,keyasint,omitempty"`
	Link   string   `cbor:"4,keyasint,omitempty"`
	Tags   []string `cbor:"5,keyasint,omitempty"`
}

type origin struct {
	ID     string `cbor:"1,keyasint,omitempty"`
	Title  string `cbor:"2,keyasint,omitempty"`
	URL    string `cbor:"3,keyasint,omitempty"`
	Home   string `cbor:"4,keyasint,omitempty"`
	Rights string `cbor:"5,keyasint,omitempty"`

	Extra []element `cbor:"6,keyasint,omitempty"`
}

type element struct {
	Space    string            `cbor:"1,keyasint,omitempty"`
	Name     string            `cbor:"2,keyasint,omitempty"`
	Attrs    []attr            `cbor:"3,keyasint,omitempty"`
	Inner    string            `cbor:"4,keyasint,omitempty"`
	Prefixes map[string]string `cbor:"5,keyasint,omitempty"`
}

type attr struct {
	Name  string `cbor:"1,keyasint,omitempty"`
	Value string `cbor:"2,keyasint,omitempty"`
}

func toPayload(a *feed.Article) *payload {
	p := &payload{
		GUID: a.GUID, PermaLink: a.PermaLink, Link: a.Link, Kicker: a.Kicker, Title: a.Title, TitleCut: a.TitleCut,
		Authors: people(a.Authors), Contributors: people(a.Contributors),
		Published: toInstant(a.Published), Updated: toInstant(a.Updated),
		Summary: a.Summary, Content: a.Content, Language: a.Language, Rights: a.Rights,
		Tags:       each(a.Tags, func(t feed.Tag) tag { return tag(t) }),
		Links:      each(a.Links, func(l feed.Link) link { return link(l) }),
		Enclosures: each(a.Enclosures, func(e feed.Enclosure) enclosure { return enclosure(e) }),
		Images:     each(a.Images, func(i feed.Image) image { return image(i) }),
		Related:    each(a.Related, func(r feed.Related) related { return related(r) }),
		Extra:      elements(a.Extra),
	}
	if a.Dateline != (feed.Dateline{}) {
		p.Dateline = (*dateline)(&a.Dateline)
	}
	if !a.Origin.IsZero() {
		o := &a.Origin
		p.Origin = &origin{o.ID, o.Title, o.URL, o.Home, o.Rights, elements(o.Extra)}
	}
	return p
}

func (p *payload) article() *feed.Article {
	a := &feed.Article{
		GUID: p.GUID, PermaLink: p.PermaLink, Link: p.Link, Kicker: p.Kicker, Title: p.Title, TitleCut: p.TitleCut,
		Authors: unpeople(p.Authors), Contributors: unpeople(p.Contributors),
		Published: p.Published.time(), Updated: p.Updated.time(),
		Summary: p.Summary, Content: p.Content, Language: p.Language, Rights: p.Rights,
		Tags:       each(p.Tags, func(t tag) feed.Tag { return feed.Tag(t) }),
		Links:      each(p.Links, func(l link) feed.Link { return feed.Link(l) }),
		Enclosures: each(p.Enclosures, func(e enclosure) feed.Enclosure { return feed.Enclosure(e) }),
		Images:     each(p.Images, func(i image) feed.Image { return feed.Image(i) }),
		Related:    each(p.Related, func(r related) feed.Related { return feed.Related(r) }),
		Extra:      unelements(p.Extra),
	}
	if p.Dateline != nil {
		a.Dateline = feed.Dateline(*p.Dateline)
	}
	if o := p.Origin; o != nil {
		a.Origin = feed.Origin{ID: o.ID, Title: o.Title, URL: o.URL, Home: o.Home, Rights: o.Rights, Extra: unelements(o.Extra)}
	}
	return a
}

func people(ps []feed.Person) []person {
	return each(ps, func(p feed.Person) person { return person(p) })
}

func unpeople(ps []person) []feed.Person {
	return each(ps, func(p person) feed.Person { return feed.Person(p) })
}

func elements(es []feed.Element) []element {
	return each(es, func(e feed.Element) element {
		attrs := each(e.Attrs, func(a feed.Attr) attr { return attr(a) })
		return element{e.Space, e.Name, attrs, e.Inner, e.Prefixes}
	})
}

func unelements(es []element) []feed.Element {
	return each(es, func(e element) feed.Element {
		attrs := each(e.Attrs, func(a attr) feed.Attr { return feed.Attr(a) })
		return feed.Element{Space: e.Space, Name: e.Name, Attrs: attrs, Inner: e.Inner, Prefixes: e.Prefixes}
	})
}

func each[A, B any](from []A, f func(A) B) []B {
	if len(from) == 0 {
		return nil
	}
	to := make([]B, len(from))
	for i := range from {
		to[i] = f(from[i])
	}
	return to
}

// instant is a time in microseconds since 1970, plus one where that is not negative: so the zero
// time is 0, which is left out, and the first microsecond of 1970 is not.
type instant int64

func toInstant(t time.Time) instant {
	if t.IsZero() {
		return 0
	}
	us := t.UnixMicro()
	if us >= 0 {
		us++
	}
	return instant(us)
}

func (i instant) time() time.Time {
	switch {
	case i == 0:
		return time.Time{}
	case i > 0:
		i--
	}
	return time.UnixMicro(int64(i)).UTC()
}

// sourceRecord is a source as it is stored.
type sourceRecord struct {
	Name        string    `cbor:"1,keyasint"`
	URL         string    `cbor:"2,keyasint"`
	Title       string    `cbor:"3,keyasint,omitempty"`
	Home        string    `cbor:"4,keyasint,omitempty"`
	Description string    `cbor:"5,keyasint,omitempty"`
	Language    string    `cbor:"6,keyasint,omitempty"`
	Rights      string    `cbor:"7,keyasint,omitempty"`
	Image       string    `cbor:"8,keyasint,omitempty"`
	FeedID      string    `cbor:"9,keyasint,omitempty"`
	Authors     []person  `cbor:"10,keyasint,omitempty"`
	Links       []link    `cbor:"11,keyasint,omitempty"`
	Extra       []element `cbor:"12,keyasint,omitempty"`
	Tags        []string  `cbor:"13,keyasint,omitempty"`
	Subscribed  bool      `cbor:"14,keyasint,omitempty"`
	Added       instant   `cbor:"15,keyasint,omitempty"`
	Categories  []tag     `cbor:"16,keyasint,omitempty"`
	Identity    byte      `cbor:"17,keyasint,omitempty"`
	Held        int       `cbor:"18,keyasint,omitempty"`

	ETag         string        `cbor:"20,keyasint,omitempty"`
	LastModified string        `cbor:"21,keyasint,omitempty"`
	BodyHash     string        `cbor:"22,keyasint,omitempty"`
	Checked      instant       `cbor:"23,keyasint,omitempty"`
	Changed      instant       `cbor:"24,keyasint,omitempty"`
	Due          instant       `cbor:"25,keyasint,omitempty"`
	Failures     int           `cbor:"26,keyasint,omitempty"`
	Problem      string        `cbor:"27,keyasint,omitempty"`
	Status       int           `cbor:"28,keyasint,omitempty"`
	TTL          time.Duration `cbor:"29,keyasint,omitempty"`
	Repairs      []string      `cbor:"30,keyasint,omitempty"`
	Most         int           `cbor:"31,keyasint,omitempty"`
	Gaps         int           `cbor:"32,keyasint,omitempty"`
	GapNoticed   instant       `cbor:"33,keyasint,omitempty"`
	GapSince     instant       `cbor:"34,keyasint,omitempty"`
	GapUntil     instant       `cbor:"35,keyasint,omitempty"`
	History      *history      `cbor:"36,keyasint,omitempty"`
	Manners      *manners      `cbor:"37,keyasint,omitempty"`
}

func toSourceRecord(s *feed.Source) *sourceRecord {
	f := &s.Fetch
	return &sourceRecord{
		s.Name, s.URL, s.Title, s.Home, s.Description, s.Language, s.Rights, s.Image, s.FeedID,
		people(s.Authors), each(s.Links, func(l feed.Link) link { return link(l) }), elements(s.Extra),
		s.Tags, s.Subscribed, toInstant(s.Added),
		each(s.Categories, func(t feed.Tag) tag { return tag(t) }), byte(s.Identity), s.Held,
		f.ETag, f.LastModified, f.BodyHash, toInstant(f.Checked), toInstant(f.Changed), toInstant(f.Due),
		f.Failures, f.Problem, f.Status, f.TTL, f.Repairs,
		f.Most, f.Gaps, toInstant(f.Gap.Noticed), toInstant(f.Gap.Since), toInstant(f.Gap.Until),
		toHistory(f.History), toManners(s),
	}
}

func (r *sourceRecord) source(id feed.SourceID) feed.Source {
	s := feed.Source{
		ID: id, Name: r.Name, URL: r.URL, Title: r.Title, Home: r.Home, Description: r.Description,
		Language: r.Language, Rights: r.Rights, Image: r.Image, FeedID: r.FeedID,
		Authors: unpeople(r.Authors), Links: each(r.Links, func(l link) feed.Link { return feed.Link(l) }),
		Extra: unelements(r.Extra), Tags: r.Tags, Subscribed: r.Subscribed, Added: r.Added.time(),
		Categories: each(r.Categories, func(t tag) feed.Tag { return feed.Tag(t) }),
		Identity:   feed.Policy(r.Identity), Held: r.Held,
		Fetch: feed.FetchState{
			ETag: r.ETag, LastModified: r.LastModified, BodyHash: r.BodyHash,
			Checked: r.Checked.time(), Changed: r.Changed.time(), Due: r.Due.time(),
			Failures: r.Failures, Problem: r.Problem, Status: r.Status, TTL: r.TTL, Repairs: r.Repairs,
			Most: r.Most, Gaps: r.Gaps,
			Gap:     feed.Gap{Noticed: r.GapNoticed.time(), Since: r.GapSince.time(), Until: r.GapUntil.time()},
			History: r.History.history(),
		},
	}
	r.Manners.apply(&s)
	return s
}

// feedRecord is a feed that goes out, as it is stored.
type feedRecord struct {
	Kind     store.Kind `cbor:"1,keyasint"`
	Name     string     `cbor:"2,keyasint"`
	Key      string     `cbor:"3,keyasint,omitempty"` // tag or author key
	Title    string     `cbor:"4,keyasint,omitempty"`
	Length   uint64     `cbor:"5,keyasint"`
	Articles uint64     `cbor:"6,keyasint"`
	Changed  instant    `cbor:"7,keyasint,omitempty"`
	Edition  uint64     `cbor:"8,keyasint"`
	Source   uint32     `cbor:"9,keyasint,omitempty"`
	// Spellings counts in how many articles a tag or author was met in which spelling.
	Spellings map[string]uint64 `cbor:"10,keyasint,omitempty"`
	Sealed    uint32            `cbor:"11,keyasint,omitempty"`
	Open      uint64            `cbor:"12,keyasint,omitempty"`
	Reshaped  uint64            `cbor:"13,keyasint,omitempty"`
	Touched   uint64            `cbor:"14,keyasint,omitempty"`
	Withdrawn uint64            `cbor:"15,keyasint,omitempty"`
}

func (r *feedRecord) feed() store.Feed {
	return store.Feed{
		Ref: store.Ref{Kind: r.Kind, Name: r.Name}, Title: r.Title, Length: r.Length, Articles: r.Articles,
		Changed: r.Changed.time(), Edition: r.Edition, Source: feed.SourceID(r.Source),
		Sealed: uint64(r.Sealed), Open: r.Open, Reshaped: r.Reshaped, Touched: r.Touched, Withdrawn: r.Withdrawn,
	}
}

// counts is what Stats answers and what gives the next number.
type counts struct {
	Articles uint64 `cbor:"1,keyasint"`
	Sources  uint64 `cbor:"2,keyasint"`
	Tags     uint64 `cbor:"3,keyasint"`
	Authors  uint64 `cbor:"4,keyasint"`
	Feeds    uint32 `cbor:"5,keyasint"` // the last feed number given
	Changes  uint64 `cbor:"6,keyasint,omitempty"`
	Held     uint64 `cbor:"7,keyasint,omitempty"`
	Touches  uint64 `cbor:"8,keyasint,omitempty"`  // see [store.Feed.Touched]
	Defined  uint64 `cbor:"20,keyasint,omitempty"` // how often a saved search was written

	Subscribed uint64                 `cbor:"21,keyasint,omitempty"`
	Troubled   [store.Troubles]uint64 `cbor:"22,keyasint"`
	Incidents  uint64                 `cbor:"23,keyasint,omitempty"`
}

// mark is what the archive knows about an article beyond its revisions.
type mark struct {
	Held bool    `cbor:"1,keyasint,omitempty"`
	Back bool    `cbor:"2,keyasint,omitempty"`
	Gone instant `cbor:"3,keyasint,omitempty"`
	Live uint64  `cbor:"4,keyasint,omitempty"` // the revision that stays live while newer ones are held

	Withdrawn bool `cbor:"5,keyasint,omitempty"`
}

// live returns the revision that the live feeds show, 0 for none. A withdrawal is shown as what it is.
func (m mark) live(newest uint64) uint64 {
	switch {
	case m.Withdrawn:
		return newest
	case m.Back:
		return 0
	case m.Held:
		return m.Live
	}
	return newest
}

// windowed is an article of a source's window. The date is in seconds, plus one like an instant.
type windowed struct {
	_      struct{} `cbor:",toarray"`
	ID     uint64
	When   int64
	Missed int
}

func toWindow(w feed.Window) []windowed {
	return each(w, func(a feed.Windowed) windowed {
		r := windowed{ID: uint64(a.ID), Missed: a.Missed}
		if !a.When.IsZero() {
			r.When = a.When.Unix()
			if r.When >= 0 {
				r.When++
			}
		}
		return r
	})
}

func unwindow(records []windowed) feed.Window {
	return each(records, func(r windowed) feed.Windowed {
		a := feed.Windowed{ID: feed.ID(r.ID), Missed: r.Missed}
		switch {
		case r.When > 0:
			a.When = time.Unix(r.When-1, 0).UTC()
		case r.When < 0:
			a.When = time.Unix(r.When, 0).UTC()
		}
		return a
	})
}

// change is something that happened to an article.
type change struct {
	Kind    byte    `cbor:"1,keyasint"`
	Article uint64  `cbor:"2,keyasint"`
	Seq     uint64  `cbor:"3,keyasint"`
	At      instant `cbor:"4,keyasint,omitempty"`
}
