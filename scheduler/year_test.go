package scheduler_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
)

const (
	yearSources = 200
	yearHosts   = 60
)

var (
	yearArchive = flag.String("year", "", "folder for the archive that TestYear leaves; none if empty")
	rudeArchive = flag.String("rude", "", "likewise for TestRudeMonth")
)

// TestYear lives a year with 200 sources of every kind, by a clock that is put forward and back twice for
// daylight saving, with failures, bans, redirects, outages of our own and restarts. At its end neither the
// publisher nor our own count has anything to complain of.
func TestYear(t *testing.T) {
	long := 365 * day
	if testing.Short() {
		long = 30 * day
	}
	w, p := newPress(t)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	w.clock.now = time.Date(2026, 1, 1, 0, 0, 0, 0, berlin)
	begun := w.clock.peek()
	r := rand.New(rand.NewPCG(1, 2))
	var urls []string
	for i := range yearSources {
		urls = append(urls, p.invent(i, r, begun))
	}
	w.follow(urls...)
	for i, c := range p.columns {
		if c.answer == nil {
			t.Fatalf("%s has nothing to say", i)
		}
	}

	rounds, restarts, words := 0, 0, 0
	for end := begun.Add(long); w.clock.peek().Before(end); {
		next, _, err := w.Store.NextDue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.clock.set(next)
		w.clock.advance(20 * time.Minute)
		rounds++
		p.outage(w.clock.peek().Sub(begun))
		switch n := r.IntN(400); {
		case n < 3: // told to stop in the middle of a round
			ctx, stop := context.WithCancel(t.Context())
			w.Grace = time.Minute
			w.Progress = func(scheduler.Event) { stop() }
			_, _ = w.Round(ctx, scheduler.RoundOptions{NoHistory: true})
			stop()
			fallthrough
		case n < 20:
			restarts++
			w.restart(p)
		case n < 24:
			words++
			w.byName(p, feed.SourceID(1+r.IntN(yearSources)))
		}
		w.round(scheduler.RoundOptions{NoHistory: true})
	}

	var total scheduler.Manners
	moved, problems := 0, 0
	for i, s := range w.sources() {
		total.Add(scheduler.MannersOf(&s)) // as the verb politeness does
		if s.URL != urls[i] {
			moved++
		}
		if s.Fetch.Problem != "" {
			problems++
		}
	}
	t.Logf("%d days: %d rounds, %d restarts, %d words of the owner; %d requests, %d of them answered 304, %d refused, %d of these honoured, %d bytes; %d sources moved, %d fail; %d violations, %d sins",
		long/day, rounds, restarts, words, total.Requests, total.NotModified, total.Refused, total.Honoured, total.Bytes, moved, problems, total.Violations, len(p.sins))
	if total.Violations != 0 || total.Honoured != total.Refused {
		t.Errorf("our own count has %d violations, and %d refusals of %d honoured", total.Violations, total.Honoured, total.Refused)
	}
	if total.Requests != uint64(p.requests) {
		t.Errorf("we count %d requests, the publisher %d", total.Requests, p.requests)
	}
	if !testing.Short() && (moved < 5 || total.Refused < 20 || restarts < 10) {
		t.Error("not much has happened in this year")
	}
	w.keep(*yearArchive)
}

// TestRudeMonth lives a month with a reader who now and then does not care what he was asked for: both
// counts must see it.
func TestRudeMonth(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: TestYear goes the same way")
	}
	w, p := newPress(t)
	w.clock.now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	begun := w.clock.peek()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range yearSources {
		w.follow(p.invent(i, r, begun))
	}
	rude := uint64(0)
	for end := begun.Add(30 * day); w.clock.peek().Before(end); {
		next, _, err := w.Store.NextDue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.clock.set(next)
		w.clock.advance(20 * time.Minute)
		w.round(scheduler.RoundOptions{NoHistory: true})
		src := w.source(feed.SourceID(1 + r.IntN(yearSources)))
		if r.IntN(10) == 0 && src.Fetch.Allowed.After(w.clock.peek().Add(time.Minute)) {
			rude++
			w.VisitRudely(t.Context(), src)
		}
	}
	var total scheduler.Manners
	for _, s := range w.sources() {
		total.Add(scheduler.MannersOf(&s))
	}
	t.Logf("%d rude visits; our own count has %d violations, the publisher %d sins", rude, total.Violations, len(p.sins))
	if rude < 10 || total.Violations != rude || len(p.sins) == 0 {
		t.Errorf("%d rude visits, %d violations, %d sins", rude, total.Violations, len(p.sins))
	}
	p.sins, p.forgiven = nil, true
	w.keep(*rudeArchive)
}

