package scheduler_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/scheduler"
)

func TestMovesForGood(t *testing.T) {
	for _, status := range []int{301, 308} {
		w, p := newPress(t)
		old := p.publish("example.org/old", redirecting(status, "https://example.net/new", 0))
		p.publish("example.net/new", serving{every: day}.serve)
		id := w.follow("https://example.org/old")[0].ID
		w.live(6 * day)
		if s := w.source(id); s.URL != "https://example.org/old" || s.Fetch.Moved.URL != "https://example.net/new" {
			t.Errorf("%d: after six days at %s, moved %+v", status, s.URL, s.Fetch.Moved)
		}
		w.live(2 * day)
		if s := w.source(id); s.URL != "https://example.net/new" {
			t.Errorf("%d: after eight days at %s, moved %+v", status, s.URL, s.Fetch.Moved)
		}
		n := len(old.times)
		w.live(10 * day)
		if len(old.times) != n {
			t.Errorf("%d: the old address is still asked", status)
		}
		if s, err := w.Store.SourceByURL(t.Context(), "https://example.org/old"); err != nil || s.ID != id {
			t.Errorf("%d: the old address leads to %d, %v", status, s.ID, err)
		}
		if r, err := w.Add(t.Context(), scheduler.Subscription{URL: "https://example.org/old"}); err != nil || !r.Already || r.Source.ID != id {
			t.Errorf("%d: followed again at its old address: %+v, %v", status, r, err)
		}
		if st, err := w.Store.Stats(t.Context()); err != nil || st.Articles > 25 || st.Sources != 1 {
			t.Errorf("%d: articles came twice: %+v", status, st)
		}
	}
}

func TestTemporaryRedirectsAreFollowedAndNotAdopted(t *testing.T) {
	for _, status := range []int{302, 303, 307} {
		w, p := newPress(t)
		old := p.publish("example.org/old", redirecting(status, "https://example.net/new", 0))
		p.publish("example.net/new", serving{every: day}.serve)
		id := w.follow("https://example.org/old")[0].ID
		w.live(20 * day)
		if s := w.source(id); s.URL != "https://example.org/old" || s.Fetch.Moved.URL != "" || len(old.times) < 40 {
			t.Errorf("%d: at %s after %d requests", status, s.URL, len(old.times))
		}
	}
}

func TestHTTPSIsAdoptedAtOnce(t *testing.T) {
	w, p := newPress(t)
	feed := serving{every: day}
	p.publish("example.org/feed", func(r *http.Request, now time.Time) said {
		if r.URL.Scheme == "http" {
			return redirecting(301, "https://example.org/feed", 0)(r, now)
		}
		return feed.serve(r, now)
	})
	id := w.follow("http://example.org/feed")[0].ID
	p.named = true // one visit asks the address twice
	w.round(scheduler.RoundOptions{})
	p.named = false
	if s := w.source(id); s.URL != "https://example.org/feed" || !scheduler.Trusted(&s) {
		t.Fatalf("at %s, moved %+v", s.URL, s.Fetch.Moved)
	}
	w.live(5 * day)
	for _, r := range p.asked[2:] {
		if !strings.HasPrefix(r, "https:") {
			t.Fatalf("asked for %s", r)
		}
	}
}

func TestMoveToAnothersAddress(t *testing.T) {
	w, p := newPress(t)
	p.publish("example.org/old", redirecting(301, "https://example.net/new", 0))
	p.publish("example.net/new", serving{every: day, plain: true}.serve)
	sources := w.follow("https://example.org/old", "https://example.net/new")
	p.named = true // two sources that are one feed cannot know of each other
	defer func() { p.named = false }()
	w.live(9 * day)
	var e scheduler.Event
	w.clock.advance(2 * day)
	e = w.visit(sources[0].ID)
	if e.Taken != sources[1].ID || e.Adopted || !strings.Contains(e.String(), "which is source 2 already") {
		t.Errorf("event: %v", e)
	}
	if s := w.source(sources[0].ID); s.URL != "https://example.org/old" || s.Fetch.Moved.Seen < 3 {
		t.Errorf("at %s, moved %+v", s.URL, s.Fetch.Moved)
	}
	if s := w.source(sources[1].ID); s.URL != "https://example.net/new" {
		t.Errorf("the other is at %s", s.URL)
	}
}
