package parse_test

import (
	"testing"

	"github.com/backissue/backissue/feed/parse"
)

func TestTrail(t *testing.T) {
	const (
		atom    = `<feed xmlns="http://www.w3.org/2005/Atom" xmlns:fh="http://purl.org/syndication/history/1.0">`
		channel = `<rss version="2.0" xmlns:a="http://www.w3.org/2005/Atom" xmlns:h="http://purl.org/syndication/history/1.0"><channel>`
		item    = `<item><title>x</title></item></channel></rss>`
	)
	for _, test := range []struct {
		name, doc string
		want      parse.Trail
		wordPress bool
		backissue bool
	}{
		{"nothing", channel + item, parse.Trail{}, false, false},
		{"Atom", atom + `<fh:archive/><link rel="prev-archive" href="/1.atom"/><link rel="next" href="/no"/></feed>`,
			parse.Trail{Archive: true, Older: "https://example.org/1.atom", Archived: true}, false, false},
		{"RSS", channel + `<h:complete/><a:link rel="next" href="?p=2"/><a:link rel="PREV-ARCHIVE" href="/1"/>` + item,
			parse.Trail{Complete: true, Older: "https://example.org/1", Archived: true}, false, false},
		{"a page", atom + `<link rel="http://www.iana.org/assignments/relation/next" href="?page=2"/></feed>`,
			parse.Trail{Older: "https://example.org/feed?page=2"}, false, false},
		{"JSON Feed", `{"version": "https://jsonfeed.org/version/1.1", "next_url": "/2.json", "items": []}`,
			parse.Trail{Older: "https://example.org/2.json"}, false, false},
		{"JSON Feed of this program", `{"version": "https://jsonfeed.org/version/1.1", "next_url": "/2.json", "items": [{"id": "1", "title": "x", "_backissue": {"about": "…"}}]}`,
			parse.Trail{Archive: true, Older: "https://example.org/2.json", Archived: true, Generator: "backissue"}, false, true},
		{"no web address", atom + `<link rel="prev-archive" href="javascript:alert(1)"/><link rel="next" href="ftp://example.org/2"/></feed>`,
			parse.Trail{}, false, false},
		{"WordPress in RSS", channel + `<generator>https://wordpress.org/?v=6.4.2</generator>` + item,
			parse.Trail{Generator: "https://wordpress.org/?v=6.4.2"}, true, false},
		{"WordPress in Atom", atom + `<generator uri="https://wordpress.org/" version="6.4">WordPress</generator></feed>`,
			parse.Trail{Generator: "wordpress https://wordpress.org/"}, true, false},
		{"this program", atom + `<generator>backissue</generator></feed>`, parse.Trail{Generator: "backissue"}, false, true},
		{"one that is only called like it", channel + `<generator>backissues</generator>` + item, parse.Trail{Generator: "backissues"}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			doc, err := parse.Feed([]byte(test.doc), parse.Options{URL: "https://example.org/feed"})
			if err != nil {
				t.Fatal(err)
			}
			got := doc.Trail()
			if got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
			if got.WordPress() != test.wordPress || got.Backissue() != test.backissue {
				t.Errorf("WordPress %v, backissue %v", got.WordPress(), got.Backissue())
			}
		})
	}
}
