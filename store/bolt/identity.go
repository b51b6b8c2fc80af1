package bolt

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// Identity implements [store.Reader].
func (d *DB) Identity(context.Context) (id feed.UUID, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		if n := copy(id[:], tx.Bucket(bucketMeta).Get(keyIdentity)); n != len(id) {
			return fmt.Errorf("%w: its identity has %d bytes", store.ErrDamaged, n)
		}
		return nil
	})
	return id, err
}
