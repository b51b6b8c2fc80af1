package render

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/feeds"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/markup"
)

// The structs here embed those of gorilla/feeds and stand in front of the fields that cannot say
// what an article has.

type atomFeed struct {
	feeds.AtomFeed
	Lang         string         `xml:"xml:lang,attr,omitempty"`
	Namespaces   []xml.Attr     `xml:",any,attr"`
	Title        atomText       `xml:"title"`
	Subtitle     *atomText      `xml:"subtitle"`
	Rights       *atomText      `xml:"rights"`
	Generator    generator      `xml:"generator"`
	Links        []atomLink     `xml:"link"`
	Authors      []atomPerson   `xml:"author"`
	Contributors []atomPerson   `xml:"contributor"`
	Categories   []atomCategory `xml:"category"`
	Archive      *struct{}      `xml:"fh:archive"`
	Complete     *struct{}      `xml:"fh:complete"`
	Extra        []rawElement
	Deleted      []deletedEntry `xml:"at:deleted-entry"`
	Entries      []atomEntry    `xml:"entry"`
}

// FeedXml hides the embedded method, which would write the embedded feed alone.
func (f *atomFeed) FeedXml() any { return f }

type atomEntry struct {
	feeds.AtomEntry
	Lang         string         `xml:"xml:lang,attr,omitempty"`
	Title        atomText       `xml:"title"`
	Links        []atomLink     `xml:"link"`
	Authors      []atomPerson   `xml:"author"`
	Contributors []atomPerson   `xml:"contributor"`
	Categories   []atomCategory `xml:"category"`
	Rights       *atomText      `xml:"rights"`
	Source       *atomSource    `xml:"source"`
	Identifiers  []string       `xml:"dc:identifier"`
	Summary      *atomText      `xml:"summary"`
	Content      *atomText      `xml:"content"`
	Extra        []rawElement
}

type atomText struct {
	Type string `xml:"type,attr,omitempty"`
	Body string `xml:",innerxml"` // escaped
}

type generator struct {
	URI     string `xml:"uri,attr,omitempty"`
	Version string `xml:"version,attr,omitempty"`
	Name    string `xml:",chardata"`
}

type atomLink struct {
	Href     string `xml:"href,attr"`
	Rel      string `xml:"rel,attr,omitempty"`
	Type     string `xml:"type,attr,omitempty"`
	Hreflang string `xml:"hreflang,attr,omitempty"`
	Title    string `xml:"title,attr,omitempty"`
	Length   string `xml:"length,attr,omitempty"`
}

type atomPerson struct {
	Name  string `xml:"name"`
	URI   string `xml:"uri,omitempty"`
	Email string `xml:"email,omitempty"`
}

type atomCategory struct {
	Term   string `xml:"term,attr"`
	Scheme string `xml:"scheme,attr,omitempty"`
	Label  string `xml:"label,attr,omitempty"`
}

type atomSource struct {
	ID           string         `xml:"id,omitempty"`
	Title        *atomText      `xml:"title"`
	Subtitle     *atomText      `xml:"subtitle"`
	Updated      string         `xml:"updated,omitempty"`
	Rights       *atomText      `xml:"rights"`
	Generator    *generator     `xml:"generator"`
	Icon         string         `xml:"icon,omitempty"`
	Logo         string         `xml:"logo,omitempty"`
	Links        []atomLink     `xml:"link"`
	Authors      []atomPerson   `xml:"author"`
	Contributors []atomPerson   `xml:"contributor"`
	Categories   []atomCategory `xml:"category"`
	Extra        []rawElement
}

const generatorName = "backissue"

