package web_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// titlesOf returns the titles of a document's entries.
func titlesOf(t *testing.T, path, document string) []string {
	t.Helper()
	d := walked{path: path, bytes: document, links: make(map[string]string)}
	d.read(t)
	var titles []string
	for _, e := range d.entries {
		_, title, _ := strings.Cut(e, "\t")
		titles = append(titles, title)
	}
	slices.Sort(titles)
	return titles
}

// Whoever brings the tag of an older document, in any encoding, gets exactly what is newer.
func TestDeltas(t *testing.T) {
	db := filled(t)
	h := siteWith(t, web.Options{Archive: db, BaseURL: "http://archive.example", Title: "Back Issues", Version: "1.0", Deltas: true})
	const vary = "Accept-Encoding, A-IM, If-None-Match"
	hours := 0
	for _, ext := range formatsOfFeeds {
		path := "/tags/harbour" + ext
		type had struct {
			tags []string
			new  []string // titles of what has come since
		}
		var past []*had
		news := func(titles ...string) {
			for _, p := range past {
				p.new = append(p.new, titles...)
			}
		}
		for round := range 4 {
			p := &had{}
			for _, coding := range []string{"identity", "gzip", "zstd"} {
				r := ask(t, h, "GET", path, "Accept-Encoding", coding)
				p.tags = append(p.tags, r.Header.Get("Etag"))
				if r.StatusCode != 200 || r.Header.Get("Vary") != vary || r.Header.Get("Im") != "" {
					t.Errorf("%s: %d, %v", path, r.StatusCode, r.Header)
				}
			}
			past = append(past, p)
			var articles []feed.Article
			for i := range round + 1 {
				title := fmt.Sprint("Barge ", ext, round, i)
				articles = append(articles, feed.Article{GUID: title, Title: title, Published: morning.Add(-1000 * time.Hour), Tags: []feed.Tag{{Term: "Harbour"}}})
				news(title)
			}
			hours++
			save(t, db, gazette, time.Duration(hours)*time.Hour, articles...)
			current := ask(t, h, "GET", path, "Accept-Encoding", "gzip")
			for _, p := range past {
				slices.Sort(p.new)
				for _, tag := range p.tags {
					for _, accept := range []string{"identity", "gzip"} {
						r := ask(t, h, "GET", path, "A-IM", "vcdiff, feed;q=0.8", "If-None-Match", tag, "Accept-Encoding", accept)
						coding := r.Header.Get("Content-Encoding")
						if r.StatusCode != 226 || r.Header.Get("Im") != "feed" || r.Header.Get("Cache-Control") != "no-store, im" || r.Header.Get("Vary") != vary ||
							r.Header.Get("Content-Type") != current.Header.Get("Content-Type") || len(r.Header) > 8 {
							t.Fatalf("%s with %s: %d, %v", path, tag, r.StatusCode, r.Header)
						}
						whole := ask(t, h, "GET", path, "Accept-Encoding", accept)
						if coding == whole.Header.Get("Content-Encoding") && r.Header.Get("Etag") != whole.Header.Get("Etag") {
							t.Errorf("%s: ETag %s, of the whole document %s", path, r.Header.Get("Etag"), whole.Header.Get("Etag"))
						}
						if got := titlesOf(t, path, unpack(t, r)); !slices.Equal(got, p.new) {
							t.Errorf("%s with %s: %q, want %q", path, tag, got, p.new)
						}
					}
				}
			}
			for name, fields := range map[string][]string{
				"current tag":    {"A-IM", "feed", "If-None-Match", current.Header.Get("Etag")},
				"no tag":         {"A-IM", "feed"},
				"other document": {"A-IM", "feed", "If-None-Match", ask(t, h, "GET", "/feed"+ext).Header.Get("Etag")},
				"other tag":      {"A-IM", "feed", "If-None-Match", `"1.1.1.AAAAAAAAAAAAAAAA"`},
				"not asked for":  {"If-None-Match", past[0].tags[0]},
				"not wanted":     {"A-IM", "feed;q=0, gzip", "If-None-Match", past[0].tags[0]},
			} {
				want := 200
				if name == "current tag" {
					want = 304
				}
				if r := ask(t, h, "GET", path, fields...); r.StatusCode != want || r.Header.Get("Vary") != vary || r.Header.Get("Im") != "" {
					t.Errorf("%s, %s: %d, %v", path, name, r.StatusCode, r.Header)
				}
			}
		}
	}
}

// What cannot be told as what is newer is told as a whole; and nobody who is not served deltas sees
// that there are any.
func TestNoDelta(t *testing.T) {
	db := archive(t)
	source := gazette
	visit := func(hours int, whole bool, titles ...string) {
		t.Helper()
		var articles []feed.Article
		for _, title := range titles {
			articles = append(articles, feed.Article{GUID: title, Title: title, Published: morning, Content: "<p>" + title + title + "</p>"})
		}
		at := morning.Add(time.Duration(hours) * time.Hour)
		if known, err := db.SourceByURL(context.Background(), gazette.URL); err == nil {
			source.Fetch = known.Fetch
		}
		source.Fetch.Checked = at
		saved, err := db.Save(context.Background(), store.Batch{Source: source, Articles: feed.Identify(articles, source.Home, feed.PolicyAuto), Seen: at, Whole: whole})
		if err != nil || saved[0].Err != nil {
			t.Fatal(err, saved)
		}
	}
	visit(0, true, "a", "b")
	open := siteWith(t, web.Options{Archive: db, BaseURL: "http://archive.example", Title: "Back Issues", Version: "1.0", Deltas: true})
	closed := site(t, db)
	const path = "/sources/the-harbour-gazette.atom"
	ask1 := func(h http.Handler, tag string) int {
		return ask(t, h, "GET", path, "A-IM", "feed", "If-None-Match", tag).StatusCode
	}
	tag := ask(t, open, "GET", path).Header.Get("Etag")
	if plain := ask(t, closed, "GET", path); plain.Header.Get("Etag") != tag || plain.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("where there are no deltas: %v", plain.Header)
	}
	visit(1, true, "a", "b", "c")
	if got := ask1(open, tag); got != 226 {
		t.Errorf("%d, want 226", got)
	}
	if got := ask1(closed, tag); got != 200 {
		t.Errorf("where there are no deltas: %d", got)
	}
	source.Description = "A feed that describes itself anew"
	visit(2, true, "a", "b", "c", "d")
	if got := ask1(open, tag); got != 200 {
		t.Errorf("%d, though the source describes itself anew", got)
	}
	tag = ask(t, open, "GET", path).Header.Get("Etag")
	visit(3, true, "a", "b", "c", "d", "e")
	if got := ask1(open, tag); got != 226 {
		t.Errorf("%d, want 226", got)
	}
	newer := siteWith(t, web.Options{Archive: db, BaseURL: "http://archive.example", Title: "Back Issues", Version: "2.0", Deltas: true})
	if got := ask1(newer, tag); got != 200 {
		t.Errorf("%d with the tag of another version of the program", got)
	}
}
