package scheduler_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// many stores subscriptions that are due from now on, each so much after the one before.
func many(t testing.TB, db store.Store, begin time.Time, apart time.Duration, urls ...string) {
	t.Helper()
	sources := make([]feed.Source, len(urls))
	for i, u := range urls {
		sources[i] = feed.Source{URL: u, Added: begin, Fetch: feed.FetchState{Due: begin.Add(time.Duration(i) * apart)}}
	}
	for page := range slices.Chunk(sources, 1000) {
		if _, err := db.Subscribe(t.Context(), page...); err != nil {
			t.Fatal(err)
		}
	}
}

// archiveIn opens an empty archive that is closed at the test's end.
func archiveIn(t testing.TB) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(filepath.Join(t.TempDir(), "archive.db"), &bolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// TestSlowHostHoldsNobodyUp has a host with 10,000 feeds, all due, that takes half a minute for each, and
// 2000 others that come due over an hour.
func TestSlowHostHoldsNobodyUp(t *testing.T) {
	const slow, others = 10_000, 1000
	synctest.Test(t, func(t *testing.T) {
		db := archiveIn(t)
		defer db.Close()
		begun := time.Now()
		var urls []string
		for i := range slow {
			urls = append(urls, fmt.Sprintf("https://slow.example.org/%d", i))
		}
		many(t, db, begun, 0, urls...)
		urls = urls[:0]
		apart := time.Hour / others
		for i := range others {
			urls = append(urls, fmt.Sprintf("https://h%d.example.net/%d", i%500, i))
		}
		many(t, db, begun, apart, urls...)

		var (
			mu           sync.Mutex
			here, served int
			late         []time.Duration
		)
		s := &scheduler.Scheduler{Store: db, Workers: 4, Fetch: &fetch.Client{
			HostGap: time.Second,
			HTTP: &http.Client{Transport: inMemory(func(w http.ResponseWriter, r *http.Request) {
				if r.Host == "slow.example.org" {
					mu.Lock()
					if here++; here > 1 {
						t.Errorf("%d requests at once to one host", here)
					}
					served++
					mu.Unlock()
					time.Sleep(30 * time.Second)
					mu.Lock()
					here--
					mu.Unlock()
				} else {
					var i int
					fmt.Sscanf(r.URL.Path, "/%d", &i)
					mu.Lock()
					late = append(late, time.Since(begun)-time.Duration(i)*apart)
					mu.Unlock()
					time.Sleep(300 * time.Millisecond)
				}
				text(rss("News", "at"+strings.ReplaceAll(r.URL.Path, "/", "-")+"-"+r.Host), `"v1"`)(w, r)
			})},
		}}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := s.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Hour + time.Minute)
		stop()
		running.Wait()
		if len(late) != others {
			t.Errorf("%d of the other feeds were visited in an hour, of %d", len(late), others)
		}
		if worst := slices.Max(late); worst > time.Minute {
			t.Errorf("one was visited %v after its time", worst)
		}
		if served < 100 {
			t.Errorf("the slow host was asked %d times in an hour", served)
		}
	})
}

// TestBurstIsSpread visits at once what was due long ago, and looks at when it is due next.
func TestBurstIsSpread(t *testing.T) {
	const sources = 10_000
	synctest.Test(t, func(t *testing.T) {
		db := archiveIn(t)
		defer db.Close()
		var urls []string
		for i := range sources {
			urls = append(urls, fmt.Sprintf("https://h%d.example.net/%d", i%1000, i))
		}
		many(t, db, time.Now().Add(-time.Hour), 0, urls...)
		var mu sync.Mutex
		under, most := 0, 0
		s := &scheduler.Scheduler{Store: db, Workers: 100, Fetch: &fetch.Client{
			HTTP: &http.Client{Transport: inMemory(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				under++
				most = max(most, under)
				mu.Unlock()
				time.Sleep(200 * time.Millisecond)
				mu.Lock()
				under--
				mu.Unlock()
				text(rss("News", "at"+strings.ReplaceAll(r.URL.Path, "/", "-")+"-"+r.Host), `"v1"`)(w, r)
			})},
		}}
		r, err := s.Round(t.Context(), scheduler.RoundOptions{NoHistory: true})
		if err != nil || r.Changed != sources {
			t.Fatalf("%d of %d changed, %v", r.Changed, sources, err)
		}
		if most > 100 {
			t.Errorf("%d requests at once", most)
		}
		now := time.Now()
		perMinute := make(map[time.Duration]int)
		turns, err := db.Due(t.Context(), now.Add(365*24*time.Hour), store.Turn{}, 2*sources)
		if err != nil || len(turns) != sources {
			t.Fatalf("%d turns, %v", len(turns), err)
		}
		for _, turn := range turns {
			perMinute[turn.At.Sub(now)/time.Minute]++
		}
		for minute, n := range perMinute {
			if n > sources/4 {
				t.Errorf("%d of %d are due again within one minute, %d minutes from now", n, sources, minute)
			}
		}
	})
}

// counting is an archive that counts what is read of it.
type counting struct {
	store.Store
	mu    sync.Mutex
	reads map[string]int
}

func (c *counting) count(what string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads[what] += n
}

func (c *counting) Due(ctx context.Context, now time.Time, after store.Turn, limit int) ([]store.Turn, error) {
	turns, err := c.Store.Due(ctx, now, after, limit)
	c.count("turns", len(turns))
	c.count("looks", 1)
	return turns, err
}

func (c *counting) Source(ctx context.Context, id feed.SourceID) (feed.Source, error) {
	c.count("sources", 1)
	return c.Store.Source(ctx, id)
}

func (c *counting) Sources(ctx context.Context, after feed.SourceID, limit int) ([]feed.Source, error) {
	c.count("lists", 1)
	return c.Store.Sources(ctx, after, limit)
}

// TestIdleDaemonReadsNothing has 5000 sources of which none is due for a day.
func TestIdleDaemonReadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := archiveIn(t)
		defer db.Close()
		var urls []string
		for i := range 5000 {
			urls = append(urls, fmt.Sprintf("https://h%d.example.net/%d", i%50, i))
		}
		many(t, db, time.Now().Add(24*time.Hour), 0, urls...)
		c := &counting{Store: db, reads: make(map[string]int)}
		s := &scheduler.Scheduler{Store: c, Fetch: &fetch.Client{HTTP: &http.Client{Transport: inMemory(http.NotFound)}}}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := s.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Hour)
		stop()
		running.Wait()
		if c.reads["turns"]+c.reads["sources"]+c.reads["lists"] > 0 || c.reads["looks"] > 150 {
			t.Errorf("in an idle hour it read %v", c.reads)
		}
	})
}
