package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

func (h *harness) shelve(id feed.SourceID, history feed.History, document *store.Shelved) {
	h.Helper()
	if err := h.Shelve(h.Context(), id, history, document); err != nil {
		h.Fatal(err)
	}
}

// top returns the address of the document on top of a shelf.
func (h *harness) top(id feed.SourceID) string {
	h.Helper()
	s, some, err := h.Shelf(h.Context(), id)
	if err != nil || some != (s.URL != "") {
		h.Fatalf("%q, %v, %v", s.URL, some, err)
	}
	return s.URL
}

// unshelved takes in what the document on top of the shelf holds.
func (h *harness) unshelved(history feed.History, all ...feed.Article) (store.Saved, error) {
	h.Helper()
	s := source()
	s.Title, s.Fetch = "As it was called in those days", feed.FetchState{ETag: "old", History: history}
	saved, err := h.Save(h.Context(), store.Batch{
		Source: s, Articles: all, Seen: noon.Add(9 * time.Hour), Backfill: true, Past: true, Unshelve: true})
	return saved[0], err
}

func shelves(h *harness) {
	h.visited(noon, article(500))
	h.visitedAt(feed.Source{URL: "https://other.example/feed"}, noon, article(501))
	if err := h.Shelve(h.Context(), 9, feed.History{}, nil); !errors.Is(err, store.ErrNotFound) {
		h.Errorf("a shelf of no source: %v", err)
	}
	h.equal("an empty shelf", h.top(1), "")
	body := bytes.Repeat([]byte("<feed>\xff\x00</feed>"), 10_000)
	want := store.Shelved{URL: "https://example.org/2", ContentType: "application/atom+xml", Body: body}
	h.shelve(1, feed.History{Wanted: true, Next: "https://example.org/1", Shelved: 7}, &want)
	got, _, err := h.Shelf(h.Context(), 1)
	h.equal("as it was shelved", []any{got, err}, []any{want, nil})
	h.shelve(1, feed.History{Wanted: true, Next: "https://example.org/0"}, &store.Shelved{URL: "https://example.org/1"})
	h.shelve(2, feed.History{}, &store.Shelved{URL: "https://other.example/1"})
	h.shelve(1, feed.History{Wanted: true}, nil)
	h.equal("the last", []string{h.top(1), h.top(2)}, []string{"https://example.org/1", "https://other.example/1"})
	h.equal("counted", must(h.Source(h.Context(), 1))(h).Fetch.History, feed.History{Wanted: true, Shelved: 2})

	saved, err := h.unshelved(feed.History{Wanted: true, Fetched: 2}, articles(0, 3)...)
	h.equal("taken in", []any{len(saved.Added), saved.Source.Fetch.History, err},
		[]any{3, feed.History{Wanted: true, Fetched: 2, Shelved: 1}, nil})
	h.equal("the one below", []string{h.top(1), h.top(2)}, []string{"https://example.org/2", "https://other.example/1"})
	if _, err = h.unshelved(feed.History{}, feed.Article{}); err == nil {
		h.Error("a batch that cannot be taken in was")
	}
	h.equal("which leaves it on the shelf", h.top(1), "https://example.org/2")
	if _, err = h.unshelved(feed.History{Done: noon}); err != nil {
		h.Error(err)
	}
	h.equal("in the end", must(h.Source(h.Context(), 1))(h).Fetch.History, feed.History{Done: noon})
	h.equal("nothing is left", h.top(1), "")
	if saved, err = h.unshelved(feed.History{}, article(9)); !errors.Is(err, store.ErrNotFound) {
		h.Errorf("taken off an empty shelf: %v, %v", saved, err)
	}
	h.equal("articles", must(h.Stats(h.Context()))(h).Articles, uint64(5))
}

// historyIsKept has visits and imports leave alone how far the walk through the history has come.
func historyIsKept(h *harness) {
	h.visited(noon, articles(500, 510)...)
	want := feed.History{Next: "https://example.org/1", Top: "t", Last: "l", Fetched: 3, Begun: noon, Done: noon.Add(-time.Hour), Problem: "p"}
	h.shelve(1, want, nil)
	h.visited(noon.Add(time.Hour), articles(505, 515)...)
	h.save(noon.Add(time.Hour), article(3))
	h.reopen()
	before := must(h.Source(h.Context(), 1))(h)
	h.equal("after a visit, an import and reopening", before.Fetch.History, want)
	h.shelve(1, want, &store.Shelved{URL: "u"})
	if _, err := h.unshelved(feed.History{Done: noon}, articles(0, 50)...); err != nil {
		h.Fatal(err)
	}
	before.Fetch.History = feed.History{Done: noon}
	h.equal("of a document from the shelf only that counts", must(h.Source(h.Context(), 1))(h), before)
	h.visited(noon.Add(20*time.Hour), articles(600, 610)...)
	h.equal("a gap asks for it", must(h.Source(h.Context(), 1))(h).Fetch.History, feed.History{Wanted: true, Done: noon})
}

