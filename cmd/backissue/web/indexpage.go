package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

const (
	indexArticles = 20 // how many the first page shows
	indexNames    = 24 // how many tags, sources and authors of the newest articles it shows of each
)

// indexPage is the first page: what is new, and the ways to everything else.
type indexPage struct {
	layout
	Stats   store.Stats
	Formats []feedLink
	Days    []day
	Older   string // address of the page with more articles; empty where there are none
	Tags    []link
	Sources []link
	Authors []link
}

// index handles the first page. What it shows of tags, sources and authors is what the newest
// articles have, the most frequent first: that is current, and costs the same in every archive.
func (s *site) index(w http.ResponseWriter, r *http.Request) error {
	return s.page(w, r, true, func(ctx context.Context) (made, error) {
		all, err := s.archive.Feed(ctx, store.Ref{Kind: store.All})
		if err != nil {
			return made{}, err
		}
		stats, err := s.archive.Stats(ctx)
		if err != nil {
			return made{}, err
		}
		page, err := s.archive.Articles(ctx, store.Query{Ref: all.Ref, Limit: subscriptionLen})
		if err != nil {
			return made{}, err
		}
		sources, err := s.sources(ctx, page.Articles)
		if err != nil {
			return made{}, err
		}
		p := s.buildIndexPage(stats, page.Articles, sources)
		if p.Tags, err = s.links(ctx, store.Tag, frequentTags(page.Articles)); err != nil {
			return made{}, err
		}
		if p.Authors, err = s.links(ctx, store.Author, frequentAuthors(page.Articles)); err != nil {
			return made{}, err
		}
		return made{template: s.pages.index, data: p, modified: changed(all)}, nil
	})
}

func (s *site) buildIndexPage(stats store.Stats, articles []feed.Article, sources map[feed.SourceID]link) indexPage {
	p := indexPage{
		layout:  s.layout(""),
		Stats:   stats,
		Formats: s.feedLinks(store.Feed{Ref: store.Ref{Kind: store.All}}),
		Days:    s.days(articles[:min(indexArticles, len(articles))], sources),
	}
	p.Feeds = append(p.Feeds, s.changesLinks()...)
	p.Canonical = s.base + "/"
	if len(articles) > indexArticles {
		p.Older = s.prefix + "/feed"
	}
	for _, id := range frequent(articles, func(a *feed.Article) []feed.SourceID { return []feed.SourceID{a.Source} }) {
		if l := sources[id]; l.URL != "" {
			p.Sources = append(p.Sources, l)
		}
	}
	return p
}

// frequentTags returns the tags of articles, each once in the spelling met first.
func frequentTags(articles []feed.Article) []string {
	return frequentSpellings(articles, (*feed.Article).AllTags)
}

func frequentAuthors(articles []feed.Article) []string {
	return frequentSpellings(articles, func(a *feed.Article) []string {
		var names []string
		for _, p := range a.Authors {
			names = append(names, p.String())
		}
		return names
	})
}

func frequentSpellings(articles []feed.Article, of func(*feed.Article) []string) []string {
	spellings := make(map[string]string)
	keys := frequent(articles, func(a *feed.Article) []string {
		var keys []string
		for _, spelling := range of(a) {
			key := feed.TagKey(spelling)
			if key == "" {
				continue
			}
			if _, ok := spellings[key]; !ok {
				spellings[key] = spelling
			}
			keys = append(keys, key)
		}
		return keys
	})
	for i, key := range keys {
		keys[i] = spellings[key]
	}
	return keys
}

// frequent returns what most articles have, the most frequent first and of equals the one met
// first, up to indexNames.
func frequent[T comparable](articles []feed.Article, of func(*feed.Article) []T) []T {
	var met []T
	counts := make(map[T]int)
	for i := range articles {
		for _, t := range of(&articles[i]) {
			if counts[t]++; counts[t] == 1 {
				met = append(met, t)
			}
		}
	}
	slices.SortStableFunc(met, func(a, b T) int { return cmp.Compare(counts[b], counts[a]) })
	return met[:min(len(met), indexNames)]
}
