package bolt

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sort"

	"github.com/fxamacker/cbor/v2"
	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// A document holds no article twice, and the open tail no revision that the live document does not
// show: then the sealed documents and the live one together are the log, each revision once. So a
// tail is cut before a revision whose article is in it already, and all of it is sealed when
// something in it is not live, or is no longer.

// seal ends the archive documents that are full, and early those in which is something that no live
// document will show, of the feeds that the batch has come to.
func (t *txn) seal() error {
	for f, early := range t.grown {
		if !early && f.Kind == store.Search {
			var err error
			if early, err = t.overflows(f); err != nil {
				return err
			}
		}
		full := f.Length - f.Open - (f.Length-f.Open)%store.ArchiveLen
		if early {
			full = f.Length - f.Open
		}
		if err := t.sealUpTo(f, f.Open+full); err != nil {
			return err
		}
	}
	clear(t.grown)
	return nil
}

// cut seals the whole tail of a feed if one of these revisions is in it.
func (t *txn) cut(f *openFeed, seqs []uint64) error {
	if !slices.ContainsFunc(seqs, func(seq uint64) bool { return t.inTail(f, seq) }) {
		return nil
	}
	return t.sealUpTo(f, f.Length)
}

// inTail looks a revision up in the open tail of a feed's log, whose numbers rise unless it is that of a
// search, which may find old articles after new ones.
func (t *txn) inTail(f *openFeed, seq uint64) bool {
	log := t.bucket(bucketFeedLog)
	at := func(n int) uint64 { return decode64(log.Get(keyLog(f.number, f.Open+uint64(n)))) }
	tail := int(f.Length - f.Open)
	if f.Kind == store.Search {
		for n := range tail {
			if at(n) == seq {
				return true
			}
		}
		return false
	}
	if tail == 0 || seq < at(0) {
		return false
	}
	n := sort.Search(tail, func(n int) bool { return at(n) >= seq })
	return n < tail && at(n) == seq
}

// sealUpTo seals the tail of a feed up to a position, in documents that are as long as may be.
func (t *txn) sealUpTo(f *openFeed, end uint64) error {
	for f.Open < end {
		if err := t.sealAt(f, min(f.Open+store.ArchiveLen, end)); err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) sealAt(f *openFeed, end uint64) error {
	about, err := t.about(f)
	if err != nil {
		return err
	}
	if err := t.bucket(bucketFeedSeal).Put(keySeal(f.number, f.Sealed), append(u64(end), about...)); err != nil {
		return err
	}
	f.Sealed++
	f.Open, f.changed = end, true
	return nil
}

// about stores how a feed calls and describes itself now, and returns the name of that.
func (t *txn) about(f *openFeed) ([]byte, error) {
	r := aboutRecord{Title: f.Title}
	if f.Kind == store.Source {
		source, err := t.lookup(feed.SourceID(f.Source), "")
		if err != nil {
			return nil, err
		}
		r.Source = toDescription(source)
	}
	raw, err := deterministic.Marshal(&r)
	if err != nil {
		return nil, fmt.Errorf("encode what feed %q says of itself: %w", f.Name, err)
	}
	name := aboutName(raw)
	b := t.bucket(bucketAbout)
	if b.Get(name) != nil {
		return name, nil
	}
	return name, b.Put(name, raw)
}

// splitSeal returns where a document ends, the name of what its feed said of itself, and when something of
// it was purged, if it was.
func splitSeal(v []byte) (end uint64, about []byte, purged instant) {
	if len(v) != 16 && len(v) != 24 {
		return 0, nil, 0 // unreachable unless the file is damaged
	}
	if len(v) == 24 {
		purged = instant(decode64(v[16:]))
	}
	return decode64(v[:8]), v[8:16], purged
}

func aboutName(raw []byte) []byte {
	h := sha256.Sum256(raw)
	return h[:8]
}

// readAbout completes a document by what its seal says of it.
func readAbout(tx *bbolt.Tx, name []byte, s *store.Sealed) error {
	raw := tx.Bucket(bucketAbout).Get(name)
	var r aboutRecord
	if err := decoding.Unmarshal(raw, &r); err != nil || string(aboutName(raw)) != string(name) {
		return fmt.Errorf("%w: description %x of a document: %v", store.ErrDamaged, name, err)
	}
	s.Title = r.Title
	if r.Source != nil {
		about := r.Source.source()
		s.About = &about
	}
	return nil
}

// deterministic writes equal values as equal bytes (RFC 8949 §4.2.1), whatever order Go goes through a map in: so
// that they can be compared, and have one name.
var deterministic = mustEncMode(cbor.CoreDetEncOptions())

func mustEncMode(o cbor.EncOptions) cbor.EncMode {
	m, err := o.EncMode()
	if err != nil {
		panic(err) // unreachable: the options are constants
	}
	return m
}

// aboutRecord is what a feed says of itself, as it is stored.
type aboutRecord struct {
	Title  string       `cbor:"1,keyasint,omitempty"`
	Source *description `cbor:"2,keyasint,omitempty"`
}

// description is what a source says of its feed, as it is stored, and what never changes of it.
type description struct {
	ID          uint32    `cbor:"1,keyasint"`
	Name        string    `cbor:"2,keyasint"`
	URL         string    `cbor:"3,keyasint"`
	Title       string    `cbor:"4,keyasint,omitempty"`
	Home        string    `cbor:"5,keyasint,omitempty"`
	Description string    `cbor:"6,keyasint,omitempty"`
	Language    string    `cbor:"7,keyasint,omitempty"`
	Rights      string    `cbor:"8,keyasint,omitempty"`
	Image       string    `cbor:"9,keyasint,omitempty"`
	FeedID      string    `cbor:"10,keyasint,omitempty"`
	Authors     []person  `cbor:"11,keyasint,omitempty"`
	Categories  []tag     `cbor:"12,keyasint,omitempty"`
	Links       []link    `cbor:"13,keyasint,omitempty"`
	Extra       []element `cbor:"14,keyasint,omitempty"`
}

func toDescription(s *feed.Source) *description {
	r := toSourceRecord(s)
	return &description{
		uint32(s.ID), r.Name, r.URL, r.Title, r.Home, r.Description, r.Language, r.Rights, r.Image, r.FeedID,
		r.Authors, r.Categories, r.Links, r.Extra,
	}
}

func (d *description) source() feed.Source {
	r := sourceRecord{
		Name: d.Name, URL: d.URL, Title: d.Title, Home: d.Home, Description: d.Description, Language: d.Language,
		Rights: d.Rights, Image: d.Image, FeedID: d.FeedID, Authors: d.Authors, Links: d.Links, Extra: d.Extra,
		Categories: d.Categories,
	}
	return r.source(feed.SourceID(d.ID))
}
