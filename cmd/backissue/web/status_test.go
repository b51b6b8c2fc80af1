package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// visited stores what a visit found, without articles.
func visited(t testing.TB, db *bolt.DB, s feed.Source, at time.Time, status int, problem string) feed.Source {
	t.Helper()
	s.Fetch.Checked, s.Fetch.Status, s.Fetch.Problem, s.Fetch.Failures = at, status, problem, s.Fetch.Failures+1
	if problem == "" {
		s.Fetch.Failures = 0
	}
	saved, err := db.Save(t.Context(), store.Batch{Source: s, Seen: at})
	if err != nil {
		t.Fatal(err)
	}
	return saved[0].Source
}

const secret = "s3cr3t"

// troubled is an archive with something wrong of most kinds: a source that fails and is well again, one
// that fails still, one that is gone, one whose document is mended, and one that is well.
func troubled(t testing.TB) *bolt.DB {
	t.Helper()
	db := filled(t)
	var s [6]feed.Source
	for n := 1; n < len(s); n++ {
		got, err := db.Subscribe(t.Context(), feed.Source{
			URL: fmt.Sprintf("https://reader:%s@%d.example/feed?<&>", secret, n), Title: fmt.Sprintf("Source <b>%d</b> & Co", n),
			Access: feed.Access{User: "reader", Password: secret, Bearer: secret, Cookie: secret},
		})
		if err != nil {
			t.Fatal(err)
		}
		s[n] = visited(t, db, got[0].Source, morning, 200, "")
	}
	for day := range 3 {
		at := morning.Add(time.Duration(1+24*day) * time.Hour)
		s[1] = visited(t, db, s[1], at, 500, "the server answers 500 <Internal Error>")
		s[2] = visited(t, db, s[2], at, 0, "the server does not answer")
		s[3] = visited(t, db, s[3], at, 410, "the server says that it is gone (410)")
	}
	visited(t, db, s[1], morning.Add(80*time.Hour), 200, "")
	s[4].Fetch.Repairs = []string{"an entity that HTML knows and XML does not"}
	visited(t, db, s[4], morning.Add(time.Hour), 200, "")
	return db
}

