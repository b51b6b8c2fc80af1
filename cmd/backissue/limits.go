package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// An archive that is damaged, or where nothing can be written, is read all the same: what can be read of it
// is shown and served, nothing is fetched, and what would write is refused. docs/faults.md is the whole of it.

// openLimited opens the archive in a folder to be read, where it could not be opened because of the error
// that is given, and returns why nothing is written to it. Where it cannot be read either there is none, and
// the error is what to tell.
func openLimited(dir string, cause error) (*bolt.DB, error) {
	path := filepath.Join(dir, "archive.db")
	hint := remedy(cause)
	if hint == "" {
		return nil, noArchive{cause}
	}
	if errors.Is(cause, store.ErrDamaged) {
		if err := bolt.Followed(path); err != nil {
			return nil, hinted{noArchive{cause}, hint}
		}
	}
	db, err := bolt.Open(path, &bolt.Options{Raw: filepath.Join(dir, "raw"), ReadOnly: true})
	switch {
	case errors.Is(err, bolt.ErrReadOnly): // it is of an older format
		return nil, hinted{noArchive{errors.Join(cause, err)}, hint}
	case err != nil:
		return nil, hinted{noArchive{cause}, hint}
	}
	return db, cause
}

// remedy says what to do about an archive that cannot be written because of an error; "" where the error is
// of another kind.
func remedy(err error) string {
	switch {
	case errors.Is(err, store.ErrDamaged):
		return "make it anew from its journal with: backissue rebuild; or bring back a backup with: backissue restore --aside DIR"
	case errors.Is(err, syscall.EIO):
		return "look at the disk, then start again and run: backissue check"
	case full(err):
		return "make room on the disk of the archive, and start again"
	case errors.Is(err, syscall.EROFS):
		return "have the file system writable, and start again"
	case errors.Is(err, fs.ErrPermission):
		return "let whoever runs this write to the folder of the archive, and start again"
	}
	return ""
}

// full reports whether an error is that of a disk without room.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// limit returns why the archive is only read; nil while it is written too.
func (a *archive) limit() error {
	if why := a.limited.Load(); why != nil {
		return *why
	}
	if db, ok := a.Store.(*bolt.DB); ok {
		return db.Broken()
	}
	return nil // unreachable: there is one engine
}

// halted returns a channel that is closed when nothing can be written any more.
func (a *archive) halted() <-chan struct{} {
	if db, ok := a.Store.(*bolt.DB); ok {
		return db.Halted()
	}
	return nil // unreachable: there is one engine
}

// admit says to whoever typed a command that the archive is only read, and refuses what would write.
func (a *archive) admit(e *env) error {
	why := a.limit()
	if why == nil {
		return nil
	}
	if e.asked(writers()...) {
		return hinted{noArchive{fmt.Errorf("nothing is written to this archive: %w", why)}, remedy(why)}
	}
	fmt.Fprintf(e.Stderr, "backissue: %v; nothing is written, and what can be read is read\n  %s\n", why, remedy(why))
	return nil
}

// asked reports whether the command is one of these verbs.
func (e *env) asked(verbs ...string) bool {
	c, _, err := newRoot(&env{}).Find(e.Args)
	if err != nil {
		return false // it does not come this far
	}
	for ; c.HasParent(); c = c.Parent() {
		if slices.Contains(verbs, c.Name()) {
			return true
		}
	}
	return false
}

// writers are the verbs that have nothing to do where nothing can be written. What others would write is
// refused when they come to that.
func writers() []string {
	return []string{"fetch", "add", "remove", "import", "release", "withdraw", "forget", "compact"}
}
