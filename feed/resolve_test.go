package feed_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
)

// memory is what an archive would know of articles that came in before.
type memory struct {
	articles []feed.Article // numbered from 1
	names    map[feed.Alias]feed.ID
}

func remember(articles ...feed.Article) *memory {
	m := &memory{articles, map[feed.Alias]feed.ID{}}
	for i := range m.articles {
		for _, name := range m.articles[i].Aliases() {
			if _, twice := m.names[name]; twice {
				m.names[name] = 0
				continue
			}
			m.names[name] = feed.ID(i + 1)
		}
	}
	return m
}

func (m *memory) Find(name feed.Alias) (feed.ID, bool, error) {
	id, ok := m.names[name]
	return id, ok, nil
}

func (m *memory) Load(id feed.ID) (*feed.Article, error) { return &m.articles[id-1], nil }

func TestResolve(t *testing.T) {
	day := march.Truncate(24 * time.Hour)
	text := strings.Repeat("Some text of an article. ", 10)
	a := feed.Article{Key: "1", GUID: "1", Link: "https://example.org/a", Title: "A", Published: march, Content: text}
	edit := func(f func(*feed.Article)) feed.Article { n := a; f(&n); return n }
	for name, test := range map[string]struct {
		known, next []feed.Article
		want        []feed.ID
	}{
		"the same": {[]feed.Article{a}, []feed.Article{a}, []feed.ID{1}},
		"edited":   {[]feed.Article{a}, []feed.Article{edit(func(n *feed.Article) { n.Title, n.Content = "B", "x" })}, []feed.ID{1}},
		"a new guid": {[]feed.Article{a},
			[]feed.Article{edit(func(n *feed.Article) { n.Key, n.GUID = "2", "2" })}, []feed.ID{1}},
		"a new guid and title": {[]feed.Article{a},
			[]feed.Article{edit(func(n *feed.Article) { n.Key, n.GUID, n.Title = "2", "2", "B" })}, []feed.ID{1}},
		"a new guid and link, the same text and date": {[]feed.Article{a},
			[]feed.Article{edit(func(n *feed.Article) { n.Key, n.GUID, n.Link = "2", "2", "https://example.org/b" })}, []feed.ID{1}},
		"the same text another day, elsewhere": {[]feed.Article{a},
			[]feed.Article{edit(func(n *feed.Article) {
				n.Key, n.GUID, n.Link, n.Published = "2", "2", "https://example.org/b", march.AddDate(0, 0, 1)
			})}, []feed.ID{0}},
		"another article on the same page, dated to the day": {
			[]feed.Article{edit(func(n *feed.Article) { n.Published = day })},
			[]feed.Article{edit(func(n *feed.Article) { n.Key, n.GUID, n.Title, n.Content, n.Published = "2", "2", "B", "other", day })},
			[]feed.ID{0}},
		"another article whose link is the home page": {
			[]feed.Article{edit(func(n *feed.Article) { n.Link, n.Origin.Home = "https://example.org/", "https://example.org" })},
			[]feed.Article{edit(func(n *feed.Article) {
				n.Key, n.GUID, n.Link, n.Origin.Home = "2", "2", "https://example.org/", "https://example.org"
				n.Content = "other"
			})},
			[]feed.ID{0}},
		"a shared guid, another link, one date": {[]feed.Article{a},
			feed.Identify([]feed.Article{
				{GUID: "1", Link: "https://example.org/b", Title: "B", Published: march},
				{GUID: "1", Link: "https://example.org/a", Title: "A", Published: march, Content: text},
			}, "", feed.PolicyAuto), []feed.ID{0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := feed.Resolve(test.next, feed.PolicyAuto, remember(test.known...))
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
		})
	}
}

// TestResolveTwoKeysOfOne meets an article's old and new key in one document, in either order.
func TestResolveTwoKeysOfOne(t *testing.T) {
	m := remember(feed.Article{Key: "k1", Title: "A"})
	m.names[feed.Alias{Kind: feed.AliasKey, Value: "k2"}] = 1
	for _, test := range []struct {
		next []feed.Article
		want []feed.ID
	}{
		{[]feed.Article{{Key: "k1"}, {Key: "k2"}}, []feed.ID{1, 0}},
		{[]feed.Article{{Key: "k2"}, {Key: "k1"}}, []feed.ID{0, 1}},
		{[]feed.Article{{Key: "k2"}}, []feed.ID{1}},
	} {
		if got, err := feed.Resolve(test.next, feed.PolicyAuto, m); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("got %v, %v; want %v", got, err, test.want)
		}
	}
}

// TestIdentifyKeepsTheOldestsKey adds a newer item that differs in nothing but its hour.
func TestIdentifyKeepsTheOldestsKey(t *testing.T) {
	old := feed.Article{Title: "Weather", Published: march}
	next := feed.Article{Title: "Weather", Published: march.Add(3 * time.Hour)}
	alone := feed.Identify([]feed.Article{old}, "", feed.PolicyAuto)[0].Key
	if both := feed.Identify([]feed.Article{next, old}, "", feed.PolicyAuto); both[1].Key != alone || both[0].Key == alone {
		t.Errorf("alone %q, later %q and %q", alone, both[0].Key, both[1].Key)
	}
}

func BenchmarkIdentifyAlike(b *testing.B) {
	items := make([]feed.Article, 4000)
	for i := range items {
		items[i] = feed.Article{Title: "Weather", Published: march.Add(time.Duration(i) * time.Second)}
	}
	for b.Loop() {
		feed.Identify(slices.Clone(items), "", feed.PolicyAuto)
	}
}
