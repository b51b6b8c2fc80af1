package bolt

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/exchange"
)

// abouts writes what feeds said of themselves, without the user and the password that an address may have. Those
// that differ from what is stored have other names by that, and stand among the others in the order of names.
func (x *export) abouts() error {
	x.renamed = make(map[string][]byte)
	others := make(map[string][]byte) // by their names
	err := x.each(bucketAbout, func(k, v []byte) error {
		raw, err := x.public(v)
		if err == nil && raw != nil {
			name := aboutName(raw)
			x.renamed[string(k)] = name
			others[string(name)] = raw
		}
		return err
	})
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(others))
	err = x.each(bucketAbout, func(k, v []byte) error {
		for ; len(names) > 0 && names[0] < string(k); names = names[1:] {
			if err := x.about([]byte(names[0]), others[names[0]]); err != nil {
				return err
			}
		}
		if x.renamed[string(k)] != nil {
			return nil
		}
		if len(names) > 0 && names[0] == string(k) {
			names = names[1:] // the same by another way
		}
		return x.about(k, v)
	})
	for ; err == nil && len(names) > 0; names = names[1:] {
		err = x.about([]byte(names[0]), others[names[0]])
	}
	return err
}

// public returns a description without what is secret of it, nil where nothing is.
func (x *export) public(v []byte) ([]byte, error) {
	var r aboutRecord
	if err := decoding.Unmarshal(v, &r); err != nil {
		return nil, fmt.Errorf("%w: %v", store.ErrDamaged, err)
	}
	if x.secrets || r.Source == nil {
		return nil, nil
	}
	s := r.Source.source()
	if s.PublicURL() == s.URL {
		return nil, nil
	}
	r.Source.URL = s.PublicURL()
	return deterministic.Marshal(&r)
}

func (x *export) about(name, v []byte) error {
	var r aboutRecord
	if err := decoding.Unmarshal(v, &r); err != nil {
		return fmt.Errorf("%w: %v", store.ErrDamaged, err)
	}
	out := &exchange.About{Name: hex.EncodeToString(name), Title: r.Title}
	if r.Source != nil {
		s := r.Source.source()
		out.Source = exchange.FromSource(&s, x.secrets)
	}
	return x.write(&exchange.Record{About: out}, v)
}

func (x *export) documents() error {
	return x.each(bucketFeedSeal, func(k, v []byte) error {
		to, about, purged := splitSeal(v)
		if about == nil {
			return fmt.Errorf("%w: %v", store.ErrDamaged, errShort)
		}
		if renamed := x.renamed[string(about)]; renamed != nil {
			about = renamed
		}
		return x.w.Write(&exchange.Record{Document: &exchange.Document{
			Feed: decode32(k[:4]), Number: decode32(k[4:8]), To: to, About: hex.EncodeToString(about),
			Purged: exchange.Time{Time: purged.time()},
		}}, nil)
	})
}

func (x *export) searches() error {
	return x.each(bucketSearch, func(k, v []byte) error {
		var r searchRecord
		if err := read(v, &r); err != nil {
			return err
		}
		return x.write(&exchange.Record{Search: &exchange.Search{
			Slug: string(k), Name: r.Name, Query: r.Query, Limit: r.Limit, Split: r.Split, Feed: r.Feed, Built: r.Built, Done: r.Done,
			Round: r.Round, Again: r.Again, Parts: r.Parts, Ended: r.Ended,
		}}, v)
	})
}

func (x *export) windows() error {
	return x.each(bucketWindow, func(k, v []byte) error {
		var all []windowed
		if err := read(v, &all); err != nil {
			return err
		}
		return x.w.Write(&exchange.Record{Window: &exchange.Window{
			Source: decode32(k[:4]),
			Items:  each(all, func(w windowed) [3]int64 { return [3]int64{int64(w.ID), w.When, int64(w.Missed)} }),
		}}, nil)
	})
}

func (x *export) shelves() error {
	return x.each(bucketShelf, func(k, v []byte) error {
		var r shelved
		if err := x.codec.unpack(v, &r); err != nil {
			return fmt.Errorf("%w: %v", store.ErrDamaged, err)
		}
		return x.write(&exchange.Record{Shelved: &exchange.Shelved{
			Source: decode32(k[:4]), Number: decode64(k[4:12]), URL: r.URL, Type: r.ContentType, Body: r.Body,
		}}, v)
	})
}

func (x *export) changes() error {
	return x.each(bucketChange, func(k, v []byte) error {
		var r change
		if err := read(v, &r); err != nil {
			return err
		}
		return x.w.Write(&exchange.Record{Change: &exchange.Change{
			N: decode64(k), Kind: string(rune(r.Kind)), Article: r.Article, Seq: r.Seq, At: exchange.Time{Time: r.At.time()},
		}}, nil)
	})
}

func (x *export) troubles() error {
	return x.each(bucketTrouble, func(k, v []byte) error {
		var r trouble
		if err := read(v, &r); err != nil {
			return err
		}
		return x.w.Write(&exchange.Record{Trouble: &exchange.Trouble{
			Kind: int(k[0]), Source: decode32(k[1:5]), Since: exchange.Time{Time: r.Since.time()}, Told: r.Told, Gone: r.Gone,
		}}, nil)
	})
}

func (x *export) incidents() error {
	return x.each(bucketIncident, func(k, v []byte) error {
		var r incident
		if err := read(v, &r); err != nil {
			return err
		}
		return x.write(&exchange.Record{Incident: &exchange.Incident{
			N: decode64(k), Kind: int(r.Kind), Source: r.Source, Name: r.Name, Title: r.Title, At: exchange.Time{Time: r.At.time()},
			Since: exchange.Time{Time: r.Since.time()}, Until: exchange.Time{Time: r.Until.time()}, Count: r.Count, Text: r.Text,
		}}, v)
	})
}

func (x *export) subscribers() error {
	if !x.secrets {
		return nil
	}
	return x.each(bucketHub, func(_, v []byte) error {
		var r subscriber
		if err := read(v, &r); err != nil {
			return err
		}
		return x.write(&exchange.Record{Subscriber: &exchange.Subscriber{
			Topic: r.Topic, Callback: r.Callback, Secret: r.Secret, Until: exchange.Time{Time: r.Until.time()}, Told: r.Told,
		}}, v)
	})
}
