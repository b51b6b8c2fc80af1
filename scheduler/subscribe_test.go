package scheduler_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
)

// page is a web page that names feeds.
func page(feeds ...string) string {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><html><head><title>A site</title>`)
	for _, f := range feeds {
		fmt.Fprintf(&b, `<link rel="alternate" type="application/rss+xml" title="Feed %[1]s" href="%[1]s">`, f)
	}
	b.WriteString(`</head><body><p>Hello.</p></body></html>`)
	return b.String()
}

func TestSubscribeToAFeed(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	up.set("/feed", text(rss("News", "a", "b"), `"v1"`))
	r, err := w.Subscribe(t.Context(), up.URL+"/feed#top", []string{"World"}, "My name for it")
	if err != nil {
		t.Fatal(err)
	}
	if r.Already || r.Added != 2 || r.Page != "" || r.Source.Title != "News" || r.Source.URL != up.URL+"/feed" || !r.Source.Subscribed {
		t.Errorf("result is %+v", r)
	}
	if s := w.source(r.Source.ID); len(s.Tags) != 1 || s.Tags[0] != "World" || s.Fetch.ETag != `"v1"` {
		t.Errorf("source is %+v", s)
	}
	if got := r.String(); got != "subscribed to News (2 new)" {
		t.Errorf("says %q", got)
	}
	up.requests()
	if round := w.round(scheduler.RoundOptions{}); len(round.Events) != 0 {
		t.Errorf("a round right after it visits again: %+v", round)
	}
	r, err = w.Subscribe(t.Context(), up.URL+"/feed", []string{"world", "Politics"}, "")
	if err != nil || !r.Already || len(up.requests()) != 0 {
		t.Errorf("subscribing again: %+v, %v", r, err)
	}
	if s := w.source(r.Source.ID); strings.Join(s.Tags, " ") != "World Politics" {
		t.Errorf("tags are %q", s.Tags)
	}
	if got := r.String(); got != "already subscribed to News" {
		t.Errorf("says %q", got)
	}
}

func TestSubscribeAgainAfterLeaving(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	up.set("/feed", text(rss("News", "a"), `"v1"`))
	first, err := w.Subscribe(t.Context(), up.URL+"/feed", nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Store.Unsubscribe(t.Context(), first.Source.ID); err != nil {
		t.Fatal(err)
	}
	up.set("/feed", text(rss("News", "b", "a"), `"v2"`))
	r, err := w.Subscribe(t.Context(), up.URL+"/feed", nil, "")
	if err != nil || r.Already || r.Added != 1 || r.Source.ID != first.Source.ID || !w.source(r.Source.ID).Subscribed {
		t.Errorf("result is %+v, %v", r, err)
	}
}

func TestSubscribeToAPage(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	up.set("/", text(page("/broken.xml", "/feed.xml", "/comments.xml"), ""))
	up.set("/broken.xml", text(page(), ""))
	up.set("/feed.xml", text(rss("News", "a"), `"v1"`))
	up.set("/comments.xml", text(rss("Comments", "c"), ""))
	r, err := w.Subscribe(t.Context(), up.URL, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if r.Page != up.URL+"/" || r.Source.URL != up.URL+"/feed.xml" || r.Added != 1 || len(r.Others) != 2 || r.Others[1].Href != up.URL+"/comments.xml" {
		t.Errorf("result is %+v", r)
	}
	for _, want := range []string{"subscribed to News", "chose " + up.URL + "/feed.xml", "names " + up.URL + "/comments.xml"} {
		if !strings.Contains(r.String(), want) {
			t.Errorf("says %q, want %q in it", r, want)
		}
	}
	up.requests()
	up.set("/", text(page("/feed.xml", "/comments.xml"), ""))
	if r, err = w.Subscribe(t.Context(), up.URL, nil, ""); err != nil || !r.Already || len(up.requests()) != 1 {
		t.Errorf("subscribing again: %+v, %v", r, err)
	}
}

func TestSubscribeRefuses(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	other := newSite(t, "127.0.0.2")
	other.set("/feed", text(rss("Internal", "a"), ""))
	up.set("/page", text(page(), ""))
	up.set("/dead", text(page("/gone", "/page"), ""))
	up.set("/elsewhere", text(page(other.URL+"/feed"), ""))
	for path, want := range map[string]string{
		"/missing":   "404",
		"/page":      "names no feed",
		"/dead":      "/gone",
		"/elsewhere": "private network", // a page must not lead to the owner's other machines
	} {
		r, err := w.Subscribe(t.Context(), up.URL+path, nil, "")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want an error that says %q", path, r, err, want)
		}
	}
	var e *fetch.Error
	if _, err := w.Subscribe(t.Context(), up.URL+"/missing", nil, ""); !errors.As(err, &e) || e.Status != 404 {
		t.Errorf("error is %v", err)
	}
	for _, typed := range []string{"", "  ", "ftp://example.org/feed", "two words", "/etc/passwd", "./feed.xml", "http://", "https://exa mple.org/"} {
		if _, err := w.Add(t.Context(), scheduler.Subscription{URL: typed, NoFetch: true}); err == nil {
			t.Errorf("%q is taken for a web address", typed)
		}
	}
	if stats, err := w.Store.Stats(t.Context()); err != nil || stats.Sources != 0 || len(other.requests()) != 0 {
		t.Errorf("%d sources were made by refused subscriptions, %v", stats.Sources, err)
	}
}

func TestSubscribeWithAFullDisk(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	up.set("/feed", text(rss("News", "a"), ""))
	w.archive.fill(func(b store.Batch) bool { return len(b.Articles) > 0 })
	if r, err := w.Subscribe(t.Context(), up.URL+"/feed", nil, ""); err == nil || !strings.Contains(err.Error(), errDisk.Error()) {
		t.Errorf("result is %+v, %v", r, err)
	}
	if stats, err := w.Store.Stats(t.Context()); err != nil || stats.Sources != 0 {
		t.Errorf("%d sources, %v", stats.Sources, err)
	}
}

func TestSubscribeForced(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	r, err := w.Add(t.Context(), scheduler.Subscription{URL: up.URL + "/feed", Title: "Soon", Force: true})
	if err != nil || !strings.Contains(r.Problem, "404") || !strings.Contains(r.String(), "subscribed to Soon, though") {
		t.Fatalf("result is %+v, %v", r, err)
	}
	if s := w.source(r.Source.ID); !s.Subscribed || s.Fetch.Failures != 1 || !s.Fetch.Due.After(w.clock.Now().Add(time.Hour)) {
		t.Errorf("source is %+v", s)
	}
	up.set("/feed", text(rss("News", "a"), ""))
	w.clock.advance(25 * time.Hour) // a request without validators was made
	if round := w.round(scheduler.RoundOptions{}); round.Added != 1 {
		t.Errorf("round: %+v", round)
	}
}

func TestSubscribeWithoutFetching(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	up.set("/feed", text(rss("News", "a"), ""))
	r, err := w.Add(t.Context(), scheduler.Subscription{URL: up.URL + "/feed", Title: "From a list", Tags: []string{"x"}, NoFetch: true})
	if err != nil || r.Already || r.Source.Title != "From a list" || len(up.requests()) != 0 {
		t.Errorf("result is %+v, %v", r, err)
	}
	if round := w.round(scheduler.RoundOptions{}); round.Added != 1 || w.source(r.Source.ID).Title != "News" {
		t.Errorf("round: %+v", round)
	}
}

func TestSubscribeFallsBackToHTTP(t *testing.T) {
	w := newWorld(t)
	var asked []string
	w.Fetch = &fetch.Client{HTTP: &http.Client{Transport: withoutTLS(func(r *http.Request) { asked = append(asked, r.URL.String()) })}}
	r, err := w.Subscribe(t.Context(), "old.example.org/feed", nil, "")
	if err != nil || r.Source.URL != "http://old.example.org/feed" {
		t.Errorf("result is %+v, %v", r, err)
	}
	if want := "https://old.example.org/feed http://old.example.org/feed"; strings.Join(asked, " ") != want {
		t.Errorf("asked for %q", asked)
	}
	asked = nil
	if _, err := w.Subscribe(t.Context(), "https://old.example.org/other", nil, ""); err == nil || len(asked) != 1 {
		t.Errorf("an https address was downgraded: %v, %q", err, asked)
	}
}

// withoutTLS is a web without certificates. It tells what it is asked.
type withoutTLS func(*http.Request)

func (tell withoutTLS) RoundTrip(r *http.Request) (*http.Response, error) {
	tell(r)
	if r.URL.Scheme == "https" {
		return nil, io.EOF
	}
	return inMemory(text(rss("News", "a"), "")).RoundTrip(r)
}

func TestAddresses(t *testing.T) {
	for typed, want := range map[string]string{
		"example.org":                        "https://example.org/ http://example.org/",
		" Example.ORG/Feed ":                 "https://example.org/Feed http://example.org/Feed",
		"HTTPS://Example.ORG:443/a?b=C#d":    "https://example.org/a?b=C",
		"http://example.org:80":              "http://example.org/",
		"http://example.org:443/":            "http://example.org:443/",
		"feed://example.org/x":               "https://example.org/x http://example.org/x",
		"example.org?u=http://x.y/":          "https://example.org/?u=http://x.y/ http://example.org/?u=http://x.y/",
		"feed:https://example.org/x":         "https://example.org/x",
		"localhost:8080/feed.xml":            "http://localhost:8080/feed.xml",
		"127.0.0.1:9000":                     "http://127.0.0.1:9000/",
		"[::1]:80/feed":                      "http://[::1]/feed",
		"nas.local/feed":                     "http://nas.local/feed",
		"intranet/feed":                      "http://intranet/feed",
		"http://me:secret@example.org/feed":  "http://me:secret@example.org/feed",
		"https://example.org/ünter?q=a b":    "https://example.org/%C3%BCnter?q=a%20b",
		"https://example.org/a%2Fb":          "https://example.org/a%2Fb",
		"https://example.org/?u=http://x.y/": "https://example.org/?u=http://x.y/",
	} {
		got, err := scheduler.Addresses(typed)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q means %q, %v; want %q", typed, got, err, want)
		}
	}
}

func FuzzAddresses(f *testing.F) {
	for _, seed := range []string{"example.org", "feed:https://a.b/c?d=e f#g", "[::1]:80", "http://me:secret@x:443/%2F", "localhost:1", "//x", "https://ä.example/ö"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		got, err := scheduler.Addresses(typed)
		if err != nil {
			return
		}
		for _, address := range got {
			again, err := scheduler.Addresses(address)
			if err != nil || len(again) != 1 || again[0] != address {
				t.Errorf("%q means %q, which means %q, %v", typed, address, again, err)
			}
		}
	})
}