// keep copies the archive into a folder, for the verb politeness, if one is named.
func (w *world) keep(dir string) {
	w.Helper()
	if dir == "" {
		return
	}
	data, err := os.ReadFile(w.file)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "archive.db"), data, 0o600)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// outage has the reader's own network fail for some hours each month, by time since the beginning.
func (p *publisher) outage(since time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = since%(30*day) > 20*day && since%(30*day) < 20*day+9*hour
}

// invent makes a source of one of the many kinds and returns its address.
func (p *publisher) invent(i int, r *rand.Rand, begun time.Time) string {
	host := fmt.Sprintf("host%d.example", i%yearHosts)
	path := fmt.Sprintf("/feed%d", i)
	s := serving{every: []time.Duration{day, 4 * day, 7 * day, 30 * day, 90 * day}[r.IntN(5)]}
	var skip feed.Skip
	seconds := func(d time.Duration) string { return fmt.Sprintf("max-age=%d", d/time.Second) }
	switch i % 20 {
	case 1:
		s.dated = true
	case 2:
		s.plain = true
	case 3, 4:
		d := time.Duration(1+r.IntN(20)) * hour
		s.hints, s.hinted304 = hint("Cache-Control", seconds(d), d), i%2 == 0
	case 5:
		s.hints, s.hinted304 = hint("Cache-Control", seconds(30*day), 30*day), true
	case 6:
		s.hints, s.hinted304 = expires(time.Duration(1+r.IntN(20))*hour), true
	case 7, 8:
		n := 1 + r.IntN(48)
		s.head, s.wish = fmt.Sprintf("<ttl>%d</ttl>", 60*n), time.Duration(n)*hour
	case 9:
		s.head, s.wish = "<sy:updatePeriod>weekly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>", 84*hour
	case 10, 11:
		from := r.IntN(12)
		s.head = hoursXML(from, from+1, from+2, from+3, (from+12)%24)
		skip.Hours = 0xf<<from | 1<<((from+12)%24)
	case 12:
		s.head, skip.Days = "<skipDays><day>Sunday</day><day>Monday</day></skipDays>", 3
	case 13:
		s.head, skip.Hours, s.wish = hoursXML(1, 2)+"<ttl>180</ttl>", 6, 3*hour
	}
	s.before = troubles(i, begun)
	c := p.publish(host+path, nil)
	c.answer = func(r *http.Request, now time.Time) said {
		a := s.serve(r, now)
		if a.status == http.StatusOK {
			c.skip = skip // known from now on
		}
		return a
	}
	if i%20 != 14 {
		return "https://" + host + path
	}
	old := fmt.Sprintf("/old%d", i)
	status := []int{301, 308, 302}[r.IntN(3)]
	p.publish(host+old, redirecting(status, "https://"+host+path, 0))
	return "https://" + host + old
}

// troubles are what befalls a source in the course of a year.
func troubles(i int, begun time.Time) func(time.Time) (said, bool) {
	within := func(now time.Time, from, to time.Duration) bool {
		since := now.Sub(begun)
		return since >= from && since < to
	}
	host := i % yearHosts
	start := time.Duration(10+i) * day
	return func(now time.Time) (said, bool) {
		ban := time.Duration(20+3*host) * day
		switch {
		case host%6 == 1 && within(now, ban, ban+9*day): // of the whole host
			return refusal(429, ban+9*day-now.Sub(begun).Truncate(time.Second), host%2 == 0, now), true
		case i%20 == 15 && within(now, start, start+4*day):
			return refusal(503, 6*hour, i%2 == 0, now), true
		case i%20 == 16 && within(now, start, start+2*day):
			return said{status: statusCut}, true
		case i%20 == 17 && within(now, start, start+60*day):
			return said{status: 404}, true
		case i%20 == 18 && within(now, start, 1000*day):
			return said{status: 410}, true
		case i%20 == 19 && within(now, start, start+5*day):
			return said{status: 500}, true
		case i%40 == 0 && within(now, start, start+20*day):
			return refusal(429, 20*day, false, now), true
		case i%40 == 20 && within(now, start, start+3*day):
			return refusal(429, 0, false, now), true
		}
		return said{}, false
	}
}
