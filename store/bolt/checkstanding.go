package bolt

import (
	"bytes"
	"encoding/binary"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// first returns the stamp of an article's first revision; false where there is no such article.
func (c *checker) first(id uint64) (stamp, bool) {
	s, _, err := split(c.tx.Bucket(bucketLog).Get(u64(id)))
	return s, err == nil && s.ID == id && s.Seq == id
}

// has reports whether a bucket has a key, whatever its value.
func has(b *bbolt.Bucket, k []byte) bool {
	found, _ := b.Cursor().Seek(k)
	return bytes.Equal(found, k)
}

// marks checks what is said of articles, and that what is held is counted.
func (c *checker) marks() {
	held := map[feed.SourceID]int{}
	c.each(bucketMark, func(k, _ []byte) {
		id := decode64(k)
		m, err := readMark(c.tx, feed.ID(id))
		if err != nil {
			c.fault("%v", err)
			return
		}
		s, ok := c.first(id)
		if !ok || m == (mark{}) || m.Live != 0 && !m.Held || m.Held && (m.Back || m.Withdrawn) {
			c.fault("mark of article %d: %+v", id, m)
			return
		}
		if m.Held {
			c.held++
			held[feed.SourceID(s.Source)]++
			if !has(c.tx.Bucket(bucketHeld), keyHeld(feed.SourceID(s.Source), feed.ID(id))) {
				c.fault("article %d is held back and not in the index of that", id)
			}
		}
	})
	c.each(bucketHeld, func(k, _ []byte) {
		if m, err := readMark(c.tx, feed.ID(decode64(k[4:]))); err != nil || !m.Held {
			c.fault("article %d is in the index of what is held back and is not", decode64(k[4:]))
		}
	})
	c.each(bucketSource, func(k, _ []byte) {
		id := feed.SourceID(decode32(k))
		if s, err := readSource(c.tx, id); err == nil && s.Held != held[id] {
			c.fault("source %d: counts %d that are held back, and %d are", id, s.Held, held[id])
		}
	})
}

// windows checks that each source's window is of its own articles.
func (c *checker) windows() {
	c.each(bucketWindow, func(k, v []byte) {
		var records []windowed
		if err := unseal(v, &records); err != nil || c.tx.Bucket(bucketSource).Get(k) == nil {
			c.fault("window of source %d: %v", decode32(k), err)
			return
		}
		for _, r := range records {
			if s, ok := c.first(r.ID); !ok || s.Source != decode32(k) || r.Missed < 0 || r.Missed > 1 {
				c.fault("window of source %d: holds %d, which is no article of it", decode32(k), r.ID)
			}
		}
	})
}

// changes checks that the log of changes is gapless and has each revision after the first once, in
// their order.
func (c *checker) changes() {
	var edits, last uint64
	c.each(bucketChange, func(k, v []byte) {
		if c.numbered++; decode64(k) != c.numbered {
			c.fault("changes: %d stands in place of %d", decode64(k), c.numbered)
		}
		change, err := readChange(k, v)
		if err != nil {
			c.fault("%v", err)
			return
		}
		s, _, err := split(c.tx.Bucket(bucketLog).Get(u64(change.Seq)))
		if err != nil || s.ID != uint64(change.Article) {
			c.fault("change %d: revision %d is none of article %d", change.N, change.Seq, change.Article)
		}
		switch change.Kind {
		case store.Revised, store.Withdrawn, store.Restored:
			if edits++; s.Revision == 0 || change.Seq <= last {
				c.fault("change %d: revision %d follows %d", change.N, change.Seq, last)
			}
			last = change.Seq
		case store.Gone, store.Returned, store.Released:
		default:
			c.fault("change %d: is of no known kind (%d)", change.N, change.Kind)
		}
	})
	if edits != c.edits {
		c.fault("changes: %d of %d revisions are in their log", edits, c.edits)
	}
}

// twin checks a revision of a twin against its elder.
func (c *checker) twin(a *feed.Article) {
	elder := feed.ID(0)
	if s, ok := c.first(uint64(a.ID)); ok {
		elder = feed.ID(s.Twin)
	}
	if a.Twin != elder {
		c.fault("revision %d of article %d: its elder twin is %d, of the first revision %d", a.Seq, a.ID, a.Twin, elder)
	}
	if a.Twin == 0 || a.Revision > 0 {
		return
	}
	c.paired++
	if s, ok := c.first(uint64(a.Twin)); !ok || s.Twin != 0 || s.Source == uint32(a.Source) || a.Twin > a.ID {
		c.fault("article %d: its elder twin %d can be none", a.ID, a.Twin)
	}
	if !has(c.tx.Bucket(bucketTwins), keyTwins(a.Twin, a.ID)) {
		c.fault("article %d: its elder twin %d does not know of it", a.ID, a.Twin)
	}
}

func (c *checker) twins() {
	var paired uint64
	c.each(bucketTwins, func(k, _ []byte) {
		paired++
		if s, ok := c.first(binary.BigEndian.Uint64(k[8:])); !ok || s.Twin != binary.BigEndian.Uint64(k) {
			c.fault("twins: %d is none of %d", binary.BigEndian.Uint64(k[8:]), binary.BigEndian.Uint64(k))
		}
	})
	if paired != c.paired {
		c.fault("twins: %d pairs for %d articles", paired, c.paired)
	}
	c.each(bucketTwin, func(k, v []byte) {
		if s, ok := c.first(decode64(v)); !ok || s.Twin != 0 {
			c.fault("name %x of twins leads to %d, which is no elder", k, decode64(v))
		}
	})
}
