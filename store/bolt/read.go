package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// defaultLimit is how many articles a page has where the query does not say.
const defaultLimit = 50

// Article implements [store.Reader].
func (d *DB) Article(_ context.Context, id feed.ID) (a feed.Article, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		if _, err := known(tx, id); err != nil {
			return err
		}
		found, err := newest(tx, d.codec, id)
		if err == nil {
			a = *found
		}
		return err
	})
	return a, err
}

// known returns what is stamped on an article's first revision. It reports with ErrNotFound that no article has this number: none was ever given, or it is that
// of a later revision.
func known(tx *bbolt.Tx, id feed.ID) (first stamp, err error) {
	raw := tx.Bucket(bucketLog).Get(u64(uint64(id)))
	if raw == nil {
		return first, fmt.Errorf("article %d: %w", id, store.ErrNotFound)
	}
	first, _, err = split(raw)
	switch {
	case err != nil:
		return first, fmt.Errorf("%w: article %d: %v", store.ErrDamaged, id, err)
	case feed.ID(first.ID) != id:
		return first, fmt.Errorf("article %d: %w", id, store.ErrNotFound)
	}
	return first, nil
}

// Revisions implements [store.Reader].
func (d *DB) Revisions(_ context.Context, id feed.ID) (all []feed.Article, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		if _, err := known(tx, id); err != nil {
			return err
		}
		all, err = revisions(tx, d.codec, revisionSeqs(tx, id))
		return err
	})
	return all, err
}

// revisionSeqs returns the sequence numbers of an article's revisions, oldest first.
func revisionSeqs(tx *bbolt.Tx, id feed.ID) []uint64 {
	seqs := []uint64{uint64(id)}
	c := tx.Bucket(bucketRevision).Cursor()
	prefix := u64(uint64(id))
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		seqs = append(seqs, binary.BigEndian.Uint64(k[8:]))
	}
	return seqs
}

func revisions(tx *bbolt.Tx, c *codec, seqs []uint64) ([]feed.Article, error) {
	all := make([]feed.Article, 0, len(seqs))
	for _, seq := range seqs {
		a, err := revision(tx, c, seq)
		if err != nil {
			return nil, err
		}
		all = append(all, *a)
	}
	return all, nil
}

// Feed implements [store.Reader].
func (d *DB) Feed(_ context.Context, ref store.Ref) (f store.Feed, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		_, f, err = lookupFeed(tx, ref)
		return err
	})
	return f, err
}

func lookupFeed(tx *bbolt.Tx, ref store.Ref) (number uint32, f store.Feed, err error) {
	number = decode32(tx.Bucket(bucketFeedName).Get(keyName(ref.Kind, ref.Name)))
	if number == 0 {
		return 0, f, fmt.Errorf("feed %q: %w", string(ref.Kind)+ref.Name, store.ErrNotFound)
	}
	if f, err = readFeed(tx, number); f.Ended {
		return 0, f, fmt.Errorf("feed %q: %w", string(ref.Kind)+ref.Name, store.ErrNotFound)
	}
	return number, f, err
}

func readFeed(tx *bbolt.Tx, number uint32) (store.Feed, error) {
	var r feedRecord
	if err := unseal(tx.Bucket(bucketFeed).Get(u32(number)), &r); err != nil {
		return store.Feed{}, fmt.Errorf("%w: feed %d: %v", store.ErrDamaged, number, err)
	}
	if r.Kind == store.Search {
		return definedFeed(tx, &r)
	}
	return r.feed(), nil
}

// Named implements [store.Reader].
func (d *DB) Named(_ context.Context, kind store.Kind, spelling string) (f store.Feed, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		number := decode32(tx.Bucket(bucketFeedKey).Get(keyName(kind, feed.TagKey(spelling))))
		if number == 0 || kind != store.Tag && kind != store.Author {
			return fmt.Errorf("feed of %q: %w", spelling, store.ErrNotFound)
		}
		f, err = readFeed(tx, number)
		return err
	})
	return f, err
}

// Feeds implements [store.Reader].
func (d *DB) Feeds(_ context.Context, kind store.Kind, after string, limit int) (feeds []store.Feed, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketFeedName).Cursor()
		from := keyName(kind, after)
		k, v := c.Seek(from)
		if after != "" && bytes.Equal(k, from) {
			k, v = c.Next()
		}
		for ; len(k) > 0 && k[0] == byte(kind) && len(feeds) < limit; k, v = c.Next() {
			f, err := readFeed(tx, decode32(v))
			if err != nil {
				return err
			}
			if !f.Ended {
				feeds = append(feeds, f)
			}
		}
		return nil
	})
	return feeds, err
}

// Articles implements [store.Reader].
func (d *DB) Articles(_ context.Context, q store.Query) (page store.Page, err error) {
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	err = d.view(func(tx *bbolt.Tx) error {
		number, _, err := lookupFeed(tx, q.Ref)
		if err != nil {
			return err
		}
		order := newOrder(tx, number, q)
		rev := tx.Bucket(bucketRevision).Cursor()
		var last []byte
		for k, live := order.next(); k != nil; k, live = order.next() {
			if len(page.Articles) == limit {
				page.Next = store.Cursor{When: unsortable(binary.BigEndian.Uint64(last[4:])), ID: page.Articles[limit-1].ID}
				break
			}
			seq := decode64(live)
			if !q.Live || seq == 0 {
				seq = newestSeq(rev, feed.ID(binary.BigEndian.Uint64(k[12:])))
			}
			a, err := revision(tx, d.codec, seq)
			if err != nil {
				return err
			}
			page.Articles, last = append(page.Articles, *a), k
		}
		return nil
	})
	return page, err
}

