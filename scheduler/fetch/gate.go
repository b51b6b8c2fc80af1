package fetch

import (
	"context"
	"sync"
	"time"
)

// gate lets one request at a time through to each host, in the order in which they came, and
// remembers a host only as long as someone is there.
type gate struct {
	mu    sync.Mutex
	hosts map[string]*turn
}

// turn is one host's turnstile.
type turn struct {
	taken chan struct{} // holds one element while a request is under way
	users int           // requests under way and waiting, guarded by gate.mu
}

// enter waits for the host to be free. The caller must call release when the request is over; the host
// is left alone for the length of gap from then on.
func (g *gate) enter(ctx context.Context, host string, gap time.Duration) (release func(), err error) {
	t := g.join(host)
	select {
	case t.taken <- struct{}{}:
	case <-ctx.Done():
		g.leave(host, t)
		return nil, context.Cause(ctx)
	}
	free := func() {
		<-t.taken
		g.leave(host, t)
	}
	if gap <= 0 {
		return free, nil
	}
	return func() { time.AfterFunc(gap, free) }, nil
}

func (g *gate) join(host string) *turn {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.hosts[host]
	if t == nil {
		if g.hosts == nil {
			g.hosts = make(map[string]*turn)
		}
		t = &turn{taken: make(chan struct{}, 1)}
		g.hosts[host] = t
	}
	t.users++
	return t
}

func (g *gate) leave(host string, t *turn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(g.hosts, host)
	}
}
