package web_test

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	nethtml "golang.org/x/net/html"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/opml"
)

func body(t testing.TB, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPages(t *testing.T) {
	h := site(t, filled(t))
	for _, tt := range []struct {
		path string
		want []string
	}{
		{"/", []string{"131 articles from 2 sources", "Die Brücke bleibt", `href="/tags/harbour"`, `href="/sources/the-harbour-gazette"`, `href="/authors/ann-porter"`, `href="/feed"`}},
		{"/feed", []string{"All articles", "Ship number 0 ", `href="/feed/archive/1" rel="next"`}},
		{"/feed/archive/1", []string{"archive 1", "Ship number 129 ", `href="/feed/archive/2" rel="prev"`, `href="/feed/archive/1.rss"`}},
		{"/tags/harbour", []string{"<h1 dir=\"auto\">Harbour</h1>", "130 articles", `type="application/atom+xml"`, `href="/tags/harbour.rss"`, `href="/tags/harbour.json"`}},
		{"/tags/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8", []string{"новости", `href="/tags/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8.atom"`}},
		{"/sources/the-harbour-gazette", []string{"News from the harbour &amp; the hills", `href="https://www.gazette.example/"`, ">gazette.example<"}},
		{"/authors/ann-porter", []string{"Ann Porter", "130 articles"}},
		{"/tags", []string{"Brücken &amp; Wege", `href="/tags/br%C3%BCcken-wege"`, ">130<"}},
		{"/sources", []string{"Der Talbote"}},
		{"/authors", []string{"Jana Köhler", "Tomáš Novák"}},
		{"/articles/131", []string{
			"Verkehr im Tal", "&lt;wegen Rissen&gt;…", `lang="de"`, "Jana Köhler", `href="/authors/tom%C3%A1%C5%A1-nov%C3%A1k"`,
			"5 March 2024, 07:30 UTC", "updated", "Obertal · bote", "Umweg über den Pass", "<audio controls", "25:07, 18 MB",
			`href="https://bote.example/wiki/bruecke"`, "bruecke.jpg", `alt="Gitter an der Auffahrt`, `href="/tags/verkehr"`, "Als die Brücke gebaut wurde", "Webcam am Pass",
			"© Der Talbote", "cut short", `<link rel="canonical" href="https://bote.example/2024/bruecke">`, `href="/sources/der-talbote.atom"`,
		}},
	} {
		r := ask(t, h, "GET", tt.path)
		page := body(t, r.Body)
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %s", tt.path, r.StatusCode, r.Header.Get("Content-Type"))
		}
		for _, want := range tt.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %q", tt.path, want)
			}
		}
		for _, bad := range []string{"<script", "onclick", "javascript:", "ZgotmplZ", "<wegen"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s holds %q", tt.path, bad)
			}
		}
	}
}

// Whoever follows the links to older pages meets every article once.
func TestOlderPages(t *testing.T) {
	db := filled(t)
	save(t, db, bote, time.Hour, feed.Article{GUID: "undated", Title: "Without a date"}, feed.Article{GUID: "old", Title: "From 1605", Published: time.Date(1605, 6, 1, 0, 0, 0, 0, time.UTC)})
	h := site(t, db)
	link := regexp.MustCompile(`<h3[^>]*><a href="([^"]*)">`)
	next := regexp.MustCompile(`<a href="([^"]*)" rel="next">`)
	met := make(map[string]int)
	pages := 0
	for path := "/feed"; path != ""; pages++ {
		r := ask(t, h, "GET", path)
		page := body(t, r.Body)
		if r.StatusCode != 200 || pages > 10 {
			t.Fatalf("page %d, %s: %d", pages, path, r.StatusCode)
		}
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			met[m[1]]++
		}
		path = ""
		if m := next.FindStringSubmatch(page); m != nil {
			path = html.UnescapeString(m[1])
		}
	}
	// What the live document shows beyond what the archive documents do not hold stands twice.
	if len(met) != 133 || pages != 2 {
		t.Errorf("met %d articles on %d pages, want 133 on 2", len(met), pages)
	}
	for path, n := range met {
		if n > 2 {
			t.Errorf("%s stands on %d pages", path, n)
		}
	}
}

func TestLongLists(t *testing.T) {
	db := archive(t)
	articles := plainNews(650)
	for i := range articles {
		articles[i].Tags = []feed.Tag{{Term: fmt.Sprintf("Tag & Number %d", i)}}
	}
	save(t, db, gazette, 0, articles...)
	h := site(t, db)
	row := regexp.MustCompile(`<li><a dir="auto" href="(/tags/[^"]*)"`)
	next := regexp.MustCompile(`<a href="([^"]*)" rel="next">`)
	met := make(map[string]bool)
	pages := 0
	for path := "/tags"; path != "" && pages < 10; pages++ {
		page := body(t, ask(t, h, "GET", path).Body)
		for _, m := range row.FindAllStringSubmatch(page, -1) {
			met[m[1]] = true
		}
		path = ""
		if m := next.FindStringSubmatch(page); m != nil {
			path = html.UnescapeString(m[1])
		}
	}
	if len(met) != 650 || pages < 2 {
		t.Errorf("met %d tags on %d pages, want 650 on several", len(met), pages)
	}
	outlines, err := opml.Read(ask(t, h, "GET", "/feeds.opml").Body)
	if err != nil || len(outlines) != 650+3 {
		t.Errorf("feeds.opml lists %d feeds (%v), want all 653", len(outlines), err)
	}
}

