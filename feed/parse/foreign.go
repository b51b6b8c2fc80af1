package parse

import (
	"strconv"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
)

// foreignChild reads a child of an item from another vocabulary: what has a field goes there, the
// rest is kept as an extension. Elements that say more than the field holds go both ways.
func (r *reader) foreignChild(e *entry, el *element) {
	a := e.article
	switch local := el.local(); el.space.kind {
	case contentSpace:
		if local == "encoded" && a.Content == "" {
			a.Content, _ = characterData(el.inner)
			e.contentBase = r.elementBase(e, el)
			return
		}
	case dcSpace:
		if r.dcChild(e, local, el.inner) {
			return
		}
	case dcTermsSpace:
		switch local {
		case "issued", "created", "available", "date":
			r.date(&a.Published, el.inner)
			return
		case "modified":
			r.date(&a.Updated, el.inner)
			return
		}
	case atomSpace:
		if r.atomInRSS(e, el) {
			return
		}
	case itunesSpace:
		switch local {
		case "author":
			if e.otherAuthor == "" {
				e.otherAuthor, _ = characterData(el.inner)
			}
		case "title":
			r.otherTitle(e, el.inner)
		case "summary":
			e.otherText(el.inner)
		case "keywords":
			e.keywords(el.inner)
		}
	case mediaSpace:
		r.media(e, local, el.attrs, el.inner, 0)
		r.keepMedia(e, el)
		return
	case xhtmlSpace:
		if local == "body" && a.Content == "" {
			a.Content = strings.TrimSpace(rawMarkup(el.inner))
			return
		}
	}
	e.keep(el)
}

// dcChild reads a Dublin Core element and reports whether it has a field.
func (r *reader) dcChild(e *entry, local, inner string) bool {
	a := e.article
	text, _ := characterData(inner)
	text = oneLine(text)
	switch local {
	case "creator", "author":
		e.addAuthor(personText(text))
	case "contributor":
		a.Contributors = addPerson(a.Contributors, personText(text))
	case "date":
		r.date(&a.Published, inner)
	case "subject":
		if term := plainText(text, unsaid); term != "" {
			a.Tags = append(a.Tags, feed.Tag{Term: term})
		}
	case "rights":
		a.Rights = text
	case "language":
		a.Language = text
	case "title":
		r.otherTitle(e, inner)
		return false
	case "description":
		e.otherText(inner)
		return false
	default:
		return false
	}
	return true
}

// otherText remembers a description from another vocabulary. Its type is never said: it is HTML
// where it looks like it, else text whose lines mean something.
func (e *entry) otherText(inner string) {
	if e.otherSummary != "" {
		return
	}
	text, isMarkup := characterData(inner)
	if !isMarkup && !looksHTML(text) {
		text = paragraphs(text)
	}
	e.otherSummary = text
}

// maxKeywords is how many words one list of keywords may add.
const maxKeywords = 200

// keywords adds a list of words with commas between them to the tags.
func (e *entry) keywords(inner string) {
	text, _ := characterData(inner)
	for _, word := range strings.SplitN(text, ",", maxKeywords) {
		if word = plainText(word, unsaid); word != "" {
			e.article.Tags = append(e.article.Tags, feed.Tag{Term: word})
		}
	}
}

func (r *reader) otherTitle(e *entry, inner string) {
	if e.otherTitle == "" {
		text, _ := characterData(inner)
		e.otherTitle = plainText(text, unsaid)
	}
}

// atomInRSS reads an element of Atom inside an RSS item and reports whether it has a field.
func (r *reader) atomInRSS(e *entry, el *element) bool {
	a := e.article
	switch el.local() {
	case "link":
		l := r.atomLink(el, e.base)
		switch {
		case l.Href == "":
			return false
		case l.Rel == "enclosure":
			addEnclosure(a, enclosureOf(l))
		case l.Rel == "" && a.Link == "":
			a.Link = l.Href
		case l.Rel != "" || l.Href != a.Link:
			a.Links = append(a.Links, l)
		}
	case "author":
		e.addAuthor(personElement(el.inner))
	case "contributor":
		a.Contributors = addPerson(a.Contributors, personElement(el.inner))
	case "published":
		r.date(&a.Published, el.inner)
	case "updated":
		r.date(&a.Updated, el.inner)
	case "rights":
		text, _ := characterData(el.inner)
		a.Rights = plainText(text, constructType(el))
	case "summary":
		e.otherText(el.inner)
		return false
	case "content":
		if a.Content != "" {
			return false
		}
		r.atomContent(e, el)
	default:
		return false
	}
	return true
}

