package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

func emptyArchive(h *harness) {
	ctx := h.Context()
	f := must(h.Feed(ctx, everything()))(h)
	h.equal("length of the feed of everything", f.Length, uint64(0))
	h.equal("stats", must(h.Stats(ctx))(h), store.Stats{})
	for what, err := range map[string]error{
		"article":   second(h.Article(ctx, 1)),
		"revisions": second(h.Revisions(ctx, 1)),
		"feed":      second(h.Feed(ctx, tagged("x"))),
		"page":      second(h.Articles(ctx, store.Query{Ref: tagged("x")})),
		"log":       second(h.Log(ctx, tagged("x"), 0, 1)),
		"source":    second(h.Source(ctx, 1)),
		"by URL":    second(h.SourceByURL(ctx, upstream)),
		"goodbye":   second(h.Unsubscribe(ctx, 1)),
	} {
		if !errors.Is(err, store.ErrNotFound) {
			h.Errorf("%s of an empty archive: %v, want ErrNotFound", what, err)
		}
	}
	if _, some, err := h.NextDue(ctx); some || err != nil {
		h.Errorf("next due of an empty archive: %v, %v", some, err)
	}
}

func second[V any](_ V, err error) error { return err }

// full is an article in which every field says something.
func full() feed.Article {
	a := article(1, "One", "Two")
	a.GUID, a.PermaLink = "1", true
	a.Kicker, a.TitleCut = "Kicker", true
	a.Authors = []feed.Person{{Name: "Ada", URI: "https://ada.example/", Email: "ada@example.org"}, {Email: "b@example.org"}}
	a.Contributors = []feed.Person{{Name: "Grace"}}
	a.Updated = noon.Add(-time.Hour)
	a.Summary, a.Language, a.Rights = "<p>Short</p>", "en-GB", "CC0"
	a.Tags = []feed.Tag{{Term: "one", Scheme: "https://example.org/tags", Label: "One"}}
	a.Links = []feed.Link{{Href: "https://example.org/r", Rel: "related", Type: "text/html", Hreflang: "de", Title: "R", Length: 5}}
	a.Enclosures = []feed.Enclosure{{URL: "https://example.org/a.mp3", Type: "audio/mpeg", Length: 1, Title: "A", Duration: time.Minute}, {URL: "https://example.org/b"}}
	a.Images = []feed.Image{{URL: "https://example.org/i.png", Caption: "I", Cut: true}}
	a.Dateline = feed.Dateline{Place: "Berlin", Agency: "dpa"}
	a.Related = []feed.Related{{Kicker: "K", Title: "T", Teaser: "Te", Link: "https://example.org/t", Tags: []string{"x"}}}
	a.Origin = feed.Origin{ID: "urn:o", Title: "O", URL: "https://o.example/feed", Home: "https://o.example/", Rights: "r"}
	a.Extra = []feed.Element{{Space: "urn:x", Name: "n", Attrs: []feed.Attr{{Name: "a", Value: "v"}}, Inner: "<x:y/>", Prefixes: map[string]string{"x": "urn:x"}}}
	return a
}

func keepsEveryField(h *harness) {
	s := source()
	s.Description, s.Language, s.Rights, s.Image, s.FeedID = "D", "de", "R", "https://example.org/i", "urn:f"
	s.Authors, s.Links = []feed.Person{{Name: "P"}}, []feed.Link{{Href: "https://example.org/h", Rel: "hub"}}
	s.Extra = []feed.Element{{Space: "urn:x", Name: "n"}}
	s.Tags, s.Added = []string{"Mine"}, noon.Add(-time.Hour)
	s.Fetch = feed.FetchState{ETag: `W/"x"`, LastModified: "yesterday", BodyHash: "h", Checked: noon, Changed: noon, Due: noon,
		Failures: 1, Problem: "p", Status: 500, TTL: time.Hour, Repairs: []string{"r"}}
	saved := h.saveFrom(s, noon, full())
	s.ID, s.Name = 1, "example"
	h.equal("source as saved", saved.Source, s)
	h.equal("source as stored", must(h.Source(h.Context(), 1))(h), s)
	h.equal("source by its address", must(h.SourceByURL(h.Context(), upstream))(h), s)

	want := full()
	want.ID, want.Seq, want.Source, want.Filed = 1, 1, 1, []string{"Mine"}
	want.Arrived, want.Seen, want.Modified = noon, noon, want.Updated
	h.equal("article", must(h.Article(h.Context(), 1))(h), want)

	bare := feed.Article{Key: "bare"}
	h.saveFrom(s, noon.Add(time.Hour), bare)
	bare.ID, bare.Seq, bare.Source, bare.Filed = 2, 2, 1, []string{"Mine"}
	bare.Arrived, bare.Seen, bare.Modified = noon.Add(time.Hour), noon.Add(time.Hour), noon.Add(time.Hour)
	bare.Origin = feed.Origin{ID: "urn:f", Title: "Example", URL: upstream, Home: "https://example.org/", Rights: "R"}
	h.equal("bare article", must(h.Article(h.Context(), 2))(h), bare)
}

