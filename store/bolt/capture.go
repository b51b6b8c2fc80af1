package bolt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/warc"
)

// rawRecord says where what was received stands, as it is stored.
type rawRecord struct {
	Segment string  `cbor:"1,keyasint"` // name of the file
	Offset  int64   `cbor:"2,keyasint"`
	Length  int64   `cbor:"3,keyasint"` // of the record, packed
	CRC     uint32  `cbor:"4,keyasint"` // CRC-32C of that
	Body    []byte  `cbor:"5,keyasint"` // SHA-256 of the body
	At      instant `cbor:"6,keyasint,omitempty"`

	Sources []uint32 `cbor:"7,keyasint,omitempty"` // for which it came, in that order
	Base    string   `cbor:"8,keyasint,omitempty"` // see [store.Capture.Base]

	Others []coming `cbor:"10,keyasint,omitempty"` // how it came for those for which it did not as it first came

	Gone bool `cbor:"9,keyasint,omitempty"` // it was purged: of the rest only At and Sources are left
}

// coming is how a body came for a source.
type coming struct {
	Source uint32 `cbor:"1,keyasint"`
	URL    string `cbor:"2,keyasint,omitempty"`
	Type   string `cbor:"3,keyasint,omitempty"`
	Base   string `cbor:"4,keyasint,omitempty"`
}

// captured is what a batch was read from, ready to be written.
type captured struct {
	body   [sha256.Size]byte
	at     instant
	coming coming
	ids    []feed.UUID // of the records; that with the body is the last
	packed [][]byte    // nil where the body looked known
	pack   func() ([][]byte, error)
}

// digestKey is the key of a body in the bucket raw-digest.
func digestKey(body []byte) []byte { return body[:min(16, len(body))] }

// capture makes ready what a batch was read from; nil where nothing is to be kept. What it finds in the
// archive is only a hint.
func (d *DB) capture(c *store.Capture) (*captured, error) {
	if c == nil || d.rawDir == "" || len(c.Body) == 0 {
		return nil, nil
	}
	kept := &captured{body: sha256.Sum256(c.Body), at: toInstant(c.At), coming: comingOf(c)}
	records := capturedRecords(c, kept.body[:])
	for _, r := range records {
		kept.ids = append(kept.ids, r.ID)
	}
	kept.pack = func() (packed [][]byte, err error) {
		for _, r := range records {
			member, err := warc.Append(nil, r)
			if err != nil {
				return nil, err
			}
			packed = append(packed, member)
		}
		return packed, nil
	}
	err := d.view(func(tx *bbolt.Tx) (err error) {
		if tx.Bucket(bucketRawDigest).Get(digestKey(kept.body[:])) == nil {
			kept.packed, err = kept.pack()
		}
		return err
	})
	return kept, err
}

// capturedRecords returns the records for what was received: what was asked, if anything was, and the answer.
func capturedRecords(c *store.Capture, body []byte) []*warc.Record {
	payload := warc.Field{Name: "WARC-Payload-Digest", Value: fmt.Sprintf("sha256:%x", body)}
	if c.Status == 0 {
		return []*warc.Record{{
			Type: warc.Resource, ID: randomID(), Date: c.At, Target: resourceTarget(c.URL), ContentType: plainLine(c.ContentType),
			Fields: []warc.Field{payload}, Block: c.Body,
		}}
	}
	answer := &warc.Record{
		Type: warc.Response, ID: randomID(), Date: c.At, Target: target(c.URL), ContentType: warc.TypeResponse,
		Fields: []warc.Field{payload}, Block: warc.ResponseBlock(c.Status, c.Header, c.Body),
	}
	if c.Request == nil {
		return []*warc.Record{answer}
	}
	header, line := c.Request.Clone(), "/"
	if u, err := url.Parse(c.URL); err == nil {
		line = u.RequestURI()
		if header.Get("Host") == "" {
			header.Set("Host", u.Host)
		}
	}
	return []*warc.Record{{
		Type: warc.Request, ID: randomID(), Date: c.At, Target: answer.Target, ContentType: warc.TypeRequest,
		Fields: []warc.Field{{Name: "WARC-Concurrent-To", Value: "<" + answer.ID.String() + ">"}},
		Block:  warc.RequestBlock(http.MethodGet, line, header),
	}, answer}
}

// target makes an address one that can stand in a field: what ends a line or a word there is escaped.
func target(address string) string {
	if strings.IndexFunc(address, unfit) < 0 {
		return address
	}
	var b strings.Builder
	for _, c := range []byte(address) {
		if unfit(rune(c)) {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unfit(r rune) bool { return r <= ' ' || r == 0x7f }

// resourceTarget is the address of what came otherwise than as an answer: its own, or that of a file of
// which the name is known.
func resourceTarget(name string) string {
	if strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://") {
		return target(name)
	}
	if name == "" {
		name = "-"
	}
	u := url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(name, "/")}
	return target(u.String())
}

// plainLine returns what can stand in a field, or nothing.
func plainLine(s string) string {
	if strings.ContainsAny(s, "\r\n\x00") {
		return ""
	}
	return s
}

// keep adds what was received to what the transaction writes, unless the body is there already, and
// returns its number; 0 where nothing is kept.
func (t *txn) keep(c *captured, source feed.SourceID) (uint64, error) {
	if c == nil || t.files == nil {
		return 0, nil
	}
	if number := t.bucket(bucketRawDigest).Get(digestKey(c.body[:])); number != nil {
		return decode64(number), t.keepFor(number, source, c.coming)
	}
	if c.packed == nil { // it was there when it was looked for
		var err error
		if c.packed, err = c.pack(); err != nil {
			return 0, err
		}
	}
	o, err := t.output()
	if err != nil {
		return 0, err
	}
	r := rawRecord{Segment: o.name, Body: c.body[:], At: c.at, Sources: []uint32{uint32(source)}, Base: c.coming.Base}
	for _, member := range c.packed {
		r.Offset, r.Length, r.CRC = o.end(), int64(len(member)), crc32.Checksum(member, castagnoli)
		o.data = append(o.data, member...)
	}
	t.concurrent = append(t.concurrent, c.ids[len(c.ids)-1])
	number := uint64(1)
	if last, _ := t.bucket(bucketRaw).Cursor().Last(); last != nil {
		number += binary.BigEndian.Uint64(last)
	}
	value, err := seal(&r)
	if err != nil {
		return 0, err
	}
	return number, errors.Join(
		t.bucket(bucketRaw).Put(u64(number), value),
		t.bucket(bucketRawDigest).Put(digestKey(c.body[:]), u64(number)),
	)
}

// readCapture reads what was received and checks it. Where it came with one, the header is that of the answer.
func readCapture(dir string, r *rawRecord) (*store.Capture, error) {
	if r.Gone {
		return nil, store.ErrPurged
	}
	data, err := member(dir, r.Segment, r.Offset, r.Length)
	if err != nil {
		return nil, err
	}
	if crc32.Checksum(data, castagnoli) != r.CRC {
		return nil, errChecksum
	}
	record, err := warc.NewReader(bytes.NewReader(data)).Next()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errShort
		}
		return nil, err
	}
	c := &store.Capture{URL: record.Target, At: record.Date, ContentType: record.ContentType, Body: record.Block}
	if record.Type == warc.Response {
		c.ContentType = ""
		if c.Status, c.Header, c.Body, err = warc.ParseResponse(record.Block); err != nil {
			return nil, err
		}
	}
	if sum := sha256.Sum256(c.Body); !bytes.Equal(sum[:], r.Body) {
		return nil, errors.New("the body is not what it was")
	}
	return c, nil
}
