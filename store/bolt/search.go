package bolt

import (
	"context"

	"github.com/backissue/backissue/store"
)

// Define implements [store.Store].
func (d *DB) Define(context.Context, store.Definition, func(done, of uint64)) (store.Feed, error) {
	return store.Feed{}, errUnbuilt
}

// Undefine implements [store.Store].
func (d *DB) Undefine(context.Context, string) error { return errUnbuilt }
