package bolt

import (
	"context"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/store"
)

// Touched implements [store.Reader].
func (d *DB) Touched(_ context.Context, after uint64, limit int) (feeds []store.Feed, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketFeedTouch).Cursor()
		for k, v := c.Seek(u64(after + 1)); k != nil && len(feeds) < limit; k, v = c.Next() {
			f, err := readFeed(tx, decode32(v))
			if err != nil {
				return err
			}
			feeds = append(feeds, f)
		}
		return nil
	})
	return feeds, err
}

// touch numbers a change to a feed's record. Each feed gets a number of its own even where several
// change in one commit, so that a list of them can be cut anywhere.
func (t *txn) touch(f *openFeed) error {
	b := t.bucket(bucketFeedTouch)
	if f.Touched != 0 {
		if err := b.Delete(u64(f.Touched)); err != nil {
			return err
		}
	}
	t.counts.Touches++
	f.Touched = t.counts.Touches
	return b.Put(u64(f.Touched), u32(f.number))
}
