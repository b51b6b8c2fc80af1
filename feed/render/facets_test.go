package render_test

import (
	"html"
	"mime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/markup"
)

// facet is something that an article says, as plain values that can be looked for in the article that
// comes back. What cannot be written at all (an address that is none, a language that does not exist)
// is no value.
type facet struct {
	name   string
	values func(a *feed.Article) []string
	// elsewhere returns where else the values may have come back; nil for nowhere.
	elsewhere func(a *feed.Article) []string
	// why says for a format why it cannot carry this; what is not listed must not get lost.
	why map[string]string
}

func facets() []facet {
	const (
		plainTitle = "readers take a title for HTML"
		oneAuthor  = "an item may hold one Atom author; dc:creator is a name"
		oneText    = "a category is one text; the label goes out"
		source     = "a source is a title and an address"
		unknownRel = "the relation is not registered, and no URI"
	)
	const atom, rss, json = "Atom", "RSS", "JSON Feed"
	one := func(people []feed.Person, want bool, value func(feed.Person) string) []string {
		if (len(people) == 1) != want {
			return nil
		}
		return each(people, value)
	}
	return []facet{
		{"GUID", func(a *feed.Article) []string { return some(a.GUID) }, identifiers, nil},
		{"PermaLink", permaLink, nil, map[string]string{atom: "an id is never said to be an address", json: "_backissue has it"}},
		{"Link", func(a *feed.Article) []string { return some(markup.URL(a.Link, "")) }, nil, nil},
		{"Title", title(false), nil, nil},
		{"Title, with <", title(true), nil, map[string]string{rss: plainTitle}},
		{"Author", func(a *feed.Article) []string { return each(a.Authors, personName) }, nil, nil},
		{"Author's URI", func(a *feed.Article) []string { return one(a.Authors, true, personURI) }, nil, nil},
		{"Author's email", func(a *feed.Article) []string { return one(a.Authors, true, personEmail) }, mailtos, nil},
		{"Authors' URIs", func(a *feed.Article) []string { return one(a.Authors, false, personURI) }, nil, map[string]string{rss: oneAuthor}},
		{"Authors' emails", func(a *feed.Article) []string { return one(a.Authors, false, personEmail) }, mailtos, map[string]string{rss: oneAuthor}},
		{"Contributor", func(a *feed.Article) []string { return each(a.Contributors, personName) }, nil, nil},
		{"Contributor's email", func(a *feed.Article) []string { return each(a.Contributors, personEmail) }, nil, nil},
		{"Published", func(a *feed.Article) []string { return moment(a.Published) }, nil, nil},
		{"Updated", func(a *feed.Article) []string { return moment(a.Updated) }, nil, nil},
		{"Summary", func(a *feed.Article) []string { return some(markup.Text(cleaned(a, a.Summary))) }, nil, nil},
		{"Summary's markup", func(a *feed.Article) []string { return some(cleaned(a, a.Summary)) }, contents, map[string]string{json: "a summary is plain text"}},
		{"Content", func(a *feed.Article) []string { return some(cleaned(a, a.Content)) }, nil, nil},
		{"Language", languageOf, nil, nil},
		{"Rights", func(a *feed.Article) []string { return some(a.Rights) }, nil, nil},
		{"Tag", func(a *feed.Article) []string { return each(a.Tags, feed.Tag.String) }, nil, nil},
		{"Tag's term", func(a *feed.Article) []string { return each(a.Tags, func(t feed.Tag) string { return t.Term }) }, nil, map[string]string{rss: oneText}},
		{"Tag's scheme", func(a *feed.Article) []string { return each(a.Tags, scheme(true)) }, nil, nil},
		{"Tag's domain", func(a *feed.Article) []string { return each(a.Tags, scheme(false)) }, nil, map[string]string{atom: "a scheme is an IRI"}},
		{"Link, registered", links(true), related, nil}, // an alternate may become a related one
		{"Link, of another kind", links(false), nil, map[string]string{atom: unknownRel, rss: unknownRel}},
		{"Link's title, language", linkDetails, nil, map[string]string{json: "_backissue has them"}},
		{"Enclosure", enclosures(func(e feed.Enclosure) string { return "is" }), nil, nil},
		{"Enclosure's type", enclosures(func(e feed.Enclosure) string { return mediaType(e.Type) }), nil, nil},
		{"Enclosure's length", enclosures(func(e feed.Enclosure) string { return number(e.Length) }), nil, nil},
		{"Enclosure's title", enclosures(func(e feed.Enclosure) string { return e.Title }), nil, map[string]string{rss: "an enclosure has none"}},
		{"Duration", durations, nil, nil},
		{"Image", func(a *feed.Article) []string {
			return each(a.Images, func(i feed.Image) string { return markup.URL(i.URL, a.Link) })
		}, pictures, nil},
		{"Origin's id", func(a *feed.Article) []string { return some(a.Origin.ID) }, nil, map[string]string{rss: source}},
		{"Origin's title", originTitle(true), nil, nil},
		{"Origin's title alone", originTitle(false), nil, map[string]string{rss: "a source must have an address"}},
		{"Origin's URL", func(a *feed.Article) []string { return some(markup.URL(a.Origin.URL, "")) }, nil, nil},
		{"Origin's home", func(a *feed.Article) []string { return some(markup.URL(a.Origin.Home, "")) }, nil, map[string]string{rss: source}},
		{"Origin's rights", func(a *feed.Article) []string { return some(a.Origin.Rights) }, nil, map[string]string{rss: source}},
		{"Origin's other children", originChildren, nil, map[string]string{rss: source}},
		{"Extension, without rules", extensions(free), nil, nil},
		{"Extension, known", extensions(known), nil, nil},
		{"Extension, unknown", extensions(unknown), nil, map[string]string{
			atom: "validators know the namespace, and not the element", rss: "validators know the namespace, and not the element",
			json: "what Atom and RSS leave out is left out"}},
		{"Element of no namespace", extensions(nameless), nil, map[string]string{
			atom: "it would be taken for Atom's own", rss: "it would be taken for RSS's own", json: "it cannot be told from the format's own"}},
	}
}

