package bolt

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"strconv"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// to3 brings format 2 to 3, in which documents hold no article twice and keep how their feed described
// itself. Nothing showed the documents of format 2, so all are sealed anew.
func (t *txn) to3() error {
	if err := t.tx.DeleteBucket(bucketFeedSeal); err != nil {
		return fmt.Errorf("delete bucket %q: %w", bucketFeedSeal, err)
	}
	for _, name := range append(bucketsOf3(), bucketFeedSeal) {
		if _, err := t.tx.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("create bucket %q: %w", name, err)
		}
	}
	if err := t.identify(); err != nil {
		return err
	}
	keys, err := t.keysOfLog()
	if err != nil {
		return err
	}
	for number := allFeed; number <= t.counts.Feeds; number++ {
		f, err := t.feed(number)
		if err != nil {
			return err
		}
		f.Sealed, f.Open, f.changed = 0, 0, true
		if err := t.sealAnew(f, keys); err != nil {
			return err
		}
	}
	return nil
}

// identify gives an archive that has none its identity: the one under which its feeds went out so far.
// That was a UUID made of what came in first, and when (RFC 9562 §5.5, in the name space of URLs).
func (t *txn) identify() error {
	var id feed.UUID
	if first := t.bucket(bucketFeedLog).Get(keyLog(allFeed, 0)); first == nil {
		if _, err := rand.Read(id[:]); err != nil {
			return err // unreachable: it never fails
		}
	} else {
		a, err := revision(t.tx, t.codec, decode64(first))
		if err != nil {
			return err
		}
		id = feed.URLSpace.In(strconv.FormatInt(a.Seen.UnixNano(), 10) + " " + a.Key)
	}
	return t.bucket(bucketMeta).Put(keyIdentity, id[:])
}

// keysOfLog returns a hash of the Key of each revision, by its sequence number, and enters the Keys.
// What came in so far goes out as it always has: none of it becomes a homonym.
func (t *txn) keysOfLog() ([]uint64, error) {
	keys := make([]uint64, t.seq+1)
	seed := maphash.MakeSeed()
	c := t.bucket(bucketLog).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		s, _, err := split(v)
		if err != nil || s.Seq > t.seq {
			return nil, fmt.Errorf("%w: revision %x: %v", store.ErrDamaged, k, err)
		}
		keys[s.Seq] = maphash.String(seed, feed.NormalURL(s.Key))
		if name := keyKey(s.Key); t.bucket(bucketKey).Get(name) == nil {
			if err := t.bucket(bucketKey).Put(name, u64(s.ID)); err != nil {
				return nil, err
			}
		}
	}
	return keys, nil
}

// sealAnew seals the log of a feed such that no document holds a Key twice, and all of it if not all
// of its tail is live.
func (t *txn) sealAnew(f *openFeed, keys []uint64) error {
	in := make(map[uint64]bool, store.ArchiveLen)
	var tail []uint64
	c, prefix := t.bucket(bucketFeedLog).Cursor(), u32(f.number)
	for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
		seq := decode64(v)
		if seq >= uint64(len(keys)) {
			return fmt.Errorf("%w: the log of feed %d names revision %d", store.ErrDamaged, f.number, seq)
		}
		if in[keys[seq]] || len(tail) == store.ArchiveLen {
			if err := t.sealAt(f, binary.BigEndian.Uint64(k[4:])); err != nil {
				return err
			}
			clear(in)
			tail = tail[:0]
		}
		in[keys[seq]], tail = true, append(tail, seq)
	}
	whole := len(tail) == store.ArchiveLen
	for n := 0; n < len(tail) && !whole; n++ {
		live, err := shownLive(t.tx, tail[n])
		if err != nil {
			return err
		}
		whole = !live
	}
	if !whole {
		return nil
	}
	return t.sealUpTo(f, f.Length)
}
