package parse_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
	"github.com/google/go-cmp/cmp"
)

// rssOf returns an RSS document of one item.
func rssOf(item string) string {
	return `<rss version="2.0" xmlns:x="urn:x"><channel><title>T</title>` + item + `</channel></rss>`
}

func TestNotFeed(t *testing.T) {
	for in, what := range map[string]string{
		"":                                   "it is empty",
		" \n":                                "it is empty",
		"Not here.":                          "plain text",
		"<!DOCTYPE html><html><p>404</html>": "an HTML page",
		"<html><body>rss</body></html>":      "an HTML page",
		`<opml version="2.0"><body/></opml>`: "OPML",
		`{"ok": true}`:                       "JSON that does not say",
		`[1, 2]`:                             "JSON of another kind",
		`<urlset><url/></urlset>`:            "a sitemap",
		"%PDF-1.4":                           "a PDF file",
		"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe\x00\x81\x8d\x8f\x90\x9d": "",
		"\x1f\x8bnothing":                     "gzip",
		`<feed xmlns="urn:other"><x/></feed>`: "another kind than Atom",
	} {
		doc, err := parse.Feed([]byte(in), parse.Options{})
		if !errors.Is(err, parse.ErrNotFeed) || doc != nil {
			t.Errorf("%q: %v, want ErrNotFeed", in, err)
		} else if !strings.Contains(err.Error(), what) {
			t.Errorf("%q: %v, want it to say %q", in, err, what)
		}
	}
}

func TestCharset(t *testing.T) {
	const body = `<rss version="2.0"><channel><title>%s</title></channel></rss>`
	for _, c := range []struct{ name, in, contentType, want string }{
		{"header alone", fmt.Sprintf(body, "\xea\xef"), "text/xml; charset=koi8-r", "ЙО"},
		{"header before declaration", `<?xml version="1.0" encoding="windows-1251"?>` + fmt.Sprintf(body, "\xcb"), "text/xml;charset=koi8-r", "к"},
		{"header wrong, declaration and bytes say UTF-8", `<?xml version="1.0" encoding="UTF-8"?>` + fmt.Sprintf(body, "ü"), "text/xml; charset=iso-8859-1", "ü"},
		{"header claims UTF-8, declaration knows better", `<?xml version="1.0" encoding="iso-8859-1"?>` + fmt.Sprintf(body, "\xfc"), "text/xml; charset=utf-8", "ü"},
		{"unknown label", `<?xml version="1.0" encoding="bogus"?>` + fmt.Sprintf(body, "ü"), "", "ü"},
		{"byte order mark before all", "\xef\xbb\xbf" + `<?xml version="1.0" encoding="koi8-r"?>` + fmt.Sprintf(body, "ü"), "text/xml; charset=koi8-r", "ü"},
		{"Shift_JIS", `<?xml version="1.0" encoding="shift_jis"?>` + fmt.Sprintf(body, "\x93\xfa\x96{"), "", "日本"},
		{"broken header", fmt.Sprintf(body, "\xfc"), `text/xml; charset="iso-8859-1`, "ü"},
	} {
		doc, err := parse.Feed([]byte(c.in), parse.Options{ContentType: c.contentType})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if doc.Source.Title != c.want {
			t.Errorf("%s: %q, want %q", c.name, doc.Source.Title, c.want)
		}
	}
}

func TestTTL(t *testing.T) {
	const sy = `xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"`
	for in, want := range map[string]time.Duration{
		`<ttl>60</ttl>`:          time.Hour,
		`<ttl>-1</ttl>`:          0,
		`<ttl>99999999999</ttl>`: 0,
		`<ttl>1h</ttl>`:          0,
		`<p:updatePeriod xmlns:p="http://purl.org/rss/1.0/modules/syndication/"> Daily </p:updatePeriod>`:          24 * time.Hour,
		`<sy:updatePeriod ` + sy + `>daily</sy:updatePeriod><sy:updateFrequency ` + sy + `>4</sy:updateFrequency>`: 6 * time.Hour,
		`<ttl>30</ttl><sy:updatePeriod ` + sy + `>daily</sy:updatePeriod>`:                                         30 * time.Minute,
	} {
		doc, err := parse.Feed([]byte(rssOf(in)), parse.Options{})
		if err != nil || doc.Source.Fetch.TTL != want {
			t.Errorf("%s: %v, want %v (%v)", in, doc.Source.Fetch.TTL, want, err)
		}
	}
}

