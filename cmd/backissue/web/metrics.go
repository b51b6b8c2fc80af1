package web

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// Visit is a visit to a source, as [Counts] is told of it.
type Visit struct {
	At      time.Time
	Name    string // of the source, in URLs
	Title   string
	Outcome string // unchanged, changed, failed or skipped
	Problem string // why it failed, in plain words
	Status  int    // HTTP status of the answer; 0 for none

	Added, Revised, Held int
	Gap                  bool
	Spent                feed.Tally // what it has cost
}

// newestVisits is how many visits the status page shows.
const newestVisits = 20

// Counts counts what this process has done since it began, for metrics and the status page. The zero
// value is ready. It may be used by many goroutines.
type Counts struct {
	mu       sync.Mutex
	outcomes [len(outcomes)]uint64
	answers  [len(answers)]uint64
	spent    feed.Tally
	added    uint64
	revised  uint64
	held     uint64
	gaps     uint64
	newest   []Visit // the last one at the end
}

// outcomes and answers are the values of labels: there are no others, whatever happens.
var (
	outcomes = [...]string{"unchanged", "changed", "failed", "skipped"}
	answers  = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}
)

// Visited counts a visit.
func (c *Counts) Visited(v Visit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(outcomes[:], v.Outcome); i >= 0 {
		c.outcomes[i]++
	}
	class := v.Status / 100
	if class < 0 || class >= len(answers) {
		class = 0
	}
	c.answers[class]++
	c.spent.Requests += v.Spent.Requests
	c.spent.NotModified += v.Spent.NotModified
	c.spent.Bytes += v.Spent.Bytes
	c.spent.Refused += v.Spent.Refused
	c.spent.Early += v.Spent.Early
	c.added += uint64(v.Added)
	c.revised += uint64(v.Revised)
	c.held += uint64(v.Held)
	if v.Gap {
		c.gaps++
	}
	if len(c.newest) == newestVisits {
		c.newest = slices.Delete(c.newest, 0, 1)
	}
	c.newest = append(c.newest, v)
}

// Newest returns the last visits, the newest first.
func (c *Counts) Newest() []Visit {
	c.mu.Lock()
	defer c.mu.Unlock()
	newest := slices.Clone(c.newest)
	slices.Reverse(newest)
	return newest
}

// troubleNames are the values of the label by which sources with trouble are counted.
var troubleNames = [store.Troubles]string{
	store.Failing: "failing", store.Ended: "gone", store.Unpushed: "not_pushed", store.Holding: "held",
	store.Gapped: "gap", store.Stuck: "history", store.Mended: "mended",
}

// metricsType is the text format of Prometheus.
const metricsType = "text/plain; version=0.0.4; charset=utf-8"

// metrics handles /metrics.
func (s *site) metrics(w http.ResponseWriter, r *http.Request) error {
	var b bytes.Buffer
	if err := s.writeMetrics(r.Context(), &b); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", metricsType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	if r.Method != http.MethodHead {
		w.Write(b.Bytes())
	}
	return nil
}

// resident returns how many bytes of the process are held in RAM; false where the system does not say.
func resident() (uint64, bool) {
	text, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	return pages * uint64(os.Getpagesize()), err == nil
}

