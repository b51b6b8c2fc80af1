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

// Shelf implements [store.Reader].
func (d *DB) Shelf(_ context.Context, id feed.SourceID) (s store.Shelved, some bool, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		k, v := shelfTop(tx, id)
		if k == nil {
			return nil
		}
		var r shelved
		if err := d.codec.unpack(v, &r); err != nil {
			return fmt.Errorf("%w: document %x on the shelf: %v", store.ErrDamaged, k, err)
		}
		s, some = store.Shelved{URL: r.URL, ContentType: r.ContentType, Body: r.Body}, true
		return nil
	})
	return s, some, err
}

// shelfTop returns the record that was shelved last, nil where there is none.
func shelfTop(tx *bbolt.Tx, id feed.SourceID) (k, v []byte) {
	c := tx.Bucket(bucketShelf).Cursor()
	if k, _ = c.Seek(keySource(id + 1)); k == nil {
		k, v = c.Last()
	} else {
		k, v = c.Prev()
	}
	if !bytes.HasPrefix(k, keySource(id)) {
		return nil, nil
	}
	return k, v
}

// Shelve implements [store.Store].
func (d *DB) Shelve(ctx context.Context, id feed.SourceID, h feed.History, document *store.Shelved) error {
	var packed []byte
	err := ctx.Err()
	if document != nil && err == nil {
		packed, err = d.codec.pack(&shelved{document.URL, document.ContentType, document.Body})
	}
	if err == nil {
		err = d.inTurn(ctx, func(t *txn) error { return t.shelve(id, h, packed) })[0]
	}
	if err != nil {
		return fmt.Errorf("shelve what source %d had before: %w", id, err)
	}
	return nil
}

func (t *txn) shelve(id feed.SourceID, h feed.History, packed []byte) error {
	source, err := t.lookup(id, "")
	if err != nil {
		return err
	}
	h.Shelved = source.Fetch.History.Shelved
	if packed != nil {
		n := uint64(1)
		if top, _ := shelfTop(t.tx, id); top != nil {
			n += binary.BigEndian.Uint64(top[4:])
		}
		if err := t.bucket(bucketShelf).Put(keyShelf(id, n), packed); err != nil {
			return err
		}
		h.Shelved++
	}
	source.Fetch.History = h
	return t.writeSource(source)
}

// unshelve takes off the shelf what a batch has brought in from it, and returns the source as it is now
// and as it was. Of what the batch says of the source only how far the walk has come counts: the rest
// is older than what the last visit found.
func (t *txn) unshelve(b *store.Batch) (is, was *feed.Source, err error) {
	if was, err = t.lookup(b.Source.ID, b.Source.URL); err != nil {
		return nil, nil, err
	}
	top, _ := shelfTop(t.tx, was.ID)
	if top == nil {
		return nil, nil, fmt.Errorf("document on the shelf of source %d: %w", was.ID, store.ErrNotFound)
	}
	if err := t.bucket(bucketShelf).Delete(bytes.Clone(top)); err != nil {
		return nil, nil, err
	}
	source := *was
	source.Fetch.History = b.Source.Fetch.History
	source.Fetch.History.Shelved = was.Fetch.History.Shelved - 1
	return &source, was, t.writeSource(&source)
}

// shelved is a document of a publisher's own archive, as it is stored.
type shelved struct {
	URL         string `cbor:"1,keyasint"`
	ContentType string `cbor:"2,keyasint,omitempty"`
	Body        []byte `cbor:"3,keyasint,omitempty"`
}

// history is a [feed.History], as it is stored.
type history struct {
	Wanted  bool    `cbor:"1,keyasint,omitempty"`
	Next    string  `cbor:"2,keyasint,omitempty"`
	Top     string  `cbor:"3,keyasint,omitempty"`
	Last    string  `cbor:"4,keyasint,omitempty"`
	Fetched int     `cbor:"5,keyasint,omitempty"`
	Shelved int     `cbor:"6,keyasint,omitempty"`
	Begun   instant `cbor:"7,keyasint,omitempty"`
	Done    instant `cbor:"8,keyasint,omitempty"`
	Problem string  `cbor:"9,keyasint,omitempty"`

	Allowed  instant `cbor:"10,keyasint,omitempty"`
	Requests uint64  `cbor:"11,keyasint,omitempty"`
	Bytes    uint64  `cbor:"12,keyasint,omitempty"`
}

func toHistory(h feed.History) *history {
	if h == (feed.History{}) {
		return nil
	}
	return &history{h.Wanted, h.Next, h.Top, h.Last, h.Fetched, h.Shelved, toInstant(h.Begun), toInstant(h.Done), h.Problem,
		toInstant(h.Allowed), h.Requests, h.Bytes}
}

func (h *history) history() feed.History {
	if h == nil {
		return feed.History{}
	}
	return feed.History{Wanted: h.Wanted, Next: h.Next, Top: h.Top, Last: h.Last, Fetched: h.Fetched, Shelved: h.Shelved,
		Begun: h.Begun.time(), Done: h.Done.time(), Problem: h.Problem,
		Allowed: h.Allowed.time(), Requests: h.Requests, Bytes: h.Bytes}
}