func sameAgainAddsNothing(h *harness) {
	first := h.save(noon, articles(0, 20, "tag")...)
	h.equal("added", len(first.Added), 20)
	before := must(h.Feed(h.Context(), tagged("tag")))(h)
	again := articles(0, 20, "tag")
	again[3].Content = "  <p>Text  of\narticle 3.</p> " // white space is no revision
	again[4].Updated = noon                             // nor is a date that moved alone
	second := h.save(noon.Add(time.Hour), again...)
	h.equal("second save", []int{len(second.Added), len(second.Revised), second.Same}, []int{0, 0, 20})
	h.equal("sequence", must(h.Stats(h.Context()))(h).Sequence, uint64(20))
	h.equal("feed record", must(h.Feed(h.Context(), tagged("tag")))(h), before)
}

func revisionsAreKept(h *harness) {
	h.save(noon, articles(0, 3)...)
	changed := article(1)
	changed.Title = "Corrected"
	saved := h.save(noon.Add(time.Hour), changed)
	h.equal("revised", saved.Revised, []feed.ID{2})
	changed.Title = "Corrected twice"
	h.save(noon.Add(2*time.Hour), changed)
	h.equal("an old file", h.save(noon.Add(3*time.Hour), article(1)).Same, 1)

	var titles []string
	var modified []time.Time
	for i, r := range must(h.Revisions(h.Context(), 2))(h) {
		titles = append(titles, r.Title)
		modified = append(modified, r.Modified)
		h.equal("number, key and arrival", []any{r.ID, r.Revision, r.Key, r.Arrived}, []any{feed.ID(2), i, "urn:example:1", noon})
	}
	h.equal("titles", titles, []string{"Article 1", "Corrected", "Corrected twice"})
	if !slices.IsSortedFunc(modified, func(a, b time.Time) int { return a.Compare(b) }) || modified[0].Equal(modified[2]) {
		h.Errorf("atom:updated does not rise: %v", modified)
	}
	h.equal("newest", must(h.Article(h.Context(), 2))(h).Title, "Corrected twice")
	h.equal("page", h.titles(everything()), []string{"Article 2", "Corrected twice", "Article 0"})
	if _, err := h.Article(h.Context(), 4); !errors.Is(err, store.ErrNotFound) {
		h.Errorf("the number of a later revision is not an article's: %v", err)
	}
}

// editedBack has a publisher take an edit back, which is an edit too.
func editedBack(h *harness) {
	s := source()
	s.Fetch.Checked = noon
	changed := article(1)
	changed.Title = "Corrected"
	for n, a := range []feed.Article{article(1), changed, article(1)} {
		h.saveFrom(s, noon.Add(time.Duration(n)*time.Hour), a)
	}
	h.equal("revisions", len(must(h.Revisions(h.Context(), 1))(h)), 3)
}

func sequenceIsGapless(h *harness) {
	for i := range 5 {
		h.save(noon, articles(i*3, i*3+5)...) // overlapping windows
	}
	for i, a := range h.log(everything()) {
		h.equal("sequence number", a.Seq, uint64(i+1))
	}
	h.equal("revisions", len(h.log(everything())), 17)
}

func oldestFirst(h *harness) {
	all := articles(0, 10)
	slices.Reverse(all)
	h.save(noon, all...)
	for i, a := range h.log(everything()) {
		h.equal("title", a.Title, fmt.Sprint("Article ", i))
	}
}

