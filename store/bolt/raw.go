package bolt

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/warc"
)

// maxSegment is how long a WARC file grows before the next is begun.
const maxSegment = 1 << 30

const segmentSuffix = ".warc.gz"

// rawFiles is the folder with what was received and the journal, in WARC files that only grow: one for
// each month, and more where one would become too long. Only the writer uses it.
type rawFiles struct {
	dir    string
	noSync bool
	name   string   // of the newest file; empty for none
	file   *os.File // that file; nil for none
	size   int64    // of it
	full   bool     // nothing is added to that file any more
	head   journalHead
	failed error // why nothing can be written any more
}

// openRawFiles opens the newest file in a folder, which is made where it is not there.
func openRawFiles(dir string, noSync bool) (*rawFiles, error) {
	f := &rawFiles{dir: dir, noSync: noSync}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := syncFolder(filepath.Dir(dir), f.noSync); err != nil {
		return nil, err
	}
	names, err := segments(dir)
	if err != nil || len(names) == 0 {
		return f, err
	}
	f.name = names[len(names)-1]
	if f.file, err = os.OpenFile(filepath.Join(dir, f.name), os.O_RDWR, 0); err != nil {
		return nil, err
	}
	if f.size, err = f.file.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(err, f.file.Close())
	}
	return f, nil
}

func (f *rawFiles) close() error {
	if f == nil || f.file == nil {
		return nil
	}
	return f.file.Close()
}

// segments lists the WARC files of a folder in the order in which they were written.
func segments(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if _, n := segmentOf(e.Name()); n > 0 && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, compareSegments)
	return names, nil
}

func compareSegments(a, b string) int {
	aMonth, aN := segmentOf(a)
	bMonth, bN := segmentOf(b)
	if c := strings.Compare(aMonth, bMonth); c != 0 {
		return c
	}
	return aN - bN
}

// segmentOf takes the name of a file apart: 2026-11.warc.gz, 2026-11-2.warc.gz. The number is 0 for what
// is no such name.
func segmentOf(name string) (month string, n int) {
	stem, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(stem) < len("2006-01") {
		return "", 0
	}
	month, rest := stem[:7], stem[7:]
	if _, err := time.Parse("2006-01", month); err != nil {
		return "", 0
	}
	if rest == "" {
		return month, 1
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(rest, "-")); err == nil && n > 1 && rest == "-"+strconv.Itoa(n) {
		return month, n
	}
	return "", 0
}

func segmentName(month string, n int) string {
	if n == 1 {
		return month + segmentSuffix
	}
	return month + "-" + strconv.Itoa(n) + segmentSuffix
}

// output is what one transaction adds to the files: all of it to one of them, with one write and one sync.
type output struct {
	name  string
	base  int64 // where it begins in the file
	fresh bool  // the file is begun with it
	at    time.Time
	data  []byte
	head  journalHead // as it is with it

	before  rawFiles // for undo
	written bool
}

// begin returns an output to the file for this time; where the clock has gone back, to the newest.
func (f *rawFiles) begin(now time.Time) (*output, error) {
	if f.failed != nil {
		return nil, fmt.Errorf("write to %s: it failed before, and must be opened anew: %w", f.dir, f.failed)
	}
	o := &output{name: f.name, base: f.size, at: now.UTC(), head: f.head, before: *f}
	month := o.at.Format("2006-01")
	newest, n := segmentOf(f.name)
	switch {
	case month > newest:
		o.name, o.base, o.fresh = segmentName(month, 1), 0, true
	case f.full || f.size >= maxSegment:
		o.name, o.base, o.fresh = segmentName(newest, n+1), 0, true
	}
	if !o.fresh && f.size > 0 {
		return o, nil
	}
	_, err := o.add(&warc.Record{
		Type: warc.Info, ContentType: "application/warc-fields",
		Fields: []warc.Field{{Name: "WARC-Filename", Value: o.name}},
		Block:  []byte("software: backissue\r\nformat: WARC file version 1.1\r\n"),
	})
	return o, err
}

// add adds a record, which is given an identifier and a date where it has none, and returns where it begins.
func (o *output) add(r *warc.Record) (offset int64, err error) {
	if r.ID == (feed.UUID{}) {
		r.ID = randomID()
	}
	if r.Date.IsZero() {
		r.Date = o.at
	}
	offset = o.base + int64(len(o.data))
	o.data, err = warc.Append(o.data, r)
	return offset, err
}

func (o *output) end() int64 { return o.base + int64(len(o.data)) }