// TestVerbatimID holds the promise that a guid goes through as published. gofeed's own parser
// changes most of these.
func TestVerbatimID(t *testing.T) {
	for _, id := range []string{
		"https://x.example/Ü?q=a b", "HTTP://X.example/%7ebob", "tag:x.example,2024:a/b c", "relative/id", "42", "urn:Ä", ":colon", "a&b",
	} {
		xmlID := strings.ReplaceAll(id, "&", "&amp;")
		for _, in := range []string{
			`<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://base.example/"><entry><id>` + xmlID + `</id></entry></feed>`,
			rssOf(`<item><guid>` + xmlID + `</guid></item>`),
			rssOf(`<item><guid><![CDATA[ ` + id + ` ]]></guid></item>`),
		} {
			doc, err := parse.Feed([]byte(in), parse.Options{URL: "https://feeds.example/"})
			if err != nil || len(doc.Articles) != 1 {
				t.Fatalf("%s: %v", in, err)
			}
			if got := doc.Articles[0].GUID; got != id {
				t.Errorf("%s: %q", in, got)
			}
		}
	}
}

// TestBombs feeds the parser documents that are small and made to be dear. Each has to come back
// at all; the time a test may take is what fails it.
func TestBombs(t *testing.T) {
	const n = 100000
	var spaces, attrs strings.Builder
	for i := range 500 {
		fmt.Fprintf(&spaces, ` xmlns:n%d="urn:%d"`, i, i)
	}
	for i := range n {
		fmt.Fprintf(&attrs, ` a%d="x"`, i)
	}
	numbered := func(format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, item := range map[string]string{
		"nested extensions":     "<x:a>" + strings.Repeat("<x:b>", n) + strings.Repeat("</x:b>", n) + "</x:a>",
		"same name nested":      strings.Repeat("<x:a>", n) + strings.Repeat("</x:a>", n),
		"never closed":          strings.Repeat("<x:a>", n),
		"never closed, named":   numbered("<x:a%d>"),
		"never closed inside":   "<x:y>" + numbered("<a%d>") + "</x:y>",
		"stray ends inside":     "<x:y>" + numbered("<a%d>") + strings.Repeat("</q>", n) + "</x:y>",
		"attributes":            "<x:y" + attrs.String() + "/>",
		"quotes":                "<x:y " + strings.Repeat(`a=" '`, n) + "/>",
		"namespaces":            "<x:y" + spaces.String() + ">" + strings.Repeat("<b/>", n) + "</x:y>",
		"namespaces inside":     "<x:y>" + numbered(`<b xmlns:c%d="urn:c"/>`) + "</x:y>",
		"ampersands":            "<title>" + strings.Repeat("&", n) + "</title>",
		"illegal references":    "<title>" + strings.Repeat("&", n) + strings.Repeat("#8;", n) + "</title>",
		"comments":              "<title>" + strings.Repeat("<!-- -->", n) + "</title>",
		"half comments":         "<title>" + strings.Repeat("<!--", n) + "</title>",
		"half sections":         "<title>" + strings.Repeat("<![CDATA[", n) + "</title>",
		"brackets":              "<title>" + strings.Repeat("<", n) + "</title>",
		"markup in a title":     "<title>" + strings.Repeat("&lt;b&gt;", n) + "</title>",
		"equal signs":           "<description>" + strings.Repeat("&lt;a href=", n) + "</description>",
		"addresses":             "<description><![CDATA[<" + strings.Repeat(`a href="b" `, n) + "]]></description>",
		"srcset":                "<description><![CDATA[<img srcset=\"" + strings.Repeat(`b, `, n) + "\">]]></description>",
		"categories":            numbered("<category>%d</category>"),
		"enclosures":            numbered(`<enclosure url="u%d"/>`),
		"authors":               numbered(`<author>%d</author>`),
		"media":                 strings.Repeat(`<media:group>`, n) + strings.Repeat("</media:group>", n),
		"files in a group":      "<m:group xmlns:m='http://search.yahoo.com/mrss/'>" + numbered("<m:content url='u%d'/>") + "</m:group>",
		"categories in a group": "<m:group xmlns:m='http://search.yahoo.com/mrss/'>" + numbered("<m:category>%d</m:category>") + "</m:group>",
		"keywords":              "<m:keywords xmlns:m='http://search.yahoo.com/mrss/'>" + numbered("%d,") + "</m:keywords>",
		"quoted CDATA":          "<title>" + strings.Repeat("a<![CDATA[b]]>", n) + "</title>",
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := parse.Feed([]byte(rssOf("<item><guid>1</guid>"+item+"</item><item><guid>2</guid></item>")), parse.Options{URL: "https://x.example/"})
			if err != nil {
				t.Fatal(err)
			}
			checkDocument(t, name, doc)
			doc, err = parse.Feed([]byte(rssOf(item+"<item><guid>2</guid></item>")), parse.Options{URL: "https://x.example/"})
			if err != nil {
				t.Fatal(err)
			}
			checkDocument(t, name, doc)
		})
	}
}

