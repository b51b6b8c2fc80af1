package scheduler_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
)

var errNoRoute = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("no route to host")}

// newPress returns a scheduler whose upstream is one publisher. What the publisher has to complain of is
// an error of the test.
func newPress(t testing.TB) (*world, *publisher) {
	w := newWorld(t)
	p := newPublisher(w.clock.peek)
	w.restart(p)
	t.Cleanup(func() {
		for i, sin := range p.sins {
			if i == 10 {
				t.Errorf("… and %d more", len(p.sins)-i)
				break
			}
			t.Error(sin)
		}
		for _, s := range w.sources() {
			if f := &s.Fetch; !p.forgiven && (f.Tally.Early != 0 || s.Subscribed && f.Due.Before(f.Allowed)) {
				t.Errorf("%s was asked %d times too early, and is due at %v, allowed from %v", s.URL, f.Tally.Early, f.Due, f.Allowed)
			}
		}
	})
	return w, p
}

// restart forgets all that is not in the archive.
func (w *world) restart(p *publisher) {
	w.Scheduler = &scheduler.Scheduler{
		Store: w.archive, Now: w.clock.Now, Workers: 4,
		Fetch: &fetch.Client{HTTP: &http.Client{Transport: p}, UserAgent: fetch.UserAgent("1.0")},
	}
}

func (w *world) sources() []feed.Source {
	w.Helper()
	all, err := w.Store.Sources(w.Context(), 0, 1000)
	if err != nil {
		w.Fatal(err)
	}
	return all
}

// live makes a round whenever something is due, for so long. Whatever is due within a minute waits for it.
func (w *world) live(d time.Duration) {
	w.Helper()
	for end := w.clock.peek().Add(d); ; {
		next, some, err := w.Store.NextDue(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		if !some || next.After(end) {
			w.clock.set(end)
			return
		}
		w.clock.set(next)
		w.clock.advance(time.Minute)
		w.round(scheduler.RoundOptions{NoHistory: true})
	}
}

// byName visits a source since its owner says so.
func (w *world) byName(p *publisher, id feed.SourceID) scheduler.Event {
	p.mu.Lock()
	p.named = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.named = false
		p.mu.Unlock()
	}()
	return w.visit(id)
}

