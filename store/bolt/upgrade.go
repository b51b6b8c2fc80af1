package bolt

import (
	"bytes"
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
		if err := t.sealAll(); err != nil { // first, since all that is read below is sealed by now
			return err
		}
		if err := t.begin(); err != nil {
			return err
		}
		if format < 2 {
			if err := t.to2(); err != nil {
				return err
			}
		}
		if format < 3 {
			if err := t.to3(); err != nil {
				return err
			}
		}
		if format < 4 {
			if err := t.to4(); err != nil {
				return err
			}
		}
		return errors.Join(t.to5(), t.flush(), t.bucket(bucketMeta).Put(keyFormat, u32(FormatVersion)))
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

// to4 brings format 3 to 4, which knows by an index which sources have trouble. What happened before is no
// incident, but for what is gone.
func (t *txn) to4() error {
	for _, name := range bucketsOf4() {
		if _, err := t.tx.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("create bucket %q: %w", name, err)
		}
	}
	c := t.bucket(bucketSource).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		id := feed.SourceID(decode32(k))
		var r sourceRecord
		if err := unseal(v, &r); err != nil {
			return fmt.Errorf("%w: source %d: %v", store.ErrDamaged, id, err)
		}
		// What is held and what was missed is nothing new.
		was := sourceRecord{URL: r.URL, Held: r.Held, Gaps: r.Gaps}
		if err := t.watch(id, &was, &r); err != nil {
			return err
		}
		if r.Gaps > 0 {
			if err := t.putTrouble(store.Gapped, id, trouble{Since: r.GapNoticed}, +1); err != nil {
				return err
			}
		}
		if r.Held > 0 {
			if err := t.putTrouble(store.Holding, id, trouble{}, +1); err != nil {
				return err
			}
		}
	}
	return nil
}

// sealAll adds their checksums to the values that had none before format 5.
func (t *txn) sealAll() error {
	meta := t.bucket(bucketMeta)
	if err := meta.Put(keyCounts, sum(meta.Get(keyCounts))); err != nil {
		return err
	}
	for _, name := range [][]byte{
		bucketSource, bucketFeed, bucketSearch, bucketMark, bucketWindow, bucketChange, bucketTrouble, bucketIncident, bucketHub,
	} {
		b := t.bucket(name)
		if b == nil {
			continue // it came later
		}
		for after := []byte(nil); ; { // some at a time: a cursor loses its place when what it points to is changed
			var keys, values [][]byte
			c := b.Cursor()
			k, v := c.First()
			if after != nil {
				c.Seek(after)
				k, v = c.Next()
			}
			for ; k != nil && len(keys) < 1000; k, v = c.Next() {
				keys, values = append(keys, bytes.Clone(k)), append(values, sum(v))
			}
			if len(keys) == 0 {
				break
			}
			for i := range keys {
				if err := b.Put(keys[i], values[i]); err != nil {
					return err
				}
			}
			after = keys[len(keys)-1]
		}
	}
	return nil
}
