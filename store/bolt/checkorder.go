package bolt

import (
	"bytes"
	"encoding/binary"
	"sort"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// filing checks that a revision is in the log of each feed that it belongs to. A twin need only be in
// that of its source; where else it is depends on where its elder was.
func (c *checker) filing(a *feed.Article) {
	for n, number := range c.members(a) {
		if a.Twin != 0 && n != ownFeed && !c.inLog(number, a.Seq) {
			continue
		}
		c.logged[number]++
	}
}

// ownFeed is the place of its source's feed among those that an article belongs to.
const ownFeed = 1

// inLog looks a revision up in a feed's log, whose numbers rise.
func (c *checker) inLog(number uint32, seq uint64) bool {
	f, err := readFeed(c.tx, number)
	if err != nil {
		return false
	}
	log := c.tx.Bucket(bucketFeedLog)
	at := func(position int) uint64 { return decode64(log.Get(keyLog(number, uint64(position)))) }
	n := sort.Search(int(f.Length), func(n int) bool { return at(n) >= seq })
	return n < int(f.Length) && at(n) == seq
}

// order checks that an article, given in its newest revision, stands once in the order of each feed
// that it belongs to: by the date of its live revision or, where that does not belong to the feed or
// there is none, among those that are not live.
func (c *checker) order(a *feed.Article) {
	m, err := readMark(c.tx, a.ID)
	if err != nil {
		c.fault("%v", err)
		return
	}
	live := a
	if seq := m.live(a.Seq); seq == 0 {
		live = nil
	} else if seq != a.Seq {
		if live, err = revision(c.tx, c.codec, seq); err != nil || live.ID != a.ID {
			c.fault("article %d: its live revision %d is none of its: %v", a.ID, seq, err)
			return
		}
	}
	shown := map[uint32]bool{}
	entry := func(bucket []byte, number uint32, n int, when time.Time, value uint64) {
		k := keyDate(number, when, a.ID)
		found, v := c.tx.Bucket(bucket).Cursor().Seek(k)
		switch {
		case bytes.Equal(found, k) && decode64(v) == value:
			c.filed[number]++
		case a.Twin == 0 || n == ownFeed:
			c.fault("feed %d: article %d is not in its order (%s)", number, a.ID, bucket)
		}
	}
	if live != nil {
		var value uint64
		if live != a {
			value = live.Seq
		}
		for n, number := range c.members(live) {
			shown[number] = true
			entry(bucketFeedDate, number, n, live.When(), value)
		}
	}
	if live != a {
		for n, number := range c.members(a) {
			if !shown[number] {
				entry(bucketFeedBack, number, n, a.When(), 0)
			}
		}
	}
}

// seals checks that the archive documents of each feed follow one another, and returns how many each
// feed has and where the last ends.
func (c *checker) seals() (sealed, open map[uint32]uint64) {
	sealed, open = map[uint32]uint64{}, map[uint32]uint64{}
	c.each(bucketFeedSeal, func(k, v []byte) {
		number, n, end := binary.BigEndian.Uint32(k), binary.BigEndian.Uint32(k[4:]), decode64(v)
		if uint64(n) != sealed[number] || end <= open[number] || end-open[number] > store.ArchiveLen {
			c.fault("feed %d: document %d ends at %d and follows %d, which ends at %d",
				number, n, end, int64(sealed[number])-1, open[number])
		}
		sealed[number]++
		open[number] = end
	})
	return sealed, open
}

// tail checks that there is nothing in a feed's open tail that waits to be live, or it would be in no
// document at all.
func (c *checker) tail(number uint32, f store.Feed) {
	for position := f.Open; position < f.Length && position-f.Open < store.ArchiveLen; position++ {
		seq := decode64(c.tx.Bucket(bucketFeedLog).Get(keyLog(number, position)))
		s, _, err := split(c.tx.Bucket(bucketLog).Get(u64(seq)))
		if err != nil {
			continue // told elsewhere
		}
		if m, err := readMark(c.tx, feed.ID(s.ID)); err == nil && seq > m.live(seq) {
			c.fault("feed %d: revision %d is held back and in no document", number, seq)
		}
	}
}
