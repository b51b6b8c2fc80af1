package bolt

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// trouble is what the index of trouble says beside a source. Of kinds other than Failing and Gapped it
// says nothing.
type trouble struct {
	Since instant `cbor:"1,keyasint,omitempty"` // the first failed visit; the gap that was told last
	Told  bool    `cbor:"2,keyasint,omitempty"` // the owner has been told that visits fail
	Gone  bool    `cbor:"3,keyasint,omitempty"` // the owner has been told that the feed is gone
}

// incident is a [store.Incident], as it is stored.
type incident struct {
	Kind   byte    `cbor:"1,keyasint"`
	Source uint32  `cbor:"2,keyasint"`
	Name   string  `cbor:"3,keyasint,omitempty"`
	Title  string  `cbor:"4,keyasint,omitempty"`
	At     instant `cbor:"5,keyasint,omitempty"`
	Since  instant `cbor:"6,keyasint,omitempty"`
	Until  instant `cbor:"7,keyasint,omitempty"`
	Count  int     `cbor:"8,keyasint,omitempty"`
	Text   string  `cbor:"9,keyasint,omitempty"`
}

// troubles says which kinds of trouble a source has.
func (r *sourceRecord) troubles() (has [store.Troubles]bool) {
	failing := r.Subscribed && r.Problem != ""
	has[store.Failing] = failing
	has[store.Ended] = failing && r.Status == http.StatusGone
	has[store.Unpushed] = r.Subscribed && r.Manners != nil && r.Manners.Push != nil && r.Manners.Push.Problem != ""
	has[store.Holding] = r.Held > 0
	has[store.Gapped] = r.Gaps > 0
	has[store.Stuck] = r.History != nil && r.History.Problem != ""
	has[store.Mended] = len(r.Repairs) > 0
	return has
}

