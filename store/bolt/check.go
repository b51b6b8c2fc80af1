package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/query"
	"github.com/backissue/backissue/store"
)

// maxFaults bounds the report: an archive that is damaged all over need not be listed whole.
const maxFaults = 1000

// Check implements [store.Store].
func (d *DB) Check(ctx context.Context) ([]string, error) { return d.CheckAll(ctx, nil) }

// CheckAll is Check for somebody who waits: progress, if not nil, hears how much is done of how much, as far
// as one can tell.
func (d *DB) CheckAll(ctx context.Context, progress func(done, of int64)) ([]string, error) {
	const share, reading, of = 30, 220, 1000 // as a large archive takes them
	done := int64(0)
	tell := func(more int64) {
		if done += more; progress != nil {
			progress(done, of)
		}
	}
	tell(0)
	d.segments.RLock()
	defer d.segments.RUnlock()
	faults, sound, err := d.checkPages()
	if err != nil || !sound {
		return faults, err
	}
	err = d.view(func(tx *bbolt.Tx) error {
		c := checker{ctx: ctx, tx: tx, codec: d.codec, logged: map[uint32]uint64{}, filed: map[uint32]uint64{}, withdrawn: map[uint64]bool{}}
		tell(share)
		for _, pass := range []func(){
			c.searches, c.log, c.revisions, c.feeds, c.aliases, c.sources, c.marks, c.windows, c.changes, c.twins, c.troubles, c.flags,
			c.identity, c.shelves, c.touches, c.keys, c.hub, c.incidents, c.names, func() { c.received(d) },
		} {
			c.guarded(func() error { pass(); return nil })
			tell(share)
		}
		var failed error
		if d.rawDir != "" {
			c.guarded(func() error {
				before := done
				failed = c.journal(d, func(read, all int64) { tell(before + reading*read/max(all, 1) - done) })
				return nil
			})
		}
		faults = append(faults, c.faults...)
		return errors.Join(ctx.Err(), failed)
	})
	return faults, err
}

// guarded makes a fault of what bbolt panics of, so that the rest is checked all the same.
func (c *checker) guarded(f func() error) {
	if err := guarded(f); err != nil {
		c.fault("%v", err)
	}
}

// checkPages checks the pages, and has bbolt do so where nothing in them leads astray; only where that is so is
// it sound to read further. It must be done while nobody writes, or pages that are being freed look lost; it
// takes a fraction of a second for a file of half a gigabyte.
func (d *DB) checkPages() (faults []string, sound bool, err error) {
	err = guarded(func() error {
		d.place.Lock()
		defer d.place.Unlock()
		db := d.db.Load()
		tx, err := db.Begin(!d.options.ReadOnly)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // it has written nothing
		if faults, sound, err = walkPages(d.path, db.Info().PageSize); err != nil || !sound {
			return err
		}
		for err := range tx.Check() {
			faults = append(faults, "pages: "+err.Error())
		}
		return nil
	})
	if errors.Is(err, store.ErrDamaged) {
		faults, err = append(faults, "pages: "+err.Error()), nil
	}
	return faults, sound, err
}

// checker walks every bucket once and looks every reference up.
type checker struct {
	ctx    context.Context
	tx     *bbolt.Tx
	codec  *codec
	faults []string

	articles    uint64
	edits       uint64 // revisions after the first that were the newest once
	paired      uint64 // articles that are twins
	numbered    uint64 // changes
	held        uint64 // articles that are held back
	subscribed  uint64
	troubled    [store.Troubles]uint64 // sources, by what is wrong with them
	told        uint64                 // incidents
	withdrawn   map[uint64]bool        // revisions that are withdrawals
	ids         []uint64               // the article of each revision, by its sequence number less one
	sought      []*search              // saved searches
	found       map[uint32]seqs        // revisions in the logs of their feeds
	prepared    *query.Prepared        // the revision that was held against searches last
	preparedSeq uint64
	logged      map[uint32]uint64 // revisions that belong to each feed, by what they say themselves
	filed       map[uint32]uint64 // articles that belong to each feed now, likewise
}

func (c *checker) fault(format string, args ...any) {
	if len(c.faults) < maxFaults {
		c.faults = append(c.faults, fmt.Sprintf(format, args...))
	}
}

func (c *checker) each(bucket []byte, f func(k, v []byte)) {
	cursor := c.tx.Bucket(bucket).Cursor()
	for k, v := cursor.First(); k != nil && c.ctx.Err() == nil; k, v = cursor.Next() {
		f(k, v)
	}
}

