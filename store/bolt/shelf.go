package bolt

import (
	"context"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// Shelf implements [store.Reader].
func (d *DB) Shelf(context.Context, feed.SourceID) (store.Shelved, bool, error) {
	return store.Shelved{}, false, errUnbuilt
}

// Shelve implements [store.Store].
func (d *DB) Shelve(context.Context, feed.SourceID, feed.History, *store.Shelved) error {
	return errUnbuilt
}
