package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// visited saves what a visit brought: the feed's whole document.
func (h *harness) visited(at time.Time, all ...feed.Article) store.Saved {
	h.Helper()
	return h.visitedAt(source(), at, all...)
}

func (h *harness) visitedAt(s feed.Source, at time.Time, all ...feed.Article) store.Saved {
	h.Helper()
	s.Fetch.Checked = at
	return must(h.Save(h.Context(), store.Batch{Source: s, Articles: all, Seen: at, Whole: true}))(h)[0]
}

func (h *harness) live(ref store.Ref, limit int) (titles []string) {
	h.Helper()
	f := must(h.Feed(h.Context(), ref))(h)
	for _, a := range must(store.Subscription(h.Context(), h, f, limit))(h) {
		titles = append(titles, a.Title)
	}
	return titles
}

func (h *harness) standing(id feed.ID) store.Standing {
	h.Helper()
	return must(h.Standing(h.Context(), id))(h)
}

// newestFirst returns an article list as a document has it.
func newestFirst(all []feed.Article) []feed.Article {
	slices.Reverse(all)
	return all
}

// nothingLost proves that the sealed documents and the live one together hold a feed's log: every
// revision up to Open is in one document, which holds no article twice, and what follows is live.
func (h *harness) nothingLost(ref store.Ref) {
	h.Helper()
	f := must(h.Feed(h.Context(), ref))(h)
	var end uint64
	for k := range f.Sealed {
		s, err := h.Document(h.Context(), ref, k)
		if err != nil || s.From != end || s.To <= s.From || s.To-s.From > store.ArchiveLen {
			h.Fatalf("document %d holds [%d, %d) after %d: %v", k, s.From, s.To, end, err)
		}
		end = s.To
		twice := map[feed.ID]bool{}
		for _, a := range must(h.Log(h.Context(), ref, s.From, int(s.To-s.From)))(h) {
			if twice[a.ID] {
				h.Errorf("document %d holds article %d twice", k, a.ID)
			}
			twice[a.ID] = true
		}
	}
	h.equal("the last document's end", end, f.Open)
	if _, err := h.Document(h.Context(), ref, f.Sealed); !errors.Is(err, store.ErrNotFound) {
		h.Errorf("a document that is not sealed: %v", err)
	}
	in := map[uint64]bool{}
	for _, a := range must(store.Subscription(h.Context(), h, f, 5))(h) {
		in[a.Seq] = true
	}
	for _, a := range must(h.Log(h.Context(), ref, f.Open, 1000))(h) {
		if !in[a.Seq] {
			h.Errorf("revision %d of article %d is in no document", a.Seq, a.ID)
		}
	}
}

func floodIsHeld(h *harness) {
	h.visited(noon, articles(500, 520, "tag")...)
	h.equal("the first document", must(h.Stats(h.Context()))(h).Held, uint64(0))
	h.equal("live before", len(h.live(tagged("tag"), 50)), 20)
	saved := h.visited(noon.Add(time.Hour), append(articles(0, 180, "tag"), append(articles(500, 520, "tag"), article(998, "tag"))...)...)
	h.equal("saved", []int{len(saved.Added), saved.Held, saved.Same, saved.Source.Held}, []int{181, 180, 20, 180})
	h.equal("stats", must(h.Stats(h.Context()))(h).Held, uint64(180))
	h.equal("source", must(h.Source(h.Context(), 1))(h).Held, 180)

	for _, ref := range []store.Ref{everything(), tagged("tag"), {Kind: store.Source, Name: "example"}} {
		live := h.live(ref, 500)
		h.equal("live", []any{len(live), live[0]}, []any{21, "Article 998"})
		page := must(h.Articles(h.Context(), store.Query{Ref: ref, Limit: 500, Live: true}))(h)
		h.equal("live articles", len(page.Articles), 21)
		h.equal("pages", len(h.titles(ref)), 201)
		h.equal("the oldest on the pages", h.titles(ref)[200], "Article 0")
		h.equal("log", len(h.log(ref)), 201)
		h.equal("record", must(h.Feed(h.Context(), ref))(h).Articles, uint64(201))
		h.nothingLost(ref)
	}
	h.equal("standing", h.standing(saved.Added[0]), store.Standing{Held: true})
	h.equal("standing of what is new", h.standing(saved.Added[180]).Live, uint64(saved.Added[180]))

	// Pages of both kinds of articles, in pieces.
	var pieces []string
	q := store.Query{Ref: everything(), Limit: 7}
	for {
		page := must(h.Articles(h.Context(), q))(h)
		for _, a := range page.Articles {
			pieces = append(pieces, a.Title)
		}
		if q.Before = page.Next; page.Next.IsZero() {
			break
		}
	}
	h.equal("in pieces", pieces, h.titles(everything()))

	// What is held stays so when it is revised.
	edited := article(0, "tag")
	edited.Title = "Corrected"
	saved = h.visited(noon.Add(2*time.Hour), append(articles(1, 180, "tag"), append(articles(500, 520, "tag"), article(998, "tag"), edited)...)...)
	h.equal("a revision", []int{len(saved.Revised), saved.Held, saved.Source.Held}, []int{1, 1, 180})
	h.equal("live after it", len(h.live(tagged("tag"), 500)), 21)
	h.nothingLost(tagged("tag"))

	before := must(h.Feed(h.Context(), tagged("tag")))(h)
	h.equal("released", must(h.Release(h.Context(), 1))(h), 180)
	after := must(h.Feed(h.Context(), tagged("tag")))(h)
	if after.Edition <= before.Edition || !after.Changed.After(before.Changed) {
		h.Errorf("the document has changed: %+v, %+v", before, after)
	}
	h.equal("live when released", len(h.live(tagged("tag"), 500)), 201)
	h.equal("standing when released", h.standing(21).Live, uint64(202))
	h.equal("held when released", []any{must(h.Stats(h.Context()))(h).Held, must(h.Source(h.Context(), 1))(h).Held}, []any{uint64(0), 0})
	h.equal("released again", must(h.Release(h.Context(), 1))(h), 0)
	if _, err := h.Release(h.Context(), 9); !errors.Is(err, store.ErrNotFound) {
		h.Errorf("released of no source: %v", err)
	}
	h.nothingLost(tagged("tag"))
}

