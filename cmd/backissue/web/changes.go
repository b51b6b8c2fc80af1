package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/render"
	"github.com/backissue/backissue/store"
)

const (
	changesPath  = "/changes"
	changesLen   = 100 // how many changes the feed and its page hold
	changesLines = 30  // how many lines of each field an entry of the feed shows
)

// happened is a change with what it takes to show it.
type happened struct {
	store.Change
	article  *feed.Article // in the revision that came of it
	previous *feed.Article // the revision before; nil unless it was revised
}

// word says what happened.
func (h *happened) word() string {
	switch h.Kind {
	case store.Gone:
		return "Withdrawn"
	case store.Returned:
		return "Returned"
	case store.Released:
		return "Released"
	}
	return "Revised"
}

// path returns the path of the page that shows the change best.
func (h *happened) path() string {
	if h.previous == nil {
		return articlePath(h.Article)
	}
	return revisionDiffPath(h.Article, h.article.Revision)
}

// happened returns the newest changes before the one with this number, newest first; 0 is for all. Of
// them it returns to be shown all but those of articles that are withdrawn, and that one was and is back.
func (s *site) happened(ctx context.Context, before uint64) (all []happened, list []store.Change, err error) {
	list, err = s.archive.Changes(ctx, before, changesLen)
	if err != nil {
		return nil, nil, err
	}
	revisions := make(map[feed.ID][]feed.Article)
	for _, c := range list {
		if c.Kind == store.Withdrawn || c.Kind == store.Restored {
			continue
		}
		known, ok := revisions[c.Article]
		if !ok {
			if known, err = s.archive.Revisions(ctx, c.Article); err != nil && !errors.Is(err, store.ErrNotFound) {
				return nil, nil, err
			}
			revisions[c.Article] = known
		}
		if len(known) > 0 && known[len(known)-1].Withdrawn {
			continue
		}
		h := happened{Change: c}
		for i := range known {
			if known[i].Seq != c.Seq {
				continue
			}
			h.article = &known[i]
			if i > 0 && c.Kind == store.Revised {
				h.previous = &known[i-1]
			}
		}
		if h.article != nil { // unless the archive is damaged
			all = append(all, h)
		}
	}
	return all, list, nil
}

// changesDocument handles the feed of changes in a format. What happened is never taken back, so the
// newest change says all that the validators need.
func (s *site) changesDocument(format *format) func(http.ResponseWriter, *http.Request) error {
	p := published{
		path:  changesPath + format.Ext,
		class: format.class,
		validity: func(ctx context.Context) (validity, error) {
			newest, err := s.archive.Changes(ctx, 0, 1)
			return validity{s.changesTag(newest, format), lastChange(newest)}, err
		},
		render: func(ctx context.Context, w io.Writer) (validity, error) { return s.renderChanges(ctx, w, format) },
	}
	return func(w http.ResponseWriter, r *http.Request) error { return s.answer(w, r, p) }
}

// changesTag is the opaque part of the entity tags of the feed of changes.
func (s *site) changesTag(newest []store.Change, format *format) string {
	var n uint64
	if len(newest) > 0 {
		n = newest[0].N
	}
	return fingerprint(s.salt, format.Name, changesPath, strconv.FormatUint(n, 10), lastChange(newest).UTC().Format(time.RFC3339Nano))
}

// lastChange returns when the newest of the changes happened.
func lastChange(newest []store.Change) time.Time {
	if len(newest) == 0 {
		return beginning
	}
	return newest[0].At
}

func (s *site) renderChanges(ctx context.Context, w io.Writer, format *format) (validity, error) {
	archive, err := s.identity(ctx)
	if err != nil {
		return validity{}, err
	}
	all, newest, err := s.happened(ctx, 0)
	if err != nil {
		return validity{}, err
	}
	articles := make([]feed.Article, len(all))
	for i := range all {
		if articles[i], err = s.changeEntry(archive, &all[i]); err != nil {
			return validity{}, err
		}
	}
	d := &render.Document{
		ID:       archive.In("changes").String(),
		Title:    s.changesTitle(),
		Subtitle: "What was revised, withdrawn or put back after it had come into " + s.title,
		Home:     s.base + changesPath,
		Self:     s.base + changesPath + format.Ext,
		Icon:     s.base + s.static.icon,
		Updated:  lastChange(newest),
		Articles: articles,
		Links:    s.alternates(changesPath, format),
	}
	return validity{s.changesTag(newest, format), lastChange(newest)}, format.Write(w, d)
}

