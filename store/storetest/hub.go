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