func importsAreNoFlood(h *harness) {
	h.visited(noon, articles(500, 520)...)
	h.equal("imported", h.save(noon.Add(time.Hour), articles(0, 180)...).Held, 0)
	h.equal("live", len(h.live(everything(), 500)), 200)
}

// redatedFlood has a publisher date everything anew and move it to another tag.
func redatedFlood(h *harness) {
	h.visited(noon, articles(500, 530, "tag")...)
	h.equal("live before", len(h.live(tagged("tag"), 50)), 30)
	before := h.live(everything(), 50)
	moved := articles(500, 530, "other")
	for n := range moved {
		moved[n].Published = noon.Add(time.Duration(n) * time.Minute)
		moved[n].Title += " again"
	}
	saved := h.visited(noon.Add(time.Hour), moved...)
	h.equal("saved", []int{len(saved.Revised), saved.Held}, []int{30, 30})
	h.equal("live", h.live(everything(), 50), before)
	h.equal("live under the tag that they had", len(h.live(tagged("tag"), 50)), 30)
	h.equal("live under their tag", len(h.live(tagged("other"), 50)), 0)
	h.equal("pages", h.titles(everything())[0], "Article 529 again")
	h.equal("pages under their tag", h.titles(tagged("other"))[0], "Article 529 again")
	h.equal("standing", h.standing(1), store.Standing{Held: true, Live: 1})
	h.equal("changes", must(h.Stats(h.Context()))(h).Changes, uint64(30))
	for _, ref := range []store.Ref{everything(), tagged("tag"), tagged("other")} {
		h.nothingLost(ref)
	}
	moved[0].Title = "Corrected"
	h.equal("a revision of what is held", h.visited(noon.Add(2*time.Hour), moved...).Held, 1)
	h.equal("live still", h.live(everything(), 50), before)
	h.equal("released", must(h.Release(h.Context(), 1))(h), 30)
	h.equal("live when released", h.live(everything(), 50)[0], "Article 529 again")
	h.equal("the tag that they had", len(h.live(tagged("tag"), 50)), 0)
	h.equal("their tag", len(h.live(tagged("other"), 50)), 30)
	h.equal("the record of that", must(h.Feed(h.Context(), tagged("other")))(h).Articles, uint64(30))
}

func backIssues(h *harness) {
	h.visited(noon, articles(500, 510)...)
	s := source()
	s.Fetch.Checked = noon
	saved := must(h.Save(h.Context(), store.Batch{Source: s, Articles: articles(0, 130), Seen: noon, Backfill: true}))(h)[0]
	h.equal("saved", []int{len(saved.Added), saved.Held}, []int{130, 0})
	h.equal("live", len(h.live(everything(), 500)), 10)
	h.equal("pages", len(h.titles(everything())), 140)
	h.equal("standing", h.standing(11), store.Standing{Back: true})
	h.nothingLost(everything())
	h.equal("released", must(h.Release(h.Context(), 1))(h), 0)
	h.equal("live still", len(h.live(everything(), 500)), 10)
}

