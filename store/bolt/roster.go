package bolt

import (
	"context"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// Roster implements [store.Reader].
func (d *DB) Roster(ctx context.Context, after feed.SourceID, limit int) ([]store.Listed, error) {
	sources, err := d.Sources(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	listed := make([]store.Listed, len(sources))
	for i, s := range sources {
		f, err := d.Feed(ctx, store.Ref{Kind: store.Source, Name: s.Name})
		if err != nil {
			return nil, err
		}
		listed[i] = store.Listed{Source: s, Articles: f.Articles}
	}
	return listed, nil
}

// Wanting implements [store.Reader].
func (d *DB) Wanting(ctx context.Context, after feed.SourceID, limit int) (ids []feed.SourceID, err error) {
	err = d.sourcesThat(ctx, after, func(s *feed.Source) bool {
		if s.Fetch.History.Wanted {
			ids = append(ids, s.ID)
		}
		return len(ids) < limit
	})
	return ids, err
}

// Pushing implements [store.Reader].
func (d *DB) Pushing(ctx context.Context, after feed.SourceID, limit int) (sources []feed.Source, err error) {
	err = d.sourcesThat(ctx, after, func(s *feed.Source) bool {
		if s.Subscribed && s.Fetch.Push.Hub != "" {
			sources = append(sources, *s)
		}
		return len(sources) < limit
	})
	return sources, err
}

// sourcesThat calls f for every source after one until it returns false.
func (d *DB) sourcesThat(ctx context.Context, after feed.SourceID, f func(*feed.Source) bool) error {
	for {
		page, err := d.Sources(ctx, after, 500)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			if !f(&page[i]) {
				return nil
			}
		}
		after = page[len(page)-1].ID
	}
}
