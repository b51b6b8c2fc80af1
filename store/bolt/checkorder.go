package bolt

import (
	"bytes"
	"sort"
	"time"

	"github.com/backissue/backissue/feed"
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
// that it belongs to, unless it is withdrawn: by the date of its live revision or, where that does not belong to the feed or
// there is none, among those that are not live.
func (c *checker) order(a *feed.Article) {
	m, err := readMark(c.tx, a.ID)
	if err != nil {
		c.fault("%v", err)
		return
	}
	if a.Withdrawn != m.Withdrawn {
		c.fault("article %d: its mark says that it is withdrawn: %v; its newest revision: %v", a.ID, m.Withdrawn, a.Withdrawn)
	}
	if a.Withdrawn {
		c.articles--
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
	c.searchOrder(a, live)
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
