package bolt

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/exchange"
)

// Import makes the archive that an export is of, in a new file at path. Where it fails, with an error that names
// the line, there is no file.
func Import(ctx context.Context, path string, r io.Reader) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("import into %s: it is there already", path)
	}
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("import into %s: %w", path, err)
	}
	if err := importTo(ctx, part, r); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("import into %s: %w", path, err)
	}
	return syncFolder(filepath.Dir(path), false)
}

func importTo(ctx context.Context, path string, r io.Reader) (err error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, PageSize: pageSize, NoSync: true})
	if err != nil {
		return err
	}
	c, err := newCodec(dictionary)
	if err == nil {
		im := &importing{ctx: ctx, db: db, r: exchange.NewReader(r), codec: c}
		if err = guarded(im.run); err == nil {
			err = db.Sync()
		}
		c.close()
	}
	return errors.Join(err, db.Close())
}

// importing is an import under way.
type importing struct {
	ctx   context.Context
	db    *bbolt.DB
	r     *exchange.Reader
	codec *codec
	t     *txn
	size  int    // bytes of values that the transaction has taken, about
	seqs  uint64 // revisions
}

func (im *importing) run() error {
	err := im.db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets() {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		meta := tx.Bucket(bucketMeta)
		return errors.Join(meta.Put(keyFormat, u32(FormatVersion)), meta.Put(keyDictionary(dictionaryID), dictionary))
	})
	for more := err == nil; more && err == nil; {
		err = im.db.Update(func(tx *bbolt.Tx) error {
			im.t, im.size = newTxn(tx, im.codec), 0
			for im.size < maxReplayed {
				r, err := im.r.Read()
				if errors.Is(err, io.EOF) {
					more = false
					return nil
				}
				if err != nil {
					return err
				}
				if err := errors.Join(im.ctx.Err(), im.record(r)); err != nil {
					return fmt.Errorf("line %d: %w", im.r.Line(), err)
				}
			}
			return nil
		})
	}
	if err != nil {
		return err
	}
	return im.followLog()
}

