package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

func searched(name string) store.Ref { return store.Ref{Kind: store.Search, Name: name} }

func (h *harness) define(d store.Definition) store.Feed {
	h.Helper()
	return must(h.Define(h.Context(), d, nil))(h)
}

func (h *harness) names(kind store.Kind) (names []string) {
	h.Helper()
	for _, f := range must(h.Feeds(h.Context(), kind, "", 100))(h) {
		names = append(names, f.Name)
	}
	return names
}

func (h *harness) logTitles(ref store.Ref) (titles []string) {
	h.Helper()
	for _, a := range h.log(ref) {
		titles = append(titles, a.Title)
	}
	return titles
}

func searchIsAFeed(h *harness) {
	f := h.define(store.Definition{Name: "North  Korea", Query: "  tag:a   OR tag:b", Limit: 50})
	want := store.Definition{Name: "North  Korea", Query: "tag:a OR tag:b", Limit: 50}
	h.equal("feed", []any{f.Ref, f.Title, *f.Search}, []any{searched("north-korea"), "North  Korea", want})
	h.equal("names", h.names(store.Search), []string{"north-korea"})
	h.equal("record", must(h.Feed(h.Context(), f.Ref))(h), f)
	h.equal("defined again", h.define(*f.Search), f)
	h.equal("listed", must(h.Feeds(h.Context(), store.Search, "", 9))(h), []store.Feed{f})
	for _, d := range []store.Definition{
		{Name: "x", Query: ""}, {Name: "x", Query: "("}, {Name: "?", Query: "a"}, {Name: "x", Query: "a", Limit: -1},
		{Name: "x", Query: "a", Limit: 1 << 20},
	} {
		if f, err := h.Define(h.Context(), d, nil); err == nil {
			h.Errorf("%+v makes %+v", d, f)
		}
	}
	h.equal("names after refusals", h.names(store.Search), []string{"north-korea"})
}

func searchFindsWhatWasThere(h *harness) {
	all := append(articles(0, 130, "a"), articles(130, 350, "b")...)
	h.save(noon, all...)
	edited := article(5, "a")
	edited.Content = "Corrected."
	h.save(noon.Add(time.Hour), edited)
	var heard []uint64
	f := must(h.Define(h.Context(), store.Definition{Name: "a", Query: "tag:a -title:7"}, func(done, of uint64) {
		heard = append(heard, done, of)
	}))(h)
	h.equal("progress", heard[len(heard)-2:], []uint64{351, 351})
	h.equal("record", []uint64{f.Length, f.Articles, f.Sealed}, []uint64{130, 129, 1})
	h.equal("changed", f.Changed, noon.Add(time.Hour))
	h.equal("pages", h.titles(f.Ref)[:2], []string{"Article 129", "Article 128"})
	log := h.log(f.Ref)
	if !slices.IsSortedFunc(log, func(a, b feed.Article) int { return int(a.Seq) - int(b.Seq) }) {
		h.Error("its log goes back")
	}
	h.equal("the last of the log", log[129].Content, "Corrected.")
	h.nothingLost(f.Ref)
}

func searchTakesInWhatComes(h *harness) {
	h.define(store.Definition{Name: "words", Query: `"text of article" -tag:b author:ADA`})
	h.define(store.Definition{Name: "fields", Query: "source:example.org since:2026-02 tag:b"})
	h.save(noon, append(articles(990, 995, "a"), articles(995, 999, "b")...)...)
	h.equal("words", h.titles(searched("words")), []string{"Article 994", "Article 993", "Article 992", "Article 991", "Article 990"})
	h.equal("fields", h.titles(searched("fields")), []string{"Article 998", "Article 997", "Article 996", "Article 995"})
	h.equal("live", h.live(searched("words"), 2), h.titles(searched("words")))
	before := must(h.Feed(h.Context(), searched("words")))(h)
	h.save(noon.Add(time.Hour), article(999, "b"))
	h.equal("untouched", must(h.Feed(h.Context(), searched("words")))(h), before)
	h.equal("fields", len(h.log(searched("fields"))), 5)
}

