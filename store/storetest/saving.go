package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

func validators(h *harness) {
	s := source()
	s.Fetch = feed.FetchState{Checked: noon, ETag: `"1"`, LastModified: "Sun, 06 Nov 1994 08:49:37 GMT"}
	h.saveFrom(s, noon, article(1))
	h.equal("state", must(h.Source(h.Context(), 1))(h).Fetch, s.Fetch)
	h.save(noon, article(3))
	h.equal("state after an import", must(h.Source(h.Context(), 1))(h).Fetch, s.Fetch)
	s.Fetch.ETag = `"2"`
	bad := article(2)
	bad.Key = ""
	if _, err := h.Save(h.Context(), store.Batch{Source: s, Articles: []feed.Article{bad}, Seen: noon}); err == nil {
		h.Fatal("an article without identity was taken in")
	}
	h.equal("state after a batch that failed", must(h.Source(h.Context(), 1))(h).Fetch.ETag, `"1"`)
}

func ownersDecisions(h *harness) {
	mine := source()
	mine.Tags = []string{"Mine"}
	mine.Subscribed = true // which is for Subscribe to decide
	s, fresh, err := h.subscribe(mine)
	if err != nil || !fresh || !s.Subscribed {
		h.Fatalf("subscribe: %+v, %v, %v", s, fresh, err)
	}
	h.save(noon, article(1)) // says nothing of tags or subscription
	s = must(h.Source(h.Context(), s.ID))(h)
	h.equal("after a save", []any{s.Subscribed, s.Tags}, []any{true, []string{"Mine"}})
	h.equal("filed under", h.titles(tagged("mine")), []string{"Article 1"})

	mine.Tags = []string{"mine", "Other"}
	s, fresh, err = h.subscribe(mine)
	h.equal("again", []any{s.Tags, fresh, err}, []any{[]string{"Mine", "Other"}, false, nil})
	s = must(h.Unsubscribe(h.Context(), s.ID))(h)
	h.equal("unsubscribed", s.Subscribed, false)
	h.equal("articles stay", h.titles(everything()), []string{"Article 1"})

	h.equal("nor is it shown", (&feed.Source{URL: "https://me:secret@example.org/x"}).DisplayTitle(), "https://example.org/x")
	secret := feed.Source{URL: "https://me:secret@example.org/private.xml"}
	h.saveFrom(secret, noon, article(50))
	h.equal("no password goes out", must(h.Article(h.Context(), 2))(h).Origin.URL, "https://example.org/private.xml")

	renamed := source()
	renamed.Title = "Another name"
	h.saveFrom(renamed, noon)
	f := must(h.Feed(h.Context(), store.Ref{Kind: store.Source, Name: "example"}))(h)
	h.equal("a renamed source keeps its URL name", f.Title, "Another name")
}

func fallDue(h *harness) {
	for n := range 5 {
		s := feed.Source{URL: fmt.Sprint("https://example.org/", n)}
		s.Fetch.Due = noon.Add(time.Duration(4-n) * time.Hour)
		must(h.Save(h.Context(), store.Batch{Source: s, Seen: noon}))(h)
		if n != 2 {
			if _, _, err := h.subscribe(s); err != nil {
				h.Fatal(err)
			}
		}
	}
	due := func(now time.Time) (urls []string) {
		for _, turn := range must(h.Due(h.Context(), now, store.Turn{}, 3))(h) {
			s := must(h.Source(h.Context(), turn.Source))(h)
			h.equal("turn of "+s.URL, turn.At, s.Fetch.Due)
			urls = append(urls, s.URL[len("https://example.org/"):])
		}
		return urls
	}
	h.equal("before", due(noon.Add(-time.Second)), []string(nil))
	h.equal("in time", due(noon.Add(time.Hour)), []string{"4", "3"})
	h.equal("late", due(noon.Add(9*time.Hour)), []string{"4", "3", "1"})
	s := must(h.SourceByURL(h.Context(), "https://example.org/4"))(h)
	s.Fetch.Checked, s.Fetch.Due = noon, noon.AddDate(1, 0, 0)
	h.saveFrom(s, noon)
	h.equal("after a visit", due(noon.Add(9*time.Hour)), []string{"3", "1", "0"})
	at, some, err := h.NextDue(h.Context())
	h.equal("next", []any{at, some, err}, []any{noon.Add(time.Hour), true, nil})
}

func badBatch(h *harness) {
	good := store.Batch{Source: source(), Articles: articles(0, 3), Seen: noon}
	nameless := store.Batch{Source: feed.Source{URL: "https://example.org/2"}, Articles: []feed.Article{{Title: "no key"}}, Seen: noon}
	double := store.Batch{Source: feed.Source{URL: "https://example.org/4"}, Articles: []feed.Article{{Key: "http://a/"}, {Key: "https://a"}}, Seen: noon}
	homeless := store.Batch{Articles: articles(0, 3), Seen: noon}
	unknown := store.Batch{Source: feed.Source{ID: 99}, Articles: articles(0, 3), Seen: noon}
	last := store.Batch{Source: feed.Source{URL: "https://example.org/3"}, Articles: articles(0, 2), Seen: noon}
	saved, err := h.Save(h.Context(), good, nameless, double, homeless, unknown, last)
	if err == nil {
		h.Error("no error for four bad batches")
	}
	var added []int
	for _, s := range saved {
		added = append(added, len(s.Added))
	}
	h.equal("added", added, []int{3, 0, 0, 0, 0, 2})
	for i, s := range saved {
		if (s.Err != nil) != (i >= 1 && i <= 4) {
			h.Errorf("batch %d: %v", i, s.Err)
		}
	}
	h.equal("stats", must(h.Stats(h.Context()))(h), store.Stats{Sequence: 5, Articles: 5, Sources: 2, Authors: 1})
}

