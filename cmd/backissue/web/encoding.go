package web

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// encoding is a content coding (RFC 9110 §8.4.1) in which a document goes out.
type encoding int

// Content codings, in the order of preference among those that a client weighs alike.
const (
	identity encoding = iota
	zstandard
	gzipped
	encodings // how many there are
)

// token is the coding's name in header fields; the identity has none there.
func (e encoding) token() string { return [encodings]string{"", "zstd", "gzip"}[e] }

// tagSuffix sets the entity tags of a document's encodings apart.
func (e encoding) tagSuffix() string { return [encodings]string{"", "-zstd", "-gzip"}[e] }

// negotiate returns the encoding that an Accept-Encoding header asks for (RFC 9110 §12.5.3): the
// one with the highest weight, then the one that is smallest. Zstandard goes only to clients that
// name it. A client that refuses everything gets the identity.
func negotiate(header []string) encoding {
	const unsaid = -1
	weights := [encodings]int{unsaid, unsaid, unsaid}
	any := unsaid
	for _, line := range header {
		for line != "" {
			var item string
			item, line, _ = strings.Cut(line, ",")
			name, params, _ := strings.Cut(item, ";")
			switch name = strings.TrimSpace(name); {
			case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
				weights[gzipped] = weight(params)
			case strings.EqualFold(name, "zstd"):
				weights[zstandard] = weight(params)
			case strings.EqualFold(name, "identity"):
				weights[identity] = weight(params)
			case name == "*":
				any = weight(params)
			}
		}
	}
	if weights[gzipped] == unsaid {
		weights[gzipped] = any
	}
	best := identity
	for _, e := range [...]encoding{zstandard, gzipped} {
		if weights[e] > 0 && weights[e] >= weights[identity] && (best == identity || weights[e] > weights[best]) {
			best = e
		}
	}
	return best
}

// weight reads the q parameter in thousandths; 1000 where there is none, 0 where it is unreadable.
func weight(params string) int {
	for params != "" {
		var p string
		p, params, _ = strings.Cut(params, ";")
		name, value, ok := strings.Cut(strings.TrimSpace(p), "=")
		if !ok || !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		value = strings.TrimSpace(value)
		if value == "" || value[0] != '0' && value[0] != '1' {
			return 0
		}
		q := int(value[0]-'0') * 1000
		if len(value) > 1 && value[1] != '.' {
			return 0
		}
		for i, unit := 2, 100; i < len(value) && unit > 0; i, unit = i+1, unit/10 {
			if value[i] < '0' || value[i] > '9' {
				return 0
			}
			q += int(value[i]-'0') * unit
		}
		return min(q, 1000)
	}
	return 1000
}

// press makes encodings. It is safe for concurrent use.
type press struct {
	gzips sync.Pool // of *gzip.Writer
	zstd  *zstd.Encoder
}

func newPress() (*press, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20),
		zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		return nil, fmt.Errorf("make zstd encoder: %w", err) // unreachable while the options are these
	}
	return &press{
		gzips: sync.Pool{New: func() any { return gzip.NewWriter(io.Discard) }},
		zstd:  enc,
	}, nil
}

// encode returns the body in an encoding. The same body always gives the same bytes.
func (p *press) encode(body []byte, e encoding) []byte {
	switch e {
	case gzipped:
		var b bytes.Buffer
		z := p.gzips.Get().(*gzip.Writer)
		defer p.gzips.Put(z)
		z.Reset(&b)
		z.Write(body) // a bytes.Buffer takes everything
		z.Close()
		return bytes.Clone(b.Bytes())
	case zstandard:
		return bytes.Clone(p.zstd.EncodeAll(body, nil))
	}
	return body
}
