package parse

import (
	"fmt"
	"strings"

	"github.com/backissue/backissue/feed"
	"github.com/mmcdole/gofeed/atom"
)

// atomChild reads one child of an Atom entry: into the slim document what gofeed reads, into the
// entry all else.
func (r *reader) atomChild(e *entry, el *element) {
	if el.space.kind != native {
		r.foreignChild(e, el)
		return
	}
	a := e.article
	switch local := strings.ToLower(el.local()); local {
	case "title":
		e.titleType = r.construct(local, el)
	case "id":
		r.slim.verbatim("id", el.inner)
	case "link":
		r.slimLink(el)
	case "category":
		r.slimCategory(el)
	case "author", "contributor":
		r.slimPerson(local, el)
		r.personExtras(e, el)
	case "published", "issued", "created":
		r.date(&a.Published, el.inner)
	case "updated", "modified":
		r.date(&a.Updated, el.inner)
	case "summary":
		e.sumType = r.construct(local, el)
	case "rights", "copyright":
		e.rightsType = r.construct("rights", el)
	case "content":
		r.atomContent(e, el)
	case "source":
		r.slimSource(e, el)
	default:
		r.rssInAtom(e, el, local)
	}
}

// rssInAtom reads elements of RSS, which some programs write into Atom entries.
func (r *reader) rssInAtom(e *entry, el *element, local string) {
	switch local {
	case "guid":
		r.slim.verbatim("id", el.inner)
	case "pubdate":
		r.date(&e.article.Published, el.inner)
	case "description":
		r.slim.text("summary", el.inner)
		e.sumType = markup
	case "enclosure":
		r.slim.open("link")
		r.slim.attr("rel", "enclosure")
		r.slim.attr("href", ":"+el.attr("url"))
		r.slim.attr("type", el.attr("type"))
		r.slim.attr("length", el.attr("length"))
		r.slim.to.add("/>")
	default:
		e.keep(el)
	}
}

func (r *reader) slimLink(el *element) {
	href, ok := el.lookup("href")
	if !ok {
		href, _ = characterData(el.inner)
	}
	r.slim.open("link")
	r.slim.attr("href", ":"+r.own(el, href))
	for _, name := range []string{"rel", "type", "hreflang", "title", "length"} {
		r.slim.attr(name, el.attr(name))
	}
	r.slim.to.add("/>")
}

// atomCategory reads a category (RFC 4287 §4.2.2).
func atomCategory(el *element) feed.Tag {
	c := feed.Tag{Term: el.attr("term"), Scheme: strings.TrimSpace(el.attr("scheme")), Label: oneLine(el.attr("label"))}
	if c.Term == "" {
		c.Term, _ = characterData(el.inner)
	}
	c.Term = oneLine(c.Term)
	return feed.Tag{Term: clean(c.Term), Scheme: clean(c.Scheme), Label: clean(c.Label)}
}

// addCategory adds a category of the feed as a whole.
func (r *reader) addCategory(c feed.Tag) {
	if len(r.src.Categories) < maxChildren {
		r.src.Categories = distinct(append(r.src.Categories, c))
	}
}

func (r *reader) slimCategory(el *element) {
	term := el.attr("term")
	if term == "" {
		term, _ = characterData(el.inner)
	}
	r.slim.open("category")
	r.slim.attr("term", term)
	r.slim.attr("scheme", ":"+el.attr("scheme"))
	r.slim.attr("label", el.attr("label"))
	r.slim.to.add("/>")
}

func (r *reader) slimPerson(name string, el *element) {
	if strings.Contains(el.inner, "</") {
		r.slim.person(name, el.inner)
		return
	}
	text, _ := characterData(el.inner) // as in RSS
	p := personText(text)
	r.slim.open(name)
	r.slim.to.add("><name>" + escapeText(p.Name) + "</name><email>" + escapeText(p.Email) + "</email></" + name + ">")
}

// personExtras keeps what other vocabularies say of a person.
func (r *reader) personExtras(e *entry, el *element) {
	if strings.IndexByte(el.inner, ':') < 0 {
		return
	}
	eachChild(el.inner, func(t tag, inner string) {
		if strings.IndexByte(t.name, ':') < 0 {
			return
		}
		child := element{tag: t, inner: inner, scope: el.scope.within(t.attrs)}
		if child.space = r.spaceOf(t.name, child.scope); child.space.kind != native {
			e.keep(&child)
		}
	})
}

