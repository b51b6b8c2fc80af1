package bolt

import (
	"github.com/backissue/backissue/feed"
)

// Codec lets tests at the codec of records.
type Codec struct{ *codec }

// NewCodec returns the codec of new archives.
func NewCodec() (Codec, error) {
	c, err := newCodec(dictionary)
	return Codec{c}, err
}

// Encode returns the record of an article.
func (c Codec) Encode(a *feed.Article) ([]byte, error) {
	p, err := c.payload(a)
	if err != nil {
		return nil, err
	}
	return c.record(a, p, 0)
}

// Decode reads a record.
func (c Codec) Decode(r []byte) (*feed.Article, error) { return c.article(r) }

// SetStretch sets how many findings of a search are written at a time.
func (d *DB) SetStretch(findings int) { d.stretch = findings }

// ScanSource reads a record of a source as [DB.Roster] does.
func ScanSource(raw []byte) (s feed.Source, err error) {
	err = scanSource(raw, &s)
	return s, err
}

// DecodeSource reads a record of a source whole.
func DecodeSource(raw []byte) (feed.Source, error) {
	var r sourceRecord
	if err := decoding.Unmarshal(raw, &r); err != nil {
		return feed.Source{}, err
	}
	return r.source(0), nil
}

// EncodeSource writes a record of a source.
func EncodeSource(s *feed.Source) ([]byte, error) { return deterministic.Marshal(toSourceRecord(s)) }

// SealSource writes a record of a source as it is stored.
func SealSource(s *feed.Source) ([]byte, error) { return seal(toSourceRecord(s)) }
