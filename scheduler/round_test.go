package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

func TestRoundVisitsWhatIsDueOnce(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	var urls []string
	for i := range 20 {
		path := fmt.Sprintf("/%d.xml", i)
		up.set(path, text(rss(path, path), `"v1"`))
		urls = append(urls, up.URL+path)
	}
	urls = append(urls, up.URL+"/missing")
	sources := w.follow(urls...)

	var told []scheduler.Event
	w.Progress = func(e scheduler.Event) { told = append(told, e) }
	r := w.round(scheduler.RoundOptions{})
	if r.Changed != 20 || r.Failed != 1 || r.Added != 20 || len(r.Events) != 21 || r.Unchanged+r.Skipped+r.Revised != 0 {
		t.Errorf("first round: %+v", r)
	}
	if len(told) != 21 || told[20].N != 21 || told[0].N != 1 || told[0].Of != 21 {
		t.Errorf("told of %d visits, the last one %d of %d", len(told), told[len(told)-1].N, told[len(told)-1].Of)
	}
	if n := len(up.requests()); n != 21 {
		t.Errorf("%d requests in the first round", n)
	}
	before := len(told)
	listened := 0
	w.round(scheduler.RoundOptions{Sources: []feed.SourceID{sources[0].ID}, Progress: func(scheduler.Event) { listened++ }})
	if listened != 1 || len(told) != before {
		t.Errorf("a round with its own progress tells it of %d visits, and the scheduler's of %d", listened, len(told)-before)
	}
	up.requests()
	if r := w.round(scheduler.RoundOptions{}); len(r.Events) != 0 || len(up.requests()) != 0 {
		t.Errorf("a round with nothing due: %+v", r)
	}
	r = w.round(scheduler.RoundOptions{Sources: []feed.SourceID{sources[3].ID, sources[4].ID, sources[3].ID}})
	if r.Unchanged != 2 || len(r.Events) != 2 {
		t.Errorf("a round by name: %+v", r)
	}
	up.requests()
	if r := w.round(scheduler.RoundOptions{All: true}); r.Unchanged != 20 || r.Failed != 1 {
		t.Errorf("a round over all: %+v", r)
	}
	for _, q := range up.requests() {
		if q.URL.Path != "/missing" && q.Header.Get("If-None-Match") != `"v1"` {
			t.Errorf("%s was asked for without its validator", q.URL)
		}
	}
	w.clock.advance(2 * time.Hour)
	if r := w.round(scheduler.RoundOptions{}); r.Unchanged != 20 {
		t.Errorf("a round two hours later: %+v", r)
	}
}

func TestRoundByNameRefusesWhatIsNotFollowed(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	up.set("/feed", text(rss("News", "a"), ""))
	id := w.follow(up.URL + "/feed")[0].ID
	if _, err := w.Store.Unsubscribe(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Round(t.Context(), scheduler.RoundOptions{Sources: []feed.SourceID{id}}); !errors.Is(err, scheduler.ErrNotSubscribed) {
		t.Errorf("visiting an ended subscription: %v", err)
	}
	if _, err := w.Round(t.Context(), scheduler.RoundOptions{Sources: []feed.SourceID{99}}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("visiting a source that is not there: %v", err)
	}
	if r := w.round(scheduler.RoundOptions{All: true}); len(r.Events) != 0 || len(up.requests()) != 0 {
		t.Errorf("a round over all: %+v", r)
	}
}

func TestWhoAskedForItIsLeftAlone(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	up.set("/feed", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Retry-After", "86400")
		rw.WriteHeader(http.StatusTooManyRequests)
	})
	id := w.follow(up.URL + "/feed")[0].ID
	w.round(scheduler.RoundOptions{})
	up.requests()
	if r := w.round(scheduler.RoundOptions{All: true}); r.Skipped != 1 || len(up.requests()) != 0 {
		t.Errorf("all: %+v", r)
	}
	w.clock.advance(25 * time.Hour)
	if r := w.round(scheduler.RoundOptions{All: true}); r.Failed != 1 {
		t.Errorf("all, a day later: %+v", r)
	}
	if e := w.visit(id); e.Outcome != scheduler.Skipped || len(up.requests()) != 1 {
		t.Errorf("by name: %v", e)
	}
}

