package render

import (
	"cmp"
	"slices"
	"strings"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/markup"
)

// Describe says of the document what a publisher says of a feed. It is for a document whose articles
// all come from that source; one of several sources has nobody to speak for it.
//
// What ties the publisher's own document to its address stays behind: its id and title, its hub, its
// archive and self links, itunes:new-feed-url, and how often to ask for it (ttl, skipHours, cloud).
func (d *Document) Describe(s *feed.Source) {
	d.Subtitle = cmp.Or(line(s.Description), d.Subtitle)
	d.Language = cmp.Or(languageTag(s.Language), d.Language)
	d.Rights = cmp.Or(line(s.Rights), d.Rights)
	d.Logo = markup.URL(s.Image, s.Home)
	d.Authors, d.Categories, d.Extra = s.Authors, s.Categories, s.Extra
	links := slices.Clone(d.Links)
	if s.Home != "" {
		links = append(links, feed.Link{Rel: "via", Href: s.Home, Type: "text/html"})
	}
	for _, l := range s.Links {
		switch rel := entryRel(l.Rel); rel {
		case "license", "payment", "related", "via", "describedby":
			l.Rel, l.Href = rel, markup.URL(l.Href, cmp.Or(s.Home, s.URL))
			links = append(links, l)
		}
	}
	d.Links = links
}

// channel is what a document says of its feed beyond the fields of every feed.
type channel struct {
	authors      []atomPerson
	contributors []atomPerson
	categories   []feed.Tag
	extra        []node
}

func newChannel(d *Document) channel {
	c := channel{authors: persons(d.Authors), categories: tags(d.Categories, nil)}
	rules := vocabulary{channel: true, base: d.Home, once: make(map[string]bool)}
	for i := range d.Extra {
		n, ok := parseElement(&d.Extra[i])
		switch {
		case !ok:
		case n.space == nsAtom && n.name == "contributor":
			c.contributors = append(c.contributors, persons([]feed.Person{n.person()})...)
		case rules.admit(&n):
			c.extra = append(c.extra, n)
		}
	}
	return c
}

// elements returns the extension elements under the prefixes of a document.
func (c *channel) elements(spaces *namespaces) []rawElement {
	var list []rawElement
	for i := range c.extra {
		list = append(list, c.extra[i].raw(spaces))
	}
	return list
}

// person reads an Atom person (RFC 4287 §3.2).
func (n *node) person() feed.Person {
	var p feed.Person
	for i := range n.kids {
		switch kid := &n.kids[i]; kid.name {
		case "name":
			p.Name = kid.content()
		case "uri", "url":
			p.URI = kid.content()
		case "email":
			p.Email = kid.content()
		}
	}
	return p
}

// itunesChannel holds an element of a channel to Apple's rules. It reports false also for what only
// the publisher's own document can say (new-feed-url, complete, a title beside the title).
func (v *vocabulary) itunesChannel(n *node) bool {
	text := n.content()
	switch n.name {
	case "category":
		return v.itunesCategory(n)
	case "owner":
		return v.itunesOwner(n)
	case "type":
		n.attrs = nil
		text = strings.ToLower(text)
		return (text == "episodic" || text == "serial") && n.set(text) && v.first("itunes", n)
	case "author", "block", "explicit", "image", "keywords", "subtitle", "summary":
		return v.itunes(n) && v.first("itunes", n)
	}
	return false
}

// itunesCategory lets through a category that Apple's directory has or had, with its parts.
func (v *vocabulary) itunesCategory(n *node) bool {
	name, parts := itunesCategory(n.attr("text"))
	if name == "" {
		return false
	}
	kids := n.kids[:0]
	for _, kid := range n.kids {
		if knownSpace(kid.space) != nsITunes || kid.name != "category" {
			continue
		}
		if i := slices.IndexFunc(parts, func(p string) bool { return strings.EqualFold(p, line(kid.attr("text"))) }); i >= 0 {
			kids = append(kids, node{space: nsITunes, name: "category", attrs: []nodeAttr{{name: "text", value: parts[i]}}})
		}
	}
	n.kids, n.attrs = kids, []nodeAttr{{name: "text", value: name}}
	return true
}

