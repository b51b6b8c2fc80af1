package render

import (
	"cmp"
	"encoding/xml"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/feeds"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/markup"
)

type rssFeed struct {
	feeds.RssFeedXml
	Namespaces []xml.Attr  `xml:",any,attr"`
	Channel    *rssChannel `xml:"channel"`
}

type rssChannel struct {
	feeds.RssFeed
	Title        rssText         `xml:"title"`
	Link         string          `xml:"link"`
	Description  rssText         `xml:"description"`
	Copyright    *rssText        `xml:"copyright"`
	Image        *rssImage       `xml:"image"`
	Categories   []rssCategory   `xml:"category"`
	Authors      []rssAtomPerson `xml:"atom:author"`
	Creators     []string        `xml:"dc:creator"`
	Contributors []rssAtomPerson `xml:"atom:contributor"`
	Links        []rssAtomLink   `xml:"atom:link"`
	Archive      *struct{}       `xml:"fh:archive"`
	Complete     *struct{}       `xml:"fh:complete"`
	Extra        []rawElement
	Items        []rssItem `xml:"item"`

	spaces *namespaces
}

// FeedXml hides the embedded method, which would write the embedded channel alone.
func (c *rssChannel) FeedXml() any {
	return &rssFeed{
		RssFeedXml: feeds.RssFeedXml{Version: "2.0", ContentNamespace: nsContent},
		Namespaces: c.spaces.declarations(),
		Channel:    c,
	}
}

// rssItem is an item. Its elements stand in the order that readers are used to: a description
// before the full text.
type rssItem struct {
	feeds.RssItem
	Title        *rssText              `xml:"title"`
	Link         string                `xml:"link,omitempty"`
	Description  *rssText              `xml:"description"`
	Content      *feeds.RssContent     `xml:"content:encoded"`
	Person       *rssAtomPerson        `xml:"atom:author"`
	Creators     []string              `xml:"dc:creator"`
	Contributors []rssAtomPerson       `xml:"atom:contributor"`
	Categories   []rssCategory         `xml:"category"`
	Enclosures   []*feeds.RssEnclosure `xml:"enclosure"`
	Source       *rssSource            `xml:"source"`
	Updated      string                `xml:"atom:updated,omitempty"`
	Links        []rssAtomLink         `xml:"atom:link"`
	Language     string                `xml:"dc:language,omitempty"`
	Rights       *rssText              `xml:"dc:rights"`
	Identifier   string                `xml:"dc:identifier,omitempty"`
	Extra        []rawElement
}

// rssText is text that readers take for HTML, or for plain text, as they like: "<" is written as a
// hexadecimal reference, which all of them show as the sign itself.
type rssText struct {
	Body string `xml:",innerxml"` // escaped
}

type rssImage struct {
	URL   string  `xml:"url"`
	Title rssText `xml:"title"` // the channel's
	Link  string  `xml:"link"`  // the channel's
}

type rssAtomLink struct {
	atomLink
}

type rssAtomPerson struct {
	Name  string `xml:"atom:name"`
	URI   string `xml:"atom:uri,omitempty"`
	Email string `xml:"atom:email,omitempty"`
}

type rssCategory struct {
	Domain string `xml:"domain,attr,omitempty"`
	Term   string `xml:",innerxml"` // escaped
}

type rssSource struct {
	URL   string `xml:"url,attr"`
	Title string `xml:",innerxml"` // escaped
}

func writeRSS(w io.Writer, d *Document) error {
	spaces := newNamespaces(nsContent)
	spaces.prefix(nsAtom, "")
	spaces.prefix(nsDC, "")
	c := &rssChannel{
		RssFeed: feeds.RssFeed{
			Language:      languageTag(d.Language),
			LastBuildDate: rfc822(d.Updated),
			Generator:     generatorName,
		},
		Title:       rssText{escapeRSS(feedTitle(d))},
		Link:        cmp.Or(markup.URL(d.Home, ""), markup.URL(d.Self, ""), feedID(d)),
		Description: rssText{escapeRSS(cmp.Or(line(d.Subtitle), feedTitle(d)))},
		spaces:      spaces,
	}
	if r := line(d.Rights); r != "" {
		c.Copyright = &rssText{escapeRSS(r)}
	}
	for _, picture := range []string{d.Logo, d.Icon} {
		if u := markup.URL(picture, ""); isRSSImage(u) {
			c.Image = &rssImage{u, c.Title, c.Link}
			break
		}
	}
	c.describe(newChannel(d))
	for _, l := range feedLinks(d, "application/rss+xml") {
		if l.Rel != "alternate" || l.Href != c.Link {
			c.Links = append(c.Links, rssAtomLink{l})
		}
	}
	if d.Complete {
		c.Complete = &struct{}{}
		spaces.prefix(nsHistory, "")
	} else if d.Archive {
		c.Archive = &struct{}{}
		spaces.prefix(nsHistory, "")
	}
	for _, e := range entries(d, d.identity) {
		c.Items = append(c.Items, newRSSItem(&e, d.Self, spaces))
	}
	return write(w, c)
}

