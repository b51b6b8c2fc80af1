package fetch

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// errTooLarge is the cause of a [ClassTooLarge].
var errTooLarge = errors.New("too large")

// encodingError is a Content-Encoding that was not asked for.
type encodingError string

func (e encodingError) Error() string {
	return fmt.Sprintf("the answer is packed as %q, which was not asked for", string(e))
}

// maxLayers is how often a body may be packed: files stored as .gz come out packed twice from
// servers that do not notice.
const maxLayers = 2

// readBody reads and unpacks a body of at most limit bytes, and returns it with its hash. Whether
// it is packed is seen from its first bytes, since servers are wrong about it both ways and no
// feed begins like gzip.
func readBody(res *http.Response, limit int64) ([]byte, string, error) {
	if res.ContentLength > limit {
		return nil, "", errTooLarge
	}
	r := bufio.NewReader(&capped{r: res.Body, left: limit + 64<<10})
	packed := false
	for range maxLayers {
		if magic, _ := r.Peek(2); string(magic) != "\x1f\x8b" {
			break
		}
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, "", err
		}
		r, packed = bufio.NewReader(z), true
	}
	if e := res.Header.Get("Content-Encoding"); !packed && !knownEncoding(e) {
		return nil, "", encodingError(e)
	}
	var buf bytes.Buffer
	if n := res.ContentLength; n > 0 && !packed {
		buf.Grow(int(min(n, 1<<20)) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(r, limit+1))
	switch {
	case n > limit:
		return nil, "", errTooLarge
	case errors.Is(err, gzip.ErrHeader) && n > 0: // padding after the last gzip member
	case err != nil:
		return nil, "", err
	}
	sum := sha256.Sum256(buf.Bytes())
	return buf.Bytes(), hex.EncodeToString(sum[:]), nil
}

func knownEncoding(e string) bool {
	switch strings.ToLower(strings.TrimSpace(e)) {
	case "", "identity", "gzip", "x-gzip", "none", "utf-8":
		return true
	}
	return false
}

// capped fails once more than its share has been read: gzip can be endless and unpack to nothing.
type capped struct {
	r    io.Reader
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTooLarge
	}
	n, err := c.r.Read(p)
	c.left -= int64(n)
	return n, err
}

// counted adds up what has been read of a body.
type counted struct {
	io.ReadCloser
	n *int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	*c.n += int64(n)
	return n, err
}
