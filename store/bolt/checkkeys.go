package bolt

import (
	"bytes"

	"github.com/backissue/backissue/feed"
)

// keys checks that every Key leads to the article that had it first, and that the homonyms are none of
// those. Of two articles that came in before there were homonyms, neither is one.
func (c *checker) keys() {
	had := func(id uint64) (k []byte) {
		s, ok := c.first(id)
		if ok {
			k = keyKey(s.Key)
		}
		return k
	}
	c.each(bucketKey, func(k, v []byte) {
		if !bytes.Equal(had(decode64(v)), k) {
			c.fault("key %x leads to article %d, which has another", k, decode64(v))
		}
	})
	for seq, id := range c.ids {
		s, _, err := split(c.tx.Bucket(bucketLog).Get(u64(uint64(seq) + 1)))
		if err != nil || s.ID != id {
			continue // told elsewhere
		}
		name := decode64(c.tx.Bucket(bucketKey).Get(keyKey(s.Key)))
		elder, ok := c.first(name)
		switch {
		case !ok || name > id:
			c.fault("article %d: its key leads to %d", id, name)
		case s.Homonym && (elder.Source == s.Source || eldest(feed.ID(name), feed.ID(elder.Twin)) == eldest(feed.ID(id), feed.ID(s.Twin))):
			c.fault("article %d: is no homonym of %d", id, name)
		}
		if first, ok := c.first(id); ok && first.Homonym != s.Homonym {
			c.fault("revision %d: is a homonym (%v) and its article is one (%v)", s.Seq, s.Homonym, first.Homonym)
		}
	}
}
