package scheduler_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
)

func TestEventAsALine(t *testing.T) {
	src := feed.Source{Title: "News"}
	for want, e := range map[string]scheduler.Event{
		"News: unchanged":               {Outcome: scheduler.Unchanged},
		"News: failed: it is broken":    {Outcome: scheduler.Failed, Err: errors.New("it is broken")},
		"News: 1 gone":                  {Outcome: scheduler.Changed, Gone: 1},
		"News: 1 revised, 2 back again": {Outcome: scheduler.Changed, Revised: 1, Returned: 2},
		"News: 5 new; nothing in common with the visit before: some may be missing": {Outcome: scheduler.Changed, Added: 5, Gap: true},
		"News: 3 new, 2 revised, 1 gone, 180 held back as a flood": {
			Outcome: scheduler.Changed, Added: 3, Revised: 2, Gone: 1, Held: 180},
	} {
		e.Source = src
		if got := e.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// dated writes a feed of articles, the given days before noon.
func dated(days ...int) http.HandlerFunc {
	var b strings.Builder
	b.WriteString(`<rss version="2.0"><channel><title>News</title><link>https://example.org/</link>`)
	for _, n := range days {
		fmt.Fprintf(&b, `<item><guid isPermaLink="false">day-%d</guid><title>Day %d</title><link>https://example.org/%d</link><pubDate>%s</pubDate></item>`,
			n, n, n, noon.AddDate(0, 0, -n).Format(time.RFC1123Z))
	}
	b.WriteString(`</channel></rss>`)
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, b.String()) }
}

func days(from, to int) (days []int) {
	for n := from; n < to; n++ {
		days = append(days, n)
	}
	return days
}

func TestVisitTellsWhatItMeans(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	id := w.follow(up.URL + "/feed")[0].ID
	for _, visit := range []struct {
		days []int
		want string // added, held, gone, back, gap
	}{
		{days(10, 20), "10 0 0 0 false"},
		{append(days(10, 15), days(16, 20)...), "0 0 0 0 false"},
		{append([]int{9}, append(days(10, 15), days(16, 20)...)...), "1 0 1 0 false"},
		{days(9, 20), "0 0 0 1 false"},
		{days(9, 200), "180 180 0 0 false"},
		{days(1, 5), "4 0 0 0 true"},
	} {
		up.set("/feed", dated(visit.days...))
		w.clock.advance(day)
		e := w.visit(id)
		if got := fmt.Sprint(e.Added, e.Held, e.Gone, e.Returned, e.Gap); got != visit.want {
			t.Errorf("a document of %d: got %s, want %s", len(visit.days), got, visit.want)
		}
	}
	if src := w.source(id); src.Held != 180 || src.Fetch.Most != 4 || src.Fetch.Gaps != 1 {
		t.Errorf("held %d, at most %d, gaps %d", src.Held, src.Fetch.Most, src.Fetch.Gaps)
	}
}

// TestCutDocumentIsNotWhole has a document end in the middle: what it lacks has not gone.
func TestCutDocumentIsNotWhole(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	id := w.follow(up.URL + "/feed")[0].ID
	up.set("/feed", dated(1, 2, 3, 4, 5, 6))
	w.visit(id)
	for n := range 3 {
		up.set("/feed", func(rw http.ResponseWriter, r *http.Request) {
			var b strings.Builder
			dated(1, 3, 4, 5, 6, 2)(&writer{&b}, r)
			io.WriteString(rw, strings.Replace(b.String()[:strings.LastIndex(b.String(), "<item>")+20+n], "</channel>", "", 1))
		})
		w.clock.advance(day)
		if e := w.visit(id); e.Outcome == scheduler.Failed || e.Gone != 0 {
			t.Errorf("visit %d: %v", n, e)
		}
	}
}

type writer struct{ io.Writer }

func (w *writer) Header() http.Header { return http.Header{} }
func (w *writer) WriteHeader(int)     {}

func TestSubscribeWithAPolicy(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	up.set("/feed", dated(1, 2, 3))
	r, err := w.Add(t.Context(), scheduler.Subscription{URL: up.URL + "/feed", Identity: feed.PolicyLink})
	if err != nil || r.Source.Identity != feed.PolicyLink {
		t.Fatalf("%+v, %v", r, err)
	}
	up.set("/feed", func(rw http.ResponseWriter, r *http.Request) {
		var b strings.Builder
		dated(1, 2, 3)(&writer{&b}, r)
		io.WriteString(rw, strings.ReplaceAll(b.String(), "day-", "another-"))
	})
	if e := w.visit(r.Source.ID); e.Added != 0 || e.Source.Identity != feed.PolicyLink {
		t.Errorf("the same links under other guids: %v, %q", e, e.Source.Identity)
	}
	again, err := w.Add(t.Context(), scheduler.Subscription{URL: up.URL + "/feed"})
	if err != nil || again.Source.Identity != feed.PolicyLink {
		t.Errorf("again without a wish: %+v, %v", again, err)
	}
}