// TestTruncated cuts a feed at every place: the items that are whole at that place come out, the
// same as they come out of the whole feed.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"testdata/rss20.xml", "testdata/atom10.xml", "testdata/json11.json"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := parse.Feed(data, parse.Options{URL: "https://x.example/"})
		if err != nil {
			t.Fatal(err)
		}
		longest := 0
		for n := range data {
			doc, err := parse.Feed(data[:n], parse.Options{URL: "https://x.example/"})
			if err != nil {
				continue // not even the root is there
			}
			longest = max(longest, len(doc.Articles))
			for i, a := range doc.Articles {
				if diff := cmp.Diff(whole.Articles[i], a); diff != "" {
					t.Fatalf("%s cut at %d: item %d differs: %s", name, n, i, diff)
				}
			}
		}
		if longest != len(whole.Articles) {
			t.Errorf("%s: %d whole items at most, want %d", name, longest, len(whole.Articles))
		}
	}
}

func TestDiscover(t *testing.T) {
	for _, c := range []struct {
		name, page string
		want       []string
	}{
		{"in the page's order", `<link rel="alternate" type="application/atom+xml" href="/a" title="A"><link rel=alternate type="application/rss+xml; charset=utf-8" href="b">`,
			[]string{"https://x.example/a", "https://x.example/dir/b"}},
		{"comments last", `<link rel="alternate" type="application/rss+xml" href="/comments/feed"><link rel="alternate" type="application/rss+xml" href="/feed">`,
			[]string{"https://x.example/feed", "https://x.example/comments/feed"}},
		{"base", `<base href="//y.example/z/"><link rel="ALTERNATE home" type="application/feed+json" href="f.json">`, []string{"https://y.example/z/f.json"}},
		{"each once", `<link rel=alternate type=application/rss+xml href=/f><link rel=alternate type=application/rss+xml href=/f>`, []string{"https://x.example/f"}},
		{"what is none", `<link rel="stylesheet alternate" type="text/xml" href="/s"><link rel=alternate hreflang=de href=/de><link rel=alternate type=application/json href=/wp-json/1><link rel=icon href=/feed>`, nil},
		{"links as a last resort", `<a href="/about">x</a><a href="feed/">RSS</a><a href="/news.rss">y</a>`, []string{"https://x.example/dir/feed/", "https://x.example/news.rss"}},
		{"links are not needed", `<a href="/other.rss">y</a><link rel=alternate type=application/rss+xml href=/f>`, []string{"https://x.example/f"}},
		{"not in comments", `<!-- <link rel=alternate type=application/rss+xml href=/f> -->`, nil},
	} {
		var got []string
		for _, l := range parse.Discover([]byte(c.page), "https://x.example/dir/page") {
			got = append(got, l.Href)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	links := parse.Discover([]byte(`<link rel=alternate type=application/rss+xml href=/f title=" All  news " hreflang=de>`), "https://x.example")
	want := []feed.Link{{Href: "https://x.example/f", Type: "application/rss+xml", Title: "All news", Hreflang: "de"}}
	if diff := cmp.Diff(want, links); diff != "" {
		t.Error(diff)
	}
}
