package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"math"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/backissue/backissue/store"
)

// ErrReadOnly is why nothing is written to an archive that was opened for reading only.
var ErrReadOnly = errors.New("the archive is open for reading only")

// brokenPage is what bbolt, or the system, said of a page that is not what it should be.
type brokenPage struct{ said any }

func (b brokenPage) Error() string {
	said := fmt.Sprint(b.said)
	if _, fault := b.said.(runtime.Error); fault {
		// It is about addresses in memory, and nobody could do anything with it.
		said = "a page leads to where there is none, or cannot be read"
	}
	return fmt.Sprintf("%v: %s", store.ErrDamaged, said)
}

func (b brokenPage) Unwrap() error { return store.ErrDamaged }

// breaks has nothing written any more.
func (d *DB) breaks(why error) {
	if d.broken.CompareAndSwap(nil, &why) {
		close(d.halted)
	}
}

// Halted returns a channel that is closed when nothing is written any more; [DB.Broken] says why.
func (d *DB) Halted() <-chan struct{} { return d.halted }

// Broken returns why nothing is written any more: ErrReadOnly, or an error that wraps store.ErrDamaged once
// a page was met that is broken; nil while all is well.
func (d *DB) Broken() error {
	if why := d.broken.Load(); why != nil {
		return *why
	}
	return nil
}

// unwritten is why nobody writes.
func (d *DB) unwritten() error {
	if err := d.Broken(); err != nil {
		return err
	}
	return errClosed
}

// readable reports whether an archive of a format can be read without being upgraded first.
func readable(format uint32) error {
	if format < FormatVersion {
		return fmt.Errorf("%w, and its format %d must be brought to %d first", ErrReadOnly, format, FormatVersion)
	}
	return nil
}

// openFile opens the file at path.
func openFile(path string, o *Options) (*bbolt.DB, error) {
	wait := o.Wait
	if wait == 0 {
		wait = 100 * time.Millisecond
	}
	bo := &bbolt.Options{
		Timeout: wait, FreelistType: bbolt.FreelistMapType, PageSize: pageSize, NoSync: o.NoSync, ReadOnly: o.ReadOnly,
	}
	if runtime.GOOS != "windows" && math.MaxInt > math.MaxInt32 && !o.ReadOnly {
		// Growing the map has to wait for every reader; so reserve addresses (not memory) for good.
		bo.InitialMmapSize = 16 << 30
	}
	var db *bbolt.DB
	var opened fs.FileInfo
	try := func() error {
		var file *os.File
		bo.OpenFile = func(name string, flag int, perm os.FileMode) (_ *os.File, err error) {
			if file, err = os.OpenFile(name, flag, perm); err == nil {
				opened, err = file.Stat()
			}
			return file, err
		}
		err := guarded(func() (err error) {
			db, err = bbolt.Open(path, 0o600, bo)
			return err
		})
		if errors.As(err, new(brokenPage)) {
			giveUp(file)
		}
		return err
	}
	err := try()
	if errors.Is(err, syscall.ENOMEM) {
		bo.InitialMmapSize = 0 // addresses are rationed here (ulimit -v)
		err = try()
	}
	switch {
	case errors.Is(err, bbolterrors.ErrTimeout):
		return nil, fmt.Errorf("open %s: %w", path, store.ErrInUse)
	case errors.Is(err, store.ErrDamaged):
		return nil, fmt.Errorf("open %s: %w", path, err)
	case errors.Is(err, bbolterrors.ErrInvalid), errors.Is(err, bbolterrors.ErrChecksum),
		errors.Is(err, bbolterrors.ErrVersionMismatch), err != nil && strings.Contains(err.Error(), "file size too small"):
		return nil, fmt.Errorf("open %s: %w: %v", path, store.ErrDamaged, err)
	case err != nil:
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	if replaced(opened, path) {
		// Who had it has compacted it while its lock was waited for: what has the name now is another file.
		if err := db.Close(); err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		return openFile(path, o)
	}
	return db, nil
}

// replaced reports whether a path leads to another file than the one that was opened there.
func replaced(opened fs.FileInfo, path string) bool {
	is, err := os.Stat(path)
	return opened != nil && err == nil && !os.SameFile(opened, is)
}

// lookAt looks at a file before it is opened: bbolt would make a new archive of an empty one, and ask for
// pages behind the end of one that was cut short.
func lookAt(path string, o *Options) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%w: it is a folder, not a file", store.ErrDamaged)
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is a %v, not a file", store.ErrDamaged, info.Mode().Type())
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil // which is for bbolt to say
	case err != nil || info.Size() == 0:
		return begun(o.Raw, err != nil)
	case o.ReadOnly:
		return nil // what is there can be read
	}
	if info.Size() <= 4*pageSize && begun(o.Raw, false) == nil {
		if err := restart(path); err != nil {
			return err
		}
		if info, err = os.Stat(path); err != nil || info.Size() == 0 {
			return nil // which is for bbolt to make
		}
	}
	want, err := measure(path)
	if err == nil && want > info.Size() {
		err = fmt.Errorf("%w: it is cut short: %d bytes are there of %d", store.ErrDamaged, info.Size(), want)
	}
	return err
}

// begun refuses to begin an archive beside the journal of one.
func begun(raw string, absent bool) error {
	if raw == "" {
		return nil
	}
	names, err := segments(raw)
	if err != nil || len(names) == 0 {
		return nil // there is no folder, or what is wrong with it is found when it is opened
	}
	if absent {
		return fmt.Errorf("%w: it is not there, and %s holds the journal of one", store.ErrDamaged, raw)
	}
	return fmt.Errorf("%w: it is empty, and %s holds the journal of one", store.ErrDamaged, raw)
}

// measure returns how long the file must be by what it says itself (see checkpages.go); 0 where it says nothing.
func measure(path string) (int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, nil // which is for bbolt to say
	}
	defer file.Close()
	var want int64
	var newest uint64
	for n := range int64(2) {
		raw := make([]byte, metaLen+8)
		if _, err := file.ReadAt(raw, n*pageSize+pageHead); err == io.EOF {
			continue
		} else if err != nil {
			return 0, fmt.Errorf("%w: it cannot be read: %v", store.ErrDamaged, err)
		}
		h := fnv.New64a()
		_, _ = h.Write(raw[:metaLen]) // it never fails
		size := int64(binary.NativeEndian.Uint32(raw[8:]))
		if binary.NativeEndian.Uint64(raw[metaLen:]) != h.Sum64() || size != pageSize {
			continue
		}
		if txid := binary.NativeEndian.Uint64(raw[48:]); want == 0 || txid > newest {
			newest, want = txid, int64(binary.NativeEndian.Uint64(raw[40:]))*size
		}
	}
	return want, nil
}

// InUse returns store.ErrInUse where a process has the file at path open as an archive, whatever state the
// file is in, and nil where none has.
func InUse(path string) error {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return nil
	}
	db, err := openFile(path, &Options{})
	if errors.Is(err, store.ErrInUse) {
		return err
	}
	if err == nil {
		return db.Close()
	}
	return nil
}
