package storetest

import (
	"errors"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

func (h *harness) withdraw(ids ...feed.ID) {
	h.Helper()
	if err := h.Withdraw(h.Context(), ids...); err != nil {
		h.Fatal(err)
	}
}

func (h *harness) restore(ids ...feed.ID) {
	h.Helper()
	if err := h.Restore(h.Context(), ids...); err != nil {
		h.Fatal(err)
	}
}

// tombstones returns the withdrawn articles in what a feed's subscription document holds.
func (h *harness) tombstones(ref store.Ref) (ids []feed.ID) {
	h.Helper()
	f := must(h.Feed(h.Context(), ref))(h)
	for _, a := range must(store.Subscription(h.Context(), h, f, 5))(h) {
		if a.Withdrawn {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

func own() store.Ref { return store.Ref{Kind: store.Source, Name: "example"} }

// withdrawnArticles are in no feed and no count, and their withdrawal is in the logs.
func withdrawnArticles(h *harness) {
	h.save(noon, article(1, "a", "b"), article(2, "a"), article(3, "b"))
	edited := article(2, "a")
	edited.Title = "Edited"
	h.save(noon.Add(time.Hour), edited)
	feeds := []store.Ref{everything(), own(), tagged("a"), {Kind: store.Author, Name: "ada"}}
	before := map[store.Ref]store.Feed{}
	for _, ref := range feeds {
		before[ref] = must(h.Feed(h.Context(), ref))(h)
	}
	other := must(h.Feed(h.Context(), tagged("b")))(h)

	h.withdraw(2)
	a := must(h.Article(h.Context(), 2))(h)
	h.equal("what is left", []any{a.Withdrawn, a.ID, a.Revision, a.Key, a.Title, a.Link, a.Content, a.Seq},
		[]any{true, feed.ID(2), 2, edited.Key, "Edited", edited.Link, "", uint64(5)})
	if !a.Modified.After(noon.Add(time.Hour)) || a.Seen.IsZero() {
		h.Errorf("withdrawn at %v, modified %v", a.Seen, a.Modified)
	}
	for _, ref := range feeds {
		f := must(h.Feed(h.Context(), ref))(h)
		was := before[ref]
		h.equal("its record", []uint64{f.Articles, f.Length, f.Withdrawn}, []uint64{was.Articles - 1, was.Length + 1, was.Length + 1})
		if f.Edition <= was.Edition || f.Reshaped != was.Reshaped || f.Touched <= was.Touched {
			h.Errorf("%v: %+v, before %+v", ref, f, was)
		}
		h.equal("where it stood last is sealed", f.Open, was.Length)
		h.equal("its withdrawal is shown", h.tombstones(ref), []feed.ID{2})
		if titles := strings.Join(h.titles(ref), " "); strings.Contains(titles, "Edited") || strings.Contains(titles, "Article 2") {
			h.Errorf("%v still lists it: %s", ref, titles)
		}
		h.nothingLost(ref)
	}
	h.equal("where it did not stand", must(h.Feed(h.Context(), tagged("b")))(h), other)
	h.equal("articles", must(h.Stats(h.Context()))(h).Articles, uint64(2))
	h.equal("its revisions are kept", len(must(h.Revisions(h.Context(), 2))(h)), 3)
	change := must(h.Changes(h.Context(), 0, 1))(h)[0]
	h.equal("told", []any{change.Kind, change.Article, change.Seq}, []any{store.Withdrawn, feed.ID(2), uint64(5)})

	was := must(h.Stats(h.Context()))(h)
	h.withdraw(2)
	h.equal("twice is once", must(h.Stats(h.Context()))(h), was)
	err := h.Withdraw(h.Context(), 99, 1, 4) // 4 is a later revision of 2
	if !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "99") || !strings.Contains(err.Error(), "4") {
		h.Errorf("withdraw what is not there: %v", err)
	}
	h.equal("the rest goes on", must(h.Article(h.Context(), 1))(h).Withdrawn, true)
	h.reopen()
	h.equal("both are shown", h.tombstones(everything()), []feed.ID{2, 1})

	h.restore(2, 3)
	back := must(h.Article(h.Context(), 2))(h)
	h.equal("back", []any{back.Withdrawn, back.Revision, back.Title, back.Content}, []any{false, 3, "Edited", edited.Content})
	if !back.Modified.After(a.Modified) {
		h.Errorf("modified %v, not after %v", back.Modified, a.Modified)
	}
	h.equal("listed", h.titles(tagged("a")), []string{"Edited"})
	h.equal("shown", h.tombstones(everything()), []feed.ID(nil))
	h.equal("articles", must(h.Stats(h.Context()))(h).Articles, uint64(2))
	h.equal("untouched", must(h.Article(h.Context(), 3))(h).Revision, 0)
	for _, ref := range append(feeds, tagged("b")) {
		h.nothingLost(ref)
	}
	if err := h.Restore(h.Context(), 77); !errors.Is(err, store.ErrNotFound) {
		h.Errorf("restore what is not there: %v", err)
	}
}

// withdrawnStays brings a withdrawn article again through every door.
func withdrawnStays(h *harness) {
	h.visited(noon, articles(10, 20, "a")...)
	h.withdraw(1)
	was := must(h.Stats(h.Context()))(h)
	again := article(10, "a")
	edited := article(10, "c")
	edited.Title, edited.Content, edited.Updated = "Edited", "<p>Other words.</p>", noon.Add(48*time.Hour)
	moved := edited
	moved.Key, moved.GUID = "urn:other:guid", "urn:other:guid" // of the same link
	for _, a := range []feed.Article{again, edited, moved} {
		for _, b := range []store.Batch{
			{Whole: true, Source: source()}, {Backfill: true}, {Backfill: true, Past: true}, {},
		} {
			b.Seen, b.Articles = noon.Add(time.Hour), []feed.Article{a}
			if b.Whole {
				b.Source.Fetch.Checked = b.Seen
			} else {
				b.Source = source()
			}
			if b.Whole {
				b.Articles = append(b.Articles, articles(11, 20, "a")...)
			}
			saved := must(h.Save(h.Context(), b))(h)[0]
			h.equal("saved", []int{len(saved.Added), len(saved.Revised), saved.Same}, []int{0, 0, len(b.Articles)})
		}
	}
	h.visited(noon.Add(2*time.Hour), articles(11, 20, "a")...)
	saved := h.visited(noon.Add(3*time.Hour), articles(9, 20, "a")[2:]...)
	h.equal("gone is nothing new", saved.Gone, []feed.ID(nil))
	now := must(h.Stats(h.Context()))(h)
	h.equal("nothing has come of it", now, was)
	h.nothingLost(everything())

	h.restore(1)
	saved = h.visited(noon.Add(4*time.Hour), append(articles(11, 20, "a"), edited)...)
	h.equal("what its publisher has made of it since", saved.Revised, []feed.ID{1})
	h.equal("restored", must(h.Article(h.Context(), 1))(h).Title, "Edited")
}

// withdrawnStandings withdraws what is held back, what has a revision that is, and a back issue.
func withdrawnStandings(h *harness) {
	h.visited(noon, articles(500, 520, "a")...)
	b := store.Batch{Source: source(), Seen: noon, Articles: articles(0, 3, "a"), Backfill: true}
	back := must(h.Save(h.Context(), b))(h)[0].Added[0]
	held := h.visited(noon.Add(time.Hour), append(articles(10, 190, "a"), articles(500, 520, "a")...)...)
	h.equal("held", held.Held, 180)
	first := held.Added[0]
	edited := article(10, "a")
	edited.Tags, edited.Title = []feed.Tag{{Term: "b"}}, "Edited while held"
	h.visited(noon.Add(2*time.Hour), append(append(articles(11, 190, "a"), articles(500, 520, "a")...), edited)...)
	h.withdraw(back, first, held.Added[1])
	h.equal("held now", []any{must(h.Stats(h.Context()))(h).Held, must(h.Source(h.Context(), 1))(h).Held}, []any{uint64(178), 178})
	for _, ref := range []store.Ref{everything(), tagged("a"), own(), tagged("b")} {
		h.nothingLost(ref)
	}
	h.equal("released", must(h.Release(h.Context(), 1))(h), 178)
	h.restore(back, first)
	h.equal("a back issue as before", h.standing(back), store.Standing{Back: true})
	h.equal("what was held is live", h.standing(first).Live, must(h.Article(h.Context(), first))(h).Seq)
	for _, ref := range []store.Ref{everything(), tagged("a"), own(), tagged("b")} {
		h.nothingLost(ref)
	}
}

// withdrawnTwins withdraws the elder of twins: the younger one does not come into its places.
func withdrawnTwins(h *harness) {
	other := feed.Source{URL: "https://other.example/feed", Title: "Other"}
	theirs := store.Ref{Kind: store.Source, Name: "other"}
	long := strings.Repeat("<p>One and the same text of some length, word for word.</p>", 20)
	twin := func(n int) feed.Article {
		a := article(n, "a")
		a.Content = long
		return a
	}
	h.save(noon, twin(1))
	h.saveFrom(other, noon.Add(time.Hour), twin(1))
	h.equal("twins", h.standing(1).Twins, []feed.ID{2})
	h.withdraw(1)
	h.equal("its own feed keeps the younger", h.titles(theirs), []string{"Article 1"})
	h.equal("the tag has none", h.titles(tagged("a")), []string(nil))
	h.equal("the younger knows of none", h.standing(2).Twins, []feed.ID(nil))
	edited := twin(1)
	edited.Title = "Article 1, corrected"
	h.saveFrom(other, noon.Add(2*time.Hour), edited)
	third := feed.Source{URL: "https://third.example/feed", Title: "Third"}
	h.saveFrom(third, noon.Add(2*time.Hour), twin(1))
	h.equal("the tag still has none", h.titles(tagged("a")), []string(nil))
	h.equal("the younger in its feed", h.titles(theirs), []string{"Article 1, corrected"})
	h.withdraw(2)
	h.equal("not even there", h.titles(theirs), []string(nil))
	h.restore(1)
	h.equal("the elder is back", h.titles(tagged("a")), []string{"Article 1"})
	for _, ref := range []store.Ref{everything(), tagged("a"), own(), theirs} {
		h.nothingLost(ref)
	}
}

// withdrawnFromSearches withdraws what searches have found, and searches anew.
func withdrawnFromSearches(h *harness) {
	h.save(noon, articles(0, 30, "a")...)
	f := h.define(store.Definition{Name: "found", Query: "tag:a", Split: true})
	limited := h.define(store.Definition{Name: "limited", Query: "tag:a", Limit: 3})
	h.withdraw(1, 30)
	for _, ref := range []store.Ref{f.Ref, searched("found/a")} {
		now := must(h.Feed(h.Context(), ref))(h)
		h.equal("the feed", []uint64{now.Articles, now.Length}, []uint64{28, 32})
		h.equal("its withdrawals", h.tombstones(ref), []feed.ID{30, 1})
		h.nothingLost(ref)
	}
	h.equal("a short document", len(h.live(limited.Ref, 50)), 3)
	h.nothingLost(limited.Ref)
	fresh := h.define(store.Definition{Name: "later", Query: `"article 1" OR tag:a`})
	h.equal("what is found later", []uint64{fresh.Articles, fresh.Length}, []uint64{28, 28})
	f = h.define(store.Definition{Name: "found", Query: "text"})
	h.equal("what is found anew", []uint64{f.Articles, f.Length}, []uint64{28, 32})
	h.restore(1)
	h.equal("found again", must(h.Feed(h.Context(), f.Ref))(h).Articles, uint64(29))
	for _, ref := range []store.Ref{f.Ref, fresh.Ref, limited.Ref} {
		h.nothingLost(ref)
	}
}
