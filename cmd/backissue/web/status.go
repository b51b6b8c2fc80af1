package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/backissue/backissue/store"
)

// Status is what the owner of an archive may see of how it is doing: the page /status, the feeds
// /status.atom, .rss and .json, and /metrics. Nothing of it is published as files.
type Status struct {
	// Local shows it only to programs on this machine that ask for it by a name of this machine, so that
	// no web page that its owner looks at, and no proxy, can read it.
	Local bool
	// Counts is what this process has done; nil where it makes no visits.
	Counts *Counts
	// Subscribers counts the subscriptions with the archive's own hub; nil where there is none.
	Subscribers func(context.Context) (int, error)
	Size        func() (int64, error) // of the archive's file, in bytes; nil where it has none
	Now         func() time.Time      // the clock; time.Now if nil
}

func (s *Status) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

const (
	healthPath  = "/healthz"
	metricsPath = "/metrics"
	statusPath  = "/status"

	statusKeep = "private, no-cache"
	// hanging is after how long without a sign of life the scheduler is said to hang: it looks at the
	// clock every minute, and a visit takes a few at the very most.
	hanging = 10 * time.Minute
)

// statusRoutes adds what tells of the archive itself.
func (s *site) statusRoutes(handle func(string, func(http.ResponseWriter, *http.Request) error)) {
	handle(healthPath, s.health)
	if s.status == nil {
		return
	}
	owner := func(path string, h func(http.ResponseWriter, *http.Request) error) {
		handle(path, func(w http.ResponseWriter, r *http.Request) error {
			if s.status.Local && !s.isLocal(r) {
				return errNoPage
			}
			return h(w, r)
		})
	}
	owner(metricsPath, s.metrics)
	owner(statusPath, s.statusPage)
	for i := range s.formats {
		owner(statusPath+s.formats[i].Ext, s.statusDocument(&s.formats[i]))
	}
}

// isLocal reports whether a request was made on this machine and says so.
func (s *site) isLocal(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !from.Addr().Unmap().IsLoopback() {
		return false
	}
	for _, field := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(field) != "" {
			return false
		}
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if base, err := url.Parse(s.base); err == nil && host == base.Hostname() {
		return true
	}
	at, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && at.IsLoopback()
}

// health answers 200 while the archive can be read and written and, where sources are visited, the scheduler lives.
// It gives nothing else away, so it is there for everybody.
func (s *site) health(w http.ResponseWriter, r *http.Request) error {
	status, text := http.StatusOK, "ok"
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	if _, err := s.archive.Stats(ctx); err != nil {
		s.log.Error("health: archive cannot be read", "err", err)
		status, text = http.StatusServiceUnavailable, "the archive cannot be read"
	} else if why, _ := s.limited(); why != "" {
		status, text = http.StatusServiceUnavailable, "the archive is only read: nothing can be written to it"
	} else if s.alive != nil {
		if last := s.alive(); !last.IsZero() && s.clock().Sub(last) > hanging {
			status, text = http.StatusServiceUnavailable, "sources have not been looked at since "+last.UTC().Format(time.RFC3339)
		}
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		fmt.Fprintln(w, text)
	}
	return nil
}

func (s *site) clock() time.Time {
	if s.status != nil {
		return s.status.now()
	}
	return time.Now()
}

// statusView is what the owner sees.
type statusView struct {
	layout
	Limited  string // why the archive is only read
	Remedy   string // what to do about that
	Unread   string // why some of this page is not there
	Formats  []feedLink
	Facts    []string
	Sections []trouble
	Visits   []statusVisit
	Told     []statusIncident
}

// trouble is a section of the status page.
type trouble struct {
	Title string
	About string
	Count uint64
	Rows  []statusRow
	More  uint64 // how many of the kind are not shown
}

type statusRow struct {
	link
	Text string
}

type statusVisit struct {
	link
	At   time.Time
	Text string
}

type statusIncident struct {
	link
	At   time.Time
	Word string
}

// statusLen is how many sources with one kind of trouble the page shows.
const statusLen = 100

// troubleSection says what a kind of trouble is called and what it means.
type troubleSection struct {
	kind         store.Trouble
	title, about string
	text         func(*store.Troubled) string
}

