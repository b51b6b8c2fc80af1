package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// fill copies what cannot be derived of an archive to a new file, without what is to be removed, and derives
// the rest: so that nothing is left that followed from it.
func (p *purgePlan) fill(ctx context.Context, db *bbolt.DB, from *bbolt.Tx) error {
	in := intake{db: db, codec: p.codec}
	err := eachPrimary(from, func(e *entry) error {
		keep, err := p.change(from, e)
		if err != nil {
			return fmt.Errorf("bucket %q, key %x: %w", e.Bucket, e.Key, err)
		}
		if !keep {
			return context.Cause(ctx)
		}
		return in.take(e)
	})
	if err == nil {
		err = in.flush()
	}
	if err == nil {
		err = p.touchFeeds(db)
	}
	return err
}

// intake takes entries into a file, so many in a transaction.
type intake struct {
	db    *bbolt.DB
	codec *codec
	list  []entry
	size  int
}

func (in *intake) take(e *entry) error {
	in.list = append(in.list, *e)
	if in.size += len(e.Key) + len(e.Value); in.size < maxReplayed {
		return nil
	}
	return in.flush()
}

func (in *intake) flush() error {
	err := in.db.Update(func(tx *bbolt.Tx) error { return newTxn(tx, in.codec).apply(in.list) })
	in.list, in.size = in.list[:0], 0
	return err
}

// change makes of an entry what stays of it; false for nothing.
func (p *purgePlan) change(from *bbolt.Tx, e *entry) (keep bool, err error) {
	switch e.Bucket {
	case string(bucketLog):
		if p.seqs.has(decode64(e.Key)) {
			e.Value, err = p.blank(e.Value)
		}
	case string(bucketAlias):
		if len(e.Value) != 16 {
			break
		}
		if _, ok := p.ids[feed.ID(binary.BigEndian.Uint64(e.Value))]; ok {
			e.Value = append(bytes.Clone(e.Value[:8]), u64(0)...) // the fingerprint of what it said
		}
	case string(bucketFeedLog):
		if p.seqs.has(decode64(e.Value)) {
			p.feeds[decode32(e.Key[:4])] = decode64(e.Key[4:]) + 1
		}
	case string(bucketFeedSeal):
		if p.inDocument(from, e.Key, e.Value) {
			e.Value = append(bytes.Clone(e.Value[:16]), u64(uint64(toInstant(p.at)))...)
		}
	case string(bucketShelf):
		return !p.whole[feed.SourceID(decode32(e.Key[:4]))], nil
	case string(bucketSource):
		if p.whole[feed.SourceID(decode32(e.Key))] {
			e.Value, err = unshelved(e.Value)
		}
	case string(bucketRaw):
		return !p.captive, nil
	}
	return true, err
}

// inDocument reports whether something that is to be removed is in an archive document, given its seal.
func (p *purgePlan) inDocument(from *bbolt.Tx, k, v []byte) bool {
	number, n := decode32(k[:4]), decode32(k[4:])
	var begin uint64
	if n > 0 {
		begin, _, _ = splitSeal(from.Bucket(bucketFeedSeal).Get(keySeal(number, n-1)))
	}
	end, _, _ := splitSeal(v)
	c, last := from.Bucket(bucketFeedLog).Cursor(), keyLog(number, end)
	for k, v := c.Seek(keyLog(number, begin)); k != nil && bytes.Compare(k, last) < 0; k, v = c.Next() {
		if p.seqs.has(decode64(v)) {
			return true
		}
	}
	return false
}

// unshelved is a source's record with an empty shelf.
func unshelved(v []byte) ([]byte, error) {
	var r sourceRecord
	if err := unseal(v, &r); err != nil {
		return nil, fmt.Errorf("%w: %v", store.ErrDamaged, err)
	}
	if r.History == nil || r.History.Shelved == 0 {
		return v, nil
	}
	r.History.Shelved = 0
	return seal(&r)
}

// blank returns what stays of a revision that is purged: which one it is, when it came, and to which feeds it
// belonged. Readers are told that it was withdrawn when its article was.
func (p *purgePlan) blank(record []byte) ([]byte, error) {
	s, _, err := split(record)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", store.ErrDamaged, err)
	}
	a, err := p.codec.article(record)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", store.ErrDamaged, err)
	}
	left := feed.Article{
		ID: a.ID, Seq: a.Seq, Revision: a.Revision, Twin: a.Twin, Homonym: a.Homonym, Past: a.Past, Withdrawn: true, Purged: true,
		Source: a.Source, Key: a.Key, GUID: a.GUID, PermaLink: a.PermaLink, Filed: a.Filed,
		Published: a.Published, Updated: a.Updated, Arrived: a.Arrived, Seen: a.Seen, Modified: p.ids[a.ID],
	}
	for _, t := range a.Tags {
		left.Tags = append(left.Tags, feed.Tag{Term: t.String()})
	}
	for _, who := range a.Authors {
		left.Authors = append(left.Authors, feed.Person{Name: who.String()})
	}
	packed, err := p.codec.payload(&left)
	if err != nil {
		return nil, err
	}
	return p.codec.record(&left, packed, s.Raw)
}
