package scheduler_test

import (
	"errors"
	"fmt"
	"io"
	"net"
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

func TestDue(t *testing.T) {
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
		{"ttl of a year", with(etag, func(f *feed.FetchState) { f.TTL = 365 * day }), 0, nil, 365 * day},
		{"failure within ttl", with(etag, func(f *feed.FetchState) { f.TTL, f.Failures = 3*hour, 1 }), 0, status(500, 0), 3 * hour},
		{"fresh below the floor", etag, time.Minute, nil, hour},
		{"fresh for two days", etag, 2 * day, nil, 2 * day},
		{"fresh for a year", etag, 365 * day, nil, 365 * day},
		{"ttl and fresh", with(etag, func(f *feed.FetchState) { f.TTL = 3 * hour }), 5 * hour, nil, 5 * hour},

		{"first failure", with(etag, func(f *feed.FetchState) { f.Failures = 1 }), 0, dns, hour},
		{"second failure", with(etag, func(f *feed.FetchState) { f.Failures = 2 }), 0, dns, 2 * hour},
		{"fifth failure", with(etag, func(f *feed.FetchState) { f.Failures = 5 }), 0, status(500, 0), 16 * hour},
		{"ninth failure", with(etag, func(f *feed.FetchState) { f.Failures = 9 }), 0, status(404, 0), 7 * day},
		{"after years of failures", with(etag, func(f *feed.FetchState) { f.Failures = 1 << 40 }), 0, status(404, 0), 7 * day},
		{"gone", with(etag, func(f *feed.FetchState) { f.Failures = 1 }), 0, status(410, 0), 7 * day},
		{"gone for long", with(etag, func(f *feed.FetchState) { f.Failures = 9 }), 0, status(410, 0), 30 * day},
		{"unconditional, not reached", feed.FetchState{Failures: 1}, 0, dns, hour},
		{"unconditional, failed", feed.FetchState{Failures: 1}, 0, status(500, 0), day},
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
				a := scheduler.Answer{At: noon, Fresh: test.fresh, Err: test.err}
				allowed, due := scheduler.Schedule(&src, a)
				got := due.Sub(noon)
				if got <= test.want || got > test.want+min(test.want/10, 30*time.Minute)+time.Minute {
					t.Fatalf("%s is due after %v, want a little more than %v", src.URL, got, test.want)
				}
				if allowed.After(due) || allowed.Before(noon) {
					t.Fatalf("%s is allowed after %v and due after %v", src.URL, allowed.Sub(noon), got)
				}
				if _, again := scheduler.Schedule(&src, a); !again.Equal(due) {
					t.Fatalf("%s is due at %v and then at %v", src.URL, due, again)
				}
			}
		})
	}
}

