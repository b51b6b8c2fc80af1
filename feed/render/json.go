package render

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/feeds"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/markup"
)

type jsonFeed struct {
	feeds.JSONFeed
	Hubs      []*feeds.JSONHub   `json:"hubs,omitempty"`
	Backissue *jsonFeedExtension `json:"_backissue,omitempty"`
	XML       *jsonXML           `json:"_xml,omitempty"`
	Items     []any              `json:"items"` // each a jsonItem, with members added or without; there even where empty

	members []jsonMember
}

// ToJSON hides the embedded method, which would write the embedded feed alone.
func (f *jsonFeed) ToJSON() (string, error) {
	var b strings.Builder
	err := f.encode(&b)
	return b.String(), err
}

func (f *jsonFeed) encode(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if len(f.members) > 0 {
		return e.Encode(extended{f.plain(), f.members})
	}
	return e.Encode(f.plain())
}

// plain hides the methods of the feed.
func (f *jsonFeed) plain() any {
	type plain jsonFeed
	return (*plain)(f)
}

// jsonFeedExtension is what JSON Feed has no words for in a feed as a whole.
type jsonFeedExtension struct {
	About        string                     `json:"about"`
	Rights       string                     `json:"rights,omitempty"`
	Categories   []string                   `json:"categories,omitempty"`
	Contributors []jsonPerson               `json:"contributors,omitempty"`
	Links        []jsonLink                 `json:"links,omitempty"`
	Members      map[string]json.RawMessage `json:"members,omitempty"` // that JSON Feed does not allow
}

type jsonItem struct {
	feeds.JSONItem
	BannerImage string           `json:"banner_image,omitempty"`
	Published   string           `json:"date_published,omitempty"`
	Modified    string           `json:"date_modified,omitempty"`
	Attachments []jsonAttachment `json:"attachments,omitempty"`
	Language    string           `json:"language,omitempty"`
	Backissue   jsonExtension    `json:"_backissue"`
	XML         *jsonXML         `json:"_xml,omitempty"`
}

type jsonAttachment struct {
	URL      string  `json:"url"`
	Type     string  `json:"mime_type"`
	Title    string  `json:"title,omitempty"`
	Size     int64   `json:"size_in_bytes,omitempty"`
	Duration float64 `json:"duration_in_seconds,omitempty"`
}

// jsonExtension is what JSON Feed has no words for (JSON Feed 1.1, "Extensions").
type jsonExtension struct {
	About        string                     `json:"about"`
	ID           feed.ID                    `json:"id,omitempty"`
	Revision     int                        `json:"revision,omitempty"`
	GUID         string                     `json:"guid,omitempty"`
	Link         string                     `json:"link,omitempty"` // where it is none of the web
	Kicker       string                     `json:"kicker,omitempty"`
	TitleCut     bool                       `json:"title_cut,omitempty"`
	Dateline     *jsonDateline              `json:"dateline,omitempty"`
	Images       []jsonImage                `json:"images,omitempty"`
	PermaLink    bool                       `json:"perma_link,omitempty"`    // id is the article's address
	Modified     string                     `json:"date_modified,omitempty"` // where it is before date_published
	Authors      []jsonPerson               `json:"authors,omitempty"`       // where one has more than a name and an address
	Contributors []jsonPerson               `json:"contributors,omitempty"`
	Tags         []jsonTag                  `json:"tags,omitempty"` // where one has more than a word
	Links        []jsonLink                 `json:"links,omitempty"`
	Related      []jsonRelated              `json:"related,omitempty"`
	Rights       string                     `json:"rights,omitempty"`
	Source       *jsonSource                `json:"source,omitempty"`
	Members      map[string]json.RawMessage `json:"members,omitempty"` // that JSON Feed does not allow
}

type jsonPerson struct {
	Name  string `json:"name"`
	URL   string `json:"url,omitempty"`
	Email string `json:"email,omitempty"`
}

type jsonTag struct {
	Term   string `json:"term"`
	Scheme string `json:"scheme,omitempty"`
	Label  string `json:"label,omitempty"`
}

type jsonDateline struct {
	Place  string `json:"place,omitempty"`
	Agency string `json:"agency,omitempty"`
}

type jsonImage struct {
	URL     string `json:"url,omitempty"`
	Caption string `json:"caption,omitempty"`
	Cut     bool   `json:"caption_cut,omitempty"`
}

