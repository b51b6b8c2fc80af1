package bolt

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// maxURL bounds the address of a source; bbolt keys end at 32 KiB.
const maxURL = 8 << 10

// Subscribe implements [store.Store].
func (d *DB) Subscribe(ctx context.Context, sources ...feed.Source) ([]store.Subscribed, error) {
	got := make([]store.Subscribed, len(sources))
	var dos []func(*txn) error
	var at []int // where in sources each of dos is
	for i := range sources {
		// What nobody could take in must not undo, and have made again, what shares its transaction.
		if got[i].Err = usable(&sources[i]); got[i].Err != nil {
			continue
		}
		// A shared transaction may be made again, so nothing of one may get into sources.
		dos, at = append(dos, func(t *txn) (err error) {
			got[i].Source, got[i].New, err = t.subscribe(sources[i])
			return err
		}), append(at, i)
	}
	for k, err := range d.inTurn(ctx, dos...) {
		got[at[k]].Err = err
	}
	var first error
	for i := range got {
		if err := got[i].Err; err != nil {
			err = fmt.Errorf("subscribe to %s: %w", sources[i].PublicURL(), err)
			got[i] = store.Subscribed{Source: sources[i], Err: err}
			first = cmp.Or(first, err)
		}
	}
	return got, first
}

// usable returns why a source cannot be one, if that can be told without the archive.
func usable(s *feed.Source) error {
	if s.URL == "" && s.ID == 0 || len(s.URL) > maxURL {
		return fmt.Errorf("its source has no usable address (%d bytes)", len(s.URL))
	}
	return nil
}

func (t *txn) subscribe(s feed.Source) (got feed.Source, fresh bool, err error) {
	if err := t.begin(); err != nil {
		return got, false, err
	}
	known, err := t.lookup(s.ID, s.URL)
	if errors.Is(err, store.ErrNotFound) {
		wanted := s
		wanted.Subscribed = false // which is what it was until now
		known, _, err = t.putSource(wanted, s.Added)
	}
	if err != nil {
		return got, false, err
	}
	fresh = !known.Subscribed
	known.Subscribed = true
	if s.Identity != feed.PolicyAuto {
		known.Identity = s.Identity
	}
	if !s.Access.IsZero() {
		known.Access = s.Access
	}
	for _, tag := range s.Tags {
		if !slices.ContainsFunc(known.Tags, func(t string) bool { return feed.TagKey(t) == feed.TagKey(tag) }) {
			known.Tags = append(known.Tags, tag)
		}
	}
	return *known, fresh, t.writeSource(known)
}

// SetAccess implements [store.Store].
func (d *DB) SetAccess(ctx context.Context, id feed.SourceID, access feed.Access) error {
	err := d.inTurn(ctx, func(t *txn) error {
		known, err := t.lookup(id, "")
		if err != nil {
			return err
		}
		known.Access = access
		return t.writeSource(known)
	})[0]
	if err != nil {
		return fmt.Errorf("set the access to source %d: %w", id, err)
	}
	return nil
}

// Unsubscribe implements [store.Store].
func (d *DB) Unsubscribe(ctx context.Context, id feed.SourceID) (s feed.Source, err error) {
	err = d.inTurn(ctx, func(t *txn) error {
		known, err := t.lookup(id, "")
		if err != nil {
			return err
		}
		known.Subscribed = false
		s = *known
		return t.writeSource(known)
	})[0]
	if err != nil {
		return s, fmt.Errorf("unsubscribe from source %d: %w", id, err)
	}
	return s, nil
}

// lookup finds a source by its number or, where that is 0, by its address.
func (t *txn) lookup(id feed.SourceID, address string) (*feed.Source, error) {
	if id == 0 {
		id = feed.SourceID(decode32(t.bucket(bucketSourceURL).Get([]byte(address))))
	}
	return readSource(t.tx, id)
}