// Each of these lives with one feed for some time, under the eyes of its publisher.
func TestManners(t *testing.T) {
	const year = 365 * day
	maxAge := func(d time.Duration) func(time.Time) (map[string]string, time.Duration) {
		return hint("Cache-Control", fmt.Sprintf("public, max-age=%d", d/time.Second), d)
	}
	for _, test := range []struct {
		name        string
		serving     serving
		skip        feed.Skip
		time        time.Duration
		least, most int // requests
	}{
		{name: "etag and date, at most once an hour", serving: serving{every: hour}, time: 2 * day, least: 20, most: 48},
		{name: "weak etag, byte for byte", serving: serving{etag: `W/"%s "`}, time: 3 * day, least: 6, most: 72},
		{name: "etag without quotes", serving: serving{etag: `v%s`}, time: 3 * day, least: 6, most: 72},
		{name: "etag of gzip's making", serving: serving{etag: `"%s-gzip"`}, time: 3 * day, least: 6, most: 72},
		{name: "date alone", serving: serving{dated: true}, time: 3 * day, least: 6, most: 72},
		{name: "no validators, at most once a day", serving: serving{plain: true, every: hour}, time: 20 * day, least: 17, most: 20},
		{name: "max-age of 3 hours", serving: serving{every: hour, hints: maxAge(3 * hour), hinted304: true}, time: 3 * day, least: 18, most: 24},
		{name: "max-age on 200 alone", serving: serving{every: day, hints: maxAge(20 * hour)}, time: 10 * day, least: 10, most: 60},
		{name: "max-age on 304 alone", serving: serving{every: 300 * day, hints: maxAge(20 * hour), hinted304: true}, time: 10 * day, least: 10, most: 13},
		{name: "max-age of a month", serving: serving{every: day, hints: maxAge(30 * day), hinted304: true}, time: year, least: 11, most: 13},
		{name: "max-age of a minute", serving: serving{every: hour, hints: maxAge(time.Minute), hinted304: true}, time: 2 * day, least: 20, most: 48},
		{name: "Expires", serving: serving{every: hour, hints: expires(5 * hour), hinted304: true}, time: 5 * day, least: 18, most: 24},
		{name: "Expires in the past", serving: serving{every: hour, hints: hint("Expires", "Thu, 01 Jan 1970 00:00:00 GMT", 0), hinted304: true}, time: 2 * day, least: 20, most: 48},
		{name: "Expires of 0", serving: serving{every: hour, hints: hint("Expires", "0", 0), hinted304: true}, time: 2 * day, least: 20, most: 48},
		{name: "ttl of 4 hours", serving: serving{every: hour, head: "<ttl>240</ttl>", wish: 4 * hour}, time: 4 * day, least: 18, most: 24},
		{name: "ttl of a fortnight", serving: serving{every: day, head: "<ttl>20160</ttl>", wish: 14 * day}, time: year, least: 24, most: 27},
		{name: "sy:updatePeriod daily", serving: serving{every: hour, head: "<sy:updatePeriod>daily</sy:updatePeriod>", wish: day}, time: 20 * day, least: 18, most: 20},
		{name: "sy:updateFrequency", serving: serving{every: hour, head: "<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>", wish: 6 * hour}, time: 20 * day, least: 70, most: 80},
		{name: "sy:updatePeriod monthly", serving: serving{every: hour, head: "<sy:updatePeriod>monthly</sy:updatePeriod>", wish: 30 * day}, time: year, least: 11, most: 13},
		{
			name: "skipHours", serving: serving{every: hour, head: hoursXML(0, 1, 2, 3, 4, 5, 6, 7, 20, 21, 22, 23)},
			skip: feed.Skip{Hours: 0xf000ff}, time: 20 * day, least: 100, most: 240,
		},
		{
			name: "skipDays", serving: serving{every: hour, head: "<skipDays><day>Saturday</day><day>Sunday</day></skipDays>"},
			skip: feed.Skip{Days: 1<<time.Saturday | 1<<time.Sunday}, time: 28 * day, least: 200, most: 480,
		},
		{
			name: "skipHours, skipDays and ttl", serving: serving{every: hour, head: hoursXML(12, 13) + "<skipDays><day>Friday</day></skipDays><ttl>300</ttl>", wish: 5 * hour},
			skip: feed.Skip{Hours: 3 << 12, Days: 1 << time.Friday}, time: 28 * day, least: 80, most: 130,
		},
		{name: "skipHours of all", serving: serving{every: hour, head: hoursXML(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23)}, time: 2 * day, least: 20, most: 48},
		{name: "the longest of all hints", serving: serving{every: hour, head: "<ttl>60</ttl><sy:updatePeriod>hourly</sy:updatePeriod>", hints: maxAge(7 * hour), hinted304: true}, time: 7 * day, least: 18, most: 24},
		{name: "rhythm of an hourly feed", serving: serving{every: hour}, time: 10 * day, least: 150, most: 240},
		{name: "rhythm of a daily feed", serving: serving{every: day}, time: 30 * day, least: 90, most: 300},
		{name: "rhythm of a dead feed", serving: serving{every: 3000 * day}, time: year, least: 700, most: 760},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, p := newPress(t)
			c := p.publish("example.org/feed", test.serving.serve)
			id := w.follow("https://example.org/feed")[0].ID
			w.live(2 * hour)
			c.skip = test.skip // which could not be known before the first visit
			first := len(c.times)
			w.live(test.time - 2*hour)
			if n := len(c.times); first == 0 || n < test.least || n > test.most {
				t.Errorf("%d requests, want %d to %d", n, test.least, test.most)
			}
			tally := w.source(id).Fetch.Tally
			if tally.Requests != uint64(p.requests) {
				t.Errorf("counted %d requests of %d", tally.Requests, p.requests)
			}
		})
	}
}

