package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/backissue/backissue/feed"
)

// ArchiveLen is how many log positions make one archive document (RFC 5005 §4): document k of a
// feed is sealed when so many positions follow document k-1, or earlier: where otherwise something that
// the live document does not show would be in neither, and where an article would be in it twice.
const ArchiveLen = 100

// Subscription returns what a feed's subscription document holds: its newest articles by date, at
// least limit of them where there are so many, and everything in the log's open tail, so that
// nothing is in neither the live document nor a sealed one. Each article stands once, newest first,
// in its newest revision that is not held back, and none that has left the feed; of articles that
// several sources brought under one identity ([feed.Article.AtomID]) or that are twins, one stands
// for all; those with an identity of their own ([feed.Article.Homonym]) stand for themselves.
// The withdrawals in the open tail stand among them ([feed.Article.Withdrawn]).
// A feed that its definition limits holds at most that many, whatever the given limit; engines see to
// it that its open tail is among them.
func Subscription(ctx context.Context, r Reader, f Feed, limit int) ([]feed.Article, error) {
	limited := f.Search != nil && f.Search.Limit > 0
	if limited {
		limit = f.Search.Limit
	}
	page, err := r.Articles(ctx, Query{Ref: f.Ref, Limit: limit, Live: true})
	if err != nil {
		return nil, err
	}
	articles := page.Articles
	// Those that are not among the newest are looked for where there are some, and withdrawals likewise.
	if open := f.Length - f.Open; open > 0 && !limited && (!page.Next.IsZero() || f.Withdrawn > f.Open) {
		tail, err := r.Log(ctx, f.Ref, f.Open, int(open))
		if err != nil {
			return nil, err
		}
		if tail, err = current(ctx, r, tail); err != nil {
			return nil, err
		}
		articles = append(articles, tail...)
	}
	slices.SortFunc(articles, func(a, b feed.Article) int {
		return cmp.Or(b.When().Compare(a.When()), cmp.Compare(b.Seq, a.Seq))
	})
	return once(articles), nil
}

// current leaves out the revisions that are not the live ones of their articles: that one is in the
// tail too, or the article has left the feed.
func current(ctx context.Context, r Reader, tail []feed.Article) ([]feed.Article, error) {
	kept := tail[:0]
	for _, a := range tail {
		s, err := r.Standing(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		if s.Live == a.Seq {
			kept = append(kept, a)
		}
	}
	return kept, nil
}

// once keeps the newest revision of each article, one article of each identity, and of twins the
// elder. Withdrawals stand for themselves.
func once(articles []feed.Article) []feed.Article {
	there := make(map[feed.ID]bool, len(articles))
	for i := range articles {
		there[articles[i].ID] = !articles[i].Withdrawn
	}
	articles = slices.DeleteFunc(articles, func(a feed.Article) bool { return there[a.Twin] && !a.Withdrawn })
	newest := make(map[string]uint64, len(articles))
	identities := make(map[uint64]string, len(articles))
	for i := range articles {
		id, _ := articles[i].AtomID()
		if articles[i].Homonym || articles[i].Withdrawn {
			id = "article " + articles[i].ID.String() // which is no atom:id
		}
		identities[articles[i].Seq] = id
		newest[id] = max(newest[id], articles[i].Seq)
	}
	articles = slices.DeleteFunc(articles, func(a feed.Article) bool { return newest[identities[a.Seq]] != a.Seq })
	return slices.CompactFunc(articles, func(a, b feed.Article) bool { return a.Seq == b.Seq })
}
