package exchange

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// begins is how the first line of every export begins.
const begins = `{"backissue":"export"`

// Is reports whether a file that begins like this is an export.
func Is(head []byte) bool { return bytes.HasPrefix(head, []byte(begins)) }

// Writer writes records, one a line. Close ends the file.
type Writer struct {
	w     io.Writer
	buf   bytes.Buffer
	enc   *json.Encoder
	lines uint64
}

// NewWriter returns a Writer to w, which it writes to a line at a time.
func NewWriter(w io.Writer) *Writer {
	x := &Writer{w: w}
	x.enc = json.NewEncoder(&x.buf)
	x.enc.SetEscapeHTML(false)
	return x
}

// Write writes a record. Where its text is no UTF-8, exact is asked for what JSON cannot say, if it is not nil.
func (x *Writer) Write(r *Record, exact func() ([][]byte, error)) error {
	if x.lines == 0 {
		r.Backissue, r.Version = "export", Version
	}
	if err := x.encode(r); err != nil {
		return err
	}
	// What is no UTF-8 is written as this escape, and nothing else is: U+FFFD itself stands for itself.
	if exact != nil && bytes.Contains(x.buf.Bytes(), []byte(`\ufffd`)) {
		all, err := exact()
		if err != nil {
			return err
		}
		r.Exact = all
		if err := x.encode(r); err != nil {
			return err
		}
	}
	x.lines++
	_, err := x.w.Write(x.buf.Bytes())
	return err
}

func (x *Writer) encode(r *Record) error {
	x.buf.Reset()
	return x.enc.Encode(r)
}

// Close writes the last line.
func (x *Writer) Close() error { return x.Write(&Record{End: &End{x.lines + 1}}, nil) }

// MaxLine is how long a line may be, in bytes.
const MaxLine = 1 << 30

// Errors of [Reader.Read].
var (
	ErrNoExport = errors.New("it is no export of an archive")
	ErrCutShort = errors.New("the file is cut short: its last line is missing")
)

// Reader reads what a [Writer] wrote.
type Reader struct {
	r     *bufio.Reader
	line  uint64
	ended bool
}

// NewReader returns a Reader of r.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, 256<<10)} }

// Line returns the number of the line that was read last, counted from 1.
func (x *Reader) Line() uint64 { return x.line }

// Read returns the next record, or io.EOF behind the last one. Any other error names the line.
func (x *Reader) Read() (*Record, error) {
	raw, err := x.next()
	switch {
	case errors.Is(err, io.EOF) && x.ended:
		return nil, io.EOF
	case errors.Is(err, io.EOF):
		err = ErrCutShort
	case err == nil && x.ended:
		err = errors.New("something follows the last line")
	}
	x.line++
	var r *Record
	if err == nil {
		r, err = x.record(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", x.line, err)
	}
	return r, nil
}

// next returns a line without its end, or io.EOF where there is no whole one.
func (x *Reader) next() ([]byte, error) {
	var long []byte
	for {
		part, err := x.r.ReadSlice('\n')
		if len(long)+len(part) > MaxLine {
			return nil, fmt.Errorf("it is longer than %d MiB", MaxLine>>20)
		}
		if err == nil && long == nil {
			return part, nil
		}
		long = append(long, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return long, err
		}
	}
}

func (x *Reader) record(raw []byte) (*Record, error) {
	r := &Record{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	first := x.line == 1
	if first && !Is(raw) {
		return nil, ErrNoExport
	}
	if first {
		var head struct{ Version int }
		if json.Unmarshal(raw, &head) == nil && head.Version != Version {
			return nil, fmt.Errorf("its version is %d, this program reads version %d", head.Version, Version)
		}
	}
	if err := dec.Decode(r); err != nil {
		return nil, fmt.Errorf("it is no record: %v", err) // %v: the end of a line is not that of the file
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one record")
	}
	switch {
	case r.kinds() != 1:
		return nil, fmt.Errorf("it has %d records, not one", r.kinds())
	case (r.Archive != nil) != first:
		return nil, errors.New("what is said of the whole archive stands in the first line alone")
	case r.End != nil && r.End.Lines != x.line:
		return nil, fmt.Errorf("the last line is that of a file of %d lines", r.End.Lines)
	}
	x.ended = r.End != nil
	return r, nil
}

// kinds counts what is set.
func (r *Record) kinds() (n int) {
	for _, is := range []bool{
		r.Archive != nil, r.Source != nil, r.Address != nil, r.Article != nil, r.Aliases != nil, r.Feed != nil, r.Log != nil,
		r.Order != nil, r.About != nil, r.Document != nil, r.Search != nil, r.Window != nil, r.Shelved != nil,
		r.Change != nil, r.Trouble != nil, r.Incident != nil, r.Subscriber != nil, r.End != nil,
	} {
		if is {
			n++
		}
	}
	return n
}