func hoursXML(hours ...int) string {
	s := "<skipHours>"
	for _, h := range hours {
		s += fmt.Sprintf("<hour>%d</hour>", h)
	}
	return s + "</skipHours>"
}

// What refuses, refuses for as long as it says, whoever asks.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(*http.Request, time.Time) said
		until  time.Duration
	}{
		{"429 for an hour and a half", refusing(429, 90*time.Minute, false), 90 * time.Minute},
		{"429 for a month", refusing(429, 30*day, false), 30 * day},
		{"429 until a date", refusing(429, 9*day, true), 9 * day},
		{"429 without a word", refusing(429, 0, false), day},
		{"503 for a day", refusing(503, day, false), day},
		{"503 for a fortnight", refusing(503, 14*day, false), 14 * day},
		{"503 until a date", refusing(503, 3*day, true), 3 * day},
		{"301 that asks to wait", redirecting(301, "https://example.org/new", 10*day), 10 * day},
		{"302 that asks to wait", redirecting(302, "https://example.org/new", 2*day), 2 * day},
		{"303 that asks to wait", redirecting(303, "https://example.org/new", 2*day), 2 * day},
		{"307 that asks to wait", redirecting(307, "https://example.org/new", 30*day), 30 * day},
		{"308 that asks to wait", redirecting(308, "https://example.org/new", 2*day), 2 * day},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, p := newPress(t)
			c := p.publish("example.org/feed", test.answer)
			behind := p.publish("example.org/new", serving{every: hour}.serve)
			id := w.follow("https://example.org/feed")[0].ID
			w.live(time.Minute * 5)
			if len(c.times) != 1 {
				t.Fatalf("%d requests", len(c.times))
			}
			for i, step := range []time.Duration{hour, test.until - 2*hour} {
				w.clock.advance(max(0, step))
				w.restart(p)
				if e := w.byName(p, id); test.until > 2*hour && e.Outcome != scheduler.Skipped {
					t.Errorf("visit by name, %d: %v", i, e)
				}
				if r := w.round(scheduler.RoundOptions{All: true}); test.until > 2*hour && r.Skipped != 1 {
					t.Errorf("visit of all, %d: %+v", i, r)
				}
			}
			w.live(3 * day)
			if len(c.times) < 2 {
				t.Error("it was never asked again")
			}
			if strings.Contains(test.name, "asks to wait") && len(behind.times) == 0 {
				t.Error("a redirect that asks to wait each time is never followed")
			}
		})
	}
}

func TestRefusalOfAHostIsHeededForAll(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		w, p := newPress(t)
		var urls []string
		for i := range 12 {
			path := fmt.Sprintf("/%d", i)
			ban := serving{before: func(now time.Time) (said, bool) {
				return refusal(429, 20*day, false, now), now.After(noon.Add(day)) && now.Before(noon.Add(20*day))
			}}
			p.publish("example.org"+path, ban.serve)
			urls = append(urls, "https://example.org"+path)
		}
		p.publish("example.net/other", serving{every: hour}.serve)
		sources := w.follow(append(urls, "https://example.net/other")...)
		w.live(day)
		before := len(p.asked)
		for range 19 * 4 {
			w.live(6 * hour)
			if restarts {
				w.restart(p)
			}
		}
		refused := 0
		for _, r := range p.asked[before:] {
			if strings.HasPrefix(r, "https://example.org/") {
				refused++
			}
		}
		if refused != 2 {
			t.Errorf("restarts %v: the host was asked %d times while it refused all its feeds", restarts, refused)
		}
		if e := w.byName(p, sources[11].ID); e.Outcome != scheduler.Skipped {
			t.Errorf("a visit by name to a closed host: %v", e)
		}
		if s := w.source(sources[11].ID); !strings.Contains(s.Fetch.Problem, "left alone until") {
			t.Errorf("its feed says nothing of that: %q", s.Fetch.Problem)
		}
		w.live(30 * day)
		for _, s := range w.sources() {
			if s.Fetch.Problem != "" || s.Fetch.Status/100 > 3 {
				t.Errorf("%s: %d %s", s.URL, s.Fetch.Status, s.Fetch.Problem)
			}
		}
	}
}