func writeAtom(w io.Writer, d *Document) error {
	spaces := newNamespaces(nsAtom)
	deleted := deletedEntries(d)
	if len(deleted) > 0 {
		spaces.prefix(nsTombstones, "at")
	}
	f := &atomFeed{
		AtomFeed: feeds.AtomFeed{
			Xmlns:   nsAtom,
			Id:      feedID(d),
			Updated: updated(d),
			Icon:    markup.URL(d.Icon, ""),
			Logo:    markup.URL(d.Logo, ""),
		},
		Lang:      languageTag(d.Language),
		Title:     *plain(feedTitle(d)),
		Subtitle:  plain(d.Subtitle),
		Rights:    plain(d.Rights),
		Generator: generator{Name: generatorName},
		Deleted:   deleted,
		Links:     feedLinks(d, "application/atom+xml"),
	}
	c := newChannel(d)
	if f.Authors = c.authors; len(f.Authors) == 0 {
		f.Authors = []atomPerson{{Name: feedTitle(d)}}
	}
	f.Contributors, f.Categories, f.Extra = c.contributors, atomCategories(c.categories), c.elements(spaces)
	if d.Complete {
		f.Complete = &struct{}{}
		spaces.prefix(nsHistory, "")
	} else if d.Archive {
		f.Archive = &struct{}{}
		spaces.prefix(nsHistory, "")
	}
	for _, e := range entries(d, d.atomIdentity) {
		f.Entries = append(f.Entries, newAtomEntry(&e, f.Updated, spaces))
	}
	f.Namespaces = spaces.declarations()
	return write(w, f)
}

// maxRevisions is how many versions of one article an Atom document carries beside others: an
// archive document may hold several. More make validators call a feed of one article broken.
const maxRevisions = 9

// atomIdentity returns what tells entries apart in Atom. Revisions of one article may stand side by
// side there (RFC 4287 §4.1.1), told apart by their dates.
func (d *Document) atomIdentity(a *feed.Article) string {
	return d.identity(a) + "\n" + strconv.Itoa(a.Revision%maxRevisions)
}

func newAtomEntry(e *entry, updated string, spaces *namespaces) atomEntry {
	id, exact := (&feed.Article{Key: e.key, Origin: e.Origin}).AtomID()
	x := atomEntry{
		AtomEntry: feeds.AtomEntry{
			Id:        id,
			Updated:   cmp.Or(rfc3339(e.modified()), updated),
			Published: rfc3339(e.Published),
		},
		Lang:         e.language,
		Title:        *plain(e.title()),
		Links:        e.atomLinks(),
		Authors:      persons(e.Authors),
		Contributors: persons(e.Contributors),
		Rights:       plain(e.Rights),
		Source:       e.atomSource(spaces),
	}
	// Without an author of its own, an entry would have that of the feed in which it stands (RFC 4287
	// §4.2.1), who is whoever keeps the archive.
	if o := e.Origin; len(x.Authors) == 0 {
		x.Authors = persons([]feed.Person{{Name: cmp.Or(line(o.Title), o.Home, o.URL, o.ID)}})
	}
	x.Categories = atomCategories(e.tags)
	if !exact {
		x.Identifiers = append(x.Identifiers, e.key)
	}
	if e.guid != "" {
		x.Identifiers = append(x.Identifiers, e.guid)
	}
	if len(x.Identifiers) > 0 {
		spaces.prefix(nsDC, "")
	}
	if e.summary != "" {
		x.Summary = &atomText{"html", escape(e.summary)}
	}
	switch {
	case e.content != "":
		x.Content = &atomText{"html", escape(e.content)}
	case e.summary == "":
		x.Content = &atomText{"html", escape(escape(e.title()))}
	case e.link == "":
		// An entry without a link has to have content (RFC 4287 §4.1.2).
		x.Content, x.Summary = x.Summary, nil
	}
	x.Extra = e.extra(spaces)
	return x
}

func atomCategories(tags []feed.Tag) []atomCategory {
	var list []atomCategory
	for _, t := range tags {
		list = append(list, atomCategory{t.Term, absoluteIRI(t.Scheme), t.Label})
	}
	return list
}

func (e *entry) atomLinks() []atomLink {
	list := linkList{}
	if e.link != "" {
		list.add(atomLink{Href: e.link, Rel: "alternate"})
	}
	for _, enc := range e.Enclosures {
		u := markup.URL(enc.URL, e.Link)
		if u == "" {
			continue
		}
		l := atomLink{Href: u, Rel: "enclosure", Type: mediaType(enc.Type, u, ""), Title: line(enc.Title)}
		if enc.Length > 0 {
			l.Length = strconv.FormatInt(enc.Length, 10)
		}
		list.add(l)
	}
	for _, l := range slices.Concat(e.Links, e.related) {
		if rel := entryRel(l.Rel); rel != "" && rel != "enclosure" {
			list.add(newAtomLink(l, rel, e.Link))
		}
	}
	return list.links
}

