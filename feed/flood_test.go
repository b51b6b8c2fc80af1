package feed_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
)

func TestFlood(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	some := func(n int, change feed.Change, age, moved time.Duration) []feed.Incoming {
		return slices.Repeat([]feed.Incoming{{Change: change, When: now.Add(-age), Moved: moved}}, n)
	}
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	hour := feed.Visit{Now: now, Last: now.Add(-time.Hour)}
	busy, away := hour, hour
	busy.Most = 40
	away.Last, away.Rate = now.Add(-60*day), 2.0/24
	for name, test := range map[string]struct {
		visit    feed.Visit
		articles []feed.Incoming
		held     string // how many of which, by the first of each run
	}{
		"nothing":                             {hour, nil, "[]"},
		"a page of old articles":              {hour, some(25, feed.Added, year, 0), "[]"},
		"more":                                {hour, some(26, feed.Added, year, 0), "[0-25]"},
		"no more than four times the most":    {busy, some(160, feed.Added, year, 0), "[]"},
		"old ones flood, what is new is not":  {hour, append(some(30, feed.Added, year, 0), some(3, feed.Added, 0, 0)...), "[0-29]"},
		"dated shortly before the last visit": {hour, some(25, feed.Added, day, 0), "[]"},
		"all dated now":                       {hour, some(600, feed.Added, 0, 0), "[0-599]"},
		"as many as the source's rate says after a long absence": {away, some(100, feed.Added, 30*day, 0), "[]"},
		"more than the rate says":                                {away, some(500, feed.Added, 30*day, 0), "[0-499]"},
		"all dated anew":                                         {hour, some(20, feed.Revised, 0, year), "[0-19]"},
		"half of them, and what is new":                          {hour, append(append(some(10, feed.Revised, 0, year), some(10, feed.Same, year, 0)...), some(1, feed.Added, 0, 0)...), "[0-9]"},
		"fewer than half":                                        {hour, append(some(10, feed.Revised, 0, year), some(11, feed.Same, year, 0)...), "[]"},
		"fewer than ten":                                         {hour, some(9, feed.Revised, 0, year), "[]"},
		"by a day":                                               {hour, some(20, feed.Revised, 0, day), "[]"},
		"to an earlier date":                                     {hour, some(20, feed.Revised, year, -year), "[]"},
		"revised and not dated anew":                             {hour, some(50, feed.Revised, year, 0), "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			test.visit.Articles = test.articles
			if got := fmt.Sprint(runs(feed.Flood(test.visit))); got != test.held {
				t.Errorf("held %s, want %s", got, test.held)
			}
		})
	}
}

// runs returns where there is true, as ranges.
func runs(held []bool) (ranges []string) {
	for i := 0; i < len(held); i++ {
		if from := i; held[i] {
			for i+1 < len(held) && held[i+1] {
				i++
			}
			ranges = append(ranges, fmt.Sprintf("%d-%d", from, i))
		}
	}
	return ranges
}
