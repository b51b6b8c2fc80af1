package parse

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/mmcdole/gofeed/rss"
)

// rssChild reads one child of an RSS item: into the slim document what gofeed reads, into the
// entry all else.
func (r *reader) rssChild(e *entry, el *element) {
	if el.space.kind != native {
		r.foreignChild(e, el)
		return
	}
	a := e.article
	switch el.local() {
	case "title":
		if r.slim.text("title", el.inner) {
			e.titleType = markup
		}
	case "link":
		if rel := el.attr("rel"); rel == "" || relation(rel) == "" || !r.atomInRSS(e, el) {
			r.rssLink(el)
		}
	case "description":
		if len(el.inner) > fullText {
			a.Summary, _ = characterData(el.inner)
		} else {
			r.slim.text("description", el.inner)
		}
	case "guid":
		r.slim.open("guid")
		for _, name := range []string{"isPermaLink", "isPermalink", "ispermalink"} {
			if v, ok := el.lookup(name); ok {
				r.slim.attr("isPermaLink", strings.ToLower(strings.TrimSpace(v)))
				break
			}
		}
		r.slim.to.put('>')
		r.slim.data(el.inner)
		r.slim.end("guid")
	case "category":
		r.slim.open("category")
		r.slim.attr("domain", el.attr("domain"))
		r.slim.to.put('>')
		r.slim.data(el.inner)
		r.slim.end("category")
	case "enclosure":
		r.slim.open("enclosure")
		url := el.attr("url")
		if url == "" {
			url = el.attr("href")
		}
		r.slim.attr("url", r.own(el, url))
		r.slim.attr("type", el.attr("type"))
		r.slim.attr("length", el.attr("length"))
		r.slim.to.add("/>")
	case "source":
		r.slim.open("source")
		r.slim.attr("url", r.own(el, el.attr("url")))
		r.slim.to.put('>')
		r.slim.data(el.inner)
		r.slim.end("source")
	case "comments":
		r.slim.text("comments", el.inner)
	case "pubDate", "pubdate", "PubDate":
		r.date(&a.Published, el.inner)
	case "author":
		r.rssAuthor(e, el)
	default:
		r.rssOddity(e, el)
	}
}

// fullText is from which length, in bytes, a description is a full text in all but name, and taken
// as one.
const fullText = 2048

// rssOddity reads native children that RSS does not know but publishers write.
func (r *reader) rssOddity(e *entry, el *element) {
	a := e.article
	switch local := el.local(); strings.ToLower(local) {
	case "title", "link", "description", "guid", "category", "enclosure", "source", "comments", "author":
		if lower := strings.ToLower(local); lower != local {
			el.name = lower
			r.rssChild(e, el)
			return
		}
		e.keep(el)
	case "pubdate", "published", "date":
		r.date(&a.Published, el.inner)
	case "categories": // with the categories inside
		kept := false
		eachChild(el.inner, func(t tag, inner string) {
			if strings.EqualFold(t.local(), "category") {
				kept = true
				r.rssChild(e, &element{tag: t, inner: inner, space: el.space, scope: el.scope})
			}
		})
		if !kept {
			e.keep(el)
		}
	case "tags", "keywords":
		e.keywords(el.inner)
		e.keep(el)
	case "updated", "modified", "lastmod":
		r.date(&a.Updated, el.inner)
	case "id":
		if text, _ := characterData(el.inner); a.GUID == "" {
			a.GUID = strings.TrimSpace(text)
			return
		}
		e.keep(el)
	case "summary":
		if text, _ := characterData(el.inner); e.otherSummary == "" {
			e.otherSummary = text
			return
		}
		e.keep(el)
	case "encoded", "content", "fullitem", "body":
		if text, _ := characterData(el.inner); text != "" && a.Content == "" {
			a.Content = text
			return
		}
		e.keep(el)
	default:
		e.keep(el)
	}
}