// watched serves an archive to its owner.
func watched(t testing.TB, db store.Reader, status *web.Status) http.Handler {
	return siteWith(t, web.Options{Archive: db, BaseURL: "http://archive.example", Title: "Back & Issues", Version: `1.0"\` + "\n", Status: status})
}

func now() time.Time { return morning.Add(100 * time.Hour) }

func TestStatusPage(t *testing.T) {
	counts := new(web.Counts)
	counts.Visited(web.Visit{At: morning, Name: "x", Title: "A <visit>", Outcome: "failed", Problem: "no <answer>"})
	a := ask(t, watched(t, troubled(t), &web.Status{Now: now, Counts: counts}), "GET", "/status")
	page := body(t, a.Body)
	if a.StatusCode != http.StatusOK || a.Header.Get("Cache-Control") != "private, no-cache" || a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	for _, want := range []string{
		"<h2>Gone <span", "the server says that it is gone (410); since 4 March", "3 failed visits", "<h2>Failing <span", "the server does not answer",
		"<h2>Mended <span", "an entity that HTML", "Works again", "A &lt;visit&gt;</a>: failed: no &lt;answer&gt;", "Source &lt;b&gt;2&lt;/b&gt; &amp; Co", "of which 5 are polled",
	} {
		if want == "the server says that it is gone (410); since 4 March" {
			want = "the server says that it is gone (410); since " + morning.Add(time.Hour).UTC().Format("2 January")
		}
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, secret) || strings.Contains(page, "<b>") || strings.Contains(page, "Held back") {
		t.Errorf("the page has what it must not:\n%s", page)
	}
	well := ask(t, watched(t, filled(t), &web.Status{}), "GET", "/status")
	if !strings.Contains(body(t, well.Body), "Nothing is wrong") {
		t.Error("an archive that is well has trouble")
	}
}

func TestStatusFeed(t *testing.T) {
	db := troubled(t)
	h := watched(t, db, &web.Status{Now: now})
	ids := regexp.MustCompile(`urn:uuid:[-0-9a-f]+`)
	atom := ask(t, h, "GET", "/status.atom")
	text := body(t, atom.Body)
	for _, want := range []string{"Gone: Source", "Failing for a day: Source", "Works again: Source"} {
		if strings.Count(text, want) != 1+strings.Count(want, "Failing") { // two have failed for a day
			t.Errorf("%q is there %d times", want, strings.Count(text, want))
		}
	}
	found := ids.FindAllString(text, -1)
	if len(found) != 5 {
		t.Errorf("%d identifiers in\n%s", len(found), text)
	}
	for _, path := range []string{"/status.rss", "/status.json"} {
		a := ask(t, h, "GET", path)
		text := body(t, a.Body)
		for _, id := range found[1:] {
			if a.StatusCode != http.StatusOK || !strings.Contains(text, id) {
				t.Errorf("%s: %d, lacks %s", path, a.StatusCode, id)
			}
		}
		if strings.Contains(text, secret) || a.Header.Get("Cache-Control") != "private, no-cache" || a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", path, a.Header)
		}
	}
	if strings.Contains(text, secret) {
		t.Error("the feed has a password")
	}
	if a := ask(t, h, "GET", "/status.atom", "If-None-Match", atom.Header.Get("Etag")); a.StatusCode != http.StatusNotModified {
		t.Errorf("again: %d", a.StatusCode)
	}
	src, err := db.Troubled(t.Context(), 0, 1, store.Ended)
	if err != nil {
		t.Fatal(err)
	}
	visited(t, db, src[0].Source, now(), 200, "")
	next := ask(t, h, "GET", "/status.atom", "If-None-Match", atom.Header.Get("Etag"))
	later := body(t, next.Body)
	if again := ids.FindAllString(later, -1); next.StatusCode != http.StatusOK || len(again) != 6 || fmt.Sprint(again[2:]) != fmt.Sprint(found[1:]) {
		t.Errorf("%d, identifiers were %q and are %q", next.StatusCode, found, again)
	}
	// Judges who are not built from this program read what it writes.
	if dir := os.Getenv("BACKISSUE_STATUS_OUT"); dir != "" {
		for _, ext := range []string{".atom", ".rss", ".json"} {
			out := body(t, ask(t, h, "GET", "/status"+ext).Body)
			if err := os.WriteFile(filepath.Join(dir, "status"+ext), []byte(out), 0o600); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestStatusIsForTheOwner(t *testing.T) {
	db := troubled(t)
	paths := []string{"/status", "/status.atom", "/status.rss", "/status.json", "/metrics"}
	for _, path := range paths {
		if a := ask(t, site(t, db), "GET", path); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s is there for everybody: %d", path, a.StatusCode)
		}
		if a := ask(t, watched(t, db, &web.Status{}), "POST", path); a.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, a.StatusCode)
		}
	}
	srv := httptest.NewServer(watched(t, db, &web.Status{Local: true}))
	defer srv.Close()
	get := func(path, host, field string) int {
		r, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			r.Host = host
		}
		if field != "" {
			r.Header.Set(field, "192.0.2.1")
		}
		a, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		io.Copy(io.Discard, a.Body)
		return a.StatusCode
	}
	for _, path := range paths {
		for _, host := range []string{"", "localhost:8080", "LOCALHOST", "[::1]:80", "archive.example"} {
			if got := get(path, host, ""); got != http.StatusOK {
				t.Errorf("%s of %q: %d", path, host, got)
			}
		}
		if got := get(path, "rebound.example:8080", ""); got != http.StatusNotFound {
			t.Errorf("%s of a name that leads here: %d", path, got)
		}
		if got := get(path, "", "X-Forwarded-For"); got != http.StatusNotFound {
			t.Errorf("%s by a proxy: %d", path, got)
		}
		if a := ask(t, watched(t, db, &web.Status{Local: true}), "GET", "http://localhost"+path); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s from another machine: %d", path, a.StatusCode) // httptest's requests come from 192.0.2.1
		}
	}
}

func TestHealth(t *testing.T) {
	var last time.Time
	options := web.Options{
		Archive: filled(t), BaseURL: "http://archive.example", Status: &web.Status{Now: now}, Alive: func() time.Time { return last },
	}
	h := siteWith(t, options)
	check := func(what string, status int, text string) {
		t.Helper()
		a := ask(t, h, "GET", "/healthz")
		if got := body(t, a.Body); a.StatusCode != status || !strings.HasPrefix(got, text) || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q %v", what, a.StatusCode, got, a.Header)
		}
	}
	check("just begun", 200, "ok\n")
	last = now().Add(-9 * time.Minute)
	check("alive", 200, "ok\n")
	last = now().Add(-11 * time.Minute)
	check("hanging", 503, "sources have not been looked at since ")
	options.Alive = nil
	h = siteWith(t, options)
	check("does not visit", 200, "ok\n")
	options.Archive = brokenReader{}
	h = siteWith(t, options)
	check("broken", 503, "the archive cannot be read\n")
	for _, path := range []string{"/status", "/status.atom", "/metrics"} {
		if a := ask(t, h, "GET", path); a.StatusCode != http.StatusInternalServerError {
			t.Errorf("%s of a broken archive: %d", path, a.StatusCode)
		}
	}
}

// family is a metric as a strict reader of the text format finds it.
type family struct {
	kind    string
	samples map[string]float64
}

var (
	helpLine   = regexp.MustCompile(`^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ((?:[^\\]|\\\\|\\n)*)$`)
	typeLine   = regexp.MustCompile(`^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge)$`)
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)((?:\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\\\|\\"|\\n)*",?)+\})?) ([-+0-9.e]+)$`)
)

