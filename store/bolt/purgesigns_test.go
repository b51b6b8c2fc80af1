package bolt_test

import (
	"testing"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store/bolt"
)

func TestWhatMayHoldAnArticle(t *testing.T) {
	a := feed.Article{
		GUID: "tag:example.org,2026:7", Link: "https://example.org/2026/the-größe-of-things/", Title: "Müller & Söhne",
		Content: "<p>Short.</p><p>This is a sentence that is <b>long enough to tell it</b> from every other.</p>",
	}
	for name, test := range map[string]struct {
		body  string
		a     feed.Article
		holds bool
	}{
		"nothing":                      {"<rss></rss>", a, false},
		"another number":               {"<id>tag:example.org,2026:70</id>", a, false},
		"another number before":        {"<id>tag:example.org,12026:7</id>", feed.Article{GUID: "2026:7:example"}, false},
		"the guid":                     {"<id>tag:example.org,2026:7</id>7", a, true},
		"the link":                     {"<link>http://example.org/2026/the-größe-of-things?utm=x</link>", a, true},
		"the link without its host":    {`<a href="/2026/the-größe-of-things/">`, a, true},
		"the link, escaped":            {"https://example.org/2026/the-gr%C3%B6%C3%9Fe-of-things/", a, true},
		"the title":                    {"<title>Müller &amp; Söhne</title>", a, true},
		"the title, escaped twice":     {"M&amp;uuml;ller &amp;amp; S&amp;#246;hne", a, true},
		"the title in JSON":            {`{"title":"M\u00fcller \u0026 S\u00f6hne"}`, a, true},
		"the title with markup":        {"<![CDATA[müller<br/>&<i>SÖHNE</i>]]>", feed.Article{Title: "Müller Söhne"}, false},
		"its text":                     {"This is a sentence\nthat is &lt;b&gt;", a, false},
		"more of its text":             {"<b>long enough to tell it</b>", a, false},
		"its longest text":             {"this is a sentence that is", feed.Article{Summary: "<i>This is a sentence that is</i>"}, true},
		"another encoding":             {"M\xfcller", a, true},
		"one that says nothing":        {"<rss></rss>", feed.Article{GUID: "1", Title: "Hi"}, true},
		"one withdrawal says nothing":  {"<rss></rss>", feed.Article{GUID: "1", Withdrawn: true}, false},
		"half a pair of JSON's escape": {`\ud83d tag:example.org,2026:7`, a, true},
	} {
		if got := bolt.MayHold([]byte(test.body), test.a); got != test.holds {
			t.Errorf("%s: %v", name, got)
		}
	}
}
