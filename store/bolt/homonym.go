package bolt

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// name enters the Key of a new article, unless an article of another source has it. Two that are the
// same article may go out under one Key; if they are not, the younger is a homonym.
func (t *txn) name(a *feed.Article) error {
	b, k := t.bucket(bucketKey), keyKey(a.Key)
	first := b.Get(k)
	if first == nil {
		return b.Put(k, u64(uint64(a.ID)))
	}
	s, _, err := split(t.bucket(bucketLog).Get(first))
	if err != nil {
		return fmt.Errorf("%w: article %x: %v", store.ErrDamaged, first, err)
	}
	a.Homonym = s.Source != uint32(a.Source) && eldest(feed.ID(s.ID), feed.ID(s.Twin)) != eldest(a.ID, a.Twin)
	return nil
}

// eldest returns the first of an article's twins, which may be itself.
func eldest(id, twin feed.ID) feed.ID {
	if twin != 0 {
		return twin
	}
	return id
}

// keyKey keeps the Keys of one host together, and others by how they begin, since they come together.
func keyKey(key string) []byte {
	key = feed.NormalURL(key)
	var from string
	if rest, ok := strings.CutPrefix(key, "//"); ok {
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			rest = rest[:i]
		}
		from = rest
	} else if i := strings.LastIndexAny(key, ":/#=,.-"); i >= 0 {
		from = key[:i]
	} else {
		from = key[:max(0, len(key)-3)] // of numbers, a thousand
	}
	begin, whole := sha256.Sum256([]byte(from)), sha256.Sum256([]byte(key))
	return append(begin[:4:4], whole[:8]...)
}