func readSource(tx *bbolt.Tx, id feed.SourceID) (*feed.Source, error) {
	r, err := readSourceRecord(tx, id)
	if err != nil {
		return nil, err
	}
	s := r.source(id)
	return &s, nil
}

func readSourceRecord(tx *bbolt.Tx, id feed.SourceID) (*sourceRecord, error) {
	raw := tx.Bucket(bucketSource).Get(keySource(id))
	if raw == nil {
		return nil, fmt.Errorf("source %d: %w", id, store.ErrNotFound)
	}
	var r sourceRecord
	if err := unseal(raw, &r); err != nil {
		return nil, fmt.Errorf("%w: source %d: %v", store.ErrDamaged, id, err)
	}
	return &r, nil
}

// putSource stores a source as a batch gives it: new, or in place of the known one, of which stays
// what the owner and the archive decided. It returns the source as it is now, and as it was before.
func (t *txn) putSource(s feed.Source, now time.Time) (is, was *feed.Source, err error) {
	if err := usable(&s); err != nil {
		return nil, nil, err
	}
	known, err := t.lookup(s.ID, s.URL)
	switch {
	case errors.Is(err, store.ErrNotFound) && s.ID == 0:
		is, err = t.newSource(s, now)
		return is, nil, err
	case err != nil:
		return nil, nil, err
	}
	if s.URL, err = t.adopt(s, known); err != nil {
		return nil, nil, err
	}
	s.ID, s.Name = known.ID, known.Name
	s.Added, s.Tags, s.Subscribed, s.Identity = known.Added, known.Tags, known.Subscribed, known.Identity
	s.Access = known.Access
	if s.Fetch.Checked.IsZero() {
		s.Fetch = known.Fetch
		if !known.Fetch.Checked.IsZero() {
			s = *known // what an old file says of the feed is older than what the last visit found
		}
	}
	s.Held, s.Fetch.Gaps, s.Fetch.Gap = known.Held, known.Fetch.Gaps, known.Fetch.Gap
	s.Fetch.Most, s.Fetch.History = max(s.Fetch.Most, known.Fetch.Most), known.Fetch.History
	s.Fetch.Push = known.Fetch.Push
	if err := t.retitle(&s, known, now); err != nil {
		return nil, nil, err
	}
	return &s, known, t.writeSource(&s)
}

// adopt returns the address that a known source has from now on: the one with which a visit gives it, if
// it is nobody else's. The old one goes on leading to the source, so that whoever knows it by that finds
// it, and it is never made a second time.
func (t *txn) adopt(s feed.Source, known *feed.Source) (string, error) {
	if s.ID == 0 || s.URL == "" || s.URL == known.URL || s.Fetch.Checked.IsZero() {
		return known.URL, nil
	}
	k, addresses := keySource(known.ID), t.bucket(bucketSourceURL)
	switch have := addresses.Get([]byte(s.URL)); {
	case bytes.Equal(have, k): // it has had this one before
		return s.URL, nil
	case have != nil:
		return known.URL, nil
	}
	return s.URL, addresses.Put([]byte(s.URL), k)
}

// SourcesAt implements [store.Reader].
func (d *DB) SourcesAt(_ context.Context, host string, limit int) (sources []feed.Source, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketSourceURL).Cursor()
		for _, prefix := range []string{"http://" + host + "/", "http://" + host + ":", "https://" + host + "/", "https://" + host + ":"} {
			for k, v := c.Seek([]byte(prefix)); bytes.HasPrefix(k, []byte(prefix)) && len(sources) < limit; k, v = c.Next() {
				s, err := readSource(tx, feed.SourceID(decode32(v)))
				if err != nil {
					return err
				}
				if s.URL == string(k) { // or it has been there once
					sources = append(sources, *s)
				}
			}
		}
		return nil
	})
	return sources, err
}

