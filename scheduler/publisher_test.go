package scheduler_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/backissue/backissue/feed"
)

// publisher serves feeds by a scripted clock, and holds every request against all that it has said and
// against what is polite anyway. It has nothing in common with the plan that it judges.
type publisher struct {
	now func() time.Time

	mu       sync.Mutex
	columns  map[string]*column // by address without scheme
	houses   map[string]*house
	down     bool // the reader's own network is
	named    bool // the reader's owner asks by name
	requests int
	sins     []string
	forgiven bool                 // whoever sinned meant to
	asked    []string             // addresses
	awaited  map[string]time.Time // addresses to which a redirect leads, and not before, when it first said so
}

// column is one feed.
type column struct {
	p      *publisher
	answer func(r *http.Request, now time.Time) said
	skip   feed.Skip
	fields map[string]string // that the owner gives along

	etag, modified string    // as last given out with a document
	wish           time.Time // not before, unless the owner asks by name
	refused        time.Time // not before, whoever asks
	asked          time.Time // last request, and the last one without validators
	askedWhole     time.Time
	times          []time.Time
}

// house is a host.
type house struct {
	busy    int
	refused map[string]time.Time
	closed  time.Time
}

// said is one answer.
type said struct {
	status int
	header map[string]string
	body   string
	wish   time.Duration // of the hints in it; of a refusal, its Retry-After
	stands bool          // and what was said before stands too
}

func newPublisher(now func() time.Time) *publisher {
	return &publisher{now: now, columns: make(map[string]*column), houses: make(map[string]*house), awaited: make(map[string]time.Time)}
}

// publish puts a feed at an address without scheme.
func (p *publisher) publish(at string, answer func(*http.Request, time.Time) said) *column {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &column{p: p, answer: answer}
	p.columns[at] = c
	return c
}

var agent = regexp.MustCompile(`^backissue(/\S+)? \(\+https://\S+(; \d+ subscribers?)?\)$`)

func (p *publisher) sin(r *http.Request, format string, args ...any) {
	p.sins = append(p.sins, fmt.Sprintf("%s %s: ", p.now().UTC().Format(time.DateTime), r.URL)+fmt.Sprintf(format, args...))
}

func (p *publisher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := p.now()
	answer, h := p.judge(r, now)
	defer func() {
		p.mu.Lock()
		h.busy--
		p.mu.Unlock()
	}()
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	for k, v := range answer.header {
		w.Header()[k] = []string{v}
	}
	if answer.status != http.StatusOK {
		w.WriteHeader(answer.status)
	}
	io.WriteString(w, answer.body)
}

// RoundTrip brings a request to the publisher without a socket.
func (p *publisher) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	down := p.down
	p.mu.Unlock()
	if down {
		return nil, errNoRoute
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	if w.Code == statusCut {
		return nil, io.EOF
	}
	return w.Result(), r.Context().Err()
}

// statusCut is an answer that never comes.
const statusCut = 599

// judge looks for sins in a request, decides on the answer, and remembers what it says.
func (p *publisher) judge(r *http.Request, now time.Time) (said, *house) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	p.asked = append(p.asked, r.URL.String())
	host := r.URL.Hostname()
	if host == "" {
		host = r.Host
	}
	h := p.houses[host]
	if h == nil {
		h = &house{refused: make(map[string]time.Time)}
		p.houses[host] = h
	}
	if h.busy++; h.busy > 1 {
		p.sin(r, "%d requests at once", h.busy)
	}
	if until := p.awaited[r.URL.String()]; now.Before(until) {
		p.sin(r, "follows a redirect %v too early", until.Sub(now))
	}
	c := p.columns[r.Host+r.URL.Path]
	p.judgeManners(r, c)
	if now.Before(h.closed) {
		p.sin(r, "%v before the host wants to hear of anyone again", h.closed.Sub(now))
	}
	if c == nil {
		return said{status: http.StatusNotFound}, h
	}
	p.judgeTime(r, c, now)
	answer := c.answer(r, now)
	p.judgeValidators(r, c, answer)
	c.remember(r, h, answer, now)
	return answer, h
}

