package render_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/render"
)

var update = flag.Bool("update", false, "write the golden files anew")

// full is an article that has everything.
func full() feed.Article {
	return feed.Article{
		ID: 7, Seq: 9, Revision: 1, Source: 1,
		Key: "https://news.example/?p=7", GUID: "https://news.example/?p=7", PermaLink: true,
		Link:         "https://news.example/2026/moon.html",
		Kicker:       "Space",
		Title:        "Moon <b>landing</b> & other…",
		TitleCut:     true,
		Authors:      []feed.Person{{Name: "Ada Lovelace", Email: "ada@news.example", URI: "https://news.example/ada"}, {Name: "Grace Hopper"}},
		Contributors: []feed.Person{{Name: "Photo Desk"}},
		Published:    time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600)),
		Updated:      time.Date(2026, 3, 2, 8, 30, 0, 0, time.UTC),
		Modified:     time.Date(2026, 3, 2, 8, 30, 0, 0, time.UTC),
		Seen:         time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		Summary:      `Three <em>hundred</em> metres & a <a href="/flag">flag</a>.`,
		Content:      `<p class="lead">One small step.<p><img src="step.jpg" onload="x()"><script>y()</script> ]]> <a href="?a=1&b=2">more</a>`,
		Language:     "en-GB",
		Rights:       "© 2026 The News",
		Tags: []feed.Tag{
			{Term: "moon", Scheme: "https://news.example/topics", Label: "The Moon"},
			{Term: "Science & <Space>"},
			{Term: "  "},
			{Term: "desk", Scheme: "not an address"},
		},
		Filed: []string{"daily", "MOON"},
		Links: []feed.Link{
			{Href: "https://news.example/2026/moon.html#comments", Rel: "replies", Type: "text/html"},
			{Href: "https://other.example/study", Rel: "related", Title: "The study", Hreflang: "de", Type: "text/html"},
			{Href: "https://agency.example/1", Rel: "via"},
			{Href: "https://news.example/amp", Rel: "amphtml"},
			{Href: "https://news.example/moon.pdf", Type: "application/pdf"},
			{Href: "https://news.example/again", Type: "application/pdf"},
		},
		Enclosures: []feed.Enclosure{
			{URL: "https://media.example/moon.mp3", Type: "audio/mpeg", Length: 1234567, Title: "Listen", Duration: 754 * time.Second},
			{URL: "https://media.example/moon film.mp4"},
		},
		Images:   []feed.Image{{URL: "https://news.example/moon.jpg", Caption: "The <Moon> as seen from…", Cut: true}, {Caption: "A caption alone"}},
		Dateline: feed.Dateline{Place: "Houston", Agency: "ap"},
		Related: []feed.Related{
			{Kicker: "Mars", Title: "Not yet", Teaser: "Perhaps in ten years.", Link: "https://news.example/mars", Tags: []string{"mars"}},
			{Title: "A lost link"},
		},
		Origin: feed.Origin{ID: "tag:news.example,2001:all", Title: "The News", URL: "https://news.example/feed", Home: "https://news.example/"},
		Extra: []feed.Element{
			{Space: "http://www.itunes.com/dtds/podcast-1.0.dtd", Name: "explicit", Inner: "No"},
			{Space: "http://www.itunes.com/dtds/podcast-1.0.dtd", Name: "image", Attrs: []feed.Attr{{Name: "href", Value: "https://news.example/cover.jpg"}}},
			{Space: "http://www.itunes.com/dtds/podcast-1.0.dtd", Name: "episode", Inner: "twelve"},
			{Space: "https://podcastindex.org/namespace/1.0", Name: "transcript", Attrs: []feed.Attr{{Name: "url", Value: "https://media.example/moon.vtt"}, {Name: "type", Value: "text/vtt"}}},
			{Space: "http://search.yahoo.com/mrss", Name: "group", Inner: `<m:content url="a.jpg" width="0" onclick="x"/><m:title>One &amp; two</m:title>`, Prefixes: map[string]string{"m": "http://search.yahoo.com/mrss"}},
			{Space: "https://ns.example/1", Name: "mood", Attrs: []feed.Attr{{Name: "e:level", Value: `<"high">`}}, Inner: `<e:of xmlns:y="urn:x-a:b">a<y:b/></e:of> &amp;`, Prefixes: map[string]string{"e": "https://ns.example/1"}},
			{Space: "https://ns.example/1", Name: "broken", Inner: `<e:of>`, Prefixes: map[string]string{"e": "https://ns.example/1"}},
		},
	}
}

