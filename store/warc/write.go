package warc

import (
	"bytes"
	"fmt"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Append adds a record to dst as one gzip member, and returns that. Equal records are equal bytes. A
// record of which a field holds what cannot stand in one is an error, and dst is returned as it was.
func Append(dst []byte, r *Record) ([]byte, error) {
	head, err := r.head()
	if err != nil {
		return dst, err
	}
	buf := bytes.NewBuffer(dst)
	z := gzip.NewWriter(buf)
	z.ModTime = time.Unix(0, 0) // which is written as none; the zero time is not
	for _, part := range [][]byte{[]byte(head), r.Block, []byte("\r\n\r\n")} {
		if _, err := z.Write(part); err != nil {
			return dst, fmt.Errorf("pack record %s: %w", r.ID, err) // unreachable: memory takes all
		}
	}
	if err := z.Close(); err != nil {
		return dst, fmt.Errorf("pack record %s: %w", r.ID, err) // unreachable: memory takes all
	}
	return buf.Bytes(), nil
}
