package bolt

import (
	"context"
	"errors"

	"github.com/backissue/backissue/store"
)

var errUnbuilt = errors.New("not built")

// Touched implements [store.Reader].
func (d *DB) Touched(context.Context, uint64, int) ([]store.Feed, error) { return nil, errUnbuilt }