func (p *publisher) judgeManners(r *http.Request, c *column) {
	allowed := map[string]bool{
		"User-Agent": true, "Accept": true, "Accept-Encoding": true, "If-None-Match": true, "If-Modified-Since": true,
	}
	for name, values := range r.Header {
		if c != nil && c.fields[name] == values[0] {
			continue
		}
		if !allowed[name] || len(values) != 1 {
			p.sin(r, "sends %s: %q", name, values)
		}
	}
	if c != nil {
		for name, value := range c.fields {
			if r.Header.Get(name) != value {
				p.sin(r, "sends %s: %q, not what its owner gave along", name, r.Header[name])
			}
		}
	}
	switch {
	case r.Method != http.MethodGet:
		p.sin(r, "is a %s", r.Method)
	case r.URL.RawQuery != "":
		p.sin(r, "has a query that nobody asked for")
	case !agent.MatchString(r.UserAgent()):
		p.sin(r, "says that it is %q", r.UserAgent())
	}
}

func conditional(r *http.Request) bool {
	return r.Header["If-None-Match"] != nil || r.Header["If-Modified-Since"] != nil
}

func (p *publisher) judgeTime(r *http.Request, c *column, now time.Time) {
	if now.Before(c.refused) {
		p.sin(r, "%v before the end of Retry-After", c.refused.Sub(now))
	}
	if p.named {
		return
	}
	utc := now.UTC()
	switch {
	case now.Before(c.wish):
		p.sin(r, "%v before it is wanted", c.wish.Sub(now))
	case !c.asked.IsZero() && now.Sub(c.asked) < time.Hour:
		p.sin(r, "%v after the last request", now.Sub(c.asked))
	case !conditional(r) && !c.askedWhole.IsZero() && now.Sub(c.askedWhole) < 24*time.Hour:
		p.sin(r, "unconditional, %v after the last such request", now.Sub(c.askedWhole))
	case c.skip.Hours>>utc.Hour()&1 == 1 || c.skip.Days>>utc.Weekday()&1 == 1:
		p.sin(r, "in an hour that is to be skipped")
	}
}

func (p *publisher) judgeValidators(r *http.Request, c *column, answer said) {
	if answer.status/100 == 3 && answer.status != http.StatusNotModified {
		return // those of the document behind it may come along
	}
	if got := r.Header.Get("If-None-Match"); got != c.etag {
		p.sin(r, "If-None-Match is %q, and the ETag was %q", got, c.etag)
	}
	if got := r.Header.Get("If-Modified-Since"); got != c.modified {
		p.sin(r, "If-Modified-Since is %q, and Last-Modified was %q", got, c.modified)
	}
}

