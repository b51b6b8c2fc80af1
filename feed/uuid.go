package feed

import (
	"crypto/sha1"
	"encoding/hex"
	"strings"
)

// UUID is a universally unique identifier (RFC 9562), and a space in which names have identifiers of
// their own.
type UUID [16]byte

// URLSpace is the space of what has an address (RFC 9562 §6.6).
var URLSpace = UUID{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}

// In returns the version 5 identifier of a name in the space (RFC 9562 §5.5). Parts of a name are told
// apart by a zero byte between them.
func (space UUID) In(parts ...string) UUID {
	sum := sha1.Sum(append(space[:], strings.Join(parts, "\x00")...))
	var u UUID
	copy(u[:], sum[:])
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return u
}

// String returns the identifier as a URN (RFC 9562 §4).
func (u UUID) String() string {
	h := hex.EncodeToString(u[:])
	return "urn:uuid:" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
