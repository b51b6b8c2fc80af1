package bolt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/fxamacker/cbor/v2"
	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/warc"
)

// The journal is a redo log: WARC records of type metadata, beside what was received, that say what each
// transaction made of the primary buckets (tables.go). It is on disk before the transaction is, so that
// the archive can be made anew from it.
//
// A record's block is a sequence of CBOR (RFC 8742): for each key that the transaction changed, in the order in
// which it first did, [bucket, key, value], the value null where the key was deleted. Of the header's fields,
// Backissue-Journal is the number of the record, Backissue-Previous the digest of the block of the one
// before, by which they are a chain, and Backissue-More says that what the record belongs to goes on in
// the next one and counts for nothing without that. A record without Backissue-Previous begins the
// chain: it and those that belong to it hold all that the archive had then.
const (
	fieldJournal  = "Backissue-Journal"
	fieldPrevious = "Backissue-Previous"
	fieldMore     = "Backissue-More"

	typeJournal = "application/cbor-seq"
)

// maxJournalBlock is after how many bytes the journal goes on in another record.
const maxJournalBlock = 8 << 20

// journalHead names the record of the journal that was written last.
type journalHead struct {
	N       uint64 `cbor:"1,keyasint"`
	Digest  string `cbor:"2,keyasint"`
	Segment string `cbor:"3,keyasint"`
	End     int64  `cbor:"4,keyasint"` // the byte behind it
}

// entry is one item of the journal.
type entry struct {
	_      struct{} `cbor:",toarray"`
	Bucket string
	Key    []byte
	Value  []byte // nil where the key was deleted
}

// notes are the changes of a transaction to primary buckets.
type notes struct {
	list []entry
	at   map[string]int // by bucket and key
}

func (n *notes) note(bucket string, k, v []byte) {
	name := bucket + "\x00" + string(k)
	if i, ok := n.at[name]; ok {
		n.list[i].Value = v
		return
	}
	n.at[name] = len(n.list)
	n.list = append(n.list, entry{Bucket: bucket, Key: bytes.Clone(k), Value: v})
}

func (n *notes) noted(bucket string, k []byte) bool {
	_, ok := n.at[bucket+"\x00"+string(k)]
	return ok
}

// logbook writes records of the journal to an output.
type logbook struct {
	*output
	concurrent []feed.UUID
	block      bytes.Buffer
}

// enter adds an item.
func (l *logbook) enter(e *entry) error {
	if l.block.Len() >= maxJournalBlock {
		if err := l.turn(true); err != nil {
			return err
		}
	}
	if e.Value == nil {
		return l.put([]any{e.Bucket, e.Key, nil})
	}
	return l.put([]any{e.Bucket, e.Key, e.Value})
}

func (l *logbook) put(item []any) error {
	raw, err := cbor.Marshal(item)
	if err != nil {
		return fmt.Errorf("encode an item of the journal: %w", err)
	}
	_, _ = l.block.Write(raw) // memory takes all
	return nil
}

// turn ends a record.
func (l *logbook) turn(more bool) error {
	r := &warc.Record{Type: warc.Metadata, ContentType: typeJournal, Block: l.block.Bytes()}
	r.Fields = append(r.Fields, warc.Field{Name: fieldJournal, Value: strconv.FormatUint(l.head.N+1, 10)})
	if l.head.Digest != "" {
		r.Fields = append(r.Fields, warc.Field{Name: fieldPrevious, Value: l.head.Digest})
	}
	if more {
		r.Fields = append(r.Fields, warc.Field{Name: fieldMore, Value: "yes"})
	}
	for _, id := range l.concurrent {
		r.Fields = append(r.Fields, warc.Field{Name: "WARC-Concurrent-To", Value: "<" + id.String() + ">"})
	}
	l.concurrent = nil
	if _, err := l.add(r); err != nil {
		return err
	}
	l.head = journalHead{N: l.head.N + 1, Digest: warc.Digest(l.block.Bytes()), Segment: l.name, End: l.end()}
	l.block.Reset()
	return nil
}

// putHead keeps which record of the journal was the last.
func putHead(tx *bbolt.Tx, head journalHead) error {
	raw, err := seal(&head)
	if err != nil {
		return err // unreachable: it is text and numbers
	}
	return tx.Bucket(bucketMeta).Put(keyJournal, raw)
}