func goneAndBack(h *harness) {
	whole := func(without ...int) []feed.Article {
		return newestFirst(slices.DeleteFunc(articles(500, 510), func(a feed.Article) bool {
			return slices.ContainsFunc(without, func(n int) bool { return a.Title == fmt.Sprint("Article ", n) })
		}))
	}
	var saved store.Saved
	for n, gone := range [][]feed.ID{nil, nil, {6}, nil} {
		without := []int{505}
		if n == 0 {
			without = nil
		}
		saved = h.visited(noon.Add(time.Duration(n)*time.Hour), whole(without...)...)
		h.equal(fmt.Sprint("gone in document ", n), saved.Gone, gone)
	}
	h.equal("standing", h.standing(6), store.Standing{Live: 6, Gone: noon.Add(2 * time.Hour)})
	h.equal("it stays", len(h.titles(everything())), 10)
	saved = h.visited(noon.Add(4*time.Hour), whole()...)
	h.equal("back", []any{saved.Back, saved.Same}, []any{[]feed.ID{6}, 10})
	h.equal("standing when back", h.standing(6), store.Standing{Live: 6})
	h.equal("back once", len(h.visited(noon.Add(5*time.Hour), whole()...).Back), 0)

	// Off the end of the window is not gone, nor is what a part of a document does not have.
	saved = h.visited(noon.Add(6*time.Hour), whole(500, 501)...)
	saved = h.visited(noon.Add(7*time.Hour), whole(500, 501)...)
	h.equal("off the end", len(saved.Gone), 0)
	for n := range 2 {
		h.save(noon.Add(time.Duration(8+n)*time.Hour), whole(503, 504)...)
	}
	h.equal("changes", must(h.Changes(h.Context(), 0, 10))(h), []store.Change{
		{N: 2, Kind: store.Returned, Article: 6, Seq: 6, At: noon.Add(4 * time.Hour)},
		{N: 1, Kind: store.Gone, Article: 6, Seq: 6, At: noon.Add(2 * time.Hour)},
	})
}

func gaps(h *harness) {
	h.visited(noon, articles(500, 510)...)
	h.equal("overlapping", h.visited(noon.Add(time.Hour), articles(505, 515)...).Gap, false)
	saved := h.visited(noon.Add(2*time.Hour), articles(520, 530)...)
	h.equal("nothing in common", saved.Gap, true)
	want := feed.Gap{Noticed: noon.Add(2 * time.Hour), Since: article(514).Published, Until: article(520).Published}
	got := must(h.Source(h.Context(), 1))(h).Fetch
	h.equal("noted", []any{got.Gaps, got.Gap}, []any{1, want})
	h.equal("told", saved.Source.Fetch.Gap, want)
	h.equal("an import between", h.save(noon, articles(0, 3)...).Gap, false)
	h.equal("empty", h.visited(noon.Add(3*time.Hour)).Gap, false)
	h.equal("after an empty one", h.visited(noon.Add(4*time.Hour), articles(540, 550)...).Gap, false)
	h.equal("noted since", must(h.Source(h.Context(), 1))(h).Fetch.Gaps, 1)
	h.equal("the most that came", must(h.Source(h.Context(), 1))(h).Fetch.Most, 10)
}