type jsonLink struct {
	URL      string `json:"url"`
	Rel      string `json:"rel,omitempty"`
	Type     string `json:"mime_type,omitempty"`
	Language string `json:"language,omitempty"`
	Title    string `json:"title,omitempty"`
}

type jsonRelated struct {
	Kicker string   `json:"kicker,omitempty"`
	Title  string   `json:"title,omitempty"`
	Teaser string   `json:"teaser,omitempty"`
	URL    string   `json:"url,omitempty"`
	Tags   []string `json:"tags,omitempty"`
}

type jsonSource struct {
	ID     string   `json:"id,omitempty"`
	Title  string   `json:"title,omitempty"`
	URL    string   `json:"url,omitempty"`
	Home   string   `json:"home_page_url,omitempty"`
	Rights string   `json:"rights,omitempty"`
	XML    *jsonXML `json:"_xml,omitempty"`
}

// aboutExtension says where the members of _backissue are explained.
const aboutExtension = "https://github.com/backissue/backissue"

func writeJSON(w io.Writer, d *Document) error {
	f := &jsonFeed{
		JSONFeed: feeds.JSONFeed{
			Version:     "https://jsonfeed.org/version/1.1",
			Title:       feedTitle(d),
			Language:    languageTag(d.Language),
			HomePageUrl: web(markup.URL(d.Home, "")),
			FeedUrl:     web(markup.URL(d.Self, "")),
			Description: line(d.Subtitle),
			NextUrl:     web(markup.URL(d.NextURL, d.Self)),
			Icon:        cmp.Or(web(markup.URL(d.Logo, "")), web(markup.URL(d.Icon, ""))),
			Authors:     jsonAuthors(d.Authors),
		},
		Items: []any{},
	}
	if d.Logo != "" {
		f.Favicon = web(markup.URL(d.Icon, ""))
	}
	f.describe(d)
	if f.NextUrl == f.FeedUrl {
		f.NextUrl = ""
	}
	for _, l := range d.Links {
		if u := web(markup.URL(l.Href, d.Self)); u != "" && strings.EqualFold(l.Rel, "hub") {
			f.Hubs = append(f.Hubs, &feeds.JSONHub{Type: "WebSub", Url: u})
		}
	}
	for _, e := range entries(d, d.identity) {
		members, odd := jsonMembers(e.Extra)
		x := newJSONItem(&e)
		x.Backissue.Members = odd
		if len(members) > 0 {
			f.Items = append(f.Items, extended{x, members})
		} else {
			f.Items = append(f.Items, x)
		}
	}
	var b bytes.Buffer
	if err := f.encode(&b); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// describe sets what a publisher says of the feed as a whole.
func (f *jsonFeed) describe(d *Document) {
	c := newChannel(d)
	x := jsonFeedExtension{About: aboutExtension, Rights: line(d.Rights)}
	for _, t := range c.categories {
		x.Categories = append(x.Categories, t.String())
	}
	x.Contributors = jsonPersons(c.contributors)
	for _, l := range d.Links {
		switch strings.ToLower(l.Rel) {
		case "license", "payment", "related", "via", "describedby":
			if u := markup.URL(l.Href, d.Self); u != "" {
				x.Links = append(x.Links, jsonLink{u, l.Rel, mediaType(l.Type, "", ""), languageTag(l.Hreflang), line(l.Title)})
			}
		}
	}
	f.XML = newJSONXML(c.extra)
	f.members, x.Members = jsonMembers(d.Extra)
	if x.Rights != "" || x.Categories != nil || x.Contributors != nil || x.Links != nil || x.Members != nil {
		f.Backissue = &x
	}
}

func newJSONItem(e *entry) jsonItem {
	x := jsonItem{
		JSONItem: feeds.JSONItem{
			Id:          e.key,
			Url:         cmp.Or(web(e.link), web(e.page)),
			Title:       e.headline,
			ContentHTML: cmp.Or(e.content, e.summary),
			Summary:     line(markup.Text(e.summary)),
			Authors:     jsonAuthors(e.Authors),
		},
		Published: rfc3339(e.published()),
		Language:  e.language,
		Backissue: newJSONExtension(e),
		XML:       newJSONXML(e.nodes()),
	}
	if m := e.modified(); !m.Before(e.published()) {
		x.Modified = rfc3339(m)
	} else {
		x.Backissue.Modified = rfc3339(m)
	}
	if x.ContentHTML == "" {
		x.ContentText = e.title()
	}
	for _, t := range e.tags {
		x.Tags = append(x.Tags, t.String())
	}
	for _, img := range e.Images {
		if x.Image = web(markup.URL(img.URL, e.Link)); x.Image != "" {
			break
		}
	}
	for _, enc := range e.Enclosures {
		if u := web(markup.URL(enc.URL, e.Link)); u != "" {
			x.Attachments = append(x.Attachments, jsonAttachment{
				URL:      u,
				Type:     mediaType(enc.Type, u, "application/octet-stream"),
				Title:    line(enc.Title),
				Size:     max(0, enc.Length),
				Duration: max(0, enc.Duration.Round(time.Millisecond).Seconds()),
			})
		}
	}
	return x
}

func jsonAuthors(people []feed.Person) []*feeds.JSONAuthor {
	var list []*feeds.JSONAuthor
	for _, p := range persons(people) {
		a := &feeds.JSONAuthor{Name: p.Name, Url: web(p.URI)}
		if _, ok := cutPrefixFold(p.URI, "mailto:"); ok {
			a.Url = p.URI
		}
		if a.Url == "" && p.Email != "" {
			a.Url = markup.URL("mailto:"+p.Email, "")
		}
		list = append(list, a)
	}
	return list
}

func newJSONExtension(e *entry) jsonExtension {
	x := jsonExtension{
		About:        aboutExtension,
		ID:           e.ID,
		Revision:     e.Revision,
		GUID:         e.guid,
		Kicker:       line(e.Kicker),
		TitleCut:     e.TitleCut,
		PermaLink:    e.permaLink(),
		Contributors: jsonPersons(persons(e.Contributors)),
		Rights:       line(e.Rights),
	}
	if web(e.link) == "" {
		x.Link = e.link
	}
	if d := (jsonDateline{line(e.Dateline.Place), line(e.Dateline.Agency)}); d != (jsonDateline{}) {
		x.Dateline = &d
	}
	for _, img := range e.Images {
		i := jsonImage{markup.URL(img.URL, e.Link), line(img.Caption), img.Cut}
		if i.URL != "" || i.Caption != "" {
			x.Images = append(x.Images, i)
		}
	}
	for _, l := range e.Links {
		if u := markup.URL(l.Href, e.Link); u != "" {
			x.Links = append(x.Links, jsonLink{u, line(l.Rel), mediaType(l.Type, "", ""), languageTag(l.Hreflang), line(l.Title)})
		}
	}
	for _, enc := range e.Enclosures {
		if u := markup.URL(enc.URL, e.Link); u != "" && web(u) == "" {
			x.Links = append(x.Links, jsonLink{u, "enclosure", mediaType(enc.Type, u, ""), "", line(enc.Title)})
		}
	}
	for _, r := range e.Related {
		j := jsonRelated{line(r.Kicker), line(r.Title), line(r.Teaser), markup.URL(r.Link, e.Link), nil}
		for _, t := range r.Tags {
			if t = line(t); t != "" {
				j.Tags = append(j.Tags, t)
			}
		}
		x.Related = append(x.Related, j)
	}
	x.Source = newJSONSource(&e.Origin)
	authors := persons(e.Authors)
	if slices.ContainsFunc(authors, func(p atomPerson) bool { return p.Email != "" && p.URI != "" }) {
		x.Authors = jsonPersons(authors)
	}
	if slices.ContainsFunc(e.tags, func(t feed.Tag) bool { return t.Scheme != "" || t.Term != t.String() }) {
		for _, t := range e.tags {
			x.Tags = append(x.Tags, jsonTag(t))
		}
	}
	return x
}

func newJSONSource(o *feed.Origin) *jsonSource {
	s := jsonSource{
		ID: line(o.ID), Title: line(o.Title), URL: markup.URL(o.URL, ""), Home: markup.URL(o.Home, ""), Rights: line(o.Rights),
	}
	rules := vocabulary{channel: true, base: o.Home, once: make(map[string]bool)}
	var nodes []node
	for i := range o.Extra {
		if n, ok := parseElement(&o.Extra[i]); ok && (n.space == nsAtom || rules.admit(&n)) {
			nodes = append(nodes, n)
		}
	}
	if s.XML = newJSONXML(nodes); s == (jsonSource{}) {
		return nil
	}
	return &s
}

func jsonPersons(people []atomPerson) []jsonPerson {
	var list []jsonPerson
	for _, p := range people {
		list = append(list, jsonPerson{p.Name, p.URI, p.Email})
	}
	return list
}
