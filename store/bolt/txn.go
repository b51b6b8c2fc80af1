package bolt

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// txn is a transaction of the writer with the records that it has open: feeds and counts are
// changed in memory by every batch and written once, at the end.
type txn struct {
	tx        *bbolt.Tx
	codec     *codec
	buckets   map[string]*table
	feeds     map[uint32]*openFeed
	counts    counts
	seq       uint64
	known     *searchCache       // nil where there is none
	defined   []*search          // saved searches; nil until they are asked for, or after a change
	redefined bool               // one was changed in this transaction
	grown     map[*openFeed]bool // feeds to whose log the batch has added; true if something not live

	files      *rawFiles // nil where nothing is kept there
	now        func() time.Time
	out        *output // to files; nil until something is
	notes      *notes  // for the journal; nil where there is none
	concurrent []feed.UUID
	from       uint64 // number of what the batch was read from; 0 for nothing
}

func newTxn(tx *bbolt.Tx, c *codec) *txn {
	return &txn{tx: tx, codec: c, buckets: make(map[string]*table, 20), feeds: make(map[uint32]*openFeed),
		grown: make(map[*openFeed]bool)}
}

// begin reads what the transaction starts from, the first time that it is asked to.
func (t *txn) begin() error {
	if t.counts.Feeds > 0 {
		return nil
	}
	if err := unseal(t.bucket(bucketMeta).Get(keyCounts), &t.counts); err != nil {
		return fmt.Errorf("%w: counts: %v", store.ErrDamaged, err)
	}
	if last, _ := t.bucket(bucketLog).Cursor().Last(); last != nil {
		t.seq = binary.BigEndian.Uint64(last)
	}
	return nil
}

func (t *txn) bucket(name []byte) *table {
	b := t.buckets[string(name)]
	if b == nil {
		found := t.tx.Bucket(name)
		if found == nil {
			return nil // an upgrade has not come to it yet
		}
		if rising(name) {
			found.FillPercent = 0.9 // keys only ever rise here, so no room need be left between them
		}
		b = &table{Bucket: found, name: name}
		if t.notes != nil && slices.ContainsFunc(primary(), func(p []byte) bool { return &p[0] == &name[0] }) {
			b.notes = t.notes
		}
		t.buckets[string(name)] = b
	}
	return b
}

// journaled has the transaction kept in the journal, with what was received, if there is one.
func (d *DB) journaled(t *txn) {
	t.files, t.now, t.notes = d.raw, d.now, &notes{at: make(map[string]int)}
}

// output is what the transaction adds to the files.
func (t *txn) output() (o *output, err error) {
	if t.out == nil {
		t.out, err = t.files.begin(t.now())
	}
	return t.out, err
}

// log writes what was received and what the transaction has changed to the files.
func (t *txn) log() error {
	meta := t.tx.Bucket(bucketMeta)
	if t.files == nil {
		if meta.Get(keyJournal) == nil {
			return nil
		}
		return meta.Delete(keyJournal) // what goes on without it makes it useless
	}
	if len(t.notes.list) == 0 {
		return nil
	}
	o, err := t.output()
	if err != nil {
		return err
	}
	l := logbook{output: o, concurrent: t.concurrent}
	for i := range t.notes.list {
		if err := l.enter(&t.notes.list[i]); err != nil {
			return err
		}
	}
	if err := l.turn(false); err != nil {
		return err
	}
	if err := putHead(t.tx, o.head); err != nil {
		return err
	}
	return t.files.write(o)
}

// rising reports whether the keys of a bucket (or of each feed in it) only ever rise.
func rising(name []byte) bool {
	for _, bucket := range [][]byte{bucketLog, bucketFeedLog, bucketChange, bucketFeedTouch, bucketIncident} {
		if &name[0] == &bucket[0] {
			return true
		}
	}
	return false
}

// flush writes the open records.
func (t *txn) flush() error {
	for _, number := range slices.Sorted(maps.Keys(t.feeds)) {
		f := t.feeds[number]
		if !f.changed {
			continue
		}
		if err := t.touch(f); err != nil {
			return fmt.Errorf("write feed %q: %w", f.Name, err)
		}
		raw, err := seal(&f.feedRecord)
		if err != nil {
			return fmt.Errorf("encode feed %q: %w", f.Name, err)
		}
		if err := t.bucket(bucketFeed).Put(u32(number), raw); err != nil {
			return fmt.Errorf("write feed %q: %w", f.Name, err)
		}
	}
	if t.counts.Feeds == 0 {
		return nil // nothing began
	}
	raw, err := seal(&t.counts)
	if err != nil {
		return fmt.Errorf("encode counts: %w", err)
	}
	return t.bucket(bucketMeta).Put(keyCounts, raw)
}

// newest returns the newest revision of an article.
func (t *txn) newest(id feed.ID) (*feed.Article, error) {
	return newest(t.tx, t.codec, id)
}

func newest(tx *bbolt.Tx, c *codec, id feed.ID) (*feed.Article, error) {
	return revision(tx, c, newestSeq(tx.Bucket(bucketRevision).Cursor(), id))
}

// newestSeq finds the sequence number of an article's newest revision.
func newestSeq(c *bbolt.Cursor, id feed.ID) uint64 {
	k, past := lastSeq(c, id)
	for len(past) > 0 && len(k) == 16 && feed.ID(binary.BigEndian.Uint64(k)) == id {
		k, past = c.Prev()
	}
	if len(k) == 16 && feed.ID(binary.BigEndian.Uint64(k)) == id {
		return binary.BigEndian.Uint64(k[8:])
	}
	return uint64(id)
}

// lastSeq finds where in the index of revisions an article's last one is, if it has several, or an
// older article's.
func lastSeq(c *bbolt.Cursor, id feed.ID) (k, past []byte) {
	if k, _ := c.Seek(keyRevision(id+1, 0)); k == nil {
		return c.Last()
	}
	return c.Prev()
}

// revision reads one place of the log.
func revision(tx *bbolt.Tx, c *codec, seq uint64) (*feed.Article, error) {
	raw := tx.Bucket(bucketLog).Get(u64(seq))
	if raw == nil {
		return nil, fmt.Errorf("revision %d: %w", seq, store.ErrNotFound)
	}
	a, err := c.article(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: revision %d: %v", store.ErrDamaged, seq, err)
	}
	return a, nil
}

func decode32(b []byte) uint32 {
	if len(b) != 4 {
		return 0 // unreachable unless the file is damaged; no record has the number 0
	}
	return binary.BigEndian.Uint32(b)
}
