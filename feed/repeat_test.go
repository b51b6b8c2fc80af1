package feed_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
)

// note is an item of a feed that gives one guid, one link and one title to different articles.
func note(published time.Time, text string) feed.Article {
	return feed.Article{GUID: "g", Link: "https://example.org/notes", Title: "Note", Published: published, Summary: text}
}

// TestIdentifyRepetitions says which items with one guid, link and title are one article. Like those
// of TestIdentify, the Keys must never change.
func TestIdentifyRepetitions(t *testing.T) {
	edit := func(a feed.Article, f func(*feed.Article)) feed.Article { f(&a); return a }
	long := strings.Repeat("The same words at the beginning. ", 5)
	first, second := note(march, "The first."), note(march.AddDate(0, 0, 2), "The second.")
	const guid, firstDay, secondDay = "g", "urn:uuid:e5daf9c8-acb1-5718-84ff-99f80abc383f", "urn:uuid:58283bf2-3589-597c-ae27-e2c051942599"
	for name, test := range map[string]struct {
		in   []feed.Article
		want map[string]string // text and Key of what is left
	}{
		"another date and another text": {[]feed.Article{second, first},
			map[string]string{"The first.": firstDay, "The second.": secondDay}},
		"another time of the day and another text": {[]feed.Article{note(march.Add(time.Hour), "Later."), first, note(march.Add(2*time.Hour), "Latest.")},
			map[string]string{"The first.": firstDay, "Later.": "urn:uuid:973bec3c-a1f1-5e9e-9030-690750aab75b", "Latest.": "urn:uuid:4c8ca474-a7f6-5467-a214-4c770887798b"}},
		"another date": {[]feed.Article{first, note(march.AddDate(0, 0, 2), "<p>The first."), note(march.AddDate(0, 0, 3), "The first.")},
			map[string]string{"The first.": guid}},
		"another text": {[]feed.Article{first, note(march, "The second.")}, map[string]string{"The first.": guid}},
		"another date and end of the text": {[]feed.Article{note(march, long+"a"), note(march.AddDate(0, 0, 1), long+"b")},
			map[string]string{long + "a": guid}},
		"no date":               {[]feed.Article{first, note(time.Time{}, "The second.")}, map[string]string{"The first.": guid}},
		"no text":               {[]feed.Article{first, note(march.AddDate(0, 0, 2), "<!-- nothing -->")}, map[string]string{"The first.": guid}},
		"two, and one undated":  {[]feed.Article{second, first, note(time.Time{}, "The second.")}, map[string]string{"The first.": firstDay, "The second.": secondDay}},
		"two, and one unlike":   {[]feed.Article{second, first, edit(note(time.Time{}, "Third."), func(a *feed.Article) { a.Updated = march })}, map[string]string{"The first.": firstDay, "The second.": secondDay}},
		"two, and both edited":  {[]feed.Article{edit(first, func(a *feed.Article) { a.Summary, a.Updated = "1st.", march }), second, first, edit(second, func(a *feed.Article) { a.Summary, a.Updated = "2nd.", march })}, map[string]string{"1st.": firstDay, "2nd.": secondDay}},
		"pictures":              {[]feed.Article{note(march, `<img src="https://example.org/1.png">`), note(march.AddDate(0, 0, 2), `<img src="https://example.org/2.png">`)}, map[string]string{`<img src="https://example.org/1.png">`: firstDay, `<img src="https://example.org/2.png">`: secondDay}},
		"beside another title":  {[]feed.Article{first, second, edit(first, func(a *feed.Article) { a.Title, a.Summary = "B", "b" })}, map[string]string{"The first.": firstDay, "The second.": secondDay, "b": "urn:uuid:a0feee24-dcf3-5b58-b0ef-05541d977fc6"}},
		"beside another's link": {[]feed.Article{first, second, edit(first, func(a *feed.Article) { a.Link, a.Summary = "https://example.org/b", "b" })}, map[string]string{"The first.": firstDay, "The second.": secondDay, "b": "urn:uuid:8e624705-1f31-53da-8015-eacb3c74795f"}},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(6) {
				in := slices.Clone(test.in)
				if len(test.want) > 1 && seed > 0 { // else the first one stays
					rand.New(rand.NewPCG(seed, 1)).Shuffle(len(in), func(i, k int) { in[i], in[k] = in[k], in[i] })
				}
				got := map[string]string{}
				for _, a := range feed.Identify(in, "", feed.PolicyAuto) {
					got[a.Summary] = a.Key
				}
				if fmt.Sprint(got) != fmt.Sprint(test.want) {
					t.Fatalf("order %d: got %q, want %q", seed, got, test.want)
				}
			}
		})
	}
}