func TestAllowedIsTheLongestWish(t *testing.T) {
	etag := feed.FetchState{ETag: `"x"`, Changed: noon.Add(-100 * day)}
	with := func(change func(*feed.FetchState)) feed.FetchState {
		f := etag
		change(&f)
		return f
	}
	refused := &fetch.Error{Class: fetch.ClassConnect, Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}
	for _, test := range []struct {
		name  string
		fetch feed.FetchState
		a     scheduler.Answer
		want  time.Duration
	}{
		{"conditional", etag, scheduler.Answer{}, hour},
		{"unconditional", feed.FetchState{}, scheduler.Answer{}, day},
		{"fresh", etag, scheduler.Answer{Fresh: 2 * hour}, 2 * hour},
		{"ttl", with(func(f *feed.FetchState) { f.TTL = 90 * time.Minute }), scheduler.Answer{}, 90 * time.Minute},
		{"a redirect that asks to wait", etag, scheduler.Answer{Retry: 9 * day}, 9 * day},
		{"429", etag, scheduler.Answer{Err: status(429, 40*day)}, 40 * day},
		{"429 that does not say", etag, scheduler.Answer{Err: status(429, 0)}, day},
		{"503 that does not say", etag, scheduler.Answer{Err: status(503, 0)}, hour},
		{"what was said before, after a failure", with(func(f *feed.FetchState) { f.Allowed = noon.Add(3 * day) }), scheduler.Answer{Err: status(500, 0)}, 3 * day},
		{"what was said before, after a 304 that says nothing", with(func(f *feed.FetchState) { f.Allowed = noon.Add(3 * day) }), scheduler.Answer{Same: true}, 3 * day},
		{"what was said before, after a 304 that says something", with(func(f *feed.FetchState) { f.Allowed = noon.Add(3 * day) }), scheduler.Answer{Same: true, Fresh: 5 * hour}, 5 * hour},
		{"what was said before, after a new document", with(func(f *feed.FetchState) { f.Allowed = noon.Add(3 * day) }), scheduler.Answer{}, hour},
		{"nobody was reached", etag, scheduler.Answer{Err: refused}, 0},
		{"hung up on", etag, scheduler.Answer{Err: &fetch.Error{Class: fetch.ClassConnect, Err: io.EOF}}, hour},
		{"our own network", etag, scheduler.Answer{Ours: true, Err: &fetch.Error{Class: fetch.ClassTimeout}}, 0},
		{"skips this hour and the next", with(func(f *feed.FetchState) { f.Skip.Hours = 1<<13 | 1<<14 }), scheduler.Answer{}, 3 * hour},
		{"skips midnight, in the afternoon", with(func(f *feed.FetchState) { f.Skip.Hours = 1 }), scheduler.Answer{}, hour},
		{"skips today", with(func(f *feed.FetchState) { f.Skip.Days = 1 << time.Tuesday }), scheduler.Answer{}, 12 * hour},
		{"skips today and the morning of tomorrow", with(func(f *feed.FetchState) { f.Skip = feed.Skip{Days: 1 << time.Tuesday, Hours: 1<<12 - 1} }), scheduler.Answer{}, day},
		{"skips every hour, so none", with(func(f *feed.FetchState) { f.Skip.Hours = 1<<24 - 1 }), scheduler.Answer{}, hour},
		{"skips every day, so none", with(func(f *feed.FetchState) { f.Skip.Days = 1<<7 - 1 }), scheduler.Answer{}, hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			src := feed.Source{URL: "https://example.org/feed", Fetch: test.fetch}
			test.a.At = noon
			allowed, due := scheduler.Schedule(&src, test.a)
			if got := allowed.Sub(noon); got != test.want {
				t.Errorf("allowed after %v, want %v", got, test.want)
			}
			if due.Before(allowed) {
				t.Errorf("due %v before it is allowed", allowed.Sub(due))
			}
		})
	}
}

// Jitter only ever makes a visit later, and never moves it into what is to be skipped.
func TestDueIsNeverSkipped(t *testing.T) {
	skip := feed.Skip{Hours: 0b0101_0101_0101_0101_0101_0101, Days: 1<<time.Sunday | 1<<time.Wednesday}
	for i := range 2000 {
		src := feed.Source{URL: fmt.Sprintf("https://%d.example/feed", i), Fetch: feed.FetchState{ETag: "x", Skip: skip}}
		at := noon.Add(time.Duration(i) * 17 * time.Minute)
		allowed, due := scheduler.Schedule(&src, scheduler.Answer{At: at, Fresh: time.Duration(i%50) * hour})
		for name, moment := range map[string]time.Time{"allowed": allowed, "due": due} {
			if skip.Hours>>moment.Hour()&1 == 1 || skip.Days>>moment.Weekday()&1 == 1 {
				t.Fatalf("%s is %s at %v", src.URL, name, moment)
			}
		}
		if due.Before(allowed) {
			t.Fatalf("due at %v, allowed at %v", due, allowed)
		}
	}
}

func TestRhythmIsLearnt(t *testing.T) {
	for _, test := range []struct {
		name         string
		quiet, pace  time.Duration
		least, atmos time.Duration
	}{
		{"news, of unknown pace", 0, 0, hour, 2 * hour},
		{"news, of every ten minutes", 0, 10 * time.Minute, hour, 2 * hour},
		{"news, of every day", 0, day, 6 * hour, 7 * hour},
		{"news, of every month", 0, 30 * day, 12 * hour, 13 * hour},
		{"quiet for longer than usual", 2 * day, day, 12 * hour, 13 * hour},
	} {
		src := feed.Source{URL: "https://example.org/feed", Fetch: feed.FetchState{ETag: "x", Changed: noon.Add(-test.quiet)}}
		if _, due := scheduler.Schedule(&src, scheduler.Answer{At: noon, Pace: test.pace}); due.Sub(noon) < test.least || due.Sub(noon) > test.atmos {
			t.Errorf("%s: due after %v", test.name, due.Sub(noon))
		}
	}
}

