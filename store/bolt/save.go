package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// Save implements [store.Store].
func (d *DB) Save(ctx context.Context, batches ...store.Batch) ([]store.Saved, error) {
	saved := make([]store.Saved, len(batches))
	for at := 0; at < len(batches); at += maxShare {
		d.saveShared(ctx, batches[at:min(at+maxShare, len(batches))], saved[at:])
	}
	for i := range saved {
		if saved[i].Err != nil {
			return saved, saved[i].Err
		}
	}
	return saved, nil
}

// saveShared saves batches that ask for their turn together.
func (d *DB) saveShared(ctx context.Context, batches []store.Batch, saved []store.Saved) {
	var turns []func(*txn) error
	var at []int
	fail := func(i int, err error) {
		s := batches[i].Source
		saved[i] = store.Saved{Source: s, Err: fmt.Errorf("save what %s brought: %w", s.PublicURL(), err)}
	}
	for i := range batches {
		ready, err := d.ready(&batches[i])
		if err != nil {
			fail(i, err)
			continue
		}
		at = append(at, i)
		turns = append(turns, func(t *txn) (err error) {
			saved[i], err = t.save(&batches[i], ready)
			return err
		})
	}
	for k, err := range d.inTurn(ctx, turns...) {
		if err != nil {
			fail(at[k], err)
		}
	}
}

// prepared is an article with all that can be computed before its turn in the writer.
type prepared struct {
	article feed.Article
	print   uint64
	names   []aliasName
	payload []byte // nil where the article looked unchanged
}

// ready normalises a batch's articles, oldest first, and encodes those that look new or changed.
// What it finds in the archive is only a hint; the writer looks again.
func (d *DB) ready(b *store.Batch) ([]prepared, error) {
	ready := make([]prepared, len(b.Articles))
	keys := make(map[string]bool, len(b.Articles))
	for i := range b.Articles {
		a := b.Articles[i]
		key := feed.NormalURL(a.Key)
		if key == "" || keys[key] {
			return nil, fmt.Errorf("article %q has no key of its own, but %q", a.Headline(), a.Key)
		}
		keys[key] = true
		b.Source.Adopt(&a)
		a.Published, a.Updated = stored(a.Published), stored(a.Updated)
		a.Seen = stored(b.Seen)
		ready[i] = prepared{article: a, print: feed.Fingerprint(&a)}
		for _, alias := range a.Aliases() {
			ready[i].names = append(ready[i].names, nameOf(alias))
		}
	}
	slices.SortStableFunc(ready, func(x, y prepared) int { return x.article.When().Compare(y.article.When()) })
	err := d.view(func(tx *bbolt.Tx) error {
		source := b.Source.ID
		if source == 0 {
			source = feed.SourceID(decode32(tx.Bucket(bucketSourceURL).Get([]byte(b.Source.URL))))
		}
		aliases := tx.Bucket(bucketAlias)
		for i := range ready {
			p := &ready[i]
			found := aliases.Get(keyAlias(source, p.names[0]))
			if len(found) == 16 && binary.BigEndian.Uint64(found[8:]) == p.print {
				continue
			}
			var err error
			if p.payload, err = d.codec.payload(&p.article); err != nil {
				return err
			}
		}
		return nil
	})
	return ready, err
}

// stored is the time as it will be read back.
func stored(t time.Time) time.Time { return toInstant(t).time() }

// save takes in one batch.
func (t *txn) save(b *store.Batch, ready []prepared) (saved store.Saved, err error) {
	if err := t.begin(); err != nil {
		return saved, err
	}
	source, err := t.putSource(b.Source, b.Seen)
	if err != nil {
		return saved, err
	}
	saved.Source = *source
	articles := make([]feed.Article, len(ready))
	for i := range ready {
		articles[i] = ready[i].article
		articles[i].Source, articles[i].Filed = source.ID, source.Tags
	}
	known := make([]feed.ID, len(articles)) // of a source from which nothing has come, none is
	if first, _ := t.bucket(bucketAlias).Cursor().Seek(keySource(source.ID)); bytes.HasPrefix(first, keySource(source.ID)) {
		if known, err = feed.Resolve(articles, source.Identity, &memory{t, source.ID}); err != nil {
			return saved, err
		}
	}
	for i := range articles {
		change, id, err := t.take(&articles[i], &ready[i], known[i], b.Source.Fetch.Checked.IsZero())
		if err != nil {
			return saved, fmt.Errorf("article %q: %w", articles[i].Key, err)
		}
		switch change {
		case feed.Added:
			saved.Added = append(saved.Added, id)
		case feed.Revised:
			saved.Revised = append(saved.Revised, id)
		default:
			saved.Same++
		}
	}
	return saved, nil
}

