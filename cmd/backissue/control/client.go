package control

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// ErrNobody is returned when no process listens at the address.
var ErrNobody = errors.New("nobody listens")

// Do has the owner at the address carry out the request and returns its exit code. When the context
// ends, the owner is told to stop, and the code is what it then says. It returns ErrNobody if there
// is no owner, and another error if the connection broke before the end.
func Do(ctx context.Context, address string, req *Request, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	var conn net.Conn
	err := dialable(address, func(short string) (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, "unix", short)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("%w at %s: %v", ErrNobody, address, err)
	}
	defer conn.Close()
	body, err := json.Marshal(req)
	if err != nil {
		return 0, fmt.Errorf("encode request: %w", err)
	}
	var mu sync.Mutex
	send := func(kind byte, body []byte) error {
		mu.Lock()
		defer mu.Unlock()
		return writeFrame(conn, kind, body)
	}
	if err := send(frameRequest, body); err != nil {
		return 0, fmt.Errorf("%w at %s: %v", ErrNobody, address, err)
	}
	// A half-closed connection is how the owner learns that we want it to stop.
	defer context.AfterFunc(ctx, func() { conn.(*net.UnixConn).CloseWrite() })()

	r := bufio.NewReader(conn)
	for heard := false; ; heard = true {
		kind, body, err := readFrame(r)
		switch {
		case err != nil && !heard:
			// It was about to close the archive when we came.
			return 0, fmt.Errorf("%w at %s: %v", ErrNobody, address, err)
		case err != nil:
			return 0, fmt.Errorf("the process that owns the archive has ended: %w", err)
		}
		switch kind {
		case frameStdout:
			_, err = stdout.Write(body)
		case frameStderr:
			_, err = stderr.Write(body)
		case frameRead:
			go pump(stdin, send)
		case frameExit:
			if len(body) == 4 {
				return int(int32(binary.BigEndian.Uint32(body))), nil
			}
		}
		if err != nil {
			return 0, err
		}
	}
}

// pump sends standard input until its end or until the connection is gone.
func pump(stdin io.Reader, send func(byte, []byte) error) {
	buf := make([]byte, 64<<10)
	for stdin != nil {
		n, err := stdin.Read(buf)
		if n > 0 && send(frameStdin, buf[:n]) != nil {
			return
		}
		if err != nil {
			break
		}
	}
	_ = send(frameStdin, nil) // if the connection is gone, nobody waits for it
}