func TestMovesAfterAWeekOfAgreement(t *testing.T) {
	const from, to, other = "https://example.org/feed", "https://example.net/feed", "https://example.com/feed"
	type said struct {
		after time.Duration
		to    string
	}
	for _, test := range []struct {
		name string
		src  feed.Source
		said []said
		want string
	}{
		{"never", feed.Source{URL: from}, []said{{0, ""}, {8 * day, ""}}, ""},
		{"once", feed.Source{URL: from}, []said{{0, to}}, ""},
		{"for six days", feed.Source{URL: from}, []said{{0, to}, {6 * day, to}}, ""},
		{"for a week", feed.Source{URL: from}, []said{{0, to}, {3 * day, to}, {7 * day, to}}, to},
		{"with a break", feed.Source{URL: from}, []said{{0, to}, {3 * day, ""}, {7 * day, to}}, ""},
		{"changes its mind", feed.Source{URL: from}, []said{{0, to}, {6 * day, other}, {8 * day, other}}, ""},
		{"changes its mind and sticks to it", feed.Source{URL: from}, []said{{0, to}, {6 * day, other}, {14 * day, other}}, other},
		{"to https", feed.Source{URL: "http://example.org/feed?a=b"}, []said{{0, "https://example.org/feed?a=b"}}, "https://example.org/feed?a=b"},
		{"to https elsewhere", feed.Source{URL: "http://example.org/feed"}, []said{{0, to}}, ""},
		{"to https of another path", feed.Source{URL: "http://example.org/feed"}, []said{{0, "https://example.org/rss"}}, ""},
		{"to where it is", feed.Source{URL: from}, []said{{0, from}, {9 * day, from}}, ""},
		{"to no web address", feed.Source{URL: from}, []said{{0, "ftp://example.org/"}, {9 * day, "ftp://example.org/"}}, ""},
		{"elsewhere with a password", feed.Source{URL: "https://a:b@example.org/feed"}, []said{{0, to}, {9 * day, to}}, ""},
		{"elsewhere with a token", feed.Source{URL: from, Access: feed.Access{Bearer: "t"}}, []said{{0, to}, {9 * day, to}}, ""},
		{"on its host with a token", feed.Source{URL: from, Access: feed.Access{Bearer: "t"}}, []said{{0, from + "2"}, {9 * day, from + "2"}}, from + "2"},
		{"on its host with a password", feed.Source{URL: "https://a:b@example.org/feed"}, []said{{0, from + "2"}, {9 * day, from + "2"}}, "https://a:b@example.org/feed2"},
		{"to http with a token", feed.Source{URL: from, Access: feed.Access{Bearer: "t"}}, []said{{0, "http://example.org/f"}, {9 * day, "http://example.org/f"}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			src, got := test.src, ""
			for _, s := range test.said {
				src.Fetch.Moved, got = scheduler.Moves(&src, s.to, noon.Add(s.after))
			}
			if got != test.want {
				t.Errorf("adopts %q, want %q", got, test.want)
			}
		})
	}
}

// An address that a redirect has given must not lead into the owner's own network later, however the
// source goes on from there.
func TestAdoptedAddressesAreNotTrusted(t *testing.T) {
	src := feed.Source{URL: "http://example.org/feed"}
	at := noon
	visit := func(to string) {
		m, adopt := scheduler.Moves(&src, to, at)
		src.Fetch.Moved = m
		if adopt != "" {
			src.URL = adopt
		}
		at = at.Add(4 * day)
	}
	visit("https://example.org/feed")
	if src.URL != "https://example.org/feed" || !scheduler.Trusted(&src) {
		t.Fatalf("at %s, trusted: %v", src.URL, scheduler.Trusted(&src))
	}
	for range 3 {
		visit("https://example.net/feed")
	}
	if src.URL != "https://example.net/feed" || scheduler.Trusted(&src) {
		t.Fatalf("at %s, trusted: %v", src.URL, scheduler.Trusted(&src))
	}
	for _, to := range []string{"", "https://example.net/2", "https://example.net/2", "", "https://example.com/", "https://example.com/", "https://example.com/", "", "https://example.com/x"} {
		visit(to)
		if scheduler.Trusted(&src) {
			t.Fatalf("trusted again at %s after a redirect to %q", src.URL, to)
		}
	}
	if src.URL != "https://example.com/" {
		t.Errorf("a source that moves twice is at %s", src.URL)
	}
}

func TestDueSpreads(t *testing.T) {
	seen := make(map[time.Time]bool)
	for i := range 100 {
		src := feed.Source{URL: fmt.Sprintf("https://example.org/%d.xml", i), Fetch: feed.FetchState{ETag: "x", Changed: noon}}
		_, due := scheduler.Schedule(&src, scheduler.Answer{At: noon})
		seen[due.Truncate(time.Minute)] = true
	}
	if len(seen) < 4 {
		t.Errorf("100 sources come due within %d different minutes", len(seen))
	}
}