// take takes in one article: known is the number of the article that it is, 0 for a new one. What is
// imported and equal to any revision is nothing new.
func (t *txn) take(next *feed.Article, p *prepared, known feed.ID, imported bool) (feed.Change, feed.ID, error) {
	if known != 0 && t.printed(next.Source, p.names[0], known, p.print) {
		return feed.Same, known, nil
	}
	var old *feed.Article
	if known != 0 {
		var err error
		if old, err = t.newest(known); err != nil {
			return feed.Same, known, err
		}
	}
	a, change := feed.Revise(old, *next)
	if change == feed.Revised && imported {
		had, err := t.had(known, p.print)
		if err != nil {
			return change, known, err
		}
		if had {
			a, change = *old, feed.Same
			p.print = feed.Fingerprint(old) // which stays the one to compare with
		}
	}
	if change != feed.Same {
		t.seq++
		a.Seq = t.seq
		if change == feed.Added {
			a.ID = feed.ID(a.Seq)
			t.counts.Articles++
		}
		if err := t.append(&a, p); err != nil {
			return change, a.ID, err
		}
		if err := t.file(old, &a); err != nil {
			return change, a.ID, err
		}
	}
	return change, a.ID, t.alias(a.Source, p.names, a.ID, p.print)
}

// had reports whether any revision of an article has this fingerprint.
func (t *txn) had(id feed.ID, print uint64) (bool, error) {
	for _, seq := range revisionSeqs(t.tx, id) {
		a, err := revision(t.tx, t.codec, seq)
		if err != nil {
			return false, err
		}
		if feed.Fingerprint(a) == print {
			return true, nil
		}
	}
	return false, nil
}

// append writes a revision to the log.
func (t *txn) append(a *feed.Article, p *prepared) error {
	if p.payload == nil {
		var err error
		if p.payload, err = t.codec.payload(a); err != nil {
			return err
		}
	}
	record, err := t.codec.record(a, p.payload)
	if err != nil {
		return err
	}
	if a.Revision > 0 {
		if err := t.bucket(bucketRevision).Put(keyRevision(a.ID, a.Seq), nil); err != nil {
			return err
		}
	}
	return t.bucket(bucketLog).Put(u64(a.Seq), record)
}

// file enters a revision in the log and the order of each feed that it belongs to, and takes the
// article out of the order of the feeds that the version before belonged to and it does not.
func (t *txn) file(old, a *feed.Article) error {
	feeds, err := t.membership(a, old == nil)
	if err != nil {
		return err
	}
	dates := t.bucket(bucketFeedDate)
	var before []*openFeed
	if old != nil {
		if before, err = t.membership(old, false); err != nil {
			return err
		}
	}
	for _, f := range before {
		stays := slices.Contains(feeds, f)
		if stays && old.When().Equal(a.When()) {
			continue
		}
		if err := dates.Delete(keyDate(f.number, old.When(), a.ID)); err != nil {
			return err
		}
		f.Articles--
		f.touch(a.Seen)
	}
	for _, f := range feeds {
		if err := t.bucket(bucketFeedLog).Put(keyLog(f.number, f.Length), u64(a.Seq)); err != nil {
			return err
		}
		f.Length++
		f.touch(a.Seen)
		if old != nil && slices.Contains(before, f) && old.When().Equal(a.When()) {
			continue
		}
		if err := dates.Put(keyDate(f.number, a.When(), a.ID), nil); err != nil {
			return err
		}
		f.Articles++
	}
	return nil
}

// printed reports whether the alias already leads to the article with this very fingerprint.
func (t *txn) printed(source feed.SourceID, name aliasName, id feed.ID, print uint64) bool {
	v := t.bucket(bucketAlias).Get(keyAlias(source, name))
	return len(v) == 16 && feed.ID(binary.BigEndian.Uint64(v)) == id && binary.BigEndian.Uint64(v[8:]) == print
}

// alias makes the names lead to the article. A name that already leads to another one leads nowhere
// from then on, but for the Key, which [feed.Resolve] has found to be this article's.
func (t *txn) alias(source feed.SourceID, names []aliasName, id feed.ID, print uint64) error {
	b := t.bucket(bucketAlias)
	for _, name := range names {
		k := keyAlias(source, name)
		v := append(u64(uint64(id)), u64(print)...)
		if !name.isKey() {
			v = v[:8]
			if have := b.Get(k); len(have) >= 8 && !bytes.Equal(have[:8], v) {
				v = u64(0)
			}
		}
		if have := b.Get(k); bytes.Equal(have, v) {
			continue
		}
		if err := b.Put(k, v); err != nil {
			return err
		}
	}
	return nil
}

// memory is what the archive knows about one source.
type memory struct {
	t      *txn
	source feed.SourceID
}

// Find implements [feed.Memory].
func (m *memory) Find(name feed.Alias) (feed.ID, bool, error) {
	v := m.t.bucket(bucketAlias).Get(keyAlias(m.source, nameOf(name)))
	if len(v) < 8 {
		return 0, false, nil
	}
	id := feed.ID(binary.BigEndian.Uint64(v))
	return id, id != 0, nil
}

// Load implements [feed.Memory].
func (m *memory) Load(id feed.ID) (*feed.Article, error) { return m.t.newest(id) }