func logNeverChanges(h *harness) {
	h.save(noon, articles(0, 150, "tag")...)
	before := h.log(tagged("tag"))
	changed := article(7, "tag")
	changed.Title = "Corrected"
	h.save(noon.Add(time.Hour), changed, article(200, "tag"))
	after := h.log(tagged("tag"))
	h.equal("what was there", after[:150], before)
	h.equal("what came", []string{after[150].Title, after[151].Title}, []string{"Corrected", "Article 200"})
	h.equal("a slice", must(h.Log(h.Context(), tagged("tag"), 149, 2))(h), after[149:151])
	h.equal("beyond the end", len(must(h.Log(h.Context(), tagged("tag"), 152, 2))(h)), 0)
}

func feedsOfAnArticle(h *harness) {
	s := source()
	s.Tags = []string{"Filed"}
	a := article(1, "Nordkorea", "#nordkorea", "")
	a.Authors = []feed.Person{{Name: "Inna H"}, {Name: "Inna  H"}, {Email: "f@example.org"}}
	h.saveFrom(s, noon, a)
	for ref, title := range map[store.Ref]string{
		everything():                                "",
		tagged("nordkorea"):                         "Nordkorea",
		tagged("filed"):                             "Filed",
		{Kind: store.Source, Name: "example"}:       "Example",
		{Kind: store.Author, Name: "inna-h"}:        "Inna H",
		{Kind: store.Author, Name: "f-example-org"}: "f@example.org",
	} {
		f := must(h.Feed(h.Context(), ref))(h)
		h.equal(f.Name, []any{f.Title, f.Length, f.Articles}, []any{title, uint64(1), uint64(1)})
		h.equal(f.Name, h.titles(ref), []string{"Article 1"})
	}
	h.equal("stats", must(h.Stats(h.Context()))(h), store.Stats{Sequence: 1, Articles: 1, Sources: 1, Tags: 2, Authors: 2})
}

func lostTag(h *harness) {
	h.save(noon, article(1, "one", "two"), article(2, "one"))
	before := must(h.Feed(h.Context(), tagged("one")))(h)
	h.save(noon.Add(time.Hour), article(1, "two", "three"))
	h.equal("one", h.titles(tagged("one")), []string{"Article 2"})
	h.equal("two", h.titles(tagged("two")), []string{"Article 1"})
	h.equal("three", h.titles(tagged("three")), []string{"Article 1"})
	h.equal("the log of one", len(h.log(tagged("one"))), 2)
	// Nor is it in a live document that is longer than its page by date.
	h.save(noon, articles(10, 140, "many")...)
	h.save(noon.Add(time.Hour), article(10, "few"))
	many := must(h.Feed(h.Context(), tagged("many")))(h)
	for _, a := range must(store.Subscription(h.Context(), h, many, 50))(h) {
		if a.Title == "Article 10" {
			h.Error("an article that left the feed is in its live document")
		}
	}
	if after := must(h.Feed(h.Context(), tagged("one")))(h); after.Edition == before.Edition {
		h.Error("the feed that lost an article has the edition that it had")
	}
}

func oneTag(h *harness) {
	h.save(noon, article(1, "Ｎord  Korea"), article(2, "#NORD KOREA"), article(3, "Nord Korea"), article(4, "Nord Korea"))
	f := must(h.Feed(h.Context(), tagged("nord-korea")))(h)
	h.equal("articles", f.Articles, uint64(4))
	h.equal("shown in the spelling met most often", f.Title, "Nord Korea")
	h.equal("tags", must(h.Stats(h.Context()))(h).Tags, uint64(1))
	h.equal("by any spelling", must(h.Named(h.Context(), store.Tag, " #nord\tkorea"))(h), f)
	for _, kind := range []store.Kind{store.Author, store.Source, store.All} {
		if _, err := h.Named(h.Context(), kind, "Nord Korea"); !errors.Is(err, store.ErrNotFound) {
			h.Errorf("kind %c: %v", kind, err)
		}
	}
}

