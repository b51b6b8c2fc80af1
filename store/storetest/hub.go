package storetest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// subscribersAreKept enrols subscribers, changes them and lets them go.
func subscribersAreKept(h *harness) {
	all := func() []store.Subscriber {
		h.Helper()
		list := must(h.Subscribers(h.Context()))(h)
		slices.SortFunc(list, func(a, b store.Subscriber) int {
			return strings.Compare(a.Topic+a.Callback, b.Topic+b.Callback)
		})
		return list
	}
	ok := func(err error) {
		h.Helper()
		if err != nil {
			h.Error(err)
		}
	}
	h.equal("of an empty archive", len(all()), 0)
	ok(h.Dismiss(h.Context(), "https://a.example/feed.atom", "https://b.example/"))
	one := store.Subscriber{Topic: "https://a.example/feed.atom", Callback: "https://b.example/1", Secret: "s", Until: noon, Told: 7}
	two := store.Subscriber{Topic: "https://a.example/feed.atom", Callback: "https://b.example/2", Until: noon}
	three := store.Subscriber{Topic: "https://a.example/feed.rss", Callback: "https://b.example/1", Until: noon}
	ok(h.Enrol(h.Context(), one, two))
	ok(h.Enrol(h.Context(), three))
	h.equal("enrolled", all(), []store.Subscriber{one, two, three})
	one.Until, one.Secret, one.Told = noon.Add(time.Hour), "", 8
	ok(h.Enrol(h.Context(), one))
	ok(h.Dismiss(h.Context(), two.Topic, two.Callback))
	ok(h.Dismiss(h.Context(), two.Topic, two.Callback))
	h.equal("one renewed and one gone", all(), []store.Subscriber{one, three})
	h.reopen()
	h.equal("reopened", all(), []store.Subscriber{one, three})
}

// pushIsNobodyElses lets visits come in between, which do not know how a source stands with its hub by now.
func pushIsNobodyElses(h *harness) {
	err := h.SetPush(h.Context(), 1, func(*feed.Push) {})
	if !errors.Is(err, store.ErrNotFound) {
		h.Errorf("of a source that is not there: %v", err)
	}
	src := h.visitedAt(source(), noon, article(1)).Source
	want := feed.Push{Hub: "https://hub.example/", Topic: upstream, Secret: "s", Callback: "c", Asked: noon}
	if err := h.SetPush(h.Context(), src.ID, func(p *feed.Push) { *p = want }); err != nil {
		h.Fatal(err)
	}
	src.Fetch.Push = feed.Push{Hub: "https://other.example/"}
	h.visitedAt(src, noon.Add(time.Hour), article(2))
	h.equal("after a visit", must(h.Source(h.Context(), src.ID))(h).Fetch.Push, want)
	want.Until = noon.Add(time.Hour)
	if err := h.SetPush(h.Context(), src.ID, func(p *feed.Push) { p.Until = want.Until }); err != nil {
		h.Fatal(err)
	}
	h.reopen()
	h.equal("reopened", must(h.Source(h.Context(), src.ID))(h).Fetch.Push, want)
}

// pushedAgain delivers an old version once more, after a newer one has come.
func pushedAgain(h *harness) {
	h.visited(noon, articles(0, 40, "tag")...)
	push := func(at time.Time, all ...feed.Article) store.Saved {
		h.Helper()
		src := must(h.SourceByURL(h.Context(), upstream))(h)
		return must(h.Save(h.Context(), store.Batch{Source: src, Articles: all, Seen: at, Pushed: true}))(h)[0]
	}
	old := article(41, "tag")
	edited := retitle(old, "Edited")
	h.equal("new", len(push(noon.Add(time.Minute), old).Added), 1)
	h.equal("edited", len(push(noon.Add(2*time.Minute), edited).Revised), 1)
	again := push(noon.Add(3*time.Minute), old)
	h.equal("the old version again", []int{again.Same, len(again.Revised), len(again.Gone)}, []int{1, 0, 0})
	h.equal("when the source was visited last", must(h.SourceByURL(h.Context(), upstream))(h).Fetch.Checked, noon)
	h.equal("polled, it is an edit", len(h.visited(noon.Add(time.Hour), append(articles(1, 40, "tag"), old)...).Revised), 1)
	flood := push(noon.Add(2*time.Hour), articles(200, 400, "tag")...)
	h.equal("of a flood, held", flood.Held, 200)
}