// remember notes what an answer asks for.
func (c *column) remember(r *http.Request, h *house, answer said, now time.Time) {
	c.asked = now
	c.times = append(c.times, now)
	if !conditional(r) {
		c.askedWhole = now
	}
	until := now.Add(answer.wish)
	switch answer.status {
	case http.StatusOK:
		c.etag, c.modified = answer.header["Etag"], answer.header["Last-Modified"]
		c.wish = until
	case http.StatusNotModified:
		if !answer.stands || until.After(c.wish) {
			c.wish = until
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if answer.wish == 0 {
			return
		}
		c.refused = until
		for other, refused := range h.refused {
			if other != r.URL.Path && now.Before(refused) {
				h.closed = later(h.closed, later(refused, until))
			}
		}
		h.refused[r.URL.Path] = until
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		c.refused = later(c.refused, until)
		if to := answer.header["Location"]; c.p.awaited[to].IsZero() {
			c.p.awaited[to] = until
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// epoch is when the feeds of the tests began.
var epoch = time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)

// news is a feed that brings an article every so often, with the given elements in its head.
func news(every time.Duration, head string) func(now time.Time) (body, version string) {
	return func(now time.Time) (string, string) {
		n := int(now.Sub(epoch) / every)
		var b strings.Builder
		fmt.Fprintf(&b, `<rss version="2.0" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"><channel><title>News</title><link>https://example.org/</link><description>d</description>%s`, head)
		for i := n; i > max(0, n-5); i-- {
			fmt.Fprintf(&b, `<item><guid isPermaLink="false">urn:x:%d</guid><title>Number %d</title><pubDate>%s</pubDate></item>`,
				i, i, epoch.Add(time.Duration(i)*every).Format(time.RFC1123Z))
		}
		b.WriteString(`</channel></rss>`)
		return b.String(), strconv.Itoa(n)
	}
}

// ways in which a document is served.
type serving struct {
	every        time.Duration
	head         string
	plain, dated bool // without validators; by Last-Modified alone
	hints        func(now time.Time) (map[string]string, time.Duration)
	hinted304    bool // the hints stand on 304 too
	wish         time.Duration
	etag         string // a format for the version
	before       func(now time.Time) (said, bool)
}

// serve answers with a document, or 304 to its validators.
func (s serving) serve(r *http.Request, now time.Time) said {
	if s.before != nil {
		if answer, ok := s.before(now); ok {
			return answer
		}
	}
	if s.every == 0 {
		s.every = 24 * time.Hour
	}
	body, version := news(s.every, s.head)(now)
	answer := said{status: http.StatusOK, header: map[string]string{"Content-Type": "application/rss+xml"}, body: body, wish: s.wish}
	n, _ := strconv.Atoi(version)
	date := epoch.Add(time.Duration(n) * s.every).Format(http.TimeFormat)
	switch {
	case s.plain:
	case s.dated:
		answer.header["Last-Modified"] = date
	case s.etag != "":
		answer.header["Etag"] = fmt.Sprintf(s.etag, version)
	default:
		answer.header["Etag"], answer.header["Last-Modified"] = `"`+version+`"`, date
	}
	for name, field := range map[string]string{"If-None-Match": "Etag", "If-Modified-Since": "Last-Modified"} {
		if v := r.Header.Get(name); v != "" && v == answer.header[field] {
			answer.status, answer.body = http.StatusNotModified, ""
		}
	}
	if s.hints != nil && (answer.status == http.StatusOK || s.hinted304) {
		fields, wish := s.hints(now)
		for k, v := range fields {
			answer.header[k] = v
		}
		answer.wish = max(answer.wish, wish)
	} else if answer.status == http.StatusNotModified {
		answer.stands = true
	}
	return answer
}

// hint is a field that stays the same.
func hint(name, value string, wish time.Duration) func(time.Time) (map[string]string, time.Duration) {
	return func(time.Time) (map[string]string, time.Duration) { return map[string]string{name: value}, wish }
}

// expires is a date, that much ahead.
func expires(d time.Duration) func(time.Time) (map[string]string, time.Duration) {
	return func(now time.Time) (map[string]string, time.Duration) {
		return map[string]string{"Expires": now.Add(d).UTC().Format(http.TimeFormat)}, d - time.Second
	}
}

// refusing answers with a status and Retry-After, in seconds or as a date.
func refusing(status int, d time.Duration, date bool) func(*http.Request, time.Time) said {
	return func(_ *http.Request, now time.Time) said { return refusal(status, d, date, now) }
}

func refusal(status int, d time.Duration, date bool, now time.Time) said {
	answer := said{status: status, header: map[string]string{}, wish: d}
	switch {
	case d == 0:
	case date:
		answer.header["Retry-After"] = now.Add(d).UTC().Format(http.TimeFormat)
		answer.wish = d - time.Second
	default:
		answer.header["Retry-After"] = strconv.Itoa(int(d / time.Second))
	}
	return answer
}

// redirecting answers with a redirect.
func redirecting(status int, to string, retry time.Duration) func(*http.Request, time.Time) said {
	return func(_ *http.Request, now time.Time) said {
		answer := refusal(status, retry, false, now)
		answer.header["Location"] = to
		return answer
	}
}
