package bolt

import (
	"context"
	"errors"

	"github.com/backissue/backissue/store"
)

var errUnbuilt = errors.New("not built")

// Identity implements [store.Reader].
func (d *DB) Identity(context.Context) ([16]byte, error) { return [16]byte{}, errUnbuilt }

// Touched implements [store.Reader].
func (d *DB) Touched(context.Context, uint64, int) ([]store.Feed, error) { return nil, errUnbuilt }
