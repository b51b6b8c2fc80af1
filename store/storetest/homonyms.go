package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// homonyms gives several articles of different sources one guid.
func homonyms(h *harness) {
	from := func(n int) feed.Source {
		return feed.Source{URL: fmt.Sprintf("https://%d.example/feed", n), Title: fmt.Sprint("Source ", n)}
	}
	note := func(n int, guid string) feed.Article {
		a := article(n)
		a.GUID, a.Key, a.Link = guid, guid, fmt.Sprintf("https://%d.example/notes/%d", n, n)
		return a
	}
	add := func(s feed.Source, a feed.Article) bool {
		h.Helper()
		saved := h.saveFrom(s, noon, a)
		return must(h.Article(h.Context(), saved.Added[0]))(h).Homonym
	}
	for n, guid := range []string{"7", "https://cms.example/node/7", "urn:cms:7"} {
		h.equal(guid+" at first", add(from(1), note(10*n+1, guid)), false)
		h.equal(guid+" of another", add(from(2), note(10*n+2, guid)), true)
		h.equal(guid+" of a third", add(from(3), note(10*n+3, guid)), true)
	}
	h.equal("in another form", add(from(4), note(34, "http://www.cms.example/node/7/")), true)
	h.equal("another guid", add(from(4), note(35, "8")), false)

	a := note(36, "https://cms.example/node/9")
	h.equal("elder", add(from(1), a), false)
	h.equal("twin", add(from(2), a), false)
	h.equal("younger twin", add(from(3), a), false)
	h.equal("no twin", add(from(4), note(37, a.Key)), true)
	all := must(h.Articles(h.Context(), store.Query{Ref: everything(), Limit: 100}))(h).Articles
	h.equal("all but twins are in the feed of everything", len(all), 13)

	edited := note(2, "7")
	edited.Title = "Edited"
	h.saveFrom(from(2), noon.Add(time.Hour), edited)
	h.equal("homonyms stay that", must(h.Article(h.Context(), 2))(h).Homonym, true)
	live := h.live(everything(), 100)
	for _, title := range []string{"Article 1", "Edited", "Article 3"} {
		if !slices.Contains(live, title) {
			h.Errorf("%q is not live: %q", title, live)
		}
	}
	h.nothingLost(everything())
}
