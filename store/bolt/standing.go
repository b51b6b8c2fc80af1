package bolt

import (
	"context"
	"errors"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// Document implements [store.Reader].
func (d *DB) Document(context.Context, store.Ref, uint64) (from, to uint64, err error) {
	return 0, 0, errors.ErrUnsupported
}

// Standing implements [store.Reader].
func (d *DB) Standing(_ context.Context, id feed.ID) (store.Standing, error) {
	return store.Standing{Live: uint64(id)}, nil
}

// Changes implements [store.Reader].
func (d *DB) Changes(_ context.Context, before uint64, limit int) ([]store.Change, error) {
	return nil, nil
}

// Release implements [store.Store].
func (d *DB) Release(context.Context, feed.SourceID) (int, error) { return 0, errors.ErrUnsupported }