// linkList gathers links, leaving out repetitions. A second alternate of one type and language, which
// Atom forbids (RFC 4287 §4.1.1), becomes a related one.
type linkList struct{ links []atomLink }

func (list *linkList) add(l atomLink) {
	if l.Rel == "alternate" && slices.ContainsFunc(list.links, func(had atomLink) bool {
		return had.Rel == l.Rel && had.Href != l.Href && had.Type == l.Type && had.Hreflang == l.Hreflang
	}) {
		l.Rel = "related"
	}
	if l.Href == "" || slices.ContainsFunc(list.links, func(had atomLink) bool {
		return had.Rel == l.Rel && had.Href == l.Href && had.Hreflang == l.Hreflang
	}) {
		return
	}
	list.links = append(list.links, l)
}

func newAtomLink(l feed.Link, rel, base string) atomLink {
	x := atomLink{
		Href:     markup.URL(l.Href, base),
		Rel:      rel,
		Type:     mediaType(l.Type, "", ""),
		Hreflang: languageTag(l.Hreflang),
		Title:    line(l.Title),
	}
	if l.Length > 0 {
		x.Length = strconv.FormatInt(l.Length, 10)
	}
	return x
}

// entryRel returns the relation under which a link may stand in an entry: one that is registered
// and not of the feed as a whole, or a URI; "" for none.
func entryRel(rel string) string {
	rel = strings.TrimSpace(rel)
	rel = strings.TrimPrefix(rel, "http://www.iana.org/assignments/relation/")
	switch lower := strings.ToLower(rel); lower {
	case "":
		return "alternate"
	case "alternate", "related", "via", "replies", "license", "payment", "describedby", "enclosure", "up", "edit", "edit-media", "self":
		return lower
	}
	if strings.Contains(rel, ":") {
		return absoluteIRI(rel)
	}
	return ""
}

func feedRel(rel string, complete bool) string {
	rel = strings.TrimSpace(rel)
	switch lower := strings.ToLower(rel); lower {
	case "first", "last", "next", "previous", "prev-archive", "next-archive", "current":
		if complete {
			return "" // there is nothing before it and nothing after it (RFC 5005 §2)
		}
		return lower
	case "hub", "self", "search", "service":
		return lower
	}
	return entryRel(rel)
}

// feedLinks returns the links of a document: itself, its page, and the others given.
func feedLinks(d *Document, selfType string) []atomLink {
	list := linkList{}
	if self := markup.URL(d.Self, ""); self != "" {
		list.add(atomLink{Href: self, Rel: "self", Type: selfType})
	}
	if home := markup.URL(d.Home, ""); home != "" {
		list.add(atomLink{Href: home, Rel: "alternate", Type: "text/html"})
	}
	for _, l := range d.Links {
		if rel := feedRel(l.Rel, d.Complete); rel != "" && rel != "self" {
			list.add(newAtomLink(l, rel, d.Self))
		}
	}
	return list.links
}

// persons returns people as Atom has them: each with a name, which is not an address.
func persons(people []feed.Person) []atomPerson {
	var list []atomPerson
	for _, p := range people {
		x := atomPerson{Name: line(p.Name), URI: markup.URL(p.URI, ""), Email: email(p.Email)}
		if x.Email == "" && email(x.Name) != "" {
			x.Email = email(x.Name)
		}
		if x.Name == "" || x.Name == x.Email {
			x.Name, _, _ = strings.Cut(x.Email, "@")
		}
		if x.Name = cmp.Or(x.Name, x.URI, line(p.String())); x.Name != "" {
			list = append(list, x)
		}
	}
	return list
}

func (e *entry) atomSource(spaces *namespaces) *atomSource {
	o := e.Origin
	self, home := markup.URL(o.URL, ""), markup.URL(o.Home, "")
	id := cmp.Or(absoluteIRI(o.ID), slashed(self), slashed(home), absoluteIRI(o.URL))
	title := cmp.Or(line(o.Title), self, home, id)
	if title == "" && o.Rights == "" && len(o.Extra) == 0 {
		return nil
	}
	s := &atomSource{
		ID:      id,
		Title:   plain(title),
		Updated: rfc3339(e.modified()), // the feed was changed then, if not later
		Rights:  plain(o.Rights),
	}
	if self != "" {
		s.Links = append(s.Links, atomLink{Href: self, Rel: "self"})
	}
	if home != "" {
		s.Links = append(s.Links, atomLink{Href: home, Rel: "alternate"})
	}
	if len(o.Extra) > 0 {
		s.describe(&o, spaces)
	}
	return s
}

