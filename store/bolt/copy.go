package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/store"
)

// Segment is a file of what was received and of the journal. Its first Bytes bytes never change.
type Segment struct {
	Name  string
	Bytes int64
}

// CopyTo writes a copy of the archive's file, as it is when it is called, to a new file at path, and returns
// how far the files in the folder of what was received ([Options.Raw]) belong to it. Others read and write
// meanwhile. The copy is on disk when CopyTo returns; where it fails there is none.
func (d *DB) CopyTo(ctx context.Context, path string) (segments []Segment, err error) {
	d.segments.RLock()
	defer d.segments.RUnlock()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("copy the archive: %w", err)
	}
	err = d.view(func(tx *bbolt.Tx) error {
		if segments, err = d.belonging(tx); err != nil {
			return err
		}
		_, err = tx.WriteTo(&gentle{ctx: ctx, file: file, noSync: d.options.NoSync})
		return err
	})
	if err == nil && !d.options.NoSync {
		err = file.Sync()
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause // of which bbolt keeps only the words
	}
	if err = errors.Join(err, file.Close()); err != nil {
		_ = os.Remove(path)
		return nil, fmt.Errorf("copy the archive: %w", err)
	}
	return segments, nil
}

// belonging returns how far the files belong to the archive as a transaction sees it.
func (d *DB) belonging(tx *bbolt.Tx) (list []Segment, err error) {
	head, err := readHead(tx)
	if err != nil || head == nil || d.rawDir == "" {
		return nil, err
	}
	names, err := segments(d.rawDir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		info, err := os.Stat(filepath.Join(d.rawDir, name))
		if err != nil {
			return nil, err
		}
		switch c := compareSegments(name, head.Segment); {
		case c < 0:
			list = append(list, Segment{name, info.Size()})
		case c == 0 && info.Size() < head.End:
			return nil, fmt.Errorf("%w: %s is cut short: %d bytes are there of %d", store.ErrDamaged, name, info.Size(), head.End)
		case c == 0:
			return append(list, Segment{name, head.End}), nil
		}
	}
	return nil, fmt.Errorf("%w: %s is not there, in which the journal ends", store.ErrDamaged, filepath.Join(d.rawDir, head.Segment))
}

// syncEach is how many bytes of a copy are written before they are on disk: while the system writes gigabytes
// at once, others wait for it, and so do the commits of this archive.
const syncEach = 8 << 20

// gentle writes until a context ends, and a little at a time.
type gentle struct {
	ctx    context.Context
	file   *os.File
	noSync bool
	dirty  int
}

func (g *gentle) Write(p []byte) (int, error) {
	if err := context.Cause(g.ctx); err != nil {
		return 0, err
	}
	n, err := g.file.Write(p)
	if g.dirty += n; err == nil && g.dirty >= syncEach && !g.noSync {
		g.dirty = 0
		err = g.file.Sync()
	}
	return n, err
}
