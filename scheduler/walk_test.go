package scheduler_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
)

func TestHistoryIsPutOff(t *testing.T) {
	w, s := newWorld(t), newSite(t, "127.0.0.1")
	library(s, "atom", true)
	busy := func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Retry-After", "7200")
		rw.WriteHeader(http.StatusTooManyRequests)
	}
	s.set("/2", busy)
	src := w.subscribe(s.URL + "/feed")
	walk := w.history(src.ID)
	if walk.Err == nil || walk.Ended || walk.Fetched != 1 {
		t.Errorf("the walk: %+v", walk)
	}
	got := w.source(src.ID)
	if h := got.Fetch.History; !h.Wanted || h.Next != s.URL+"/2" || h.Shelved != 1 || !strings.Contains(h.Problem, "429") {
		t.Errorf("put off: %+v", h)
	}
	if !got.Fetch.Due.After(w.clock.Now().Add(2 * time.Hour)) {
		t.Errorf("the source is due at %v", got.Fetch.Due)
	}
	s.requests()
	s.set("/2", older{articles: []int{6, 5}, next: "/1", archive: true}.as("atom"))
	if walk := w.history(src.ID); walk.Err == nil {
		t.Errorf("at once again: %+v", walk)
	}
	w.round(scheduler.RoundOptions{All: true})
	w.clock.advance(time.Hour)
	w.round(scheduler.RoundOptions{})
	if asked := s.requests(); len(asked) > 0 {
		t.Errorf("asked for %s while it is to be left alone", paths(asked))
	}
	w.clock.advance(25 * time.Hour)
	w.round(scheduler.RoundOptions{})
	if got := paths(s.requests()); got != "/feed /2 /1" {
		t.Errorf("asked for %s", got)
	}
	w.isHistory(3, 8, 9)
}

// TestHistoryIsBroken breaks a document in the middle: what came before it is taken in, and what is
// missing is told.
func TestHistoryIsBroken(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for _, test := range []struct {
		name string
		page http.HandlerFunc
		want string
		hand int // how often it has to be asked for by hand
	}{
		{"no feed", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, "HTML", 1},
		{"gone", status(http.StatusGone), "410", 1},
		{"forbidden", status(http.StatusForbidden), "403", 1},
		{"fails twice", status(http.StatusInternalServerError), "500", 2},
		{"other host", older{articles: []int{6, 5}, next: "http://127.0.0.2/1", archive: true}.as("atom"), "private", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, s := newWorld(t), newSite(t, "127.0.0.1")
			library(s, "atom", true)
			s.set("/2", test.page)
			src := w.subscribe(s.URL + "/feed")
			for n := 1; ; n++ {
				walk := w.history(src.ID)
				if walk.Ended {
					if n != test.hand {
						t.Errorf("ended after %d times", n)
					}
					break
				}
				if walk.Err == nil || n > 3 {
					t.Fatalf("the walk: %+v", walk)
				}
			}
			h := w.source(src.ID).Fetch.History
			if h.Wanted || h.Shelved != 0 || h.Last != "" || !strings.Contains(h.Problem, test.want) {
				t.Errorf("in the end: %+v", h)
			}
			if got := w.titles(); !strings.HasPrefix(got, "A9, A8, A7") {
				t.Errorf("there is %s", got)
			}

			// Mended, it is fetched in whole.
			library(s, "atom", true)
			if walk := w.history(src.ID); walk.Err != nil || !walk.Ended {
				t.Errorf("mended: %+v", walk)
			}
			w.isWhole(3, 8, 9)
		})
	}
}

// TestHistoryTriesAgain holds a passing failure to costing nothing but time.
func TestHistoryTriesAgain(t *testing.T) {
	w, s := newWorld(t), newSite(t, "127.0.0.1")
	library(s, "atom", true)
	s.set("/2", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) })
	src := w.subscribe(s.URL + "/feed")
	w.round(scheduler.RoundOptions{})
	library(s, "atom", true)
	s.requests()
	w.round(scheduler.RoundOptions{})
	if asked := s.requests(); len(asked) > 0 {
		t.Errorf("asked for %s at once again", paths(asked))
	}
	w.clock.advance(25 * time.Hour)
	w.round(scheduler.RoundOptions{})
	if got := paths(s.requests()); got != "/feed /2 /1" {
		t.Errorf("asked for %s", got)
	}
	w.isHistory(3, 8, 9)
	if h := w.source(src.ID).Fetch.History; h.Problem != "" {
		t.Errorf("in the end: %+v", h)
	}
}