func TestRefusalOfOneAddressIsItsOwn(t *testing.T) {
	w, p := newPress(t)
	p.publish("example.org/a", refusing(429, 10*day, false))
	b := p.publish("example.org/b", serving{every: hour}.serve)
	w.follow("https://example.org/a", "https://example.org/b")
	w.live(5 * day)
	if len(b.times) < 40 {
		t.Errorf("%d requests for the other feed", len(b.times))
	}
}

func TestOwnersWordGoesBeforeHints(t *testing.T) {
	w, p := newPress(t)
	c := p.publish("example.org/feed", serving{every: hour, hints: hint("Cache-Control", "max-age=864000", 10*day), hinted304: true}.serve)
	id := w.follow("https://example.org/feed")[0].ID
	w.live(hour)
	if e := w.byName(p, id); e.Outcome != scheduler.Changed && e.Outcome != scheduler.Unchanged {
		t.Errorf("visit by name: %v", e)
	}
	if n := w.source(id).Fetch.Tally.Early; n != 0 || len(c.times) != 2 {
		t.Errorf("%d requests, %d held to be early", len(c.times), n)
	}
}

func TestGoneAndMissingSlowDown(t *testing.T) {
	for _, test := range []struct {
		status      int
		last        time.Duration
		least, most int
	}{{404, 7 * day, 50, 70}, {410, 30 * day, 12, 18}, {403, 7 * day, 50, 70}, {500, 7 * day, 50, 70}} {
		w, p := newPress(t)
		c := p.publish("example.org/feed", serving{every: day, before: func(now time.Time) (said, bool) {
			return said{status: test.status}, now.After(noon.Add(day))
		}}.serve)
		id := w.follow("https://example.org/feed")[0].ID
		w.live(day)
		before := len(c.times)
		w.live(365 * day)
		n := len(c.times)
		if n-before < test.least || n-before > test.most {
			t.Errorf("%d: %d requests in a year", test.status, n-before)
		}
		if gap := c.times[n-1].Sub(c.times[n-2]); gap < test.last || gap > test.last+2*hour {
			t.Errorf("%d: the last two are %v apart", test.status, gap)
		}
		if s := w.source(id); !s.Subscribed || !strings.Contains(s.Fetch.Problem, fmt.Sprint(test.status)) {
			t.Errorf("%d: subscribed %v, problem %q", test.status, s.Subscribed, s.Fetch.Problem)
		}
	}
}

func TestComesBackAfterFailures(t *testing.T) {
	w, p := newPress(t)
	c := p.publish("example.org/feed", serving{every: hour, before: func(now time.Time) (said, bool) {
		return said{status: statusCut}, now.After(noon.Add(day)) && now.Before(noon.Add(2*day))
	}}.serve)
	id := w.follow("https://example.org/feed")[0].ID
	w.live(4 * day)
	if s := w.source(id); s.Fetch.Failures != 0 || s.Fetch.Problem != "" {
		t.Errorf("%+v", s.Fetch)
	}
	if n := len(c.times); n < 40 || n > 96 {
		t.Errorf("%d requests", n)
	}
}

