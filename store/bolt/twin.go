package bolt

import (
	"bytes"
	"encoding/binary"

	"github.com/backissue/backissue/feed"
)

// maxTwins is how many twins an article may have. Each that comes is held against all before it, and may end a
// document of a feed that they share; what more sources than that repeat stands for itself in the others.
const maxTwins = 256

// full reports whether an article has as many twins as it may have.
func (t *txn) full(elder feed.ID) bool {
	c, prefix := t.bucket(bucketTwins).Cursor(), u64(uint64(elder))
	n := 0
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix) && n < maxTwins; k, _ = c.Next() {
		n++
	}
	return n == maxTwins
}

// pair looks for an article of another source that a new one repeats, and enters the names of one
// that repeats none.
func (t *txn) pair(a *feed.Article) error {
	names := feed.TwinNames(a)
	for _, name := range names {
		first := t.bucket(bucketTwin).Get(keyTwin(name))
		if len(first) != 8 {
			continue
		}
		elder, err := t.published(feed.ID(binary.BigEndian.Uint64(first)))
		if err != nil {
			return err
		}
		if elder.Source != a.Source && feed.Twins(elder, a) && !t.full(elder.ID) {
			a.Twin = elder.ID
			return t.bucket(bucketTwins).Put(keyTwins(elder.ID, a.ID), nil)
		}
	}
	return t.nameTwin(names, a.ID)
}

// nameTwin enters the names that no article has yet.
func (t *txn) nameTwin(names []feed.TwinName, id feed.ID) error {
	b := t.bucket(bucketTwin)
	for _, name := range names {
		if k := keyTwin(name); b.Get(k) == nil {
			if err := b.Put(k, u64(uint64(id))); err != nil {
				return err
			}
		}
	}
	return nil
}