func TestHistoryInACircle(t *testing.T) {
	for _, to := range []string{"/1", "/2", "/3", "/feed"} {
		t.Run(to, func(t *testing.T) {
			w, s := newWorld(t), newSite(t, "127.0.0.1")
			library(s, "atom", true)
			s.set("/1", older{articles: []int{4, 3}, next: to, archive: true}.as("atom"))
			src := w.subscribe(s.URL + "/feed")
			if walk := w.history(src.ID); walk.Fetched != 3 || !walk.Ended {
				t.Errorf("the walk: %+v", walk)
			}
			w.isHistory(3, 8, 9)
		})
	}
}

// TestHistoryOnOtherHosts holds a walk to the hosts that the feed's own host names, and those to
// themselves.
func TestHistoryOnOtherHosts(t *testing.T) {
	doc := func(n int, next string) http.HandlerFunc {
		return older{articles: []int{n}, next: next, archive: true}.as("atom")
	}
	pages := map[string]http.HandlerFunc{
		"https://example.org/feed":  older{articles: []int{9}, next: "https://cdn.example.net/3"}.live("atom", true),
		"https://cdn.example.net/3": doc(8, "https://example.org/2"),
		"https://example.org/2":     doc(7, "https://cdn.example.net/1"),
		"https://cdn.example.net/1": doc(6, "https://elsewhere.example/0"),
	}
	w := newWorld(t)
	var asked []string
	w.Fetch = &fetch.Client{HTTP: &http.Client{Transport: inMemory(func(rw http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.String())
		pages[r.URL.String()](rw, r)
	})}}
	src := w.subscribe("https://example.org/feed")
	if walk := w.history(src.ID); walk.Fetched != 3 || !strings.Contains(walk.Source.Fetch.History.Problem, "not its host") {
		t.Errorf("the walk: %+v", walk)
	}
	if len(asked) != len(pages) {
		t.Errorf("asked for %q", asked)
	}
	w.isHistory(6, 8, 9)
}

// TestHistoryBehindAPassword holds the user and password to the source's own host.
func TestHistoryBehindAPassword(t *testing.T) {
	w, s, other := newWorld(t), newSite(t, "127.0.0.1"), newSite(t, "127.0.0.1")
	w.Fetch = &fetch.Client{AllowPrivate: true}
	t.Cleanup(w.Fetch.CloseIdle)
	library(s, "atom", true)
	s.set("/2", older{articles: []int{6, 5}, next: other.URL + "/1", archive: true}.as("atom"))
	library(other, "atom", true)
	src := w.subscribe(strings.Replace(s.URL, "http://", "http://me:secret@", 1) + "/feed")
	w.history(src.ID)
	for _, r := range s.requests() {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
			t.Errorf("%s asked for by %q", r.URL, user)
		}
	}
	if asked := other.requests(); len(asked) != 1 || asked[0].Header.Get("Authorization") != "" {
		t.Errorf("the other server was asked %q", paths(asked))
	}
	w.isHistory(3, 8, 9)
}

// endless is an archive without end.
func endless(rw http.ResponseWriter, r *http.Request) {
	var n int
	fmt.Sscan(strings.TrimPrefix(r.URL.Path, "/"), &n)
	older{articles: []int{1000 - n}, next: fmt.Sprint("/", n+1), archive: true}.as("atom")(rw, r)
}

func TestHistoryIsBounded(t *testing.T) {
	w := newWorld(t)
	s := newSite(t, "127.0.0.1")
	s.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/feed" {
			older{articles: []int{1000}, next: "/1"}.live("atom", true)(rw, r)
			return
		}
		endless(rw, r)
	})
	w.MaxDocuments = 50
	src := w.subscribe(s.URL + "/feed")
	for round, want := range []int{20, 40, 50} {
		report := w.round(scheduler.RoundOptions{})
		if h := w.source(src.ID).Fetch.History; h.Fetched != want || len(report.Walks) != 1 {
			t.Errorf("after round %d: %+v", round+1, h)
		}
	}
	h := w.source(src.ID).Fetch.History
	if h.Wanted || h.Shelved != 0 || !strings.Contains(h.Problem, "50 documents") {
		t.Errorf("in the end: %+v", h)
	}

	w.MaxWalk = 1
	if walk := w.history(src.ID); walk.Fetched != 1 {
		t.Errorf("bounded by bytes: %+v", walk)
	}
}