func newRSSItem(e *entry, self string, spaces *namespaces) rssItem {
	x := rssItem{
		RssItem: feeds.RssItem{
			Guid:     &feeds.RssGuid{Id: e.key, IsPermaLink: strconv.FormatBool(e.permaLink())},
			PubDate:  rfc822(e.published()),
			Comments: e.comments(),
		},
		Link:       e.link,
		Source:     e.rssSource(),
		Updated:    e.updated(),
		Language:   e.language,
		Identifier: e.guid,
	}
	if r := line(e.Rights); r != "" {
		x.Rights = &rssText{escapeRSS(r)}
	}
	e.rssTexts(&x)
	e.rssPeople(&x)
	x.Categories = rssCategories(e.tags)
	list := linkList{}
	for _, enc := range e.Enclosures {
		u := slashed(markup.URL(enc.URL, e.Link))
		if len(x.Enclosures) > 0 || !enclosable(u, self) {
			list.add(newAtomLink(feed.Link{Href: u, Type: mediaType(enc.Type, u, ""), Title: enc.Title, Length: enc.Length}, "enclosure", ""))
			continue
		}
		x.Enclosures = append(x.Enclosures, &feeds.RssEnclosure{
			Url:    u,
			Length: strconv.FormatInt(max(0, enc.Length), 10),
			Type:   mediaType(enc.Type, u, "application/octet-stream"),
		})
	}
	for _, l := range slices.Concat(e.Links, e.related) {
		rel := entryRel(l.Rel)
		if rel == "" || rel == "enclosure" {
			continue
		}
		if rel == "alternate" {
			rel = "related" // readers would take it for the item's link
		}
		a := newAtomLink(l, rel, e.Link)
		switch {
		case a.Href == x.Link:
		case rel == "replies" && a.Href == x.Comments && a.Title == "" && a.Hreflang == "" && a.Length == "":
		default:
			list.add(a)
		}
	}
	for _, l := range list.links {
		x.Links = append(x.Links, rssAtomLink{l})
	}
	x.Extra = e.extra(spaces)
	return x
}

// rssTexts sets title, description and content. An item needs one of the first two, and readers
// want a description in front of the content; the beginning of the text stands in for one.
func (e *entry) rssTexts(x *rssItem) {
	description, content := e.summary, e.content
	if description == "" {
		description = escape(cut(e.text(), standInSummary))
	}
	if description == "" {
		description = content // a picture alone, say
	}
	if content != "" {
		x.Content = &feeds.RssContent{Content: content}
	}
	if description != "" {
		x.Description = &rssText{escape(description)}
	}
	switch {
	case e.headline != "":
		x.Title = &rssText{escapeRSS(e.headline)}
	case description == "":
		x.Title = &rssText{escapeRSS(e.title())}
	}
}

// rssPeople sets the authors: author is for an e-mail address, and for one person; dc:creator is
// for names. An item may hold one Atom author, who has a page too.
func (e *entry) rssPeople(x *rssItem) {
	authors := persons(e.Authors)
	switch {
	case len(authors) == 1 && authors[0].URI != "":
		x.Person = (*rssAtomPerson)(&authors[0])
		x.Creators = []string{authors[0].Name}
	case len(authors) == 1 && authors[0].Email != "":
		x.Author = mailbox(authors[0])
	default:
		x.Creators = names(authors)
	}
	for _, p := range persons(e.Contributors) {
		x.Contributors = append(x.Contributors, rssAtomPerson(p))
	}
}