func (h *harness) reopen() {
	h.Helper()
	if err := h.Close(); err != nil {
		h.Fatal(err)
	}
	h.Store = h.open(h.T, h.dir)
}

// pastVersions meets, in the publisher's own archive, older versions of what came in live.
func pastVersions(h *harness) {
	live := articles(500, 503, "tag")
	live[0].Updated = noon.Add(-time.Hour)
	h.visited(noon, live...)
	edited := live[1]
	edited.Title = "Edited"
	edited.Updated = noon.Add(time.Hour)
	h.visited(noon.Add(time.Hour), live[0], edited, live[2])

	backfill := func(past bool, all ...feed.Article) store.Saved {
		h.Helper()
		return must(h.Save(h.Context(), store.Batch{Source: source(), Articles: all, Seen: noon.Add(5 * time.Hour), Backfill: true, Past: past}))(h)[0]
	}
	old := article(500, "tag", "lost")
	old.Title = "As it was"
	known := article(501, "tag") // the version before the edit
	saved := backfill(true, old, known, article(7, "tag"))
	h.equal("saved", []any{saved.Revised, saved.Same, len(saved.Added)}, []any{[]feed.ID{1}, 1, 1})
	h.equal("the newest", must(h.Article(h.Context(), 1))(h).Title, "Article 500")
	all := must(h.Revisions(h.Context(), 1))(h)
	h.equal("its revisions", titlesOf(all), []string{"Article 500", "As it was"})
	h.equal("the older one", []any{all[1].Revision, all[1].Past, all[0].Past}, []any{1, true, false})
	if !all[1].Modified.Before(all[0].Modified) {
		h.Errorf("the older version is dated %v, the newer %v", all[1].Modified, all[0].Modified)
	}
	h.equal("no change", must(h.Stats(h.Context()))(h).Changes, uint64(1))
	h.equal("live", h.live(tagged("tag"), 10), []string{"Article 502", "Edited", "Article 500"})
	h.equal("on the pages", h.titles(tagged("tag")), []string{"Article 502", "Edited", "Article 500", "Article 7"})
	h.equal("on those of its tag", h.titles(tagged("lost")), []string(nil))
	h.equal("in the log of its tag", titlesOf(h.log(tagged("lost"))), []string{"As it was"})
	h.equal("standing", h.standing(1).Live, uint64(1))
	h.equal("again", backfill(true, old).Same, 1)

	h.equal("without the promise it is an edit", len(backfill(false, retitle(old, "Another")).Revised), 1)
	h.equal("which is the newest", must(h.Article(h.Context(), 1))(h).Title, "Another")
	newer := retitle(old, "Dated later")
	newer.Updated = noon.Add(3 * time.Hour)
	backfill(true, newer)
	h.equal("what is dated later is newer", must(h.Article(h.Context(), 1))(h).Title, "Dated later")
	backfill(true, retitle(article(7, "tag"), "Next"))
	issue := saved.Added[0]
	h.equal("of a back issue the next is newer", must(h.Article(h.Context(), issue))(h).Title, "Next")
	for n := range 3 {
		backfill(true, retitle(old, fmt.Sprint("Older ", n)))
	}
	h.visited(noon.Add(9*time.Hour), retitle(live[0], "Live again"))
	all = must(h.Revisions(h.Context(), 1))(h)
	for n := range all {
		h.equal("revisions are counted", all[n].Revision, n)
	}
	h.equal("so many", len(all), 8)
	h.equal("live again", must(h.Article(h.Context(), 1))(h).Title, "Live again")
	for _, ref := range []store.Ref{everything(), tagged("tag"), tagged("lost"), {Kind: store.Source, Name: "example"}} {
		h.nothingLost(ref)
	}
}

func retitle(a feed.Article, title string) feed.Article {
	a.Title = title
	return a
}

func titlesOf(all []feed.Article) (titles []string) {
	for _, a := range all {
		titles = append(titles, a.Title)
	}
	return titles
}