func searchLosesWhatIsEdited(h *harness) {
	h.define(store.Definition{Name: "secret", Query: "secret"})
	a := article(1)
	a.Content = "A secret."
	h.save(noon, a, article(2))
	h.equal("found", h.titles(searched("secret")), []string{"Article 1"})
	first := must(h.Feed(h.Context(), searched("secret")))(h)
	a.Content = "Nothing."
	h.save(noon.Add(time.Hour), a)
	h.equal("lost", h.titles(searched("secret")), []string(nil))
	f := must(h.Feed(h.Context(), searched("secret")))(h)
	h.equal("record", []uint64{f.Length, f.Articles, f.Sealed, f.Open}, []uint64{1, 0, 1, 1})
	if f.Edition <= first.Edition || !f.Changed.After(first.Changed) {
		h.Errorf("after its article has left it, the feed is %+v", f)
	}
	h.equal("the log keeps it", h.logTitles(searched("secret")), []string{"Article 1"})
	a.Content = "A secret after all."
	h.save(noon.Add(2*time.Hour), a)
	h.equal("found again", h.titles(searched("secret")), []string{"Article 1"})
	h.equal("log", len(h.log(searched("secret"))), 2)
	h.nothingLost(searched("secret"))
}

func searchHoldsBack(h *harness) {
	h.define(store.Definition{Name: "before", Query: "tag:tag"})
	h.visited(noon, articles(500, 520, "tag")...)
	edited := article(510, "tag")
	edited.Title = "Corrected"
	redated := articles(501, 510, "other")
	h.visited(noon.Add(time.Hour), slices.Concat(articles(0, 180, "tag"), redated, []feed.Article{article(500, "tag"), edited}, articles(511, 520, "tag"))...)
	h.equal("held", must(h.Stats(h.Context()))(h).Held > 179, true)
	h.define(store.Definition{Name: "after", Query: "tag:tag"})
	for _, name := range []string{"before", "after"} {
		h.equal("live of "+name, h.live(searched(name), 500), h.live(tagged("tag"), 500))
		h.equal("pages of "+name, h.titles(searched(name)), h.titles(tagged("tag")))
		h.equal("log of "+name, h.logTitles(searched(name)), h.logTitles(tagged("tag")))
		h.nothingLost(searched(name))
	}
	must(h.Release(h.Context(), 1))(h)
	for _, name := range []string{"before", "after"} {
		h.equal("released live of "+name, h.live(searched(name), 500), h.live(tagged("tag"), 500))
		h.equal("released pages of "+name, h.titles(searched(name)), h.titles(tagged("tag")))
		h.nothingLost(searched(name))
	}
}

func searchRedefined(h *harness) {
	h.save(noon, append(articles(0, 150, "a"), articles(150, 300, "b")...)...)
	first := h.define(store.Definition{Name: "feed", Query: "tag:b"})
	var documents []store.Sealed
	for k := range first.Sealed {
		documents = append(documents, must(h.Document(h.Context(), first.Ref, k))(h))
	}
	log := h.log(first.Ref)
	h.equal("first", []uint64{first.Length, first.Articles}, []uint64{150, 150})

	second := h.define(store.Definition{Name: "FEED", Query: "tag:a title:article"})
	h.equal("second", []any{second.Ref, second.Title, second.Length, second.Articles}, []any{first.Ref, "FEED", uint64(300), uint64(150)})
	if second.Edition <= first.Edition || second.Reshaped <= first.Edition || !second.Changed.After(first.Changed) {
		h.Errorf("redefined, the feed is %+v after %+v", second, first)
	}
	h.equal("what the log had", h.log(first.Ref)[:150], log)
	for k, d := range documents {
		h.equal("document", must(h.Document(h.Context(), first.Ref, uint64(k)))(h), d)
	}
	h.equal("pages", h.titles(first.Ref)[0], "Article 149")
	h.nothingLost(first.Ref)

	// Back to what it was: the log has all of it already.
	third := h.define(store.Definition{Name: "feed", Query: "tag:b"})
	h.equal("third", []uint64{third.Length, third.Articles}, []uint64{300, 150})
	h.equal("pages", h.titles(first.Ref)[0], "Article 299")
	edited := article(3, "b")
	edited.Title = "Now in it"
	h.save(noon.Add(time.Hour), edited, article(400, "b"))
	h.equal("what comes", h.titles(first.Ref)[0], "Article 400")
	h.equal("log", len(h.log(first.Ref)), 302)
	h.nothingLost(first.Ref)

	// Another limit is no other search.
	limited := h.define(store.Definition{Name: "feed", Query: "tag:b", Limit: 7})
	h.equal("limited", []uint64{limited.Length, limited.Articles}, []uint64{302, 152})
	h.equal("live", len(h.live(first.Ref, 50)), 7)
	if limited.Reshaped <= third.Edition {
		h.Errorf("limited, the feed is %+v after %+v", limited, third)
	}
	h.nothingLost(first.Ref)
}

