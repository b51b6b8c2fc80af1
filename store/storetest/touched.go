package storetest

import (
	"fmt"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// touchedSince reads the list of feeds that changed in pages, and returns where it ends.
func (h *harness) touchedSince(after uint64, limit int) (names []string, last uint64) {
	h.Helper()
	for {
		page := must(h.Touched(h.Context(), after, limit))(h)
		if len(page) == 0 {
			return names, after
		}
		if len(page) > limit {
			h.Fatalf("%d feeds, %d at most", len(page), limit)
		}
		for _, f := range page {
			if f.Touched <= after {
				h.Fatalf("%q, touched at %d, follows %d", f.Name, f.Touched, after)
			}
			h.equal("its record", must(h.Feed(h.Context(), f.Ref))(h), f)
			names, after = append(names, string(f.Kind)+f.Name), f.Touched
		}
	}
}

func touched(h *harness) {
	names, last := h.touchedSince(0, 10)
	h.equal("of an empty archive", names, []string{"*"})
	var all []feed.Article
	for n := range 50 {
		all = append(all, article(n, fmt.Sprint("Tag ", n)))
	}
	h.save(noon, all...)
	names, last = h.touchedSince(last, 7)
	h.equal("at first", len(names), 50+3)
	h.save(noon.Add(time.Hour), all...)
	names, last = h.touchedSince(last, 7)
	h.equal("nothing new", names, []string(nil))
	for n := range 5 {
		h.save(noon.Add(time.Hour), retitle(article(7, "Tag 7"), fmt.Sprint("Edited ", n)))
	}
	h.save(noon.Add(time.Hour), retitle(article(9, "Tag 9"), "Edited"))
	first := must(h.Touched(h.Context(), last, 1))(h)[0]
	h.equal("the one that changed first", first.Name, "tag-7")
	h.save(noon.Add(2*time.Hour), retitle(article(7, "Tag 7"), "Edited in the middle"))
	names, last = h.touchedSince(first.Touched, 2)
	h.equal("what changes meanwhile comes again", len(names), 5)
	h.reopen()
	names, _ = h.touchedSince(last, 2)
	h.equal("reopened", names, []string(nil))
	names, _ = h.touchedSince(0, 3)
	h.equal("each once", len(names), 50+3)
}

// reshaped changes live documents by what their logs do not say.
func reshaped(h *harness) {
	was := map[store.Ref]store.Feed{}
	refs := []store.Ref{everything(), tagged("one"), tagged("two"), {Kind: store.Source, Name: "example"}, {Kind: store.Author, Name: "ada"}}
	expect := func(what string, want ...store.Ref) {
		h.Helper()
		for _, ref := range refs {
			f, old := must(h.Feed(h.Context(), ref))(h), was[ref]
			is := f.Reshaped > old.Edition
			should := false
			for _, w := range want {
				should = should || w == ref
			}
			if is != should || f.Reshaped > f.Edition || f.Reshaped < old.Reshaped {
				h.Errorf("%s: %c%s: edition %d, reshaped %d, before %d and %d", what, ref.Kind, ref.Name,
					f.Edition, f.Reshaped, old.Edition, old.Reshaped)
			}
			was[ref] = f
		}
	}
	h.visited(noon, append(articles(500, 520, "one"), article(520, "two"))...)
	expect("new articles")
	h.visited(noon.Add(time.Hour), retitle(article(520, "two"), "Edited"))
	expect("an edit")
	h.save(noon.Add(time.Hour), article(520, "one"))
	expect("a lost tag", tagged("two"))
	s := source()
	s.Description = "Another"
	h.visitedAt(s, noon.Add(2*time.Hour), article(520, "one"))
	expect("another description", refs[3])
	h.visitedAt(s, noon.Add(3*time.Hour), append(articles(0, 180, "one"), article(520, "one"))...)
	expect("a flood")
	h.equal("released", must(h.Release(h.Context(), 1))(h), 180)
	expect("its release", everything(), tagged("one"), refs[3], refs[4])
	h.equal("a change for each", must(h.Stats(h.Context()))(h).Changes, uint64(2+180))
	last := must(h.Changes(h.Context(), 0, 1))(h)[0]
	h.equal("the last of them", []any{last.Kind, last.Seq, last.At.IsZero()}, []any{store.Released, uint64(last.Article), false})
}
