package scheduler_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
)

const (
	hour = time.Hour
	day  = 24 * hour
)

var noon = time.Date(2026, 2, 3, 12, 0, 0, 0, time.UTC)

// status is a failure by HTTP status.
func status(code int, retry time.Duration) error {
	return fmt.Errorf("fetch: %w", &fetch.Error{Class: fetch.ClassStatus, Status: code, RetryAfter: retry})
}

func TestNextDue(t *testing.T) {
	offline := &fetch.Error{Class: fetch.ClassOffline}
	dns := &fetch.Error{Class: fetch.ClassDNS}
	page := errors.New("the answer is not a feed: it looks like an HTML page")
	etag := feed.FetchState{ETag: `"x"`, Changed: noon}
	with := func(f feed.FetchState, change func(*feed.FetchState)) feed.FetchState {
		change(&f)
		return f
	}
	for _, test := range []struct {
		name  string
		fetch feed.FetchState
		fresh time.Duration
		err   error
		want  time.Duration // plus a margin, and at most a tenth
	}{
		{"conditional, just changed", etag, 0, nil, hour},
		{"conditional by date", feed.FetchState{LastModified: "x", Changed: noon}, 0, nil, hour},
		{"unconditional", feed.FetchState{Changed: noon}, 0, nil, day},
		{"unconditional, fresh for an hour", feed.FetchState{Changed: noon}, hour, nil, day},
		{"quiet for three hours", with(etag, func(f *feed.FetchState) { f.Changed = noon.Add(-3 * hour) }), 0, nil, hour},
		{"quiet for a day", with(etag, func(f *feed.FetchState) { f.Changed = noon.Add(-day) }), 0, nil, 6 * hour},
		{"quiet for a year", with(etag, func(f *feed.FetchState) { f.Changed = noon.Add(-365 * day) }), 0, nil, 12 * hour},
		{"never any news", feed.FetchState{ETag: "x"}, 0, nil, 12 * hour},
		{"changed in the future", with(etag, func(f *feed.FetchState) { f.Changed = noon.Add(day) }), 0, nil, hour},
		{"ttl below the floor", with(etag, func(f *feed.FetchState) { f.TTL = 5 * time.Minute }), 0, nil, hour},
		{"ttl of three hours", with(etag, func(f *feed.FetchState) { f.TTL = 3 * hour }), 0, nil, 3 * hour},
		{"ttl of a year", with(etag, func(f *feed.FetchState) { f.TTL = 365 * day }), 0, nil, 7 * day},
		{"fresh below the floor", etag, time.Minute, nil, hour},
		{"fresh for two days", etag, 2 * day, nil, 2 * day},
		{"fresh for a year", etag, 365 * day, nil, 7 * day},
		{"ttl and fresh", with(etag, func(f *feed.FetchState) { f.TTL = 3 * hour }), 5 * hour, nil, 5 * hour},

		{"first failure", with(etag, func(f *feed.FetchState) { f.Failures = 1 }), 0, dns, hour},
		{"second failure", with(etag, func(f *feed.FetchState) { f.Failures = 2 }), 0, dns, 2 * hour},
		{"fifth failure", with(etag, func(f *feed.FetchState) { f.Failures = 5 }), 0, status(500, 0), 16 * hour},
		{"ninth failure", with(etag, func(f *feed.FetchState) { f.Failures = 9 }), 0, status(404, 0), 7 * day},
		{"after years of failures", with(etag, func(f *feed.FetchState) { f.Failures = 1 << 40 }), 0, status(404, 0), 7 * day},
		{"gone", with(etag, func(f *feed.FetchState) { f.Failures = 1 }), 0, status(410, 0), 7 * day},
		{"too many requests", with(etag, func(f *feed.FetchState) { f.Failures = 1 }), 0, status(429, 0), day},
		{"too many requests, wait a little", with(etag, func(f *feed.FetchState) { f.Failures = 1 }), 0, status(429, time.Minute), hour},
		{"too many requests, wait a month", with(etag, func(f *feed.FetchState) { f.Failures = 1 }), 0, status(429, 30*day), 30 * day},
		{"unavailable, wait five hours", with(etag, func(f *feed.FetchState) { f.Failures = 1 }), 0, status(503, 5*hour), 5 * hour},
		{"offline", with(etag, func(f *feed.FetchState) { f.Failures = 9 }), 0, offline, hour},
		{"a page for a feed", with(etag, func(f *feed.FetchState) { f.Failures = 1 }), 0, page, hour},
		{"a page for a feed, unconditional", feed.FetchState{Failures: 1}, 0, page, day},
	} {
		t.Run(test.name, func(t *testing.T) {
			for i := range 50 {
				src := feed.Source{URL: fmt.Sprintf("https://%d.example/feed", i), Fetch: test.fetch}
				got := scheduler.NextDue(&src, noon, test.fresh, test.err).Sub(noon)
				if got <= test.want || got > test.want+min(test.want/10, 30*time.Minute)+time.Minute {
					t.Fatalf("%s is due after %v, want a little more than %v", src.URL, got, test.want)
				}
				if again := scheduler.NextDue(&src, noon, test.fresh, test.err).Sub(noon); again != got {
					t.Fatalf("%s is due after %v and then after %v", src.URL, got, again)
				}
			}
		})
	}
}

func TestNextDueSpreads(t *testing.T) {
	seen := make(map[time.Time]bool)
	for i := range 100 {
		src := feed.Source{URL: fmt.Sprintf("https://example.org/%d.xml", i), Fetch: feed.FetchState{ETag: "x", Changed: noon}}
		seen[scheduler.NextDue(&src, noon, 0, nil).Truncate(time.Minute)] = true
	}
	if len(seen) < 4 {
		t.Errorf("100 sources come due within %d different minutes", len(seen))
	}
}