// itunesCategory returns a category in Apple's spelling and the categories within it; "" for none.
func itunesCategory(text string) (name string, parts []string) {
	for entry := range strings.SplitSeq(itunesCategories, "\n") {
		name, list, _ := strings.Cut(entry, ":")
		if name != "" && strings.EqualFold(name, line(text)) {
			return name, strings.Split(list, "|")
		}
	}
	return "", nil
}

// itunesOwner lets through name and address; without an address there is no owner.
func (v *vocabulary) itunesOwner(n *node) bool {
	var name, address string
	for i := range n.kids {
		kid := &n.kids[i]
		switch kid.name {
		case "name":
			name = cmp.Or(name, cut(line(kid.content()), 250))
		case "email":
			address = cmp.Or(address, email(kid.content()))
		}
	}
	if address == "" {
		return false
	}
	n.attrs, n.kids = nil, nil
	for _, kid := range []struct{ name, text string }{{"name", name}, {"email", address}} {
		if kid.text != "" {
			n.kids = append(n.kids, node{space: nsITunes, name: kid.name, kids: []node{{text: kid.text}}})
		}
	}
	return v.first("itunes", n)
}

// itunesCategories are the categories of Apple's directory, those of today and those that it had
// before 2019, with what is within each.
const itunesCategories = `
Arts:Books|Design|Fashion & Beauty|Food|Performing Arts|Visual Arts|Literature
Business:Careers|Entrepreneurship|Investing|Management|Marketing|Non-Profit|Finance|Management & Marketing|News|Shopping
Comedy:Comedy Interviews|Improv|Stand-Up
Education:Courses|How To|Language Learning|Self-Improvement|Education Technology|Higher Education|K-12|Language Courses|Training
Fiction:Comedy Fiction|Drama|Science Fiction
Government:
Health & Fitness:Alternative Health|Fitness|Medicine|Mental Health|Nutrition|Sexuality
History:
Kids & Family:Education for Kids|Parenting|Pets & Animals|Stories for Kids
Leisure:Animation & Manga|Automotive|Aviation|Crafts|Games|Hobbies|Home & Garden|Video Games
Music:Music Commentary|Music History|Music Interviews
News:Business News|Daily News|Entertainment News|News Commentary|Politics|Sports News|Tech News
Religion & Spirituality:Buddhism|Christianity|Hinduism|Islam|Judaism|Spirituality|New Age|Philosophy|Other
Science:Astronomy|Chemistry|Earth Sciences|Life Sciences|Mathematics|Natural Sciences|Nature|Physics|Social Sciences
Society & Culture:Documentary|Personal Journals|Philosophy|Places & Travel|Relationships|History
Sports:Baseball|Basketball|Cricket|Fantasy Sports|Football|Golf|Hockey|Rugby|Running|Soccer|Swimming|Tennis|Volleyball|Wilderness|Wrestling
TV & Film:After Shows|Film History|Film Interviews|Film Reviews|TV Reviews
Technology:Computers|Developers|Gadgets|Information Technology|News|Operating Systems|Podcasting|Smart Phones|Software How-To|Tech News|Text/Speech
True Crime:
Arts & Entertainment:Architecture|Design|Entertainment|Games|Performing Arts|Photography|Poetry|Science Fiction
Audio Blogs:
Family:
Food:
Games & Hobbies:Automotive|Aviation|Hobbies|Other Games|Video Games
Government & Organizations:Local|National|Non-Profit|Regional
Health:Alternative Health|Diet & Nutrition|Fitness|Fitness & Nutrition|Relationships|Self-Help|Sexuality
International:Australian|Belgian|Brazilian|Canadian|Chinese|Dutch|French|German|Hebrew|Italian|Japanese|Norwegian|Polish|Portuguese|Spanish|Swedish
Movies & Television:
News & Politics:
Politics:
Public Radio:
Science & Medicine:Medicine|Natural Sciences|Social Sciences
Sports & Recreation:Amateur|College & High School|Outdoor|Professional
Talk Radio:
Transportation:Automotive|Aviation|Bicycles|Commuting
Travel:`