// A tag leads to its own feed, whoever has the URL name that its spelling suggests.
func TestTagsThatShareASlug(t *testing.T) {
	db := archive(t)
	var articles []feed.Article
	for _, tag := range []string{"C", "C++", "C#", "STRASSE", "Straße", "日本", "Ärzte"} {
		articles = append(articles, feed.Article{GUID: tag, Title: "On " + tag, Published: morning.Add(time.Duration(len(articles)) * time.Second), Tags: []feed.Tag{{Term: tag}}})
	}
	save(t, db, gazette, 0, articles...)
	h := site(t, db)
	chip := regexp.MustCompile(`<ul class="chips">\s*<li><a dir="auto" href="([^"]*)">`)
	for id := 1; id <= len(articles); id++ {
		title := "On " + articles[id-1].Tags[0].Term
		m := chip.FindStringSubmatch(body(t, ask(t, h, "GET", fmt.Sprintf("/articles/%d", id)).Body))
		if m == nil {
			t.Errorf("%q: the tag has no link", title)
			continue
		}
		if page := body(t, ask(t, h, "GET", m[1]).Body); !strings.Contains(html.UnescapeString(page), title+"</a>") {
			t.Errorf("%q: the tag's page %s does not hold the article", title, m[1])
		}
	}
}

func TestArticlePage(t *testing.T) {
	long := strings.Repeat("Nobody had expected the ferry to be on time. ", 20)
	for _, tt := range []struct {
		name    string
		article feed.Article
		want    []string
		not     []string
	}{
		{"no title", feed.Article{Content: "<p>" + long + "</p>"}, []string{"<h1 dir=\"auto\">Nobody had expected the ferry to be on time. Nobody had expected the ferry to…</h1>"}, nil},
		{"nothing at all", feed.Article{GUID: "x"}, []string{"<h1 dir=\"auto\">Untitled</h1>"}, []string{"<figure", "By "}},
		{"summary is the text", feed.Article{Title: "T", Summary: "<p>All there is.</p>"}, []string{"All there is."}, []string{`class="lead"`}},
		{"summary repeats the text", feed.Article{Title: "T", Summary: "Nobody had expected the ferry […]", Content: long}, nil, []string{`class="lead"`}},
		{"summary says more", feed.Article{Title: "T", Summary: "What happened at the pier", Content: long}, []string{`class="lead"`, "What happened at the pier"}, nil},
		{"picture in the text", feed.Article{Title: "T", Content: `<p><img src="https://x.example/a.jpg?a=1&amp;b=2" alt=""></p>`, Images: []feed.Image{{URL: "https://x.example/a.jpg?a=1&b=2"}}}, nil, []string{"<figure"}},
		{"caption without a picture", feed.Article{Title: "T", Images: []feed.Image{{Caption: "Kim steigt i", Cut: true}}}, []string{`<p class="caption" dir="auto">Kim steigt i…</p>`}, []string{"<img"}},
		{"picture of another scheme", feed.Article{Title: "T", Images: []feed.Image{{URL: "javascript:alert(1)"}}}, nil, []string{"<figure", "javascript"}},
		{"video", feed.Article{Title: "T", Enclosures: []feed.Enclosure{{URL: "https://x.example/film.mp4?x=1", Type: "video/mp4"}}}, []string{"<video controls", ">film.mp4<"}, []string{"<audio"}},
		{"other media", feed.Article{Title: "T", Enclosures: []feed.Enclosure{{URL: "https://x.example/", Type: "application/pdf", Length: 950}, {URL: "ftp://x.example/y"}}}, []string{">x.example<", "950 B"}, []string{"<audio", "ftp:"}},
		{"date without time", feed.Article{Title: "T", Published: time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)}, []string{">2 January 2024<"}, []string{"UTC"}},
		{"bad language", feed.Article{Title: "T", Language: `de" onload="x`}, nil, []string{"onload"}},
		{"author by address only", feed.Article{Title: "T", Authors: []feed.Person{{Email: "a@x.example"}}}, []string{"By <a", ">a@x.example<"}, nil},
		{"dateline in the text", feed.Article{Title: "T", Dateline: feed.Dateline{Place: "Bonn", Agency: "dpa"}, Content: "<p>Bonn dpa | It rains.</p>"}, nil, []string{`class="dateline"`}},
		{"dateline of an agency", feed.Article{Title: "T", Dateline: feed.Dateline{Agency: "dpa"}, Content: "<p>It rains.</p>"}, []string{`<p class="dateline">dpa</p>`}, nil},
		{"controls", feed.Article{Title: "Bell\a and \u0085nel \ufffe \U0001ffff.", Content: "<p>a\x00\x1bb\u009f</p>"}, []string{"Bell and nel  ."}, []string{"\a", "\u0085", "\ufffe", "\U0001ffff", "\x00", "\x1b", "\u009f"}},
		{"related without link", feed.Article{Title: "T", Related: []feed.Related{{Title: "Lost", Tags: []string{"Unfiled"}}}}, []string{`<p dir="auto">Lost</p>`, `<span dir="auto">Unfiled</span>`}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := archive(t)
			save(t, db, gazette, 0, tt.article)
			page := body(t, ask(t, site(t, db), "GET", "/articles/1").Body)
			wellFormed(t, page)
			for _, want := range tt.want {
				if !strings.Contains(page, want) {
					t.Errorf("lacks %q in\n%s", want, page)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(page, not) {
					t.Errorf("holds %q in\n%s", not, page)
				}
			}
		})
	}
}

