package web_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/feed"
)

// What is withdrawn is gone from every page and live document, and Atom says so: in the live document,
// to those who ask for what is new, and in the archive document that is sealed next.
func TestWithdrawn(t *testing.T) {
	db := archive(t)
	h := siteWith(t, web.Options{Archive: db, BaseURL: "http://archive.example", Title: "Back Issues", Version: "1.0", Deltas: true})
	article := func(n int) feed.Article {
		id := fmt.Sprint("https://gazette.example/", n)
		return feed.Article{
			GUID: id, Link: id, Title: fmt.Sprint("Ferry ", n, "."), Published: morning.Add(time.Duration(n-1000) * time.Hour),
			Content: "<p>A text.</p>", Language: "en", Tags: []feed.Tag{{Term: "Harbour"}},
		}
	}
	for n := range 3 {
		save(t, db, gazette, time.Hour, article(n))
	}
	edited := article(1)
	edited.Content = "<p>Another text.</p>"
	save(t, db, gazette, 2*time.Hour, edited)
	const path = "/tags/harbour"
	tags := map[string]string{}
	for _, ext := range formatsOfFeeds {
		tags[ext] = ask(t, h, "GET", path+ext).Header.Get("Etag")
	}
	first := fetchFeed(t, h, path+"/archive/1.atom").bytes
	if err := db.Withdraw(context.Background(), 2); err != nil {
		t.Fatal(err)
	}

	for _, page := range []string{"", "/diff", "/revisions", "/revisions/0", "/revisions/1", "/revisions/1/diff", "/revisions/2"} {
		r := ask(t, h, "GET", "/articles/2"+page)
		if text := body(t, r.Body); r.StatusCode != 410 || strings.Contains(text, "Ferry") {
			t.Errorf("%s: %d %s", page, r.StatusCode, text)
		}
	}
	for _, page := range []string{"/", "/feed", path, "/sources/the-harbour-gazette", "/changes", "/changes.atom", "/changes.json", "/search?q=ferry", "/search.atom?q=ferry"} {
		r := ask(t, h, "GET", page)
		if text := body(t, r.Body); r.StatusCode != 200 || strings.Contains(text, "Ferry 1.") || strings.Contains(text, "deleted-entry") {
			t.Errorf("%s: %d %s", page, r.StatusCode, text)
		}
	}
	const stone = `<at:deleted-entry ref="https://gazette.example/1" when="20`
	for _, ext := range formatsOfFeeds {
		now := fetchFeed(t, h, path+ext)
		delta := unpack(t, ask(t, h, "GET", path+ext, "A-IM", "feed", "If-None-Match", tags[ext]))
		for what, text := range map[string]string{"live": now.bytes, "delta": delta} {
			if got := strings.Count(text, stone); got > 1 || (got == 1) != (ext == ".atom") || strings.Contains(text, "Ferry 1.") {
				t.Errorf("%s, %s:\n%s", ext, what, text)
			}
		}
		if r := ask(t, h, "GET", path+ext, "A-IM", "feed", "If-None-Match", tags[ext]); r.StatusCode != 226 {
			t.Errorf("%s: what is new: %d", ext, r.StatusCode)
		}
	}
	if again := fetchFeed(t, h, path+"/archive/1.atom").bytes; again != first {
		t.Error("the document that was sealed before has changed")
	}

	for n := range 100 {
		save(t, db, gazette, 4*time.Hour, article(100+n))
	}
	var sealed string
	for k := 2; ask(t, h, "GET", fmt.Sprint(path, "/archive/", k, ".atom")).StatusCode == 200; k++ {
		sealed += fetchFeed(t, h, fmt.Sprint(path, "/archive/", k, ".atom")).bytes
	}
	if strings.Count(sealed, stone) != 1 || !strings.Contains(sealed, `xml:lang="en"`) {
		t.Errorf("the documents that were sealed since:\n%s", sealed)
	}
	if live := fetchFeed(t, h, path+".atom").bytes; strings.Contains(live, "deleted-entry") {
		t.Error("the live document says again what is sealed")
	}
	if err := db.Restore(context.Background(), 2); err != nil {
		t.Fatal(err)
	}
	if r := ask(t, h, "GET", "/articles/2"); r.StatusCode != 200 {
		t.Errorf("brought back: %d", r.StatusCode)
	}
	if live := fetchFeed(t, h, path+".atom").bytes; !strings.Contains(live, "Ferry 1.") {
		t.Error("brought back, and not in the live document")
	}
}
