package feed_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
)

func TestTwins(t *testing.T) {
	minute := time.Date(2026, 3, 1, 12, 34, 0, 0, time.UTC)
	midnight := minute.Truncate(24 * time.Hour)
	long := strings.Repeat("Words that agree. ", 10)
	a := feed.Article{GUID: "tag:example.org,2026:7", Link: "https://www.example.org/a/", Title: "A", Published: minute, Content: long}
	a.Origin.Home = "https://example.org/"
	with := func(change func(*feed.Article)) feed.Article {
		b := a
		change(&b)
		return b
	}
	alone := func(change func(*feed.Article)) feed.Article { // by its link
		return with(func(b *feed.Article) { b.GUID = "7"; change(b) })
	}
	other := func(b *feed.Article) { b.Title, b.Content, b.Published = "B", "short", midnight }
	for name, test := range map[string]struct {
		b    feed.Article
		want bool
	}{
		"the same":       {a, true},
		"link and title": {alone(func(b *feed.Article) { b.Content, b.Published = "", time.Time{} }), true},
		"link with tracking, and title": {alone(func(b *feed.Article) {
			other(b)
			b.Title, b.Link = "A", "http://example.org/a?utm_source=x&fbclid=y#top"
		}), true},
		"link with another parameter":    {alone(func(b *feed.Article) { b.Link += "?page=2" }), false},
		"link and text":                  {alone(func(b *feed.Article) { other(b); b.Content = long }), true},
		"link and a minute":              {alone(func(b *feed.Article) { other(b); b.Published = minute }), true},
		"link alone":                     {alone(other), false},
		"title, text and date alone":     {alone(func(b *feed.Article) { b.Link = "https://example.org/b" }), false},
		"guid and title":                 {with(func(b *feed.Article) { other(b); b.Title, b.Link = " A ", "" }), true},
		"guid and link":                  {with(other), true},
		"guid alone":                     {with(func(b *feed.Article) { other(b); b.Link = "" }), false},
		"a guid that anybody could give": {feed.Article{GUID: "7", Title: "A", Published: minute}, false},
		"nothing":                        {feed.Article{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			elder := a
			if test.b.GUID == "7" {
				elder.GUID = "7"
			}
			if got := feed.Twins(&elder, &test.b); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if got := feed.Twins(&test.b, &elder); got != test.want {
				t.Errorf("turned about: got %v, want %v", got, test.want)
			}
		})
	}
	empty := feed.Article{Title: "A"}
	if feed.Twins(&empty, &empty) {
		t.Error("articles with nothing but a title are twins")
	}
}

func TestTwinNames(t *testing.T) {
	for _, test := range []struct {
		guid, link string
		want       string
	}{
		{"", "", "[]"},
		{"7", "https://Example.org/a/?utm_medium=rss", "[{example.org //example.org/a}]"},
		{"https://example.org/a", "http://www.example.org/a", "[{example.org //example.org/a}]"},
		{"https://example.org/?p=7", "https://example.org/a", "[{example.org //example.org/a} {example.org //example.org?p=7}]"},
		{"tag:example.org,2026:7", "https://example.org/", "[{example.org tag:example.org,2026:7}]"},
		{"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "https://example.org/blog/", "[{urn urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6}]"},
		{"post:7", "mailto:a@example.org", "[]"},
		{"", "https://other.example/#!/a", "[{other.example //other.example/#!/a}]"},
	} {
		a := feed.Article{GUID: test.guid, Link: test.link, Origin: feed.Origin{Home: "https://example.org/blog"}}
		if got := fmt.Sprint(feed.TwinNames(&a)); got != test.want {
			t.Errorf("%q, %q: got %s, want %s", test.guid, test.link, got, test.want)
		}
	}
}
