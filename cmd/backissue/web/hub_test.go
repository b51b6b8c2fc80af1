package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/store"
)

// The live documents of feeds name the hub in their header fields and within; nothing else does.
func TestHubIsNamed(t *testing.T) {
	const hub = "http://archive.example/hub"
	db := filled(t)
	h := siteWith(t, web.Options{Archive: db, BaseURL: "http://archive.example", Title: "Back Issues", Hub: hub})
	for path, within := range map[string]string{
		"/feed.atom":         `<link href="` + hub + `" rel="hub"`,
		"/tags/harbour.rss":  `<atom:link href="` + hub + `" rel="hub"`,
		"/tags/harbour.json": `"hubs": [`,
	} {
		for _, coding := range []string{"identity", "gzip"} {
			a := ask(t, h, "GET", path, "Accept-Encoding", coding)
			want := `<` + hub + `>; rel="hub", <http://archive.example` + path + `>; rel="self"`
			if got := a.Header.Get("Link"); got != want {
				t.Errorf("%s, %s: Link is %q", path, coding, got)
			}
			if most := map[string]int{"identity": 8, "gzip": 9}[coding]; len(a.Header) > most {
				t.Errorf("%s, %s: %d header fields", path, coding, len(a.Header))
			}
		}
		a := ask(t, h, "GET", path)
		if text := body(t, a.Body); !strings.Contains(text, within) {
			t.Errorf("%s does not name its hub", path)
		}
		again := ask(t, h, "GET", path, "If-None-Match", a.Header.Get("Etag"))
		if again.StatusCode != http.StatusNotModified || len(again.Header) > 8 {
			t.Errorf("%s again: %d with %d header fields", path, again.StatusCode, len(again.Header))
		}
	}
	for _, path := range []string{"/tags/harbour/archive/1.atom", "/changes.atom", "/search.atom?q=harbour", "/tags/harbour"} {
		if a := ask(t, h, "GET", path); a.StatusCode != http.StatusOK || a.Header.Get("Link") != "" || strings.Contains(body(t, a.Body), hub) {
			t.Errorf("%s names a hub (%d)", path, a.StatusCode)
		}
	}
	if a := ask(t, site(t, db), "GET", "/feed.atom"); a.Header.Get("Link") != "" {
		t.Error("a hub is named where there is none")
	}
}

// Other people's hubs are named behind our own, or alone.
func TestOtherHubsAreNamed(t *testing.T) {
	db := filled(t)
	others := []string{"https://hub.example/", "https://push.example/?a=b"}
	for own, want := range map[string]string{
		"":                           `<https://hub.example/>; rel="hub", <https://push.example/?a=b>; rel="hub", <http://archive.example/feed.atom>; rel="self"`,
		"http://archive.example/hub": `<http://archive.example/hub>; rel="hub", <https://hub.example/>; rel="hub", <https://push.example/?a=b>; rel="hub", <http://archive.example/feed.atom>; rel="self"`,
	} {
		a := ask(t, siteWith(t, web.Options{Archive: db, BaseURL: "http://archive.example", Hub: own, Hubs: others}), "GET", "/feed.atom")
		if got := a.Header.Get("Link"); got != want {
			t.Errorf("beside %q: Link is %q", own, got)
		}
		text := body(t, a.Body)
		for _, hub := range others {
			if !strings.Contains(text, `<link href="`+hub+`" rel="hub"`) {
				t.Errorf("beside %q: %s is not named within", own, hub)
			}
		}
	}
}

func TestTopic(t *testing.T) {
	const base = "https://archive.example/x"
	for _, ref := range []store.Ref{
		{Kind: store.All}, {Kind: store.Tag, Name: "harbour"}, {Kind: store.Source, Name: "новости"}, {Kind: store.Author, Name: "ann-porter"},
		{Kind: store.Search, Name: "boats"}, {Kind: store.Search, Name: "boats/harbour"},
	} {
		for _, ext := range web.Extensions()[1:] {
			path := web.FeedPath(ref) + ext
			address := base + (&url.URL{Path: path}).EscapedPath()
			got, document, ok := web.Topic(base, address)
			if !ok || got != ref || document != path {
				t.Errorf("%s is %v at %q, %v", address, got, document, ok)
			}
		}
	}
	for _, address := range web.Topics(base+"/", store.Ref{Kind: store.Source, Name: "новости"}) {
		if ref, _, ok := web.Topic(base, address); !ok || ref.Name != "новости" {
			t.Errorf("%s is %v, %v", address, ref, ok)
		}
	}
	for _, address := range []string{
		"", base, base + "/", base + "/feed", base + "/tags/a", base + "/tags/a/archive/1.atom", base + "/feeds/a/archive/1.atom",
		base + "/articles/1.atom", base + "/tags/.atom", base + "/changes.atom", base + "/feed.atom?x", base + "/feed.atom#x",
		base + "/tags/%68arbour.atom", "https://archive.example/feed.atom", "http://archive.example/x/feed.atom", base + "/tags/a%zz.atom",
	} {
		if ref, _, ok := web.Topic(base, address); ok {
			t.Errorf("%q is %v", address, ref)
		}
	}
}