func TestRoundsAtOnceVisitOnce(t *testing.T) {
	for name, options := range map[string]func([]feed.SourceID) scheduler.RoundOptions{
		"due":     func([]feed.SourceID) scheduler.RoundOptions { return scheduler.RoundOptions{} },
		"all":     func([]feed.SourceID) scheduler.RoundOptions { return scheduler.RoundOptions{All: true} },
		"by name": func(ids []feed.SourceID) scheduler.RoundOptions { return scheduler.RoundOptions{Sources: ids} },
	} {
		t.Run(name, func(t *testing.T) {
			const rounds, feeds = 4, 12
			w := newWorld(t)
			var gathered sync.WaitGroup // all rounds have begun before the first answer comes
			gathered.Add(1)
			var first sync.Once
			sites := []*site{newSite(t, "127.0.0.1"), newSite(t, "127.0.0.2"), newSite(t, "127.0.0.3")}
			var urls []string
			for i := range feeds {
				up, path := sites[i%len(sites)], fmt.Sprintf("/%d", i)
				up.set(path, func(rw http.ResponseWriter, r *http.Request) {
					gathered.Wait()
					text(rss(path, "item"+path[1:]), `"v1"`)(rw, r)
				})
				urls = append(urls, up.URL+path)
			}
			var ids []feed.SourceID
			for _, s := range w.follow(urls...) {
				ids = append(ids, s.ID)
			}
			type round struct{} // in a context: which of the rounds it belongs to
			var begun sync.Map
			w.archive.looked = func(ctx context.Context) {
				begun.Store(ctx.Value(round{}), true)
				n := 0
				begun.Range(func(any, any) bool { n++; return true })
				if n == rounds {
					first.Do(gathered.Done)
				}
			}
			reports := make([]scheduler.Report, rounds)
			var all sync.WaitGroup
			for i := range rounds {
				all.Go(func() { reports[i], _ = w.Round(context.WithValue(t.Context(), round{}, i), options(ids)) })
			}
			all.Wait()
			n := 0
			for _, up := range sites {
				n += len(up.requests())
			}
			if n != feeds {
				t.Errorf("%d rounds at once made %d requests to %d feeds", rounds, n, feeds)
			}
			changed := 0
			for _, r := range reports {
				if len(r.Events) != feeds || r.Changed+r.Skipped != feeds {
					t.Errorf("a round reports %d changed and %d skipped in %d events", r.Changed, r.Skipped, len(r.Events))
				}
				changed = max(changed, r.Changed)
			}
			if changed == 0 {
				t.Error("no round saw anything change")
			}
		})
	}
}

func TestHostsSideBySideAndEachInTurn(t *testing.T) {
	w := newWorld(t)
	w.Workers = 3
	var meeting sync.WaitGroup
	meeting.Add(3)
	var urls []string
	for h := range 3 {
		var here, served atomic.Int32
		up := newSite(t, fmt.Sprintf("127.0.0.%d", h+1))
		for i := range 5 {
			path := fmt.Sprintf("/%d", i)
			up.set(path, func(rw http.ResponseWriter, r *http.Request) {
				if n := here.Add(1); n > 1 {
					t.Errorf("%d requests at once to one host", n)
				}
				if served.Add(1) == 1 {
					meeting.Done()
					meeting.Wait() // ends only if the three hosts are visited side by side
				}
				here.Add(-1)
				text(rss(path, path), "")(rw, r)
			})
			urls = append(urls, up.URL+path)
		}
	}
	w.follow(urls...)
	if r := w.round(scheduler.RoundOptions{}); r.Changed != 15 {
		t.Errorf("round: %+v", r)
	}
}

// A daemon must not turn a full disk into an attack on its sources.
func TestFullDiskDoesNotMakeRoundsImpolite(t *testing.T) {
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	up.set("/feed", text(rss("News", "a"), `"v1"`))
	w.follow(up.URL + "/feed")
	w.archive.fill(func(store.Batch) bool { return true })
	for range 3 {
		w.round(scheduler.RoundOptions{})
		w.clock.advance(time.Minute)
	}
	if n := len(up.requests()); n != 1 {
		t.Errorf("%d requests within three minutes", n)
	}
	w.archive.fill(nil)
	w.clock.advance(25 * time.Hour)
	if r := w.round(scheduler.RoundOptions{}); r.Added != 1 {
		t.Errorf("round after the disk was full: %+v", r)
	}
}

func BenchmarkRound(b *testing.B) {
	const feeds, items = 100, 20
	for _, kind := range []string{"new", "304"} {
		b.Run(kind, func(b *testing.B) {
			up := newSite(b, "127.0.0.1")
			var urls []string
			size := 0
			for i := range feeds {
				var names []string
				for k := range items {
					names = append(names, fmt.Sprintf("item-%d-%d", i, k))
				}
				doc := rss(fmt.Sprint("Feed ", i), names...)
				size += len(doc)
				up.set(fmt.Sprintf("/%d", i), text(doc, `"v1"`))
				urls = append(urls, fmt.Sprintf("%s/%d", up.URL, i))
			}
			fresh := func() *scheduler.Scheduler {
				db, err := bolt.Open(filepath.Join(b.TempDir(), "archive.db"), nil)
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { db.Close() })
				s := &scheduler.Scheduler{Store: db, Fetch: new(fetch.Client)}
				for _, u := range urls {
					if _, err := s.Add(b.Context(), scheduler.Subscription{URL: u, NoFetch: true}); err != nil {
						b.Fatal(err)
					}
				}
				return s
			}
			s := fresh()
			if kind == "304" {
				if _, err := s.Round(b.Context(), scheduler.RoundOptions{}); err != nil {
					b.Fatal(err)
				}
			} else {
				b.SetBytes(int64(size))
			}
			b.ReportAllocs()
			for first := true; b.Loop(); first = false {
				if kind == "new" && !first {
					b.StopTimer()
					s = fresh()
					b.StartTimer()
				}
				r, err := s.Round(b.Context(), scheduler.RoundOptions{All: kind == "304"})
				if err != nil || r.Changed+r.Unchanged != feeds {
					b.Fatalf("%+v, %v", r, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*feeds), "µs/feed")
		})
	}
}
