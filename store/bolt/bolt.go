// Package bolt is the archive in one bbolt file.
//
// One process at a time owns the file. A single goroutine writes: it takes whatever saves are
// waiting into one transaction, so that many small visits share one commit, and tells each of them
// when that commit is on disk.
package bolt

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/backissue/backissue/store"
)

// FormatVersion is the version of the key schema and the records that this program writes. A file
// with a higher one is refused with [store.ErrTooNew].
const FormatVersion = 5

// pageSize of new files. Compressed articles are a few hundred bytes to a few kilobytes, of which
// the usual 4096 would leave much unused.
const pageSize = 8192

// Options are the ways in which an archive may be opened. The zero value is good.
type Options struct {
	// Wait is how long to wait for another process to give the file up; 0 means 100 ms. After that,
	// Open returns store.ErrInUse.
	Wait time.Duration
	// Raw is the folder in which what batches were read from is kept, as WARC files, with the journal; empty
	// for none.
	Raw string
	// ReadOnly opens what is there for reading only, and may do so with a file that is damaged: what can be read
	// of it is. Every write is refused with [ErrReadOnly].
	ReadOnly bool
	// Kept, if not nil, hears where a copy of an archive of an older format was put before it is upgraded.
	Kept func(path string, format uint32)
	// Journaled, if not nil, hears how many bytes have been written while an archive that has no journal
	// begins one.
	Journaled func(bytes int64)
	// NoSync leaves it to the system when commits reach the disk. Only for tests and benchmarks that
	// would otherwise measure the disk.
	NoSync bool
	// Now tells the time of what nobody else dates: when something was released. nil means time.Now.
	Now func() time.Time
}

// DB is an archive in one bbolt file. Its methods may be called by many goroutines.
type DB struct {
	db       atomic.Pointer[bbolt.DB] // another one after Compact
	path     string
	options  Options
	codec    *codec
	edition  atomic.Uint64
	writes   chan []*write
	stop     chan struct{} // closed by Close
	stopped  chan struct{} // closed when the writer has ended
	closing  atomic.Bool
	chores   chan func()           // what the writer is to do outside any transaction
	broken   atomic.Pointer[error] // why nothing is written any more; nil while something may be
	halted   chan struct{}         // closed once that is so
	place    sync.Mutex            // held while another file is put in the place of the archive's
	olds     sync.WaitGroup        // files that were replaced and are being closed
	segments sync.RWMutex          // held by those who read all WARC files, and while some are removed
	steps    func(string)          // of a purge, for tests
	now      func() time.Time
	known    searchCache // the writer's own
	said     said        // what was read again is compared with
	stretch  int         // see maxFindings
	raw      *rawFiles   // the writer's own; nil for none
	rawDir   string
	written  int // writes since the last relax; the writer's own
}

var _ store.Store = (*DB)(nil)

