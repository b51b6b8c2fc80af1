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
)

// Run carries out a verb and returns its exit code.
type Run func(ctx context.Context, req *Request, stdin io.Reader, stdout, stderr io.Writer) int

// Server listens for verbs.
type Server struct {
	listener net.Listener
	stop     context.CancelFunc
	running  sync.WaitGroup
}

// Listen listens at the address until Close. Only the owner of the archive may call it: it takes
// the place of whatever a process that was killed has left there. The socket is for the user alone.
func Listen(ctx context.Context, address string, run Run) (*Server, error) {
	if err := os.Remove(address); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("make way for the socket: %w", err)
	}
	l, err := net.Listen("unix", address)
	if err != nil {
		return nil, fmt.Errorf("listen for other commands: %w", err)
	}
	if err := os.Chmod(address, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("make the socket private: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	s := &Server{listener: l, stop: stop}
	s.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			s.running.Go(func() {
				defer conn.Close()
				serve(ctx, conn, run)
			})
		}
	})
	return s, nil
}

// Close takes no more verbs and returns when those under way have ended. Those who come meanwhile
// find nobody and try again.
func (s *Server) Close() error {
	err := s.listener.Close()
	s.running.Wait()
	s.stop()
	return err
}

// serve carries out the verb of one connection.
func serve(ctx context.Context, conn net.Conn, run Run) {
	r := bufio.NewReader(conn)
	req, err := readRequest(r)
	if err != nil {
		return // nobody is there to be told
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
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
		part := p[:min(len(p), maxFrame)]
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
