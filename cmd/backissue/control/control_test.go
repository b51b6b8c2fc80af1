package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/cmd/backissue/control"
)

func listen(t *testing.T, run control.Run) string {
	t.Helper()
	address := control.Address(t.TempDir())
	s, err := control.Listen(t.Context(), address, run)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return address
}

func TestDo(t *testing.T) {
	want := control.Request{Args: []string{"show", "1"}, Dir: "/a b", Env: map[string]string{"X": "ü"}, Terminal: true, Width: 99}
	big := bytes.Repeat([]byte("0123456789"), 300_000)
	address := listen(t, func(_ context.Context, req *control.Request, stdin io.Reader, stdout, stderr io.Writer) int {
		if !reflect.DeepEqual(*req, want) {
			t.Errorf("got %+v, want %+v", *req, want)
		}
		in, err := io.ReadAll(stdin)
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(stderr, "read %d", len(in))
		stdout.Write(in)
		return 42
	})
	var stdout, stderr bytes.Buffer
	code, err := control.Do(t.Context(), address, &want, bytes.NewReader(big), &stdout, &stderr)
	if code != 42 || err != nil || stderr.String() != fmt.Sprintf("read %d", len(big)) || !bytes.Equal(stdout.Bytes(), big) {
		t.Errorf("code %d, %v, %d bytes back, %q", code, err, stdout.Len(), stderr.String())
	}
	info, err := os.Stat(address)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is open to others: %v, %v", info.Mode(), err)
	}
}

// untouched fails the test when it is read.
type untouched struct{ *testing.T }

func (u untouched) Read([]byte) (int, error) {
	u.Error("standard input was read though the verb did not ask for it")
	return 0, io.EOF
}

func TestStdinIsLeftAlone(t *testing.T) {
	address := listen(t, func(_ context.Context, _ *control.Request, _ io.Reader, stdout, _ io.Writer) int {
		fmt.Fprint(stdout, "done")
		return 0
	})
	var stdout bytes.Buffer
	if code, err := control.Do(t.Context(), address, &control.Request{}, untouched{t}, &stdout, io.Discard); code != 0 || err != nil {
		t.Errorf("code %d, %v", code, err)
	}
	if stdout.String() != "done" {
		t.Errorf("output %q", stdout.String())
	}
}

func TestInterrupt(t *testing.T) {
	begun := make(chan bool)
	address := listen(t, func(ctx context.Context, _ *control.Request, _ io.Reader, _, stderr io.Writer) int {
		close(begun)
		<-ctx.Done()
		fmt.Fprint(stderr, "interrupted")
		return 130
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	var stderr bytes.Buffer
	code, err := control.Do(ctx, address, &control.Request{}, nil, io.Discard, &stderr)
	if code != 130 || err != nil || stderr.String() != "interrupted" {
		t.Errorf("code %d, %v, %q", code, err, stderr.String())
	}
}

func TestNobody(t *testing.T) {
	dir := t.TempDir()
	_, err := control.Do(t.Context(), control.Address(dir), &control.Request{}, nil, io.Discard, io.Discard)
	if !errors.Is(err, control.ErrNobody) {
		t.Errorf("no socket: %v", err)
	}
	// A process that was killed leaves its socket behind.
	if err := os.WriteFile(control.Address(dir), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := control.Listen(t.Context(), control.Address(dir), func(context.Context, *control.Request, io.Reader, io.Writer, io.Writer) int { return 7 })
	if err != nil {
		t.Fatal(err)
	}
	if code, err := control.Do(t.Context(), control.Address(dir), &control.Request{}, nil, io.Discard, io.Discard); code != 7 || err != nil {
		t.Errorf("after the owner came back: %d, %v", code, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Do(t.Context(), control.Address(dir), &control.Request{}, nil, io.Discard, io.Discard); !errors.Is(err, control.ErrNobody) {
		t.Errorf("after it went: %v", err)
	}
}

func TestCloseWaits(t *testing.T) {
	begun, goOn := make(chan bool), make(chan bool)
	address := control.Address(t.TempDir())
	s, err := control.Listen(t.Context(), address, func(context.Context, *control.Request, io.Reader, io.Writer, io.Writer) int {
		close(begun)
		<-goOn
		return 5
	})
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan int, 1)
	go func() {
		code, err := control.Do(context.Background(), address, &control.Request{}, nil, io.Discard, io.Discard)
		if err != nil {
			t.Error(err)
		}
		result <- code
	}()
	<-begun
	closed := make(chan bool)
	go func() {
		s.Close()
		close(closed)
	}()
	select {
	case <-closed:
		t.Error("closed while a verb was under way")
	case <-time.After(50 * time.Millisecond): // long enough for a Close that does not wait
	}
	close(goOn)
	<-closed
	if code := <-result; code != 5 {
		t.Errorf("code %d", code)
	}
}

// TestLongFolder listens in a folder whose path is longer than the name of a socket may be.
func TestLongFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("folder/", 30))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := control.Listen(t.Context(), control.Address(dir), func(context.Context, *control.Request, io.Reader, io.Writer, io.Writer) int { return 3 })
	if err != nil {
		t.Fatal(err)
	}
	if code, err := control.Do(t.Context(), control.Address(dir), &control.Request{}, nil, io.Discard, io.Discard); code != 3 || err != nil {
		t.Errorf("%d, %v", code, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(control.Address(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// TestLongCommandLine names as many files as a shell may.
func TestLongCommandLine(t *testing.T) {
	args := strings.Split(strings.Repeat("some/long/file/name.txt ", 100_000), " ")
	address := listen(t, func(_ context.Context, req *control.Request, _ io.Reader, _, _ io.Writer) int {
		return len(req.Args) % 251
	})
	if code, err := control.Do(t.Context(), address, &control.Request{Args: args}, nil, io.Discard, io.Discard); code != len(args)%251 || err != nil {
		t.Errorf("%d, %v", code, err)
	}
}

// TestSilentClient connects and says nothing; the owner must be able to close all the same.
func TestSilentClient(t *testing.T) {
	address := control.Address(t.TempDir())
	s, err := control.Listen(t.Context(), address, func(context.Context, *control.Request, io.Reader, io.Writer, io.Writer) int { return 0 })
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestNoise connects and talks nonsense; the server must go on.
func TestNoise(t *testing.T) {
	address := listen(t, func(context.Context, *control.Request, io.Reader, io.Writer, io.Writer) int { return 0 })
	for _, noise := range []string{"", "x", "q\x00\x00\x00\x02{]", "q\xff\xff\xff\xff", "i\x00\x00\x00\x00"} {
		conn, err := net.Dial("unix", address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, noise)
		conn.Close()
	}
	if code, err := control.Do(t.Context(), address, &control.Request{}, nil, io.Discard, io.Discard); code != 0 || err != nil {
		t.Errorf("after noise: %d, %v", code, err)
	}
}
