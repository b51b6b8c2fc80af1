package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/query"
	"github.com/backissue/backissue/store"
)

// Define implements [store.Store].
func (d *DB) Define(ctx context.Context, def store.Definition, progress func(done, of uint64)) (store.Feed, error) {
	f, err := d.define(ctx, def, progress)
	if err != nil {
		return f, fmt.Errorf("define the feed %q: %w", def.Name, err)
	}
	return f, nil
}

func (d *DB) define(ctx context.Context, def store.Definition, progress func(done, of uint64)) (f store.Feed, err error) {
	q, err := query.Parse(def.Query)
	if err != nil {
		return f, err
	}
	def.Query = q.String()
	slug := feed.Slug(def.Name)
	switch {
	case slug == "":
		return f, fmt.Errorf("the name %q makes no address", def.Name)
	case def.Limit < 0 || def.Limit > query.MaxLimit:
		return f, fmt.Errorf("a limit of %d is not from 1 to %d", def.Limit, query.MaxLimit)
	}
	var s *search
	err = d.inTurn(ctx, func(t *txn) (err error) {
		s, err = t.define(slug, &def, q)
		return err
	})[0]
	if err == nil && !s.Done {
		err = d.searchArchive(ctx, s, progress)
	}
	if err != nil {
		return f, err
	}
	return d.Feed(ctx, store.Ref{Kind: store.Search, Name: slug})
}

// define stores a definition, new or in place of the one of this name.
func (t *txn) define(slug string, def *store.Definition, q *query.Query) (*search, error) {
	if err := t.begin(); err != nil {
		return nil, err
	}
	old, err := t.searchNamed(slug)
	if err != nil {
		return nil, err
	}
	if old != nil && !old.Ended && feed.TagKey(old.Name) != feed.TagKey(def.Name) {
		return nil, fmt.Errorf("its address is that of the feed %q", old.Name)
	}
	s := &search{slug: slug, query: q}
	if old == nil {
		f, err := t.newFeed(feedRecord{Kind: store.Search, Key: slug, Title: def.Name}, slug)
		if err != nil {
			return nil, err
		}
		s.searchRecord = searchRecord{Feed: f.number, Done: t.seq == 0}
	} else if s.searchRecord = old.searchRecord; old.definition() == *def && !old.Ended {
		return old, nil
	}
	fresh := old != nil && (old.Ended || old.Query != def.Query || old.Split != def.Split)
	if fresh {
		s.Built, s.Done, s.Again = 0, t.seq == 0, true
		s.Round++
	}
	s.Ended = false
	s.Name, s.Query, s.Limit, s.Split, s.Parts = def.Name, def.Query, def.Limit, def.Split, s.Parts || def.Split
	if err := t.putSearch(s); err != nil {
		return nil, err
	}
	if old != nil {
		if err := t.reshape(s, old.Name, fresh); err != nil {
			return nil, err
		}
	}
	return s, t.seal()
}

// reshape says of the feeds of a search that another definition makes other documents of them. Before
// it is searched anew their tails are sealed: what it finds then may be older than what is in them.
func (t *txn) reshape(s *search, was string, anew bool) error {
	for _, number := range append(parts(t.tx, s.slug), s.Feed) {
		f, err := t.feed(number)
		if err != nil {
			return err
		}
		if tag, part := strings.CutPrefix(f.Title, was+": "); part && number != s.Feed {
			f.Title = partTitle(s.Name, tag)
		} else if number == s.Feed {
			f.Title = s.Name
		}
		f.Changed += instant(1e6) // there is no clock here, and it must rise: by a second
		f.touch(f.Changed.time())
		f.Reshaped = f.Edition
		t.grown[f] = t.grown[f] || anew
	}
	return nil
}

// searchNamed returns the search with a URL name, which may have ended; nil where there never was one.
func (t *txn) searchNamed(slug string) (*search, error) {
	raw := t.bucket(bucketSearch).Get([]byte(slug))
	if raw == nil {
		return nil, nil
	}
	return decodeSearch([]byte(slug), raw)
}

// putSearch stores a search.
func (t *txn) putSearch(s *search) error {
	raw, err := seal(&s.searchRecord)
	if err != nil {
		return fmt.Errorf("encode saved search %q: %w", s.slug, err)
	}
	t.forgetSearches()
	return t.bucket(bucketSearch).Put([]byte(s.slug), raw)
}

// forgetSearches has the saved searches read again.
func (t *txn) forgetSearches() {
	t.counts.Defined++
	t.defined, t.redefined = nil, true
}

// Undefine implements [store.Store].
func (d *DB) Undefine(ctx context.Context, name string) error {
	err := d.inTurn(ctx, func(t *txn) error { return t.undefine(feed.Slug(name)) })[0]
	if err != nil {
		return fmt.Errorf("end the feed %q: %w", name, err)
	}
	return nil
}

func (t *txn) undefine(slug string) error {
	if err := t.begin(); err != nil {
		return err
	}
	s, err := t.searchNamed(slug)
	if err != nil {
		return err
	}
	if s == nil || s.Ended {
		return fmt.Errorf("saved search: %w", store.ErrNotFound)
	}
	for _, number := range append(parts(t.tx, slug), s.Feed) {
		if err := t.empty(number); err != nil {
			return err
		}
	}
	ended := *s
	ended.Ended = true
	ended.Round++ // somebody may be at work on it
	if err := errors.Join(t.reshape(&ended, s.Name, true), t.putSearch(&ended)); err != nil {
		return err
	}
	return t.seal()
}

// empty takes every article out of a feed. Its log stays.
func (t *txn) empty(number uint32) error {
	f, err := t.feed(number)
	if err != nil {
		return err
	}
	f.Articles = 0
	return errors.Join(t.deleteAll(bucketFeedDate, u32(number)), t.deleteAll(bucketFeedBack, u32(number)))
}

// deleteAll deletes every key of a bucket that begins so.
func (t *txn) deleteAll(bucket, prefix []byte) error {
	b := t.bucket(bucket)
	for {
		var keys [][]byte // a cursor loses its place when what it points to is deleted
		c := b.Cursor()
		for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix) && len(keys) < 1000; k, _ = c.Next() {
			keys = append(keys, bytes.Clone(k))
		}
		if len(keys) == 0 {
			return nil
		}
		for _, k := range keys {
			if err := b.Delete(k); err != nil {
				return err
			}
		}
	}
}
