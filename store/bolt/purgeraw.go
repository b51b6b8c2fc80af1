package bolt

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/warc"
)

// mover copies what was received and stays to new files.
type mover struct {
	*purgePlan
	dir   string
	files *rawFiles
	out   *output // nil until something is to be written
	in    intake

	from    *bbolt.Tx
	all     map[location]uint64        // the numbers of all that there is
	cameFor map[uint64][]feed.SourceID // the sources for which it came, as revisions tell
	held    map[uint64]bool            // it is what a revision was read from that is to be removed
	moved   map[uint64]*rawRecord      // and what is said of it from now on
	asked   *warc.Record               // the request before the answer
	asking  []byte                     // as it stands in the file
	gone    int
}

// location is where a record begins.
type location struct {
	segment string
	offset  int64
}

// moveCaptures copies what was received to new files, but for what may hold something that is to be removed,
// and enters in db where it stands then. It returns how much is not copied.
func (d *DB) moveCaptures(ctx context.Context, p *purgePlan, db *bbolt.DB, files *rawFiles) (gone int, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		m := &mover{purgePlan: p, dir: files.dir, files: files, in: intake{db: db, codec: p.codec}, from: tx}
		if err := m.list(); err != nil {
			return err
		}
		head, err := readHead(tx)
		if err != nil || head == nil {
			return errors.Join(err, store.ErrDamaged)
		}
		names, err := segments(m.dir)
		if err != nil {
			return err
		}
		for _, name := range names {
			if c := compareSegments(name, head.Segment); c > 0 {
				break // that is ours
			}
			if err := m.segment(ctx, name); err != nil {
				return err
			}
		}
		if err := m.write(); err != nil {
			return err
		}
		gone = m.gone
		return m.enter()
	})
	return gone, err
}

// list finds out what there is, and what it was received for.
func (m *mover) list() error {
	m.all, m.moved = make(map[location]uint64), make(map[uint64]*rawRecord)
	c := m.from.Bucket(bucketRaw).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		r := new(rawRecord)
		if err := unseal(v, r); err != nil {
			return fmt.Errorf("%w: raw %d: %v", store.ErrDamaged, decode64(k), err)
		}
		m.moved[decode64(k)] = r
		if !r.Gone {
			m.all[location{r.Segment, r.Offset}] = decode64(k)
		}
	}
	m.cameFor, m.held = make(map[uint64][]feed.SourceID), make(map[uint64]bool)
	c = m.from.Bucket(bucketLog).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		s, _, err := split(v)
		if err != nil {
			return fmt.Errorf("%w: revision %d: %v", store.ErrDamaged, decode64(k), err)
		}
		if s.Raw == 0 {
			continue
		}
		m.cameFor[s.Raw] = with(m.cameFor[s.Raw], feed.SourceID(s.Source))
		m.held[s.Raw] = m.held[s.Raw] || m.seqs.has(s.Seq)
	}
	return nil
}

// segment goes through a file.
func (m *mover) segment(ctx context.Context, name string) error {
	return scan(filepath.Join(m.dir, name), 0, -1, func(r *warc.Record, begin, end int64) error {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if r.Type == warc.Request {
			raw, err := member(m.dir, name, begin, end-begin)
			m.asked, m.asking = r, raw
			return err
		}
		asked, asking := m.asked, m.asking
		m.asked, m.asking = nil, nil
		number, ours := m.all[location{name, begin}]
		if !ours {
			return nil // of the journal, or nothing was made of it
		}
		if asked != nil && asked.Get("WARC-Concurrent-To") != "<"+r.ID.String()+">" {
			asking = nil // it asked for something else
		}
		delete(m.all, location{name, begin})
		return m.one(number, r, name, begin, end, asking)
	}, func(int64, error) {}) // what is lost by that is found to be missing
}

// one moves something that was received, with the request for it, or leaves it behind.
func (m *mover) one(number uint64, r *warc.Record, segment string, begin, end int64, asking []byte) error {
	is := m.moved[number]
	goes, err := m.goes(number, is, r)
	if err != nil {
		return err
	}
	if goes {
		*is = rawRecord{Gone: true, At: is.At, Sources: is.Sources}
		m.gone++
		return nil
	}
	raw, err := member(m.dir, segment, begin, end-begin)
	if err != nil {
		return err
	}
	if crc32.Checksum(raw, castagnoli) != is.CRC {
		return fmt.Errorf("%w: raw %d: %v", store.ErrDamaged, number, errChecksum)
	}
	if m.out == nil {
		if m.out, err = m.files.begin(m.at); err != nil {
			return err
		}
	}
	m.out.data = append(m.out.data, asking...)
	is.Segment, is.Offset = m.out.name, m.out.end()
	m.out.data = append(m.out.data, raw...)
	if len(m.out.data) < maxJournalBlock {
		return nil
	}
	return m.write()
}

// write writes what is ready.
func (m *mover) write() error {
	if m.out == nil {
		return nil
	}
	if err := m.files.write(m.out); err != nil {
		return err
	}
	m.files.done(m.out)
	m.out = nil
	return nil
}

// enter enters where everything stands.
func (m *mover) enter() error {
	for _, number := range m.all {
		r := m.moved[number]
		return fmt.Errorf("%w: raw %d, in %s at %d, is not there", store.ErrDamaged, number, r.Segment, r.Offset)
	}
	c := m.from.Bucket(bucketRaw).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		v, err := seal(m.moved[decode64(k)])
		if err != nil {
			return err
		}
		if err := m.in.take(&entry{Bucket: string(bucketRaw), Key: k, Value: v}); err != nil {
			return err
		}
	}
	return m.in.flush()
}

// goes reports whether something that was received may hold what is to be removed. Where it is not known for
// which source it came, it is held against everything.
func (m *mover) goes(number uint64, is *rawRecord, r *warc.Record) (bool, error) {
	if m.held[number] {
		return true, nil
	}
	sources := m.cameFor[number]
	for _, id := range is.Sources {
		sources = with(sources, feed.SourceID(id))
	}
	if id := decode32(m.from.Bucket(bucketSourceURL).Get([]byte(r.Target))); id != 0 {
		sources = with(sources, feed.SourceID(id))
	}
	whole := len(sources) > 0
	for _, id := range sources {
		whole = whole && m.whole[id]
	}
	if whole {
		return true, nil
	}
	body := r.Block
	if r.Type == warc.Response {
		var err error
		if _, _, body, err = warc.ParseResponse(r.Block); err != nil {
			return false, fmt.Errorf("%w: raw %d: %v", store.ErrDamaged, number, err)
		}
	}
	hay := newHay(body)
	if len(sources) == 0 {
		for _, signs := range m.signs {
			if signs.in(hay) {
				return true, nil
			}
		}
		return false, nil
	}
	for _, id := range sources {
		if signs := m.signs[id]; signs != nil && signs.in(hay) {
			return true, nil
		}
	}
	return false, nil
}

// with returns the sources with one more.
func with(sources []feed.SourceID, id feed.SourceID) []feed.SourceID {
	for _, s := range sources {
		if s == id {
			return sources
		}
	}
	return append(sources, id)
}
