package web

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// pageLen is how many articles a page of a feed holds.
const pageLen = 50

// feedPage is the page of a feed: its newest articles, or older ones.
type feedPage struct {
	layout
	Section  link // the list that the feed is in; empty for the feed of everything
	Name     string
	Articles uint64
	Changed  time.Time
	Home     link   // the site that a source belongs to
	About    string // what a source says of itself
	Formats  []feedLink
	Days     []day
	Newest   string // address of the first page, on all others
	Older    string // address of the next page; empty on the last
}

// feedPage handles the page of a feed.
func (s *site) feedPage(w http.ResponseWriter, r *http.Request, ref store.Ref) error {
	before, err := cursorOf(r.URL)
	if err != nil {
		return err
	}
	return s.page(w, r, before.IsZero(), func(ctx context.Context) (made, error) {
		f, err := s.record(ctx, ref, "")
		if err != nil {
			return made{}, err
		}
		page, err := s.archive.Articles(ctx, store.Query{Ref: ref, Before: before, Limit: pageLen})
		if err != nil {
			return made{}, err
		}
		sources, err := s.sources(ctx, page.Articles)
		if err != nil {
			return made{}, err
		}
		var source feed.Source
		if f.Kind == store.Source {
			if source, err = s.archive.Source(ctx, f.Source); err != nil {
				return made{}, err
			}
		}
		return made{s.pages.feed, s.buildFeedPage(f, source, before, page, sources), changed(f)}, nil
	})
}

// cursorOf reads the place from which a page goes on.
func cursorOf(u *url.URL) (store.Cursor, error) {
	text := u.Query().Get(cursorParam)
	if text == "" {
		return store.Cursor{}, nil
	}
	c, ok := parseCursor(text)
	if !ok {
		return c, badRequest("The place from which the page should go on cannot be read. Start from the newest articles instead.")
	}
	return c, nil
}

func (s *site) buildFeedPage(f store.Feed, source feed.Source, before store.Cursor, page store.Page, sources map[feed.SourceID]link) feedPage {
	p := feedPage{
		Name:     f.Title,
		Articles: f.Articles,
		Changed:  f.Changed.UTC(),
		Formats:  s.feedLinks(f),
		Days:     s.days(page.Articles, sources),
	}
	here := s.prefix + escaped(path(f.Ref))
	title := f.Title
	if f.Kind == store.All {
		title, p.Name = "All articles", "All articles"
	}
	if !before.IsZero() {
		title += ", older articles"
		p.Newest = here
	}
	p.layout = s.feedLayout(title, f)
	p.Canonical = s.base + escaped(path(f.Ref))
	if !before.IsZero() {
		p.Canonical += "?" + cursorParam + "=" + formatCursor(before)
	}
	if !page.Next.IsZero() {
		p.Older = here + "?" + cursorParam + "=" + formatCursor(page.Next)
	}
	for i, sec := range sections() {
		if sec.Kind == f.Kind {
			p.Nav[i].Here = true
			p.Section = link{sec.Title, p.Nav[i].URL}
		}
	}
	if f.Kind == store.Source {
		p.Home = link{host(source.Home), webAddress(source.Home)}
		p.About = plain(source.Description)
		for d := range p.Days {
			for e := range p.Days[d].Entries {
				p.Days[d].Entries[e].Source = link{} // it is the page's title
			}
		}
	}
	return p
}
