package bolt

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// relaxSources is after how many sources of a list the system forgets which pages it took.
const relaxSources = 200_000

// Roster implements [store.Reader]. Three cursors go side by side: sources have mostly been made one after
// the other, and so have their feeds.
func (d *DB) Roster(_ context.Context, after feed.SourceID, page []store.Listed) (n int, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		sources := tx.Bucket(bucketSource).Cursor()
		numbers := &follower{Cursor: tx.Bucket(bucketFeedKey).Cursor()}
		feeds := &follower{Cursor: tx.Bucket(bucketFeed).Cursor()}
		for k, v := sources.Seek(keySource(after + 1)); k != nil && n < len(page); k, v = sources.Next() {
			id := feed.SourceID(decode32(k))
			l := &page[n]
			*l = store.Listed{Source: feed.Source{ID: id}}
			record, err := unsum(v)
			if err == nil {
				err = scanSource(record, &l.Source)
			}
			if err != nil {
				return fmt.Errorf("%w: source %d: %v", store.ErrDamaged, id, err)
			}
			if l.Articles, err = scanArticles(feeds.at(numbers.at(keyName(store.Source, string(k))))); err != nil {
				return fmt.Errorf("%w: the feed of source %d: %v", store.ErrDamaged, id, err)
			}
			n++
		}
		if n > 0 && after/relaxSources != page[n-1].ID/relaxSources { // it is a long list
			relax(tx)
		}
		return nil
	})
	return n, err
}

// follower is a cursor that is asked for keys most of which follow each other.
type follower struct {
	*bbolt.Cursor
	began bool
}

// at returns the value of a key, nil where it is not there.
func (f *follower) at(key []byte) []byte {
	if f.began {
		if k, v := f.Next(); bytes.Equal(k, key) {
			return v
		}
	}
	f.began = true
	if k, v := f.Seek(key); bytes.Equal(k, key) {
		return v
	}
	return nil
}

// scanArticles takes the number of articles from a [feedRecord].
func scanArticles(raw []byte) (n uint64, err error) {
	raw, err = unsum(raw)
	s := scanner{rest: raw, broken: err != nil}
	s.fields(func(key uint64) {
		if key == 6 {
			n = uint64(s.number())
			return
		}
		s.raw()
	})
	return n, s.end()
}

// scanSource takes from a [sourceRecord] what [store.Listed] has of it.
func scanSource(raw []byte, src *feed.Source) error {
	s := scanner{rest: raw}
	f := &src.Fetch
	moment := func() time.Time { return instant(s.number()).time() }
	var err error
	s.fields(func(key uint64) {
		switch key {
		case 1:
			src.Name = s.text()
		case 2:
			src.URL = s.text()
		case 3:
			src.Title = s.text()
		case 4:
			src.Home = s.text()
		case 13:
			src.Tags = s.texts()
		case 14:
			src.Subscribed = s.truth()
		case 15:
			src.Added = moment()
		case 17:
			src.Identity = feed.Policy(s.number())
		case 18:
			src.Held = int(s.number())
		case 23:
			f.Checked = moment()
		case 24:
			f.Changed = moment()
		case 25:
			f.Due = moment()
		case 26:
			f.Failures = int(s.number())
		case 27:
			f.Problem = s.text()
		case 28:
			f.Status = int(s.number())
		case 30:
			f.Repairs = s.texts()
		case 31:
			f.Most = int(s.number())
		case 32:
			f.Gaps = int(s.number())
		case 33:
			f.Gap.Noticed = moment()
		case 34:
			f.Gap.Since = moment()
		case 35:
			f.Gap.Until = moment()
		case 36:
			var h *history // few have one
			if err = decoding.Unmarshal(s.raw(), &h); err == nil {
				f.History = h.history()
			}
		case 37:
			s.manners(src)
		default:
			s.raw()
		}
	})
	if err != nil {
		return err
	}
	return s.end()
}

// manners takes what a list shows of how a source is asked.
func (s *scanner) manners(src *feed.Source) {
	f := &src.Fetch
	s.fields(func(key uint64) {
		switch key {
		case 1:
			f.Allowed = instant(s.number()).time()
		case 8:
			s.push(&f.Push)
		default:
			s.raw()
		}
	})
}

// push takes a [push] without its secrets.
func (s *scanner) push(p *feed.Push) {
	moment := func() time.Time { return instant(s.number()).time() }
	s.fields(func(key uint64) {
		switch key {
		case 1:
			p.Hub = s.text()
		case 2:
			p.Topic = s.text()
		case 5:
			p.Asked = moment()
		case 6:
			p.Until = moment()
		case 7:
			p.Pushed = moment()
		case 8:
			p.Problem = s.text()
		default:
			s.raw()
		}
	})
}
