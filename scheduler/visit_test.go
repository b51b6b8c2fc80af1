package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/store"
)

func TestVisitKeepsItemsWithTheirValidators(t *testing.T) {
	for _, v := range []struct{ etag, modified string }{
		{`"v1"`, "Tue, 03 Feb 2026 10:00:00 GMT"},
		{`W/"v 1"`, ""},
		{`unquoted`, "about noon"},
		{``, "1770112800"},
	} {
		t.Run(v.etag+"/"+v.modified, func(t *testing.T) {
			w, up := newWorld(t), newSite(t, "127.0.0.1")
			up.set("/feed", func(rw http.ResponseWriter, r *http.Request) {
				if v.etag != "" {
					rw.Header().Set("ETag", v.etag)
				}
				if v.modified != "" {
					rw.Header().Set("Last-Modified", v.modified)
				}
				io.WriteString(rw, rss("News", "a", "b"))
			})
			id := w.follow(up.URL + "/feed")[0].ID
			if e := w.visit(id); e.Outcome != scheduler.Changed || e.Added != 2 || e.Source.Title != "News" {
				t.Fatalf("first visit: %v", e)
			}
			w.visit(id)
			asked := up.requests()
			if h := asked[0].Header; h["If-None-Match"] != nil || h["If-Modified-Since"] != nil {
				t.Errorf("the first request was conditional: %v", h)
			}
			if h := asked[1].Header; h.Get("If-None-Match") != v.etag || h.Get("If-Modified-Since") != v.modified {
				t.Errorf("second request has %q and %q, want %q and %q",
					h.Get("If-None-Match"), h.Get("If-Modified-Since"), v.etag, v.modified)
			}
		})
	}
}

func TestNotModifiedSavesOnlyTheState(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	up.set("/feed", text(rss("News", "a"), `"v1"`))
	id := w.follow(up.URL + "/feed")[0].ID
	w.visit(id)
	first := w.source(id)
	w.archive.handed()
	edition, _ := w.Store.Feed(t.Context(), store.Ref{Kind: store.All})

	// Each validator is renewed on its own, also by a 304.
	up.set("/feed", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Last-Modified", "today")
		rw.WriteHeader(http.StatusNotModified)
	})
	w.clock.advance(5 * time.Hour)
	if e := w.visit(id); e.Outcome != scheduler.Unchanged || e.Err != nil {
		t.Errorf("second visit: %v", e)
	}
	s := w.source(id)
	if s.Fetch.ETag != `"v1"` || s.Fetch.LastModified != "today" || s.Fetch.Status != 304 {
		t.Errorf("state after a 304: %+v", s.Fetch)
	}
	if !s.Fetch.Changed.Equal(first.Fetch.Changed) || !s.Fetch.Checked.After(first.Fetch.Checked) || !s.Fetch.Due.After(first.Fetch.Due) {
		t.Errorf("times went from %+v to %+v", first.Fetch, s.Fetch)
	}
	if articles, saves := w.archive.handed(); articles != 0 || saves != 1 {
		t.Errorf("a 304 handed %d articles in %d batches to the archive", articles, saves)
	}
	if now, _ := w.Store.Feed(t.Context(), store.Ref{Kind: store.All}); now.Edition != edition.Edition {
		t.Errorf("a 304 made a new edition of the feed")
	}
}

func TestSameBodyIsNotParsedAgain(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	tag := `"v1"`
	up.set("/feed", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("ETag", tag) // changes without the document
		io.WriteString(rw, rss("News", "a", "b"))
	})
	id := w.follow(up.URL + "/feed")[0].ID
	w.visit(id)
	w.archive.handed()
	tag = `"v2"`
	if e := w.visit(id); e.Outcome != scheduler.Unchanged {
		t.Errorf("second visit: %v", e)
	}
	if articles, _ := w.archive.handed(); articles != 0 {
		t.Errorf("%d articles of an unchanged document were handed to the archive", articles)
	}
	if s := w.source(id); s.Fetch.ETag != tag || s.Fetch.Status != 200 {
		t.Errorf("state is %+v", s.Fetch)
	}
	up.set("/feed", text(rss("News", "a", "b"), "")) // the validator goes away
	w.visit(id)
	up.requests()
	w.visit(id)
	if h := up.requests()[0].Header; h["If-None-Match"] != nil {
		t.Errorf("sent a validator of an earlier answer: %v", h)
	}
}