func TestOurOwnNetworkCountsAgainstNone(t *testing.T) {
	w, p := newPress(t)
	var urls []string
	for i := range 8 {
		at := fmt.Sprintf("%d.example/feed", i)
		p.publish(at, serving{every: 6 * hour}.serve)
		urls = append(urls, "https://"+at)
	}
	w.follow(urls...)
	w.live(day)
	p.down = true
	w.live(2 * day)
	for _, s := range w.sources() {
		if s.Fetch.Failures != 0 || s.Fetch.Problem == "" || s.Fetch.Due.Sub(w.clock.peek()) > 2*hour {
			t.Errorf("%s: %d failures, due in %v: %q", s.URL, s.Fetch.Failures, s.Fetch.Due.Sub(w.clock.peek()), s.Fetch.Problem)
		}
	}
	p.down = false
	w.live(2 * hour)
	for _, s := range w.sources() {
		if s.Fetch.Problem != "" {
			t.Errorf("%s: %q", s.URL, s.Fetch.Problem)
		}
	}
}

func TestOneHostThatFallsSilentFailsItself(t *testing.T) {
	w, p := newPress(t)
	var urls []string
	for i := range 8 {
		at := fmt.Sprintf("%d.example/feed", i)
		p.publish(at, serving{every: hour, before: func(now time.Time) (said, bool) {
			return said{status: statusCut}, i == 3 && now.After(noon.Add(day))
		}}.serve)
		urls = append(urls, "https://"+at)
	}
	w.follow(urls...)
	w.live(4 * day)
	for i, s := range w.sources() {
		if (s.Fetch.Failures > 2) != (i == 3) {
			t.Errorf("%s: %d failures: %q", s.URL, s.Fetch.Failures, s.Fetch.Problem)
		}
	}
}

func TestOwnersFieldsComeAlong(t *testing.T) {
	w, p := newPress(t)
	c := p.publish("example.org/feed", serving{every: hour}.serve)
	c.fields = map[string]string{"Cookie": "a=b", "X-Key": "k", "Authorization": "Bearer t"}
	src := w.follow("https://example.org/feed")[0]
	src.Access = feed.Access{Cookie: "a=b", Bearer: "t", Headers: []feed.Header{{Name: "X-Key", Value: "k"}}}
	if _, err := w.Store.Subscribe(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	w.live(2 * day)
	if len(c.times) < 10 {
		t.Errorf("%d requests", len(c.times))
	}
}

func TestStateSurvivesRestarts(t *testing.T) {
	w, p := newPress(t)
	c := p.publish("example.org/feed", serving{every: hour, hints: hint("Cache-Control", "max-age=21600", 6*hour), hinted304: true}.serve)
	w.follow("https://example.org/feed")
	for range 48 * 4 {
		w.live(15 * time.Minute)
		w.restart(p)
		w.round(scheduler.RoundOptions{}) // as cron would
	}
	if n := len(c.times); n < 6 || n > 9 {
		t.Errorf("%d requests in two days", n)
	}
}

func TestClockThatIsPutBack(t *testing.T) {
	w, p := newPress(t)
	c := p.publish("example.org/feed", serving{every: hour}.serve)
	w.follow("https://example.org/feed")
	w.live(2 * hour)
	n := len(c.times)
	w.clock.advance(-hour)
	w.round(scheduler.RoundOptions{})
	if len(c.times) != n {
		t.Error("a clock that is put back makes for another visit")
	}
}

// 200 sources that were all added at once do not stay in step.
func TestNoHerd(t *testing.T) {
	w, p := newPress(t)
	var urls []string
	for i := range 100 {
		at := fmt.Sprintf("%d.example/feed", i)
		p.publish(at, serving{every: 3000 * day}.serve)
		urls = append(urls, "https://"+at)
	}
	w.follow(urls...)
	w.live(5 * day)
	due := make(map[time.Time]int)
	for _, s := range w.sources() {
		due[s.Fetch.Due.Truncate(5*time.Minute)]++
	}
	most := 0
	for _, n := range due {
		most = max(most, n)
	}
	if most > 25 {
		t.Errorf("%d of 100 sources are due within the same five minutes", most)
	}
	if slices.ContainsFunc(w.sources(), func(s feed.Source) bool { return s.Fetch.Failures > 0 }) {
		t.Error("some failed")
	}
}