func troubleSections() []troubleSection {
	return []troubleSection{
		{store.Ended, "Gone", "Their servers say that they are gone for good. They are still asked, once a month at least.", failingText},
		{store.Failing, "Failing", "They are asked less and less often, once a week at least, and never dropped.", failingText},
		{store.Holding, "Held back", "More came at once than can be news. It is kept, and shown once you let it in: backissue release SOURCE.", func(t *store.Troubled) string {
			return things(t.Held, "article or revision", "articles and revisions") + " wait for your word"
		}},
		{store.Unpushed, "Not pushed", "They name a WebSub hub with which there is no subscription. They are polled instead.", func(t *store.Troubled) string {
			return t.Fetch.Push.Problem
		}},
		{store.Stuck, "History incomplete", "Their older articles could not be brought home.", func(t *store.Troubled) string {
			return things(t.Fetch.History.Fetched, "document", "documents") + " fetched, then: " + t.Fetch.History.Problem
		}},
		{store.Gapped, "Gaps", "A visit had nothing in common with the one before, so something may have come and gone between the two.", gapText},
		{store.Mended, "Mended", "Their documents are not as they should be, and could be read all the same.", func(t *store.Troubled) string {
			return strings.Join(t.Fetch.Repairs, "; ")
		}},
	}
}

func things(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(uint64(max(n, 0))) + " " + many
}

func failingText(t *store.Troubled) string {
	text := t.Fetch.Problem
	if !t.Since.IsZero() {
		text += "; since " + minute(t.Since)
	}
	text += ", " + things(t.Fetch.Failures, "failed visit", "failed visits")
	if !t.Fetch.Due.IsZero() {
		text += "; asked again at " + minute(t.Fetch.Due)
	}
	return text
}

func gapText(t *store.Troubled) string {
	g := t.Fetch.Gap
	text := things(t.Fetch.Gaps, "gap", "gaps") + "; the last was noticed at " + minute(g.Noticed)
	if !g.Since.IsZero() && !g.Until.IsZero() {
		text += ", between articles of " + minute(g.Since) + " and " + minute(g.Until)
	}
	return text
}

func minute(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04") + " UTC" }

// statusPage handles the page.
func (s *site) statusPage(w http.ResponseWriter, r *http.Request) error {
	return s.page(w, r, false, func(ctx context.Context) (made, error) {
		p, err := s.buildStatus(ctx)
		return made{template: s.pages.status, data: p, class: s.statusClass}, err
	})
}

func (s *site) buildStatus(ctx context.Context) (statusView, error) {
	p := statusView{layout: s.layout("Status"), Formats: s.formatLinks(statusPath, s.statusTitle())}
	p.Feeds = append(p.Formats, p.Feeds...)
	p.Limited, p.Remedy = s.limited()
	err := s.fillStatus(ctx, &p)
	if errors.Is(err, store.ErrDamaged) {
		p.Unread, err = err.Error(), nil // this page is where to say so
	}
	return p, err
}

// fillStatus fills in what the archive knows, as far as it can be read.
func (s *site) fillStatus(ctx context.Context, p *statusView) error {
	stats, err := s.archive.Stats(ctx)
	if err != nil {
		return err
	}
	due, since, err := s.archive.Overdue(ctx, s.status.now())
	if err != nil {
		return err
	}
	p.Facts = []string{
		things(int(stats.Sources), "source", "sources") + ", of which " + count(stats.Subscribed) + " are polled",
		things(int(stats.Articles), "article", "articles") + " in " + things(int(stats.Sequence), "revision", "revisions"),
		count(due) + " due now",
	}
	if late := s.status.now().Sub(since); !since.IsZero() && late >= time.Minute {
		p.Facts[2] += ", the longest since " + minute(since)
	}
	for _, section := range troubleSections() {
		n := stats.Troubled[section.kind]
		if n == 0 {
			continue
		}
		list, err := s.archive.Troubled(ctx, 0, statusLen, section.kind)
		if err != nil {
			return err
		}
		t := trouble{Title: section.title, About: section.about, Count: n}
		for i := range list {
			src := &list[i]
			t.Rows = append(t.Rows, statusRow{s.statusLink(src.Name, src.DisplayTitle()), section.text(src)})
		}
		t.More = n - min(n, uint64(len(t.Rows)))
		p.Sections = append(p.Sections, t)
	}
	if s.status.Counts != nil {
		for _, v := range s.status.Counts.Newest() {
			p.Visits = append(p.Visits, statusVisit{s.statusLink(v.Name, v.Title), v.At.UTC(), visitText(&v)})
		}
	}
	told, err := s.archive.Incidents(ctx, 0, newestVisits)
	for i := range told {
		in := &told[i]
		p.Told = append(p.Told, statusIncident{s.statusLink(in.Name, in.Title), in.At.UTC(), incidentWord(in.Kind)})
	}
	return err
}

// statusLink leads to a source's page.
func (s *site) statusLink(name, title string) link {
	if name == "" {
		return link{Name: title}
	}
	return link{Name: title, URL: s.prefix + escaped(path(store.Ref{Kind: store.Source, Name: name}))}
}

func visitText(v *Visit) string {
	switch {
	case v.Problem != "":
		return v.Outcome + ": " + v.Problem
	case v.Added+v.Revised > 0:
		return fmt.Sprintf("%s: %d new, %d revised", v.Outcome, v.Added, v.Revised)
	}
	return v.Outcome
}