// readHead returns which record of the journal was the last; nil where there is no journal.
func readHead(tx *bbolt.Tx) (*journalHead, error) {
	raw := tx.Bucket(bucketMeta).Get(keyJournal)
	if raw == nil {
		return nil, nil
	}
	var head journalHead
	if err := unseal(raw, &head); err != nil {
		return nil, fmt.Errorf("%w: meta %q: %v", store.ErrDamaged, keyJournal, err)
	}
	return &head, nil
}

// snapshot begins a journal with all that the archive has, in as many records as that takes.
func (d *DB) snapshot() error {
	return d.update(func(tx *bbolt.Tx) error { return d.raw.snapshot(tx, d.now, d.options.Journaled) })
}

// snapshot begins a journal with all that a transaction sees, which hears of it. hear, if not nil, is told how
// many bytes are written.
func (f *rawFiles) snapshot(tx *bbolt.Tx, now func() time.Time, hear func(bytes int64)) (err error) {
	f.head = journalHead{}
	var l logbook
	var written int64
	flush := func(o *output) error {
		if err := f.write(o); err != nil {
			return err
		}
		f.done(o)
		if written += int64(len(o.data)); hear != nil {
			hear(written)
		}
		return nil
	}
	err = eachPrimary(tx, func(e *entry) (err error) {
		if l.output == nil {
			if l.output, err = f.begin(now()); err != nil {
				return err
			}
		}
		if err := l.enter(e); err != nil || len(l.data) < maxJournalBlock {
			return err
		}
		err = flush(l.output) // what is cut off here is told by More to be no whole
		l.output = nil
		return err
	})
	if err == nil && l.output == nil {
		l.output, err = f.begin(now())
	}
	if err != nil {
		return err
	}
	if err := errors.Join(l.turn(false), flush(l.output)); err != nil {
		return err
	}
	return putHead(tx, f.head)
}

// logged is a record of the journal, and where it stands.
type logged struct {
	n                uint64
	digest, previous string
	more             bool
	segment          string
	begin, end       int64
}

// asLogged returns what a record says of its place in the journal; false for one that is not of it.
func asLogged(r *warc.Record, segment string, begin, end int64) (logged, bool) {
	n, err := strconv.ParseUint(r.Get(fieldJournal), 10, 64)
	if err != nil || r.Type != warc.Metadata || r.ContentType != typeJournal {
		return logged{}, false
	}
	return logged{n, warc.Digest(r.Block), r.Get(fieldPrevious), r.Get(fieldMore) != "", segment, begin, end}, true
}

// loggedName is a record's name in the chain.
type loggedName struct {
	n      uint64
	digest string
}

// chain returns the records that lead to a record of the journal, from the first on or, where that is met,
// from the one after since. What was written and never committed is not among them.
func chain(all []logged, to, since loggedName) ([]logged, error) {
	at := make(map[loggedName]int, len(all))
	for i, l := range all {
		at[loggedName{l.n, l.digest}] = i
	}
	var back []logged
	for to != since {
		i, ok := at[to]
		if !ok {
			return nil, fmt.Errorf("%w: record %d of the journal (%s) is not there", store.ErrDamaged, to.n, to.digest)
		}
		l := all[i]
		back = append(back, l)
		if l.previous == "" {
			break
		}
		to = loggedName{l.n - 1, l.previous}
	}
	for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
		back[i], back[j] = back[j], back[i]
	}
	return back, nil
}

// newest returns the last record that ends what it belongs to; false where there is none.
func newestLogged(all []logged) (l logged, ok bool) {
	for i := len(all) - 1; i >= 0; i-- {
		if !all[i].more {
			return all[i], true
		}
	}
	return l, false
}