// exposition reads the text format, version 0.0.4: each family has a HELP line, then a TYPE line, then all
// of its samples, no two of which have the same labels; every line ends in a line feed.
func exposition(t *testing.T, text string) map[string]family {
	t.Helper()
	if !strings.HasSuffix(text, "\n") {
		t.Error("the last line does not end")
	}
	families := map[string]family{}
	var helped, current string
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		if m := helpLine.FindStringSubmatch(line); m != nil {
			if _, twice := families[m[1]]; twice || m[2] == "" {
				t.Errorf("family %s comes twice, or without help", m[1])
			}
			helped = m[1]
		} else if m := typeLine.FindStringSubmatch(line); m != nil {
			if m[1] != helped {
				t.Errorf("type of %s follows help of %s", m[1], helped)
			}
			current = m[1]
			families[current] = family{m[2], map[string]float64{}}
			if (m[2] == "counter") != strings.HasSuffix(current, "_total") {
				t.Errorf("%s is a %s", current, m[2])
			}
		} else if m := sampleLine.FindStringSubmatch(line); m != nil {
			v, err := strconv.ParseFloat(m[3], 64)
			if _, twice := families[current].samples[m[2]]; twice || m[1] != current || err != nil || v < 0 {
				t.Fatalf("sample %q of %s: %v", line, current, err)
			}
			families[current].samples[m[2]] = v
		} else {
			t.Errorf("no line of the format: %q", line)
		}
	}
	for name, f := range families {
		if len(f.samples) == 0 || len(f.samples) > 16 {
			t.Errorf("%s has %d samples", name, len(f.samples))
		}
	}
	return families
}

func TestMetrics(t *testing.T) {
	counts := new(web.Counts)
	for _, v := range []web.Visit{
		{Outcome: "changed", Status: 200, Added: 3, Revised: 1, Held: 2, Gap: true, Spent: feed.Tally{Requests: 2, Bytes: 5000}},
		{Outcome: "unchanged", Status: 304, Spent: feed.Tally{Requests: 1, NotModified: 1}},
		{Outcome: "failed", Status: 503, Spent: feed.Tally{Requests: 1, Refused: 1}},
		{Outcome: "failed", Problem: "no such host"},
		{Outcome: "of no known kind", Status: 1234},
	} {
		counts.Visited(v)
	}
	h := watched(t, troubled(t), &web.Status{
		Now: now, Counts: counts, Size: func() (int64, error) { return 1 << 40, nil },
		Subscribers: func(context.Context) (int, error) { return 7, nil },
	})
	a := ask(t, h, "GET", "/metrics")
	text := body(t, a.Body)
	if got := a.Header.Get("Content-Type"); a.StatusCode != 200 || got != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("%d %q", a.StatusCode, got)
	}
	families := exposition(t, text)
	for _, want := range []struct {
		name, labels string
		value        float64
	}{
		{"backissue_build_info", `{version="1.0\"\\\n"}`, 1},
		{"backissue_sources", "", 7},
		{"backissue_sources_subscribed", "", 5},
		{"backissue_sources_troubled", `{kind="failing"}`, 2},
		{"backissue_sources_troubled", `{kind="gone"}`, 1},
		{"backissue_sources_troubled", `{kind="mended"}`, 1},
		{"backissue_sources_troubled", `{kind="held"}`, 0},
		{"backissue_articles", "", 131},
		{"backissue_revisions_total", "", 131},
		{"backissue_incidents_total", "", 4},
		{"backissue_archive_bytes", "", 1 << 40},
		{"backissue_hub_subscriptions", "", 7},
		{"backissue_visits_total", `{outcome="failed"}`, 2},
		{"backissue_visits_total", `{outcome="changed"}`, 1},
		{"backissue_answers_total", `{class="none"}`, 2},
		{"backissue_answers_total", `{class="3xx"}`, 1},
		{"backissue_answers_total", `{class="5xx"}`, 1},
		{"backissue_requests_total", "", 4},
		{"backissue_not_modified_total", "", 1},
		{"backissue_refused_total", "", 1},
		{"backissue_received_bytes_total", "", 5000},
		{"backissue_articles_added_total", "", 3},
		{"backissue_articles_revised_total", "", 1},
		{"backissue_articles_held_total", "", 2},
		{"backissue_gaps_total", "", 1},
	} {
		if got, ok := families[want.name].samples[want.labels]; !ok || got != want.value {
			t.Errorf("%s%s is %v (%v), want %v", want.name, want.labels, got, ok, want.value)
		}
	}
	if strings.Contains(text, secret) {
		t.Error("metrics have a password")
	}
}
