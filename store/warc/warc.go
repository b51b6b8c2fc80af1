// Package warc writes and reads WARC files (ISO 28500:2017, WARC/1.1), the form in which web archives
// keep what servers have sent.
//
// Each record is a gzip member of its own (Annex D of the standard), so that one can be read from the
// middle of a file, and a file to which a crash has left half a record is whole up to there. The package
// does no more than that: which file a record goes to, and when it is on disk, is for others to know.
package warc

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
)

// Errors that callers tell apart.
var (
	// ErrTorn is returned for a record that breaks off where the file ends, as after a crash.
	ErrTorn = errors.New("record breaks off")
	// ErrBroken is returned for a record that is not what was written.
	ErrBroken = errors.New("record is broken")
)

// Type is the kind of a record (§5.5).
type Type string

// Types of record.
const (
	Info     Type = "warcinfo" // about the records that follow, as fields of application/warc-fields
	Request  Type = "request"  // what a server was asked, as it went over the wire
	Response Type = "response" // what it answered
	Resource Type = "resource" // something that came without a protocol: a file, say
	Metadata Type = "metadata" // about other records
)

// Field is a named field of a record's header, beyond those that [Record] has.
type Field struct {
	Name  string
	Value string
}

// Record is one record.
type Record struct {
	Type        Type
	ID          feed.UUID // WARC-Record-ID
	Date        time.Time // WARC-Date: to the microsecond, in UTC
	Target      string    // WARC-Target-URI; empty for none
	ContentType string    // of Block; empty for none
	Fields      []Field   // others, in their order
	Block       []byte
}

// Get returns the value of the first field of this name, in any case; empty where there is none.
func (r *Record) Get(name string) string {
	for _, f := range r.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

const (
	version = "WARC/1.1"
	// dateLayout is RFC 3339 with as many digits as WARC/1.1 lets a date have that we know them of.
	dateLayout = "2006-01-02T15:04:05.000000Z"

	fieldType        = "WARC-Type"
	fieldID          = "WARC-Record-ID"
	fieldDate        = "WARC-Date"
	fieldTarget      = "WARC-Target-URI"
	fieldDigest      = "WARC-Block-Digest"
	fieldContentType = "Content-Type"
	fieldLength      = "Content-Length"
)

// Digest returns the name under which what it is given is known in WARC fields (§5.8): its SHA-256.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// head returns the record's header with the empty line that ends it.
func (r *Record) head() (string, error) {
	var b strings.Builder
	b.WriteString(version + "\r\n")
	add := func(name, value string) error {
		if value == "" {
			return nil
		}
		if !isToken(name) || strings.ContainsAny(value, "\r\n\x00") {
			return fmt.Errorf("write record %s: the field %q cannot be %q", r.ID, name, value)
		}
		b.WriteString(name + ": " + value + "\r\n")
		return nil
	}
	err := errors.Join(
		add(fieldType, string(r.Type)),
		add(fieldID, "<"+r.ID.String()+">"),
		add(fieldDate, r.Date.UTC().Format(dateLayout)),
		add(fieldTarget, r.Target),
		add(fieldDigest, Digest(r.Block)),
	)
	for _, f := range r.Fields {
		err = errors.Join(err, add(f.Name, f.Value))
	}
	err = errors.Join(err,
		add(fieldContentType, r.ContentType),
		add(fieldLength, fmt.Sprint(len(r.Block))),
	)
	b.WriteString("\r\n")
	return b.String(), err
}

// isToken reports whether a name may be that of a field (RFC 9110 §5.6.2, as §4 of the standard).
func isToken(name string) bool {
	return name != "" && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}
