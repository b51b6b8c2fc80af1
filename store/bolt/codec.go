package bolt

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"

	"github.com/backissue/backissue/feed"
)

// A record of the log is
//
//	codec(1) checksum(4) stampLen(4) stamp payload
//
// where codec names the way in which the rest is written (codecZstd: stamp is CBOR, payload is CBOR
// compressed by zstd with dictionary 1), and checksum is the CRC-32C of all that follows it: bbolt
// keeps none of its own, and a flipped bit in an archive must not pass for text. The stamp is what
// the archive decided about the revision, the payload what the publisher said; so the payload can
// be made ready before it is known which number the revision gets.
const (
	codecZstd     = 1
	dictionaryID  = 1
	recordHead    = 1 + 4 + 4
	maxRecordSize = 256 << 20
)

// dictionary holds what most articles repeat: the markup of the common publishing systems. It is
// also kept in the archive itself, since no record can be read without it; never edit it, add
// another with the next number.
//
//go:embed dictionary-1.txt
var dictionary []byte

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// decoding reads CBOR as leniently as it was written: text that is no UTF-8 comes back as it went
// in, and lists may be of any length. A record that was accepted must never be refused later.
var decoding = mustDecMode(cbor.DecOptions{
	UTF8: cbor.UTF8DecodeInvalid, MaxArrayElements: 1<<31 - 1, MaxMapPairs: 1<<31 - 1,
})

func mustDecMode(o cbor.DecOptions) cbor.DecMode {
	m, err := o.DecMode()
	if err != nil {
		panic(err) // unreachable: the options are constants
	}
	return m
}

// codec turns articles into records and back. It is safe for use by many goroutines.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newCodec(dict []byte) (*codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false),
		zstd.WithEncoderDictRaw(dictionaryID, dict), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(256<<10))
	if err != nil {
		return nil, fmt.Errorf("make the compressor: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderDictRaw(dictionaryID, dict), zstd.WithDecoderConcurrency(0),
		zstd.WithDecoderMaxMemory(maxRecordSize))
	if err != nil {
		return nil, fmt.Errorf("make the decompressor: %w", err)
	}
	return &codec{enc, dec}, nil
}

func (c *codec) close() {
	c.dec.Close()
	c.enc.Close() // has no stream open, so cannot fail
}

// seal encodes a value as CBOR, followed by the CRC-32C of that.
func seal(v any) ([]byte, error) {
	raw, err := deterministic.Marshal(v)
	if err != nil {
		return nil, err
	}
	return sum(raw), nil
}

// sum adds to a value the CRC-32C of it.
func sum(raw []byte) []byte {
	return binary.BigEndian.AppendUint32(raw[:len(raw):len(raw)], crc32.Checksum(raw, castagnoli))
}

// unseal decodes what seal wrote.
func unseal(sealed []byte, v any) error {
	raw, err := unsum(sealed)
	if err != nil {
		return err
	}
	return decoding.Unmarshal(raw, v)
}

// unsum returns what sum was given.
func unsum(sealed []byte) ([]byte, error) {
	n := len(sealed) - 4
	if n < 0 {
		return nil, errShort
	}
	if binary.BigEndian.Uint32(sealed[n:]) != crc32.Checksum(sealed[:n], castagnoli) {
		return nil, errChecksum
	}
	return sealed[:n], nil
}

// pack encodes a value as checksum(4), the CRC-32C of what follows, and compressed CBOR.
func (c *codec) pack(v any) ([]byte, error) {
	raw, err := deterministic.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(raw) > maxRecordSize {
		return nil, fmt.Errorf("%d MiB are too much", len(raw)>>20)
	}
	packed := c.enc.EncodeAll(raw, make([]byte, 4, len(raw)/4+64))
	binary.BigEndian.PutUint32(packed, crc32.Checksum(packed[4:], castagnoli))
	return packed, nil
}

// unpack decodes what pack wrote.
func (c *codec) unpack(packed []byte, v any) error {
	if len(packed) < 4 {
		return errShort
	}
	if binary.BigEndian.Uint32(packed) != crc32.Checksum(packed[4:], castagnoli) {
		return errChecksum
	}
	raw, err := c.dec.DecodeAll(packed[4:], nil)
	if err != nil {
		return fmt.Errorf("decompress: %w", err)
	}
	return decoding.Unmarshal(raw, v)
}

// payload encodes what the publisher said.
func (c *codec) payload(a *feed.Article) ([]byte, error) {
	raw, err := deterministic.Marshal(toPayload(a))
	if err != nil {
		return nil, fmt.Errorf("encode article %q: %w", a.Key, err)
	}
	if len(raw) > maxRecordSize {
		return nil, fmt.Errorf("encode article %q: %d MiB are too much", a.Key, len(raw)>>20)
	}
	return c.enc.EncodeAll(raw, make([]byte, 0, len(raw)/2+64)), nil
}

// record joins a payload with the stamp of a, which names what it was read from.
func (c *codec) record(a *feed.Article, payload []byte, from uint64) ([]byte, error) {
	s := toStamp(a)
	s.Raw = from
	stamp, err := deterministic.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode article %q: %w", a.Key, err)
	}
	r := make([]byte, recordHead, recordHead+len(stamp)+len(payload))
	r[0] = codecZstd
	binary.BigEndian.PutUint32(r[5:], uint32(len(stamp)))
	r = append(append(r, stamp...), payload...)
	binary.BigEndian.PutUint32(r[1:], crc32.Checksum(r[5:], castagnoli))
	return r, nil
}

var (
	errShort    = errors.New("record is cut short")
	errChecksum = errors.New("checksum does not match")
)

// split checks a record and returns its stamp and its payload, still compressed.
func split(r []byte) (s stamp, payload []byte, err error) {
	if len(r) < recordHead {
		return s, nil, errShort
	}
	if r[0] != codecZstd {
		return s, nil, fmt.Errorf("record has unknown codec %d", r[0])
	}
	if binary.BigEndian.Uint32(r[1:]) != crc32.Checksum(r[5:], castagnoli) {
		return s, nil, errChecksum
	}
	n := recordHead + int(binary.BigEndian.Uint32(r[5:]))
	if n < recordHead || len(r) < n {
		return s, nil, errShort
	}
	if err := decoding.Unmarshal(r[recordHead:n], &s); err != nil {
		return s, nil, fmt.Errorf("decode stamp: %w", err)
	}
	return s, r[n:], nil
}

// article decodes a record. The bytes may belong to a transaction: nothing of them is kept.
func (c *codec) article(r []byte) (*feed.Article, error) {
	s, packed, err := split(r)
	if err != nil {
		return nil, err
	}
	raw, err := c.dec.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	var p payload
	if err := decoding.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("decode payload: %w", err)
	}
	a := p.article()
	s.apply(a)
	return a, nil
}
