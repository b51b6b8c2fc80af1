package bolt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// subscriber is a [store.Subscriber], as it is stored.
type subscriber struct {
	Topic    string  `cbor:"1,keyasint"`
	Callback string  `cbor:"2,keyasint"`
	Secret   string  `cbor:"3,keyasint,omitempty"`
	Until    instant `cbor:"4,keyasint,omitempty"`
	Told     uint64  `cbor:"5,keyasint,omitempty"`
}

func keyHub(topic, callback string) []byte {
	t, c := sha256.Sum256([]byte(topic)), sha256.Sum256([]byte(callback))
	return append(t[:16:16], c[:16]...)
}

// SetPush implements [store.Store].
func (d *DB) SetPush(ctx context.Context, id feed.SourceID, change func(*feed.Push)) error {
	err := d.inTurn(ctx, func(t *txn) error {
		source, err := t.lookup(id, "")
		if err != nil {
			return err
		}
		was := source.Fetch.Push
		if change(&source.Fetch.Push); source.Fetch.Push == was {
			return nil
		}
		return t.writeSource(source)
	})[0]
	if err != nil {
		return fmt.Errorf("note how source %d stands with its hub: %w", id, err)
	}
	return nil
}

// Enrol implements [store.Store].
func (d *DB) Enrol(ctx context.Context, subscribers ...store.Subscriber) error {
	err := d.inTurn(ctx, func(t *txn) error {
		b := t.bucket(bucketHub)
		for _, s := range subscribers {
			raw, err := seal(&subscriber{s.Topic, s.Callback, s.Secret, toInstant(s.Until), s.Told})
			if err != nil {
				return err
			}
			if err := b.Put(keyHub(s.Topic, s.Callback), raw); err != nil {
				return err
			}
		}
		return nil
	})[0]
	if err != nil {
		return fmt.Errorf("enrol subscribers: %w", err)
	}
	return nil
}

// Dismiss implements [store.Store].
func (d *DB) Dismiss(ctx context.Context, topic, callback string) error {
	err := d.inTurn(ctx, func(t *txn) error {
		return t.bucket(bucketHub).Delete(keyHub(topic, callback))
	})[0]
	if err != nil {
		return fmt.Errorf("dismiss a subscriber to %q: %w", topic, err)
	}
	return nil
}

// Subscribers implements [store.Store].
func (d *DB) Subscribers(ctx context.Context) (all []store.Subscriber, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketHub).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			var r subscriber
			if err := unseal(v, &r); err != nil {
				return fmt.Errorf("%w: hub, subscriber %x: %v", store.ErrDamaged, k, err)
			}
			all = append(all, store.Subscriber{Topic: r.Topic, Callback: r.Callback, Secret: r.Secret, Until: r.Until.time(), Told: r.Told})
		}
		return ctx.Err()
	})
	return all, err
}

// hub checks that every subscriber stands where it is looked for.
func (c *checker) hub() {
	c.each(bucketHub, func(k, v []byte) {
		var r subscriber
		if err := unseal(v, &r); err != nil {
			c.fault("hub: subscriber %x: %v", k, err)
		} else if !bytes.Equal(k, keyHub(r.Topic, r.Callback)) {
			c.fault("hub: subscriber %x is %q to %q", k, r.Callback, r.Topic)
		}
	})
}
