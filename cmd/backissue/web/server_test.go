package web_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backissue/backissue/cmd/backissue/web"
)

// pipes is a listener in memory, so that time in a test is the test's own.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// closed returns after how long the server hangs up on a client that only listens.
func closed(c net.Conn) time.Duration {
	start := time.Now()
	io.Copy(io.Discard, c)
	return time.Since(start)
}

func TestServerLosesPatience(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, tt := range []struct {
		name     string
		client   func(*testing.T, net.Conn) time.Duration
		min, max time.Duration
	}{
		{"says nothing", func(_ *testing.T, c net.Conn) time.Duration { return closed(c) }, 20 * time.Second, 26 * time.Second},
		{"says it too slowly", func(_ *testing.T, c net.Conn) time.Duration {
			start := time.Now()
			for i := 0; ; i++ {
				if _, err := io.WriteString(c, request[i%10:i%10+1]); err != nil {
					return time.Since(start)
				}
				time.Sleep(time.Second)
			}
		}, 20 * time.Second, 26 * time.Second},
		{"does not read", func(_ *testing.T, c net.Conn) time.Duration {
			io.WriteString(c, request)
			start := time.Now()
			for { // what tells is whether the server still listens
				time.Sleep(time.Second)
				c.SetWriteDeadline(time.Now().Add(time.Millisecond))
				if _, err := c.Write([]byte("G")); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					return time.Since(start)
				}
			}
		}, 5 * time.Minute, 5*time.Minute + 7*time.Second},
		{"reads too slowly", func(_ *testing.T, c net.Conn) time.Duration {
			io.WriteString(c, request)
			start := time.Now()
			for {
				if _, err := c.Read(make([]byte, 1)); err != nil {
					return time.Since(start)
				}
				time.Sleep(time.Second)
			}
		}, 5 * time.Minute, 5*time.Minute + 7*time.Second},
		{"has no more questions", func(t *testing.T, c net.Conn) time.Duration {
			io.WriteString(c, request)
			read(t, bufio.NewReader(c))
			return closed(c)
		}, 2 * time.Minute, 2*time.Minute + 6*time.Second},
		{"comes back every minute", func(t *testing.T, c net.Conn) time.Duration {
			start := time.Now()
			in := bufio.NewReader(c)
			for range 24 * 60 {
				if _, err := io.WriteString(c, request); err != nil {
					break
				}
				read(t, in)
				time.Sleep(time.Minute)
			}
			return time.Since(start)
		}, 24 * time.Hour, 24 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
				srv := web.Server("", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Write(make([]byte, 10_000))
				}), nil)
				go srv.Serve(l)
				c := l.dial()
				if d := tt.client(t, c); d < tt.min || d > tt.max {
					t.Errorf("hung up after %v, want %v to %v", d, tt.min, tt.max)
				}
				c.Close()
				// Nothing is left running: synctest says so if something is.
				if err := srv.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func read(t *testing.T, in *bufio.Reader) {
	t.Helper()
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		t.Fatal(err)
	}
}
