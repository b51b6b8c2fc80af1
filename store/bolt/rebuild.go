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
	"github.com/backissue/backissue/store/warc"
)

// Rebuild makes the archive that a folder with the journal is of, in a new file at path, as it was when the
// last record was written. What is lacking of it is what the next visit to each source finds out again.
// progress, if not nil, hears how many bytes have been read, of how many. Where it fails there is no file.
func Rebuild(ctx context.Context, rawDir, path string, progress func(done, of int64)) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("rebuild %s: it is there already", path)
	}
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("rebuild %s: %w", path, err)
	}
	if err := rebuild(ctx, rawDir, part, progress); err != nil {
		_ = os.Remove(part)
		return fmt.Errorf("rebuild %s: %w", path, err)
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("rebuild %s: %w", path, err)
	}
	return syncFolder(filepath.Dir(path), false)
}

func rebuild(ctx context.Context, rawDir, path string, progress func(done, of int64)) (err error) {
	j, err := readJournal(ctx, rawDir, progress)
	if err != nil {
		return err
	}
	last, ok := newestLogged(j.all)
	if !ok {
		return fmt.Errorf("%w: %s holds no journal", store.ErrDamaged, rawDir)
	}
	list, err := chain(j.all, loggedName{last.n, last.digest}, loggedName{})
	if err != nil {
		return err
	}
	db, err := replay(ctx, j, list, path)
	if db != nil {
		if err == nil {
			err = db.Sync()
		}
		err = errors.Join(err, db.Close())
	}
	return err
}

// journal is what a folder holds of one.
type journal struct {
	dir   string
	all   []logged
	broke []string // what cannot be read, in words
	size  int64
	hear  func(done, of int64)
}

// readJournal finds the records of the journal in a folder, and reads all others on the way.
func readJournal(ctx context.Context, dir string, hear func(done, of int64)) (*journal, error) {
	return readJournalTo(ctx, dir, nil, hear)
}

// readJournalTo stops at the record that is given, if one is.
func readJournalTo(ctx context.Context, dir string, to *journalHead, hear func(done, of int64)) (*journal, error) {
	j := &journal{dir: dir, hear: hear}
	names, err := segments(dir)
	if err != nil {
		return nil, err
	}
	ends := make([]int64, len(names))
	for i, name := range names {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		ends[i] = info.Size()
		if to != nil {
			switch c := compareSegments(name, to.Segment); {
			case c == 0:
				ends[i] = to.End
			case c > 0:
				ends[i] = 0
			}
		}
		j.size += ends[i]
	}
	var before int64
	for i, name := range names {
		err := scan(filepath.Join(dir, name), 0, ends[i], func(r *warc.Record, begin, end int64) error {
			if l, ok := asLogged(r, name, begin, end); ok {
				j.all = append(j.all, l)
			}
			j.tell(before + end)
			return ctx.Err()
		}, func(at int64, err error) {
			j.broke = append(j.broke, fmt.Sprintf("raw: %s at %d: %v", name, at, err))
		})
		if err != nil {
			return nil, err
		}
		before += ends[i]
	}
	return j, nil
}

func (j *journal) tell(done int64) {
	if j.hear != nil {
		j.hear(done, j.size)
	}
}

// maxReplayed is how many bytes of values one transaction of a replay takes, about.
const maxReplayed = 16 << 20

// replay does what records of a journal say, in a new file, and returns that, open.
func replay(ctx context.Context, j *journal, list []logged, path string) (*bbolt.DB, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		FreelistType: bbolt.FreelistMapType, PageSize: pageSize, NoSync: true, NoFreelistSync: false,
	})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets() {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketMeta).Put(keyFormat, u32(FormatVersion))
	})
	var c *codec
	for i := 0; i < len(list) && err == nil; {
		err = db.Update(func(tx *bbolt.Tx) error {
			t := newTxn(tx, c)
			for size := 0; i < len(list) && size < maxReplayed; i++ {
				entries, err := list[i].entries(j.dir)
				if err == nil {
					err = t.apply(entries)
				}
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					return err
				}
				for _, e := range entries {
					size += len(e.Key) + len(e.Value)
				}
			}
			c = t.codec
			last := list[i-1]
			return putHead(tx, journalHead{last.n, last.digest, last.segment, last.end})
		})
	}
	if c != nil {
		c.close()
	}
	return db, err
}

// difference is a pair that is not as it should be.
type difference struct {
	bucket, key []byte
	is, want    []byte // nil for none
}

func (d *difference) String() string {
	key := d.key[:min(len(d.key), 100)]
	switch {
	case d.is == nil:
		return fmt.Sprintf("%s: key %x is lost", d.bucket, key)
	case d.want == nil:
		return fmt.Sprintf("%s: key %x should not be there", d.bucket, key)
	}
	return fmt.Sprintf("%s: key %x is not what it was", d.bucket, key)
}

// compare calls f with each pair in which an archive differs from what it should be.
func compare(is, want *bbolt.Tx, each func(*difference) error) error {
	f := func(d *difference) error {
		if bytes.Equal(d.bucket, bucketMeta) && bytes.Equal(d.key, keyPurge) {
			return nil // a purge is under way
		}
		return each(d)
	}
	for _, name := range buckets() {
		b := is.Bucket(name)
		if b == nil {
			if err := f(&difference{bucket: name}); err != nil {
				return err
			}
			continue
		}
		a, w := b.Cursor(), want.Bucket(name).Cursor()
		ak, av := a.First()
		wk, wv := w.First()
		for ak != nil || wk != nil {
			var err error
			switch c := bytes.Compare(ak, wk); {
			case wk == nil || ak != nil && c < 0:
				err = f(&difference{name, ak, some(av), nil})
				ak, av = a.Next()
			case ak == nil || c > 0:
				err = f(&difference{name, wk, nil, some(wv)})
				wk, wv = w.Next()
			default:
				if !bytes.Equal(av, wv) {
					err = f(&difference{name, ak, some(av), some(wv)})
				}
				ak, av = a.Next()
				wk, wv = w.Next()
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// some is a value that is not nil.
func some(v []byte) []byte {
	if v == nil {
		return []byte{}
	}
	return v
}

// Hold keeps other processes from opening the archive in the file at path, if there is one that can be opened,
// until release is called. It returns an error that wraps store.ErrInUse where one has it open.
func Hold(path string) (release func() error, err error) {
	release = func() error { return nil }
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return release, nil
	}
	db, err := openFile(path, &Options{})
	switch {
	case errors.Is(err, store.ErrInUse):
		return nil, err
	case err == nil:
		release = db.Close
	} // what is too damaged for us is so for others
	return release, nil
}
