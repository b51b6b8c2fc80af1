package control

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Run carries out a verb and returns its exit code.
type Run func(ctx context.Context, req *Request, stdin io.Reader, stdout, stderr io.Writer) int

// Server listens for verbs.
type Server struct {
	address  string
	listener net.Listener
	stopped  <-chan struct{} // the owner has been told to stop
	conns    sync.WaitGroup  // connections that are being served
	verbs    count           // verbs that are being carried out

	stopHearing context.CancelFunc // what has not been said yet need not be said any more
}

// count is a number that one can wait for to be nothing, while others go on counting.
type count struct {
	mu   sync.Mutex
	n    int
	none []chan struct{} // to be closed when n is nothing
}

func (c *count) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n += n; c.n == 0 {
		for _, ch := range c.none {
			close(ch)
		}
		c.none = nil
	}
}

// nothing returns a channel that is closed when the count is nothing, which it may be already.
func (c *count) nothing() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan struct{})
	if c.n == 0 {
		close(ch)
	} else {
		c.none = append(c.none, ch)
	}
	return ch
}

// requestTime is how long a connection may take to say what it wants, and grace how long one may
// take to hear the rest when the owner has been told to stop.
const (
	requestTime = 10 * time.Second
	grace       = 2 * time.Second
)

// Listen listens at the address until Close. Only the owner of the archive may call it: it takes
// the place of whatever a process that was killed has left there. The socket is for the user alone.
func Listen(ctx context.Context, address string, run Run) (*Server, error) {
	if err := os.Remove(address); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("make way for the socket: %w", err)
	}
	var l net.Listener
	err := dialable(address, func(short string) (err error) {
		l, err = net.Listen("unix", short)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen for other commands: %w", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // the short name may be gone by then
	if err := os.Chmod(address, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("make the socket private: %w", err)
	}
	hearing, stop := context.WithCancel(ctx)
	s := &Server{address: address, listener: l, stopped: ctx.Done(), stopHearing: stop}
	s.conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			s.conns.Go(func() {
				defer conn.Close()
				s.serve(ctx, hearing, conn, run)
			})
		}
	})
	return s, nil
}

// Close returns when no verb is under way. As long as one is, others are taken too, since nobody
// else can carry them out; unless the owner has been told to stop. Those who come later find nobody
// and open the archive themselves.
func (s *Server) Close() error {
	select {
	case <-s.verbs.nothing():
	case <-s.stopped:
	}
	err := errors.Join(s.listener.Close(), os.Remove(s.address))
	s.stopHearing()
	s.conns.Wait()
	return err
}

// serve carries out the verb of one connection, if it says which before hearing ends.
func (s *Server) serve(ctx, hearing context.Context, conn net.Conn, run Run) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	r := bufio.NewReader(conn)
	_ = conn.SetReadDeadline(time.Now().Add(requestTime)) // a socket that is gone fails at the next call
	unheard := context.AfterFunc(hearing, func() { _ = conn.SetReadDeadline(time.Now()) })
	req, err := readRequest(r)
	if err != nil || !unheard() {
		return // nobody is there to be told
	}
	s.verbs.add(1)
	defer s.verbs.add(-1)
	_ = conn.SetReadDeadline(time.Time{})
	// Whoever does not read what it is told must not keep the owner from stopping.
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now().Add(grace)) })()
	var mu sync.Mutex
	send := func(kind byte, body []byte) error {
		mu.Lock()
		defer mu.Unlock()
		return writeFrame(conn, kind, body)
	}
	in := newInput(func() { _ = send(frameRead, nil) })
	defer in.r.Close() // what the verb did not read is nobody's
	go func() {
		defer stop() // the other side has gone, or has been told to stop
		defer in.end()
		for {
			kind, body, err := readFrame(r)
			if err != nil {
				return
			}
			if kind == frameStdin {
				in.put(body)
			}
		}
	}()
	code := run(ctx, req, in, output{send, frameStdout}, output{send, frameStderr})
	_ = send(frameExit, binary.BigEndian.AppendUint32(nil, uint32(int32(code))))
}

// output is standard output or error on the other side.
type output struct {
	send func(byte, []byte) error
	kind byte
}

func (o output) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		part := p[:min(len(p), maxPart)]
		if err := o.send(o.kind, part); err != nil {
			return n, err
		}
		n += len(part)
		p = p[len(part):]
	}
	return n, nil
}

// input is standard input on the other side. It is asked for at the first Read and not before, so
// that a verb that reads nothing leaves it to the next command of a script.
type input struct {
	ask  func()
	once sync.Once
	r    *io.PipeReader
	w    *io.PipeWriter
}

func newInput(ask func()) *input {
	r, w := io.Pipe()
	return &input{ask: ask, r: r, w: w}
}

func (in *input) Read(p []byte) (int, error) {
	in.once.Do(in.ask)
	return in.r.Read(p)
}

// put hands on what came, unless the verb has ended; nothing means the end.
func (in *input) put(p []byte) {
	if len(p) == 0 {
		in.end()
		return
	}
	_, _ = in.w.Write(p)
}

func (in *input) end() { in.w.Close() }
