package scheduler_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
)

// What a walk costs is counted, apart from visits, and stays counted.
func TestWalksAreCounted(t *testing.T) {
	w, s := newWorld(t), newSite(t, "127.0.0.1")
	library(s, "atom", true)
	src := w.subscribe(s.URL + "/feed")
	visits := uint64(len(s.requests()))
	w.history(src.ID)
	walked := uint64(len(s.requests()))
	got := w.source(src.ID)
	m := scheduler.MannersOf(&got)
	if walked == 0 || m.Walked.Requests != walked || m.Requests != visits+walked || m.Walked.Bytes == 0 || m.Bytes != got.Fetch.Tally.Bytes+m.Walked.Bytes {
		t.Errorf("%d visits and a walk of %d requests are %+v", visits, walked, m)
	}
	s.set("/2", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNotFound) })
	w.history(src.ID) // nothing has come since: there is nothing to ask for
	if again := w.source(src.ID); again.Fetch.History.Requests != walked {
		t.Errorf("after a second walk that need not ask: %d requests", again.Fetch.History.Requests)
	}
}

// A redirect of an older document that asks to wait keeps walks away, and nobody else; after the wait it
// is followed, though it asks again.
func TestWalkWaitsBeforeItFollows(t *testing.T) {
	w, s := newWorld(t), newSite(t, "127.0.0.1")
	library(s, "atom", true)
	older := s.pages["/2"]
	s.set("/2", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Retry-After", "36000")
		http.Redirect(rw, r, "/moved", http.StatusTemporaryRedirect)
	})
	s.set("/moved", older)
	src := w.subscribe(s.URL + "/feed")
	before := w.source(src.ID).Fetch
	if walk := w.history(src.ID); walk.Err == nil || !strings.Contains(walk.Err.Error(), "307") {
		t.Errorf("the walk: %+v", walk)
	}
	if f := w.source(src.ID).Fetch; f.Status != before.Status || !f.Due.Equal(before.Due) {
		t.Errorf("the source itself: status %d, due %v; was %d and %v", f.Status, f.Due, before.Status, before.Due)
	}
	w.clock.advance(9 * time.Hour)
	w.history(src.ID)
	if got := paths(s.requests()); strings.Contains(got, "/moved") {
		t.Errorf("asked for %s", got)
	}
	w.clock.advance(2 * time.Hour)
	if walk := w.history(src.ID); walk.Err != nil || !walk.Ended {
		t.Errorf("after the wait: %+v", walk)
	}
	if got := paths(s.requests()); got != "/2 /moved /1" {
		t.Errorf("asked for %s", got)
	}
}

// A publisher who refuses older documents is not asked for them by another process either, and a refusal
// has cost a request.
func TestWalkKeepsAwayAfterARestart(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusInternalServerError} {
		w, s := newWorld(t), newSite(t, "127.0.0.1")
		library(s, "atom", true)
		s.set("/2", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", "36000")
			rw.WriteHeader(status)
		})
		src := w.subscribe(s.URL + "/feed")
		w.history(src.ID)
		refused := w.clock.peek()
		h := w.source(src.ID).Fetch.History
		if wait := h.Allowed.Sub(refused); wait < 9*time.Hour || h.Requests != 2 {
			t.Errorf("%d: not asked for %v, after %d requests", status, wait, h.Requests)
		}
		w.Scheduler = &scheduler.Scheduler{Store: w.archive, Now: w.clock.Now, Fetch: new(fetch.Client)}
		s.requests()
		w.clock.advance(9 * time.Hour)
		if walk := w.history(src.ID); walk.Err == nil {
			t.Errorf("%d: goes on too early: %+v", status, walk)
		}
		if asked := s.requests(); len(asked) > 0 {
			t.Errorf("%d: asked for %s", status, paths(asked))
		}
		library(s, "atom", true)
		w.clock.advance(16 * time.Hour) // the source itself has no validators, so it waits for a day
		w.history(src.ID)
		if got := paths(s.requests()); got != "/2 /1" {
			t.Errorf("%d: then asked for %q", status, got)
		}
		w.Fetch.CloseIdle()
	}
}

// The newest page is not fetched once more while it is still good.
func TestNewestPageStaysGood(t *testing.T) {
	w, s := newWorld(t), newSite(t, "127.0.0.1")
	library(s, "atom", false)
	page := older{articles: []int{6, 5}, next: "/1"}.as("atom")
	for _, path := range []string{"/2", "/3"} {
		s.set(path, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Cache-Control", "max-age=36000")
			page(rw, r)
		})
	}
	src := w.subscribe(s.URL + "/feed")
	w.history(src.ID)
	s.requests()
	if w.source(src.ID).Fetch.History.Allowed.IsZero() {
		t.Error("nothing is remembered of max-age")
	}
	w.clock.advance(9 * time.Hour)
	if walk := w.history(src.ID); walk.Err == nil || len(s.requests()) > 0 {
		t.Errorf("fetched while it is good: %+v", walk)
	}
	w.clock.advance(2 * time.Hour)
	w.history(src.ID)
	if got := paths(s.requests()); got == "" {
		t.Error("not fetched when it is not good any more")
	}
}