func twins(h *harness) {
	a := article(1, "news", "first")
	h.save(noon, a, article(2, "news"))
	there := feed.Source{URL: "https://other.example/feed", Title: "Other"}
	b := article(1, "news", "second")
	b.GUID, b.Key, b.Link = "1", "1", b.Link+"?utm_source=other"
	b.Content = "<p>Only the title agrees.</p>"
	saved := h.saveFrom(there, noon.Add(time.Hour), b)
	h.equal("its elder", must(h.Article(h.Context(), saved.Added[0]))(h).Twin, feed.ID(1))
	third := feed.Source{URL: "https://third.example/feed", Title: "Third"}
	h.saveFrom(third, noon.Add(time.Hour), a)
	for id, want := range map[feed.ID][]feed.ID{1: {3, 4}, 2: nil, 3: {1, 4}, 4: {1, 3}} {
		h.equal(fmt.Sprint("twins of ", id), h.standing(id).Twins, want)
	}
	for ref, want := range map[store.Ref]int{
		everything(): 2, tagged("news"): 2, tagged("first"): 1, tagged("second"): 1,
		{Kind: store.Source, Name: "example"}: 2, {Kind: store.Source, Name: "other"}: 1, {Kind: store.Source, Name: "third"}: 1,
		{Kind: store.Author, Name: "ada"}: 2,
	} {
		h.equal(fmt.Sprintf("in %c%s", ref.Kind, ref.Name), []int{len(h.titles(ref)), len(h.log(ref)), len(h.live(ref, 10))}, []int{want, want, want})
	}

	// The elder comes to the one feed where the younger was without it, and one stands for both.
	a.Tags = append(a.Tags, feed.Tag{Term: "second"})
	h.save(noon.Add(2*time.Hour), a)
	h.equal("once where both are", len(h.live(tagged("second"), 10)), 1)
	b.Title = "Corrected"
	h.saveFrom(there, noon.Add(3*time.Hour), b)
	h.equal("a revision of the younger", []int{len(h.titles(tagged("second"))), len(h.log(everything()))}, []int{1, 3})
	h.equal("stays a twin", must(h.Article(h.Context(), 3))(h).Twin, feed.ID(1))

	c := article(2)
	c.GUID, c.Key, c.Title, c.Content, c.Published = "2", "2", "Another", "", noon.Truncate(24*time.Hour)
	saved = h.saveFrom(there, noon, c)
	h.equal("a link alone", must(h.Article(h.Context(), saved.Added[0]))(h).Twin, feed.ID(0))

	// Two twins are in a feed where their elder is not: one stands for both.
	d := article(3, "news")
	h.save(noon.Add(4*time.Hour), d)
	d.Tags = append(d.Tags, feed.Tag{Term: "third"})
	h.saveFrom(there, noon.Add(5*time.Hour), d)
	h.saveFrom(third, noon.Add(5*time.Hour), d)
	h.equal("of two twins without their elder", []int{len(h.titles(tagged("third"))), len(h.log(tagged("third")))}, []int{1, 1})
}

// documentsNeverChange seals some documents early and some when they are full, and looks at them again
// after everything else that can happen to a feed.
func documentsNeverChange(h *harness) {
	h.visited(noon, articles(300, 530)...)
	ranges := func() (all [][2]uint64) {
		for k := range must(h.Feed(h.Context(), everything()))(h).Sealed {
			s, err := h.Document(h.Context(), everything(), k)
			if err != nil {
				h.Fatal(err)
			}
			all = append(all, [2]uint64{s.From, s.To})
		}
		return all
	}
	h.equal("when full", ranges(), [][2]uint64{{0, 100}, {100, 200}})
	h.visited(noon.Add(time.Hour), append(articles(0, 40), articles(500, 530)...)...)
	h.equal("early", ranges(), [][2]uint64{{0, 100}, {100, 200}, {200, 270}})
	h.visited(noon.Add(2*time.Hour), articles(510, 535)...)
	h.equal("released", must(h.Release(h.Context(), 1))(h), 40)
	h.save(noon.Add(3*time.Hour), articles(1000, 1100)...)
	h.equal("in the end", ranges(), [][2]uint64{{0, 100}, {100, 200}, {200, 270}, {270, 370}})
	h.nothingLost(everything())
}

func changesAreNumbered(h *harness) {
	h.save(noon, articles(0, 5)...)
	h.equal("what is new is no change", len(must(h.Changes(h.Context(), 0, 10))(h)), 0)
	for n := range 5 {
		a := article(n % 2)
		a.Title = fmt.Sprint("Corrected ", n)
		h.save(noon.Add(time.Duration(n)*time.Hour), a)
	}
	h.equal("stats", must(h.Stats(h.Context()))(h).Changes, uint64(5))
	var got []string
	for before := uint64(0); ; {
		page := must(h.Changes(h.Context(), before, 2))(h)
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			got = append(got, fmt.Sprintf("%d: %d %c %d", c.N, c.Article, c.Kind, c.Seq))
		}
		before = page[len(page)-1].N
	}
	h.equal("in pages", got, []string{"5: 1 r 10", "4: 2 r 9", "3: 1 r 8", "2: 2 r 7", "1: 1 r 6"})
	h.equal("before one that is not there yet", len(must(h.Changes(h.Context(), 99, 10))(h)), 5)
}

func policyStays(h *harness) {
	s := source()
	s.Identity = feed.PolicyLink
	got, _, err := h.subscribe(s)
	h.equal("subscribed with", []any{got.Identity, err}, []any{feed.PolicyLink, nil})
	h.visited(noon, article(1))
	h.equal("after a visit", must(h.Source(h.Context(), 1))(h).Identity, feed.PolicyLink)
	got, _, _ = h.subscribe(source())
	h.equal("without a wish", got.Identity, feed.PolicyLink)
	s.Identity = feed.PolicyGUID
	got, _, _ = h.subscribe(s)
	h.equal("with another", got.Identity, feed.PolicyGUID)
}
