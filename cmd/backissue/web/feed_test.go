package web_test

import (
	"encoding/json"
	"encoding/xml"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/feed"
)

// Each format says the same of itself: who it is, where it is and where the others are.
func TestFeedDocument(t *testing.T) {
	h := site(t, filled(t))
	var atom struct {
		ID       string `xml:"id"`
		Title    string `xml:"title"`
		Subtitle string `xml:"subtitle"`
		Updated  string `xml:"updated"`
		Lang     string `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
		Links    []struct {
			Rel  string `xml:"rel,attr"`
			Href string `xml:"href,attr"`
			Type string `xml:"type,attr"`
		} `xml:"link"`
		Entries []struct{} `xml:"entry"`
	}
	text := body(t, ask(t, h, "GET", "/tags/harbour.atom").Body)
	if err := xml.Unmarshal([]byte(text), &atom); err != nil {
		t.Fatal(err)
	}
	if atom.Title != "Harbour — Back Issues" || !strings.Contains(atom.Subtitle, "under the tag Harbour") || atom.Updated != "2024-03-05T08:30:00Z" || atom.Lang != "en" || len(atom.Entries) != 100 {
		t.Errorf("%q, %q, %s, %s, %d entries", atom.Title, atom.Subtitle, atom.Updated, atom.Lang, len(atom.Entries))
	}
	links := make(map[string]string)
	for _, l := range atom.Links {
		links[l.Rel+" "+l.Type] = l.Href
	}
	for kind, want := range map[string]string{
		"self application/atom+xml":       "http://archive.example/tags/harbour.atom",
		"alternate text/html":             "http://archive.example/tags/harbour",
		"alternate application/rss+xml":   "http://archive.example/tags/harbour.rss",
		"alternate application/feed+json": "http://archive.example/tags/harbour.json",
	} {
		if links[kind] != want {
			t.Errorf("%s leads to %q, want %q", kind, links[kind], want)
		}
	}
	var j struct {
		Title string `json:"title"`
		Self  string `json:"feed_url"`
		Home  string `json:"home_page_url"`
	}
	if err := json.Unmarshal([]byte(body(t, ask(t, h, "GET", "/tags/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8.json").Body)), &j); err != nil {
		t.Fatal(err)
	}
	if home := "http://archive.example/tags/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8"; j.Title != "новости — Back Issues" || j.Home != home || j.Self != home+".json" {
		t.Errorf("%+v", j)
	}
}

// A feed's identifier is the archive's and the feed's, wherever the archive is reached.
func TestFeedIdentity(t *testing.T) {
	id := regexp.MustCompile(`<id>(urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})</id>`)
	db, other := filled(t), archive(t)
	save(t, other, gazette, time.Second, plainNews(130)...)
	here := site(t, db)
	there := siteWith(t, web.Options{Archive: db, BaseURL: "https://elsewhere.example/x", Title: "Moved"})
	elsewhere := site(t, other)
	of := func(name, path string) string {
		h := here
		switch name {
		case "there":
			h = there
		case "elsewhere":
			h = elsewhere
		}
		m := id.FindStringSubmatch(body(t, ask(t, h, "GET", path).Body))
		if m == nil {
			t.Fatalf("%s at %s has no identifier", path, name)
		}
		return m[1]
	}
	met := make(map[string]string)
	for _, path := range []string{"/feed.atom", "/tags/harbour.atom", "/tags/pier-1.atom", "/authors/ann-porter.atom", "/sources/the-harbour-gazette.atom"} {
		first := of("here", path)
		if second := of("there", path); second != first {
			t.Errorf("%s is %s here and %s there", path, first, second)
		}
		for _, id := range []string{first, of("elsewhere", path)} {
			if before, ok := met[id]; ok {
				t.Errorf("%s has the identifier of %s", path, before)
			}
			met[id] = path
		}
	}
	// New articles do not change it.
	before := of("here", "/feed.atom")
	save(t, db, bote, time.Hour, feed.Article{GUID: "next", Title: "Next"})
	if after := of("here", "/feed.atom"); after != before {
		t.Errorf("the identifier became %s from %s", after, before)
	}
}

// The same archive gives the same bytes and validators in another process.
func TestSameArchiveSameBytes(t *testing.T) {
	db := filled(t)
	one, two := site(t, db), site(t, db)
	for _, path := range everyKind() {
		for _, coding := range []string{"identity", "gzip", "zstd"} {
			a, b := ask(t, one, "GET", path, "Accept-Encoding", coding), ask(t, two, "GET", path, "Accept-Encoding", coding)
			if body(t, a.Body) != body(t, b.Body) || a.Header.Get("Etag") != b.Header.Get("Etag") || a.Header.Get("Last-Modified") != b.Header.Get("Last-Modified") {
				t.Errorf("%s in %s differs between two runs", path, coding)
			}
		}
	}
	// What decides the bytes decides the tag.
	for name, o := range map[string]web.Options{
		"base URL": {Archive: db, BaseURL: "http://other.example", Title: "Back Issues", Version: "1.0"},
		"title":    {Archive: db, BaseURL: "http://archive.example", Title: "Other", Version: "1.0"},
		"version":  {Archive: db, BaseURL: "http://archive.example", Title: "Back Issues", Version: "1.1"},
	} {
		for _, path := range []string{"/feed.atom", "/tags/harbour.json"} {
			if a, b := ask(t, one, "GET", path), ask(t, siteWith(t, o), "GET", path); a.Header.Get("Etag") == b.Header.Get("Etag") {
				t.Errorf("%s has the same tag with another %s", path, name)
			}
		}
	}
}