func (s *site) writeMetrics(ctx context.Context, w io.Writer) error {
	stats, err := s.archive.Stats(ctx)
	if err != nil {
		return err
	}
	now := s.status.now()
	due, since, err := s.archive.Overdue(ctx, now)
	if err != nil {
		return err
	}
	m := exposition{w}
	m.family("backissue_build_info", "gauge", "The version that is running; always 1.")
	m.sample("backissue_build_info", 1, "version", s.version)
	m.gauge("backissue_sources", "Sources in the archive.", float64(stats.Sources))
	m.gauge("backissue_sources_subscribed", "Sources that are polled.", float64(stats.Subscribed))
	m.family("backissue_sources_troubled", "gauge", "Sources with each kind of trouble.")
	for kind, n := range stats.Troubled {
		m.sample("backissue_sources_troubled", float64(n), "kind", troubleNames[kind])
	}
	m.gauge("backissue_sources_due", "Sources whose time has come.", float64(due))
	late := 0.0
	if !since.IsZero() {
		late = max(0, now.Sub(since).Seconds())
	}
	m.gauge("backissue_due_lateness_seconds", "For how long the source that has waited longest has been due.", late)
	m.gauge("backissue_articles", "Articles in the archive.", float64(stats.Articles))
	m.gauge("backissue_articles_held", "Articles and revisions that are held back from the live feeds.", float64(stats.Held))
	m.counter("backissue_revisions_total", "Revisions ever accepted into the archive.", stats.Sequence)
	m.counter("backissue_changes_total", "Changes of articles after they came in.", stats.Changes)
	m.counter("backissue_incidents_total", "Incidents that the status feed has told of.", stats.Incidents)
	if s.status.Size != nil {
		if size, err := s.status.Size(); err == nil {
			m.gauge("backissue_archive_bytes", "Size of the archive's file.", float64(size))
		}
	}
	if s.status.Subscribers != nil {
		n, err := s.status.Subscribers(ctx)
		if err != nil {
			return err
		}
		m.gauge("backissue_hub_subscriptions", "Subscriptions with the archive's own WebSub hub.", float64(n))
	}
	if s.status.Counts != nil {
		s.status.Counts.write(m)
	}
	m.gauge("go_goroutines", "Goroutines of the process.", float64(runtime.NumGoroutine()))
	if n, ok := resident(); ok {
		m.gauge("process_resident_memory_bytes", "Memory of the process that is held in RAM.", float64(n))
	}
	return nil
}

// write writes what has been done since the process began.
func (c *Counts) write(m exposition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m.family("backissue_visits_total", "counter", "Visits to sources, by how they ended.")
	for i, n := range c.outcomes {
		m.sample("backissue_visits_total", float64(n), "outcome", outcomes[i])
	}
	m.family("backissue_answers_total", "counter", "Visits to sources, by the class of the HTTP status that was answered.")
	for i, n := range c.answers {
		m.sample("backissue_answers_total", float64(n), "class", answers[i])
	}
	m.counter("backissue_requests_total", "HTTP requests to sources, redirects included.", c.spent.Requests)
	m.counter("backissue_not_modified_total", "Answers of 304.", c.spent.NotModified)
	m.counter("backissue_refused_total", "Answers of 429 and 503.", c.spent.Refused)
	m.counter("backissue_early_requests_total", "Requests sooner than the publisher had asked for, but for the owner's own word; always 0.", c.spent.Early)
	m.counter("backissue_received_bytes_total", "Bytes of bodies, as they came over the wire.", c.spent.Bytes)
	m.counter("backissue_articles_added_total", "New articles.", c.added)
	m.counter("backissue_articles_revised_total", "New revisions of known articles.", c.revised)
	m.counter("backissue_articles_held_total", "New articles and revisions that were held back.", c.held)
	m.counter("backissue_gaps_total", "Visits with nothing in common with the visit before.", c.gaps)
}

// exposition writes metrics in the text format of Prometheus, version 0.0.4.
type exposition struct{ w io.Writer }

var (
	escapeHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	escapeLabel = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func (m exposition) family(name, kind, help string) {
	io.WriteString(m.w, "# HELP "+name+" "+escapeHelp.Replace(help)+"\n# TYPE "+name+" "+kind+"\n")
}

// sample writes a value with labels, each its name and its value in turn.
func (m exposition) sample(name string, value float64, labels ...string) {
	line := name
	for i := 0; i+1 < len(labels); i += 2 {
		sep := ","
		if i == 0 {
			sep = "{"
		}
		line += sep + labels[i] + `="` + escapeLabel.Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD")) + `"`
	}
	if len(labels) > 1 {
		line += "}"
	}
	io.WriteString(m.w, line+" "+strconv.FormatFloat(value, 'f', -1, 64)+"\n")
}

func (m exposition) gauge(name, help string, value float64) {
	m.family(name, "gauge", help)
	m.sample(name, value)
}

func (m exposition) counter(name, help string, value uint64) {
	m.family(name, "counter", help)
	m.sample(name, float64(value))
}
