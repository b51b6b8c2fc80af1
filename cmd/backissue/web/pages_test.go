package web_test

import (
	"io"
	"strings"
	"testing"
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
		{"/feed", []string{"All articles", "Ship number 0 ", `href="/feed?before=`}},
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
