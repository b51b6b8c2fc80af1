package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/store"
)

// reference makes in a file of its own what the journal says that the archive is in a transaction. What the
// journal does without is taken from the archive itself. It also returns what of the WARC files cannot be
// read.
func (d *DB) reference(ctx context.Context, tx *bbolt.Tx, path string, hear func(done, of int64)) (*bbolt.DB, []string, error) {
	head, err := readHead(tx)
	if err != nil {
		return nil, nil, err
	}
	if head == nil {
		return nil, nil, fmt.Errorf("%w: meta: the journal is not there", store.ErrDamaged)
	}
	j, err := readJournalTo(ctx, d.rawDir, head, hear)
	if err != nil {
		return nil, nil, err
	}
	list, err := chain(j.all, loggedName{head.N, head.Digest}, loggedName{})
	if err != nil {
		return nil, j.broke, err
	}
	db, err := replay(ctx, j, list, path)
	if err == nil {
		err = adoptSources(db, tx)
	}
	if err != nil && db != nil {
		err = errors.Join(err, db.Close())
	}
	return db, j.broke, err
}

// adoptSources takes what the journal does without of each source from an archive.
func adoptSources(db *bbolt.DB, from *bbolt.Tx) error {
	return db.Update(func(tx *bbolt.Tx) error {
		t := newTxn(tx, nil)
		c := from.Bucket(bucketSource).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if want := tx.Bucket(bucketSource).Get(k); want == nil || bytes.Equal(want, v) || !sameSource(v, want) {
				continue
			}
			if err := t.apply([]entry{{Bucket: string(bucketSource), Key: k, Value: v}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// derivedAnew copies what cannot be derived of an archive to a file of its own, and derives the rest.
func derivedAnew(ctx context.Context, from *bbolt.Tx, path string) (*bbolt.DB, error) {
	db, err := replay(ctx, nil, nil, path)
	if err != nil {
		return db, err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		t := newTxn(tx, nil)
		err := eachPrimary(from, func(e *entry) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return t.apply([]entry{*e})
		})
		if t.codec != nil {
			t.codec.close()
		}
		if head := from.Bucket(bucketMeta).Get(keyJournal); head != nil && err == nil {
			err = tx.Bucket(bucketMeta).Put(keyJournal, head)
		}
		return err
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// received checks that everything that was received is there and whole, and what names it.
func (c *checker) received(d *DB) {
	var last uint64
	c.each(bucketRaw, func(k, v []byte) {
		number := decode64(k)
		if number != last+1 {
			c.fault("raw: %d follows %d", number, last)
		}
		last = number
		var r rawRecord
		if err := unseal(v, &r); err != nil {
			c.fault("raw %d: %v", number, err)
			return
		}
		if d.rawDir == "" || r.Gone {
			return // nobody said where it is, or it is nowhere any more
		}
		if _, err := readCapture(d.rawDir, &r); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = errShort
			}
			c.fault("raw %d: in %s at %d: %v", number, r.Segment, r.Offset, err)
		}
	})
	c.each(bucketRawDigest, func(k, v []byte) {
		var r rawRecord
		if err := unseal(c.tx.Bucket(bucketRaw).Get(v), &r); err != nil || !bytes.Equal(digestKey(r.Body), k) {
			c.fault("raw-digest: %x leads to %d, which is another", k, decode64(v))
		}
	})
	c.each(bucketLog, func(k, v []byte) {
		if s, _, err := split(v); err == nil && s.Raw != 0 && c.tx.Bucket(bucketRaw).Get(u64(s.Raw)) == nil {
			c.fault("revision %d: was read from %d, which is not there", decode64(k), s.Raw)
		}
	})
}

// Capture returns what a revision was read from; ErrNotFound where that is not known, ErrPurged where it was
// removed for good.
func (d *DB) Capture(_ context.Context, seq uint64) (*store.Capture, error) {
	d.segments.RLock()
	defer d.segments.RUnlock()
	var r rawRecord
	err := d.view(func(tx *bbolt.Tx) error {
		v := tx.Bucket(bucketLog).Get(u64(seq))
		if v == nil {
			return fmt.Errorf("revision %d: %w", seq, store.ErrNotFound)
		}
		s, _, err := split(v)
		if err != nil {
			return fmt.Errorf("%w: revision %d: %v", store.ErrDamaged, seq, err)
		}
		if s.Raw == 0 || d.rawDir == "" {
			return fmt.Errorf("what revision %d was read from: %w", seq, store.ErrNotFound)
		}
		if err := unseal(tx.Bucket(bucketRaw).Get(u64(s.Raw)), &r); err != nil {
			return fmt.Errorf("%w: raw %d: %v", store.ErrDamaged, s.Raw, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c, err := readCapture(d.rawDir, &r)
	if errors.Is(err, store.ErrPurged) {
		return nil, fmt.Errorf("what revision %d was read from: %w", seq, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: what revision %d was read from, in %s at %d: %v", store.ErrDamaged, seq, r.Segment, r.Offset, err)
	}
	return c, nil
}

// Repair makes the derived buckets anew and takes what differs from the journal from there, where there is
// one, in one transaction, and returns in words what it has changed. What is lost of the pages themselves
// it cannot mend: then only [Rebuild] helps. progress, if not nil, hears how many bytes of the journal have
// been read, of how many.
func (d *DB) Repair(ctx context.Context, progress func(done, of int64)) (changes []string, err error) {
	done := make(chan error, 1)
	chore := func() { // alone: what others change is in the journal only when they have ended
		done <- d.update(func(tx *bbolt.Tx) (err error) {
			changes, err = d.repair(ctx, tx, progress)
			return err
		})
	}
	select {
	case d.chores <- chore:
		err = <-done
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-d.stop:
		err = errClosed
	case <-d.stopped:
		err = d.unwritten()
	}
	if err != nil {
		return nil, fmt.Errorf("repair the archive: %w", err)
	}
	return changes, nil
}

func (d *DB) repair(ctx context.Context, tx *bbolt.Tx, progress func(done, of int64)) (changes []string, err error) {
	path, remove, err := scratch(filepath.Dir(d.path))
	if err != nil {
		return nil, err
	}
	defer remove()
	var db *bbolt.DB
	if d.rawDir != "" {
		// The writer knows the journal's last record even where the archive does not.
		if err := putHead(tx, d.raw.head); err != nil {
			return nil, err
		}
		db, _, err = d.reference(ctx, tx, path, progress)
	} else {
		db, err = derivedAnew(ctx, tx, path)
	}
	if err != nil {
		return nil, err
	}
	defer db.Close()
	err = db.View(func(want *bbolt.Tx) error {
		wrong, err := differences(tx, want)
		for i := 0; i < len(wrong) && err == nil; i++ {
			changes = append(changes, wrong[i].String())
			err = mend(tx, &wrong[i])
		}
		if err != nil {
			return err
		}
		// Where keys were not in their order they have not been found.
		if wrong, err = differences(tx, want); err != nil {
			return err
		}
		for _, bucket := range slices.CompactFunc(wrong, func(a, b difference) bool { return bytes.Equal(a.bucket, b.bucket) }) {
			if err := remake(tx, want, bucket.bucket); err != nil {
				return err
			}
		}
		return nil
	})
	d.known = searchCache{} // it may be of what was mended
	return changes, err
}

func differences(is, want *bbolt.Tx) (all []difference, err error) {
	err = compare(is, want, func(d *difference) error {
		all = append(all, difference{d.bucket, bytes.Clone(d.key), clone(d.is), clone(d.want)})
		return nil
	})
	return all, err
}

// clone copies a value; what is not nil stays so.
func clone(v []byte) []byte {
	if v == nil {
		return nil
	}
	return append([]byte{}, v...)
}

// remake fills a bucket anew.
func remake(tx, from *bbolt.Tx, name []byte) error {
	if err := tx.DeleteBucket(name); err != nil {
		return err
	}
	b, err := tx.CreateBucket(name)
	if err != nil {
		return err
	}
	c := from.Bucket(name).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if err := b.Put(bytes.Clone(k), clone(v)); err != nil {
			return err
		}
	}
	return nil
}

func mend(tx *bbolt.Tx, d *difference) error {
	b, err := tx.CreateBucketIfNotExists(d.bucket)
	switch {
	case err != nil || d.key == nil:
		return err
	case d.want == nil:
		return b.Delete(d.key)
	}
	return b.Put(d.key, d.want)
}
