package bolt

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// Received implements [store.Reader].
func (d *DB) Received(_ context.Context, before uint64) (store.Received, error) {
	d.segments.RLock()
	defer d.segments.RUnlock()
	var got store.Received
	var r rawRecord
	err := d.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketRaw).Cursor()
		k, v := c.Last()
		if before > 0 {
			if k, v = c.Seek(u64(before)); k == nil {
				k, v = c.Last()
			}
			for ; k != nil && decode64(k) >= before; k, v = c.Prev() {
			}
		}
		for ; k != nil && d.rawDir != ""; k, v = c.Prev() {
			r = rawRecord{}
			if got.N = decode64(k); unseal(v, &r) != nil {
				return fmt.Errorf("%w: its place is not known", store.ErrDamaged)
			}
			if !r.Gone {
				return nil
			}
		}
		return store.ErrNotFound
	})
	if err != nil {
		return got, fmt.Errorf("what was received before %d: %w", before, err)
	}
	c, err := readCapture(d.rawDir, &r)
	if err != nil {
		return got, fmt.Errorf("what was received as number %d: %w", got.N, err)
	}
	got.Capture = *c
	got.Base = r.Base
	for _, id := range r.Sources {
		as := coming{Source: id, URL: c.URL, Type: typeOf(c), Base: r.Base}
		if i := r.other(id); i >= 0 {
			as = r.Others[i]
		}
		got.For = append(got.For, store.Coming{Source: feed.SourceID(id), URL: as.URL, ContentType: as.Type, Base: as.Base})
	}
	return got, nil
}

// typeOf returns what a body was said to be.
func typeOf(c *store.Capture) string {
	if c.Status != 0 {
		return c.Header.Get("Content-Type")
	}
	return c.ContentType
}

// comingOf returns how a body comes, but for the source.
func comingOf(c *store.Capture) coming {
	as := coming{URL: target(c.URL), Type: typeOf(c), Base: c.Base}
	if c.Status == 0 {
		as.URL = resourceTarget(c.URL)
	}
	return as
}

// other returns where it stands how the body came for a source otherwise than at first; negative for
// nowhere.
func (r *rawRecord) other(source uint32) int {
	return slices.IndexFunc(r.Others, func(c coming) bool { return c.Source == source })
}

// keepFor notes that what was received before has come for a source, be it another one or from elsewhere.
func (t *txn) keepFor(number []byte, source feed.SourceID, as coming) error {
	var r rawRecord
	if err := unseal(t.bucket(bucketRaw).Get(number), &r); err != nil {
		return fmt.Errorf("%w: raw %x: %v", store.ErrDamaged, number, err)
	}
	as.Source = uint32(source)
	if !slices.Contains(r.Sources, as.Source) {
		r.Sources = append(r.Sources, as.Source)
	}
	switch i := r.other(as.Source); {
	case i < 0:
		r.Others = append(r.Others, as)
	case r.Others[i] == as:
		return nil
	default:
		r.Others[i] = as
	}
	value, err := seal(&r)
	if err != nil {
		return err
	}
	return t.bucket(bucketRaw).Put(number, value)
}

// rereading is what something that was received long ago is read with once more.
type rereading struct {
	from uint64          // its number
	at   time.Time       // when it came
	said map[uint64]bool // the fingerprints of all revisions of its source
	read map[uint64]bool // and of what is read now
	news bool            // something is to be written
}

// idle reports whether nothing comes of it.
func (r *rereading) idle() bool { return r != nil && !r.news }

// asBackfill returns a batch that says nothing of the present.
func asBackfill(b *store.Batch) *store.Batch {
	as := *b
	as.Backfill, as.Past, as.Whole = true, false, false
	return &as
}

