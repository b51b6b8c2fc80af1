package bolt

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// place is an article's entry in the order of one feed: in feed-date, or in feed-back where nothing
// of it is live.
type place struct {
	feed *openFeed
	back bool
	when uint64
	live uint64 // the revision by which it is in feed-date, if that is not its newest
}

// file enters a revision in the log of each feed that it belongs to, and moves the article in their
// orders from where the version before was.
func (v *visit) file(it *item) error {
	t, a := v.t, &it.a
	var had, m mark
	var before []place
	var was *feed.Article // which was live
	live := a
	if it.old != nil {
		var err error
		if had, err = t.mark(a.ID); err != nil {
			return err
		}
		if was, err = t.liveOf(it.old, had); err != nil {
			return err
		}
		live = was
		if before, err = t.placed(it.old, live); err != nil {
			return err
		}
	}
	m = had
	switch {
	case it.change == feed.Added && v.batch.Backfill:
		m.Back = true
	case m.Back, !it.held && !m.Held: // as it is
	case !m.Held:
		m.Held = true
		if it.old != nil {
			m.Live = it.old.Seq
		}
	}
	if m.Held {
		v.saved.Held++ // a later revision of what is held is held as well
	}
	if m.live(a.Seq) == a.Seq {
		live = a
	} else if it.old == nil {
		live = nil
	}
	if m != had {
		if err := t.putMark(v.source, a.ID, m); err != nil {
			return err
		}
	}
	feeds, after, err := t.places(a, live, it.old == nil)
	if err != nil {
		return err
	}
	if err := t.enter(feeds, a, t.earlier(it), live != a); err != nil {
		return err
	}
	return t.move(a.ID, was, before, after, a.Seen)
}

// enter enters a revision in the logs of feeds, given those beside which it may not stand in a document.
// Unseen says that no live document will show it.
func (t *txn) enter(feeds []*openFeed, a *feed.Article, earlier []uint64, unseen bool) error {
	for _, f := range feeds {
		if err := t.cut(f, earlier); err != nil {
			return err
		}
		if err := t.bucket(bucketFeedLog).Put(keyLog(f.number, f.Length), u64(a.Seq)); err != nil {
			return err
		}
		f.Length++
		if a.Withdrawn {
			f.Withdrawn = f.Length
		}
		f.touch(a.Seen)
		t.grown[f] = t.grown[f] || unseen
	}
	return nil
}

// earlier returns the revisions beside which a new one may not stand in a document: the one before it,
// and those of its twins.
func (t *txn) earlier(it *item) (seqs []uint64) {
	if it.old != nil {
		seqs = append(seqs, it.old.Seq)
	}
	if it.old != nil || it.a.Twin != 0 {
		for _, id := range twins(t.tx, it.a.ID, it.a.Twin) {
			seqs = append(seqs, newestSeq(t.bucket(bucketRevision).Cursor(), id))
		}
	}
	return seqs
}

// liveOf returns the revision of an article that the live feeds show, nil for none.
func (t *txn) liveOf(newest *feed.Article, m mark) (*feed.Article, error) {
	switch seq := m.live(newest.Seq); seq {
	case 0:
		return nil, nil
	case newest.Seq:
		return newest, nil
	default:
		return revision(t.tx, t.codec, seq)
	}
}

// places returns the feeds to which an article's newest revision belongs, and where the article is to
// stand given the revision that is live: by that one in the feeds which that one belongs to, and in
// the others as a back issue.
func (t *txn) places(newest, live *feed.Article, count bool) (feeds []*openFeed, places []place, err error) {
	return placesIn(newest, live, func(a *feed.Article) ([]*openFeed, error) { return t.filed(a, count && a == newest) })
}

// placesIn is [txn.places] for some of the feeds.
func placesIn(newest, live *feed.Article, filed func(*feed.Article) ([]*openFeed, error)) (feeds []*openFeed, places []place, err error) {
	if feeds, err = filed(newest); err != nil {
		return nil, nil, err
	}
	shown := feeds
	switch {
	case live == nil:
		shown = nil
	case live != newest:
		if shown, err = filed(live); err != nil {
			return nil, nil, err
		}
	}
	places = make([]place, 0, len(feeds))
	for _, f := range shown {
		p := place{feed: f, when: sortable(live.When())}
		if live != newest {
			p.live = live.Seq
		}
		places = append(places, p)
	}
	for _, f := range feeds {
		if live != newest && !slices.Contains(shown, f) {
			places = append(places, place{feed: f, back: true, when: sortable(newest.When())})
		}
	}
	return feeds, places, nil
}

// placed returns where an article does stand. That is looked up, since what [txn.places] says may
// have changed: the elder of two twins may have come to a feed since.
func (t *txn) placed(newest, live *feed.Article) (places []place, err error) {
	return t.placedIn(newest, live, t.candidates)
}

