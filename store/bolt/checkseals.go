package bolt

import (
	"bytes"
	"encoding/binary"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// seals checks that the archive documents of each feed follow one another, hold no article twice and
// say how their feed described itself, and returns how many each feed has and where the last ends.
func (c *checker) seals() (sealed, open map[uint32]uint64) {
	sealed, open = map[uint32]uint64{}, map[uint32]uint64{}
	c.each(bucketFeedSeal, func(k, v []byte) {
		number, n := binary.BigEndian.Uint32(k), binary.BigEndian.Uint32(k[4:])
		end, about, _ := splitSeal(v)
		if uint64(n) != sealed[number] || end <= open[number] || end-open[number] > store.ArchiveLen {
			c.fault("feed %d: document %d ends at %d and follows %d, which ends at %d",
				number, n, end, int64(sealed[number])-1, open[number])
		} else {
			c.document(number, n, open[number], end)
		}
		if err := readAbout(c.tx, about, new(store.Sealed)); err != nil {
			c.fault("feed %d: document %d: %v", number, n, err)
		}
		sealed[number]++
		open[number] = end
	})
	c.each(bucketAbout, func(k, v []byte) {
		if !bytes.Equal(k, aboutName(v)) {
			c.fault("description %x of a document is not what it was", k)
		}
	})
	return sealed, open
}

// document checks that no article is twice in a document.
func (c *checker) document(number, n uint32, from, to uint64) {
	in := make(map[uint64]bool, to-from)
	cursor := c.tx.Bucket(bucketFeedLog).Cursor()
	end := keyLog(number, to)
	for k, v := cursor.Seek(keyLog(number, from)); k != nil && bytes.Compare(k, end) < 0; k, v = cursor.Next() {
		seq := decode64(v)
		if seq == 0 || seq > uint64(len(c.ids)) {
			continue // told elsewhere
		}
		id := c.ids[seq-1]
		if in[id] {
			c.fault("feed %d: document %d holds article %d twice", number, n, id)
		}
		in[id] = true
	}
}

// tail checks that there is nothing in a feed's open tail that its live document does not show, or it
// would be in no document at all.
func (c *checker) tail(number uint32, f store.Feed) {
	for position := f.Open; position < f.Length && position-f.Open < store.ArchiveLen; position++ {
		seq := decode64(c.tx.Bucket(bucketFeedLog).Get(keyLog(number, position)))
		if live, err := shownLive(c.tx, seq); err == nil && !live {
			c.fault("feed %d: revision %d is not live and in no document", number, seq)
		}
	}
}

func (c *checker) identity() {
	if n := len(c.tx.Bucket(bucketMeta).Get(keyIdentity)); n != 16 {
		c.fault("the archive's identity has %d bytes", n)
	}
}

// shelves checks that what waits on each source's shelf decodes and is counted.
func (c *checker) shelves() {
	waiting := map[feed.SourceID]int{}
	c.each(bucketShelf, func(k, v []byte) {
		waiting[feed.SourceID(binary.BigEndian.Uint32(k))]++
		if err := c.codec.unpack(v, new(shelved)); err != nil {
			c.fault("document %x on the shelf: %v", k, err)
		}
	})
	c.each(bucketSource, func(k, _ []byte) {
		id := feed.SourceID(decode32(k))
		if s, err := readSource(c.tx, id); err == nil && s.Fetch.History.Shelved != waiting[id] {
			c.fault("source %d: counts %d documents on its shelf, and %d are", id, s.Fetch.History.Shelved, waiting[id])
		}
		delete(waiting, id)
	})
	for id := range waiting {
		c.fault("source %d: has a shelf and no record", id)
	}
}

// touches checks that each feed stands once in the order in which they changed.
func (c *checker) touches() {
	var n counts
	if err := unseal(c.tx.Bucket(bucketMeta).Get(keyCounts), &n); err != nil {
		return // told elsewhere
	}
	there := map[uint32]bool{}
	c.each(bucketFeedTouch, func(k, v []byte) {
		number, touched := decode32(v), decode64(k)
		if f, err := readFeed(c.tx, number); err != nil || f.Touched != touched || touched > n.Touches {
			c.fault("feed %d: was not the one that changed at %d", number, touched)
		}
		there[number] = true
	})
	c.each(bucketFeed, func(k, _ []byte) {
		if !there[decode32(k)] {
			c.fault("feed %d: is not among those that changed", decode32(k))
		}
	})
}
