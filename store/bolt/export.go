package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/exchange"
)

// maxItems is how many entries of an index one line of an export has at most.
const maxItems = 4096

// Export writes the whole archive, as it is now, in the form of package exchange. What the next visit to each
// source finds out again is left out, so is what was received (see [Options].Raw), and but for secrets what the
// owner and hubs keep secret. progress, if not nil, hears how many revisions have been written, of how many.
func (d *DB) Export(ctx context.Context, w io.Writer, secrets bool, progress func(done, of uint64)) error {
	return d.view(func(tx *bbolt.Tx) error {
		x := &export{ctx: ctx, tx: tx, codec: d.codec, w: exchange.NewWriter(w), secrets: secrets, hear: progress}
		for _, part := range []func() error{
			x.archive, x.sources, x.addresses, x.articles, x.aliases, x.feeds, x.logs,
			func() error { return x.order(bucketFeedDate, false) },
			func() error { return x.order(bucketFeedBack, true) },
			x.abouts, x.documents, x.searches, x.windows, x.shelves, x.changes, x.troubles, x.incidents, x.subscribers,
			x.w.Close,
		} {
			if err := part(); err != nil {
				return err
			}
		}
		return nil
	})
}

// export is an export under way.
type export struct {
	ctx     context.Context
	tx      *bbolt.Tx
	codec   *codec
	w       *exchange.Writer
	secrets bool
	hear    func(done, of uint64)
	renamed map[string][]byte // new names of descriptions without their secrets, by their old ones
}

// each calls f with the pairs of a bucket, and says which one an error is about.
func (x *export) each(bucket []byte, f func(k, v []byte) error) error {
	c := x.tx.Bucket(bucket).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		err := x.ctx.Err()
		if err == nil {
			err = f(k, v)
		}
		if err != nil {
			return fmt.Errorf("bucket %q, key %x: %w", bucket, k, err)
		}
	}
	return nil
}

// write writes a record that is stored as v, which stands in its place where JSON cannot say it.
func (x *export) write(r *exchange.Record, v []byte) error {
	return x.w.Write(r, func() ([][]byte, error) { return [][]byte{v}, nil })
}

// read decodes a value.
func read(v []byte, into any) error {
	if err := unseal(v, into); err != nil {
		return fmt.Errorf("%w: %v", store.ErrDamaged, err)
	}
	return nil
}

func (x *export) archive() error {
	meta := x.tx.Bucket(bucketMeta)
	var c counts
	if err := read(meta.Get(keyCounts), &c); err != nil {
		return fmt.Errorf("counts: %w", err)
	}
	return x.w.Write(&exchange.Record{Archive: &exchange.Archive{
		Identity: hex.EncodeToString(meta.Get(keyIdentity)), Articles: c.Articles, Sources: c.Sources, Tags: c.Tags,
		Authors: c.Authors, Feeds: c.Feeds, Changes: c.Changes, Held: c.Held, Touches: c.Touches, Defined: c.Defined,
		Subscribed: c.Subscribed, Troubled: c.Troubled[:], Incidents: c.Incidents,
	}}, nil)
}

func (x *export) sources() error {
	return x.each(bucketSource, func(k, v []byte) error {
		var r sourceRecord
		if err := read(v, &r); err != nil {
			return err
		}
		r.forget()
		s := r.source(feed.SourceID(decode32(k[:4])))
		out := exchange.FromSource(&s, x.secrets)
		return x.w.Write(&exchange.Record{Source: out}, func() ([][]byte, error) {
			s.URL = out.URL
			if !x.secrets {
				s.Access, s.Fetch.Push = feed.Access{}, feed.Push{Hub: s.Fetch.Push.Hub, Topic: s.Fetch.Push.Topic}
			}
			stored, err := seal(toSourceRecord(&s))
			return [][]byte{stored}, err
		})
	})
}

// addresses writes the addresses that sources had before. Those that they have are said with the sources.
func (x *export) addresses() error {
	return x.each(bucketSourceURL, func(k, v []byte) error {
		var r sourceRecord
		if err := read(x.tx.Bucket(bucketSource).Get(v), &r); err != nil {
			return err
		}
		if r.URL == string(k) {
			return nil
		}
		address := string(k)
		if u, err := url.Parse(address); !x.secrets && (err != nil || u.User != nil) {
			return nil
		}
		return x.write(&exchange.Record{Address: &exchange.Address{URL: address, Source: decode32(v)}}, k)
	})
}

// articles writes each article with its revisions.
func (x *export) articles() error {
	log, revisions := x.tx.Bucket(bucketLog), x.tx.Bucket(bucketRevision).Cursor()
	var last, done uint64
	if k, _ := log.Cursor().Last(); k != nil {
		last = decode64(k)
	}
	return x.each(bucketLog, func(k, v []byte) error {
		s, _, err := split(v)
		if err != nil {
			return fmt.Errorf("%w: %v", store.ErrDamaged, err)
		}
		if s.ID != decode64(k) {
			return nil // said with the first
		}
		records := [][]byte{v}
		for rk, _ := revisions.Seek(k); bytes.HasPrefix(rk, k); rk, _ = revisions.Next() {
			records = append(records, log.Get(rk[8:]))
		}
		if done += uint64(len(records)); x.hear != nil {
			x.hear(done, last)
		}
		return x.article(feed.ID(s.ID), records)
	})
}