// randomID returns a UUID of version 4 (RFC 9562 §5.4).
func randomID() (id feed.UUID) {
	_, _ = rand.Read(id[:]) // it never fails
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

// write has the output on disk when it returns nil. Otherwise the files are as they were.
func (f *rawFiles) write(o *output) error {
	err := f.put(o)
	if err == nil {
		return nil
	}
	return errors.Join(fmt.Errorf("write %s: %w", filepath.Join(f.dir, o.name), err), f.undo(o))
}

func (f *rawFiles) put(o *output) (err error) {
	if o.fresh {
		// 0600: the journal holds what its owner gives along when sources are asked.
		file, err := os.OpenFile(filepath.Join(f.dir, o.name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		f.file, f.name, f.size, f.full = file, o.name, 0, false
		if err := syncFolder(f.dir, f.noSync); err != nil {
			return err
		}
	}
	if _, err := f.file.WriteAt(o.data, o.base); err != nil {
		return err
	}
	if !f.noSync {
		if err := f.file.Sync(); err != nil {
			// What the system holds now may never reach the disk, whatever a later sync says.
			f.failed = err
			return err
		}
	}
	f.size, f.head, o.written = o.end(), o.head, true
	return nil
}

// undo takes back an output whose transaction was not committed.
func (f *rawFiles) undo(o *output) error {
	failed := f.failed
	if o.fresh {
		if f.name == o.name && f.file != nil && o.before.name != o.name {
			err := errors.Join(f.file.Close(), os.Remove(filepath.Join(f.dir, o.name)))
			*f = o.before
			f.failed = errors.Join(failed, err)
		}
		return nil
	}
	err := f.file.Truncate(o.base)
	*f = o.before
	f.failed = errors.Join(failed, err)
	return err
}

// done ends the use of the file before, once the transaction is committed.
func (f *rawFiles) done(o *output) {
	if o.fresh && o.before.file != nil {
		_ = o.before.file.Close() // it is on disk
	}
}

// syncFolder has the names in a folder on disk, unless that is left to the system.
func syncFolder(dir string, noSync bool) error {
	if noSync {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// scan reads the records of a WARC file from one byte to another (to its end, where to is negative), and
// calls each with every record and the bytes from which and to which it goes. Where there is none it
// calls broken, and goes on at the next that it finds.
func scan(path string, from, to int64, each func(r *warc.Record, begin, end int64) error, broken func(at int64, err error)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if to >= 0 && size < to {
		broken(size, fmt.Errorf("%w: the file ends at %d, not at %d", warc.ErrTorn, size, to))
	}
	if to < 0 || size < to {
		to = size
	}
	for at := from; at < to; {
		r := warc.NewReader(io.NewSectionReader(file, at, to-at))
		r.Own = true
		var bad error
		for {
			record, err := r.Next()
			if err == io.EOF {
				return nil
			}
			if errors.Is(err, warc.ErrTorn) || errors.Is(err, warc.ErrBroken) {
				bad = err
				break
			}
			if err != nil {
				return fmt.Errorf("read %s at %d: %w", path, at+r.Offset(), err)
			}
			if err := each(record, at+r.Offset(), at+r.End()); err != nil {
				return err
			}
		}
		broken(at+r.Offset(), bad)
		if at, err = nextRecord(file, at+r.Offset()+1, to); err != nil {
			return err
		}
	}
	return nil
}

// nextRecord finds where a record begins that can be read, from a byte on; to where there is none.
func nextRecord(file *os.File, from, to int64) (int64, error) {
	buf := make([]byte, 1<<20)
	for from < to {
		n, err := file.ReadAt(buf[:min(int64(len(buf)), to-from)], from)
		if err != nil && err != io.EOF {
			return 0, err
		}
		i := strings.Index(string(buf[:n]), warc.MemberHead)
		if i < 0 {
			from += int64(max(1, n-len(warc.MemberHead)+1))
			continue
		}
		r := warc.NewReader(io.NewSectionReader(file, from+int64(i), to-from-int64(i)))
		if _, err := r.Next(); err == nil {
			return from + int64(i), nil
		}
		from += int64(i) + 1
	}
	return to, nil
}

// member reads a record that is known to stand there.
func member(dir, segment string, offset, length int64) ([]byte, error) {
	if _, n := segmentOf(segment); n == 0 || offset < 0 || length < 0 || length > 1<<30 {
		return nil, fmt.Errorf("%w: it is said to be at %d of %q", store.ErrDamaged, offset, segment)
	}
	file, err := os.Open(filepath.Join(dir, segment))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data := make([]byte, length)
	_, err = io.ReadFull(io.NewSectionReader(file, offset, length), data)
	return data, err
}
