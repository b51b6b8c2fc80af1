package scheduler

import (
	"net/url"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
)

// trial is for how long a permanent redirect must say the same before it is believed: what is put up by
// mistake, or by someone who has broken in, is taken down sooner.
const trial = week

// moves takes in where a good answer says that its source has moved to ("" for nowhere). It returns what
// to remember of that, and the address to adopt; "" while the source stays where it is. From http to
// https of the same address a source moves at once.
func moves(s *feed.Source, to string, at time.Time) (feed.Move, string) {
	m, trust := s.Fetch.Moved, trusted(s)
	to = alongside(s.URL, to)
	switch {
	case to == "" || to == s.URL:
		return unmoved(trust), ""
	case m.URL == to && trust:
		m.Seen++
	case m.URL == to:
		m.Seen--
	default:
		m = unmoved(trust)
		m.URL, m.Since = to, at
		if m.Seen++; !trust {
			m.Seen -= 2
		}
	}
	said := m.Seen
	if !trust {
		said = -m.Seen - 1
	}
	if secures(s.URL, to) || at.Sub(m.Since) >= trial && said > 1 && mayLeave(s, to) {
		return unmoved(trust && hostOf(s.URL) == hostOf(to)), to
	}
	return m, ""
}

// unmoved is what is remembered where no redirect is. [feed.Move] has no field for whether an address is
// itself one that a redirect on another host has given, so Seen counts down from -1 then.
func unmoved(trust bool) feed.Move {
	if trust {
		return feed.Move{}
	}
	return feed.Move{Seen: -1}
}

// trusted reports whether a source's host is the owner's own word, so that it may be a private one.
func trusted(s *feed.Source) bool { return s.Fetch.Moved.Seen >= 0 }

// mayLeave reports whether a source may move to an address: what the owner gives along is for the host
// that he named, and for no other.
func mayLeave(s *feed.Source, to string) bool {
	u, err := url.Parse(s.URL)
	return err == nil && (u.User == nil && s.Access.IsZero() || sameOrigin(s.URL, to))
}

// secures reports whether an address is another one over https.
func secures(from, to string) bool {
	rest, plain := strings.CutPrefix(from, "http://")
	secure, ok := strings.CutPrefix(to, "https://")
	return plain && ok && rest == secure
}

// sameOrigin reports whether two addresses have one host and port, and no less of a scheme.
func sameOrigin(from, to string) bool {
	a, errA := url.Parse(from)
	b, errB := url.Parse(to)
	return errA == nil && errB == nil && strings.EqualFold(a.Host, b.Host) &&
		(a.Scheme == b.Scheme || a.Scheme == "http" && b.Scheme == "https")
}

// alongside returns an address as it is stored, with the user and password of the source if it is on
// the same host; "" for none.
func alongside(from, to string) string {
	if to == "" {
		return ""
	}
	to, err := normal(to)
	if err != nil {
		return ""
	}
	a, err := url.Parse(from)
	if err != nil || a.User == nil || !sameOrigin(from, to) {
		return to
	}
	b, err := url.Parse(to)
	if err != nil {
		return ""
	}
	b.User = a.User
	return b.String()
}
