package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// primary lists the buckets that hold what cannot be derived from others; the rest follow from them
// ([txn.follow]). Those that the journal needs first
// when it is done again come first: the log before what is said of articles.
func primary() [][]byte {
	return [][]byte{
		bucketMeta, bucketLog, bucketAlias, bucketSource, bucketSourceURL, bucketFeed, bucketFeedLog, bucketFeedDate, bucketFeedBack,
		bucketFeedSeal, bucketShelf, bucketAbout, bucketSearch, bucketMark, bucketWindow, bucketChange, bucketTrouble, bucketIncident,
		bucketHub, bucketRaw,
	}
}

// ownKey reports whether a key of meta is about this file, not about the archive.
func ownKey(k []byte) bool {
	return bytes.Equal(k, keyFormat) || bytes.Equal(k, keyJournal) || bytes.Equal(k, keyPurge)
}

// table is a bucket of which the changes are noted for the journal, if it is a primary one.
type table struct {
	*bbolt.Bucket
	name  []byte
	notes *notes // nil where nothing is noted
}

// Put stores a value.
func (b *table) Put(k, v []byte) error {
	if b.notes != nil && b.matters(k, v) {
		if v == nil {
			v = []byte{}
		}
		b.notes.note(string(b.name), k, v)
	}
	return b.Bucket.Put(k, v)
}

// Delete deletes a key.
func (b *table) Delete(k []byte) error {
	if b.notes != nil {
		b.notes.note(string(b.name), k, nil)
	}
	return b.Bucket.Delete(k)
}

// matters reports whether the journal must know of a value.
func (b *table) matters(k, v []byte) bool {
	switch name := string(b.name); {
	case b.notes.noted(name, k):
		return true
	case name == string(bucketLog), name == string(bucketFeedLog):
		return true // where nothing is ever replaced
	case name == string(bucketMeta) && ownKey(k):
		return false
	case name == string(bucketSource):
		return !sameSource(b.Get(k), v)
	default:
		old := b.Get(k)
		return len(old) == 0 || !bytes.Equal(old, v)
	}
}

// sameSource reports whether two records of a source differ at most in what the next visit finds out
// again: when it was made, and what of it is remembered for the one after. The journal does without.
func sameSource(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	if bytes.Equal(a, b) {
		return true
	}
	var x, y sourceRecord
	if unseal(a, &x) != nil || unseal(b, &y) != nil {
		return false
	}
	x.forget()
	y.forget()
	a, errA := seal(&x)
	b, errB := seal(&y)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// forget leaves out of a record what the journal does without.
func (r *sourceRecord) forget() {
	r.ETag, r.LastModified, r.BodyHash, r.TTL, r.Failures = "", "", "", 0, 0
	r.Checked, r.Changed, r.Due = 0, 0, 0
	if r.Status != http.StatusGone {
		r.Status = 0
	}
	if h := r.History; h != nil {
		h.Allowed, h.Requests, h.Bytes = 0, 0, 0
	}
	m := r.Manners
	if m == nil {
		return
	}
	m.Allowed, m.Tally, m.SkipHours, m.SkipDays = 0, nil, 0, 0
	if m.Push != nil {
		m.Push.Pushed = 0
	}
	if len(m.Headers) == 0 && m.MovedTo == "" && m.MovedSince == 0 && m.MovedSeen == 0 && m.Push == nil &&
		m.User == "" && m.Password == "" && m.Bearer == "" && m.Cookie == "" && m.Proxy == "" {
		r.Manners = nil
	}
}

// eachPrimary calls f with everything that cannot be derived.
func eachPrimary(tx *bbolt.Tx, f func(*entry) error) error {
	for _, name := range primary() {
		c := tx.Bucket(name).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if bytes.Equal(name, bucketMeta) && ownKey(k) {
				continue
			}
			if v == nil {
				v = []byte{}
			}
			if err := f(&entry{Bucket: string(name), Key: k, Value: v}); err != nil {
				return err
			}
		}
	}
	return nil
}