// rssLink writes an RSS link, whose address may also stand in an attribute.
func (r *reader) rssLink(el *element) {
	if strings.TrimSpace(el.inner) == "" {
		if href := el.attr("href"); href != "" {
			el.inner = escapeText(href)
		}
	}
	if base := el.attr("xml:base"); base != "" {
		text, _ := characterData(el.inner)
		el.inner = escapeText(r.own(el, text))
	}
	r.slim.text("link", el.inner)
}

// own resolves an address against the xml:base of the very element it stands in.
func (r *reader) own(el *element, address string) string {
	if base := el.attr("xml:base"); base != "" {
		return r.absolute(r.join(r.base, base), address)
	}
	return address
}

func (r *reader) rssAuthor(e *entry, el *element) {
	if strings.Contains(el.inner, "<") && strings.Contains(el.inner, "</name>") {
		e.addAuthor(personElement(el.inner))
		return
	}
	text, _ := characterData(el.inner)
	e.addAuthor(personText(text))
}

// date reads a date into to unless it holds one already.
func (r *reader) date(to *time.Time, inner string) {
	text, _ := characterData(inner)
	if text = strings.TrimSpace(text); text == "" {
		return
	}
	t, ok := parseDate(text)
	if !ok {
		r.mended.note(fmt.Sprintf("the date %q could not be read", cut(text, 60)))
		return
	}
	if to.IsZero() {
		*to = t
	}
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// addAuthor adds an author who is not yet named.
func (e *entry) addAuthor(p feed.Person) { e.article.Authors = addPerson(e.article.Authors, p) }

func addPerson(list []feed.Person, p feed.Person) []feed.Person {
	if p == (feed.Person{}) || len(list) >= maxChildren {
		return list
	}
	for i, have := range list {
		if have == p || have.Name == p.Name && p.Name != "" && (p.Email == "" || have.Email == "") && p.URI == "" {
			if have.Email == "" {
				list[i].Email = p.Email
			}
			return list
		}
	}
	return append(list, p)
}

// joinRSS has gofeed read the slim document and adds what it says to what the scan found.
func (r *reader) joinRSS() {
	head, items := r.slim.head.String(), r.slim.items.String()
	typed, err := typedRSS(r.slim.document(head, items))
	if err != nil || len(typed.Items) != len(r.entries) {
		typed = r.rssOneByOne(head, items)
	}
	r.joinRSSHead(typed)
	for i, item := range typed.Items {
		r.joinRSSItem(&r.entries[i], item)
	}
}

// rssOneByOne reads head and items each for itself, so that one which gofeed cannot read costs no
// other. Of such an item what the scan found is
// still kept.
func (r *reader) rssOneByOne(head, items string) *rss.Feed {
	all, err := typedRSS(r.slim.document(head, ""))
	if err != nil {
		r.mended.note("the head of the feed could not be read")
		all = &rss.Feed{}
	}
	all.Items = nil
	for i := range r.entries {
		e := &r.entries[i]
		item := &rss.Item{}
		if one, err := typedRSS(r.slim.document("", items[e.start:e.end])); err == nil && len(one.Items) == 1 {
			item = one.Items[0]
		} else {
			r.mended.note(fmt.Sprintf("item %d could be read only in part", i+1))
		}
		all.Items = append(all.Items, item)
	}
	return all
}

func (r *reader) joinRSSItem(e *entry, item *rss.Item) {
	a := e.article
	base := r.linkBase(e.base)
	a.Title = plainText(item.Title, e.titleType)
	if a.Title == "" {
		a.Title = e.otherTitle
	}
	r.rssItemLinks(a, item, base)
	if item.Source != nil {
		a.Origin = feed.Origin{Title: plainText(item.Source.Title, unsaid), URL: r.absolute(base, item.Source.URL)}
	}
	tags := make([]feed.Tag, 0, len(item.Categories)+len(a.Tags))
	for _, c := range item.Categories {
		if term := plainText(c.Value, unsaid); term != "" {
			tags = append(tags, feed.Tag{Term: term, Scheme: strings.TrimSpace(c.Domain)})
		}
	}
	a.Tags = distinct(append(tags, a.Tags...))
	r.rssEnclosures(a, item, base)
	a.Summary = strings.TrimSpace(firstText(item.Description, a.Summary))
	if len(a.Authors) == 0 && e.otherAuthor != "" {
		e.addAuthor(personText(e.otherAuthor))
	}
	r.finish(e)
}

// rssItemLinks settles guid and link. A guid that is a permalink stands in for a missing link.
func (r *reader) rssItemLinks(a *feed.Article, item *rss.Item, base string) {
	for _, l := range item.Links {
		l = r.absolute(base, oneLine(l))
		switch {
		case l == "" || l == a.Link:
		case a.Link == "":
			a.Link = l
		default:
			a.Links = append(a.Links, feed.Link{Href: l})
		}
	}
	if item.GUID != nil {
		if guid := strings.TrimSpace(item.GUID.Value); guid != "" {
			a.GUID = guid
			a.PermaLink = item.GUID.IsPermalink == "true" && isWeb(guid)
		}
	}
	if a.Link == "" && a.PermaLink {
		a.Link = a.GUID
	}
	if c := r.absolute(base, oneLine(item.Comments)); c != "" {
		a.Links = append(a.Links, feed.Link{Href: c, Rel: "replies", Type: "text/html"})
	}
}

func isWeb(s string) bool {
	return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
}

// rssEnclosures puts the enclosures in front of those that the media extension names, once each.
func (r *reader) rssEnclosures(a *feed.Article, item *rss.Item, base string) {
	if len(item.Enclosures) == 0 {
		return
	}
	more := a.Enclosures
	a.Enclosures = make([]feed.Enclosure, 0, len(item.Enclosures)+len(more))
	for _, x := range item.Enclosures {
		addEnclosure(a, feed.Enclosure{
			URL: r.absolute(base, x.URL), Type: strings.TrimSpace(x.Type), Length: size(x.Length),
		})
	}
	for _, x := range more {
		addEnclosure(a, x)
	}
}

// addEnclosure adds an enclosure, or what it knows to the one of the same address.
func addEnclosure(a *feed.Article, x feed.Enclosure) {
	if x.URL == "" || len(a.Enclosures) >= maxChildren {
		return
	}
	for i := range a.Enclosures {
		if have := &a.Enclosures[i]; have.URL == x.URL {
			if have.Type == "" {
				have.Type = x.Type
			}
			if have.Length == 0 {
				have.Length = x.Length
			}
			if have.Title == "" {
				have.Title = x.Title
			}
			if have.Duration == 0 {
				have.Duration = x.Duration
			}
			return
		}
	}
	a.Enclosures = append(a.Enclosures, x)
}

// size reads a length in bytes; 0 for what is none.
func size(s string) int64 {
	n, err := strconv.ParseInt(strings.ReplaceAll(strings.TrimSpace(s), ",", ""), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// finish settles what needs the whole article: its language, and the addresses in its texts.
func (r *reader) finish(e *entry) {
	a := e.article
	if a.Language == "" {
		a.Language = r.src.Language
	}
	if a.Summary == "" && a.Content == "" {
		a.Summary = strings.TrimSpace(e.otherSummary)
	}
	if r.twice {
		r.decodeTwice(a)
	}
	base := r.xmlBase(e.base)
	for _, other := range []string{a.Link, r.src.Home, r.url} {
		if base == "" && hasScheme(other) {
			base = other
		}
	}
	a.Summary = r.resolveHTML(a.Summary, base)
	if e.contentBase != "" {
		base = e.contentBase
	}
	a.Content = strings.TrimSpace(r.resolveHTML(a.Content, base))
}

// distinct takes out repetitions, in place; nil for no tags.
func distinct(tags []feed.Tag) []feed.Tag {
	kept := tags[:0]
next:
	for _, t := range tags {
		for _, have := range kept {
			if have == t || have.Term == t.Term && t.Scheme == "" && t.Label == "" {
				continue next
			}
		}
		kept = append(kept, t)
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}

// linkBase returns what links are resolved against.
func (r *reader) linkBase(base string) string {
	if base != "" {
		return base
	}
	return r.src.Home
}