func permaLink(a *feed.Article) []string {
	if !a.PermaLink || a.Key != a.GUID || markup.URL(a.GUID, "") != a.GUID {
		return nil
	}
	return []string{"true"}
}

func title(tagged bool) func(a *feed.Article) []string {
	return func(a *feed.Article) []string {
		if strings.ContainsAny(a.Title, "<&") != tagged {
			return nil
		}
		return some(a.Title)
	}
}

// identifiers are the names of an article beside its guid.
func identifiers(a *feed.Article) []string {
	var list []string
	for _, x := range a.Extra {
		if x.Name == "identifier" {
			list = append(list, some(markup.Text(x.Inner))...)
		}
	}
	return list
}

func mailtos(a *feed.Article) []string {
	return each(a.Authors, func(p feed.Person) string { return strings.TrimPrefix(p.URI, "mailto:") })
}

func contents(a *feed.Article) []string { return some(cleaned(a, a.Content)) }

func languageOf(a *feed.Article) []string {
	l := strings.ReplaceAll(a.Language, "_", "-")
	if t, err := language.Parse(l); err != nil || t.IsRoot() || strings.HasPrefix(l, "x-") {
		return nil
	}
	return some(strings.ToLower(l))
}

func scheme(absolute bool) func(t feed.Tag) string {
	return func(t feed.Tag) string {
		if feed.AbsoluteIRI(t.Scheme) != absolute {
			return ""
		}
		return t.Scheme
	}
}

// registered are the relations that a link of an entry may have.
const registered = " alternate describedby edit edit-media license payment related replies self up via "

func links(want bool) func(a *feed.Article) []string {
	return func(a *feed.Article) []string {
		return each(a.Links, func(l feed.Link) string {
			rel := strings.ToLower(l.Rel)
			if rel == "" {
				rel = "alternate"
			}
			u := markup.URL(l.Href, a.Link)
			if u == "" || u == a.Link || (strings.Contains(registered, " "+rel+" ") || feed.AbsoluteIRI(l.Rel)) != want {
				return ""
			}
			return rel + " " + u
		})
	}
}

// related are the links that came back as another of their kind, which Atom forbids.
func related(a *feed.Article) []string {
	return each(a.Links, func(l feed.Link) string {
		if l.Rel != "related" {
			return ""
		}
		return "alternate " + markup.URL(l.Href, a.Link)
	})
}

func linkDetails(a *feed.Article) []string {
	return each(a.Links, func(l feed.Link) string {
		u := markup.URL(l.Href, a.Link)
		if l.Hreflang+l.Title == "" || u == "" || !strings.Contains(registered, " "+l.Rel+" ") {
			return ""
		}
		return l.Hreflang + " " + l.Title + " " + u
	})
}

func enclosures(value func(e feed.Enclosure) string) func(a *feed.Article) []string {
	return func(a *feed.Article) []string {
		return each(a.Enclosures, func(e feed.Enclosure) string {
			v, u := some(value(e)), markup.URL(e.URL, a.Link)
			if v == nil || u == "" {
				return ""
			}
			return v[0] + " " + u
		})
	}
}

