package parse

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/mmcdole/gofeed/json"
)

// jsonVersion is how the version of every JSON Feed begins.
const jsonVersion = "jsonfeed.org/version/"

// jsonSpace is the namespace under which members of a JSON Feed that have no field of their own
// are kept; the element's name is the member's and its content the JSON.
const jsonSpace = "https://jsonfeed.org/version/1.1"

// jsonReader reads one JSON Feed (version 1.1, https://www.jsonfeed.org/version/1.1/).
type jsonReader struct {
	resolver
	base   string
	mended *repairs
	slim   bytes.Buffer // what gofeed gets to read: known members, in the right types
	src    feed.Source
	items  []jsonItem
	most   int // items that are read
}

// jsonItem is what the scan itself found in one item.
type jsonItem struct {
	start, end int // its place in slim
	extra      []feed.Element
}

func readJSON(text string, o Options, mended *repairs) (*Document, error) {
	r := &jsonReader{mended: mended, base: o.URL, most: o.most()}
	if !hasScheme(r.base) {
		r.base = ""
	}
	top, whole := members(text)
	version, items, hasItems := "", "", false
	for _, m := range top {
		switch m.name {
		case "version":
			version = jsonString(m.value)
		case "items":
			items, hasItems = m.value, true
		}
	}
	_, number, ok := strings.Cut(version, jsonVersion)
	if !ok && hasItems && (version == "1" || version == "1.0" || version == "1.1") {
		mended.note("the version was no address")
		number, ok = version, true
	}
	if !ok && !whole && hasItems && version == "" && (hasMember(top, "feed_url") || hasMember(top, "home_page_url")) {
		number, ok = "1", true // the version was to come later
	}
	if !ok {
		return nil, fmt.Errorf("%w: it looks like JSON that does not say it is a JSON Feed", ErrNotFeed)
	}
	if !whole {
		mended.cutOff("the feed was cut off; its whole items were kept")
	}
	r.writeHead(top)
	if hasItems {
		r.writeItems(items)
	}
	r.slim.WriteString("]}")
	doc := &Document{Format: "JSON Feed " + strings.Trim(number, "/ ")}
	doc.Articles = r.join()
	doc.Source = r.src
	return doc, nil
}

// str writes a member that is a string, or a number meant as one, for gofeed. What is neither is
// left out.
func (r *jsonReader) str(name, v string) {
	if v == "" || v[0] == '"' {
		v = legalString(v)
	} else if v = jsonString(v); v != "" {
		r.mended.note(fmt.Sprintf("the member %q was a number and is a string", name))
		v = quote(v)
	}
	if v != "" && stdjson.Valid([]byte(v)) {
		r.member(name, v)
	}
}

// member writes a member whose value is ready.
func (r *jsonReader) member(name, v string) {
	if last := r.slim.Bytes(); last[len(last)-1] != '{' {
		r.slim.WriteByte(',')
	}
	r.slim.WriteString(`"` + name + `":`)
	r.slim.WriteString(v)
}

func quote(s string) string {
	b, err := stdjson.Marshal(s)
	if err != nil {
		return `""` // unreachable: every string can be marshalled
	}
	return string(b)
}

// persons writes authors: a list of objects, one object, or bare names.
func (r *jsonReader) persons(v string) {
	var list []string
	switch {
	case v == "" || v == "null":
		return
	case v[0] == '[':
		list = slices.Collect(elements(v))
	default:
		list = []string{v}
	}
	r.member("authors", "[")
	first := true
	for _, p := range list {
		if p[0] == '"' {
			r.mended.note("an author was a string and is an object")
			p = `{"name":` + legalString(p) + `}`
		}
		if p[0] != '{' || p == "null" {
			continue
		}
		if !first {
			r.slim.WriteByte(',')
		}
		first = false
		r.object(p, []string{"name", "url", "avatar"}, nil)
	}
	r.slim.WriteByte(']')
}

// object writes an object with its members of those names, as strings and as numbers.
func (r *jsonReader) object(v string, strs, numbers []string) {
	list, _ := members(v)
	r.slim.WriteByte('{')
	for _, m := range list {
		switch {
		case contains(strs, m.name):
			r.str(m.name, m.value)
		case contains(numbers, m.name):
			if n := strings.Trim(m.value, `"`); isNumber(n) {
				r.member(m.name, n)
			}
		}
	}
	r.slim.WriteByte('}')
}

