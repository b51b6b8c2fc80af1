package web_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// A saved search is a feed like all others, and so is each part of one that is split.
func TestSavedSearches(t *testing.T) {
	db := filled(t)
	for _, d := range []store.Definition{{Name: "Ships at sea", Query: "ship"}, {Name: "Piers", Query: "harbour", Split: true}} {
		if _, err := db.Define(context.Background(), d, nil); err != nil {
			t.Fatal(err)
		}
	}
	h := site(t, db)
	for name, want := range map[string]int{"ships-at-sea": 2, "piers/harbour": 2, "piers/pier-1": 1} {
		for _, ext := range formatsOfFeeds {
			if documents := checkWalk(t, db, h, store.Ref{Kind: store.Search, Name: name}, ext); len(documents) != want {
				t.Errorf("%s%s has %d documents, want %d", name, ext, len(documents), want)
			}
		}
	}
	list := body(t, ask(t, h, "GET", "/feeds").Body)
	for _, want := range []string{`href="/feeds/ships-at-sea"`, `href="/feeds/piers/pier-1"`, "Ships at sea"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list lacks %s", want)
		}
	}
	for path, want := range map[string]int{
		"/feeds/ships-at-sea": 200, "/feeds/piers/pier-1": 200, "/feeds/ships-at-sea/archive/1": 200, "/feeds/piers/harbour/archive/1": 200,
		"/feeds/ships-at-sea/archive/2": 307, "/feeds/ships-at-sea/archive/3": 404, "/feeds/nothing": 404, "/feeds/piers/pier-1/archive/2.rss": 404,
		"/feeds/after/piers": 200,
	} {
		if r := ask(t, h, "GET", path, "Accept", "text/html"); r.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, r.StatusCode, want)
		} else if want == 200 {
			wellFormed(t, body(t, r.Body))
		}
	}
}

func TestSearch(t *testing.T) {
	db := filled(t)
	save(t, db, bote, 2*time.Minute, feed.Article{GUID: "tide", Title: "Ebbe & Flut", Content: "<p>Das Wasser <i>steigt</i>.</p>", Published: morning.Add(-3000 * time.Hour), Tags: []feed.Tag{{Term: "Wasser"}}})
	h := site(t, db)
	titles := func(query, ext string) []string {
		r := ask(t, h, "GET", "/search"+ext+"?q="+query)
		if r.StatusCode != 200 {
			t.Fatalf("%s: %d %s", query, r.StatusCode, body(t, r.Body))
		}
		return titlesOf(t, "x"+ext, body(t, r.Body))
	}
	for query, want := range map[string][]string{
		"steigt":                             {"Ebbe & Flut"},
		"tag:wasser":                         {"Ebbe & Flut"},
		"source:der-talbote+-br%C3%BCcke":    {"Ebbe & Flut"},
		"source:gazette.example+%22number+7": {"Ship number 7 has come in"},
		"tag:unheard-of":                     nil,
		"author:nobody":                      nil,
		"source:nobody":                      nil,
		"nothingofthekind":                   nil,
	} {
		query = strings.Replace(query, "%22number+7", "%22number+7+has%22", 1)
		for _, ext := range formatsOfFeeds {
			if got := titles(query, ext); !slices.Equal(got, want) {
				t.Errorf("%s%s: %q, want %q", query, ext, got, want)
			}
		}
	}
	if got := titles("ship", ".atom"); len(got) != 100 {
		t.Errorf("%d found, want as many as a feed holds", len(got))
	}

	r := ask(t, h, "GET", "/search?q=steigt")
	page := body(t, r.Body)
	wellFormed(t, page)
	for _, want := range []string{"Ebbe &amp; Flut", `value="steigt"`, `href="/search.atom?q=steigt"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if csp := r.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self'") {
		t.Errorf("the form cannot be sent: %s", csp)
	}
	for _, odd := range []string{"%22", "(", "<script>alert(1)</script>", `"><script>alert(1)</script>`, strings.Repeat("a", 1001), strings.Repeat("(", 900), "since:never", "%00%ff"} {
		r := ask(t, h, "GET", "/search?q="+strings.ReplaceAll(html.EscapeString(odd), " ", "+"))
		if page := body(t, r.Body); r.StatusCode != 200 || strings.Contains(page, "<script") {
			t.Errorf("%s: %d\n%s", odd, r.StatusCode, page)
		}
	}
	tag := ask(t, h, "GET", "/search.json?q=steigt").Header.Get("Etag")
	if r := ask(t, h, "GET", "/search.json?q=steigt", "If-None-Match", tag); r.StatusCode != 304 {
		t.Errorf("%d with the tag of what is found still", r.StatusCode)
	}
	if r := ask(t, h, "GET", "/search.json?q=ship", "If-None-Match", tag); r.StatusCode != http.StatusOK {
		t.Errorf("%d with the tag of another search", r.StatusCode)
	}
}

// Changes are on pages with fixed borders.
func TestOlderChanges(t *testing.T) {
	db := archive(t)
	for n := range 250 {
		save(t, db, bote, time.Duration(n)*time.Hour, feed.Article{GUID: "x", Title: fmt.Sprint("Version ", n, "."), Updated: morning.Add(time.Duration(n) * time.Hour)})
	}
	h := site(t, db)
	first := body(t, ask(t, h, "GET", "/changes/1").Body)
	wellFormed(t, first)
	if !strings.Contains(first, "Version 100.") || !strings.Contains(first, "Version 1.") || strings.Contains(first, "Version 101.") || strings.Contains(first, `rel="next"`) {
		t.Errorf("the oldest page:\n%s", first)
	}
	newest := body(t, ask(t, h, "GET", "/changes").Body)
	if !strings.Contains(newest, `href="/changes/2" rel="next"`) || !strings.Contains(newest, "Version 249.") {
		t.Errorf("the newest page:\n%s", newest)
	}
	if r := ask(t, h, "GET", "/changes/3"); r.StatusCode != 307 || r.Header.Get("Location") != "/changes" {
		t.Errorf("the page that is not full: %d to %s", r.StatusCode, r.Header.Get("Location"))
	}
	save(t, db, bote, 300*time.Hour, feed.Article{GUID: "x", Title: "Version 250.", Updated: morning.Add(300 * time.Hour)})
	if again := body(t, ask(t, h, "GET", "/changes/1").Body); again != first {
		t.Error("a full page has changed")
	}
}
