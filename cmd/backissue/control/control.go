// Package control carries a verb to the process that owns the archive, and its output back.
//
// One process at a time can have the archive open. Whoever has it listens on a private socket for
// as long; a verb started meanwhile, in another terminal or by cron, is carried out by that process
// with the words, the folder, the environment and the terminal of the one who typed it.
package control

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Request is a verb to be carried out.
type Request struct {
	Args     []string          // the command line after the program's name
	Dir      string            // the folder that relative paths start from
	Env      map[string]string // the environment variables that the program heeds
	Terminal bool              // standard error is a terminal
	Width    int               // of the terminal, in columns
	Color    bool              // standard output is a terminal that shows colours
}

// Frames: one letter, the length of the body in 4 bytes, the body.
const (
	frameRequest = 'q' // to the owner: JSON Request
	frameStdin   = 'i' // to the owner: bytes of standard input; none for its end
	frameStdout  = 'o' // back: bytes of standard output
	frameStderr  = 'e' // back: bytes of standard error
	frameRead    = 'r' // back: standard input is wanted, which nobody had touched until then
	frameExit    = 'x' // back: the exit code in 4 bytes; the last frame
)

// maxPart is how much of an output goes into one frame, and maxFrame what is read at most: a command
// line may be as long as the system allows, 2 MiB and more.
const (
	maxPart  = 1 << 20
	maxFrame = 64 << 20
)

// Address returns where the owner of the archive in a data folder listens.
func Address(data string) string { return filepath.Join(data, "backissue.sock") }

// dialable calls f with a name for the address that is short enough for a socket, of which systems
// allow 100 bytes or so. A longer one is reached through the open folder, which has a short name.
func dialable(address string, f func(short string) error) error {
	if len(address) <= 100 {
		return f(address)
	}
	dir, err := os.Open(filepath.Dir(address))
	if err != nil {
		return err
	}
	defer dir.Close()
	return f(fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(address)))
}

func writeFrame(w io.Writer, kind byte, body []byte) error {
	frame := make([]byte, 5, 5+len(body))
	frame[0] = kind
	binary.BigEndian.PutUint32(frame[1:], uint32(len(body)))
	_, err := w.Write(append(frame, body...))
	return err
}

func readFrame(r *bufio.Reader) (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("frame of %d bytes", n)
	}
	body = make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return head[0], body, nil
}

func readRequest(r *bufio.Reader) (*Request, error) {
	kind, body, err := readFrame(r)
	if err != nil {
		return nil, err
	}
	if kind != frameRequest {
		return nil, errors.New("no request")
	}
	req := new(Request)
	return req, json.Unmarshal(body, req)
}
