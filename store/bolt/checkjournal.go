package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/store"
)

// scratch returns where a file can be made in a folder for as long as something is compared, and a function
// that removes it.
func scratch(folder string) (path string, remove func(), err error) {
	dir, err := os.MkdirTemp(folder, ".check-")
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(dir, "archive.db"), func() { _ = os.RemoveAll(dir) }, nil
}

// journal compares the archive with what its journal says, pair by pair. It needs room for another one
// meanwhile: beside the archive or, where there is none or nothing can be written, in the system's folder for
// such things (TMPDIR).
func (c *checker) journal(d *DB, hear func(done, of int64)) error {
	beside, elsewhere := filepath.Dir(d.path), os.TempDir()
	err := c.journalIn(beside, d, hear)
	if noRoom(err) {
		if err = c.journalIn(elsewhere, d, hear); noRoom(err) {
			err = fmt.Errorf("compare with the journal: neither in %s nor in %s (TMPDIR) is room for a second archive: %w", beside, elsewhere, err)
		}
	}
	return err
}

// noRoom reports whether an error is that of a place where nothing, or no more, can be written.
func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission)
}

func (c *checker) journalIn(folder string, d *DB, hear func(done, of int64)) error {
	path, remove, err := scratch(folder)
	if err != nil {
		return err
	}
	defer remove()
	db, broke, err := d.reference(c.ctx, c.tx, path, hear)
	if noRoom(err) {
		return err
	}
	for _, b := range broke {
		c.fault("%s", b)
	}
	if err != nil {
		if errors.Is(err, store.ErrDamaged) || errors.Is(err, os.ErrNotExist) {
			c.fault("journal: %v", err)
			return nil
		}
		return err
	}
	defer db.Close()
	return db.View(func(want *bbolt.Tx) error {
		return compare(c.tx, want, func(d *difference) error {
			c.fault("%s", d)
			return nil
		})
	})
}