// Open opens the archive in the file at path, and makes it if it is not there. It returns an error
// that wraps store.ErrInUse, store.ErrTooNew or store.ErrDamaged where one of them is the reason.
func Open(path string, o *Options) (*DB, error) {
	if o == nil {
		o = &Options{}
	}
	if err := lookAt(path, o); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db, err := openFile(path, o)
	if err != nil {
		return nil, err
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	d := &DB{
		path: path, options: *o, now: now, writes: make(chan []*write), chores: make(chan func()),
		stop: make(chan struct{}), stopped: make(chan struct{}), halted: make(chan struct{}), stretch: maxFindings,
	}
	d.db.Store(db)
	if err := d.begin(o); err != nil {
		_ = d.raw.close()
		_ = db.Close() // nothing was written that is not committed
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	d.edition.Store(1)
	if o.ReadOnly {
		d.breaks(ErrReadOnly)
		close(d.stopped)
	} else {
		go d.write()
	}
	return d, nil
}

// begin makes the file an archive of this format, and brings its journal and it together.
func (d *DB) begin(o *Options) error {
	format, dict, fresh, err := d.prepare()
	if err != nil {
		return err
	}
	if d.codec, err = newCodec(dict); err != nil {
		return err
	}
	if fresh { // or a power cut could take its name, and all that is acknowledged from now on with it
		if err := syncFolder(filepath.Dir(d.path), o.NoSync); err != nil {
			return err
		}
	}
	if o.ReadOnly {
		d.rawDir = o.Raw
		return readable(format)
	}
	for _, left := range []string{d.compacted(), d.path + ".purge"} {
		_ = os.Remove(left) // the archive is ours, so nobody is at work on that any more
	}
	if format < FormatVersion {
		if err := d.keepOld(format); err != nil {
			return err
		}
		if err := d.upgrade(format); err != nil {
			return err
		}
	}
	if o.Raw == "" {
		return nil
	}
	d.rawDir = o.Raw
	if err := d.sweep(o.Raw); err != nil {
		return fmt.Errorf("end a purge: %w", err)
	}
	if d.raw, err = openRawFiles(o.Raw, o.NoSync); err != nil {
		return fmt.Errorf("open what was received: %w", err)
	}
	return d.recover(fresh)
}

// prepare makes a new file an archive and refuses what is none. It returns the archive's format and
// the dictionary with which its records are written.
func (d *DB) prepare() (version uint32, dict []byte, fresh bool, err error) {
	var format []byte
	err = d.view(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta == nil {
			first, _ := tx.Cursor().First()
			if first != nil {
				return fmt.Errorf("%w: the file is a bbolt database of another program", store.ErrDamaged)
			}
			fresh = true
			return nil
		}
		format = append(format, meta.Get(keyFormat)...)
		dict = append(dict, meta.Get(keyDictionary(dictionaryID))...)
		return nil
	})
	if err != nil {
		return 0, nil, false, err
	}
	if fresh && d.options.ReadOnly {
		return 0, nil, false, fmt.Errorf("%w: there is nothing in it", store.ErrDamaged)
	}
	if fresh {
		return FormatVersion, dictionary, true, d.update(create)
	}
	if len(format) != 4 {
		return 0, nil, false, fmt.Errorf("%w: it has no format version", store.ErrDamaged)
	}
	if version = binary.BigEndian.Uint32(format); version > FormatVersion {
		return 0, nil, false, fmt.Errorf("%w: its format is %d, this program knows up to %d", store.ErrTooNew, version, FormatVersion)
	}
	return version, dict, false, nil
}

// create lays out an empty archive.
func create(tx *bbolt.Tx) error {
	for _, name := range buckets() {
		if _, err := tx.CreateBucket(name); err != nil {
			return fmt.Errorf("create bucket %q: %w", name, err)
		}
	}
	all, err := seal(&feedRecord{Kind: store.All, Edition: 1, Touched: 1})
	if err != nil {
		return err // unreachable: the record is a constant
	}
	first, err := seal(&counts{Feeds: allFeed, Touches: 1})
	if err != nil {
		return err // unreachable: the record is a constant
	}
	identity := make([]byte, 16)
	if _, err := rand.Read(identity); err != nil {
		return err // unreachable: it never fails
	}
	meta := tx.Bucket(bucketMeta)
	return errors.Join(
		meta.Put(keyIdentity, identity),
		meta.Put(keyFormat, u32(FormatVersion)),
		meta.Put(keyDictionary(dictionaryID), dictionary),
		meta.Put(keyCounts, first),
		tx.Bucket(bucketFeed).Put(u32(allFeed), all),
		tx.Bucket(bucketFeedTouch).Put(u64(1), u32(allFeed)),
		tx.Bucket(bucketFeedName).Put(keyName(store.All, ""), u32(allFeed)),
	)
}

// Close ends the writer after the saves under way and closes the file.
func (d *DB) Close() error {
	if !d.closing.CompareAndSwap(false, true) {
		return nil
	}
	close(d.stop)
	<-d.stopped
	err := errors.Join(d.db.Load().Close(), d.raw.close())
	d.olds.Wait()
	d.codec.close()
	return err
}

// Edition returns a number that rises with every commit of this process.
func (d *DB) Edition() uint64 { return d.edition.Load() }

func (d *DB) view(f func(*bbolt.Tx) error) error {
	for {
		db := d.db.Load()
		err := guarded(func() error { return db.View(f) })
		if !errors.Is(err, bbolterrors.ErrDatabaseNotOpen) || d.db.Load() == db {
			return err
		} // it was compacted meanwhile
	}
}

func (d *DB) update(f func(*bbolt.Tx) error) error {
	if why := d.broken.Load(); why != nil {
		return *why
	}
	err := guarded(func() error { return d.db.Load().Update(f) })
	if err == nil {
		d.edition.Add(1)
	}
	if errors.As(err, new(brokenPage)) || errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EROFS) {
		// To write on would make it worse: after a sync that failed, the next may succeed and what was
		// written before it be lost all the same.
		d.breaks(err)
	}
	return err
}

