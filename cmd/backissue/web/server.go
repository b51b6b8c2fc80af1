package web

import (
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// How long a connection may take. Slow but honest readers can live with it, and others cannot sit
// on the server.
const (
	patienceNew    = 20 * time.Second // from its beginning until its first request is there
	patienceIdle   = 2 * time.Minute  // from an answer until the next request is there
	patienceActive = 5 * time.Minute  // from a request until its answer is sent: 4 MB at 112 kbit/s
	patienceLook   = 5 * time.Second  // how often the server looks
)

// Server returns a server for the handler that does not wait for ever for its clients. It has no
// timeouts of net/http's, which set five timers at each request and cost as much as a twentieth of a
// whole answer; see [patience] for what it has instead. The caller starts it and shuts it down, and
// leaves ConnState alone. log may be nil.
func Server(addr string, h http.Handler, log *slog.Logger) *http.Server {
	srv := &http.Server{Addr: addr, Handler: h, MaxHeaderBytes: 32 << 10, ConnState: new(patience).watch}
	if log != nil {
		srv.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	}
	return srv
}

// patience closes connections that take too long. net/http tells when a connection turns active, which
// is when a request has been read, and idle, which is when its answer is sent; so three limits bound
// all that a client can draw out, headers that trickle in included. Noting the time costs next to
// nothing, and one look every few seconds serves all connections.
type patience struct {
	until sync.Map // net.Conn to *atomic.Int64: when its time is up, in Unix nanoseconds

	mu      sync.Mutex
	open    int  // connections
	looking bool // a look is due
}

// watch is told of every change of a connection's state.
func (p *patience) watch(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		until := new(atomic.Int64)
		until.Store(time.Now().Add(patienceNew).UnixNano())
		p.until.Store(c, until)
		p.count(+1)
	case http.StateActive:
		p.grant(c, patienceActive)
	case http.StateIdle:
		p.grant(c, patienceIdle)
	case http.StateClosed, http.StateHijacked:
		if _, ok := p.until.LoadAndDelete(c); ok {
			p.count(-1)
		}
	}
}

func (p *patience) grant(c net.Conn, d time.Duration) {
	if until, ok := p.until.Load(c); ok {
		until.(*atomic.Int64).Store(time.Now().Add(d).UnixNano())
	}
}

// count keeps looking while there are connections.
func (p *patience) count(more int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open += more
	if p.open > 0 && !p.looking {
		p.looking = true
		time.AfterFunc(patienceLook, p.look)
	}
}

func (p *patience) look() {
	now := time.Now().UnixNano()
	p.until.Range(func(c, until any) bool {
		if until.(*atomic.Int64).Load() < now {
			c.(net.Conn).Close() // whoever reads or writes there gets an error and says so to watch
		}
		return true
	})
	p.mu.Lock()
	p.looking = false
	p.mu.Unlock()
	p.count(0)
}