// order goes through a feed's articles, newest first: those that are live, and with them those that
// are not if the query asks for all.
type order struct {
	prefix []byte
	rows   []row
}

// row is one index by date and the entry at which it has arrived; none where k is nil.
type row struct {
	c    *bbolt.Cursor
	k, v []byte
}

// before goes to the last entry before a key.
func (r *row) before(key []byte) {
	if k, _ := r.c.Seek(key); k == nil {
		r.k, r.v = r.c.Last()
	} else {
		r.k, r.v = r.c.Prev()
	}
}

func newOrder(tx *bbolt.Tx, number uint32, q store.Query) *order {
	from := u32(number + 1)
	if !q.Before.IsZero() {
		from = keyDate(number, q.Before.When, q.Before.ID)
	}
	o := &order{prefix: u32(number)}
	names := [][]byte{bucketFeedDate, bucketFeedBack}
	if q.Live {
		names = names[:1]
	}
	for _, name := range names {
		r := row{c: tx.Bucket(name).Cursor()}
		r.before(from)
		o.rows = append(o.rows, r)
	}
	return o
}

// next returns the next entry; nil at the end.
func (o *order) next() (k, v []byte) {
	var newest *row
	for i := range o.rows {
		r := &o.rows[i]
		if bytes.HasPrefix(r.k, o.prefix) && (newest == nil || bytes.Compare(r.k, newest.k) > 0) {
			newest = r
		}
	}
	if newest == nil {
		return nil, nil
	}
	k, v = newest.k, newest.v
	newest.k, newest.v = newest.c.Prev()
	return k, v
}

// Log implements [store.Reader].
func (d *DB) Log(_ context.Context, ref store.Ref, from uint64, limit int) (all []feed.Article, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		number, _, err := lookupFeed(tx, ref)
		if err != nil {
			return err
		}
		var seqs []uint64
		c := tx.Bucket(bucketFeedLog).Cursor()
		prefix := u32(number)
		for k, v := c.Seek(keyLog(number, from)); bytes.HasPrefix(k, prefix) && len(seqs) < limit; k, v = c.Next() {
			seqs = append(seqs, binary.BigEndian.Uint64(v))
		}
		all, err = revisions(tx, d.codec, seqs)
		return err
	})
	return all, err
}

// Source implements [store.Reader].
func (d *DB) Source(_ context.Context, id feed.SourceID) (s feed.Source, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		found, err := readSource(tx, id)
		if err == nil {
			s = *found
		}
		return err
	})
	return s, err
}

// SourceByURL implements [store.Reader].
func (d *DB) SourceByURL(_ context.Context, address string) (s feed.Source, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		id := decode32(tx.Bucket(bucketSourceURL).Get([]byte(address)))
		if id == 0 {
			return fmt.Errorf("source %s: %w", address, store.ErrNotFound)
		}
		found, err := readSource(tx, feed.SourceID(id))
		if err == nil {
			s = *found
		}
		return err
	})
	return s, err
}

// Sources implements [store.Reader].
func (d *DB) Sources(_ context.Context, after feed.SourceID, limit int) (sources []feed.Source, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketSource).Cursor()
		for k, _ := c.Seek(keySource(after + 1)); k != nil && len(sources) < limit; k, _ = c.Next() {
			s, err := readSource(tx, feed.SourceID(decode32(k)))
			if err != nil {
				return err
			}
			sources = append(sources, *s)
		}
		return nil
	})
	return sources, err
}

// Due implements [store.Store].
func (d *DB) Due(_ context.Context, now time.Time, after store.Turn, limit int) (turns []store.Turn, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketDue).Cursor()
		k, _ := c.First()
		if after != (store.Turn{}) {
			k, _ = c.Seek(keyDue(after.At, after.Source+1))
		}
		end := u64(sortable(now) + 1)
		for ; k != nil && bytes.Compare(k, end) < 0 && len(turns) < limit; k, _ = c.Next() {
			turns = append(turns, store.Turn{At: unsortable(decode64(k[:8])), Source: feed.SourceID(decode32(k[8:]))})
		}
		return nil
	})
	return turns, err
}

// NextDue implements [store.Store].
func (d *DB) NextDue(context.Context) (at time.Time, some bool, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		if k, _ := tx.Bucket(bucketDue).Cursor().First(); k != nil {
			at, some = unsortable(binary.BigEndian.Uint64(k)), true
		}
		return nil
	})
	return at, some, err
}

// Stats implements [store.Reader].
func (d *DB) Stats(context.Context) (s store.Stats, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		var c counts
		if err := unseal(tx.Bucket(bucketMeta).Get(keyCounts), &c); err != nil {
			return fmt.Errorf("%w: counts: %v", store.ErrDamaged, err)
		}
		if last, _ := tx.Bucket(bucketLog).Cursor().Last(); last != nil {
			s.Sequence = binary.BigEndian.Uint64(last)
		}
		s.Articles, s.Sources, s.Tags, s.Authors = c.Articles, c.Sources, c.Tags, c.Authors
		s.Changes, s.Held = c.Changes, c.Held
		s.Subscribed, s.Troubled, s.Incidents = c.Subscribed, c.Troubled, c.Incidents
		return nil
	})
	return s, err
}
