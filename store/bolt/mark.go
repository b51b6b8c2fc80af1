package bolt

import (
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

func readMark(tx *bbolt.Tx, id feed.ID) (m mark, err error) {
	if raw := tx.Bucket(bucketMark).Get(u64(uint64(id))); raw != nil {
		if err := unseal(raw, &m); err != nil {
			return m, fmt.Errorf("%w: mark of article %d: %v", store.ErrDamaged, id, err)
		}
	}
	return m, nil
}

func (t *txn) mark(id feed.ID) (mark, error) { return readMark(t.tx, id) }

// putMark stores what is known about an article, and counts it among what its source holds back.
func (t *txn) putMark(source *feed.Source, id feed.ID, m mark) error {
	held, k := t.bucket(bucketHeld), keyHeld(source.ID, id)
	found, _ := held.Cursor().Seek(k)
	switch was := string(found) == string(k); {
	case m.Held && !was:
		source.Held++
		t.counts.Held++
		if err := held.Put(k, nil); err != nil {
			return err
		}
	case !m.Held && was:
		source.Held--
		t.counts.Held--
		if err := held.Delete(k); err != nil {
			return err
		}
	}
	if m == (mark{}) {
		return t.bucket(bucketMark).Delete(u64(uint64(id)))
	}
	raw, err := seal(&m)
	if err != nil {
		return fmt.Errorf("encode the mark of article %d: %w", id, err)
	}
	return t.bucket(bucketMark).Put(u64(uint64(id)), raw)
}

// changed enters something that happened to an article in the log of changes.
func (t *txn) changed(kind store.ChangeKind, id feed.ID, seq uint64, at time.Time) error {
	raw, err := seal(&change{byte(kind), uint64(id), seq, toInstant(at)})
	if err != nil {
		return fmt.Errorf("encode a change of article %d: %w", id, err)
	}
	t.counts.Changes++
	return t.bucket(bucketChange).Put(u64(t.counts.Changes), raw)
}

// shownLive reports whether a revision is the one by which the live feeds show its article.
func shownLive(tx *bbolt.Tx, seq uint64) (bool, error) {
	s, _, err := split(tx.Bucket(bucketLog).Get(u64(seq)))
	if err != nil {
		return false, fmt.Errorf("%w: revision %d: %v", store.ErrDamaged, seq, err)
	}
	m, err := readMark(tx, feed.ID(s.ID))
	return m.live(newestSeq(tx.Bucket(bucketRevision).Cursor(), feed.ID(s.ID))) == seq, err
}