// tags writes a list of strings, also where it is one string with commas.
func (r *jsonReader) tags(v string) {
	var list []string
	switch {
	case v != "" && v[0] == '[':
		for t := range elements(v) {
			list = append(list, jsonString(t))
		}
	case v != "" && v[0] == '"':
		r.mended.note("the tags were a string and are a list")
		list = strings.Split(jsonString(v), ",")
	}
	kept := make([]string, 0, len(list))
	for _, t := range list {
		if t = strings.TrimSpace(t); t != "" {
			kept = append(kept, quote(t))
		}
	}
	if len(kept) > 0 {
		r.member("tags", "["+strings.Join(kept, ",")+"]")
	}
}

// attachments writes a list of objects.
func (r *jsonReader) attachments(v string) {
	if v == "" || v[0] != '[' {
		return
	}
	r.member("attachments", "[")
	first := true
	for a := range elements(v) {
		if a[0] != '{' {
			continue
		}
		if !first {
			r.slim.WriteByte(',')
		}
		first = false
		r.object(a, []string{"url", "mime_type", "title"}, []string{"size_in_bytes", "duration_in_seconds"})
	}
	r.slim.WriteByte(']')
}

// unknownMember returns a member that has no field as it is kept.
func unknownMember(m member) feed.Element {
	return feed.Element{Space: jsonSpace, Name: m.name, Inner: escapeText(clean(m.value))}
}

func (r *jsonReader) writeHead(top []member) {
	r.slim.WriteByte('{')
	hasAuthors := hasMember(top, "authors")
	for _, m := range top {
		switch m.name {
		case "version", "items":
		case "title", "home_page_url", "feed_url", "description", "next_url", "icon", "favicon", "language":
			r.str(m.name, m.value)
		case "author":
			if !hasAuthors {
				r.persons(m.value)
			}
		case "authors":
			r.persons(m.value)
		case "hubs":
			for h := range elements(m.value) {
				hub, _ := members(h)
				l := feed.Link{Rel: "hub"}
				for _, m := range hub {
					if m.name == "url" {
						l.Href = r.absolute(r.base, jsonString(m.value))
					}
				}
				if l.Href != "" {
					r.src.Links = append(r.src.Links, l)
				}
			}
		default:
			r.src.Extra = append(r.src.Extra, unknownMember(m))
		}
	}
	r.member("items", "[")
}

func hasMember(list []member, name string) bool {
	for _, m := range list {
		if m.name == name && m.value != "null" {
			return true
		}
	}
	return false
}

func (r *jsonReader) writeItems(v string) {
	for item := range elements(v) {
		if len(r.items) >= r.most {
			r.mended.note(tooMany(r.most))
			break
		}
		if item[0] != '{' {
			r.mended.note("an item was no object and was left out")
			continue
		}
		list, _ := members(item)
		if len(r.items) > 0 {
			r.slim.WriteByte(',')
		}
		it := jsonItem{start: r.slim.Len()}
		r.slim.WriteByte('{')
		hasAuthors := hasMember(list, "authors")
		for _, m := range list {
			switch m.name {
			case "id", "url", "external_url", "title", "content_html", "content_text", "summary", "image",
				"banner_image", "date_published", "date_modified", "language":
				r.str(m.name, m.value)
			case "author":
				if !hasAuthors {
					r.persons(m.value)
				}
			case "authors":
				r.persons(m.value)
			case "tags":
				r.tags(m.value)
			case "attachments":
				r.attachments(m.value)
			default:
				it.extra = append(it.extra, unknownMember(m))
			}
		}
		r.slim.WriteByte('}')
		it.end = r.slim.Len()
		r.items = append(r.items, it)
	}
}

// typedJSON has gofeed read a JSON Feed.
func typedJSON(doc []byte) (f *json.Feed, err error) {
	defer recovered(&err)
	return (&json.Parser{}).Parse(bytes.NewReader(doc))
}

// join has gofeed read the slim document, item by item if it must be.
func (r *jsonReader) join() []feed.Article {
	doc := r.slim.Bytes()
	f, err := typedJSON(doc)
	if err != nil || len(f.Items) != len(r.items) {
		f = r.oneByOne(doc)
	}
	r.joinHead(f)
	articles := make([]feed.Article, 0, len(r.items))
	for i, item := range f.Items {
		if item != nil {
			articles = append(articles, r.article(item, r.items[i].extra))
		}
	}
	return articles
}

