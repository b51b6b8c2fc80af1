package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// listPage is how many sources or feeds are read at a time where all are wanted.
const listPage = 500

// findSource finds a source by its URL, its name in URLs or its number.
func (a *archive) findSource(ctx context.Context, what string) (feed.Source, error) {
	if s, err := a.SourceByURL(ctx, what); err == nil {
		return s, nil
	}
	if f, err := a.Feed(ctx, store.Ref{Kind: store.Source, Name: what}); err == nil {
		return a.Source(ctx, f.Source)
	}
	if n, err := strconv.ParseUint(what, 10, 32); err == nil {
		return a.Source(ctx, feed.SourceID(n))
	}
	return feed.Source{}, hinted{fmt.Errorf("source %q: %w", what, store.ErrNotFound), "see what there is with: backissue list"}
}

// eachSource calls f for every source, in the order in which they came.
func (a *archive) eachSource(ctx context.Context, f func(feed.Source) error) error {
	for after := feed.SourceID(0); ; {
		page, err := a.Sources(ctx, after, listPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, s := range page {
			if err := f(s); err != nil {
				return err
			}
		}
		after = page[len(page)-1].ID
	}
}

// troubled fills a page with the sources that their owner may want to look at; see [pager].
func (a *archive) troubled(ctx context.Context, after feed.SourceID, page []store.Listed) (int, error) {
	sources, err := a.Troubled(ctx, after, len(page))
	for i, s := range sources {
		f, err := a.Feed(ctx, store.Ref{Kind: store.Source, Name: s.Name})
		if err != nil {
			return i, err
		}
		page[i] = store.Listed{Source: s.Source, Articles: f.Articles}
	}
	return len(sources), err
}

// eachFeed calls f for every feed of a kind, in the order of their names.
func (a *archive) eachFeed(ctx context.Context, kind store.Kind, f func(store.Feed) error) error {
	for after := ""; ; {
		page, err := a.Feeds(ctx, kind, after, listPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, feed := range page {
			if err := f(feed); err != nil {
				return err
			}
		}
		after = page[len(page)-1].Name
	}
}

// isURL reports whether what was typed is an address and not a file.
func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
