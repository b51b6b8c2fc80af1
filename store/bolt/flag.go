package bolt

import (
	"bytes"
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// flag is something that is true of few sources, which an index holds so that no others are read to find
// them. The letters are stored; never renumber.
type flag byte

const (
	flagWanted  flag = 'w' // its history is to be brought home
	flagPushing flag = 'p' // it is subscribed to and names a hub
)

// flagged is a flag with whether it is true.
type flagged struct {
	flag flag
	is   bool
}

// flags says what is true of a source.
func (r *sourceRecord) flags() [2]flagged {
	return [...]flagged{
		{flagWanted, r.History != nil && r.History.Wanted},
		{flagPushing, r.Subscribed && r.Manners != nil && r.Manners.Push != nil && r.Manners.Push.Hub != ""},
	}
}

// flag keeps the index of flags.
func (t *txn) flag(id feed.SourceID, was, is *sourceRecord) error {
	had := was.flags()
	for i, has := range is.flags() {
		var err error
		switch {
		case has.is && !had[i].is:
			err = t.bucket(bucketFlag).Put(keyFlag(has.flag, id), nil)
		case had[i].is && !has.is:
			err = t.bucket(bucketFlag).Delete(keyFlag(has.flag, id))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// withFlag returns up to limit sources with a flag, after one.
func withFlag(tx *bbolt.Tx, f flag, after feed.SourceID, limit int) (ids []feed.SourceID) {
	c := tx.Bucket(bucketFlag).Cursor()
	for k, _ := c.Seek(keyFlag(f, after+1)); bytes.HasPrefix(k, []byte{byte(f)}) && len(ids) < limit; k, _ = c.Next() {
		ids = append(ids, feed.SourceID(decode32(k[1:])))
	}
	return ids
}

// Wanting implements [store.Reader].
func (d *DB) Wanting(_ context.Context, after feed.SourceID, limit int) (ids []feed.SourceID, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		ids = withFlag(tx, flagWanted, after, limit)
		return nil
	})
	return ids, err
}

// Pushing implements [store.Reader].
func (d *DB) Pushing(_ context.Context, after feed.SourceID, limit int) (sources []feed.Source, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		for _, id := range withFlag(tx, flagPushing, after, limit) {
			s, err := readSource(tx, id)
			if err != nil {
				return err
			}
			sources = append(sources, *s)
		}
		return nil
	})
	return sources, err
}

// to5 brings format 4 to 5, which has the index of flags.
func (t *txn) to5() error {
	for _, name := range bucketsOf5() {
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
		if err := t.flag(id, &sourceRecord{}, &r); err != nil {
			return err
		}
	}
	return nil
}

// flags checks that the index holds what is true, and no more.
func (c *checker) flags() {
	var entries int
	c.each(bucketSource, func(k, v []byte) {
		var r sourceRecord
		if unseal(v, &r) != nil {
			return // which is told elsewhere
		}
		for _, f := range r.flags() {
			if f.is {
				entries++
			}
			if found := has(c.tx.Bucket(bucketFlag), keyFlag(f.flag, feed.SourceID(decode32(k)))); found != f.is {
				c.fault("source %d: the index of flags says of %q: %v", decode32(k), f.flag, found)
			}
		}
	})
	c.each(bucketFlag, func([]byte, []byte) { entries-- })
	if entries != 0 {
		c.fault("the index of flags holds sources that are not there")
	}
}
