package fetch

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// acceptEncoding is what can be unpacked. Anything else is refused where it comes all the same.
const acceptEncoding = "gzip, br, zstd"

// maxLayers is how often a body may be packed: files stored as .gz come out packed twice from
// servers that do not notice.
const maxLayers = 2

// maxWindow is how far back a zstd stream may point, which is what must be kept of it in memory;
// RFC 9659 gives no server more.
const maxWindow = 8 << 20

// encodingError is a Content-Encoding that was not asked for.
type encodingError string

func (e encodingError) Error() string {
	return fmt.Sprintf("the answer is packed as %q, which was not asked for", clip(string(e)))
}

// unpack returns what reads the body unpacked. Whether it is packed is seen from its first bytes,
// since servers are wrong about it both ways and no feed begins like gzip or zstd. Only brotli has
// no mark of its own, and is believed where the header field names it.
func unpack(body io.Reader, encoding string) (*reader, error) {
	r := &reader{Reader: bufio.NewReader(body)}
	named := encodings(encoding)
	packed := false
	for range maxLayers {
		next, err := r.layer(&named)
		if err != nil {
			r.close()
			return nil, err
		}
		if next == nil {
			break
		}
		r.Reader, packed = bufio.NewReader(next), true
	}
	if i := slices.IndexFunc(named, unknown); i >= 0 && !packed {
		r.close()
		return nil, encodingError(named[i])
	}
	return r, nil
}

// layer returns the reader of the outermost layer, or nil where there is none.
func (r *reader) layer(named *[]string) (io.Reader, error) {
	magic, _ := r.Peek(4)
	switch {
	case len(magic) >= 2 && magic[0] == 0x1f && magic[1] == 0x8b:
		z, err := gzip.NewReader(r.Reader)
		return &padded{r: z}, err
	case isZstd(magic):
		z, err := zstd.NewReader(r.Reader, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		r.closers = append(r.closers, z.Close)
		return z, nil
	}
	if i := slices.Index(*named, "br"); i >= 0 && !isText(magic) {
		*named = slices.Delete(*named, i, i+1)
		return brotli.NewReader(r.Reader), nil
	}
	return nil, nil
}

// isZstd reports whether a body begins with a frame of zstd, or one to be skipped (RFC 8878 §3.1).
func isZstd(b []byte) bool {
	return len(b) == 4 && (string(b) == "\x28\xb5\x2f\xfd" || b[0]&0xf0 == 0x50 && string(b[1:]) == "\x2a\x4d\x18")
}

// isText reports whether a body that is said to be brotli begins like a feed. No stream of brotli
// that holds anything does: the bits of "<" and of a byte order mark say what RFC 7932 §9.2 forbids,
// and those of "{" that the stream is empty.
func isText(b []byte) bool {
	return len(b) == 0 || b[0] == '<' || b[0] == '{' || b[0] == 0xef
}

// encodings returns the names in a Content-Encoding, in lower case.
func encodings(field string) []string {
	names := strings.Split(strings.ToLower(field), ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

// unknown reports whether an encoding is none that was asked for, nor one of the words that servers
// write where there is none.
func unknown(e string) bool {
	return !slices.Contains([]string{"", "identity", "gzip", "x-gzip", "br", "zstd", "none", "utf-8"}, e)
}

// padded reads gzip and overlooks what stands behind its last member.
type padded struct {
	r io.Reader
	n int64
}

func (p *padded) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.n += int64(n)
	if p.n > 0 && errors.Is(err, gzip.ErrHeader) {
		err = io.EOF
	}
	return n, err
}

// clip shortens what a server says about itself to what fits into a message.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + hidden
	}
	return s
}