// slimSource writes the feed that an entry was taken from.
func (r *reader) slimSource(e *entry, el *element) {
	r.slim.open("source>")
	closed := eachChild(el.inner, func(t tag, inner string) {
		child := element{tag: t, inner: inner, scope: el.scope.within(t.attrs)}
		child.space = r.spaceOf(t.name, child.scope)
		local := strings.ToLower(t.local())
		if child.space.kind != native {
			local = ""
		}
		switch local {
		case "id":
			r.slim.verbatim(local, inner)
		case "title", "rights":
			r.slim.open(local + ">")
			text, _ := characterData(inner)
			r.slim.to.add(escapeText(plainText(text, constructType(&child))))
			r.slim.end(local)
		case "link":
			r.slimLink(&child)
			if rel := relation(child.attr("rel")); rel != "" && rel != "self" {
				e.origin = append(e.origin, extension(&child))
			}
		case "author":
			r.slimPerson(local, &child)
			e.origin = append(e.origin, extension(&child))
		default:
			e.origin = append(e.origin, extension(&child))
		}
	})
	r.slim.end("source")
	if !closed {
		r.mended.note("an element of a source was not closed")
	}
}

// atomHead reads one child of an Atom feed that is no entry.
func (r *reader) atomHead(el *element) {
	if el.space.kind != native {
		r.foreignHead(el)
		return
	}
	switch local := strings.ToLower(el.local()); local {
	case "title":
		r.head.titleType = r.construct(local, el)
	case "subtitle", "tagline", "description":
		r.head.subtitleType = r.construct("subtitle", el)
	case "id":
		r.slim.verbatim(local, el.inner)
	case "link":
		r.slimLink(el)
	case "author":
		r.slimPerson(local, el)
	case "rights", "copyright":
		r.head.rightsType = r.construct("rights", el)
	case "icon", "logo":
		r.slim.verbatim(local, el.inner)
	case "category":
		if c := atomCategory(el); c.Term != "" || c.Label != "" {
			r.addCategory(c)
			return
		}
		r.src.Extra = append(r.src.Extra, extension(el))
	case "updated", "modified":
		// When the feed was generated.
	default:
		r.src.Extra = append(r.src.Extra, extension(el))
	}
}

// joinAtom has gofeed read the slim document and adds what it says to what the scan found.
func (r *reader) joinAtom() {
	head, items := r.slim.head.String(), r.slim.items.String()
	typed, err := typedAtom(r.slim.document(head, items))
	if err != nil || len(typed.Entries) != len(r.entries) {
		typed = r.atomOneByOne(head, items)
	}
	r.joinAtomHead(typed)
	for i, one := range typed.Entries {
		r.joinAtomEntry(&r.entries[i], one)
	}
}

// atomOneByOne is [reader.rssOneByOne] for Atom.
func (r *reader) atomOneByOne(head, items string) *atom.Feed {
	all, err := typedAtom(r.slim.document(head, ""))
	if err != nil {
		r.mended.note("the head of the feed could not be read")
		all = &atom.Feed{}
	}
	all.Entries = nil
	for i := range r.entries {
		e := &r.entries[i]
		one := &atom.Entry{}
		if f, err := typedAtom(r.slim.document("", items[e.start:e.end])); err == nil && len(f.Entries) == 1 {
			one = f.Entries[0]
		} else {
			r.mended.note(fmt.Sprintf("item %d could be read only in part", i+1))
		}
		all.Entries = append(all.Entries, one)
	}
	return all
}

func (r *reader) joinAtomHead(f *atom.Feed) {
	s := &r.src
	s.Title = plainText(f.Title, r.head.titleType)
	s.Description = plainText(f.Subtitle, r.head.subtitleType)
	s.FeedID = asWritten(f.ID)
	for _, l := range f.Links {
		r.headLink(r.typedLink(l, r.base))
	}
	s.Home = r.head.home
	for _, p := range f.Authors {
		s.Authors = addPerson(s.Authors, r.typedPerson(p, r.base))
	}
	s.Rights = firstText(plainText(f.Rights, r.head.rightsType), r.head.rights)
	s.Language = firstText(r.lang, r.head.language)
	if s.Image = r.absolute(r.base, asWritten(f.Logo)); s.Image == "" {
		s.Image = r.absolute(r.base, asWritten(f.Icon))
	}
	r.finishHead("")
}

