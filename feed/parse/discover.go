package parse

import (
	"bytes"
	"sort"
	"strings"

	"github.com/backissue/backissue/feed"
	"golang.org/x/net/html"
)

// Discover returns the feeds that an HTML page names (<link rel="alternate">), best first, with
// absolute addresses, resolved against base. A feed of comments comes after the others; a page that
// names none is searched for links to what by its address is a feed.
func Discover(page []byte, base string) []feed.Link {
	var d discovery
	d.base = base
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return d.best()
		case html.StartTagToken, html.SelfClosingTagToken:
			d.visit(z)
		}
	}
}

// discovery collects the feeds that a page names.
type discovery struct {
	resolver
	base    string
	hasBase bool
	named   []feed.Link // by link elements
	linked  []feed.Link // by links in the text
}

// maxDiscovered bounds what one page may name.
const maxDiscovered = 100

func (d *discovery) visit(z *html.Tokenizer) {
	name, hasAttrs := z.TagName()
	kind := string(name)
	if !hasAttrs || kind != "link" && kind != "a" && kind != "base" {
		return
	}
	var rel, typ, href, title, lang string
	for more := true; more; {
		var k, v []byte
		k, v, more = z.TagAttr()
		value := clean(strings.TrimSpace(string(v)))
		switch string(k) {
		case "rel":
			rel = strings.ToLower(value)
		case "type":
			typ = strings.ToLower(value)
		case "href":
			href = value
		case "title":
			title = oneLine(value)
		case "hreflang":
			lang = value
		}
	}
	if href == "" {
		return
	}
	switch kind {
	case "base":
		if !d.hasBase {
			d.base, d.hasBase = d.absolute(d.base, href), true
		}
	case "link":
		typ, _, _ = strings.Cut(typ, ";")
		typ = strings.TrimSpace(typ)
		if isFeedType(typ) && namesFeed(rel) && !strings.Contains(href, "/wp-json/") && len(d.named) < maxDiscovered {
			d.named = appendLink(d.named, feed.Link{Href: d.absolute(d.base, href), Type: typ, Title: title, Hreflang: lang})
		}
	case "a":
		if looksFeed(href) && len(d.linked) < maxDiscovered {
			d.linked = appendLink(d.linked, feed.Link{Href: d.absolute(d.base, href)})
		}
	}
}

func namesFeed(rel string) bool {
	alternate := false
	for _, word := range strings.Fields(rel) {
		switch word {
		case "alternate":
			alternate = true
		case "stylesheet", "oembed":
			return false
		case "feed":
			return true
		}
	}
	return alternate
}

func isFeedType(typ string) bool {
	switch typ {
	case "application/atom+xml", "application/rss+xml", "application/feed+json", "application/json",
		"application/rdf+xml", "application/x.atom+xml", "application/x-atom+xml", "text/xml", "application/xml":
		return true
	}
	return false
}

// looksFeed reports whether an address is a feed's by its last part.
func looksFeed(href string) bool {
	if hasScheme(href) && !isWeb(href) {
		return false
	}
	path, _, _ := strings.Cut(strings.ToLower(href), "#")
	path, _, _ = strings.Cut(path, "?")
	path = strings.TrimSuffix(path, "/")
	switch last := path[strings.LastIndexByte(path, '/')+1:]; last {
	case "feed", "rss", "atom", "feed.xml", "rss.xml", "atom.xml", "index.xml", "feed.json", "index.rdf", "feeds.xml":
		return true
	default:
		return strings.HasSuffix(last, ".rss") || strings.HasSuffix(last, ".atom") || strings.HasSuffix(last, ".rdf")
	}
}

func appendLink(list []feed.Link, l feed.Link) []feed.Link {
	for _, have := range list {
		if have.Href == l.Href {
			return list
		}
	}
	return append(list, l)
}

// best returns what was found, the page's main feed first: documents come in the page's own order
// but feeds of comments and formats that may be anything stand back.
func (d *discovery) best() []feed.Link {
	list := d.named
	if len(list) == 0 {
		list = d.linked
	}
	sort.SliceStable(list, func(i, j int) bool { return rank(list[i]) < rank(list[j]) })
	return list
}

func rank(l feed.Link) int {
	n := 0
	switch l.Type {
	case "application/json", "text/xml", "application/xml":
		n = 1 // may be an API's answer
	}
	if about := strings.ToLower(l.Href + " " + l.Title); strings.Contains(about, "comment") || strings.Contains(about, "kommentar") {
		n += 2
	}
	return n
}