func mediaType(s string) string {
	t, _, err := mime.ParseMediaType(s)
	if major, minor, ok := strings.Cut(t, "/"); err != nil || !ok || major == "" || strings.ContainsAny(major+minor, "^[]") {
		return ""
	}
	return t
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// durations returns how long the recordings are, which XML says in the way of podcasts: once.
func durations(a *feed.Article) []string {
	for _, x := range a.Extra {
		if x.Name == "duration" && strings.Contains(x.Space, "itunes") {
			if n, err := strconv.Atoi(strings.TrimSpace(x.Inner)); err == nil && n > 0 {
				return []string{strconv.Itoa(n)}
			}
			return nil
		}
	}
	for _, e := range a.Enclosures {
		if e.Duration > 0 {
			return some(number(int64(e.Duration.Seconds() + 0.5)))
		}
	}
	return nil
}

// pictures are the addresses that the content shows.
func pictures(a *feed.Article) []string {
	var list []string
	for _, part := range strings.Split(a.Content+a.Summary, ` src="`)[1:] {
		src, _, _ := strings.Cut(part, `"`)
		list = append(list, html.UnescapeString(src))
	}
	return list
}

func originTitle(placed bool) func(a *feed.Article) []string {
	return func(a *feed.Article) []string {
		if (markup.URL(a.Origin.URL, "")+markup.URL(a.Origin.Home, "") != "") != placed || strings.Contains(a.Origin.Title, "<") {
			return nil
		}
		return some(a.Origin.Title)
	}
}

const sourceChildren = " author category contributor generator icon logo subtitle updated "

// originChildren are Atom's own children of a source. A subtitle in XHTML is not written yet.
func originChildren(a *feed.Article) []string {
	return each(a.Origin.Extra, func(x feed.Element) string {
		if !strings.HasPrefix(x.Space, nsAtom) || !strings.Contains(sourceChildren, " "+x.Name+" ") || x.Inner == "" || strings.Contains(x.Inner, "<div") {
			return ""
		}
		return elementName(x)
	})
}

// kind is how much is known of the rules that an extension element has to keep.
type kind int

const (
	free     kind = iota // there are none
	known                // and it keeps them
	unknown              // it does not, or nobody can tell
	nameless             // it is in no namespace
)

// knownElements are those of namespaces with rules that go out as long as they keep them.
const knownElements = `
http://search.yahoo.com/mrss content thumbnail title description credit copyright keywords category rating
http://www.itunes.com/dtds/podcast-1.0.dtd author subtitle keywords title summary explicit block duration episode season episodeType image
http://purl.org/dc/elements/1.1 publisher relation coverage type format identifier title description
http://purl.org/rss/1.0/modules/slash comments section department
http://wellformedweb.org/CommentAPI commentRss comment
http://rssnamespace.org/feedburner/ext/1.0 origLink origEnclosureLink
http://purl.org/syndication/thread/1.0 total
http://www.georss.org/georss point featureName
http://backend.userland.com/creativeCommonsRssModule license`

func kindOf(x *feed.Element) kind {
	space := strings.ToLower(strings.TrimRight(x.Space, "/#"))
	switch {
	case space == "":
		return nameless
	case !feed.AbsoluteIRI(x.Space):
		return unknown
	}
	for line := range strings.Lines(knownElements) {
		if names := strings.Fields(line); len(names) > 1 && strings.ToLower(names[0]) == space {
			if slices.Contains(names[1:], x.Name) && keepsRules(x) {
				return known
			}
			return unknown
		}
	}
	for _, ruled := range []string{"podcastindex.org", "jsonfeed.org", "googleplay", "google.com/schemas/play"} {
		if strings.Contains(space, ruled) {
			return free
		}
	}
	return unknown
}

// keepsRules reports false for the values that the corpus breaks rules with.
func keepsRules(x *feed.Element) bool {
	text := strings.TrimSpace(x.Inner)
	switch x.Name {
	case "block":
		return strings.EqualFold(text, "yes")
	case "comment", "commentRss":
		return strings.Contains(text, "://")
	case "point":
		return len(strings.Fields(text)) == 2
	case "duration":
		return strings.Trim(text, "0123456789:") == "" && strings.Trim(text, "0:") != "" && strings.Count(text, ":") < 3
	case "image":
		return slices.ContainsFunc(x.Attrs, func(a feed.Attr) bool {
			return a.Name == "href" && strings.Contains(a.Value, "://")
		})
	}
	return true
}

func extensions(want kind) func(a *feed.Article) []string {
	return func(a *feed.Article) []string {
		return each(a.Extra, func(x feed.Element) string {
			if kindOf(&x) != want || strings.TrimSpace(x.Inner) == "" && len(x.Attrs) == 0 {
				return ""
			}
			return elementName(x)
		})
	}
}

func some(s string) []string {
	if s = plainLine(s); s == "" {
		return nil
	}
	return []string{s}
}

func plainLine(s string) string { return strings.Join(strings.Fields(markup.Legible(s)), " ") }

func each[T any](list []T, value func(T) string) []string {
	var values []string
	for _, x := range list {
		values = append(values, some(value(x))...)
	}
	return values
}

func moment(t time.Time) []string {
	if y := t.UTC().Year(); t.IsZero() || y < 1 || y > 9999 {
		return nil
	}
	return []string{t.UTC().Format(time.RFC3339)}
}

func cleaned(a *feed.Article, html string) string {
	base := a.Link
	if base == "" {
		base = a.Origin.Home
	}
	return markup.Clean(html, base)
}

func personName(p feed.Person) string { return p.Name }
func personURI(p feed.Person) string  { return markup.URL(p.URI, "") }
func personEmail(p feed.Person) string {
	_, domain, _ := strings.Cut(p.Email, "@")
	if !strings.Contains(domain, ".") || strings.ContainsAny(p.Email, " []") {
		return ""
	}
	return p.Email
}
func elementName(x feed.Element) string {
	return "{" + strings.ToLower(strings.TrimRight(x.Space, "/#")) + "}" + x.Name
}
