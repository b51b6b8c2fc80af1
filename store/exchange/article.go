package exchange

import (
	"time"

	"github.com/backissue/backissue/feed"
)

// Article is an article with all that its publisher ever said of it, and what the archive knows beyond that.
type Article struct {
	ID        uint64     `json:"id"`
	Held      bool       `json:"held,omitempty"`
	Back      bool       `json:"back,omitempty"`
	Withdrawn bool       `json:"withdrawn,omitempty"`
	Gone      Time       `json:"gone,omitzero"`
	Live      uint64     `json:"live,omitempty"` // the revision that stays live while newer ones are held
	Revisions []Revision `json:"revisions"`      // oldest first
}

// Revision is an article as it was at one time. The names are those of [feed.Article].
type Revision struct {
	Seq       uint64   `json:"seq"`
	Revision  int      `json:"revision,omitempty"`
	Source    uint32   `json:"source"`
	Key       string   `json:"key"` // the guid that goes out
	Twin      uint64   `json:"twin,omitempty"`
	Homonym   bool     `json:"homonym,omitempty"`
	Past      bool     `json:"past,omitempty"`
	Withdrawn bool     `json:"withdrawn,omitempty"`
	Purged    bool     `json:"purged,omitempty"`
	Arrived   Time     `json:"arrived,omitzero"`
	Seen      Time     `json:"seen,omitzero"`
	Modified  Time     `json:"modified,omitzero"`
	Filed     []string `json:"filed,omitempty"`

	GUID         string      `json:"guid,omitempty"`
	PermaLink    bool        `json:"permalink,omitempty"`
	Link         string      `json:"link,omitempty"`
	Kicker       string      `json:"kicker,omitempty"`
	Title        string      `json:"title,omitempty"`
	TitleCut     bool        `json:"title_cut,omitempty"`
	Authors      []Person    `json:"authors,omitempty"`
	Contributors []Person    `json:"contributors,omitempty"`
	Published    Time        `json:"published,omitzero"`
	Updated      Time        `json:"updated,omitzero"`
	Summary      string      `json:"summary,omitempty"`
	Content      string      `json:"content,omitempty"`
	Language     string      `json:"language,omitempty"`
	Rights       string      `json:"rights,omitempty"`
	Tags         []Tag       `json:"tags,omitempty"`
	Links        []Link      `json:"links,omitempty"`
	Enclosures   []Enclosure `json:"enclosures,omitempty"`
	Images       []Image     `json:"images,omitempty"`
	Dateline     Dateline    `json:"dateline,omitzero"`
	Related      []Related   `json:"related,omitempty"`
	Origin       *Origin     `json:"origin,omitempty"`
	Extra        []Element   `json:"extra,omitempty"`
}

// Person is a [feed.Person].
type Person struct {
	Name  string `json:"name,omitempty"`
	URI   string `json:"uri,omitempty"`
	Email string `json:"email,omitempty"`
}

// Tag is a [feed.Tag].
type Tag struct {
	Term   string `json:"term,omitempty"`
	Scheme string `json:"scheme,omitempty"`
	Label  string `json:"label,omitempty"`
}

// Link is a [feed.Link].
type Link struct {
	Href     string `json:"href,omitempty"`
	Rel      string `json:"rel,omitempty"`
	Type     string `json:"type,omitempty"`
	Hreflang string `json:"hreflang,omitempty"`
	Title    string `json:"title,omitempty"`
	Length   int64  `json:"length,omitempty"`
}

// Enclosure is a [feed.Enclosure].
type Enclosure struct {
	URL      string        `json:"url,omitempty"`
	Type     string        `json:"type,omitempty"`
	Length   int64         `json:"length,omitempty"`
	Title    string        `json:"title,omitempty"`
	Duration time.Duration `json:"duration_ns,omitempty"`
}

// Image is a [feed.Image].
type Image struct {
	URL     string `json:"url,omitempty"`
	Caption string `json:"caption,omitempty"`
	Cut     bool   `json:"cut,omitempty"`
}

// Dateline is a [feed.Dateline].
type Dateline struct {
	Place  string `json:"place,omitempty"`
	Agency string `json:"agency,omitempty"`
}

// Related is a [feed.Related].
type Related struct {
	Kicker string   `json:"kicker,omitempty"`
	Title  string   `json:"title,omitempty"`
	Teaser string   `json:"teaser,omitempty"`
	Link   string   `json:"link,omitempty"`
	Tags   []string `json:"tags,omitempty"`
}

// Origin is a [feed.Origin].
type Origin struct {
	ID     string    `json:"id,omitempty"`
	Title  string    `json:"title,omitempty"`
	URL    string    `json:"url,omitempty"`
	Home   string    `json:"home,omitempty"`
	Rights string    `json:"rights,omitempty"`
	Extra  []Element `json:"extra,omitempty"`
}

