package bolt

import (
	"time"

	"github.com/backissue/backissue/feed"
)

// older makes a revision one that is older than the newest, where it comes from a document of the
// publisher's own archive that was sealed before. What came from there itself (a back issue) does so
// from the oldest document on, so there the next version is the newer one.
func (v *visit) older(it *item) error {
	if it.change != feed.Revised || !v.batch.Backfill || !v.batch.Past {
		return nil
	}
	m, err := v.t.mark(it.known)
	if err != nil || m.Back || dated(&it.next).After(dated(it.old)) {
		return err
	}
	it.a.Past = true
	// Of two versions that meet, readers keep the one with the later atom:updated (RFC 5005 §4.1).
	if it.a.Modified = dated(&it.next); it.a.Modified.IsZero() || !it.a.Modified.Before(it.old.Modified) {
		it.a.Modified = it.old.Modified.Add(-time.Second)
	}
	return nil
}

func dated(a *feed.Article) time.Time {
	if !a.Updated.IsZero() {
		return a.Updated
	}
	return a.Published
}

// takeOlder enters an older version in the logs of the feeds that it belongs to. Nothing else changes.
func (v *visit) takeOlder(it *item) error {
	t, a := v.t, &it.a
	t.seq++
	a.Seq = t.seq
	v.saved.Revised = append(v.saved.Revised, a.ID)
	if err := t.append(a, it.prepared); err != nil {
		return err
	}
	feeds, err := t.filed(a, false)
	if err != nil {
		return err
	}
	if err := t.enter(feeds, a, t.earlier(it), true); err != nil {
		return err
	}
	return t.alias(v.source.ID, it.names, it.old, feed.Fingerprint(it.old))
}