func tagNames(h *harness) {
	h.save(noon, article(1, "C"), article(2, "C++"), article(3, "C 2"), article(4, "C#"), article(5, "+++"), article(6, "!!"))
	h.save(noon, article(7, "Schwerpunkt Krieg in der Ukraine"), article(8, "Новости"), article(9, "日本"), article(10, "Straße"))
	want := map[string]string{
		"c": "C", "c-2": "C++", "c-2-2": "C 2", "c-3": "C#", "tag": "+++", "tag-2": "!!",
		"schwerpunkt-krieg-in-der-ukraine": "Schwerpunkt Krieg in der Ukraine",
		"новости":                          "Новости", "日本": "日本", "straße": "Straße",
	}
	got := map[string]string{}
	for after := ""; ; {
		feeds := must(h.Feeds(h.Context(), store.Tag, after, 3))(h)
		if len(feeds) == 0 {
			break
		}
		for _, f := range feeds {
			got[f.Name] = f.Title
		}
		after = feeds[len(feeds)-1].Name
	}
	h.equal("names", got, want)
	h.save(noon.Add(time.Hour), article(11, "STRASSE"), article(12, "STRASSE"))
	h.equal("a name stays", h.titles(tagged("straße")), []string{"Article 12", "Article 11", "Article 10"})
}

func pagesByDate(h *harness) {
	all := articles(0, 25)
	undated := article(100)
	undated.Published = time.Time{}
	future := article(101)
	future.Published = noon.AddDate(10, 0, 0)
	h.save(noon, append(all, undated, future)...)
	want := []string{"Article 101", "Article 100"} // both as if dated when they came
	for n := 24; n >= 0; n-- {
		want = append(want, fmt.Sprint("Article ", n))
	}
	got := h.titles(everything())
	slices.Sort(got[:2])
	slices.Sort(want[:2])
	h.equal("whole", got, want)

	got = nil
	q := store.Query{Ref: everything(), Limit: 10}
	for pages := 0; ; pages++ {
		page := must(h.Articles(h.Context(), q))(h)
		for _, a := range page.Articles {
			got = append(got, a.Title)
		}
		if page.Next.IsZero() {
			h.equal("pages", pages, 2)
			break
		}
		q.Before = page.Next
		h.save(noon.Add(time.Hour), article(200+pages)) // what comes in meanwhile disturbs nothing
	}
	slices.Sort(got[:2])
	h.equal("in pages", got, want)
}

func subscriptionMissesNothing(h *harness) {
	h.save(noon, articles(0, 130)...)
	f := must(h.Feed(h.Context(), everything()))(h)
	old := article(1000)
	old.Published = noon.AddDate(-20, 0, 0)
	revised := article(2)
	revised.Title = "Corrected"
	h.save(noon, old, revised)
	f = must(h.Feed(h.Context(), f.Ref))(h)
	live := must(store.Subscription(h.Context(), h, f, 10))(h)
	var titles []string
	for _, a := range live {
		titles = append(titles, a.Title)
	}
	want := []string{}
	for n := 129; n >= 100; n-- { // 10 by date are in the open tail, which goes back to position 100
		want = append(want, fmt.Sprint("Article ", n))
	}
	h.equal("live document", titles, append(want, "Corrected", "Article 1000"))
}

func changedGUID(h *harness) {
	h.save(noon, articles(0, 5)...)
	moved := articles(0, 5)
	for i := range moved {
		moved[i].GUID = fmt.Sprint("https://new.example.org/?p=", i)
		moved[i].Key = moved[i].GUID
	}
	saved := h.save(noon.Add(time.Hour), moved...)
	h.equal("after the move", []int{len(saved.Added), len(saved.Revised), saved.Same}, []int{0, 0, 5})
	moved[0].Title = "Corrected"
	saved = h.save(noon.Add(2*time.Hour), moved...)
	h.equal("revised under the new guid", saved.Revised, []feed.ID{1})
	h.equal("the guid that goes out", must(h.Article(h.Context(), 1))(h).Key, "urn:example:0")

	https := feed.Article{Key: "http://example.org/a/", Title: "A"}
	saved = h.save(noon, https)
	https.Key = "https://www.example.org/a"
	saved = h.save(noon, https)
	h.equal("http and https", saved.Same, 1)
}

func sharedLink(h *harness) {
	var all []feed.Article
	for n := range 3 {
		a := article(n)
		a.Link, a.Title = "https://example.org/today", "Weather report"
		all = append(all, a)
	}
	h.save(noon, all[:2]...)
	saved := h.save(noon, all[2])
	h.equal("a third under the same link and title", len(saved.Added), 1)
	saved = h.save(noon, all...)
	h.equal("all again", saved.Same, 3)
}