const nsAtom = "http://www.w3.org/2005/Atom"

func nasty() feed.Article {
	return feed.Article{
		ID: 8, Seq: 10,
		Key: "post\x08 8 ]]> <&>", GUID: "8",
		PermaLink: true,
		Link:      "https://bücher.example/a b/ü?q=[1]|2",
		Title:     "\x00Bell\x07 & \ufffe \u0092 <script>",
		Authors:   []feed.Person{{Email: "not an address"}, {Name: "x@y.example"}, {URI: "javascript:x"}, {}},
		Published: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC),
		Updated:   time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
		Seen:      time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		Modified:  time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		Summary:   "\x1b[31mred",
		Content:   "<b>a\x08b]]>c\xff</b><svg onload=x>",
		Language:  "klingonish!",
		Tags:      []feed.Tag{{Label: "label\x01 only"}, {Term: "\x02"}},
		Links:     []feed.Link{{Href: "javascript:x", Rel: "related"}, {Href: "https://x.example", Rel: "made-up"}, {Href: "", Rel: "via"}},
		Enclosures: []feed.Enclosure{
			{URL: "nowhere", Length: -5}, {URL: "https://m.example?x=ä", Type: "audio mpeg", Length: -5, Duration: -time.Second},
		},
		Images: []feed.Image{{URL: "javascript:x"}, {}},
		Origin: feed.Origin{ID: "not an IRI", Title: "x\x03"},
		Extra: []feed.Element{
			{Space: "", Name: "title", Inner: "injected"},
			{Space: "https://ns.example/1", Name: "a b", Inner: "x"},
			{Space: "https://ns.example/1", Name: "ok", Inner: "</item><item>"},
			{Space: "http://www.w3.org/2005/Atom", Name: "id", Inner: "injected"},
		},
	}
}

