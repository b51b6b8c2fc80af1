package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// feedPage is the page of a feed: what its live document holds, or one of its archive documents.
type feedPage struct {
	layout
	Section  link // the list that the feed is in; empty for the feed of everything
	Name     string
	Part     uint64 // the number of the archive document; 0 for the live one
	Articles uint64
	Changed  time.Time
	Home     link   // the site that a source belongs to
	About    string // what a source says of itself
	Formats  []feedLink
	Days     []day
	Newest   string // address of the live document's page, on all others
	Newer    string // address of the page after; empty on the first
	Older    string // address of the page before; empty on the last
}

// feedPage handles the page of a feed.
func (s *site) feedPage(w http.ResponseWriter, r *http.Request, ref store.Ref) error {
	return s.page(w, r, true, func(ctx context.Context) (made, error) {
		if _, err := s.record(ctx, ref, ""); err != nil {
			return made{}, err
		}
		f, articles, err := s.subscription(ctx, ref)
		if err != nil {
			return made{}, err
		}
		var source *feed.Source
		if f.Kind == store.Source {
			known, err := s.archive.Source(ctx, f.Source)
			if err != nil {
				return made{}, err
			}
			source = &known
		}
		sources, err := s.sources(ctx, articles)
		if err != nil {
			return made{}, err
		}
		p := s.buildFeedPage(f, source, sources, articles)
		p.layout = s.feedLayout(p.Name, path(f.Ref), f)
		p.inSection(f.Kind)
		p.Articles, p.Changed = f.Articles, f.Changed.UTC()
		if f.Sealed > 0 {
			p.Older = s.prefix + escaped(archivePath(f.Ref, f.Sealed-1))
		}
		return made{template: s.pages.feed, data: p, modified: changed(f)}, nil
	})
}

// issuePage handles the page of an archive document. It is laid out as this version of the program
// does it, so unlike the document itself it is not for ever; but nothing that comes into the archive
// changes it.
func (s *site) issuePage(w http.ResponseWriter, r *http.Request, ref store.Ref, k uint64) error {
	return s.page(w, r, true, func(ctx context.Context) (made, error) {
		i, err := s.issue(ctx, ref, k, "")
		if err != nil {
			return made{}, err
		}
		articles, err := s.issueArticles(ctx, &i)
		if err != nil {
			return made{}, err
		}
		sources, err := s.sources(ctx, articles)
		if err != nil {
			return made{}, err
		}
		for a := range articles {
			// A page that changed whenever a source is called otherwise would be many files to write.
			l := sources[articles[a].Source]
			l.Name = cmp.Or(articles[a].Origin.Title, host(articles[a].Origin.URL), l.Name)
			sources[articles[a].Source] = l
		}
		p := s.buildFeedPage(i.feed(), i.About, sources, articles)
		p.layout = s.feedLayout(p.Name+", archive "+count(k+1), i.path(), i.feed())
		p.inSection(ref.Kind)
		p.Part = k + 1
		p.Formats = s.formatLinks(i.path(), p.Name)
		p.Newest = s.prefix + escaped(path(ref))
		p.Newer = s.prefix + escaped(archivePath(ref, k+1))
		if k > 0 {
			p.Older = s.prefix + escaped(archivePath(ref, k-1))
		}
		return made{template: s.pages.feed, data: p, modified: i.until}, nil
	})
}

// buildFeedPage builds what the pages of a feed have in common. The source is that of a feed of one;
// sources are those of the articles.
func (s *site) buildFeedPage(f store.Feed, source *feed.Source, sources map[feed.SourceID]link, articles []feed.Article) feedPage {
	articles = slices.DeleteFunc(articles, withdrawn)
	p := feedPage{Name: f.Title, Formats: s.feedLinks(f), Days: s.days(articles, sources)}
	if f.Kind == store.All {
		p.Name = "All articles"
	}
	for _, sec := range sections() {
		if sec.Kind == f.Kind {
			p.Section = link{sec.Title, s.prefix + "/" + sec.Path}
		}
	}
	if source != nil {
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