// searchCutOff cuts a search off after each of its steps, with edits in between.
func searchCutOff(h *harness) {
	for n := range 4 {
		h.save(noon.Add(time.Duration(n)*time.Minute), articles(500*n, 500*n+500, "tag")...)
	}
	def := store.Definition{Name: "cut", Query: "title:article"}
	for n := range 3 {
		ctx, cancel := context.WithCancel(h.Context())
		_, err := h.Define(ctx, def, func(done, of uint64) {
			if done < of {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			h.Fatalf("cut off: %v", err)
		}
		faults := must(h.Check(h.Context()))(h)
		h.equal("faults while it is at work", faults, []string(nil))
		edited := article(n, "tag")
		edited.Title = fmt.Sprint("Lost ", n) // after it was found
		late := article(1900+n, "tag")
		late.Title = fmt.Sprint("Lost before ", n)
		h.save(noon.Add(time.Hour), edited, late, article(2000+n, "tag"))
	}
	must(h.Close(), nil)(h)
	h.Store = h.open(h.T, h.dir)
	var first uint64
	f := must(h.Define(h.Context(), def, func(done, _ uint64) {
		if first == 0 {
			first = done
		}
	}))(h)
	if first <= 1500 {
		h.Errorf("it went on at %d", first)
	}
	h.equal("articles", f.Articles, uint64(2003-6))
	h.equal("titles", slices.ContainsFunc(h.titles(f.Ref), func(s string) bool { return strings.HasPrefix(s, "Lost") }), false)
	h.equal("log", f.Length, uint64(2003))
	h.nothingLost(f.Ref)
}

// searchAtWork lets into the live feeds what a search that is at work has found already.
func searchAtWork(h *harness) {
	h.visited(noon, articles(500, 520, "tag")...)
	h.visited(noon.Add(time.Hour), append(articles(0, 180, "tag"), articles(500, 520, "tag")...)...)
	h.saveFrom(feed.Source{URL: "https://other.example/feed"}, noon.Add(2*time.Hour), articles(2000, 3500)...)
	def := store.Definition{Name: "at work", Query: "title:article"}
	ctx, cancel := context.WithCancel(h.Context())
	if _, err := h.Define(ctx, def, func(uint64, uint64) { cancel() }); !errors.Is(err, context.Canceled) {
		h.Fatalf("cut off: %v", err)
	}
	h.equal("released", must(h.Release(h.Context(), 1))(h), 180)
	f := h.define(def)
	h.equal("articles", f.Articles, uint64(1700))
	h.equal("live", h.live(f.Ref, 2000), h.live(everything(), 2000))
	h.nothingLost(f.Ref)
}

func searchSplit(h *harness) {
	h.save(noon, append(articles(0, 5, "Korea", "Sport"), article(5), article(6, "C/C++"), article(7, "!!"))...)
	whole := h.define(store.Definition{Name: "Split", Query: "title:article", Split: true})
	h.equal("names", h.names(store.Search), []string{"split", "split/c-c", "split/korea", "split/sport", "split/tag"})
	part := must(h.Feed(h.Context(), searched("split/korea")))(h)
	h.equal("part", []any{part.Title, part.Articles, *part.Search}, []any{"Split: Korea", uint64(5), *whole.Search})
	h.save(noon.Add(time.Hour), article(8, "korea", "New"))
	h.equal("what comes", h.titles(searched("split/korea"))[0], "Article 8")
	h.equal("new part", h.titles(searched("split/new")), []string{"Article 8"})
	h.equal("whole", len(h.titles(whole.Ref)), 9)

	edited := article(8, "New")
	edited.Title = "Article 8, edited"
	h.save(noon.Add(2*time.Hour), edited)
	h.equal("without its tag", h.titles(searched("split/korea"))[0], "Article 4")
	h.equal("in its tag", h.titles(searched("split/new")), []string{"Article 8, edited"})

	h.define(store.Definition{Name: "Whole", Query: "title:article"})
	one := h.define(store.Definition{Name: "SPLIT", Query: "title:article"})
	h.equal("no longer split", []uint64{one.Articles, one.Length}, []uint64{9, 10})
	part = must(h.Feed(h.Context(), searched("split/korea")))(h)
	h.equal("its part", []any{part.Title, part.Articles, part.Length}, []any{"SPLIT: Korea", uint64(0), uint64(6)})
	h.save(noon.Add(3*time.Hour), article(9, "Korea"))
	h.equal("part gets nothing", must(h.Feed(h.Context(), searched("split/korea")))(h).Length, uint64(6))
	again := h.define(store.Definition{Name: "split", Query: "title:article", Split: true})
	h.equal("split again", []uint64{again.Articles, again.Length}, []uint64{10, 11})
	h.equal("part again", h.titles(searched("split/korea"))[0], "Article 9")
	h.equal("its log", len(h.log(searched("split/korea"))), 7)
	for _, name := range h.names(store.Search) {
		h.nothingLost(searched(name))
	}
	must(0, h.Undefine(h.Context(), "split"))(h)
	h.equal("names at the end", h.names(store.Search), []string{"whole"})
}

// searchLimited proves of a limited feed that what its live document cannot hold is sealed.
func searchLimited(h *harness) {
	f := h.define(store.Definition{Name: "five", Query: "title:article OR title:old", Limit: 5})
	next := 500
	step := func(at int, all ...feed.Article) {
		h.Helper()
		h.visited(noon.Add(time.Duration(at)*time.Hour), all...)
		h.nothingLost(f.Ref)
		if n := len(h.live(f.Ref, 50)); n > 5 {
			h.Errorf("live: %d", n)
		}
	}
	step(0, articles(next, next+3)...)
	now := must(h.Feed(h.Context(), f.Ref))(h)
	h.equal("all in the tail", []uint64{now.Length, now.Sealed}, []uint64{3, 0})
	for n := range 30 {
		step(n+1, articles(next+n-3, next+n+3)...)
	}
	old := article(1)
	old.Title = "Old one" // by date it never is among the five
	step(40, append(articles(next+27, next+33), old)...)
	now = must(h.Feed(h.Context(), f.Ref))(h)
	h.equal("sealed", now.Open, now.Length)
	h.equal("live", h.live(f.Ref, 50)[0], "Article 532")
	// What is released pushes out what is in the tail.
	step(41, articles(600, 800)...)
	step(42, append(articles(540, 541), articles(600, 800)...)...)
	now = must(h.Feed(h.Context(), f.Ref))(h)
	h.equal("in the tail", now.Length-now.Open, uint64(1))
	h.equal("released", must(h.Release(h.Context(), 1))(h), 200)
	h.nothingLost(f.Ref)
	h.equal("live now", h.live(f.Ref, 50)[4], "Article 795")
	h.define(store.Definition{Name: "five", Query: "title:article OR title:old", Limit: 2})
	h.nothingLost(f.Ref)
	h.equal("two", len(h.live(f.Ref, 50)), 2)
	h.define(store.Definition{Name: "five", Query: "title:article OR title:old"})
	h.equal("unlimited", len(h.live(f.Ref, 50)), 50)
}

func searchOfTwins(h *harness) {
	text := "<p>" + strings.Repeat("A report that two publishers have word for word. ", 20) + "</p>"
	twin := func(title string) feed.Article {
		a := article(1, "tag")
		a.Title, a.Content = title, text
		return a
	}
	h.define(store.Definition{Name: "before", Query: "report"})
	h.save(noon, twin("The report"))
	saved := h.saveFrom(feed.Source{URL: "https://other.example/feed", Title: "Other"}, noon.Add(time.Minute), twin("The report"))
	h.define(store.Definition{Name: "after", Query: "report"})
	for _, name := range []string{"before", "after"} {
		h.equal(name, h.logTitles(searched(name)), h.logTitles(tagged("tag")))
		h.equal(name, h.titles(searched(name)), h.titles(tagged("tag")))
	}
	h.equal("twins", must(h.Article(h.Context(), saved.Added[0]))(h).Twin != 0, true)
	h.define(store.Definition{Name: "younger", Query: "report source:other"})
	h.equal("of the younger alone", len(h.titles(searched("younger"))), 1)
}

// searchOfRenamedSource proves that what was found stays one article when its source is called
// otherwise.
func searchOfRenamedSource(h *harness) {
	s := source()
	h.define(store.Definition{Name: "by title", Query: `source:"A Title"`})
	s.Title = "A Title"
	h.visitedAt(s, noon, article(1), article(2))
	h.equal("found", h.titles(searched("by-title")), []string{"Article 2", "Article 1"})
	s.Title = "Another"
	edited := article(1)
	edited.Title = "Edited"
	h.visitedAt(s, noon.Add(time.Hour), edited, article(2), article(3))
	h.equal("no longer", h.titles(searched("by-title")), []string{"Article 2"})
	h.nothingLost(searched("by-title"))
}

func searchEnds(h *harness) {
	h.save(noon, articles(0, 250, "a", "b")...)
	first := h.define(store.Definition{Name: "ends", Query: "tag:a", Split: true})
	if err := h.Undefine(h.Context(), "other"); !errors.Is(err, store.ErrNotFound) {
		h.Errorf("end what is not there: %v", err)
	}
	must(0, h.Undefine(h.Context(), "ENDS"))(h)
	h.equal("names", h.names(store.Search), []string(nil))
	for _, ref := range []store.Ref{first.Ref, searched("ends/a")} {
		if _, err := h.Feed(h.Context(), ref); !errors.Is(err, store.ErrNotFound) {
			h.Errorf("%v after its end: %v", ref, err)
		}
		if _, err := h.Document(h.Context(), ref, 0); !errors.Is(err, store.ErrNotFound) {
			h.Errorf("document of %v after its end: %v", ref, err)
		}
	}
	if err := h.Undefine(h.Context(), "ends"); !errors.Is(err, store.ErrNotFound) {
		h.Errorf("end it again: %v", err)
	}
	var ended []store.Ref
	for _, f := range must(h.Touched(h.Context(), first.Touched, 1000))(h) {
		if f.Kind == store.Search {
			ended = append(ended, f.Ref)
			h.equal("ended", []any{f.Ended, f.Search == nil, f.Articles}, []any{true, true, uint64(0)})
		}
	}
	h.equal("what has changed by its end", ended, []store.Ref{searched("ends"), searched("ends/a"), searched("ends/b")})
	h.save(noon.Add(time.Hour), article(300, "a"))
	h.reopen()
	again := h.define(store.Definition{Name: "ends", Query: "tag:a"})
	h.equal("again", []uint64{again.Articles, again.Length, again.Sealed}, []uint64{251, 251, 3})
	if again.Edition <= first.Edition || again.Reshaped <= first.Edition {
		h.Errorf("its edition %d, reshaped %d, is not after %d", again.Edition, again.Reshaped, first.Edition)
	}
	h.equal("what its documents hold", h.documents(again.Ref), [][2]uint64{{0, 100}, {100, 200}, {200, 250}})
	h.nothingLost(again.Ref)
}

// searchEndsForGood has a name that has ended go on with another query: what was in its documents stays.
func searchEndsForGood(h *harness) {
	h.save(noon, articles(0, 130, "a")...)
	h.save(noon, articles(200, 240, "b")...)
	f := h.define(store.Definition{Name: "ends", Query: "tag:a"})
	was := h.log(f.Ref)
	must(0, h.Undefine(h.Context(), "ends"))(h)
	f = h.define(store.Definition{Name: "Ends", Query: "tag:b", Limit: 10})
	h.equal("the log goes on", h.log(f.Ref)[:130], was)
	h.equal("the feed", []any{f.Title, f.Articles, f.Length}, []any{"Ends", uint64(40), uint64(170)})
	h.equal("its documents", h.documents(f.Ref), [][2]uint64{{0, 100}, {100, 130}, {130, 170}})
	h.nothingLost(f.Ref)
}

// searchBesideSaves searches while articles come in and are edited: each is found once.
func searchBesideSaves(h *harness) {
	h.save(noon, articles(0, 1500, "tag")...)
	var saving sync.WaitGroup
	saving.Go(func() {
		for n := range 40 {
			edited := article(n*30, "tag")
			edited.Content = "Corrected."
			if _, err := h.Save(h.Context(), store.Batch{Source: source(), Seen: noon.Add(time.Hour),
				Articles: []feed.Article{edited, article(1500+n, "tag")}}); err != nil {
				h.Error(err)
			}
		}
	})
	f := h.define(store.Definition{Name: "beside", Query: "tag:tag"})
	saving.Wait()
	h.equal("log", h.logTitles(f.Ref), h.logTitles(tagged("tag")))
	h.equal("order", h.titles(f.Ref), h.titles(tagged("tag")))
	h.nothingLost(f.Ref)
}