// described is a source that says all that a publisher can say of a feed.
func described() *feed.Source {
	itunes := "http://www.itunes.com/dtds/podcast-1.0.dtd"
	podcast := "https://podcastindex.org/namespace/1.0"
	inner := map[string]string{"i": itunes, "podcast": podcast}
	text := func(space, name, inner string) feed.Element {
		return feed.Element{Space: space, Name: name, Inner: inner}
	}
	return &feed.Source{
		ID: 1, Name: "the-moon-show", URL: "https://ada:secret@news.example/show.rss", FeedID: "tag:news.example,2001:show",
		Title: "The Moon Show", Home: "https://news.example/show", Description: "All about the moon & more", Language: "en-gb",
		Rights: "© The News", Image: "https://news.example/cover.jpg",
		Authors:    []feed.Person{{Name: "Ada Lovelace", Email: "ada@news.example"}},
		Categories: []feed.Tag{{Term: "Astronomy", Scheme: "https://news.example/topics", Label: "The sky"}},
		Links: []feed.Link{
			{Rel: "self", Href: "https://news.example/show.rss"}, {Rel: "hub", Href: "https://hub.news.example/"},
			{Rel: "prev-archive", Href: "https://news.example/show/1.rss"}, {Rel: "license", Href: "/license"},
			{Href: "https://news.example/show/de", Hreflang: "de"},
		},
		Extra: []feed.Element{
			text(itunes, "author", "The News"), text(itunes, "type", "Serial"), text(itunes, "explicit", "no"),
			text(itunes, "new-feed-url", "https://elsewhere.example/"), text(itunes, "title", "The Moon Show"),
			text(itunes, "episode", "3"), text(itunes, "summary", "&lt;p>About the moon&lt;/p>"),
			{Space: itunes, Name: "image", Attrs: []feed.Attr{{Name: "href", Value: "https://news.example/cover.jpg"}}},
			{Space: itunes, Name: "category", Attrs: []feed.Attr{{Name: "text", Value: "science"}}, Prefixes: inner,
				Inner: `<i:category text="Astronomy"/><i:category text="Cheese"/>`},
			{Space: itunes, Name: "category", Attrs: []feed.Attr{{Name: "text", Value: "Moons"}}},
			{Space: itunes, Name: "owner", Prefixes: inner, Inner: `<i:name>Ada</i:name><i:email>ada@news.example</i:email>`},
			{Space: itunes, Name: "owner", Prefixes: inner, Inner: `<i:name>Nobody</i:name>`},
			{Space: podcast, Name: "locked", Inner: "yes", Attrs: []feed.Attr{{Name: "owner", Value: "ada@news.example"}}},
			{Space: podcast, Name: "funding", Inner: "Support us", Attrs: []feed.Attr{{Name: "url", Value: "https://news.example/give"}}},
			text(podcast, "guid", "917393e3-1b1e-5cef-ace4-edaa54e1f810"),
			{Space: podcast, Name: "value", Attrs: []feed.Attr{{Name: "type", Value: "lightning"}, {Name: "method", Value: "keysend"}}, Prefixes: inner,
				Inner: `<podcast:valueRecipient type="node" address="03ae" split="100"/>`},
			{Space: "http://search.yahoo.com/mrss/", Name: "thumbnail", Attrs: []feed.Attr{{Name: "url", Value: "https://news.example/thumb.png"}}},
			text("http://www.georss.org/georss", "point", "45.256 -71.92"),
			text("http://backend.userland.com/creativeCommonsRssModule", "license", "https://license.example/by/4.0/"),
			text("http://www.w3.org/2005/Atom", "contributor", `<name>Grace Hopper</name>`),
			text("http://www.w3.org/2005/Atom", "id", "injected"),
			text("", "ttl", "60"),
			text("https://jsonfeed.org/version/1.1", "_show", `{"season": 1.0}`),
			text("https://jsonfeed.org/version/1.1", "user_comment", `"hello"`),
		},
	}
}

func document(articles ...feed.Article) *render.Document {
	return &render.Document{
		ID:       "urn:uuid:4c1f7a1c-6a33-5a5b-9d9b-3d2c2a1b0c0d",
		Title:    "Moon & <more>",
		Subtitle: "Everything tagged moon",
		Language: "en",
		Rights:   "As marked",
		Home:     "https://archive.example/tags/moon",
		Self:     "https://archive.example/tags/moon.atom",
		Icon:     "https://archive.example/icon.png",
		Links: []feed.Link{
			{Href: "https://archive.example/tags/moon.json", Rel: "alternate", Type: "application/feed+json"},
			{Href: "https://hub.example/", Rel: "hub"},
			{Href: "https://archive.example/tags/moon/3.atom", Rel: "prev-archive"},
		},
		Updated:    time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		Articles:   articles,
		ArticleURL: func(id feed.ID) string { return "https://archive.example/articles/" + id.String() },
	}
}