func concurrentSaves(h *harness) {
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 10 {
				s := feed.Source{URL: fmt.Sprint("https://example.org/", w)}
				own := articles(i*4, i*4+5, "tag")
				for n := range own {
					own[n].Title += fmt.Sprint(" of ", w) // or they would be twins
					own[n].Link += fmt.Sprint("?", w)
				}
				if _, err := h.Save(h.Context(), store.Batch{Source: s, Articles: own, Seen: noon}); err != nil {
					h.Error(err)
				}
				if _, err := h.Articles(h.Context(), store.Query{Ref: everything()}); err != nil {
					h.Error(err)
				}
			}
		})
	}
	wg.Wait()
	h.equal("articles", must(h.Feed(h.Context(), tagged("tag")))(h).Articles, uint64(8*41))
}

func editionsRise(h *harness) {
	e := h.Edition()
	h.save(noon, article(1, "one"))
	if h.Edition() <= e {
		h.Error("the archive's edition did not rise")
	}
	one := must(h.Feed(h.Context(), tagged("one")))(h)
	h.save(noon.Add(time.Hour), article(2, "two"))
	h.equal("a feed that nothing came to", must(h.Feed(h.Context(), tagged("one")))(h), one)
	h.save(noon.Add(2*time.Hour), article(3, "one"))
	if after := must(h.Feed(h.Context(), tagged("one")))(h); after.Edition <= one.Edition || !after.Changed.After(one.Changed) {
		h.Errorf("%+v does not come after %+v", after, one)
	}
}

func changedNeverGoesBack(h *harness) {
	h.save(noon, article(1))
	h.save(noon.Add(-time.Hour), article(2)) // the clock was set back
	h.equal("changed", must(h.Feed(h.Context(), everything()))(h).Changed, noon)
}

func survivesReopening(h *harness) {
	h.save(noon, articles(0, 30, "tag")...)
	before := h.log(everything())
	if err := h.Close(); err != nil {
		h.Fatal(err)
	}
	if _, err := h.Save(h.Context(), store.Batch{Source: source(), Seen: noon}); err == nil {
		h.Error("a closed archive took something in")
	}
	h.Store = h.open(h.T, h.dir)
	h.equal("log", h.log(everything()), before)
	saved := h.save(noon, articles(0, 31, "tag")...)
	h.equal("goes on", []any{len(saved.Added), saved.Same, saved.Added[0]}, []any{1, 30, feed.ID(31)})
}

// oneGUIDInTwoFeeds has two publishers number their articles from 1, and a third repeat one of them.
func oneGUIDInTwoFeeds(h *harness) {
	for n := range 2 {
		s := feed.Source{URL: fmt.Sprintf("https://%d.example.org/feed", n)}
		h.saveFrom(s, noon, feed.Article{Key: "1", Title: fmt.Sprint("First of ", n), Published: noon})
		h.saveFrom(s, noon, feed.Article{Key: "urn:example:shared", GUID: "urn:example:shared", Title: "Shared", Published: noon.Add(-time.Hour)})
	}
	f := must(h.Feed(h.Context(), everything()))(h)
	var titles []string
	for _, a := range must(store.Subscription(h.Context(), h, f, 10))(h) {
		titles = append(titles, a.Title)
	}
	h.equal("live document", titles, []string{"First of 1", "First of 0", "Shared"})
}

// subscribeBesideBadBatches shares transactions with batches that cannot be taken in.
func subscribeBesideBadBatches(h *harness) {
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 200 {
			if _, err := h.Save(h.Context(), store.Batch{Source: feed.Source{ID: 9999}, Seen: noon}); err == nil {
				h.Error("a batch of an unknown source was taken in")
			}
		}
	})
	for w := range 4 {
		wg.Go(func() {
			for n := range 50 {
				s := feed.Source{URL: fmt.Sprintf("https://%d.example.org/%d", w, n)}
				if got, fresh, err := h.subscribe(s); err != nil || !fresh || got.URL != s.URL {
					h.Errorf("subscribe to %s: %+v, %v, %v", s.URL, got, fresh, err)
				}
			}
		})
	}
	wg.Wait()
}

// longNames has a text got into the place of a tag, an author and a guid.
func longNames(h *harness) {
	long := strings.Repeat("long ", 20_000)
	a := article(1, long, "Short")
	a.Authors = append(a.Authors, feed.Person{Name: long})
	a.Key, a.GUID = long, long
	saved := h.save(noon, a, article(2))
	h.equal("added", len(saved.Added), 2)
	h.equal("its other tag", h.titles(tagged("short")), []string{"Article 1"})
	h.equal("what was said is kept", must(h.Article(h.Context(), saved.Added[1]))(h).GUID == long ||
		must(h.Article(h.Context(), saved.Added[0]))(h).GUID == long, true)
}

func endedContext(h *harness) {
	ctx, cancel := context.WithCancel(h.Context())
	cancel()
	_, err := h.Save(ctx, store.Batch{Source: source(), Articles: articles(0, 3), Seen: noon})
	n := must(h.Stats(h.Context()))(h).Articles
	// Either it was taken back in time or it was wholly saved; anything between is a broken promise.
	if err == nil && n != 3 || err != nil && n != 0 {
		h.Errorf("%d articles after %v", n, err)
	}
}

// subscribe subscribes to one source, and says whether it was not polled before.
func (h *harness) subscribe(s feed.Source) (feed.Source, bool, error) {
	got, err := h.Subscribe(h.Context(), s)
	if err != nil {
		return s, false, err
	}
	return got[0].Source, got[0].New, nil
}