func (t *txn) newSource(s feed.Source, now time.Time) (*feed.Source, error) {
	t.counts.Sources++
	s.Held, s.Fetch.History.Shelved = 0, 0
	s.ID = feed.SourceID(t.counts.Sources)
	if s.Added.IsZero() {
		s.Added = now
	}
	f, err := t.newFeed(feedRecord{Kind: store.Source, Title: s.DisplayTitle(), Source: uint32(s.ID)}, sourceSlug(&s))
	if err != nil {
		return nil, err
	}
	s.Name = f.Name
	return &s, errors.Join(
		t.bucket(bucketFeedKey).Put(keyName(store.Source, string(keySource(s.ID))), u32(f.number)),
		t.bucket(bucketSourceURL).Put([]byte(s.URL), keySource(s.ID)),
		t.writeSource(&s),
	)
}

// sourceSlug suggests a source's URL name: its title, or its host where it has none.
func sourceSlug(s *feed.Source) string {
	if slug := feed.Slug(s.Title); slug != "" {
		return slug
	}
	if u, err := url.Parse(s.URL); err == nil && u.Host != "" {
		return feed.Slug(strings.TrimPrefix(u.Hostname(), "www."))
	}
	return feed.Slug(s.URL)
}

// retitle renames the source's feed when the publisher has, and says that its document is another one
// when it describes its feed otherwise, since that goes out with it.
func (t *txn) retitle(s, known *feed.Source, now time.Time) error {
	if s.DisplayTitle() == known.DisplayTitle() && sameDescription(s, known) {
		return nil
	}
	f, err := t.sourceFeed(s.ID)
	if err != nil {
		return err
	}
	f.Title = s.DisplayTitle()
	f.touch(now)
	f.Reshaped = f.Edition
	return nil
}

// sameDescription reports whether two versions of a source say the same of its feed.
func sameDescription(a, b *feed.Source) bool {
	return a.Home == b.Home && a.Description == b.Description && a.Language == b.Language && a.Rights == b.Rights &&
		a.Image == b.Image && slices.Equal(a.Authors, b.Authors) && slices.Equal(a.Categories, b.Categories) &&
		slices.Equal(a.Links, b.Links) && slices.EqualFunc(a.Extra, b.Extra, func(x, y feed.Element) bool {
		return x.Space == y.Space && x.Name == y.Name && x.Inner == y.Inner &&
			slices.Equal(x.Attrs, y.Attrs) && maps.Equal(x.Prefixes, y.Prefixes)
	})
}

func (t *txn) sourceFeed(id feed.SourceID) (*openFeed, error) {
	number := t.bucket(bucketFeedKey).Get(keyName(store.Source, string(keySource(id))))
	return t.feed(decode32(number))
}

// writeSource writes the record, keeps the indexes of what is due and of flags, and watches how the
// source is doing.
func (t *txn) writeSource(s *feed.Source) error {
	sources, k := t.bucket(bucketSource), keySource(s.ID)
	var was sourceRecord
	if old := sources.Get(k); old != nil {
		if err := unseal(old, &was); err != nil {
			return fmt.Errorf("%w: source %d: %v", store.ErrDamaged, s.ID, err)
		}
	}
	is := toSourceRecord(s)
	if err := errors.Join(t.reschedule(s.ID, &was, is), t.flag(s.ID, &was, is)); err != nil {
		return err
	}
	if err := t.watch(s.ID, &was, is); err != nil {
		return err
	}
	raw, err := seal(is)
	if err != nil {
		return fmt.Errorf("encode source %d: %w", s.ID, err)
	}
	return sources.Put(k, raw)
}

// reschedule moves a source in the index of what is due.
func (t *txn) reschedule(id feed.SourceID, was, is *sourceRecord) error {
	due := t.bucket(bucketDue)
	if was.Subscribed {
		if err := due.Delete(keyDue(stored(was.Due.time()), id)); err != nil {
			return err
		}
	}
	if is.Subscribed {
		return due.Put(keyDue(stored(is.Due.time()), id), nil)
	}
	return nil
}
