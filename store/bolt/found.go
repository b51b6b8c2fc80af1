package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/query"
	"github.com/backissue/backissue/store"
)

// searchRecord is a saved search as it is stored.
type searchRecord struct {
	Name  string `cbor:"1,keyasint"`
	Query string `cbor:"2,keyasint"`
	Limit int    `cbor:"3,keyasint,omitempty"`
	Split bool   `cbor:"4,keyasint,omitempty"`
	Feed  uint32 `cbor:"5,keyasint"`
	// Built is up to which sequence number the archive has been searched; once it has been as a whole
	// (Done), what comes in is searched as it does.
	Built uint64 `cbor:"6,keyasint,omitempty"`
	Done  bool   `cbor:"7,keyasint,omitempty"`
	Round uint64 `cbor:"8,keyasint"`            // rises with every definition
	Again bool   `cbor:"9,keyasint,omitempty"`  // the feed is from an earlier definition
	Parts bool   `cbor:"10,keyasint,omitempty"` // it is or was split
	Ended bool   `cbor:"11,keyasint,omitempty"` // nobody defines it any more
}

func (r *searchRecord) definition() store.Definition {
	return store.Definition{Name: r.Name, Query: r.Query, Limit: r.Limit, Split: r.Split}
}

// search is a saved search that is ready to be used. It is never changed: transactions share it.
type search struct {
	searchRecord
	slug  string
	query *query.Query
}

// searchCache keeps the saved searches from one transaction to the next.
type searchCache struct {
	defined uint64 // counts.Defined of when they were read
	all     []*search
}

// readSearches reads all saved searches but those that have ended.
func readSearches(tx *bbolt.Tx) (all []*search, err error) {
	c := tx.Bucket(bucketSearch).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		s, err := decodeSearch(k, v)
		if err != nil {
			return nil, err
		}
		if !s.Ended {
			all = append(all, s)
		}
	}
	return all, nil
}

func decodeSearch(k, v []byte) (*search, error) {
	s := &search{slug: string(k)}
	if err := unseal(v, &s.searchRecord); err != nil {
		return nil, fmt.Errorf("%w: saved search %q: %v", store.ErrDamaged, k, err)
	}
	var err error
	if s.query, err = query.Parse(s.Query); err != nil {
		return nil, fmt.Errorf("%w: saved search %q: %v", store.ErrDamaged, k, err)
	}
	return s, nil
}

// searches returns the saved searches.
func (t *txn) searches() ([]*search, error) {
	if t.defined != nil {
		return t.defined, nil
	}
	cached := t.known != nil && !t.redefined
	if cached && t.known.all != nil && t.known.defined == t.counts.Defined {
		t.defined = t.known.all
		return t.defined, nil
	}
	all, err := readSearches(t.tx)
	if err != nil {
		return nil, err
	}
	if all == nil {
		all = []*search{}
	}
	if t.defined = all; cached {
		*t.known = searchCache{t.counts.Defined, all}
	}
	return all, nil
}

// found returns the feeds of the saved searches that find a revision. One that is still at work on
// the archive finds what it has come to; it will come to what is new.
func (t *txn) found(a *feed.Article) (feeds []*openFeed, err error) {
	all, err := t.searches()
	if err != nil || len(all) == 0 {
		return nil, err
	}
	var p *query.Prepared
	for _, s := range all {
		if !s.Done && a.Seq > s.Built {
			continue
		}
		if p == nil {
			source, err := t.sourceOf(a, all)
			if err != nil {
				return nil, err
			}
			p = query.Prepare(a, source)
		}
		if !s.query.MatchPrepared(p) {
			continue
		}
		of, err := t.feedsOf(s, a)
		if err != nil {
			return nil, err
		}
		feeds = append(feeds, of...)
	}
	return feeds, nil
}

// sourceOf returns the source of an article, or nil where no search asks for it.
func (t *txn) sourceOf(a *feed.Article, searches []*search) (*feed.Source, error) {
	for _, s := range searches {
		if s.query.AsksSource() {
			return t.lookup(a.Source, "")
		}
	}
	return nil, nil
}

// feedsOf returns the feeds of a search in which an article is that it finds: the search's own and,
// where it is split, those of the article's tags.
func (t *txn) feedsOf(s *search, a *feed.Article) ([]*openFeed, error) {
	whole, err := t.feed(s.Feed)
	if err != nil {
		return nil, err
	}
	feeds := []*openFeed{whole}
	if !s.Split {
		return feeds, nil
	}
	for _, tag := range a.AllTags() {
		part, err := t.part(s, tag)
		if err != nil {
			return nil, err
		}
		feeds = append(feeds, part)
	}
	return feeds, nil
}

// partKey is the name in feed-key of the part of a search for a tag.
func partKey(slug, tag string) []byte { return keyName(store.Search, slug+"/"+feed.TagKey(tag)) }