// placedIn is [txn.placed] for some of the feeds.
func (t *txn) placedIn(newest, live *feed.Article, feedsOf func(*feed.Article) ([]*openFeed, error)) (places []place, err error) {
	if live != nil {
		feeds, err := feedsOf(live)
		if err != nil {
			return nil, err
		}
		for _, f := range feeds {
			p := place{feed: f, when: sortable(live.When())}
			if live != newest {
				p.live = live.Seq
			}
			places = append(places, p)
		}
	}
	if live != newest {
		feeds, err := feedsOf(newest)
		if err != nil {
			return nil, err
		}
		for _, f := range feeds {
			places = append(places, place{feed: f, back: true, when: sortable(newest.When())})
		}
	}
	return slices.DeleteFunc(places, func(p place) bool { return !t.stands(p, newest.ID) }), nil
}

// stands reports whether an article has an entry there.
func (t *txn) stands(p place, id feed.ID) bool {
	k := p.key(id)
	found, _ := t.bucket(p.bucket()).Cursor().Seek(k)
	return string(found) == string(k)
}

func (p place) bucket() []byte {
	if p.back {
		return bucketFeedBack
	}
	return bucketFeedDate
}

func (p place) key(id feed.ID) []byte { return keyDate(p.feed.number, unsortable(p.when), id) }

// move moves an article in the orders of its feeds, given the revision that was live until now. Where
// that leaves a live document it goes into a sealed one.
func (t *txn) move(id feed.ID, was *feed.Article, before, after []place, at time.Time) error {
	for _, p := range before {
		if slices.Contains(after, p) {
			continue
		}
		if err := t.bucket(p.bucket()).Delete(p.key(id)); err != nil {
			return err
		}
		p.feed.Articles--
		p.feed.touch(at)
		if !p.back && !slices.ContainsFunc(after, func(now place) bool { return now.feed == p.feed && !now.back }) {
			p.feed.Reshaped = p.feed.Edition
			t.grown[p.feed] = t.grown[p.feed] || t.inTail(p.feed, was.Seq)
		}
	}
	for _, p := range after {
		if slices.Contains(before, p) {
			continue
		}
		var value []byte
		if p.live != 0 {
			value = u64(p.live)
		}
		if err := t.bucket(p.bucket()).Put(p.key(id), value); err != nil {
			return err
		}
		p.feed.Articles++
		if _, noted := t.grown[p.feed]; !noted && p.feed.Kind == store.Search {
			t.grown[p.feed] = false // but its limit may have been passed
		}
		p.feed.touch(at)
	}
	return nil
}

// filed is the feeds in which a revision is filed: those that it belongs to, but of a twin only its
// own source's, and those in whose live documents neither the elder is nor another twin that came before.
func (t *txn) filed(a *feed.Article, count bool) ([]*openFeed, error) {
	feeds, err := t.membership(a, count)
	if err != nil || a.Twin == 0 {
		return feeds, err
	}
	own, err := t.sourceFeed(a.Source)
	if err != nil {
		return nil, err
	}
	for _, id := range t.elders(a) {
		live, withdrawn, err := t.elder(id)
		switch {
		case err != nil:
			return nil, err
		case live == nil:
			continue
		}
		var places []*openFeed
		if withdrawn {
			if places, err = t.membership(live, false); err != nil {
				return nil, err
			}
		}
		feeds = slices.DeleteFunc(feeds, func(f *openFeed) bool {
			return f != own && (slices.Contains(places, f) || !withdrawn && t.stands(place{feed: f, when: sortable(live.When())}, live.ID))
		})
	}
	return feeds, nil
}

// elders is a twin's elder and those of its other twins that came before.
func (t *txn) elders(a *feed.Article) []feed.ID {
	ids := []feed.ID{a.Twin}
	prefix := u64(uint64(a.Twin))
	c := t.bucket(bucketTwins).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		if id := feed.ID(binary.BigEndian.Uint64(k[8:])); a.ID == 0 || id < a.ID {
			ids = append(ids, id)
		}
	}
	return ids
}

// elder returns the live revision of an article of which another is the twin, nil for none. One that is
// withdrawn keeps the places that it had, so that the article is gone from there: of that it is the last
// revision before.
func (t *txn) elder(id feed.ID) (live *feed.Article, withdrawn bool, err error) {
	elder, err := t.newest(id)
	if err != nil {
		return nil, false, err
	}
	if elder.Withdrawn {
		live, err = t.published(id)
		return live, true, err
	}
	m, err := t.mark(elder.ID)
	if err != nil {
		return nil, false, err
	}
	live, err = t.liveOf(elder, m)
	return live, false, err
}
