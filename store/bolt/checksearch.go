package bolt

import (
	"bytes"
	"slices"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/query"
	"github.com/backissue/backissue/store"
)

// searches reads the saved searches and the logs of their feeds, which are in no order: what a new
// definition finds may be older than what is in them.
func (c *checker) searches() {
	c.found = map[uint32]seqs{}
	c.each(bucketSearch, func(k, v []byte) {
		s, err := decodeSearch(k, v)
		if err != nil {
			c.fault("%v", err)
			return
		}
		if f, err := readFeed(c.tx, s.Feed); err != nil || f.Kind != store.Search || f.Name != s.slug {
			c.fault("saved search %q: has no feed of its name", k)
			return
		}
		if !s.Ended {
			c.sought = append(c.sought, s)
		}
		for _, number := range append(parts(c.tx, s.slug), s.Feed) {
			c.searchLog(number)
		}
	})
}

func (c *checker) searchLog(number uint32) {
	var in seqs
	newest, _ := c.tx.Bucket(bucketLog).Cursor().Last()
	cursor, prefix := c.tx.Bucket(bucketFeedLog).Cursor(), u32(number)
	for k, v := cursor.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = cursor.Next() {
		seq := decode64(v)
		if seq > decode64(newest) { // the set would take as much room as the number says
			c.fault("feed %d: its log has revision %d, which is not there", number, seq)
			continue
		}
		if in.has(seq) {
			c.fault("feed %d: its log has revision %d twice", number, seq)
		}
		in.add(seq)
	}
	c.found[number] = in
}

// searchOrder checks that an article, given in its newest and its live revision, stands in the orders of
// the searches that find it, once, and in no others. Where the answer depends on how a source calls
// itself, it may have changed since; and so has it while a search is at work.
func (c *checker) searchOrder(a, live *feed.Article) {
	keys := c.tx.Bucket(bucketFeedKey)
	for _, s := range c.sought {
		numbers := searchNumbers(keys, s, a)
		if live != nil && live != a {
			for _, number := range searchNumbers(keys, s, live) {
				if !slices.Contains(numbers, number) {
					numbers = append(numbers, number)
				}
			}
		}
		sure := s.Done && !s.query.AsksSource() && a.Twin == 0
		found := sure && c.finds(s, a)
		shown := sure && live != nil && c.finds(s, live)
		for _, number := range numbers {
			stands := c.stands(number, a, live)
			if stands {
				c.filed[number]++
			}
			if !sure || number != s.Feed {
				continue
			}
			if stands != (found || shown) {
				c.fault("feed %d (%s): article %d stands in it: %v; it is found: %v", number, s.slug, a.ID, stands, found || shown)
			}
			if found && !c.found[number].has(a.Seq) {
				c.fault("feed %d (%s): revision %d of article %d is found and not in its log", number, s.slug, a.Seq, a.ID)
			}
		}
		if sure && s.Split && found {
			c.searchParts(s, a)
		}
	}
}

// finds reports whether a search that asks for no source finds a revision.
func (c *checker) finds(s *search, a *feed.Article) bool {
	if c.prepared == nil || c.preparedSeq != a.Seq {
		c.prepared, c.preparedSeq = query.Prepare(a, nil), a.Seq
	}
	return s.query.MatchPrepared(c.prepared)
}

// searchParts checks that what is found is in the part of each of its tags.
func (c *checker) searchParts(s *search, a *feed.Article) {
	for _, tag := range a.AllTags() {
		number := decode32(c.tx.Bucket(bucketFeedKey).Get(partKey(s.slug, tag)))
		if number == 0 || !c.found[number].has(a.Seq) {
			c.fault("saved search %q: revision %d of article %d is not in its part for %q", s.slug, a.Seq, a.ID, tag)
		}
	}
}

// stands reports whether an article stands in the order of a feed where its live or its newest revision
// belongs.
func (c *checker) stands(number uint32, a, live *feed.Article) bool {
	if live != nil {
		var value uint64
		if live != a {
			value = live.Seq
		}
		k := keyDate(number, live.When(), a.ID)
		if found, v := c.tx.Bucket(bucketFeedDate).Cursor().Seek(k); bytes.Equal(found, k) {
			return decode64(v) == value
		}
	}
	return live != a && has(c.tx.Bucket(bucketFeedBack), keyDate(number, a.When(), a.ID))
}

// limited checks that the live document to which a search limits a feed holds its open tail.
func (c *checker) limited(number uint32, f store.Feed) {
	if f.Search == nil || f.Search.Limit == 0 || f.Length <= f.Open {
		return
	}
	if over, err := beyond(c.tx, number, f.Open, f.Length, f.Search.Limit); err != nil || over {
		c.fault("feed %d (%s): what follows its last document is not among its newest %d articles: %v", number, f.Name, f.Search.Limit, err)
	}
}