// watch compares a source with what it was, keeps the index of trouble and the counts, and enters what
// the owner should hear of. For a source that is well, and was, it reads nothing and writes nothing.
func (t *txn) watch(id feed.SourceID, was, is *sourceRecord) error {
	if was.Subscribed != is.Subscribed {
		if err := t.begin(); err != nil {
			return err
		}
		if is.Subscribed {
			t.counts.Subscribed++
		} else {
			t.counts.Subscribed--
		}
	}
	had, has := was.troubles(), is.troubles()
	if err := t.watchFailing(id, had, has, was, is); err != nil {
		return err
	}
	if is.Gaps > was.Gaps {
		if err := t.watchGap(id, had[store.Gapped], is); err != nil {
			return err
		}
		had[store.Gapped] = true
	}
	if has[store.Holding] && !had[store.Holding] {
		if err := t.tell(store.HeldBack, id, is, incident{Count: is.Held}); err != nil {
			return err
		}
	}
	if was.URL != "" && was.URL != is.URL {
		to := feed.Source{URL: is.URL}
		if err := t.tell(store.Moved, id, is, incident{Text: to.PublicURL()}); err != nil {
			return err
		}
	}
	for kind := range has {
		var err error
		switch k := store.Trouble(kind); {
		case k == store.Failing:
		case has[k] && !had[k]:
			err = t.putTrouble(k, id, trouble{}, +1)
		case had[k] && !has[k]:
			err = t.dropTrouble(k, id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// watchFailing keeps since when the visits to a source fail, and tells when that has gone on for a day,
// or the feed is gone, and when a visit is good again.
func (t *txn) watchFailing(id feed.SourceID, had, has [store.Troubles]bool, was, is *sourceRecord) error {
	if !had[store.Failing] && !has[store.Failing] {
		return nil
	}
	var record trouble
	more := +1
	if had[store.Failing] {
		var err error
		if record, err = readTrouble(t.tx, store.Failing, id); err != nil {
			return err
		}
		more = 0
	} else {
		record.Since = is.Checked
	}
	before := record
	switch {
	case !has[store.Failing]:
		if is.Subscribed && (record.Told || record.Gone) {
			if err := t.tell(store.Recovered, id, is, incident{Since: record.Since, Text: was.Problem}); err != nil {
				return err
			}
		}
		return t.dropTrouble(store.Failing, id)
	case has[store.Ended] && !record.Gone:
		record.Gone, record.Told = true, true
		if err := t.tell(store.WentAway, id, is, incident{Since: record.Since, Text: is.Problem}); err != nil {
			return err
		}
	case !record.Told && is.Checked.time().Sub(record.Since.time()) >= store.FailingFor:
		record.Told = true
		if err := t.tell(store.BeganToFail, id, is, incident{Since: record.Since, Text: is.Problem}); err != nil {
			return err
		}
	}
	if record == before && more == 0 {
		return nil
	}
	return t.putTrouble(store.Failing, id, record, more)
}

// watchGap tells of a gap, unless one was told within a day.
func (t *txn) watchGap(id feed.SourceID, had bool, is *sourceRecord) error {
	more := +1
	if had {
		record, err := readTrouble(t.tx, store.Gapped, id)
		if err != nil || is.GapNoticed.time().Sub(record.Since.time()) < 24*time.Hour {
			return err
		}
		more = 0
	}
	if err := t.tell(store.Missed, id, is, incident{Since: is.GapSince, Until: is.GapUntil}); err != nil {
		return err
	}
	return t.putTrouble(store.Gapped, id, trouble{Since: is.GapNoticed}, more)
}

func (t *txn) putTrouble(kind store.Trouble, id feed.SourceID, record trouble, more int) error {
	if err := t.begin(); err != nil {
		return err
	}
	t.counts.Troubled[kind] += uint64(more)
	raw, err := seal(&record)
	if err != nil {
		return fmt.Errorf("encode the trouble with source %d: %w", id, err)
	}
	return t.bucket(bucketTrouble).Put(keyTrouble(kind, id), raw)
}

func (t *txn) dropTrouble(kind store.Trouble, id feed.SourceID) error {
	if err := t.begin(); err != nil {
		return err
	}
	t.counts.Troubled[kind]--
	return t.bucket(bucketTrouble).Delete(keyTrouble(kind, id))
}

// tell enters an incident.
func (t *txn) tell(kind store.IncidentKind, id feed.SourceID, is *sourceRecord, in incident) error {
	if err := t.begin(); err != nil {
		return err
	}
	s := feed.Source{URL: is.URL, Title: is.Title}
	in.Kind, in.Source, in.Name, in.Title, in.At = byte(kind), uint32(id), is.Name, s.DisplayTitle(), is.Checked
	raw, err := seal(&in)
	if err != nil {
		return fmt.Errorf("encode an incident of source %d: %w", id, err)
	}
	t.counts.Incidents++
	return t.bucket(bucketIncident).Put(u64(t.counts.Incidents), raw)
}

func readTrouble(tx *bbolt.Tx, kind store.Trouble, id feed.SourceID) (record trouble, err error) {
	if raw := tx.Bucket(bucketTrouble).Get(keyTrouble(kind, id)); raw != nil {
		if err := unseal(raw, &record); err != nil {
			return record, fmt.Errorf("%w: trouble with source %d: %v", store.ErrDamaged, id, err)
		}
	}
	return record, nil
}

func readIncident(k, v []byte) (store.Incident, error) {
	var r incident
	if err := unseal(v, &r); err != nil {
		return store.Incident{}, fmt.Errorf("%w: incident %x: %v", store.ErrDamaged, k, err)
	}
	return store.Incident{
		N: decode64(k), Kind: store.IncidentKind(r.Kind), Source: feed.SourceID(r.Source), Name: r.Name, Title: r.Title,
		At: r.At.time(), Since: r.Since.time(), Until: r.Until.time(), Count: r.Count, Text: r.Text,
	}, nil
}

// Troubled implements [store.Reader].
func (d *DB) Troubled(_ context.Context, after feed.SourceID, limit int, kinds ...store.Trouble) (list []store.Troubled, err error) {
	if len(kinds) == 0 {
		for kind := range store.Trouble(store.Troubles) {
			kinds = append(kinds, kind)
		}
	}
	err = d.view(func(tx *bbolt.Tx) error {
		next := make([]troubleCursor, len(kinds))
		for i, kind := range kinds {
			next[i] = troubleCursor{Cursor: tx.Bucket(bucketTrouble).Cursor(), kind: byte(kind)}
			next[i].to(next[i].Seek(keyTrouble(kind, after+1)))
		}
		for len(list) < limit {
			id := feed.SourceID(0)
			for i := range next {
				if at := next[i].id; at != 0 && (id == 0 || at < id) {
					id = at
				}
			}
			if id == 0 {
				return nil
			}
			for i := range next {
				if next[i].id == id {
					next[i].to(next[i].Next())
				}
			}
			s, err := readSource(tx, id)
			if err != nil {
				return err
			}
			failing, err := readTrouble(tx, store.Failing, id)
			if err != nil {
				return err
			}
			list = append(list, store.Troubled{Source: *s, Since: failing.Since.time()})
		}
		return nil
	})
	return list, err
}

// troubleCursor goes through the sources that have one kind of trouble.
type troubleCursor struct {
	*bbolt.Cursor
	kind byte
	id   feed.SourceID // where it is; 0 at the end
}

func (c *troubleCursor) to(k, _ []byte) {
	c.id = 0
	if len(k) == 5 && k[0] == c.kind {
		c.id = feed.SourceID(decode32(k[1:]))
	}
}

// Incidents implements [store.Reader].
func (d *DB) Incidents(_ context.Context, before uint64, limit int) (list []store.Incident, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketIncident).Cursor()
		k, v := c.Last()
		if before > 0 && k != nil && decode64(k) >= before {
			c.Seek(u64(before))
			k, v = c.Prev()
		}
		for ; k != nil && len(list) < limit; k, v = c.Prev() {
			in, err := readIncident(k, v)
			if err != nil {
				return err
			}
			list = append(list, in)
		}
		return nil
	})
	return list, err
}

// Overdue implements [store.Reader].
func (d *DB) Overdue(_ context.Context, now time.Time) (n uint64, since time.Time, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketDue).Cursor()
		end := u64(sortable(now) + 1)
		for k, _ := c.First(); k != nil && bytes.Compare(k, end) < 0; k, _ = c.Next() {
			if n++; since.IsZero() {
				since = unsortable(decode64(k[:8])) // which is zero of a new source
			}
		}
		return nil
	})
	return n, since, err
}

