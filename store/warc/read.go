package warc

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/backissue/backissue/feed"
)

const (
	maxHead  = 64 << 10  // of a record's header
	maxBlock = 300 << 20 // of what it holds
)

// MemberHead is how gzip members begin that Append has written (RFC 1952 §2.3): deflated, no flags, no
// time, nothing said of the compressor or the system.
const MemberHead = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

// Reader reads the records of a file, one after the other.
type Reader struct {
	// Own says that [Append] wrote the file, so that every byte is looked at: also those of gzip's header
	// that could be others and mean the same.
	Own bool

	in     *counted
	z      *gzip.Reader
	offset int64 // where the record that was read last begins
}

// NewReader returns a reader of the records in r, from wherever r stands, which must be at the beginning
// of one.
func NewReader(r io.Reader) *Reader {
	return &Reader{in: &counted{r: bufio.NewReaderSize(r, 64<<10)}}
}

// Offset returns at which byte, counted from where the reader began, the record begins that Next
// returned last, or at which it failed.
func (r *Reader) Offset() int64 { return r.offset }

// End returns the byte behind that record.
func (r *Reader) End() int64 { return r.in.n }

// Next returns the next record. At the end of the file it returns io.EOF, where a record breaks off an
// error that wraps [ErrTorn], and for one that is not what was written one that wraps [ErrBroken]; then
// the reader is of no more use, since it is not known where the next record begins.
func (r *Reader) Next() (*Record, error) {
	r.offset = r.in.n
	if _, err := r.in.r.Peek(1); err != nil {
		return nil, err // io.EOF, or the file cannot be read
	}
	if begin, err := r.in.r.Peek(len(MemberHead)); r.Own && err == nil && string(begin) != MemberHead {
		return nil, fmt.Errorf("%w: it begins with %x", ErrBroken, begin)
	}
	raw, err := r.member()
	if err != nil {
		return nil, r.in.explain(err)
	}
	record, err := parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return record, nil
}

// member unpacks one gzip member.
func (r *Reader) member() ([]byte, error) {
	var err error
	if r.z == nil {
		r.z, err = gzip.NewReader(r.in)
	} else {
		err = r.z.Reset(r.in)
	}
	if err != nil {
		return nil, err
	}
	r.z.Multistream(false)
	var raw bytes.Buffer
	n, err := raw.ReadFrom(io.LimitReader(r.z, maxHead+maxBlock+1))
	if err == nil && n > maxHead+maxBlock {
		err = errors.New("it is too large")
	}
	return raw.Bytes(), err
}

// counted counts the bytes that were taken. It has ReadByte, so that gzip takes none too many.
type counted struct {
	r   *bufio.Reader
	n   int64
	err error // of the file, other than its end
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	return n, c.took(n, err)
}

func (c *counted) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	n := 1
	if err != nil {
		n = 0
	}
	return b, c.took(n, err)
}

func (c *counted) took(n int, err error) error {
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return err
}

// explain tells what an error in the middle of a record means.
func (c *counted) explain(err error) error {
	switch {
	case c.err != nil:
		return c.err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ErrTorn
	}
	return fmt.Errorf("%w: %w", ErrBroken, err)
}

// parse reads an unpacked record, all of it.
func parse(raw []byte) (*Record, error) {
	head, rest, ok := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !ok || len(head) > maxHead {
		return nil, errors.New("it has no header")
	}
	lines := strings.Split(string(head), "\r\n")
	if lines[0] != version && lines[0] != "WARC/1.0" {
		return nil, fmt.Errorf("it begins with %q", clip(lines[0]))
	}
	r := &Record{}
	length, digest := -1, ""
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(name) {
			return nil, fmt.Errorf("the line %q is no field", clip(line))
		}
		value = strings.Trim(value, " \t")
		var err error
		switch name {
		case fieldType:
			r.Type = Type(value)
		case fieldID:
			r.ID, err = parseID(value)
		case fieldDate:
			r.Date, err = time.Parse(time.RFC3339Nano, value)
		case fieldTarget:
			if r.Target = value; strings.HasPrefix(value, "<") && strings.HasSuffix(value, ">") {
				r.Target = value[1 : len(value)-1] // as some write it, following WARC/1.0 to the letter
			}
		case fieldDigest:
			digest = value
		case fieldContentType:
			r.ContentType = value
		case fieldLength:
			length, err = strconv.Atoi(value)
		default:
			r.Fields = append(r.Fields, Field{name, value})
		}
		if err != nil {
			return nil, fmt.Errorf("the field %s cannot be %q", name, clip(value))
		}
	}
	if length < 0 || len(rest) != length+4 || string(rest[length:]) != "\r\n\r\n" {
		return nil, fmt.Errorf("it holds %d bytes and says %d", len(rest)-4, length)
	}
	r.Block = rest[:length:length]
	if strings.HasPrefix(digest, "sha256:") && digest != Digest(r.Block) {
		return nil, errors.New("its digest does not match")
	}
	return r, nil
}

// parseID reads an identifier in the form <urn:uuid:…>.
func parseID(s string) (id feed.UUID, err error) {
	digits, ok := strings.CutPrefix(strings.Trim(s, "<>"), "urn:uuid:")
	raw, err := hex.DecodeString(strings.ReplaceAll(digits, "-", ""))
	if !ok || err != nil || len(raw) != len(id) {
		return id, errors.New("no identifier")
	}
	copy(id[:], raw)
	return id, nil
}

// clip shortens what is told of.
func clip(s string) string { return s[:min(len(s), 80)] }
