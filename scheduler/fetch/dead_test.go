//go:build linux

package fetch_test

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/backissue/backissue/scheduler/fetch"
)

// TestDeadHosts asks a host that lets nobody in, as one does that is not there any more: its queue is full.
func TestDeadHosts(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes the ten seconds that a connection is waited for")
	}
	t.Parallel()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	err = errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0))
	if err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 8 { // until there is no room in the queue
		conn, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err != nil {
			break
		}
		defer conn.Close()
	}
	start := time.Now()
	e := fails(t, new(fetch.Client), "http://"+address, fetch.ClassTimeout)
	if took := time.Since(start); took > fetch.DefaultTimeout/2 {
		t.Errorf("it was given up after %v: %v", took, e)
	}
}
