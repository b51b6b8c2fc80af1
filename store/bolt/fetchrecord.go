package bolt

import (
	"time"

	"github.com/backissue/backissue/feed"
)

// manners is what a source's record holds of how it is asked; see [sourceRecord].
type manners struct {
	Allowed    instant  `cbor:"1,keyasint,omitempty"`
	SkipHours  uint32   `cbor:"2,keyasint,omitempty"`
	SkipDays   uint8    `cbor:"3,keyasint,omitempty"`
	MovedTo    string   `cbor:"4,keyasint,omitempty"`
	MovedSince instant  `cbor:"5,keyasint,omitempty"`
	MovedSeen  int      `cbor:"6,keyasint,omitempty"`
	Tally      *tally   `cbor:"7,keyasint,omitempty"`
	Push       *push    `cbor:"8,keyasint,omitempty"`
	Headers    []header `cbor:"9,keyasint,omitempty"`
	User       string   `cbor:"10,keyasint,omitempty"`
	Password   string   `cbor:"11,keyasint,omitempty"`
	Bearer     string   `cbor:"12,keyasint,omitempty"`
	Cookie     string   `cbor:"13,keyasint,omitempty"`
	Proxy      string   `cbor:"14,keyasint,omitempty"`
}

type header struct {
	Name  string `cbor:"1,keyasint"`
	Value string `cbor:"2,keyasint,omitempty"`
}

type tally struct {
	Since       instant `cbor:"1,keyasint,omitempty"`
	Requests    uint64  `cbor:"2,keyasint,omitempty"`
	NotModified uint64  `cbor:"3,keyasint,omitempty"`
	Bytes       uint64  `cbor:"4,keyasint,omitempty"`
	Refused     uint64  `cbor:"5,keyasint,omitempty"`
	Early       uint64  `cbor:"6,keyasint,omitempty"`
}

type push struct {
	Hub      string  `cbor:"1,keyasint,omitempty"`
	Topic    string  `cbor:"2,keyasint,omitempty"`
	Secret   string  `cbor:"3,keyasint,omitempty"`
	Callback string  `cbor:"4,keyasint,omitempty"`
	Asked    instant `cbor:"5,keyasint,omitempty"`
	Until    instant `cbor:"6,keyasint,omitempty"`
	Pushed   instant `cbor:"7,keyasint,omitempty"`
	Problem  string  `cbor:"8,keyasint,omitempty"`
}

// toManners returns nil where there is nothing to say.
func toManners(s *feed.Source) *manners {
	f, a := &s.Fetch, &s.Access
	m := manners{
		Allowed: toInstant(f.Allowed), SkipHours: f.Skip.Hours, SkipDays: f.Skip.Days,
		MovedTo: f.Moved.URL, MovedSince: toInstant(f.Moved.Since), MovedSeen: f.Moved.Seen,
		Headers: each(a.Headers, func(h feed.Header) header { return header(h) }),
		User:    a.User, Password: a.Password, Bearer: a.Bearer, Cookie: a.Cookie, Proxy: a.Proxy,
	}
	if t := f.Tally; t != (feed.Tally{}) {
		m.Tally = &tally{toInstant(t.Since), t.Requests, t.NotModified, t.Bytes, t.Refused, t.Early}
	}
	if p := f.Push; p != (feed.Push{}) {
		m.Push = &push{p.Hub, p.Topic, p.Secret, p.Callback, toInstant(p.Asked), toInstant(p.Until), toInstant(p.Pushed), p.Problem}
	}
	if a.IsZero() && f.Allowed.Equal(time.Time{}) && f.Skip == (feed.Skip{}) && f.Moved == (feed.Move{}) && m.Tally == nil && m.Push == nil {
		return nil
	}
	return &m
}

// apply gives a source what its record holds.
func (m *manners) apply(s *feed.Source) {
	if m == nil {
		return
	}
	f := &s.Fetch
	f.Allowed, f.Skip = m.Allowed.time(), feed.Skip{Hours: m.SkipHours, Days: m.SkipDays}
	f.Moved = feed.Move{URL: m.MovedTo, Since: m.MovedSince.time(), Seen: m.MovedSeen}
	if t := m.Tally; t != nil {
		f.Tally = feed.Tally{
			Since: t.Since.time(), Requests: t.Requests, NotModified: t.NotModified, Bytes: t.Bytes, Refused: t.Refused, Early: t.Early,
		}
	}
	if p := m.Push; p != nil {
		f.Push = feed.Push{
			Hub: p.Hub, Topic: p.Topic, Secret: p.Secret, Callback: p.Callback,
			Asked: p.Asked.time(), Until: p.Until.time(), Pushed: p.Pushed.time(), Problem: p.Problem,
		}
	}
	s.Access = feed.Access{
		Headers: each(m.Headers, func(h header) feed.Header { return feed.Header(h) }),
		User:    m.User, Password: m.Password, Bearer: m.Bearer, Cookie: m.Cookie, Proxy: m.Proxy,
	}
}