func TestNewDocumentWithoutNews(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	n := 0
	up.set("/feed", func(rw http.ResponseWriter, r *http.Request) {
		n++
		rw.Header().Set("ETag", fmt.Sprintf(`"%d"`, n))
		fmt.Fprintf(rw, "%s<!-- made at %d -->", rss("News", "a"), n)
	})
	id := w.follow(up.URL + "/feed")[0].ID
	w.visit(id)
	changed := w.source(id).Fetch.Changed
	w.clock.advance(48 * time.Hour)
	if e := w.visit(id); e.Outcome != scheduler.Unchanged {
		t.Errorf("second visit: %v", e)
	}
	s := w.source(id)
	if !s.Fetch.Changed.Equal(changed) {
		t.Errorf("a document without news moved Changed from %v to %v", changed, s.Fetch.Changed)
	}
	if wait := s.Fetch.Due.Sub(s.Fetch.Checked); wait < 12*time.Hour {
		t.Errorf("a source that was quiet for two days is due after %v", wait)
	}
	up.set("/feed", text(rss("News", "b", "a=Another title"), `"x"`))
	w.clock.advance(48 * time.Hour)
	if e := w.visit(id); e.Outcome != scheduler.Changed || e.Added != 1 || e.Revised != 1 {
		t.Errorf("visit with news: %v", e)
	}
	if s := w.source(id); !s.Fetch.Changed.After(changed) || s.Fetch.Due.Sub(s.Fetch.Checked) > 2*time.Hour {
		t.Errorf("state after news is %+v", s.Fetch)
	}
}

// A process that dies between the answer and the save has not heard of the validators.
func TestValidatorsAreNeverSavedBeforeTheItems(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	up.set("/feed", text(rss("News", "a"), `"v1"`))
	id := w.follow(up.URL + "/feed")[0].ID
	for _, full := range []func(store.Batch) bool{
		func(store.Batch) bool { return true },                        // nothing can be saved
		func(b store.Batch) bool { return len(b.Articles) > 0 },       // only the articles cannot
		func(b store.Batch) bool { return b.Source.Fetch.ETag != "" }, // only the validators cannot
	} {
		w.archive.fill(full)
		e := w.visit(id)
		if e.Outcome != scheduler.Failed || !strings.Contains(e.Err.Error(), errDisk.Error()) {
			t.Fatalf("visit with a full disk: %v", e)
		}
		if s := w.source(id); s.Fetch.ETag != "" || s.Fetch.BodyHash != "" {
			t.Fatalf("state after a failed save is %+v", s.Fetch)
		}
	}
	w.archive.fill(nil)
	up.requests()
	if e := w.visit(id); e.Added != 1 {
		t.Fatalf("visit after the disk was full: %v", e)
	}
	if h := up.requests()[0].Header; h["If-None-Match"] != nil {
		t.Errorf("sent a validator whose items were never saved: %v", h)
	}

	up.set("/feed", text(rss("News", "b", "a"), `"v2"`))
	w.archive.fill(func(b store.Batch) bool { return len(b.Articles) > 0 })
	w.visit(id)
	w.archive.fill(nil)
	up.requests()
	if e := w.visit(id); e.Added != 1 || w.titles() != "Title of b, Title of a" {
		t.Errorf("visit after the disk was full: %v; archive holds %s", e, w.titles())
	}
	if h := up.requests()[0].Header; h.Get("If-None-Match") != `"v1"` {
		t.Errorf("sent %q, want the old validator", h.Get("If-None-Match"))
	}
}