// followLog derives what follows from the log, in its order, which is not that of the file.
func (im *importing) followLog() error {
	for seq := uint64(1); seq <= im.seqs; {
		err := im.db.Update(func(tx *bbolt.Tx) error {
			t := newTxn(tx, im.codec)
			for size := 0; seq <= im.seqs && size < maxReplayed; seq++ {
				v := tx.Bucket(bucketLog).Get(u64(seq))
				if v == nil {
					return fmt.Errorf("revision %d of %d is missing in the file", seq, im.seqs)
				}
				if err := errors.Join(im.ctx.Err(), t.followLog(v)); err != nil {
					return fmt.Errorf("revision %d: %w", seq, err)
				}
				size += len(v) + 256
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// put stores a value that the file must not have given before, and what follows from it.
func (im *importing) put(bucket, k, v []byte) error {
	b := im.t.tx.Bucket(bucket)
	if b.Get(k) != nil {
		return fmt.Errorf("the file has it twice (%s %x)", bucket, k)
	}
	im.size += len(k) + len(v) + 32
	if err := b.Put(k, v); err != nil {
		return err
	}
	if string(bucket) == string(bucketLog) {
		im.seqs++
		return nil
	}
	return im.t.follow(string(bucket), k, nil, some(v))
}

// seal stores a value as CBOR, or as it was stored where the file says how.
func (im *importing) seal(bucket, k []byte, r *exchange.Record, v any) error {
	raw, err := im.exactly(r, v)
	if err != nil {
		return err
	}
	return im.put(bucket, k, raw)
}

func (im *importing) exactly(r *exchange.Record, v any) ([]byte, error) {
	if len(r.Exact) == 0 {
		return seal(v)
	}
	if len(r.Exact) != 1 {
		return nil, fmt.Errorf("it is said exactly %d times", len(r.Exact))
	}
	return r.Exact[0], unseal(r.Exact[0], v)
}

// letter returns what a letter stands for.
func letter(s string) (byte, error) {
	if len(s) != 1 {
		return 0, fmt.Errorf("kind %q is no letter", s)
	}
	return s[0], nil
}

func (im *importing) record(r *exchange.Record) error {
	switch {
	case r.Archive != nil:
		return im.archive(r.Archive)
	case r.Source != nil:
		return im.source(r)
	case r.Address != nil:
		k := []byte(r.Address.URL)
		if len(r.Exact) > 0 {
			k = r.Exact[0]
		}
		return im.put(bucketSourceURL, k, u32(r.Address.Source))
	case r.Article != nil:
		return im.article(r)
	case r.Aliases != nil:
		return im.aliases(r.Aliases)
	case r.Feed != nil:
		return im.feed(r)
	case r.Log != nil:
		return im.log(r.Log)
	case r.Order != nil:
		return im.order(r.Order)
	}
	return im.rest(r)
}

func (im *importing) archive(a *exchange.Archive) error {
	identity, err := hex.DecodeString(a.Identity)
	if err != nil || len(identity) != len(feed.UUID{}) {
		return fmt.Errorf("%q is no identity", a.Identity)
	}
	c := counts{Articles: a.Articles, Sources: a.Sources, Tags: a.Tags, Authors: a.Authors, Feeds: a.Feeds, Changes: a.Changes,
		Held: a.Held, Touches: a.Touches, Defined: a.Defined, Subscribed: a.Subscribed, Incidents: a.Incidents}
	if len(a.Troubled) != len(c.Troubled) {
		return fmt.Errorf("it counts %d kinds of trouble, not %d", len(a.Troubled), len(c.Troubled))
	}
	copy(c.Troubled[:], a.Troubled)
	raw, err := seal(&c)
	if err != nil {
		return err
	}
	return errors.Join(im.put(bucketMeta, keyIdentity, identity), im.put(bucketMeta, keyCounts, raw))
}

func (im *importing) source(r *exchange.Record) error {
	s := toSourceRecord(r.Source.Feed())
	k := u32(r.Source.ID)
	if err := im.seal(bucketSource, k, r, s); err != nil {
		return err
	}
	return im.put(bucketSourceURL, []byte(s.URL), k)
}

func (im *importing) article(r *exchange.Record) error {
	a := r.Article
	if len(a.Revisions) == 0 || a.Revisions[0].Seq != a.ID {
		return fmt.Errorf("article %d does not begin with revision %d", a.ID, a.ID)
	}
	if len(r.Exact) > 0 && len(r.Exact) != len(a.Revisions) {
		return fmt.Errorf("%d of %d revisions are said exactly", len(r.Exact), len(a.Revisions))
	}
	for i := range a.Revisions {
		rev := a.Revisions[i].Article(a.ID)
		var raw []byte
		payload, err := im.codec.payload(rev)
		if err == nil {
			raw, err = im.codec.record(rev, payload, 0)
		}
		if len(r.Exact) > 0 {
			raw = r.Exact[i]
			var s stamp
			if s, _, err = split(raw); err == nil && (s.ID != a.ID || s.Seq != rev.Seq) {
				err = errors.New("what is said exactly is another revision")
			}
		}
		if err == nil {
			err = im.put(bucketLog, u64(rev.Seq), raw)
		}
		if err != nil {
			return fmt.Errorf("revision %d: %w", rev.Seq, err)
		}
	}
	m := mark{a.Held, a.Back, toInstant(a.Gone.Time), a.Live, a.Withdrawn}
	if m == (mark{}) {
		return nil
	}
	raw, err := seal(&m)
	if err != nil {
		return err
	}
	return im.put(bucketMark, u64(a.ID), raw)
}

func (im *importing) aliases(a *exchange.Aliases) error {
	for _, n := range a.Names {
		name, err := hex.DecodeString(n.Name)
		print, errPrint := hex.DecodeString(n.Print)
		if err != nil || errPrint != nil || len(name) != len(aliasName{}) {
			return fmt.Errorf("%q %q is no alias", n.Name, n.Print)
		}
		if err := im.put(bucketAlias, append(u32(a.Source), name...), append(u64(n.Article), print...)); err != nil {
			return err
		}
	}
	return nil
}

func (im *importing) feed(r *exchange.Record) error {
	f := r.Feed
	kind, err := letter(f.Kind)
	if err != nil {
		return err
	}
	return im.seal(bucketFeed, u32(f.Number), r, &feedRecord{
		Kind: store.Kind(kind), Name: f.Name, Key: f.Key, Title: f.Title, Length: f.Length, Articles: f.Articles,
		Changed: toInstant(f.Changed.Time), Edition: f.Edition, Source: f.Source, Spellings: f.Spellings,
		Sealed: f.Sealed, Open: f.Open, Reshaped: f.Reshaped, Touched: f.Touched, Withdrawn: f.Withdrawn,
	})
}

func (im *importing) log(l *exchange.Log) error {
	if _, err := l.Len(); err != nil {
		return err
	}
	at := l.From
	for _, run := range l.Seqs {
		for seq := run[0]; ; seq++ {
			if err := im.put(bucketFeedLog, keyLog(l.Feed, at), u64(seq)); err != nil {
				return err
			}
			at++
			if seq == run[1] {
				break
			}
		}
	}
	return nil
}

func (im *importing) order(o *exchange.Order) error {
	bucket := bucketFeedDate
	if o.Back {
		bucket = bucketFeedBack
	}
	for _, item := range o.Items {
		var v []byte
		switch len(item) {
		case 2:
		case 3:
			v = u64(uint64(item[2]))
		default:
			return fmt.Errorf("an article of feed %d has %d numbers, not 2 or 3", o.Feed, len(item))
		}
		k := append(u32(o.Feed), u64(uint64(item[0])^1<<63)...)
		if err := im.put(bucket, append(k, u64(uint64(item[1]))...), v); err != nil {
			return err
		}
	}
	return nil
}