// entries reads the items of a record.
func (l *logged) entries(dir string) ([]entry, error) {
	data, err := member(dir, l.segment, l.begin, l.end-l.begin)
	if err != nil {
		return nil, err
	}
	r, err := warc.NewReader(bytes.NewReader(data)).Next()
	if err != nil {
		return nil, fmt.Errorf("%w: record %d of the journal, in %s at %d: %v", store.ErrDamaged, l.n, l.segment, l.begin, err)
	}
	if sum := sha256.Sum256(r.Block); "sha256:"+hex.EncodeToString(sum[:]) != l.digest {
		return nil, fmt.Errorf("%w: record %d of the journal, in %s at %d, is another one", store.ErrDamaged, l.n, l.segment, l.begin)
	}
	var list []entry
	for dec := decoding.NewDecoder(bytes.NewReader(r.Block)); ; {
		var e entry
		err := dec.Decode(&e)
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: record %d of the journal: %v", store.ErrDamaged, l.n, err)
		}
		list = append(list, e)
	}
}

// recover brings an archive and its files together when they are opened: what a crash has left half written
// is cut off, what is in the journal and not in the archive is done again, and an archive that has no
// journal gets one.
func (d *DB) recover(fresh bool) error {
	var head *journalHead
	err := d.view(func(tx *bbolt.Tx) (err error) {
		head, err = readHead(tx)
		return err
	})
	if err != nil {
		return err
	}
	names, err := segments(d.raw.dir)
	if err != nil {
		return err
	}
	if fresh && len(names) > 0 {
		return fmt.Errorf("%w: it is not there, and %s holds the journal of one: make it anew from that", store.ErrDamaged, d.raw.dir)
	}
	tail, err := d.raw.tail(names, head)
	if err != nil {
		return err
	}
	if tail == nil {
		return d.snapshot()
	}
	d.raw.head = *head
	since := loggedName{head.N, head.Digest}
	last, ok := newestLogged(tail)
	if !ok {
		return nil
	}
	redo, err := chain(tail, loggedName{last.n, last.digest}, since)
	if err != nil || len(redo) == 0 || redo[0].previous != head.Digest {
		return nil // it is of another chain, of which nothing was committed
	}
	return d.redo(redo)
}

// redo does again what the journal says was done after what the archive knows of.
func (d *DB) redo(list []logged) error {
	return d.update(func(tx *bbolt.Tx) error {
		t := newTxn(tx, d.codec)
		for i := range list {
			entries, err := list[i].entries(d.raw.dir)
			if err != nil {
				return err
			}
			if err := t.apply(entries); err != nil {
				return err
			}
		}
		last := list[len(list)-1]
		d.raw.head = journalHead{last.n, last.digest, last.segment, last.end}
		return putHead(tx, d.raw.head)
	})
}

// tail returns the records of the journal behind the one that an archive knows as its last, and cuts off
// what breaks off. It returns nil where that last one is not there.
func (f *rawFiles) tail(names []string, head *journalHead) ([]logged, error) {
	if head == nil {
		return nil, f.trim(names)
	}
	if info, err := os.Stat(filepath.Join(f.dir, head.Segment)); err != nil || info.Size() < head.End {
		return nil, f.trim(names)
	}
	tail := []logged{}
	for _, name := range names {
		var from int64
		switch c := compareSegments(name, head.Segment); {
		case c < 0:
			continue
		case c == 0:
			from = head.End
		}
		if err := f.read(name, from, &tail); err != nil {
			return nil, err
		}
	}
	return tail, nil
}

// trim cuts off what breaks off at the end of the newest file, of which nothing else is known.
func (f *rawFiles) trim(names []string) error {
	if f.name == "" {
		return nil
	}
	return f.read(f.name, 0, new([]logged))
}

// read reads the records of the journal in a file from a byte on, and cuts off what breaks off at the end.
func (f *rawFiles) read(name string, from int64, list *[]logged) error {
	bad := int64(-1)
	var after bool // something of the journal follows what cannot be read
	err := scan(filepath.Join(f.dir, name), from, -1, func(r *warc.Record, begin, end int64) error {
		if l, ok := asLogged(r, name, begin, end); ok {
			*list = append(*list, l)
			after = bad >= 0
		}
		return nil
	}, func(at int64, _ error) {
		if bad < 0 {
			bad = at
		}
	})
	switch {
	case err != nil || bad < 0 || name != f.name:
		return err
	case after:
		f.full = true // this is no crash: leave it as it is, and write elsewhere
		return nil
	}
	if err := f.file.Truncate(bad); err != nil {
		return fmt.Errorf("cut off what broke off in %s: %w", name, err)
	}
	f.size = bad
	return nil
}