// log checks the global sequence, and with it that every revision is where it belongs.
func (c *checker) log() {
	var last uint64
	c.each(bucketLog, func(k, v []byte) {
		seq := binary.BigEndian.Uint64(k)
		if seq != last+1 {
			c.fault("log: %d follows %d", seq, last)
		}
		last = seq
		c.ids = append(c.ids, 0)
		a, err := c.codec.article(v)
		if err != nil {
			c.fault("log: revision %d: %v", seq, err)
			return
		}
		c.ids[len(c.ids)-1] = uint64(a.ID)
		if a.Seq != seq || (a.Revision == 0) != (uint64(a.ID) == seq) {
			c.fault("log: revision %d says that it is revision %d of article %d at %d", seq, a.Revision, a.ID, a.Seq)
		}
		if a.Revision > 0 && c.tx.Bucket(bucketRevision).Get(keyRevision(a.ID, seq)) == nil {
			c.fault("log: revision %d of article %d is not in its index", seq, a.ID)
		}
		if a.Withdrawn {
			c.withdrawn[seq] = true
		}
		if a.Revision == 0 {
			c.articles++
		} else if !a.Past {
			c.edits++
		}
		c.twin(a)
		c.filing(a)
		if newestSeq(c.tx.Bucket(bucketRevision).Cursor(), a.ID) == seq {
			c.order(a)
		}
	})
}

// members is the numbers of the feeds that a revision belongs to.
func (c *checker) members(a *feed.Article) []uint32 {
	numbers := []uint32{allFeed}
	add := func(kind store.Kind, key string) {
		number := decode32(c.tx.Bucket(bucketFeedKey).Get(keyName(kind, key)))
		if number == 0 {
			c.fault("article %d belongs to the feed of %c %q, which is not there", a.ID, kind, key)
			return
		}
		for _, n := range numbers {
			if n == number {
				return
			}
		}
		numbers = append(numbers, number)
	}
	add(store.Source, string(keySource(a.Source)))
	for _, t := range a.AllTags() {
		add(store.Tag, feed.TagKey(t))
	}
	for _, p := range a.Authors {
		if key := feed.TagKey(p.String()); key != "" {
			add(store.Author, key)
		}
	}
	return numbers
}

func (c *checker) revisions() {
	var of feed.ID
	var n int
	c.each(bucketRevision, func(k, past []byte) {
		id, seq := feed.ID(binary.BigEndian.Uint64(k)), binary.BigEndian.Uint64(k[8:])
		if id != of {
			of, n = id, 0
		}
		n++
		s, _, err := split(c.tx.Bucket(bucketLog).Get(u64(seq)))
		if err != nil || feed.ID(s.ID) != id || s.Revision != n || s.Past != (len(past) > 0) {
			c.fault("revision index: %d is not revision %d of article %d", seq, n, id)
		}
	})
}

// feeds checks each feed's record against its log and its order by date.
func (c *checker) feeds() {
	lengths, articles := map[uint32]uint64{}, map[uint32]uint64{}
	withdrawals := map[uint32]uint64{} // where the last one in each feed ends
	var last uint64
	c.each(bucketFeedLog, func(k, v []byte) {
		number, position, seq := binary.BigEndian.Uint32(k), binary.BigEndian.Uint64(k[4:]), binary.BigEndian.Uint64(v)
		if position != lengths[number] {
			c.fault("feed %d: position %d of its log follows %d", number, position, int64(lengths[number])-1)
		}
		if _, search := c.found[number]; position > 0 && seq <= last && !search {
			c.fault("feed %d: its log goes back from %d to %d", number, last, seq)
		}
		last = seq
		lengths[number]++
		if c.withdrawn[seq] {
			withdrawals[number] = lengths[number]
		}
		if c.tx.Bucket(bucketLog).Get(u64(seq)) == nil {
			c.fault("feed %d: position %d of its log names revision %d, which is not there", number, position, seq)
		}
	})
	for _, order := range [][]byte{bucketFeedDate, bucketFeedBack} {
		c.each(order, func(k, _ []byte) { articles[binary.BigEndian.Uint32(k)]++ })
	}
	sealed, open := c.seals()
	c.each(bucketFeed, func(k, _ []byte) {
		number := binary.BigEndian.Uint32(k)
		f, err := readFeed(c.tx, number)
		if err != nil {
			c.fault("feed %d: %v", number, err)
			return
		}
		if f.Length != lengths[number] || f.Length != c.logged[number] && f.Kind != store.Search {
			c.fault("feed %d (%s): its record counts %d revisions, its log %d, the articles %d",
				number, f.Name, f.Length, lengths[number], c.logged[number])
		}
		if f.Articles != articles[number] || f.Articles != c.filed[number] {
			c.fault("feed %d (%s): its record counts %d articles, its order %d, the articles %d",
				number, f.Name, f.Articles, articles[number], c.filed[number])
		}
		if f.Sealed != sealed[number] || f.Open != open[number] || f.Open > f.Length || f.Length-f.Open >= store.ArchiveLen {
			c.fault("feed %d (%s): its record says that %d documents end at %d of %d, and %d end at %d",
				number, f.Name, f.Sealed, f.Open, f.Length, sealed[number], open[number])
		}
		if f.Withdrawn != withdrawals[number] {
			c.fault("feed %d (%s): its record says that its last withdrawal ends at %d, its log %d", number, f.Name, f.Withdrawn, withdrawals[number])
		}
		c.tail(number, f)
		c.limited(number, f)
		delete(lengths, number)
		delete(articles, number)
		delete(sealed, number)
	})
	for number := range lengths {
		c.fault("feed %d: has a log and no record", number)
	}
	for number := range articles {
		c.fault("feed %d: has an order and no record", number)
	}
	for number := range sealed {
		c.fault("feed %d: has documents and no record", number)
	}
}

