package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// Document implements [store.Reader].
func (d *DB) Document(_ context.Context, ref store.Ref, k uint64) (s store.Sealed, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		number, _, err := lookupFeed(tx, ref)
		if err != nil {
			return err
		}
		seals := tx.Bucket(bucketFeedSeal)
		if k > math.MaxUint32 || seals.Get(keySeal(number, uint32(k))) == nil {
			return fmt.Errorf("document %d of feed %q: %w", k, string(ref.Kind)+ref.Name, store.ErrNotFound)
		}
		var about []byte
		var purged instant
		s.To, about, purged = splitSeal(seals.Get(keySeal(number, uint32(k))))
		s.Purged = purged.time()
		if k > 0 {
			s.From, _, _ = splitSeal(seals.Get(keySeal(number, uint32(k)-1)))
		}
		return readAbout(tx, about, &s)
	})
	return s, err
}

// Standing implements [store.Reader].
func (d *DB) Standing(_ context.Context, id feed.ID) (s store.Standing, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		first, err := known(tx, id)
		if err != nil {
			return err
		}
		m, err := readMark(tx, id)
		if err != nil {
			return err
		}
		s = store.Standing{
			Held: m.Held, Back: m.Back, Gone: m.Gone.time(),
			Live: m.live(newestSeq(tx.Bucket(bucketRevision).Cursor(), id)),
		}
		for _, twin := range twins(tx, id, feed.ID(first.Twin)) {
			m, err := readMark(tx, twin)
			if err != nil {
				return err
			}
			if !m.Withdrawn {
				s.Twins = append(s.Twins, twin)
			}
		}
		return nil
	})
	return s, err
}

// twins returns the elder of an article, if it is not that itself, and the elder's other twins.
func twins(tx *bbolt.Tx, id, elder feed.ID) (ids []feed.ID) {
	if elder != 0 {
		ids = append(ids, elder)
	} else {
		elder = id
	}
	c, prefix := tx.Bucket(bucketTwins).Cursor(), u64(uint64(elder))
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		if twin := feed.ID(decode64(k[8:])); twin != id {
			ids = append(ids, twin)
		}
	}
	return ids
}

// Changes implements [store.Reader].
func (d *DB) Changes(_ context.Context, before uint64, limit int) (changes []store.Change, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketChange).Cursor()
		k, v := c.Last()
		if before > 0 && k != nil && decode64(k) >= before {
			c.Seek(u64(before))
			k, v = c.Prev()
		}
		for ; k != nil && len(changes) < limit; k, v = c.Prev() {
			change, err := readChange(k, v)
			if err != nil {
				return err
			}
			changes = append(changes, change)
		}
		return nil
	})
	return changes, err
}

func readChange(k, v []byte) (store.Change, error) {
	var r change
	if err := unseal(v, &r); err != nil {
		return store.Change{}, fmt.Errorf("%w: change %x: %v", store.ErrDamaged, k, err)
	}
	return store.Change{
		N: decode64(k), Kind: store.ChangeKind(r.Kind), Article: feed.ID(r.Article), Seq: r.Seq, At: r.At.time(),
	}, nil
}

// Release implements [store.Store].
func (d *DB) Release(ctx context.Context, id feed.SourceID) (n int, err error) {
	err = d.inTurn(ctx, func(t *txn) (err error) {
		n, err = t.release(id, d.now())
		return err
	})[0]
	if err != nil {
		return 0, fmt.Errorf("release what source %d holds: %w", id, err)
	}
	return n, nil
}

func (t *txn) release(id feed.SourceID, now time.Time) (int, error) {
	if err := t.begin(); err != nil {
		return 0, err
	}
	source, err := t.lookup(id, "")
	if err != nil {
		return 0, err
	}
	var ids []feed.ID
	c, prefix := t.bucket(bucketHeld).Cursor(), keySource(id)
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		ids = append(ids, feed.ID(decode64(k[4:])))
	}
	opened := make(map[*openFeed]bool)
	for _, id := range ids {
		if err := t.releaseOne(source, id, now, opened); err != nil {
			return 0, err
		}
	}
	for f := range opened {
		f.Changed += instant(1e6) // it must rise, whatever the clock says: by a second
		f.Reshaped = f.Edition
	}
	if err := t.seal(); err != nil {
		return 0, err
	}
	return len(ids), t.writeSource(source)
}

// releaseOne makes an article's newest revision the live one. It notes the feeds to which that makes
// a difference.
func (t *txn) releaseOne(source *feed.Source, id feed.ID, now time.Time, opened map[*openFeed]bool) error {
	newest, err := t.newest(id)
	if err != nil {
		return err
	}
	m, err := t.mark(id)
	if err != nil {
		return err
	}
	live, err := t.liveOf(newest, m)
	if err != nil {
		return err
	}
	before, err := t.placed(newest, live)
	if err != nil {
		return err
	}
	m.Held, m.Live = false, 0
	if err := t.putMark(source, id, m); err != nil {
		return err
	}
	if err := t.changed(store.Released, id, newest.Seq, now); err != nil {
		return err
	}
	_, after, err := t.places(newest, newest, false)
	if err != nil {
		return err
	}
	for _, p := range append(before, after...) {
		opened[p.feed] = true
	}
	return t.move(id, live, before, after, newest.Seen)
}

func decode64(b []byte) uint64 {
	if len(b) != 8 {
		return 0 // unreachable unless the file is damaged
	}
	return binary.BigEndian.Uint64(b)
}
