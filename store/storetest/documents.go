package storetest

import (
	"fmt"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// documents returns where the sealed documents of a feed begin and end.
func (h *harness) documents(ref store.Ref) (all [][2]uint64) {
	h.Helper()
	for k := range must(h.Feed(h.Context(), ref))(h).Sealed {
		s := must(h.Document(h.Context(), ref, k))(h)
		all = append(all, [2]uint64{s.From, s.To})
	}
	return all
}

// nothingTwice revises articles that are in open tails, and has one leave a feed.
func nothingTwice(h *harness) {
	retitled := func(n int, title string, tags ...string) feed.Article {
		a := article(n, tags...)
		a.Title = title
		return a
	}
	feeds := []store.Ref{everything(), tagged("one"), tagged("two"), {Kind: store.Author, Name: "ada"}}
	h.save(noon, article(0, "two"), article(1, "one"), article(2, "one"), article(3, "one"))
	h.equal("before", h.documents(everything()), [][2]uint64(nil))
	h.save(noon.Add(time.Hour), retitled(2, "Corrected", "one"))
	h.equal("everything", h.documents(everything()), [][2]uint64{{0, 4}})
	h.equal("the tag that has it", h.documents(tagged("one")), [][2]uint64{{0, 3}})
	h.equal("the tag that has not", h.documents(tagged("two")), [][2]uint64(nil))
	h.save(noon.Add(2*time.Hour), retitled(1, "Corrected", "one"))
	h.equal("what is sealed is not cut", h.documents(everything()), [][2]uint64{{0, 4}})
	for _, ref := range feeds {
		h.nothingLost(ref)
	}
	h.save(noon.Add(3*time.Hour), retitled(2, "Corrected twice", "two"))
	h.equal("the tag that lost it", h.documents(tagged("one")), [][2]uint64{{0, 3}, {3, 5}})
	h.equal("the tag that got it", h.documents(tagged("two")), [][2]uint64(nil))
	h.save(noon.Add(4*time.Hour), retitled(2, "Corrected again", "one"))
	h.equal("and back", h.documents(tagged("one")), [][2]uint64{{0, 3}, {3, 5}})
	h.equal("the other lost it", h.documents(tagged("two")), [][2]uint64{{0, 2}})
	var many []feed.Article
	for n := range 230 {
		many = append(many, retitled(n, fmt.Sprint("Edited ", n), "one"))
	}
	h.save(noon.Add(5*time.Hour), many...)
	for _, ref := range feeds {
		h.nothingLost(ref)
	}
}

// documentTitles has a source rename and describe itself anew between two documents.
func documentTitles(h *harness) {
	s := source()
	s.Description, s.Authors, s.Links = "The first", []feed.Person{{Name: "Ada"}}, []feed.Link{{Href: "https://hub.example/", Rel: "hub"}}
	s.Extra = []feed.Element{{Space: "urn:x", Name: "n", Attrs: []feed.Attr{{Name: "a", Value: "v"}}, Prefixes: map[string]string{"x": "urn:x", "y": "urn:y"}}}
	h.saveFrom(s, noon, articles(0, 100, "Tag")...)
	own := store.Ref{Kind: store.Source, Name: "example"}
	first := must(h.Document(h.Context(), own, 0))(h)
	want := s
	want.ID, want.Name = 1, "example"
	h.equal("the source as it was", first, store.Sealed{To: 100, Title: "Example", About: &want})

	was := must(h.Feed(h.Context(), own))(h)
	s.Title, s.Description = "Renamed", "The second"
	h.saveFrom(s, noon.Add(time.Hour))
	now := must(h.Feed(h.Context(), own))(h)
	if now.Edition <= was.Edition || now.Reshaped != now.Edition {
		h.Errorf("the document is another one without an entry in its log: %+v, before %+v", now, was)
	}
	h.saveFrom(s, noon.Add(2*time.Hour), articles(100, 200, "TAG", "Other")...)
	h.saveFrom(s, noon.Add(2*time.Hour), articles(200, 300, "TAG")...)
	if after := must(h.Feed(h.Context(), own))(h); after.Reshaped != now.Reshaped || after.Edition <= now.Edition {
		h.Errorf("the log grew and the document changed otherwise: %+v, before %+v", after, now)
	}
	h.equal("the first document still", must(h.Document(h.Context(), own, 0))(h), first)
	second := must(h.Document(h.Context(), own, 1))(h)
	h.equal("the second", []string{second.Title, second.About.Description}, []string{"Renamed", "The second"})
	var titles []string
	for k := range uint64(3) {
		d := must(h.Document(h.Context(), tagged("tag"), k))(h)
		titles = append(titles, d.Title)
		h.equal("only a source describes itself", d.About, (*feed.Source)(nil))
	}
	h.equal("titles of a tag", titles, []string{"Tag", "Tag", "TAG"})
}

func identityStays(h *harness) {
	first := must(h.Identity(h.Context()))(h)
	if first == ([16]byte{}) {
		h.Error("an archive without identity")
	}
	h.save(noon, article(1))
	h.equal("after a save", must(h.Identity(h.Context()))(h), first)
	other := h.open(h.T, h.TempDir())
	if must(other.Identity(h.Context()))(h) == first {
		h.Error("two archives with one identity")
	}
	h.reopen()
	h.equal("reopened", must(h.Identity(h.Context()))(h), first)
}