// reread prepares for what a batch has read again, and finds out whether anything comes of it: hardly ever
// it does, and then nothing need be written.
func (d *DB) reread(b *store.Batch, ready []prepared) (r *rereading, saved store.Saved, err error) {
	r = &rereading{from: b.Received, read: make(map[uint64]bool, len(ready))}
	for i := range ready {
		r.read[ready[i].print] = true
	}
	err = d.view(func(tx *bbolt.Tx) error {
		var raw rawRecord
		if err := unseal(tx.Bucket(bucketRaw).Get(u64(b.Received)), &raw); err != nil {
			return fmt.Errorf("%w: raw %d: %v", store.ErrDamaged, b.Received, err)
		}
		r.at = raw.At.time()
		t := newTxn(tx, d.codec)
		source, err := t.lookup(b.Source.ID, "")
		if err != nil {
			return err
		}
		if r.said, err = d.said.of(t, source.ID); err != nil {
			return err
		}
		saved.Source = *source
		v := &visit{t: t, batch: b, source: source, saved: &saved, again: r}
		if err := v.resolve(ready); err != nil {
			return err
		}
		for i := range v.items {
			r.news = r.news || v.items[i].change != feed.Same
		}
		saved.Same = len(v.items)
		return nil
	})
	return r, saved, err
}

// decideAgain says what becomes of an article that was read again. What the archive has of it by another
// name is known too: names change hands, and what is read today was read before.
func (v *visit) decideAgain(it *item) error {
	r := v.again
	if it.known != 0 {
		it.a.ID, it.change = it.known, feed.Same
		seq := newestSeq(v.t.bucket(bucketRevision).Cursor(), it.known)
		s, _, err := split(v.t.bucket(bucketLog).Get(u64(seq)))
		if err != nil {
			return fmt.Errorf("%w: revision %d: %v", store.ErrDamaged, seq, err)
		}
		if s.Withdrawn || s.Raw != r.from {
			return nil
		}
		old, err := v.t.newest(it.known)
		if err != nil {
			return err
		}
		same, err := sameReading(old, &it.next)
		if err != nil || same {
			return err
		}
		if print := feed.Fingerprint(old); print != it.print && r.read[print] {
			return nil // it is another of those that are read
		}
		it.old, it.change = old, feed.Revised
		it.a = feed.Renew(old, it.next)
		it.a.Twin, it.a.Homonym = old.Twin, old.Homonym
		it.a.Revision, err = v.t.revisions(it.known)
		return err
	}
	if r.said[it.print] {
		it.change = feed.Same
		return nil
	}
	it.next.Seen = r.at
	it.a, it.change = feed.Revise(nil, it.next)
	return nil
}

// sameReading reports whether one article is read as another was: its texts as a reader sees them, all else
// to the letter. What it has of its source counts for nothing, since that may have changed since.
func sameReading(a, b *feed.Article) (bool, error) {
	if feed.Fingerprint(a) != feed.Fingerprint(b) {
		return false, nil
	}
	x, y := toPayload(a), toPayload(b)
	for _, p := range []*payload{x, y} {
		p.Content, p.Summary, p.Origin = "", "", nil
	}
	is, errX := deterministic.Marshal(x)
	was, errY := deterministic.Marshal(y)
	if errX != nil {
		return false, errX
	}
	return bytes.Equal(is, was), errY
}

// said remembers the fingerprints of what sources have said.
type said struct {
	mu   sync.Mutex
	all  map[feed.SourceID]map[uint64]bool
	upto map[feed.SourceID]uint64 // the place in the log of the source's feed
}

// of returns the fingerprints of all revisions of a source. The map is not changed while what it is handed
// to is at work, unless others read again too.
func (s *said) of(t *txn, id feed.SourceID) (map[uint64]bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all, s.upto = make(map[feed.SourceID]map[uint64]bool), make(map[feed.SourceID]uint64)
	}
	if s.all[id] == nil {
		s.all[id] = make(map[uint64]bool)
	}
	f, err := t.sourceFeed(id)
	if err != nil {
		return nil, err
	}
	for ; s.upto[id] < f.Length; s.upto[id]++ {
		a, err := revision(t.tx, t.codec, decode64(t.bucket(bucketFeedLog).Get(keyLog(f.number, s.upto[id]))))
		if err != nil {
			return nil, err
		}
		s.all[id][feed.Fingerprint(a)] = true
	}
	return s.all[id], nil
}
