package bolt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// What a purge does stands in files of its own until it is whole: new segments with what was received and stays
// and a journal that begins anew, and a new file for the archive, which takes the place of the old one in a
// single step. A note in either says which files are whose, so that after a crash what is left of the other
// is removed when the archive is opened.

// Purged says what a purge has removed.
type Purged struct {
	Sizes
	Articles int // that were forgotten, and of which only a tombstone is left now
	Captures int // bodies, as they were received
}

// purgeMark is the note.
type purgeMark struct {
	Old  []string `cbor:"1,keyasint,omitempty"` // segments that nothing refers to any more
	From string   `cbor:"2,keyasint,omitempty"` // the first of those that nothing refers to yet
}

// Purge is Compact, and removes for good what articles said that are withdrawn ([DB.Withdraw]): all that is
// left of them is which they are, when they came, and in which feeds they stood, so that they do not come
// back; sealed documents have a tombstone in their place. What was received as it came is removed if it may
// hold one of them. It waits until nobody reads the WARC files as a whole ([DB.Check], [DB.CopyTo]).
func (d *DB) Purge(ctx context.Context, progress func(done, of int64)) (p Purged, err error) {
	err = d.alone(ctx, func() (err error) {
		if p.Before, err = sizeOf(d.path); err != nil {
			return err
		}
		plan, err := d.plan(ctx)
		switch {
		case err != nil:
			return err
		case len(plan.ids) == 0:
			err = d.replace(ctx, d.db.Load(), progress)
		default:
			p.Articles = len(plan.ids)
			p.Captures, err = d.purge(ctx, plan, progress)
		}
		if err == nil {
			p.After, err = sizeOf(d.path)
		}
		return err
	})
	if err == nil {
		d.step("replaced")
		err = d.endPurge()
	}
	if err != nil {
		return Purged{}, fmt.Errorf("purge the archive: %w", err)
	}
	return p, nil
}

// purgePlan is what is to be removed.
type purgePlan struct {
	ids     map[feed.ID]time.Time      // since when they are withdrawn
	seqs    seqs                       // their revisions
	whole   map[feed.SourceID]bool     // sources that were forgotten as a whole
	signs   map[feed.SourceID]*needles // by which to know them in what was received
	at      time.Time
	feeds   map[uint32]uint64 // in whose logs they are, and the place behind the last of them
	codec   *codec
	captive bool // what was received is copied elsewhere
}

// Purgeable returns the articles of which [DB.Purge] would leave only a tombstone.
func (d *DB) Purgeable(ctx context.Context) (ids []feed.ID, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		return eachWithdrawn(ctx, tx, func(id feed.ID) error {
			s, _, err := split(tx.Bucket(bucketLog).Get(u64(newestSeq(tx.Bucket(bucketRevision).Cursor(), id))))
			if err != nil {
				return fmt.Errorf("%w: article %d: %v", store.ErrDamaged, id, err)
			}
			if !s.Purged {
				ids = append(ids, id)
			}
			return nil
		})
	})
	return ids, err
}

// eachWithdrawn calls f with the articles that are withdrawn.
func eachWithdrawn(ctx context.Context, tx *bbolt.Tx, f func(feed.ID) error) error {
	c := tx.Bucket(bucketMark).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		var m mark
		if err := unseal(v, &m); err != nil {
			return fmt.Errorf("%w: mark of article %d: %v", store.ErrDamaged, decode64(k), err)
		}
		if !m.Withdrawn {
			continue
		}
		if err := errors.Join(context.Cause(ctx), f(feed.ID(decode64(k)))); err != nil {
			return err
		}
	}
	return nil
}