// troubles checks the index of trouble against the sources, both ways.
func (c *checker) troubles() {
	c.each(bucketTrouble, func(k, v []byte) {
		var record trouble
		if len(k) != 5 || k[0] >= store.Troubles || unseal(v, &record) != nil {
			c.fault("trouble %x cannot be read", k)
			return
		}
		c.troubled[k[0]]++
		if r, err := readSourceRecord(c.tx, feed.SourceID(decode32(k[1:]))); err != nil || !r.troubles()[k[0]] {
			c.fault("source %d is in the index of trouble (%d) and has none", decode32(k[1:]), k[0])
		}
	})
	c.each(bucketSource, func(k, _ []byte) {
		id := feed.SourceID(decode32(k))
		r, err := readSourceRecord(c.tx, id)
		if err != nil {
			return // told elsewhere
		}
		if r.Subscribed {
			c.subscribed++
		}
		for kind, is := range r.troubles() {
			if is && !has(c.tx.Bucket(bucketTrouble), keyTrouble(store.Trouble(kind), id)) {
				c.fault("source %d has trouble (%d) and is not in the index of that", id, kind)
			}
		}
	})
}

// incidents checks that incidents are numbered without gaps.
func (c *checker) incidents() {
	c.each(bucketIncident, func(k, v []byte) {
		if c.told++; decode64(k) != c.told {
			c.fault("incidents: %d stands in place of %d", decode64(k), c.told)
		}
		in, err := readIncident(k, v)
		if err != nil || c.tx.Bucket(bucketSource).Get(keySource(in.Source)) == nil {
			c.fault("incident %d: source %d: %v", c.told, in.Source, err)
		}
	})
}
