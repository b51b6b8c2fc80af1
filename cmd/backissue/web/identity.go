package web

import (
	"context"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// feedID returns the permanent identifier of a feed (RFC 4287 §4.2.6), the same in every format. It
// belongs to the archive and not to its address: moving to another host does not make new feeds.
func (s *site) feedID(ctx context.Context, ref store.Ref) (string, error) {
	archive, err := s.identity(ctx)
	return archive.In(string(ref.Kind) + ref.Name).String(), err
}

// identity tells this archive from all others. It never changes, so it is asked for once.
func (s *site) identity(ctx context.Context) (feed.UUID, error) {
	if id := s.id.Load(); id != nil {
		return *id, nil
	}
	id, err := s.archive.Identity(ctx)
	if err == nil {
		s.id.Store(&id)
	}
	return id, err
}