// TestResolveGUIDOfSeveral meets an article that carries a guid alone, which the archive knows of
// others.
func TestResolveGUIDOfSeveral(t *testing.T) {
	a, b := note(march, "The first."), note(march.AddDate(0, 0, 2), "The second.")
	sameDay := note(march.Add(time.Hour), "The second.")
	edit := func(a feed.Article, f func(*feed.Article)) feed.Article { f(&a); return a }
	alone := func(a feed.Article) []feed.Article { return feed.Identify([]feed.Article{a}, "", feed.PolicyAuto) }
	both := func(x, y feed.Article) []feed.Article {
		return feed.Identify([]feed.Article{x, y}, "", feed.PolicyAuto)
	}
	bare := func(days int, text string) feed.Article {
		return edit(note(march.Truncate(24*time.Hour).AddDate(0, 0, days), text), func(a *feed.Article) { a.Title = "" })
	}
	rewritten := func(a *feed.Article) { a.Published, a.Summary = march.AddDate(0, 1, 0), "All of it is new." }
	// What the archive knows: the first, which once came alone, and then the second.
	known := func(x, y feed.Article) []feed.Article { return []feed.Article{alone(x)[0], both(x, y)[1]} }
	for name, test := range map[string]struct {
		known, next []feed.Article
		want        []feed.ID
	}{
		"rewritten, the only one":               {alone(a), alone(edit(a, rewritten)), []feed.ID{1}},
		"rewritten, the only one there too":     {alone(a), both(edit(a, rewritten), note(march.AddDate(0, 2, 0), "Other.")), []feed.ID{0, 0}},
		"both, the first known":                 {alone(a), both(a, b), []feed.ID{1, 0}},
		"both, the other order":                 {alone(a), both(b, a), []feed.ID{0, 1}},
		"both of a day, the second known":       {alone(sameDay), both(a, sameDay), []feed.ID{0, 1}},
		"the first":                             {known(a, b), alone(a), []feed.ID{1}},
		"the second":                            {known(a, b), alone(b), []feed.ID{2}},
		"the second of a day":                   {known(a, sameDay), alone(sameDay), []feed.ID{2}},
		"the first of a day":                    {both(a, sameDay), alone(a), []feed.ID{1}},
		"the second, edited":                    {known(a, b), alone(edit(b, func(n *feed.Article) { n.Summary = "2nd." })), []feed.ID{2}},
		"the second, edited, of a day":          {known(a, sameDay), alone(edit(sameDay, func(n *feed.Article) { n.Summary = "2nd." })), []feed.ID{2}},
		"the second, edited, no title and hour": {known(bare(0, "The first."), bare(1, "The second.")), alone(bare(1, "2nd.")), []feed.ID{2}},
		"another, no title and hour":            {known(bare(0, "The first."), bare(1, "The second.")), alone(bare(2, "The third.")), []feed.ID{0}},
		"the first, edited":                     {known(a, b), alone(edit(a, func(n *feed.Article) { n.Summary = "1st." })), []feed.ID{1}},
		"the first, later":                      {known(a, b), alone(edit(a, func(n *feed.Article) { n.Published = march.AddDate(0, 0, 5) })), []feed.ID{1}},
		"a third":                               {known(a, b), alone(note(march.AddDate(0, 0, 3), "The third.")), []feed.ID{0}},
		"a third of a day":                      {known(a, sameDay), alone(note(march.Add(2*time.Hour), "The third.")), []feed.ID{0}},
		"a third with the second":               {known(a, b), both(note(march.AddDate(0, 0, 3), "The third."), b), []feed.ID{0, 2}},
		"a third with the second, of a day":     {known(a, sameDay), both(note(march.Add(2*time.Hour), "The third."), sameDay), []feed.ID{0, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			m := remember(test.known...)
			for _, k := range test.known { // the guid, as an article that came alone and beside others has it
				m.names[feed.Alias{Kind: feed.AliasGUID, Value: k.GUID}] = 0
			}
			if len(test.known) == 1 {
				delete(m.names, feed.Alias{Kind: feed.AliasGUID, Value: "g"})
			}
			got, err := feed.Resolve(test.next, feed.PolicyAuto, m)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
			for i := range test.next {
				for k := range test.known {
					if same := test.next[i].Key == test.known[k].Key; same && got[i] != feed.ID(k+1) {
						t.Errorf("%q has the key of another, %q", test.next[i].Summary, test.next[i].Key)
					}
				}
			}
		})
	}
}

// TestResolveWithoutNews counts what a visit without news asks of the archive.
func TestResolveWithoutNews(t *testing.T) {
	a, b := note(march, "The first."), note(march.AddDate(0, 0, 2), "The second.")
	other := feed.Article{GUID: "2", Link: "https://example.org/2", Title: "Other", Published: march}
	for name, test := range map[string]struct {
		known, in []feed.Article
		want      []feed.ID
		finds     int
	}{
		"guids of their own":       {[]feed.Article{a, other}, []feed.Article{a, other}, []feed.ID{1, 2}, 4},
		"one guid for several":     {[]feed.Article{a, b}, []feed.Article{a, b}, []feed.ID{1, 2}, 4},
		"one of those that has it": {[]feed.Article{a, b}, []feed.Article{b}, []feed.ID{2}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			in := feed.Identify(slices.Clone(test.in), "", feed.PolicyAuto)
			m := &counted{memory: remember(feed.Identify(slices.Clone(test.known), "", feed.PolicyAuto)...)}
			got, err := feed.Resolve(in, feed.PolicyAuto, m)
			if err != nil || !slices.Equal(got, test.want) || m.finds > test.finds || m.loads != 0 {
				t.Errorf("got %v, %v with %d look-ups and %d loads; want %v, at most %d and none", got, err, m.finds, m.loads, test.want, test.finds)
			}
		})
	}
}

type counted struct {
	*memory
	finds, loads int
}

func (c *counted) Find(name feed.Alias) (feed.ID, bool, error) {
	c.finds++
	return c.memory.Find(name)
}

func (c *counted) Load(id feed.ID) (*feed.Article, error) {
	c.loads++
	return c.memory.Load(id)
}

func BenchmarkIdentifyOneGUID(b *testing.B) {
	items := make([]feed.Article, 4000)
	for i := range items {
		items[i] = note(march.Add(time.Duration(i)*time.Second), fmt.Sprint("Text ", i))
	}
	for b.Loop() {
		if kept := feed.Identify(slices.Clone(items), "", feed.PolicyAuto); len(kept) != len(items) {
			b.Fatalf("%d of %d are left", len(kept), len(items))
		}
	}
}