// mailbox returns a person in the way of e-mail, which RSS follows.
func mailbox(p atomPerson) string {
	// Parentheses would end the comment that holds the name (RFC 822 §3.3).
	name := strings.NewReplacer("(", "[", ")", "]", `\`, "/").Replace(p.Name)
	return p.Email + " (" + name + ")"
}

func names(people []atomPerson) []string {
	var list []string
	for _, p := range people {
		list = append(list, p.Name)
	}
	return list
}

// describe sets what a publisher says of the feed as a whole.
func (c *rssChannel) describe(from channel) {
	if len(from.authors) == 1 && from.authors[0].Email != "" && from.authors[0].URI == "" {
		c.ManagingEditor = mailbox(from.authors[0])
	} else {
		for _, p := range from.authors {
			if p.URI != "" || p.Email != "" {
				c.Authors = append(c.Authors, rssAtomPerson(p))
			}
		}
		c.Creators = names(from.authors)
	}
	for _, p := range from.contributors {
		c.Contributors = append(c.Contributors, rssAtomPerson(p))
	}
	c.Categories, c.Extra = rssCategories(from.categories), from.elements(c.spaces)
}

func rssCategories(tags []feed.Tag) []rssCategory {
	var list []rssCategory
	for _, t := range tags {
		list = append(list, rssCategory{t.Scheme, escapeRSS(t.String())})
	}
	return list
}

func (e *entry) rssSource() *rssSource {
	u := cmp.Or(markup.URL(e.Origin.URL, ""), markup.URL(e.Origin.Home, ""))
	if u == "" {
		return nil
	}
	return &rssSource{u, escapeRSS(cmp.Or(line(e.Origin.Title), u))}
}

// permaLink reports whether the guid that goes out is the publisher's and an address.
func (e *entry) permaLink() bool {
	_, web := cutPrefixFold(e.key, "http")
	return e.PermaLink && web && e.key == e.GUID && markup.URL(e.key, "") == e.key
}

// comments returns the page on which the article is discussed.
func (e *entry) comments() string {
	for _, l := range e.Links {
		if strings.EqualFold(strings.TrimSpace(l.Rel), "replies") && (l.Type == "" || strings.Contains(l.Type, "html")) {
			if u := markup.URL(l.Href, e.Link); u != "" {
				return u
			}
		}
	}
	return ""
}

// updated returns the date of the last change where the publisher gave one, or it says more than the
// date of publication.
func (e *entry) updated() string {
	m := e.modified()
	if !writable(e.Updated) && m.Truncate(time.Second).Equal(e.published().Truncate(time.Second)) {
		return ""
	}
	return rfc3339(m)
}

// enclosable reports whether an address may stand in an enclosure: only one of the web may (RSS 2.0),
// and a host without a dot is nobody's but our own. Others go out as Atom links.
func enclosable(u, self string) bool {
	host := hostOf(u)
	return web(u) != "" && (strings.Contains(host, ".") || host == hostOf(self))
}

func hostOf(u string) string {
	_, rest, _ := strings.Cut(u, "://")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if _, host, ok := strings.Cut(rest, "@"); ok {
		rest = host
	}
	host, _, _ := strings.Cut(rest, ":")
	return host
}

// isRSSImage reports whether an address is one of a picture that may stand for a channel: RSS 2.0
// knows three formats.
func isRSSImage(u string) bool {
	u, _, _ = strings.Cut(strings.ToLower(u), "?")
	switch path.Ext(u) {
	case ".png", ".jpg", ".jpeg", ".gif":
		return true
	}
	return false
}

// slashed returns an http URL with a path even where it is the root, as some readers of enclosures
// want it.
func slashed(u string) string {
	i := strings.Index(u, "://")
	if i < 0 {
		return u
	}
	i += len("://")
	end := strings.IndexAny(u[i:], "/?#")
	switch {
	case end < 0:
		return u + "/"
	case u[i+end] == '/':
		return u
	}
	return u[:i+end] + "/" + u[i+end:]
}

// escapeRSS returns text escaped as [rssText] wants it.
func escapeRSS(s string) string {
	if !strings.ContainsAny(s, "&<>") {
		return s
	}
	return rssEscaper().Replace(s)
}

var rssEscaper = sync.OnceValue(func() *strings.Replacer {
	return strings.NewReplacer("&", "&#x26;", "<", "&#x3C;", ">", "&#x3E;")
})