func (c *checker) aliases() {
	c.each(bucketAlias, func(k, v []byte) {
		if len(v) < 8 {
			c.fault("alias %x: cut short", k)
			return
		}
		id := binary.BigEndian.Uint64(v)
		if id == 0 {
			return
		}
		s, _, err := split(c.tx.Bucket(bucketLog).Get(u64(id)))
		if err != nil || s.ID != id || s.Source != binary.BigEndian.Uint32(k) {
			c.fault("alias %x: leads to %d, which is no article of its source", k, id)
		}
	})
	c.each(bucketLog, func(k, v []byte) {
		s, _, err := split(v)
		if err != nil || s.Revision > 0 {
			return
		}
		name := keyAlias(feed.SourceID(s.Source), nameOf(feed.Alias{Kind: feed.AliasKey, Value: feed.NormalURL(s.Key)}))
		if !bytes.HasPrefix(c.tx.Bucket(bucketAlias).Get(name), k) {
			c.fault("article %d: its key leads elsewhere", s.ID)
		}
	})
}

func (c *checker) sources() {
	var due uint64
	c.each(bucketSource, func(k, _ []byte) {
		id := feed.SourceID(decode32(k))
		s, err := readSource(c.tx, id)
		if err != nil {
			c.fault("%v", err)
			return
		}
		if !bytes.Equal(c.tx.Bucket(bucketSourceURL).Get([]byte(s.URL)), k) {
			c.fault("source %d: its address leads elsewhere", id)
		}
		if f, err := readFeed(c.tx, decode32(c.tx.Bucket(bucketFeedKey).Get(keyName(store.Source, string(k))))); err != nil ||
			f.Source != id || f.Name != s.Name {
			c.fault("source %d: has no feed of its name", id)
		}
		if s.Subscribed {
			due++
			if c.tx.Bucket(bucketDue).Get(keyDue(s.Fetch.Due, id)) == nil {
				c.fault("source %d: is not in the index of what is due", id)
			}
		}
	})
	c.each(bucketSourceURL, func(k, v []byte) {
		if c.tx.Bucket(bucketSource).Get(v) == nil {
			c.fault("the address %q leads to source %d, which is not there", k, decode32(v))
		}
	})
	c.each(bucketDue, func([]byte, []byte) { due-- })
	if due != 0 {
		c.fault("the index of what is due does not hold each subscription once")
	}
}

// names checks that every name leads to a feed, and the archive's counts.
func (c *checker) names() {
	var n counts
	if err := unseal(c.tx.Bucket(bucketMeta).Get(keyCounts), &n); err != nil {
		c.fault("counts: %v", err)
		return
	}
	have := counts{
		Defined: n.Defined, Articles: c.articles, Changes: c.numbered, Held: c.held, Touches: n.Touches,
		Subscribed: c.subscribed, Troubled: c.troubled, Incidents: c.told,
	}
	c.each(bucketFeedName, func(k, v []byte) {
		f, err := readFeed(c.tx, decode32(v))
		if err != nil || byte(f.Kind) != k[0] || f.Name != string(k[1:]) {
			c.fault("feed name %q leads to another feed", k)
			return
		}
		have.Feeds++
		switch f.Kind {
		case store.Source:
			have.Sources++
		case store.Tag:
			have.Tags++
		case store.Author:
			have.Authors++
		}
	})
	if n != have {
		c.fault("the archive counts %+v and holds %+v", n, have)
	}
}