// Element is a [feed.Element].
type Element struct {
	Space    string            `json:"space,omitempty"`
	Name     string            `json:"name,omitempty"`
	Attrs    []Attr            `json:"attrs,omitempty"`
	Inner    string            `json:"inner,omitempty"`
	Prefixes map[string]string `json:"prefixes,omitempty"`
}

// Attr is a [feed.Attr].
type Attr struct {
	Name  string `json:"name,omitempty"`
	Value string `json:"value,omitempty"`
}

// FromArticle returns a revision as it goes out.
func FromArticle(a *feed.Article) Revision {
	r := Revision{
		Seq: a.Seq, Revision: a.Revision, Source: uint32(a.Source), Key: a.Key, Twin: uint64(a.Twin), Homonym: a.Homonym,
		Past: a.Past, Withdrawn: a.Withdrawn, Purged: a.Purged, Arrived: Time{a.Arrived}, Seen: Time{a.Seen}, Modified: Time{a.Modified},
		Filed: a.Filed, GUID: a.GUID, PermaLink: a.PermaLink, Link: a.Link, Kicker: a.Kicker, Title: a.Title,
		TitleCut: a.TitleCut, Authors: people(a.Authors), Contributors: people(a.Contributors),
		Published: Time{a.Published}, Updated: Time{a.Updated}, Summary: a.Summary, Content: a.Content,
		Language: a.Language, Rights: a.Rights,
		Tags:       each(a.Tags, func(t feed.Tag) Tag { return Tag(t) }),
		Links:      each(a.Links, func(l feed.Link) Link { return Link(l) }),
		Enclosures: each(a.Enclosures, func(e feed.Enclosure) Enclosure { return Enclosure(e) }),
		Images:     each(a.Images, func(i feed.Image) Image { return Image(i) }),
		Dateline:   Dateline(a.Dateline),
		Related:    each(a.Related, func(r feed.Related) Related { return Related(r) }),
		Extra:      elements(a.Extra),
	}
	if o := &a.Origin; !o.IsZero() {
		r.Origin = &Origin{o.ID, o.Title, o.URL, o.Home, o.Rights, elements(o.Extra)}
	}
	return r
}

// Article returns the revision of an article that has a number.
func (r *Revision) Article(id uint64) *feed.Article {
	a := &feed.Article{
		ID: feed.ID(id), Seq: r.Seq, Revision: r.Revision, Source: feed.SourceID(r.Source), Key: r.Key, Twin: feed.ID(r.Twin),
		Homonym: r.Homonym, Past: r.Past, Withdrawn: r.Withdrawn, Purged: r.Purged, Arrived: r.Arrived.Time, Seen: r.Seen.Time,
		Modified: r.Modified.Time, Filed: r.Filed, GUID: r.GUID, PermaLink: r.PermaLink, Link: r.Link, Kicker: r.Kicker,
		Title: r.Title, TitleCut: r.TitleCut, Authors: unpeople(r.Authors), Contributors: unpeople(r.Contributors),
		Published: r.Published.Time, Updated: r.Updated.Time, Summary: r.Summary, Content: r.Content,
		Language: r.Language, Rights: r.Rights,
		Tags:       each(r.Tags, func(t Tag) feed.Tag { return feed.Tag(t) }),
		Links:      each(r.Links, func(l Link) feed.Link { return feed.Link(l) }),
		Enclosures: each(r.Enclosures, func(e Enclosure) feed.Enclosure { return feed.Enclosure(e) }),
		Images:     each(r.Images, func(i Image) feed.Image { return feed.Image(i) }),
		Dateline:   feed.Dateline(r.Dateline),
		Related:    each(r.Related, func(r Related) feed.Related { return feed.Related(r) }),
		Extra:      unelements(r.Extra),
	}
	if o := r.Origin; o != nil {
		a.Origin = feed.Origin{ID: o.ID, Title: o.Title, URL: o.URL, Home: o.Home, Rights: o.Rights, Extra: unelements(o.Extra)}
	}
	return a
}

func people(ps []feed.Person) []Person {
	return each(ps, func(p feed.Person) Person { return Person(p) })
}

func unpeople(ps []Person) []feed.Person {
	return each(ps, func(p Person) feed.Person { return feed.Person(p) })
}

func elements(es []feed.Element) []Element {
	return each(es, func(e feed.Element) Element {
		return Element{e.Space, e.Name, each(e.Attrs, func(a feed.Attr) Attr { return Attr(a) }), e.Inner, e.Prefixes}
	})
}

func unelements(es []Element) []feed.Element {
	return each(es, func(e Element) feed.Element {
		attrs := each(e.Attrs, func(a Attr) feed.Attr { return feed.Attr(a) })
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
