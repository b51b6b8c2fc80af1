// Package document reads one file as one article.
package document

import (
	"fmt"
	"net/url"

	"github.com/backissue/backissue/feed"
)

// Options is what is known about a file from outside.
type Options struct {
	// Base is what relative links are resolved against, such as "gopher://taz.de/1/"; empty leaves
	// it to the format to know its publisher's address.
	Base string
}

// Document is an article as it was read, and the source that it belongs to.
type Document struct {
	Source  feed.Source // URL, Title, Home and Language of the publication; no fetch state
	Article feed.Article
}

// LayoutError says that a file is no article of its format, and where that shows.
type LayoutError struct {
	File string
	Line int    // counted from 1
	Want string // what was expected there
	Got  string // what stands there
}

func (e *LayoutError) Error() string {
	return fmt.Sprintf("read %q: line %d: want %s, got %s", e.File, e.Line, e.Want, e.Got)
}

// Text reads an article in the text layout described in the package's file layout.go. name is
// used in errors only: the guid comes from the text, so that one article has one guid whichever
// proxy it was read from and whatever its file is called (see guid in identity.go).
//
// Where Options.Base is empty, the links of a publication that is called like its host ("taz.de")
// are resolved against its web site ("https://taz.de/"): the selectors of its gopher server are
// paths of the site, and more readers open those. With a gopher address for a base they become
// gopher addresses. A link that cannot be resolved stays in the text as text.
//
// Any file that holds no article gives a [*LayoutError], other errors tell a Base that is no
// absolute URL.
func Text(name string, data []byte, o Options) (*Document, error) {
	p, err := open(name, data)
	if err != nil {
		return nil, err
	}
	parts := p.divide()
	if err := p.checkArticle(parts); err != nil {
		return nil, err
	}
	links, err := newResolver(p.publication, o.Base)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", name, err)
	}
	return p.document(parts, links), nil
}

// document puts the article together.
func (p *page) document(parts parts, links resolver) *Document {
	kicker, title := splitHeadline(p.headline)
	a := feed.Article{
		GUID:      p.guid(parts.date),
		Kicker:    kicker,
		Title:     title,
		TitleCut:  p.lines[0].cut,
		Published: parts.date,
		Summary:   summary(parts.teaser),
		Language:  p.language(parts),
		Images:    images(parts.images, links),
		Authors:   authors(parts.sections[secAuthors], links),
	}
	targets := links.targets(parts.sections[secLinks])
	a.Content, a.Dateline = p.content(parts, targets)
	a.Links = targets.list()
	a.Tags, a.Related = p.tagsAndRelated(parts, links)
	return &Document{Source: p.source(a.Language), Article: a}
}

func images(lines []line, links resolver) []feed.Image {
	var list []feed.Image
	for _, l := range lines {
		caption, _ := captionOf(l)
		list = append(list, feed.Image{URL: links.item(l), Caption: caption, Cut: l.cut})
	}
	return list
}

func authors(lines []line, links resolver) []feed.Person {
	var people []feed.Person
	for _, l := range lines {
		if !l.blank() {
			people = append(people, feed.Person{Name: l.text, URI: links.item(l)})
		}
	}
	return people
}

// parseBase reads Options.Base.
func parseBase(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	if err != nil || !u.IsAbs() || u.Host == "" {
		return nil, fmt.Errorf("base %q is no absolute URL", base)
	}
	return u, nil
}
