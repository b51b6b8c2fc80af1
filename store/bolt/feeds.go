package bolt

import (
	"fmt"
	"strconv"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// allFeed is the number of the feed of everything.
const allFeed uint32 = 1

// maxSpellings bounds how many spellings of one tag are counted; the rest no longer compete for
// being shown.
const maxSpellings = 16

// openFeed is a feed's record in the course of a transaction, written back by flush.
type openFeed struct {
	feedRecord
	number  uint32
	changed bool
}

// touch says that the feed's document is another one from now on.
func (f *openFeed) touch(now time.Time) {
	f.changed = true
	f.Edition++
	// Last-Modified must never go back, even if the clock does.
	f.Changed = max(f.Changed, toInstant(now))
}

// feed returns the record of a feed by its number.
func (t *txn) feed(number uint32) (*openFeed, error) {
	if f, ok := t.feeds[number]; ok {
		return f, nil
	}
	raw := t.bucket(bucketFeed).Get(u32(number))
	if raw == nil {
		return nil, fmt.Errorf("%w: feed %d has no record", store.ErrDamaged, number)
	}
	f := &openFeed{number: number}
	if err := unseal(raw, &f.feedRecord); err != nil {
		return nil, fmt.Errorf("%w: feed %d: %v", store.ErrDamaged, number, err)
	}
	t.feeds[number] = f
	return f, nil
}

// named returns the feed of a tag or an author by a spelling of its name, made if it is new.
func (t *txn) named(kind store.Kind, spelling string) (*openFeed, error) {
	key := feed.TagKey(spelling)
	k := keyName(kind, key)
	if number := t.bucket(bucketFeedKey).Get(k); number != nil {
		return t.feed(decode32(number))
	}
	shown := feed.TagSpelling(spelling)
	f, err := t.newFeed(feedRecord{Kind: kind, Key: key, Title: shown}, feed.Slug(shown))
	if err != nil {
		return nil, err
	}
	if kind == store.Tag {
		t.counts.Tags++
	} else {
		t.counts.Authors++
	}
	return f, t.bucket(bucketFeedKey).Put(k, u32(f.number))
}

// newFeed gives a feed a number and the first free URL name that its own suggests.
func (t *txn) newFeed(r feedRecord, slug string) (*openFeed, error) {
	if slug == "" {
		slug = map[store.Kind]string{store.Tag: "tag", store.Author: "author", store.Source: "source"}[r.Kind]
	}
	names := t.bucket(bucketFeedName)
	r.Name = slug
	if numbered := func(n int) string { return slug + "-" + strconv.Itoa(n) }; names.Get(keyName(r.Kind, slug)) != nil {
		// Names are never given back, so the numbers taken are nearly all of those up to the last: go
		// past it in leaps, and come back by halves to a free number after a taken one.
		taken, free := 1, 2
		for names.Get(keyName(r.Kind, numbered(free))) != nil {
			taken, free = free, 2*free
		}
		for free-taken > 1 {
			if mid := (taken + free) / 2; names.Get(keyName(r.Kind, numbered(mid))) != nil {
				taken = mid
			} else {
				free = mid
			}
		}
		r.Name = numbered(free)
	}
	t.counts.Feeds++
	f := &openFeed{feedRecord: r, number: t.counts.Feeds, changed: true}
	t.feeds[f.number] = f
	return f, names.Put(keyName(r.Kind, r.Name), u32(f.number))
}

// spelled counts one more article in which the feed's name was met in this spelling, and shows the
// one met most often from now on; of equals, the one that was shown before.
func (f *openFeed) spelled(spelling string) {
	shown := feed.TagSpelling(spelling)
	if f.Spellings == nil {
		f.Spellings = make(map[string]uint64, 1)
	}
	if _, ok := f.Spellings[shown]; !ok && len(f.Spellings) >= maxSpellings {
		return
	}
	f.Spellings[shown]++
	if f.Spellings[shown] > f.Spellings[f.Title] {
		f.Title = shown
	}
	f.changed = true
}

// membership is the feeds that a revision belongs to, each once.
func (t *txn) membership(a *feed.Article, count bool) ([]*openFeed, error) {
	feeds, err := t.regular(a, count)
	if err != nil {
		return nil, err
	}
	found, err := t.found(a)
	return append(feeds, found...), err
}

// regular is the feeds that a revision belongs to whatever is searched for.
func (t *txn) regular(a *feed.Article, count bool) ([]*openFeed, error) {
	all, err := t.feed(allFeed)
	if err != nil {
		return nil, err
	}
	source, err := t.sourceFeed(a.Source)
	if err != nil {
		return nil, err
	}
	feeds := []*openFeed{all, source}
	member := map[*openFeed]bool{all: true, source: true}
	add := func(kind store.Kind, name string) error {
		f, err := t.named(kind, name)
		if err != nil {
			return err
		}
		if member[f] {
			return nil
		}
		member[f] = true
		if count {
			f.spelled(name)
		}
		feeds = append(feeds, f)
		return nil
	}
	for _, tag := range a.AllTags() {
		if err := add(store.Tag, tag); err != nil {
			return nil, err
		}
	}
	for _, p := range a.Authors {
		if name := p.String(); feed.TagKey(name) != "" {
			if err := add(store.Author, name); err != nil {
				return nil, err
			}
		}
	}
	return feeds, nil
}