func (x *export) article(id feed.ID, records [][]byte) error {
	m, err := readMark(x.tx, id)
	if err != nil {
		return err
	}
	out := &exchange.Article{
		ID: uint64(id), Held: m.Held, Back: m.Back, Withdrawn: m.Withdrawn, Gone: exchange.Time{Time: m.Gone.time()}, Live: m.Live,
	}
	for _, v := range records {
		a, err := x.codec.article(v)
		if err != nil {
			return fmt.Errorf("%w: %v", store.ErrDamaged, err)
		}
		out.Revisions = append(out.Revisions, exchange.FromArticle(a))
	}
	return x.w.Write(&exchange.Record{Article: out}, func() (exact [][]byte, err error) {
		for _, v := range records {
			stored, err := x.codec.withoutRaw(v)
			if err != nil {
				return nil, err
			}
			exact = append(exact, stored)
		}
		return exact, nil
	})
}

// withoutRaw returns a record of the log that names nothing that was received.
func (c *codec) withoutRaw(v []byte) ([]byte, error) {
	a, err := c.article(v)
	if err != nil {
		return nil, err
	}
	_, payload, err := split(v)
	if err != nil {
		return nil, err
	}
	return c.record(a, payload, 0)
}

func (x *export) aliases() error {
	var out exchange.Aliases
	flush := func() error {
		if len(out.Names) == 0 {
			return nil
		}
		err := x.w.Write(&exchange.Record{Aliases: &out}, nil)
		out.Names = nil
		return err
	}
	err := x.each(bucketAlias, func(k, v []byte) error {
		if source := decode32(k[:4]); source != out.Source || len(out.Names) == maxItems {
			if err := flush(); err != nil {
				return err
			}
			out.Source = source
		}
		if len(v) < 8 {
			return fmt.Errorf("%w: %v", store.ErrDamaged, errShort)
		}
		out.Names = append(out.Names, exchange.Alias{
			Name: hex.EncodeToString(k[4:]), Article: binary.BigEndian.Uint64(v), Print: hex.EncodeToString(v[8:]),
		})
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

func (x *export) feeds() error {
	return x.each(bucketFeed, func(k, v []byte) error {
		var r feedRecord
		if err := read(v, &r); err != nil {
			return err
		}
		return x.write(&exchange.Record{Feed: &exchange.Feed{
			Number: decode32(k[:4]), Kind: string(rune(r.Kind)), Name: r.Name, Key: r.Key, Title: r.Title, Source: r.Source,
			Spellings: r.Spellings, Length: r.Length, Articles: r.Articles, Changed: exchange.Time{Time: r.Changed.time()},
			Edition: r.Edition, Reshaped: r.Reshaped, Touched: r.Touched, Withdrawn: r.Withdrawn, Sealed: r.Sealed, Open: r.Open,
		}}, v)
	})
}

func (x *export) logs() error {
	var out exchange.Log
	var n uint64
	flush := func() error {
		if n == 0 {
			return nil
		}
		err := x.w.Write(&exchange.Record{Log: &out}, nil)
		out.Seqs, n = nil, 0
		return err
	}
	err := x.each(bucketFeedLog, func(k, v []byte) error {
		number, seq := decode32(k[:4]), decode64(v)
		if number != out.Feed || n == exchange.MaxRun || len(out.Seqs) == maxItems {
			if err := flush(); err != nil {
				return err
			}
		}
		if n == 0 {
			out.Feed, out.From = number, decode64(k[4:12])
		}
		if last := len(out.Seqs) - 1; last >= 0 && out.Seqs[last][1]+1 == seq {
			out.Seqs[last][1] = seq
		} else {
			out.Seqs = append(out.Seqs, [2]uint64{seq, seq})
		}
		n++
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

func (x *export) order(bucket []byte, back bool) error {
	out := exchange.Order{Back: back}
	flush := func() error {
		if len(out.Items) == 0 {
			return nil
		}
		err := x.w.Write(&exchange.Record{Order: &out}, nil)
		out.Items = nil
		return err
	}
	err := x.each(bucket, func(k, v []byte) error {
		if number := decode32(k[:4]); number != out.Feed || len(out.Items) == maxItems {
			if err := flush(); err != nil {
				return err
			}
			out.Feed = number
		}
		item := []int64{unsortable(decode64(k[4:12])).UnixMilli(), int64(decode64(k[12:20]))}
		if len(v) == 8 {
			item = append(item, int64(decode64(v)))
		}
		out.Items = append(out.Items, item)
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}