func TestFailuresChangeNothingElse(t *testing.T) {
	page := "<!DOCTYPE html><html><head><title>Login</title></head><body><h1>Please log in</h1></body></html>"
	answer := func(code int, body string, fields ...string) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(fields); i += 2 {
				rw.Header().Set(fields[i], fields[i+1])
			}
			rw.WriteHeader(code)
			io.WriteString(rw, body)
		}
	}
	for _, test := range []struct {
		name     string
		h        http.HandlerFunc
		status   int
		problem  string
		earliest time.Duration
	}{
		{"page", answer(200, page, "ETag", `"login"`, "Content-Type", "text/html"), 200, "not a feed", time.Hour},
		{"empty", answer(200, "", "Content-Type", "application/rss+xml"), 200, "not a feed", time.Hour},
		{"nothing like a feed", answer(200, "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), 200, "not a feed", time.Hour},
		{"error page", answer(500, rss("Error", "boom")), 500, "500 Internal Server Error", time.Hour},
		{"not found", answer(404, page), 404, "404 Not Found", time.Hour},
		{"gone", answer(410, page), 410, "410 Gone", 7 * 24 * time.Hour},
		{"wait seconds", answer(429, "", "Retry-After", "604800"), 429, "429 Too Many Requests", 7 * 24 * time.Hour},
		{"wait until", answer(503, "", "Date", "Tue, 03 Feb 2026 12:00:00 GMT", "Retry-After", "Fri, 06 Feb 2026 12:00:00 GMT"),
			503, "503 Service Unavailable", 3 * 24 * time.Hour},
		{"circle", func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, "/feed", http.StatusFound) }, 0, "circle", time.Hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, up := newWorld(t), newSite(t, "127.0.0.1")
			up.set("/feed", text(rss("News", "a"), `"v1"`))
			id := w.follow(up.URL + "/feed")[0].ID
			w.visit(id)
			before := w.source(id)
			up.set("/feed", test.h)
			e := w.visit(id)
			if e.Outcome != scheduler.Failed || !strings.Contains(e.Err.Error(), test.problem) {
				t.Errorf("visit: %v; want a failure that says %q", e, test.problem)
			}
			after := w.source(id)
			if after.Fetch.Problem != e.Err.Error() || after.Fetch.Failures != 1 || after.Fetch.Status != test.status {
				t.Errorf("state is %+v", after.Fetch)
			}
			if wait := after.Fetch.Due.Sub(after.Fetch.Checked); wait < test.earliest {
				t.Errorf("due after %v, want %v at least", wait, test.earliest)
			}
			if w.titles() != "Title of a" {
				t.Errorf("archive holds %s", w.titles())
			}
			after.Fetch.Problem, after.Fetch.Failures, after.Fetch.Status = before.Fetch.Problem, before.Fetch.Failures, before.Fetch.Status
			after.Fetch.Due, after.Fetch.Checked = before.Fetch.Due, before.Fetch.Checked
			after.Fetch.Allowed, after.Fetch.Tally = before.Fetch.Allowed, before.Fetch.Tally
			if fmt.Sprintf("%+v", after) != fmt.Sprintf("%+v", before) {
				t.Errorf("a failure changed\n%+v\nto\n%+v", before, after)
			}
			w.clock.advance(366 * 24 * time.Hour)
			w.visit(id)
			if n := w.source(id).Fetch.Failures; n != 2 {
				t.Errorf("%d failures after the second", n)
			}
			up.set("/feed", text(rss("News", "a"), `"v1"`))
			up.requests()
			w.clock.advance(366 * 24 * time.Hour)
			w.visit(id)
			if h := up.requests()[0].Header; h.Get("If-None-Match") != `"v1"` {
				t.Errorf("sent %q after failures, want the last good validator", h.Get("If-None-Match"))
			}
			if s := w.source(id); s.Fetch.Failures != 0 || s.Fetch.Problem != "" {
				t.Errorf("state after recovery is %+v", s.Fetch)
			}
		})
	}
}

func TestHintsOfTheServer(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	up.set("/feed", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Cache-Control", "max-age=18000")
		text(rss("News", "a"), `"v1"`)(rw, r)
	})
	id := w.follow(up.URL + "/feed")[0].ID
	for _, code := range []int{200, 304} {
		w.visit(id)
		s := w.source(id)
		if wait := s.Fetch.Due.Sub(s.Fetch.Checked); s.Fetch.Status != code || wait < 5*time.Hour || wait > 6*time.Hour {
			t.Errorf("after a %d that is fresh for 5 hours, due after %v", s.Fetch.Status, wait)
		}
	}
}

func TestPermanentRedirectIsNoted(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	up.set("/old", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "/new", http.StatusMovedPermanently)
	})
	up.set("/new", text(rss("News", "a"), `"v1"`))
	id := w.follow(up.URL + "/old")[0].ID
	if e := w.visit(id); e.Added != 1 || e.Moved != up.URL+"/new" {
		t.Errorf("visit: %v, moved to %q", e, e.Moved)
	}
	if s := w.source(id); s.URL != up.URL+"/old" {
		t.Errorf("the source is now at %s", s.URL)
	}
	up.requests()
	if e := w.visit(id); e.Outcome != scheduler.Unchanged {
		t.Errorf("second visit: %v", e)
	}
}

// What has arrived when a round is stopped is kept; what has not is as if it had never been asked.
func TestStoppedVisits(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	w.Grace = 10 * time.Second
	ctx, stop := context.WithCancel(t.Context())
	up.set("/feed", func(rw http.ResponseWriter, r *http.Request) {
		stop()
		text(rss("News", "a"), `"v1"`)(rw, r)
	})
	sources := w.follow(up.URL+"/feed", up.URL+"/never")
	r, err := w.Round(ctx, scheduler.RoundOptions{})
	if !errors.Is(err, context.Canceled) || r.Added != 1 || len(up.requests()) != 1 {
		t.Errorf("stopped round: %+v, %v", r, err)
	}
	if s := w.source(sources[1].ID); !s.Fetch.Checked.IsZero() || s.Fetch.Failures != 0 {
		t.Errorf("a source that was not visited has the state %+v", s.Fetch)
	}

	w.Grace = time.Nanosecond
	ctx, stop = context.WithCancel(t.Context())
	release := make(chan struct{})
	up.set("/never", func(rw http.ResponseWriter, r *http.Request) {
		stop()
		<-release
	})
	r, err = w.Round(ctx, scheduler.RoundOptions{})
	close(release)
	if !errors.Is(err, context.Canceled) || r.Skipped != 1 || r.Failed != 0 {
		t.Errorf("stopped round: %+v, %v", r, err)
	}
	if s := w.source(sources[1].ID); !s.Fetch.Checked.IsZero() || s.Fetch.Failures != 0 {
		t.Errorf("an interrupted visit left the state %+v", s.Fetch)
	}
}