// describe adds what else the feed said of itself (RFC 4287 §4.2.11).
func (s *atomSource) describe(o *feed.Origin, spaces *namespaces) {
	rules := vocabulary{channel: true, base: o.Home, once: make(map[string]bool)}
	for i := range o.Extra {
		n, ok := parseElement(&o.Extra[i])
		switch {
		case !ok:
		case n.space == nsAtom:
			s.child(&n, o.Home)
		case rules.admit(&n):
			s.Extra = append(s.Extra, n.raw(spaces))
		}
	}
}

// child adds a child that is Atom's own.
func (s *atomSource) child(n *node, base string) {
	text := n.content()
	switch n.name {
	case "author":
		s.Authors = append(s.Authors, persons([]feed.Person{n.person()})...)
	case "contributor":
		s.Contributors = append(s.Contributors, persons([]feed.Person{n.person()})...)
	case "category":
		t := feed.Tag{Term: n.attr("term"), Scheme: n.attr("scheme"), Label: n.attr("label")}
		s.Categories = append(s.Categories, atomCategories(tags([]feed.Tag{t}, nil))...)
	case "link":
		l := feed.Link{Href: n.attr("href"), Type: n.attr("type"), Hreflang: n.attr("hreflang"), Title: n.attr("title")}
		if rel := entryRel(n.attr("rel")); rel != "" && rel != "self" {
			list := linkList{s.Links}
			list.add(newAtomLink(l, rel, base))
			s.Links = list.links
		}
	case "generator":
		if text != "" {
			s.Generator = &generator{URI: markup.URL(n.attr("uri"), base), Version: line(n.attr("version")), Name: line(text)}
		}
	case "icon":
		s.Icon = cmp.Or(s.Icon, markup.URL(text, base))
	case "logo":
		s.Logo = cmp.Or(s.Logo, markup.URL(text, base))
	case "subtitle":
		if typ := n.attr("type"); typ == "html" {
			text = markup.Text(text)
		} else if typ == "xhtml" {
			text = n.allText()
		}
		s.Subtitle = plain(text)
	case "updated", "modified":
		if t, err := time.Parse(time.RFC3339, text); err == nil && writable(t) {
			s.Updated = rfc3339(t)
		}
	}
}

// plain returns plain text as a text construct, or nil for none.
func plain(s string) *atomText {
	if s = line(s); s == "" {
		return nil
	}
	return &atomText{"text", escape(s)}
}

// updated returns the date of a document, which Atom demands even where nothing has one.
func updated(d *Document) string {
	if s := rfc3339(d.Updated); s != "" {
		return s
	}
	for i := range d.Articles {
		e := entry{Article: &d.Articles[i]}
		if s := rfc3339(e.modified()); s != "" {
			return s
		}
	}
	return "1970-01-01T00:00:00Z"
}

func feedTitle(d *Document) string {
	return cmp.Or(line(d.Title), markup.URL(d.Home, ""), generatorName)
}

func feedID(d *Document) string {
	for _, id := range []string{d.ID, d.Self, d.Home} {
		if id = absoluteIRI(id); id != "" {
			return id
		}
	}
	id, _ := (&feed.Article{Key: d.ID}).AtomID()
	return id
}

// absoluteIRI returns s without white space around it where it is an absolute IRI, else "".
func absoluteIRI(s string) string {
	if s = strings.TrimSpace(s); !feed.AbsoluteIRI(s) {
		return ""
	}
	return s
}

// write renders a feed to memory first, so that what goes out is never half a document.
func write(w io.Writer, f feeds.XmlFeed) error {
	var b bytes.Buffer
	if err := feeds.WriteXML(f, &b); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}

// escape returns text fit to stand between two tags.
func escape(s string) string {
	if !strings.ContainsAny(s, "&<>") {
		return s
	}
	return escaper().Replace(s)
}

var escaper = sync.OnceValue(func() *strings.Replacer {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
})
