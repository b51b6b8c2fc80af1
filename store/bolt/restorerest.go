package bolt

import (
	"encoding/hex"
	"fmt"

	"github.com/backissue/backissue/store/exchange"
)

// rest stores what does not belong to single articles.
func (im *importing) rest(r *exchange.Record) error {
	switch {
	case r.About != nil:
		return im.about(r)
	case r.Document != nil:
		d := r.Document
		about, err := hex.DecodeString(d.About)
		if err != nil {
			return err
		}
		v := append(u64(d.To), about...)
		if purged := toInstant(d.Purged.Time); purged != 0 {
			v = append(v, u64(uint64(purged))...)
		}
		return im.put(bucketFeedSeal, keySeal(d.Feed, d.Number), v)
	case r.Search != nil:
		s := r.Search
		return im.seal(bucketSearch, []byte(s.Slug), r, &searchRecord{s.Name, s.Query, s.Limit, s.Split, s.Feed, s.Built, s.Done,
			s.Round, s.Again, s.Parts, s.Ended})
	case r.Window != nil:
		all := each(r.Window.Items, func(i [3]int64) windowed { return windowed{ID: uint64(i[0]), When: i[1], Missed: int(i[2])} })
		return im.seal(bucketWindow, u32(r.Window.Source), r, &all)
	case r.Shelved != nil:
		return im.shelved(r)
	case r.Change != nil:
		c := r.Change
		kind, err := letter(c.Kind)
		if err != nil {
			return err
		}
		return im.seal(bucketChange, u64(c.N), r, &change{kind, c.Article, c.Seq, toInstant(c.At.Time)})
	case r.Trouble != nil:
		t := r.Trouble
		k := append([]byte{byte(t.Kind)}, u32(t.Source)...)
		return im.seal(bucketTrouble, k, r, &trouble{toInstant(t.Since.Time), t.Told, t.Gone})
	case r.Incident != nil:
		i := r.Incident
		return im.seal(bucketIncident, u64(i.N), r, &incident{byte(i.Kind), i.Source, i.Name, i.Title, toInstant(i.At.Time),
			toInstant(i.Since.Time), toInstant(i.Until.Time), i.Count, i.Text})
	case r.Subscriber != nil:
		s := subscriber{r.Subscriber.Topic, r.Subscriber.Callback, r.Subscriber.Secret, toInstant(r.Subscriber.Until.Time), r.Subscriber.Told}
		raw, err := im.exactly(r, &s)
		if err != nil {
			return err
		}
		return im.put(bucketHub, keyHub(s.Topic, s.Callback), raw)
	}
	return nil // the last line
}

func (im *importing) about(r *exchange.Record) error {
	a := aboutRecord{Title: r.About.Title}
	if r.About.Source != nil {
		a.Source = toDescription(r.About.Source.Feed())
	}
	raw, err := deterministic.Marshal(&a)
	if len(r.Exact) > 0 {
		raw = r.Exact[0]
	}
	if err != nil {
		return err
	}
	name := aboutName(raw)
	if hex.EncodeToString(name) != r.About.Name {
		return fmt.Errorf("the description %q is another one, %x", r.About.Name, name)
	}
	if im.t.tx.Bucket(bucketAbout).Get(name) != nil {
		return nil // two that differed in what is secret
	}
	return im.put(bucketAbout, name, raw)
}

func (im *importing) shelved(r *exchange.Record) error {
	s := r.Shelved
	raw, err := im.codec.pack(&shelved{s.URL, s.Type, s.Body})
	if len(r.Exact) == 1 {
		raw = r.Exact[0]
		err = im.codec.unpack(raw, &shelved{})
	}
	if err != nil {
		return err
	}
	return im.put(bucketShelf, append(u32(s.Source), u64(s.Number)...), raw)
}