// apply does what entries of the journal say, and what follows from it.
func (t *txn) apply(entries []entry) error {
	for i := range entries {
		e := &entries[i]
		b := t.tx.Bucket([]byte(e.Bucket))
		if b == nil {
			return fmt.Errorf("%w: the journal has something of bucket %q, which is not known", store.ErrDamaged, e.Bucket)
		}
		old := bytes.Clone(b.Get(e.Key))
		var err error
		if e.Value == nil {
			err = b.Delete(e.Key)
		} else {
			err = b.Put(e.Key, e.Value)
		}
		if err == nil {
			err = t.follow(e.Bucket, e.Key, old, e.Value)
		}
		if err != nil {
			return fmt.Errorf("bucket %q, key %x: %w", e.Bucket, e.Key, err)
		}
	}
	return nil
}

// follow changes the derived buckets as follows from a change to a primary one, given the values of a key
// before and after, nil for none.
func (t *txn) follow(bucket string, k, old, is []byte) error {
	switch bucket {
	case string(bucketLog):
		if is != nil {
			return t.followLog(is)
		}
	case string(bucketSource):
		return t.followSource(k, old, is)
	case string(bucketFeed):
		return t.followFeed(k, old, is)
	case string(bucketMark):
		return t.followMark(k, is)
	case string(bucketRaw):
		var r rawRecord
		if is == nil {
			return nil
		}
		if err := unseal(is, &r); err != nil || r.Gone {
			return err
		}
		return t.bucket(bucketRawDigest).Put(digestKey(r.Body), k)
	}
	return nil
}

func (t *txn) followLog(record []byte) error {
	s, _, err := split(record)
	if err != nil {
		return err
	}
	if k := keyKey(s.Key); t.bucket(bucketKey).Get(k) == nil {
		if err := t.bucket(bucketKey).Put(k, u64(s.ID)); err != nil {
			return err
		}
	}
	switch {
	case s.Revision > 0:
		return t.bucket(bucketRevision).Put(keyRevision(feed.ID(s.ID), s.Seq), pastMark(s.Past))
	case s.Twin != 0:
		return t.bucket(bucketTwins).Put(keyTwins(feed.ID(s.Twin), feed.ID(s.ID)), nil)
	}
	if t.codec == nil {
		if t.codec, err = newCodec(t.tx.Bucket(bucketMeta).Get(keyDictionary(dictionaryID))); err != nil {
			return err
		}
	}
	a, err := t.codec.article(record)
	if err != nil {
		return err
	}
	return t.nameTwin(feed.TwinNames(a), a.ID)
}

// pastMark is what the index of revisions says of one that is older than the newest.
func pastMark(past bool) []byte {
	if past {
		return []byte("p")
	}
	return nil
}

func (t *txn) followSource(k, old, is []byte) error {
	id := feed.SourceID(decode32(k))
	var was, now sourceRecord
	if old != nil && unseal(old, &was) != nil {
		was = sourceRecord{} // it was damaged: what followed from it is found by comparing
	}
	if is != nil {
		if err := unseal(is, &now); err != nil {
			return err
		}
	}
	return errors.Join(t.reschedule(id, &was, &now), t.flag(id, &was, &now))
}

func (t *txn) followFeed(k, old, is []byte) error {
	var was, now feedRecord
	if old != nil && unseal(old, &was) == nil && was.Touched != 0 {
		if err := t.bucket(bucketFeedTouch).Delete(u64(was.Touched)); err != nil {
			return err
		}
	}
	if is == nil {
		return nil
	}
	if err := unseal(is, &now); err != nil {
		return err
	}
	err := errors.Join(
		t.bucket(bucketFeedTouch).Put(u64(now.Touched), k),
		t.bucket(bucketFeedName).Put(keyName(now.Kind, now.Name), k),
	)
	key := now.Key
	switch {
	case now.Kind == store.All, now.Kind == store.Search && !bytes.ContainsRune([]byte(key), '/'):
		return err // which are found by their names
	case now.Kind == store.Source:
		key = string(keySource(feed.SourceID(now.Source)))
	}
	return errors.Join(err, t.bucket(bucketFeedKey).Put(keyName(now.Kind, key), k))
}

func (t *txn) followMark(k, is []byte) error {
	var m mark
	if is != nil {
		if err := unseal(is, &m); err != nil {
			return err
		}
	}
	s, _, err := split(t.tx.Bucket(bucketLog).Get(k))
	if err != nil {
		return err
	}
	held := keyHeld(feed.SourceID(s.Source), feed.ID(binary.BigEndian.Uint64(k)))
	if m.Held {
		return t.bucket(bucketHeld).Put(held, nil)
	}
	return t.bucket(bucketHeld).Delete(held)
}
