package bolt

import "github.com/backissue/backissue/feed"

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
	return c.record(a, p)
}

// Decode reads a record.
func (c Codec) Decode(r []byte) (*feed.Article, error) { return c.article(r) }

// SetStretch sets how many findings of a search are written at a time.
func (d *DB) SetStretch(findings int) { d.stretch = findings }