func TestRevisedArticle(t *testing.T) {
	db := filled(t)
	h := site(t, db)
	before := ask(t, h, "GET", "/articles/131")
	revised := news()
	revised.Title = "Die Brücke ist wieder offen"
	save(t, db, bote, 48*time.Hour, revised)
	after := ask(t, h, "GET", "/articles/131", "If-None-Match", before.Header.Get("Etag"))
	page := body(t, after.Body)
	if after.StatusCode != 200 {
		t.Errorf("%d after a revision", after.StatusCode)
	}
	for _, want := range []string{"wieder offen", ">5 March 2024<", `<dd><a href="/articles/131/revisions">2</a>, this one of`, `href="/articles/131/revisions/1/diff"`, ">7 March 2024<"} {
		if !strings.Contains(page, want) {
			t.Errorf("lacks %q", want)
		}
	}
	if got := after.Header.Get("Last-Modified"); got != "" {
		t.Errorf("Last-Modified %s, though nothing says when an article's standing changed", got)
	}
}

func TestPagesAreWellFormed(t *testing.T) {
	for name, h := range map[string]http.Handler{"filled": site(t, filled(t)), "empty": site(t, archive(t))} {
		for _, path := range []string{"/", "/feed", "/feed/archive/1", "/tags", "/tags/after/b", "/feeds", "/search", "/search?q=harbour", "/search?q=%22", "/search?q=nobody", "/sources", "/authors", "/tags/harbour", "/sources/der-talbote", "/articles/131", "/articles/131/diff", "/articles/131/revisions", "/articles/131/revisions/0", "/changes", "/nothing"} {
			t.Run(name+path, func(t *testing.T) {
				wellFormed(t, body(t, ask(t, h, "GET", path, "Accept", "text/html").Body))
			})
		}
	}
}

// wellFormed fails unless every element of a page is closed where it should be.
func wellFormed(t *testing.T, page string) {
	t.Helper()
	void := map[string]bool{"meta": true, "link": true, "img": true, "br": true, "hr": true, "input": true, "source": true, "wbr": true}
	var open []string
	z := nethtml.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case nethtml.ErrorToken:
			if len(open) > 0 {
				t.Errorf("not closed: %q", open)
			}
			return
		case nethtml.StartTagToken:
			if name, _ := z.TagName(); !void[string(name)] {
				open = append(open, string(name))
			}
		case nethtml.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				t.Fatalf("</%s> in %q", name, open)
			}
			open = open[:len(open)-1]
		}
	}
}

// FuzzRequest sends what no reader would. Whatever comes, nothing breaks, nothing of it comes back
// unescaped, and what is said to be unchanged has a tag.
func FuzzRequest(f *testing.F) {
	for _, path := range everyKind() {
		f.Add(path, "", "gzip", `"x"`)
	}
	f.Add("/feed/archive/2.rss", "x=1", "zstd;q=0.1,*;q=0", `W/"a", "b`)
	f.Add("/tags/after/h", "", "gzip;q=1.0000;q=x", `*`)
	f.Add("/feeds/a/b/archive/1.atom", "", "", "")
	f.Add("/search", "q=<script>alert(1)</script>", "", "")
	f.Add("/search.atom", "q=tag:harbour+-(ship+or+salt)", "gzip", `"x"`)
	f.Add("/tags/<script>alert(1)</script>", "q=<script>", ";;;,=", `"`)
	f.Add("//x/../..//", "%zz", "", "W/")
	h := site(f, filled(f))
	f.Fuzz(func(t *testing.T, path, query, accept, tag string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = &url.URL{Path: path, RawQuery: query}
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Accept-Encoding", accept)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch w.Code {
		case 200, 304:
			if w.Header().Get("Etag") == "" {
				t.Errorf("%d without a tag", w.Code)
			}
		case 301, 307, 308:
			if to := w.Header().Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, "://") {
				t.Errorf("sent away to %q", to)
			}
		case 400, 404:
			if strings.Contains(w.Body.String(), "<script") {
				t.Errorf("echoed: %s", w.Body)
			}
		default:
			t.Errorf("answered with %d", w.Code)
		}
	})
}
