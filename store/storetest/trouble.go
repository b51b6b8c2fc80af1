package storetest

import (
	"fmt"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// subscribed returns a new source that is polled.
func (h *harness) subscribed(n int) feed.Source {
	h.Helper()
	s, _, err := h.subscribe(feed.Source{URL: fmt.Sprintf("https://%d.example/feed", n), Title: fmt.Sprint("Source ", n)})
	if err != nil {
		h.Fatal(err)
	}
	return s
}

// fails stores a failed visit.
func (h *harness) fails(s feed.Source, at time.Time, status int, problem string) feed.Source {
	h.Helper()
	s.Fetch.Checked, s.Fetch.Status, s.Fetch.Problem = at, status, problem
	s.Fetch.Failures++
	return must(h.Save(h.Context(), store.Batch{Source: s, Seen: at}))(h)[0].Source
}

// works stores a good visit that brought nothing new.
func (h *harness) works(s feed.Source, at time.Time) feed.Source {
	h.Helper()
	s.Fetch.Checked, s.Fetch.Status, s.Fetch.Problem, s.Fetch.Failures = at, 200, "", 0
	return must(h.Save(h.Context(), store.Batch{Source: s, Seen: at}))(h)[0].Source
}

func (h *harness) troubled(after feed.SourceID, limit int, kinds ...store.Trouble) (ids []feed.SourceID) {
	h.Helper()
	for _, t := range must(h.Troubled(h.Context(), after, limit, kinds...))(h) {
		ids = append(ids, t.ID)
	}
	return ids
}

func (h *harness) counted() [store.Troubles]uint64 {
	h.Helper()
	return must(h.Stats(h.Context()))(h).Troubled
}

func troubleIsFound(h *harness) {
	ids := func(ids ...feed.SourceID) []feed.SourceID { return ids }
	var s [6]feed.Source
	for n := 1; n < len(s); n++ {
		s[n] = h.works(h.subscribed(n), noon)
	}
	h.equal("all well", h.troubled(0, 10), ids())
	h.equal("subscribed", must(h.Stats(h.Context()))(h).Subscribed, uint64(5))

	s[4] = h.fails(s[4], noon.Add(time.Hour), 500, "broken")
	s[2] = h.fails(s[2], noon.Add(time.Hour), 410, "gone")
	s[3].Fetch.Repairs = []string{"entities"}
	s[3] = h.works(s[3], noon.Add(time.Hour))
	s[4].Fetch.Repairs = []string{"entities"}
	s[4] = h.fails(s[4], noon.Add(2*time.Hour), 502, "broken still")
	if err := h.SetPush(h.Context(), 5, func(p *feed.Push) { p.Problem = "it says no" }); err != nil {
		h.Error(err)
	}
	if err := h.Shelve(h.Context(), 3, feed.History{Problem: "it turns in a circle"}, nil); err != nil {
		h.Error(err)
	}
	h.reopen()
	h.equal("any", h.troubled(0, 10), ids(2, 3, 4, 5))
	h.equal("after", h.troubled(2, 2), ids(3, 4))
	h.equal("failing", h.troubled(0, 10, store.Failing), ids(2, 4))
	h.equal("gone", h.troubled(0, 10, store.Ended), ids(2))
	h.equal("mended or failing", h.troubled(0, 10, store.Mended, store.Failing), ids(2, 3, 4))
	h.equal("not pushed", h.troubled(0, 10, store.Unpushed), ids(5))
	h.equal("stuck", h.troubled(0, 10, store.Stuck), ids(3))
	h.equal("counts", h.counted(), [store.Troubles]uint64{
		store.Failing: 2, store.Ended: 1, store.Unpushed: 1, store.Stuck: 1, store.Mended: 2,
	})
	list := must(h.Troubled(h.Context(), 3, 1, store.Failing))(h)
	h.equal("since", []any{list[0].Since, list[0].Fetch.Problem}, []any{noon.Add(time.Hour), "broken still"})

	must(h.Unsubscribe(h.Context(), 2))(h)
	h.works(s[4], noon.Add(3*time.Hour))
	h.equal("failing no more", h.troubled(0, 10, store.Failing, store.Ended), ids())
	h.equal("subscribed still", must(h.Stats(h.Context()))(h).Subscribed, uint64(4))
	h.equal("counts in the end", h.counted(), [store.Troubles]uint64{store.Unpushed: 1, store.Stuck: 1, store.Mended: 2})

	for n, due := range map[int]time.Duration{1: 0, 3: -time.Hour, 4: time.Second} {
		s[n].Fetch.Due = noon.Add(due)
		h.works(s[n], noon.Add(3*time.Hour))
	}
	n, since, err := h.Overdue(h.Context(), noon)
	h.equal("overdue", []any{n, since, err}, []any{uint64(3), noon.Add(-time.Hour), nil}) // and 5, which is new
}

// told returns the incidents, the oldest first.
func (h *harness) told() (lines []string) {
	h.Helper()
	list := must(h.Incidents(h.Context(), 0, 100))(h)
	for i := len(list) - 1; i >= 0; i-- {
		in := list[i]
		lines = append(lines, fmt.Sprintf("%d %c %d +%s %q", in.N, in.Kind, in.Source, in.At.Sub(noon), in.Text))
	}
	return lines
}

func incidentsAreTold(h *harness) {
	s := h.works(h.subscribed(1), noon)
	for n := range 5 { // fails, and is well again before a day has gone
		s = h.fails(s, noon.Add(time.Duration(n)*time.Hour), 500, "broken")
	}
	s = h.works(s, noon.Add(23*time.Hour))
	h.equal("a bad hour", h.told(), []string(nil))

	day := 24 * time.Hour
	s = h.fails(s, noon.Add(2*day), 500, "broken")
	s = h.fails(s, noon.Add(3*day-time.Second), 500, "broken")
	h.equal("not a day yet", h.told(), []string(nil))
	h.reopen()
	for n := range 4 {
		s = h.fails(s, noon.Add(time.Duration(3+n)*day), 500, "broken more and more")
	}
	want := []string{`1 f 1 +72h0m0s "broken more and more"`}
	h.equal("a day", h.told(), want)
	s = h.works(s, noon.Add(8*day))
	s = h.works(s, noon.Add(9*day))
	want = append(want, `2 r 1 +192h0m0s "broken more and more"`)
	h.equal("well again", h.told(), want)
	first := must(h.Incidents(h.Context(), 2, 1))(h)[0]
	h.equal("the first", []any{first.N, first.Since, first.Title, first.Name}, []any{uint64(1), noon.Add(2 * day), "Source 1", s.Name})

	s.URL = "https://reader:secret@new.example/feed"
	s = h.works(s, noon.Add(10*day))
	want = append(want, `3 m 1 +240h0m0s "https://new.example/feed"`)
	h.equal("moved", h.told(), want)

	for n := range 4 { // a gap at each visit but the first, of which two are a day apart
		h.visitedAt(s, noon.Add(11*day+time.Duration(n)*12*time.Hour), articles(100*n, 100*n+2)...)
	}
	want = append(want, `4 g 1 +276h0m0s ""`, `5 g 1 +300h0m0s ""`)
	h.equal("gaps", h.told(), want)
	h.equal("gapped", h.counted()[store.Gapped], uint64(1))
}

func goneIsTold(h *harness) {
	s := h.works(h.subscribed(1), noon)
	s = h.fails(s, noon.Add(time.Hour), 410, "gone for good")
	s = h.fails(s, noon.Add(48*time.Hour), 410, "gone for good")
	s = h.fails(s, noon.Add(72*time.Hour), 500, "broken")
	s = h.fails(s, noon.Add(96*time.Hour), 410, "gone for good")
	h.works(s, noon.Add(120*time.Hour))
	h.equal("told", h.told(), []string{`1 x 1 +1h0m0s "gone for good"`, `2 r 1 +120h0m0s "gone for good"`})
	h.equal("counts", h.counted(), [store.Troubles]uint64{})

	// What is held back is told when the first of it is.
	other := h.visitedAt(h.subscribed(2), noon, articles(900, 910)...).Source
	flood := h.visitedAt(other, noon.Add(time.Hour), articles(1, 200)...)
	h.equal("held", []any{flood.Held, h.counted()[store.Holding]}, []any{199, uint64(1)})
	list := must(h.Incidents(h.Context(), 0, 1))(h)
	h.equal("told of it", []any{list[0].Kind, list[0].Count, list[0].Source}, []any{store.HeldBack, 199, feed.SourceID(2)})
	must(h.Release(h.Context(), 2))(h)
	h.equal("released", h.counted()[store.Holding], uint64(0))
}