// changeEntry returns a change as an article of the feed of changes: an account of it, not the
// article itself, so it has no origin elsewhere.
func (s *site) changeEntry(archive feed.UUID, h *happened) (feed.Article, error) {
	content := "<p>Its publisher has taken the article out of the feed. It is kept here.</p>"
	switch {
	case h.Kind == store.Returned:
		content = "<p>Its publisher has put the article back into the feed.</p>"
	case h.Kind == store.Released:
		content = "<p>The article was held back, and has been let into the live feeds.</p>"
	case h.previous != nil:
		var b bytes.Buffer
		if err := s.pages.diff.ExecuteTemplate(&b, "difference", differences(h.previous, h.article, 1, changesLines)); err != nil {
			return feed.Article{}, fmt.Errorf("write change %d: %w", h.N, err)
		}
		content = b.String()
	}
	key := archive.In("change " + strconv.FormatUint(h.N, 10)).String()
	e := feed.Article{
		ID: feed.ID(h.N), Seq: h.N, Key: key, GUID: key, Link: s.base + h.path(),
		Title: h.word() + ": " + headline(h.article), Authors: h.article.Authors, Content: content, Tags: h.article.Tags,
		Language:  h.article.Language,
		Published: h.At, Updated: h.At, Modified: h.At, Arrived: h.At, Seen: h.At,
	}
	if len(e.Authors) == 0 && h.article.Origin.Title != "" {
		e.Authors = []feed.Person{{Name: h.article.Origin.Title}}
	}
	if original := webAddress(h.article.Link); original != "" {
		e.Links = []feed.Link{{Rel: "related", Href: original}}
	}
	return e, nil
}

// headline returns the title of an article with its kicker in front.
func headline(a *feed.Article) string {
	return (&feed.Article{Kicker: a.Kicker, Title: title(a)}).Headline()
}

func (s *site) changesTitle() string { return "Changes — " + s.title }

// changesLinks returns the feed of changes in its formats.
func (s *site) changesLinks() []feedLink { return s.formatLinks(changesPath, s.changesTitle()) }

// changesPage lists the newest changes, or a hundred of those before.
type changesPage struct {
	layout
	Formats []feedLink
	Days    []day
	Newer   string // address of the page after; empty on the first
	Older   string // address of the page before; empty on the last
}

// changes handles the page of the newest changes.
func (s *site) changes(w http.ResponseWriter, r *http.Request) error {
	return s.page(w, r, true, func(ctx context.Context) (made, error) {
		all, list, err := s.happened(ctx, 0)
		if err != nil {
			return made{}, err
		}
		p, err := s.buildChangesPage(ctx, "Changes", changesPath, all)
		if len(list) > 0 && list[0].N >= changesLen {
			p.Older = s.prefix + changesPagePath(list[0].N/changesLen)
		}
		return made{template: s.pages.changes, data: p}, err
	})
}

// olderChanges handles a page of changes by its number, of which the first has the oldest. A page
// that is not full yet is the first page of all.
func (s *site) olderChanges(w http.ResponseWriter, r *http.Request) error {
	n, ok := parseCount(r.PathValue("page"))
	if !ok {
		return errNoPage
	}
	return s.page(w, r, true, func(ctx context.Context) (made, error) {
		newest, err := s.archive.Changes(ctx, 0, 1)
		if err != nil {
			return made{}, err
		}
		full := uint64(0)
		if len(newest) > 0 {
			full = newest[0].N / changesLen
		}
		switch {
		case n == full+1:
			return made{}, elsewhere(changesPath)
		case n > full:
			return made{}, errNoPage
		}
		all, _, err := s.happened(ctx, n*changesLen+1)
		if err != nil {
			return made{}, err
		}
		p, err := s.buildChangesPage(ctx, "Changes, page "+count(n), changesPagePath(n), all)
		p.Newer = s.prefix + changesPagePath(n+1)
		if n > 1 {
			p.Older = s.prefix + changesPagePath(n-1)
		}
		return made{template: s.pages.changes, data: p}, err
	})
}

func (s *site) buildChangesPage(ctx context.Context, title, path string, all []happened) (changesPage, error) {
	articles := make([]feed.Article, len(all))
	for i := range all {
		articles[i] = *all[i].article
	}
	sources, err := s.sources(ctx, articles)
	if err != nil {
		return changesPage{}, err
	}
	p := changesPage{layout: s.layout(title), Formats: s.changesLinks()}
	p.Feeds = append(s.changesLinks(), p.Feeds...)
	p.Canonical = s.base + path
	for i := range all {
		h := &all[i]
		at := h.At.UTC()
		e := entry{
			URL: s.prefix + h.path(), Kicker: h.word(), Title: headline(h.article), Lang: language(h.article.Language),
			When: at, Timed: true, Source: sources[h.article.Source],
		}
		date := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
		if len(p.Days) == 0 || !p.Days[len(p.Days)-1].Date.Equal(date) {
			p.Days = append(p.Days, day{Date: date})
		}
		last := &p.Days[len(p.Days)-1]
		last.Entries = append(last.Entries, e)
	}
	return p, nil
}