func (r *reader) typedLink(l *atom.Link, base string) feed.Link {
	return cleanLink(feed.Link{
		Href:     r.absolute(base, asWritten(l.Href)),
		Rel:      relation(l.Rel),
		Type:     strings.TrimSpace(l.Type),
		Hreflang: strings.TrimSpace(l.Hreflang),
		Title:    oneLine(l.Title),
		Length:   size(l.Length),
	})
}

func (r *reader) typedPerson(p *atom.Person, base string) feed.Person {
	return feed.Person{
		Name:  clean(oneLine(p.Name)),
		Email: clean(oneLine(p.Email)),
		URI:   clean(r.absolute(base, asWritten(p.URI))),
	}
}

func (r *reader) joinAtomEntry(e *entry, one *atom.Entry) {
	a := e.article
	base := r.linkBase(e.base)
	if id := asWritten(one.ID); id != "" {
		a.GUID = id
	}
	if a.Title = plainText(one.Title, e.titleType); a.Title == "" {
		a.Title = e.otherTitle
	}
	r.atomEntryLinks(a, one.Links, base)
	if a.Link == "" && isWeb(a.GUID) {
		a.Link = a.GUID // the best there is
	}
	tags := make([]feed.Tag, 0, len(one.Categories)+len(a.Tags))
	for _, c := range one.Categories {
		t := feed.Tag{Term: oneLine(c.Term), Scheme: asWritten(c.Scheme), Label: oneLine(c.Label)}
		if t.Term != "" || t.Label != "" {
			tags = append(tags, t)
		}
	}
	a.Tags = distinct(append(tags, a.Tags...))
	var authors []feed.Person
	for _, p := range one.Authors {
		authors = addPerson(authors, r.typedPerson(p, base))
	}
	for _, p := range a.Authors {
		authors = addPerson(authors, p)
	}
	a.Authors = authors
	for _, p := range one.Contributors {
		a.Contributors = addPerson(a.Contributors, r.typedPerson(p, base))
	}
	if rights := plainText(one.Rights, e.rightsType); rights != "" {
		a.Rights = rights
	}
	if a.Summary = strings.TrimSpace(one.Summary); e.sumType == plain || e.sumType == unsaid && !looksHTML(a.Summary) {
		a.Summary = escapeText(a.Summary)
	}
	if one.Source != nil {
		r.atomOrigin(a, one.Source, base)
		a.Origin.Extra = e.origin
	}
	// RFC 4287 §4.2.1: an entry without an author has those of its source, then of its feed.
	if len(a.Authors) == 0 && e.otherAuthor != "" {
		e.addAuthor(personText(e.otherAuthor))
	}
	if len(a.Authors) == 0 {
		a.Authors = append(a.Authors, r.src.Authors...)
	}
	r.finish(e)
}

// atomEntryLinks files the links of an entry: its page, its enclosures, all others.
func (r *reader) atomEntryLinks(a *feed.Article, links []*atom.Link, base string) {
	page := -1
	for i, link := range links {
		// Of several alternates the page is meant, not its translation into another format.
		if relation(link.Rel) == "" && asWritten(link.Href) != "" &&
			(page < 0 || !isPage(links[page].Type) && isPage(link.Type)) {
			page = i
		}
	}
	for i, link := range links {
		l := r.typedLink(link, base)
		switch {
		case l.Href == "":
		case i == page:
			if a.Link != "" {
				a.Links = append(a.Links, feed.Link{Href: a.Link})
			}
			a.Link = l.Href
		case l.Rel == "enclosure":
			addEnclosure(a, enclosureOf(l))
		default:
			a.Links = append(a.Links, l)
		}
	}
}

func isPage(typ string) bool {
	typ = strings.ToLower(strings.TrimSpace(typ))
	return typ == "" || typ == "text/html" || typ == "application/xhtml+xml"
}

func (r *reader) atomOrigin(a *feed.Article, s *atom.Source, base string) {
	o := feed.Origin{ID: asWritten(s.ID), Title: clean(oneLine(s.Title)), Rights: clean(oneLine(s.Rights))}
	for _, link := range s.Links {
		l := r.typedLink(link, base)
		switch {
		case l.Rel == "self" && o.URL == "":
			o.URL = l.Href
		case l.Rel == "" && o.Home == "":
			o.Home = l.Href
		}
	}
	a.Origin = o
	if len(a.Authors) == 0 {
		for _, p := range s.Authors {
			a.Authors = addPerson(a.Authors, r.typedPerson(p, base))
		}
	}
}
