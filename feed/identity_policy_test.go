package feed_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/backissue/backissue/feed"
)

// TestIdentifyByPolicy says for each policy which of two documents' items have the same Key. Like
// those of TestIdentify, the Keys must never change.
func TestIdentifyByPolicy(t *testing.T) {
	const home = "https://example.org/"
	link := func(s string) string { return "https://example.org/" + s }
	for name, test := range map[string]struct {
		policy feed.Policy
		in     []feed.Article
		want   []string
	}{
		"guid": {feed.PolicyGUID, []feed.Article{{GUID: "1", Link: link("a")}, {GUID: "2", Link: link("a")}}, []string{"1", "2"}},
		"guid, where there is none": {feed.PolicyGUID, []feed.Article{{GUID: "1", Link: link("a")}, {Link: link("b")}},
			[]string{"1", link("b")}},
		"link": {feed.PolicyLink, []feed.Article{{GUID: "1", Link: link("a")}, {GUID: "1", Link: link("b")}},
			[]string{link("a"), link("b")}},
		"link, one for several": {feed.PolicyLink,
			[]feed.Article{{GUID: "1", Link: link("a"), Title: "A"}, {GUID: "2", Link: link("a"), Title: "B"}},
			[]string{"urn:uuid:3e128e70-9c0d-5392-acec-c77c38e9d1f4", "urn:uuid:0eb90b29-d387-5aec-98ae-f14a8885329e"}},
		"title": {feed.PolicyTitle,
			[]feed.Article{{GUID: "1", Link: link("a"), Title: "A", Published: march}, {GUID: "1", Link: link("a"), Title: "A", Published: march.AddDate(0, 0, 1)}},
			[]string{"urn:uuid:e1e65e77-b318-53b8-8df6-790529deeee1", "urn:uuid:a20b4bbd-e8c7-529a-8a9c-15e0c4cc0f71"}},
		"title, where there is none": {feed.PolicyTitle, []feed.Article{{GUID: "1", Summary: "x"}}, []string{"urn:uuid:ba9a09fc-a8c1-5d07-b4ff-84ec3b09cd96"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := keys(feed.Identify(slices.Clone(test.in), home, test.policy)); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestResolveByPolicy(t *testing.T) {
	text := strings.Repeat("Some text of an article. ", 10)
	old := feed.Article{GUID: "1", Link: "https://example.org/a", Title: "A", Published: march, Content: text}
	edit := func(f func(*feed.Article)) feed.Article { n := old; f(&n); return n }
	newGUID := edit(func(n *feed.Article) { n.GUID = "2" })
	newLink := edit(func(n *feed.Article) { n.Link = "https://example.org/b" })
	other := edit(func(n *feed.Article) {
		n.GUID, n.Title, n.Content, n.Published = "2", "B", "Quite another text.", march.AddDate(0, 0, 3)
	})
	moved := edit(func(n *feed.Article) { n.GUID, n.Link = "2", "https://example.com/b" })
	tracked := edit(func(n *feed.Article) { n.GUID, n.Link = "2", n.Link+"?utm_source=rss" })
	noGUID := edit(func(n *feed.Article) { n.GUID, n.Link = "", n.Link+"?fbclid=1" })
	for name, test := range map[string]struct {
		policy feed.Policy
		before feed.Policy // under which the archive has met the old one
		next   feed.Article
		known  bool
	}{
		"auto, another guid":                   {feed.PolicyAuto, feed.PolicyAuto, newGUID, true},
		"auto, guid and link":                  {feed.PolicyAuto, feed.PolicyAuto, moved, true},
		"auto, tracked":                        {feed.PolicyAuto, feed.PolicyAuto, tracked, true},
		"auto, no guid and tracked":            {feed.PolicyAuto, feed.PolicyAuto, noGUID, true},
		"auto, another on the same page":       {feed.PolicyAuto, feed.PolicyAuto, other, false},
		"guid, another guid":                   {feed.PolicyGUID, feed.PolicyGUID, newGUID, false},
		"guid, guid and link":                  {feed.PolicyGUID, feed.PolicyGUID, moved, false},
		"guid, another link":                   {feed.PolicyGUID, feed.PolicyGUID, newLink, true},
		"guid, none":                           {feed.PolicyGUID, feed.PolicyGUID, noGUID, true},
		"link, another guid":                   {feed.PolicyLink, feed.PolicyLink, newGUID, true},
		"link, everything but the link":        {feed.PolicyLink, feed.PolicyLink, other, true},
		"link, another link":                   {feed.PolicyLink, feed.PolicyLink, newLink, false},
		"link, tracked":                        {feed.PolicyLink, feed.PolicyLink, tracked, true},
		"link, met before as auto":             {feed.PolicyLink, feed.PolicyAuto, other, true},
		"link, another link, met as auto":      {feed.PolicyLink, feed.PolicyAuto, newLink, false},
		"title, guid and link":                 {feed.PolicyTitle, feed.PolicyTitle, moved, true},
		"title, another title":                 {feed.PolicyTitle, feed.PolicyTitle, other, false},
		"title, met before as auto":            {feed.PolicyTitle, feed.PolicyAuto, moved, true},
		"title, another title, met as auto":    {feed.PolicyTitle, feed.PolicyAuto, other, false},
		"auto again, what was met by title":    {feed.PolicyAuto, feed.PolicyTitle, moved, true},
		"auto again, what was met by its link": {feed.PolicyAuto, feed.PolicyLink, newGUID, true},
	} {
		t.Run(name, func(t *testing.T) {
			m := remember(feed.Identify([]feed.Article{old}, "", test.before)...)
			got, err := feed.Resolve(feed.Identify([]feed.Article{test.next}, "", test.policy), test.policy, m)
			if err != nil || (got[0] == 1) != test.known {
				t.Errorf("got %v, %v; want known %v", got, err, test.known)
			}
		})
	}
}

// TestResolveMoved meets articles whose guid and link are both others.
func TestResolveMoved(t *testing.T) {
	day := march.Truncate(24 * 60 * 60 * 1e9)
	text := "<p>" + strings.Repeat("Some text of an article. ", 10) + "</p>"
	old := feed.Article{GUID: "1", Link: "https://example.org/2026/a-slug-of-an-article", Title: "A", Published: march, Content: text}
	for name, test := range map[string]struct {
		edit  func(old, next *feed.Article)
		known bool
	}{
		"nothing else": {func(_, _ *feed.Article) {}, true},
		"other markup": {func(_, n *feed.Article) {
			n.Content = "<div class='x'>" + strings.Repeat("Some text of an article.\n", 10)
		}, true},
		"no titles":                {func(o, n *feed.Article) { o.Title, n.Title = "", "" }, true},
		"a title now":              {func(o, _ *feed.Article) { o.Title = "" }, true},
		"a few words, no titles":   {func(o, n *feed.Article) { o.Title, n.Title, o.Content, n.Content = "", "", "Hi!", "<p>Hi!</p>" }, true},
		"nothing but a date":       {func(o, n *feed.Article) { o.Title, n.Title, o.Content, n.Content = "", "", "<!-- x -->", "<!-- x -->" }, true},
		"other words, no titles":   {func(o, n *feed.Article) { o.Title, n.Title, n.Content = "", "", "Other words." }, false},
		"another title and text":   {func(_, n *feed.Article) { n.Title, n.Content = "B", "Other words." }, false},
		"dated to the day":         {func(o, n *feed.Article) { o.Published, n.Published = day, day }, true},
		"to the day, another text": {func(o, n *feed.Article) { o.Published, n.Published, n.Content = day, day, "Other words." }, false},
		"to the day, the same slug": {func(o, n *feed.Article) {
			o.Published, n.Published, n.Content, n.Link = day, day, "Other words.", "https://example.com/a-slug-of-an-article/"
		}, true},
		"another second": {func(_, n *feed.Article) { n.Published, n.Content = march.Add(1e9), "Other words." }, false},
	} {
		t.Run(name, func(t *testing.T) {
			o, n := old, old
			n.GUID, n.Link = "2", "https://example.com/b"
			test.edit(&o, &n)
			m := remember(feed.Identify([]feed.Article{o}, "", feed.PolicyAuto)...)
			got, err := feed.Resolve(feed.Identify([]feed.Article{n}, "", feed.PolicyAuto), feed.PolicyAuto, m)
			if err != nil || (got[0] == 1) != test.known {
				t.Errorf("got %v, %v; want known %v", got, err, test.known)
			}
		})
	}
}

// TestResolveOneLinkAfterAnother meets articles without guids that come alone, one after the other,
// on one page. The second gets the Key that it has where it meets the first.
func TestResolveOneLinkAfterAnother(t *testing.T) {
	first := feed.Article{Link: "https://example.org/news", Title: "A", Published: march, Content: "The first text."}
	second := feed.Article{Link: "https://example.org/news", Title: "B", Published: march.AddDate(0, 0, 1), Content: "The second."}
	together := keys(feed.Identify([]feed.Article{first, second}, "", feed.PolicyAuto))
	known := feed.Identify([]feed.Article{first}, "", feed.PolicyAuto)
	for range 2 { // when it comes and when it comes again
		next := feed.Identify([]feed.Article{second}, "", feed.PolicyAuto)
		got, err := feed.Resolve(next, feed.PolicyAuto, remember(known...))
		want := feed.ID(0)
		if len(known) == 2 {
			want = 2
		}
		if err != nil || got[0] != want || next[0].Key != together[1] {
			t.Fatalf("got %v, %v, key %q; want %v, %q", got, err, next[0].Key, want, together[1])
		}
		known = append(known[:1], next[0])
	}
	both := feed.Identify([]feed.Article{first, second}, "", feed.PolicyAuto)
	if got, err := feed.Resolve(both, feed.PolicyAuto, remember(known...)); err != nil || !slices.Equal(got, []feed.ID{1, 2}) {
		t.Errorf("together: %v, %v", got, err)
	}
}