func TestGolden(t *testing.T) {
	archive := document(full())
	archive.Archive = true
	archive.NextURL = "https://archive.example/tags/moon.json?before=7"
	complete := document()
	complete.Complete = true
	show := document(full())
	show.Articles[0].Origin.Extra = []feed.Element{
		{Space: nsAtom, Name: "author", Inner: "<name>Ada Lovelace</name><email>ada@news.example</email>"},
		{Space: nsAtom, Name: "subtitle", Attrs: []feed.Attr{{Name: "type", Value: "html"}}, Inner: "All &lt;b&gt;news&lt;/b&gt;"},
		{Space: nsAtom, Name: "generator", Attrs: []feed.Attr{{Name: "version", Value: "2"}}, Inner: "Press"},
		{Space: nsAtom, Name: "category", Attrs: []feed.Attr{{Name: "term", Value: "news"}}},
		{Space: nsAtom, Name: "logo", Inner: "/logo.png"},
		{Space: nsAtom, Name: "updated", Inner: "2026-03-01T00:00:00+01:00"},
		{Space: "https://ns.example/1", Name: "mood", Inner: "calm"},
	}
	show.Articles[0].Extra = []feed.Element{
		{Space: "https://jsonfeed.org/version/1.1", Name: "_moon", Inner: `{"phase": "&lt;full&gt;", "size": 12345678901234567890}`},
		{Space: "https://jsonfeed.org/version/1.1", Name: "_odd", Inner: `1`},
	}
	show.Describe(described())
	for _, c := range []struct {
		name string
		doc  *render.Document
	}{
		{"full", archive},
		{"bare", document(feed.Article{ID: 3, Key: "3", Seen: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)})},
		{"nasty", document(nasty())},
		{"empty", complete},
		{"show", show},
	} {
		for _, f := range render.Formats() {
			t.Run(c.name+f.Ext, func(t *testing.T) {
				got := written(t, f, c.doc)
				path := filepath.Join("testdata", c.name+f.Ext)
				if *update {
					if err := os.WriteFile(path, got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Errorf("%s differs (-want +got):\n%s", path, diff)
				}
				mustBeSound(t, f, got)
			})
		}
	}
}

func written(t testing.TB, f render.Format, d *render.Document) []byte {
	t.Helper()
	var b, again bytes.Buffer
	if err := f.Write(&b, d); err != nil {
		t.Fatalf("writing %s: %v", f.Name, err)
	}
	if err := f.Write(&again, d); err != nil {
		t.Fatalf("writing %s again: %v", f.Name, err)
	}
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Errorf("%s: two renderings differ", f.Name)
	}
	return b.Bytes()
}

// mustBeSound checks what every document has to be, whatever is in it.
func mustBeSound(t testing.TB, f render.Format, got []byte) {
	t.Helper()
	if f.Ext == ".json" {
		if !json.Valid(got) {
			t.Errorf("not JSON: %.300s", got)
		}
		return
	}
	d := xml.NewDecoder(bytes.NewReader(got))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s is not well-formed: %v\n%.2000s", f.Name, err, got)
		}
		if s, ok := tok.(xml.StartElement); ok {
			space := s.Name.Space
			if space != "" && !strings.Contains(space, ":") {
				t.Errorf("%s: the prefix of <%s:%s> is not declared", f.Name, space, s.Name.Local)
			}
		}
	}
}

const fullContent = `<figure><img src="https://news.example/moon.jpg" alt=""><figcaption>The &lt;Moon&gt; as seen from…</figcaption></figure>
<figure><figcaption>A caption alone</figcaption></figure>
<p>One small step.</p><p><img src="https://news.example/2026/step.jpg"> ]]&gt; <a href="https://news.example/2026/moon.html?a=1&amp;b=2">more</a></p>`

// TestRevisions has two versions of one article in one document, as an archive document may.
func TestRevisions(t *testing.T) {
	old, next := full(), full()
	old.Revision, old.Seq, old.Modified = 0, 2, old.Published
	next.Title = "Newer"
	for _, c := range []struct {
		f    render.Format
		want int
	}{
		{render.Formats()[0], 2}, {render.Formats()[1], 1}, {render.Formats()[2], 1},
	} {
		got := string(written(t, c.f, document(old, next)))
		if n := strings.Count(got, "Newer"); n != 1 {
			t.Errorf("%s has the newer version %d times", c.f.Name, n)
		}
		id := strings.Count(got, "<id>"+old.Key) + strings.Count(got, "<guid") + strings.Count(got, `"id": "`+old.Key)
		if id != c.want {
			t.Errorf("%s has %d entries, want %d", c.f.Name, id, c.want)
		}
	}
}

func TestWriteFails(t *testing.T) {
	for _, f := range render.Formats() {
		if err := f.Write(failing{}, document(full())); !errors.Is(err, errFull) {
			t.Errorf("%s returned %v, want the writer's error", f.Name, err)
		}
	}
}

