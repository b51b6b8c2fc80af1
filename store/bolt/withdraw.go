package bolt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// Withdraw implements [store.Store].
func (d *DB) Withdraw(ctx context.Context, ids ...feed.ID) error {
	return d.ofEach(ctx, "withdraw", ids, (*txn).withdraw)
}

// Restore implements [store.Store].
func (d *DB) Restore(ctx context.Context, ids ...feed.ID) error {
	return d.ofEach(ctx, "restore", ids, (*txn).restore)
}

// ofEach does something to articles, to each whatever becomes of the others.
func (d *DB) ofEach(ctx context.Context, what string, ids []feed.ID, do func(*txn, *feed.Article, time.Time) error) error {
	var failed []error
	for some := range slices.Chunk(ids, maxShare) {
		turns := make([]func(*txn) error, len(some))
		for i, id := range some {
			turns[i] = func(t *txn) error {
				if err := t.begin(); err != nil {
					return err
				}
				if _, err := known(t.tx, id); err != nil {
					return err
				}
				newest, err := t.newest(id)
				if err != nil {
					return err
				}
				return errors.Join(do(t, newest, d.now()), t.seal())
			}
		}
		for _, err := range d.inTurn(ctx, turns...) {
			if err != nil {
				failed = append(failed, fmt.Errorf("%s %w", what, err))
			}
		}
	}
	return errors.Join(failed...)
}

// withdraw appends a revision that says that the article is withdrawn, and takes it out of its places.
func (t *txn) withdraw(newest *feed.Article, now time.Time) error {
	if newest.Withdrawn {
		return nil
	}
	m, err := t.mark(newest.ID)
	if err != nil {
		return err
	}
	live, err := t.liveOf(newest, m)
	if err != nil {
		return err
	}
	places, err := t.placed(newest, live)
	if err != nil {
		return err
	}
	a := tombstone(newest, live)
	if err := t.further(&a, newest, now); err != nil {
		return err
	}
	m.Held, m.Live, m.Withdrawn = false, 0, true
	if err := t.remark(&a, m); err != nil {
		return err
	}
	t.counts.Articles--
	var feeds []*openFeed
	for _, p := range places {
		if err := t.bucket(p.bucket()).Delete(p.key(a.ID)); err != nil {
			return err
		}
		p.feed.Articles--
		if !slices.Contains(feeds, p.feed) {
			feeds = append(feeds, p.feed)
		}
	}
	if err := t.enter(feeds, &a, t.earlier(&item{old: newest, a: a}), false); err != nil {
		return err
	}
	return t.changed(store.Withdrawn, a.ID, a.Seq, a.Seen)
}

// tombstone returns what is still said of an article when it is withdrawn: which one it is, and to
// which feeds it belonged, in its newest revision or in the live one.
func tombstone(newest, live *feed.Article) feed.Article {
	a := feed.Article{
		ID: newest.ID, Twin: newest.Twin, Homonym: newest.Homonym, Withdrawn: true,
		Source: newest.Source, Key: newest.Key, GUID: newest.GUID, PermaLink: newest.PermaLink,
		Link: newest.Link, Kicker: newest.Kicker, Title: newest.Title, TitleCut: newest.TitleCut, Language: newest.Language,
		Authors: newest.Authors, Tags: newest.Tags, Filed: newest.Filed,
		Published: newest.Published, Arrived: newest.Arrived, Origin: newest.Origin,
	}
	a.Origin.Extra = nil
	if live != nil && live != newest {
		a.Authors = slices.Concat(a.Authors, live.Authors)
		a.Tags = slices.Concat(a.Tags, live.Tags)
		a.Filed = slices.Concat(a.Filed, live.Filed)
	}
	return a
}

// restore appends a revision that says what the last one before a withdrawal said, and puts the article
// in the places that it has by that.
func (t *txn) restore(newest *feed.Article, now time.Time) error {
	if !newest.Withdrawn {
		return nil
	}
	if newest.Purged {
		return fmt.Errorf("article %d: %w", newest.ID, store.ErrPurged)
	}
	m, err := t.mark(newest.ID)
	if err != nil {
		return err
	}
	last, err := t.published(newest.ID)
	if err != nil {
		return err
	}
	a := *last
	if err := t.further(&a, newest, now); err != nil {
		return err
	}
	m.Withdrawn = false
	if err := t.remark(&a, m); err != nil {
		return err
	}
	t.counts.Articles++
	live := &a
	if m.Back {
		live = nil
	}
	feeds, places, err := t.places(&a, live, false)
	if err != nil {
		return err
	}
	if err := t.enter(feeds, &a, t.earlier(&item{old: newest, a: a}), live == nil); err != nil {
		return err
	}
	if err := t.move(a.ID, nil, nil, places, a.Seen); err != nil {
		return err
	}
	if err := t.changed(store.Restored, a.ID, a.Seq, a.Seen); err != nil {
		return err
	}
	// What the publisher has said meanwhile is compared with what is there now.
	return t.alias(a.Source, namesOf(&a)[:1], &a, feed.Fingerprint(&a))
}

// further appends a revision of the archive's own making after the newest.
func (t *txn) further(a, newest *feed.Article, now time.Time) (err error) {
	t.seq++
	a.Seq, a.Seen = t.seq, stored(now)
	// What readers have of the article must be older, whatever the clock says.
	if a.Modified = a.Seen; a.Modified.Unix() <= newest.Modified.Unix() {
		a.Modified = newest.Modified.Add(time.Second)
	}
	if a.Revision, err = t.revisions(a.ID); err != nil {
		return err
	}
	return t.append(a, new(prepared))
}

// remark stores what is known about an article, whose source may hold back one less by that.
func (t *txn) remark(a *feed.Article, m mark) error {
	source, err := t.lookup(a.Source, "")
	if err != nil {
		return err
	}
	held := source.Held
	if err := t.putMark(source, a.ID, m); err != nil || source.Held == held {
		return err
	}
	return t.writeSource(source)
}

// published returns what the publisher last said of an article: its newest revision, or the last one
// before it was withdrawn. Of one that is purged nothing else is left than of any of its revisions.
func (t *txn) published(id feed.ID) (*feed.Article, error) {
	a, err := t.newest(id)
	if err != nil || !a.Withdrawn || a.Purged {
		return a, err
	}
	seqs := revisionSeqs(t.tx, id)
	for _, seq := range slices.Backward(seqs) {
		if a, err = revision(t.tx, t.codec, seq); err != nil || !a.Withdrawn && !a.Past {
			return a, err
		}
	}
	return nil, fmt.Errorf("%w: article %d was never published", store.ErrDamaged, id)
}