// atomLink reads the attributes of an Atom link.
func (r *reader) atomLink(el *element, base string) feed.Link {
	l := feed.Link{
		Href:     r.absolute(r.join(base, el.attr("xml:base")), el.attr("href")),
		Rel:      relation(el.attr("rel")),
		Type:     strings.TrimSpace(el.attr("type")),
		Hreflang: strings.TrimSpace(el.attr("hreflang")),
		Title:    oneLine(el.attr("title")),
		Length:   size(el.attr("length")),
	}
	return cleanLink(l)
}

func cleanLink(l feed.Link) feed.Link {
	for _, s := range []*string{&l.Href, &l.Rel, &l.Type, &l.Hreflang, &l.Title} {
		*s = clean(*s)
	}
	return l
}

// relation returns a link relation in its short form, "" for alternate (RFC 4287 §4.2.7.2).
func relation(rel string) string {
	rel = strings.TrimSpace(rel)
	rel = strings.TrimPrefix(rel, "http://www.iana.org/assignments/relation/")
	if rel == "alternate" {
		return ""
	}
	return rel
}

func enclosureOf(l feed.Link) feed.Enclosure {
	return feed.Enclosure{URL: l.Href, Type: l.Type, Length: l.Length, Title: l.Title}
}

// keepMedia keeps a media element with an address that is as absolute as the enclosure's made of it.
func (r *reader) keepMedia(e *entry, el *element) {
	kept := len(e.article.Extra)
	e.keep(el)
	for _, x := range e.article.Extra[kept:] {
		for i := range x.Attrs {
			if x.Attrs[i].Name == "url" {
				x.Attrs[i].Value = r.absolute(r.linkBase(e.base), x.Attrs[i].Value)
			}
		}
	}
}

// maxMedia is how deep groups of media may be nested.
const maxMedia = 4

// media takes the files that the media extension attaches, in groups or without (Media RSS 1.5.1).
// The elements themselves are kept too, since they say far more.
func (r *reader) media(e *entry, local, attrs, inner string, depth int) {
	switch local {
	case "content":
		t := tag{attrs: attrs}
		x := feed.Enclosure{
			URL:    r.absolute(r.linkBase(e.base), t.attr("url")),
			Type:   strings.TrimSpace(t.attr("type")),
			Length: size(t.attr("fileSize")),
		}
		if n, err := strconv.ParseFloat(t.attr("duration"), 64); err == nil && n > 0 && n < maxSeconds {
			x.Duration = time.Duration(n * float64(time.Second))
		}
		x.URL, x.Type = clean(x.URL), clean(x.Type)
		addEnclosure(e.article, x)
	case "group":
	case "title":
		if depth == 0 {
			r.otherTitle(e, inner)
		}
		return
	case "description":
		e.otherText(inner)
		return
	case "keywords":
		e.keywords(inner)
		return
	case "category":
		t := tag{attrs: attrs}
		text, _ := characterData(inner)
		c := feed.Tag{Term: clean(oneLine(text)), Scheme: clean(t.attr("scheme")), Label: clean(oneLine(t.attr("label")))}
		if (c.Term != "" || c.Label != "") && len(e.article.Tags) < maxChildren {
			e.article.Tags = append(e.article.Tags, c)
		}
		return
	default:
		return
	}
	if depth < maxMedia && strings.IndexByte(inner, '<') >= 0 {
		eachChild(inner, func(t tag, inner string) {
			r.media(e, t.local(), t.attrs, inner, depth+1)
		})
	}
}

// maxSeconds bounds durations, so that they fit.
const maxSeconds = 1e9

// elementBase returns the base that an element of an item sets for itself, "" for none.
func (r *reader) elementBase(e *entry, el *element) string {
	base := el.attr("xml:base")
	if base == "" {
		return ""
	}
	return r.join(e.base, base)
}
