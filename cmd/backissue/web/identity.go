package web

import (
	"context"
	"crypto/sha1"
	"encoding/hex"

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

// identity tells this archive from all others. It never changes, so it is asked for once.
func (s *site) identity(ctx context.Context) (uuid, error) {
	if id := s.id.Load(); id != nil {
		return *id, nil
	}
	drawn, err := s.archive.Identity(ctx)
	if err != nil {
		return uuid{}, err
	}
	id := uuid(drawn)
	s.id.Store(&id)
	return id, nil
}
