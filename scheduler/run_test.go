package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store/bolt"
)

// inMemory answers requests from a handler, without sockets.
type inMemory http.HandlerFunc

func (f inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	f(w, r)
	return w.Result(), r.Context().Err()
}

// daemon calls f within a bubble of its own time, with a running daemon.
func daemon(t *testing.T, h http.HandlerFunc, f func(t *testing.T, s *scheduler.Scheduler, stop func() error)) {
	synctest.Test(t, func(t *testing.T) {
		db, err := bolt.Open(filepath.Join(t.TempDir(), "archive.db"), &bolt.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		s := &scheduler.Scheduler{Store: db, Fetch: &fetch.Client{HTTP: &http.Client{Transport: inMemory(h)}}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		f(t, s, func() error {
			cancel()
			return <-ended
		})
	})
}

func TestRunKeepsToThePlan(t *testing.T) {
	var at []time.Time
	body, etag := rss("News", "a"), `"v1"`
	daemon(t, func(w http.ResponseWriter, r *http.Request) {
		at = append(at, time.Now())
		text(body, etag)(w, r)
	}, func(t *testing.T, s *scheduler.Scheduler, stop func() error) {
		if _, err := s.Add(t.Context(), scheduler.Subscription{URL: "https://example.org/feed", NoFetch: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7 * 24 * time.Hour)
		if err := stop(); err != nil {
			t.Errorf("a stopped daemon returns %v", err)
		}
		for i := 1; i < len(at); i++ {
			wait := at[i].Sub(at[i-1])
			if wait < time.Hour || wait > 13*time.Hour {
				t.Errorf("visits %d and %d are %v apart", i, i+1, wait)
			}
			if i > 1 && wait < at[i-1].Sub(at[i-2])-2*time.Minute {
				t.Errorf("visits to a quiet source become more frequent: %v before visit %d", wait, i+1)
			}
		}
		if n := len(at); n < 14 || n > 30 {
			t.Errorf("%d visits in a week to a source that is quiet after the first", n)
		}
	})
}

func TestRunWakesUpForSubscriptions(t *testing.T) {
	var asked []string
	daemon(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		text(rss("News", "a"), `"v1"`)(w, r)
	}, func(t *testing.T, s *scheduler.Scheduler, stop func() error) {
		for i := range 3 {
			synctest.Wait()
			if _, err := s.Add(t.Context(), scheduler.Subscription{URL: fmt.Sprintf("https://example.org/%d", i), NoFetch: true}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if len(asked) != i+1 {
				t.Errorf("asked for %q two seconds after subscription %d", asked, i)
			}
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestRunFinishesVisits(t *testing.T) {
	daemon(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(3 * time.Second)
		io.WriteString(w, rss("News", "a"))
	}, func(t *testing.T, s *scheduler.Scheduler, stop func() error) {
		r, err := s.Add(t.Context(), scheduler.Subscription{URL: "https://example.org/feed", NoFetch: true})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := stop(); err != nil {
			t.Error(err)
		}
		src, err := s.Store.Source(t.Context(), r.Source.ID)
		if err != nil || src.Title != "News" {
			t.Errorf("the visit that was under way left %+v, %v", src, err)
		}
	})
}

func TestRunReturnsTheArchivesError(t *testing.T) {
	daemon(t, http.NotFound, func(t *testing.T, s *scheduler.Scheduler, stop func() error) {
		synctest.Wait()
		broken := &faulty{Store: s.Store, dueErr: errDisk}
		other := &scheduler.Scheduler{Store: broken, Fetch: s.Fetch}
		if err := other.Run(t.Context()); !errors.Is(err, errDisk) {
			t.Errorf("Run returns %v", err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestVisitsAreCounted has several ask for the same visit, and the daemon show that it lives.
func TestVisitsAreCounted(t *testing.T) {
	daemon(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		text(rss("News", "a"), `"v1"`)(w, r)
	}, func(t *testing.T, s *scheduler.Scheduler, stop func() error) {
		events := make(chan scheduler.Event, 100)
		s.Ended = func(e scheduler.Event) { events <- e }
		synctest.Wait()
		if got := s.Turned(); !got.Equal(time.Now()) {
			t.Errorf("a daemon that has just begun turned at %v", got)
		}
		added, err := s.Add(t.Context(), scheduler.Subscription{URL: "https://example.org/feed", NoFetch: true})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			go s.Round(t.Context(), scheduler.RoundOptions{Sources: []feed.SourceID{added.Source.ID}})
		}
		time.Sleep(10 * time.Minute)
		if s.Turned().Before(time.Now().Add(-time.Minute)) {
			t.Errorf("it turned at %v last, at %v", s.Turned(), time.Now())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		close(events)
		var all []scheduler.Event
		for e := range events {
			all = append(all, e)
		}
		if len(all) != 1 || all[0].Spent.Requests != 1 || all[0].Spent.Bytes == 0 || all[0].Added != 1 {
			t.Errorf("told of %+v", all)
		}
	})
}
