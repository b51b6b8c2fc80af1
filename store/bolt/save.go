package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
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
		b := &batches[i]
		ready, err := d.ready(b)
		var kept *captured
		if err == nil {
			kept, err = d.capture(b.Capture)
		}
		var again *rereading
		if err == nil && b.Received > 0 {
			b = asBackfill(b)
			again, saved[i], err = d.reread(b, ready)
		}
		if err != nil {
			fail(i, err)
			continue
		}
		if again.idle() {
			continue
		}
		at = append(at, i)
		turns = append(turns, func(t *txn) (err error) {
			saved[i], err = t.save(b, ready, kept, again)
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
	place   int    // in the document
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
		ready[i] = prepared{article: a, print: feed.Fingerprint(&a), place: i}
		ready[i].names = namesOf(&a)
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
func (t *txn) save(b *store.Batch, ready []prepared, kept *captured, again *rereading) (saved store.Saved, err error) {
	if err := t.begin(); err != nil {
		return saved, err
	}
	var source, before *feed.Source
	switch {
	case b.Received > 0:
		source, err = t.lookup(b.Source.ID, "")
	case b.Unshelve:
		source, before, err = t.unshelve(b)
	default:
		source, before, err = t.putSource(b.Source, b.Seen)
	}
	if err != nil {
		return saved, err
	}
	as := *source
	v := &visit{t: t, batch: b, source: source, before: before, saved: &saved, again: again}
	if err := v.resolve(ready); err != nil {
		return saved, err
	}
	switch {
	case again != nil:
		t.from = b.Received
	case !v.purged(): // or what was removed for good would be there again
		if t.from, err = t.keep(kept, source.ID); err != nil {
			return saved, err
		}
	}
	defer func() { t.from = 0 }()
	if err := v.look(); err != nil {
		return saved, err
	}
	for i := range v.items {
		if err := v.take(&v.items[i]); err != nil {
			return saved, fmt.Errorf("article %q: %w", v.items[i].next.Key, err)
		}
	}
	if err := v.turn(); err != nil {
		return saved, err
	}
	if source.Held != as.Held || source.Fetch.Gaps != as.Fetch.Gaps || source.Fetch.Most != as.Fetch.Most {
		if err := t.writeSource(source); err != nil {
			return saved, err
		}
	}
	saved.Source = *source
	return saved, t.seal()
}

// visit is a batch while it is taken in.
type visit struct {
	t      *txn
	batch  *store.Batch
	source *feed.Source
	before *feed.Source // as it was before; nil for a new one
	saved  *store.Saved
	items  []item
	again  *rereading  // nil for what has just come in
	first  bool        // nothing has come from the source before
	window feed.Window // as it was before
}

// item is one article of a batch.
type item struct {
	*prepared
	print  uint64       // of the version to compare with the next time
	next   feed.Article // as it came
	known  feed.ID      // the article that it is; 0 for a new one
	old    *feed.Article
	a      feed.Article // as it is to be kept; of one that has not changed, only the ID
	change feed.Change
	held   bool
}

// imported reports whether the batch says nothing of the present, so that an old version is no edit.
func (v *visit) imported() bool { return v.batch.Source.Fetch.Checked.IsZero() || v.batch.Backfill }

// resolve finds out which articles are known and what is to become of each, and writes nothing.
func (v *visit) resolve(ready []prepared) error {
	articles := make([]feed.Article, len(ready))
	for i := range ready {
		articles[i] = ready[i].article
		articles[i].Source, articles[i].Filed = v.source.ID, v.source.Tags
	}
	known := make([]feed.ID, len(articles)) // of a source from which nothing has come, none is
	of := keySource(v.source.ID)
	some, _ := v.t.bucket(bucketAlias).Cursor().Seek(of)
	if v.first = !bytes.HasPrefix(some, of); !v.first {
		var err error
		if known, err = feed.Resolve(articles, v.source.Identity, &memory{v.t, v.source.ID}); err != nil {
			return err
		}
	}
	v.items = make([]item, len(articles))
	for i := range v.items {
		it := &v.items[i]
		it.prepared, it.print, it.next, it.known = &ready[i], ready[i].print, articles[i], known[i]
		if it.next.Key != it.article.Key { // another article has it
			rekeyed := ready[i]
			rekeyed.names = namesOf(&it.next)
			it.prepared = &rekeyed
		}
		if err := v.decide(it); err != nil {
			return fmt.Errorf("article %q: %w", it.next.Key, err)
		}
	}
	return nil
}

// decide applies the policy of revisions. What is imported and equal to any revision is nothing new.
func (v *visit) decide(it *item) (err error) {
	if v.again != nil {
		return v.decideAgain(it)
	}
	if it.known != 0 {
		if v.t.printed(it.next.Source, it.names[0], it.known, it.print) {
			it.a.ID = it.known
			return nil
		}
		if it.old, err = v.t.newest(it.known); err != nil {
			return err
		}
		if it.old.Withdrawn {
			it.a, it.change = *it.old, feed.Same
			return nil
		}
	}
	it.a, it.change = feed.Revise(it.old, it.next)
	if it.old != nil {
		it.a.Twin, it.a.Homonym = it.old.Twin, it.old.Homonym
	}
	if it.change == feed.Revised && (v.imported() || v.batch.Pushed) {
		had, err := v.t.had(it.known, it.print)
		if err != nil {
			return err
		}
		if had {
			it.a, it.change = *it.old, feed.Same
			it.print = feed.Fingerprint(it.old) // which stays the one to compare with
		}
	}
	if it.change == feed.Revised {
		if it.a.Revision, err = v.t.revisions(it.known); err != nil {
			return err
		}
	}
	return v.older(it)
}

// purged reports whether something of an article has come that is purged.
func (v *visit) purged() bool {
	return slices.ContainsFunc(v.items, func(it item) bool { return it.old != nil && it.old.Purged })
}

// revisions counts the revisions of an article.
func (t *txn) revisions(id feed.ID) (int, error) {
	last := u64(uint64(id))
	if k, _ := lastSeq(t.bucket(bucketRevision).Cursor(), id); bytes.HasPrefix(k, last) {
		last = k[8:]
	}
	s, _, err := split(t.bucket(bucketLog).Get(last))
	if err != nil {
		return 0, fmt.Errorf("%w: revision %x: %v", store.ErrDamaged, last, err)
	}
	return s.Revision + 1, nil
}

// take writes one article.
func (v *visit) take(it *item) error {
	t, a := v.t, &it.a
	if a.Past {
		return v.takeOlder(it)
	}
	switch it.change {
	case feed.Added:
		t.seq++
		t.counts.Articles++
		a.ID, a.Seq = feed.ID(t.seq), t.seq
		v.saved.Added = append(v.saved.Added, a.ID)
		if err := errors.Join(t.pair(a), t.name(a)); err != nil {
			return err
		}
	case feed.Revised:
		t.seq++
		a.Seq = t.seq
		v.saved.Revised = append(v.saved.Revised, a.ID)
		if err := t.changed(store.Revised, a.ID, a.Seq, v.batch.Seen); err != nil {
			return err
		}
	default:
		if v.saved.Same++; it.old == nil {
			return nil // its names are known too
		}
		print := it.print
		if it.old.Purged {
			print = 0
		}
		return t.alias(v.source.ID, it.names, it.old, print)
	}
	if err := t.append(a, it.prepared); err != nil {
		return err
	}
	if err := v.file(it); err != nil {
		return err
	}
	return t.alias(v.source.ID, it.names, a, it.print)
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
	record, err := t.codec.record(a, p.payload, t.from)
	if err != nil {
		return err
	}
	if a.Revision > 0 {
		if err := t.bucket(bucketRevision).Put(keyRevision(a.ID, a.Seq), pastMark(a.Past)); err != nil {
			return err
		}
	}
	return t.bucket(bucketLog).Put(u64(a.Seq), record)
}

// printed reports whether the alias already leads to the article with this very fingerprint.
func (t *txn) printed(source feed.SourceID, name aliasName, id feed.ID, print uint64) bool {
	v := t.bucket(bucketAlias).Get(keyAlias(source, name))
	return len(v) == 16 && feed.ID(binary.BigEndian.Uint64(v)) == id && binary.BigEndian.Uint64(v[8:]) == print
}

// alias makes the names lead to the article. A name that already leads to another one leads nowhere
// from then on, but for the Key, which [feed.Resolve] has found to be this article's. The fingerprint
// stands beside the Key that goes out and beside no other that the article has had, or an article
// that goes back to an older guid and text would look unchanged.
func (t *txn) alias(source feed.SourceID, names []aliasName, a *feed.Article, print uint64) error {
	own := namesOf(a)[0]
	if names[0] != own {
		names = append([]aliasName{own}, names...)
	}
	b := t.bucket(bucketAlias)
	for _, name := range names {
		k, v := keyAlias(source, name), u64(uint64(a.ID))
		have := b.Get(k)
		switch {
		case name == own:
			v = append(v, u64(print)...)
		case name.isKey():
			v = append(v, u64(0)...)
		case len(have) >= 8 && !bytes.Equal(have[:8], v):
			v = u64(0)
		}
		if bytes.Equal(have, v) {
			continue
		}
		if err := b.Put(k, v); err != nil {
			return err
		}
	}
	return nil
}

func namesOf(a *feed.Article) []aliasName {
	aliases := a.Aliases()
	names := make([]aliasName, len(aliases))
	for i, alias := range aliases {
		names[i] = nameOf(alias)
	}
	return names
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
	return feed.ID(binary.BigEndian.Uint64(v)), true, nil
}

// Load implements [feed.Memory].
func (m *memory) Load(id feed.ID) (*feed.Article, error) { return m.t.published(id) }