// guarded turns the panics by which bbolt reports a broken page, and the faults of reading a page
// that the map has and the file has not, into an error.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = brokenPage{p}
		}
	}()
	return f()
}

// write is something that waits for its turn in a transaction.
type write struct {
	do   func(*txn) error
	done chan error
}

// maxShare bounds how many waiting writes share a commit, so that the first is not kept waiting.
const maxShare = 256

// write is the one goroutine that writes.
func (d *DB) write() {
	defer close(d.stopped)
	for {
		var shared []*write
		select {
		case shared = <-d.writes:
		case chore := <-d.chores:
			chore()
			continue
		case <-d.stop:
			return
		}
		for more := true; more && len(shared) < maxShare; {
			select {
			case others := <-d.writes:
				shared = append(shared, others...)
			default:
				more = false
			}
		}
		d.commit(shared)
	}
}

const (
	relaxAfter = 1000      // writes
	relaxFrom  = 128 << 20 // bytes of the file
)

// commit runs the writes in one transaction. If one fails, the transaction is undone and made again
// without it, so that its error is its own.
func (d *DB) commit(shared []*write) {
	if d.written += len(shared); d.written >= relaxAfter {
		d.written = 0
		defer func() {
			_ = d.view(func(tx *bbolt.Tx) error { // which must not fail either
				relax(tx)
				return nil
			})
		}()
	}
	for len(shared) > 0 {
		failed := -1
		var t *txn
		err := d.update(func(tx *bbolt.Tx) error {
			t = newTxn(tx, d.codec)
			t.known = &d.known
			if d.raw != nil {
				d.journaled(t)
			}
			for i, w := range shared {
				if err := w.do(t); err != nil {
					failed = i
					return err
				}
			}
			if err := t.flush(); err != nil {
				return err
			}
			return t.log()
		})
		if t != nil && t.out != nil {
			err = d.settle(t.out, err)
		}
		if err == nil || failed < 0 {
			for _, w := range shared {
				w.done <- err
			}
			return
		}
		shared[failed].done <- err
		shared = append(shared[:failed], shared[failed+1:]...)
	}
}

// settle ends what was written to the files, or takes it back where the transaction was not committed.
func (d *DB) settle(o *output, err error) error {
	if err == nil {
		d.raw.done(o)
		return nil
	}
	if !o.written {
		return err
	}
	var head *journalHead
	_ = d.view(func(tx *bbolt.Tx) (err error) {
		head, err = readHead(tx)
		return err
	})
	if head != nil && *head == o.head {
		return err // it is there all the same, and must be in both
	}
	return errors.Join(err, d.raw.undo(o))
}

// inTurn runs each of dos in a transaction, one after the other and perhaps shared with others, and
// returns their errors when that is on disk. A context that ends while they are waiting for their
// turn takes them back; one that ends later does not undo what is being committed.
func (d *DB) inTurn(ctx context.Context, dos ...func(*txn) error) []error {
	shared := make([]*write, len(dos))
	for i, do := range dos {
		shared[i] = &write{do, make(chan error, 1)}
	}
	errs := make([]error, len(dos))
	var refused error
	select {
	case d.writes <- slices.Clone(shared):
	case <-ctx.Done():
		refused = context.Cause(ctx)
	case <-d.stop:
		refused = errClosed
	case <-d.stopped:
		refused = d.unwritten()
	}
	for i := range errs {
		if errs[i] = refused; refused == nil {
			errs[i] = <-shared[i].done
		}
	}
	return errs
}

var errClosed = errors.New("the archive is closed")
