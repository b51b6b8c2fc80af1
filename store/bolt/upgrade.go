package bolt

import (
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// upgrade brings an archive of an older format up to this one, in one transaction.
func (d *DB) upgrade(format uint32) error {
	return d.update(func(tx *bbolt.Tx) error {
		t := newTxn(tx, d.codec)
		if err := t.begin(); err != nil {
			return err
		}
		if format < 2 {
			if err := t.to2(); err != nil {
				return err
			}
		}
		return errors.Join(t.to3(), t.flush(), t.bucket(bucketMeta).Put(keyFormat, u32(FormatVersion)))
	})
}

// to2 brings format 1 to 2, which has a log of changes and names by which twins are found. Articles that
// were twins before stay as they were filed. The ends of archive documents, which it has too, are
// left to [txn.to3].
func (t *txn) to2() error {
	for _, name := range bucketsOf2() {
		if _, err := t.tx.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("create bucket %q: %w", name, err)
		}
	}
	c := t.bucket(bucketLog).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		a, err := t.codec.article(v)
		if err != nil {
			return fmt.Errorf("%w: revision %x: %v", store.ErrDamaged, k, err)
		}
		if a.Revision > 0 {
			err = t.changed(store.Revised, a.ID, a.Seq, a.Seen)
		} else {
			err = t.nameTwin(feed.TwinNames(a), a.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