// part returns the feed of a search's part for a tag, made if it is new.
func (t *txn) part(s *search, tag string) (*openFeed, error) {
	k := partKey(s.slug, tag)
	if number := t.bucket(bucketFeedKey).Get(k); number != nil {
		return t.feed(decode32(number))
	}
	shown := feed.TagSpelling(tag)
	name := feed.Slug(shown)
	if name == "" {
		name = "tag"
	}
	f, err := t.newFeed(feedRecord{Kind: store.Search, Key: string(k[1:]), Title: partTitle(s.Name, shown)}, s.slug+"/"+name)
	if err != nil {
		return nil, err
	}
	return f, t.bucket(bucketFeedKey).Put(k, u32(f.number))
}

func partTitle(name, tag string) string { return name + ": " + tag }

// candidates returns the feeds in which an article may stand: those to which it belongs and those of
// every search, since what a search finds may have changed.
func (t *txn) candidates(a *feed.Article) ([]*openFeed, error) {
	feeds, err := t.regular(a, false)
	if err != nil {
		return nil, err
	}
	all, err := t.searches()
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		of, err := t.existing(s, a)
		if err != nil {
			return nil, err
		}
		feeds = append(feeds, of...)
	}
	return feeds, nil
}

// existing returns the feeds of a search in which an article may stand, whether it is found or not.
func (t *txn) existing(s *search, a *feed.Article) (feeds []*openFeed, err error) {
	for _, number := range searchNumbers(t.bucket(bucketFeedKey).Bucket, s, a) {
		f, err := t.feed(number)
		if err != nil {
			return nil, err
		}
		feeds = append(feeds, f)
	}
	return feeds, nil
}

// searchNumbers returns the numbers of a search's feed and of those parts that an article's tags have.
func searchNumbers(keys *bbolt.Bucket, s *search, a *feed.Article) []uint32 {
	numbers := []uint32{s.Feed}
	if s.Parts {
		for _, tag := range a.AllTags() {
			if number := keys.Get(partKey(s.slug, tag)); number != nil {
				numbers = append(numbers, decode32(number))
			}
		}
	}
	return numbers
}

// parts returns the numbers of all feeds into which a search is or was split.
func parts(tx *bbolt.Tx, slug string) (numbers []uint32) {
	prefix := keyName(store.Search, slug+"/")
	c := tx.Bucket(bucketFeedKey).Cursor()
	for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
		numbers = append(numbers, decode32(v))
	}
	return numbers
}

// definedFeed is the record of a search's feed with its definition.
func definedFeed(tx *bbolt.Tx, r *feedRecord) (store.Feed, error) {
	s, err := searchOf(tx, r)
	if err != nil {
		return store.Feed{}, err
	}
	f, d := r.feed(), s.definition()
	if f.Ended = s.Ended; !f.Ended {
		f.Search = &d
	}
	return f, nil
}

// searchOf returns the search to which a feed belongs.
func searchOf(tx *bbolt.Tx, r *feedRecord) (s searchRecord, err error) {
	slug, _, _ := strings.Cut(r.Name, "/")
	if err := unseal(tx.Bucket(bucketSearch).Get([]byte(slug)), &s); err != nil {
		return s, fmt.Errorf("%w: saved search %q: %v", store.ErrDamaged, slug, err)
	}
	return s, nil
}

// overflows reports whether something in a feed's open tail is not among the articles to which its
// search limits the live document.
func (t *txn) overflows(f *openFeed) (bool, error) {
	s, err := searchOf(t.tx, &f.feedRecord)
	if err != nil || s.Limit == 0 || s.Ended || f.Length == f.Open {
		return false, err
	}
	return beyond(t.tx, f.number, f.Open, f.Length, s.Limit)
}

// beyond reports whether the log's positions from open up to end name an article that is not among the
// newest of the feed.
func beyond(tx *bbolt.Tx, number uint32, open, end uint64, newest int) (bool, error) {
	if end-open > uint64(newest) {
		return true, nil
	}
	live := make(map[uint64]bool, newest)
	dates := row{c: tx.Bucket(bucketFeedDate).Cursor()}
	dates.before(u32(number + 1))
	for prefix := u32(number); bytes.HasPrefix(dates.k, prefix) && len(live) < newest; dates.k, _ = dates.c.Prev() {
		live[binary.BigEndian.Uint64(dates.k[12:])] = true
	}
	for ; open < end; open++ {
		seq := decode64(tx.Bucket(bucketFeedLog).Get(keyLog(number, open)))
		a, _, err := split(tx.Bucket(bucketLog).Get(u64(seq)))
		if err != nil {
			return false, fmt.Errorf("%w: revision %d: %v", store.ErrDamaged, seq, err)
		}
		if !live[a.ID] {
			return true, nil
		}
	}
	return false, nil
}
