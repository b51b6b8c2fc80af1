package scheduler

import (
	"context"
	"fmt"

	"github.com/backissue/backissue/feed"
)

// listAtOnce is how many subscriptions of a list share a commit.
const listAtOnce = 1000

// Listed says what became of a [Subscription] of a list.
type Listed struct {
	Source feed.Source // that is followed now
	New    bool        // it was not before
	Err    error       // why it was refused; nil when it was not
}

// FollowAll stores subscriptions as they are, to be visited for the first time when a round comes by, and
// calls f with what became of each, in their order, as soon as that is on disk. One that is refused leaves
// the others alone; an error is that of ctx, and then f has not been called for the rest.
func (s *Scheduler) FollowAll(ctx context.Context, wants []Subscription, f func(Listed)) error {
	defer s.wake.ring()
	for len(wants) > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n := min(len(wants), listAtOnce)
		s.followSome(ctx, wants[:n], f)
		wants = wants[n:]
	}
	return nil
}

// followSome stores some subscriptions in one transaction.
func (s *Scheduler) followSome(ctx context.Context, wants []Subscription, f func(Listed)) {
	all := make([]Listed, len(wants))
	var sources []feed.Source
	var at []int // where in all each of sources is
	placed := make(map[string]bool)
	for i := range wants {
		address, err := s.place(ctx, &wants[i], placed)
		if err != nil {
			all[i].Err = fmt.Errorf("subscribe to %q: %w", wants[i].URL, err)
			continue
		}
		placed[address] = true
		sources, at = append(sources, s.wished(address, wants[i])), append(at, i)
	}
	// Being told to stop is no reason to leave half of them out.
	got, _ := s.Store.Subscribe(context.WithoutCancel(ctx), sources...)
	for i, g := range got {
		all[at[i]] = Listed{Source: g.Source, New: g.New, Err: g.Err}
	}
	for _, l := range all {
		f(l)
	}
}

// place returns the address that is meant: one that is followed already, or about to be, or the best.
func (s *Scheduler) place(ctx context.Context, want *Subscription, placed map[string]bool) (string, error) {
	addresses, err := addresses(want.URL)
	if err != nil {
		return "", err
	}
	if len(addresses) == 1 {
		return addresses[0], nil
	}
	for _, address := range addresses {
		if known, err := s.Store.SourceByURL(ctx, address); placed[address] || err == nil && known.Subscribed {
			return address, nil
		}
	}
	return addresses[0], nil
}
