package web

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"strconv"

	"github.com/backissue/backissue/store"
)

// uuid is a universally unique identifier (RFC 9562).
type uuid [16]byte

// in returns the identifier of a name in the space that the receiver names (RFC 9562 §5.5).
func (space uuid) in(name string) uuid {
	sum := sha1.Sum(append(space[:], name...))
	var u uuid
	copy(u[:], sum[:])
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return u
}

// String returns the identifier as a URN.
func (u uuid) String() string {
	h := hex.EncodeToString(u[:])
	return "urn:uuid:" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// feedID returns the permanent identifier of a feed (RFC 4287 §4.2.6), the same in every format. It
// belongs to the archive and not to its address: moving to another host does not make new feeds.
func (s *site) feedID(ctx context.Context, ref store.Ref) (string, error) {
	archive, err := s.identity(ctx)
	return archive.in(string(ref.Kind) + ref.Name).String(), err
}

// identity tells this archive from all others by the one thing in it that no other has and that
// never changes: what came in first, and when. Before that, an address is all that it has.
func (s *site) identity(ctx context.Context) (uuid, error) {
	if id := s.id.Load(); id != nil {
		return *id, nil
	}
	urls := uuid{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8} // RFC 9562 §6.6
	first, err := s.archive.Log(ctx, store.Ref{Kind: store.All}, 0, 1)
	if err != nil || len(first) == 0 {
		return urls.in(s.base), err
	}
	a := first[0]
	id := urls.in(strconv.FormatInt(a.Seen.UnixNano(), 10) + " " + a.Key)
	s.id.Store(&id)
	return id, nil
}