var errFull = errors.New("no space")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func FuzzWrite(f *testing.F) {
	f.Add("key", "http://a.example/", "title", "<p>content", "summary", "tag", "en", "a@b.example", "<x:y/>", int64(0))
	f.Add("urn:x", "//", "]]>", "\x00<!--", "&#0;", "\xff", "de_DE", "x", "</item>", int64(-1))
	f.Add("tag:x", "http://[", "a\u2028", "<a href=x>", "<b", " ", "x-y", "mailto:", "<a xmlns='x'/>", int64(1<<62))
	f.Fuzz(func(t *testing.T, key, link, title, content, summary, tag, lang, who, inner string, n int64) {
		a := feed.Article{
			ID: feed.ID(n), Key: key, GUID: title, PermaLink: n%2 == 0, Link: link, Title: title, Kicker: tag,
			Content: content, Summary: summary, Language: lang, Rights: summary,
			Authors:      []feed.Person{{Name: who, Email: who, URI: link}, {Email: key}},
			Contributors: []feed.Person{{URI: who}},
			Published:    time.Unix(n, 0), Updated: time.Unix(-n, 0), Modified: time.Unix(n, n),
			Tags:       []feed.Tag{{Term: tag, Scheme: link, Label: title}, {Label: key}},
			Filed:      []string{who, tag},
			Links:      []feed.Link{{Href: link, Rel: tag, Type: who, Hreflang: lang, Title: title, Length: n}},
			Enclosures: []feed.Enclosure{{URL: link, Type: who, Length: n, Title: title, Duration: time.Duration(n)}},
			Images:     []feed.Image{{URL: link, Caption: title}},
			Related:    []feed.Related{{Kicker: key, Title: title, Teaser: summary, Link: link, Tags: []string{tag}}},
			Origin:     feed.Origin{ID: key, Title: title, URL: link, Home: link},
			Dateline:   feed.Dateline{Place: tag, Agency: who},
			Extra: []feed.Element{
				{Space: link, Name: tag, Inner: inner, Attrs: []feed.Attr{{Name: who, Value: title}}, Prefixes: map[string]string{tag: link, "x": key}},
				{Space: "http://search.yahoo.com/mrss/", Name: "group", Inner: inner, Prefixes: map[string]string{"x": "http://search.yahoo.com/mrss/"}},
				{Space: "https://ns.example/1", Name: "e", Inner: inner, Attrs: []feed.Attr{{Name: "x:" + tag, Value: title}}, Prefixes: map[string]string{"x": "https://ns.example/1", "": link}},
			},
		}
		d := &render.Document{
			ID: key, Title: title, Subtitle: summary, Language: lang, Rights: tag, Home: link, Self: link, Icon: link,
			Links: a.Links, Updated: time.Unix(n, 0), Articles: []feed.Article{a, a}, NextURL: link,
			Archive: n%3 == 0, Complete: n%5 == 0,
		}
		for _, format := range render.Formats() {
			mustBeSound(t, format, written(t, format, d))
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct{ name, content string }{
		{"clean", strings.Repeat(`<p>Some words of an article, <em>well</em> set, with a <a href="https://news.example/a?b=1&amp;c=2">link</a> and a picture: <img src="https://news.example/i.jpg" alt="A picture"></p>`, 16)},
		{"foreign", strings.Repeat(`<p class="x" style="y">Some words of an article, <em>badly</em> set,<p> with a <a href="/a?b=1&c=2" onclick="z">link</a> and a picture: <img src="i.jpg" alt="A picture" /></p>`, 17)},
	} {
		var articles []feed.Article
		for i := range 50 {
			a := full()
			a.Key = fmt.Sprint(a.Key, i)
			a.Content, a.Images, a.Extra = c.content, nil, nil
			articles = append(articles, a)
		}
		d := document(articles...)
		for _, f := range render.Formats() {
			b.Run(c.name+f.Ext, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := f.Write(io.Discard, d); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
