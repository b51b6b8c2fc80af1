package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/store"
)

// Sizes says how long the file of an archive was before it was compacted, and is since.
type Sizes struct{ Before, After int64 }

// compacted is what the file is called that is to take the place of the archive's.
func (d *DB) compacted() string { return d.path + ".compact" }

// Compact writes the archive into a new file that is as small as it can be, makes sure that every pair is in
// it, and puts it in the place of the old one. Others read meanwhile; what they write waits. Whenever the
// power fails, one whole archive is there. progress, if not nil, hears how many bytes of pairs are done, of
// about how many.
func (d *DB) Compact(ctx context.Context, progress func(done, of int64)) (sizes Sizes, err error) {
	err = d.alone(ctx, func() (err error) {
		if sizes.Before, err = sizeOf(d.path); err != nil {
			return err
		}
		if err := d.replace(ctx, d.db.Load(), progress); err != nil {
			return err
		}
		sizes.After, err = sizeOf(d.path)
		return err
	})
	if err != nil {
		return Sizes{}, fmt.Errorf("compact the archive: %w", err)
	}
	return sizes, nil
}

// alone runs something while nobody writes and no other file is put in the place of the archive's.
func (d *DB) alone(ctx context.Context, do func() error) (err error) {
	done := make(chan struct{})
	chore := func() {
		defer close(done)
		if err = d.Broken(); err != nil {
			return
		}
		d.place.Lock()
		defer d.place.Unlock()
		err = do()
	}
	select {
	case d.chores <- chore:
		<-done
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-d.stop:
		err = errClosed
	case <-d.stopped:
		err = d.unwritten()
	}
	return err
}

// replace puts a new file with the pairs of from in the place of the archive's. Only the writer may call it.
func (d *DB) replace(ctx context.Context, from *bbolt.DB, progress func(done, of int64)) error {
	fresh := d.compacted()
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// It is open, and so locked, before it has the name by which others look for it.
	db, err := openFile(fresh, &d.options)
	if err != nil {
		return err
	}
	if err = d.fill(ctx, db, from, progress); err == nil {
		err = os.Rename(fresh, d.path)
	}
	if err != nil {
		_ = db.Close() // it is thrown away
		_ = os.Remove(fresh)
		return err
	}
	old := d.db.Swap(db)
	d.known = searchCache{} // it may be of what is no more
	d.edition.Add(1)
	// Those who still read the old one are waited for, which holds nobody else up.
	d.olds.Go(func() { _ = old.Close() })
	// Until the folder is on disk a crash may bring the old file back, so nothing may be written before.
	if err = syncFolder(filepath.Dir(d.path), d.options.NoSync); err != nil {
		err = fmt.Errorf("the archive was compacted, and its folder could not be synced: %w", err)
		d.breaks(err)
	}
	return err
}

// fill copies every pair to a new file, has it on disk, and compares.
func (d *DB) fill(ctx context.Context, to, from *bbolt.DB, progress func(done, of int64)) error {
	alloc := to.AllocSize
	to.NoSync, to.AllocSize = true, 1<<20 // one sync at the end, and not much room that nobody needs
	err := guarded(func() error {
		return from.View(func(tx *bbolt.Tx) error { return copyPairs(ctx, to, tx, progress) })
	})
	to.NoSync, to.AllocSize = d.options.NoSync, alloc
	if err == nil && !d.options.NoSync {
		err = to.Sync()
	}
	if err != nil {
		return err
	}
	return guarded(func() error {
		return from.View(func(want *bbolt.Tx) error {
			return to.View(func(is *bbolt.Tx) error { return same(ctx, is, want) })
		})
	})
}

// copyPairs copies every pair to a file, in their order, so that the pages are full.
func copyPairs(ctx context.Context, to *bbolt.DB, from *bbolt.Tx, progress func(done, of int64)) error {
	var done int64
	return from.ForEach(func(name []byte, b *bbolt.Bucket) error {
		c := b.Cursor()
		k, v := c.First()
		for begun := false; k != nil || !begun; begun = true {
			err := to.Update(func(tx *bbolt.Tx) error {
				b, err := tx.CreateBucketIfNotExists(name)
				if err != nil {
					return err
				}
				b.FillPercent = 0.9
				for size := 0; k != nil && size < maxReplayed; k, v = c.Next() {
					if err := b.Put(k, v); err != nil {
						return err
					}
					size += len(k) + len(v)
					done += int64(len(k) + len(v))
				}
				return context.Cause(ctx)
			})
			if err != nil {
				return err
			}
			if progress != nil {
				progress(done, max(done, from.Size()))
			}
		}
		return nil
	})
}

// same reports whether two archives hold the same pairs.
func same(ctx context.Context, is, want *bbolt.Tx) error {
	a, w := is.Cursor(), want.Cursor()
	ak, _ := a.First()
	wk, _ := w.First()
	for ak != nil || wk != nil {
		if !bytes.Equal(ak, wk) {
			return fmt.Errorf("%w: the copy has the bucket %q for %q", store.ErrDamaged, ak, wk)
		}
		ac, wc := is.Bucket(ak).Cursor(), want.Bucket(wk).Cursor()
		apk, av := ac.First()
		wpk, wv := wc.First()
		for apk != nil || wpk != nil {
			if !bytes.Equal(apk, wpk) || !bytes.Equal(av, wv) {
				return fmt.Errorf("%w: the copy differs in bucket %q at %x", store.ErrDamaged, wk, wpk)
			}
			apk, av = ac.Next()
			wpk, wv = wc.Next()
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		ak, _ = a.Next()
		wk, _ = w.Next()
	}
	return nil
}

func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