// plan finds what is withdrawn and not purged yet.
func (d *DB) plan(ctx context.Context) (*purgePlan, error) {
	p := &purgePlan{
		ids: make(map[feed.ID]time.Time), whole: make(map[feed.SourceID]bool), signs: make(map[feed.SourceID]*needles),
		at: d.now(), feeds: make(map[uint32]uint64), codec: d.codec, captive: d.raw != nil,
	}
	err := d.view(func(tx *bbolt.Tx) error {
		if err := eachWithdrawn(ctx, tx, func(id feed.ID) error { return p.add(tx, id) }); err != nil {
			return err
		}
		for id := range p.signs {
			if err := p.addSource(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	return p, err
}

// add adds an article that is withdrawn.
func (p *purgePlan) add(tx *bbolt.Tx, id feed.ID) error {
	all, err := revisions(tx, p.codec, revisionSeqs(tx, id))
	if err != nil || all[len(all)-1].Purged {
		return err
	}
	p.ids[id] = all[len(all)-1].Modified
	for i := range all {
		a := &all[i]
		p.seqs.add(a.Seq)
		if p.signs[a.Source] == nil {
			p.signs[a.Source] = new(needles)
		}
		p.signs[a.Source].add(a)
	}
	return nil
}

// addSource notes whether nothing of a source is left.
func (p *purgePlan) addSource(tx *bbolt.Tx, id feed.SourceID) error {
	s, err := readSource(tx, id)
	if err != nil || s.Subscribed {
		return err
	}
	f, err := readFeed(tx, decode32(tx.Bucket(bucketFeedKey).Get(keyName(store.Source, string(keySource(id))))))
	if err == nil && f.Articles == 0 {
		p.whole[id] = true
	}
	return err
}

// step is for tests, which look at what a crash would leave there.
func (d *DB) step(name string) {
	if d.steps != nil {
		d.steps(name)
	}
}

// purge does it. Only the writer may call it.
func (d *DB) purge(ctx context.Context, p *purgePlan, progress func(done, of int64)) (captures int, err error) {
	scratch := d.path + ".purge"
	if err := os.Remove(scratch); err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, err
	}
	defer os.Remove(scratch)
	db, err := replay(ctx, nil, nil, scratch)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	old := d.db.Load()
	if err := guarded(func() error { return old.View(func(tx *bbolt.Tx) error { return p.fill(ctx, db, tx) }) }); err != nil {
		return 0, err
	}
	d.step("filled")
	if d.raw == nil {
		return 0, d.replace(ctx, db, progress)
	}
	files := &rawFiles{dir: d.raw.dir, noSync: d.raw.noSync, name: d.raw.name, full: true}
	if captures, err = d.purgeFiles(ctx, p, db, files); err == nil {
		d.step("written")
		err = d.replace(ctx, db, progress)
	}
	if d.db.Load() == old {
		_ = files.close() // they are removed
		return 0, errors.Join(err, d.sweep(d.raw.dir))
	}
	_ = d.raw.close() // it is not written any more
	d.raw = files
	return captures, err
}

// purgeFiles writes what stays of what was received, and a journal that begins with what is in db, to new
// files, and notes in db which ones nothing refers to then.
func (d *DB) purgeFiles(ctx context.Context, p *purgePlan, db *bbolt.DB, files *rawFiles) (gone int, err error) {
	names, err := segments(files.dir)
	if err != nil {
		return 0, err
	}
	first, err := files.begin(p.at)
	if err != nil {
		return 0, err
	}
	if err := d.update(func(tx *bbolt.Tx) error { return putPurge(tx, &purgeMark{From: first.name}) }); err != nil {
		return 0, err
	}
	d.step("noted")
	if gone, err = d.moveCaptures(ctx, p, db, files); err != nil {
		return 0, err
	}
	d.step("copied")
	return gone, db.Update(func(tx *bbolt.Tx) error {
		return errors.Join(files.snapshot(tx, d.now, nil), putPurge(tx, &purgeMark{Old: names}))
	})
}

func putPurge(tx *bbolt.Tx, m *purgeMark) error {
	raw, err := seal(m)
	if err != nil {
		return err // unreachable: it is text
	}
	return tx.Bucket(bucketMeta).Put(keyPurge, raw)
}

// endPurge removes what nothing refers to any more, once nobody reads it.
func (d *DB) endPurge() error {
	d.segments.Lock()
	defer d.segments.Unlock()
	return d.alone(context.Background(), func() error { return d.sweep(d.rawDir) })
}

// sweep removes what a purge, whole or cut off, has left of the other files, and the note of it.
func (d *DB) sweep(dir string) error {
	var m purgeMark
	err := d.view(func(tx *bbolt.Tx) error {
		raw := tx.Bucket(bucketMeta).Get(keyPurge)
		if raw == nil {
			return nil
		}
		if err := unseal(raw, &m); err != nil {
			return fmt.Errorf("%w: meta %q: %v", store.ErrDamaged, keyPurge, err)
		}
		return nil
	})
	if err != nil || m.From == "" && len(m.Old) == 0 || dir == "" {
		return err
	}
	names, err := segments(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, name := range names {
		if !slices.Contains(m.Old, name) && (m.From == "" || compareSegments(name, m.From) < 0) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			return err
		}
		d.step("removed " + name)
	}
	if len(names) > 0 {
		if err := syncFolder(dir, d.options.NoSync); err != nil {
			return err
		}
	}
	return d.update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Delete(keyPurge) })
}

// touchFeeds says of the feeds in whose logs something was purged that they have changed.
func (p *purgePlan) touchFeeds(db *bbolt.DB) error {
	return db.Update(func(tx *bbolt.Tx) error {
		t := newTxn(tx, p.codec)
		if err := t.begin(); err != nil {
			return err
		}
		for _, number := range slices.Sorted(maps.Keys(p.feeds)) {
			f, err := t.feed(number)
			if err != nil {
				return err
			}
			f.Withdrawn = max(f.Withdrawn, p.feeds[number])
			f.touch(p.at)
		}
		return t.flush()
	})
}