func (r *jsonReader) oneByOne(doc []byte) *json.Feed {
	end := len(doc)
	if len(r.items) > 0 {
		end = r.items[0].start
	}
	head := append([]byte(nil), doc[:end]...)
	if len(r.items) > 0 {
		head = append(head, "]}"...)
	}
	all, err := typedJSON(head)
	if err != nil {
		r.mended.note("the head of the feed could not be read")
		all = &json.Feed{}
	}
	all.Items = nil
	for i, it := range r.items {
		one := append([]byte(`{"items":[`), doc[it.start:it.end]...)
		f, err := typedJSON(append(one, "]}"...))
		if err != nil || len(f.Items) != 1 {
			r.mended.note(fmt.Sprintf("item %d could not be read", i+1))
			all.Items = append(all.Items, nil)
			continue
		}
		all.Items = append(all.Items, f.Items[0])
	}
	return all
}

func (r *jsonReader) joinHead(f *json.Feed) {
	s := &r.src
	s.Title = clean(oneLine(f.Title))
	s.Description = clean(oneLine(f.Description))
	s.Home = clean(r.absolute(r.base, f.HomePageURL))
	s.Language = clean(strings.TrimSpace(f.Language))
	s.Authors = r.people(f.Authors)
	if s.Image = clean(r.absolute(r.base, f.Icon)); s.Image == "" {
		s.Image = clean(r.absolute(r.base, f.Favicon))
	}
	for _, l := range []feed.Link{{Rel: "self", Href: f.FeedURL}, {Rel: "next", Href: f.NextURL}} {
		if l.Href = clean(r.absolute(r.base, l.Href)); l.Href != "" {
			s.Links = append(s.Links, l)
		}
	}
	if r.base == "" {
		r.base = firstText(s.Home)
	}
}

func (r *jsonReader) people(authors []*json.Author) (list []feed.Person) {
	for _, a := range authors {
		if a != nil {
			list = addPerson(list, feed.Person{Name: clean(oneLine(a.Name)), URI: clean(r.absolute(r.base, a.URL))})
		}
	}
	return list
}

func (r *jsonReader) article(item *json.Item, extra []feed.Element) feed.Article {
	a := feed.Article{
		GUID:     clean(strings.TrimSpace(item.ID)),
		Link:     clean(r.absolute(r.base, item.URL)),
		Title:    clean(oneLine(item.Title)),
		Authors:  r.people(item.Authors),
		Language: firstText(clean(item.Language), r.src.Language),
		Extra:    extra,
	}
	if len(a.Authors) == 0 { // version 1.1: the feed's authors are the item's
		a.Authors = append(a.Authors, r.src.Authors...)
	}
	a.Published = r.date(item.DatePublished)
	a.Updated = r.date(item.DateModified)
	base := firstText(a.Link, r.src.Home, r.base)
	a.Summary = escapeText(clean(strings.TrimSpace(item.Summary)))
	if item.ContentHTML != "" {
		a.Content = clean(strings.TrimSpace(r.resolveHTML(item.ContentHTML, base)))
	} else {
		a.Content = paragraphs(clean(item.ContentText))
	}
	if x := clean(r.absolute(r.base, item.ExternalURL)); x != "" {
		if a.Link == "" {
			a.Link = x
		} else {
			a.Links = append(a.Links, feed.Link{Rel: "related", Href: x})
		}
	}
	for _, t := range item.Tags {
		if t = clean(oneLine(t)); t != "" {
			a.Tags = append(a.Tags, feed.Tag{Term: t})
		}
	}
	for _, image := range []string{item.Image, item.BannerImage} {
		if image = clean(r.absolute(r.base, image)); image != "" && (len(a.Images) == 0 || a.Images[0].URL != image) {
			a.Images = append(a.Images, feed.Image{URL: image})
		}
	}
	if item.Attachments != nil {
		for _, x := range *item.Attachments {
			addEnclosure(&a, feed.Enclosure{
				URL: clean(r.absolute(r.base, x.URL)), Type: clean(x.MimeType), Title: clean(oneLine(x.Title)),
				Length:   max(x.SizeInBytes, 0),
				Duration: time.Duration(min(max(x.DurationInSeconds, 0), maxSeconds)) * time.Second,
			})
		}
	}
	return a
}

func (r *jsonReader) date(s string) time.Time {
	if s = strings.TrimSpace(s); s == "" {
		return time.Time{}
	}
	t, ok := parseDate(s)
	if !ok {
		r.mended.note(fmt.Sprintf("the date %q could not be read", cut(clean(s), 60)))
	}
	return t
}

// paragraphs returns plain text whose line breaks mean something as HTML.
func paragraphs(text string) string {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	if !strings.Contains(text, "\n") {
		return escapeText(text)
	}
	var b strings.Builder
	for _, p := range strings.Split(text, "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			b.WriteString("<p>" + strings.ReplaceAll(escapeText(p), "\n", "<br>\n") + "</p>\n")
		}
	}
	return strings.TrimSpace(b.String())
}
