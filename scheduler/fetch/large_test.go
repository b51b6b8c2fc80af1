package fetch_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backissue/backissue/scheduler/fetch"
)

// Two large bodies may be held at once: a third waits, at no cost to its timeout, until one of them is
// released or the context of its request ends. Small ones wait for nobody.
func TestLargeBodiesSharePlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := piped(func(host string, conn net.Conn) {
			n := 2 << 20
			if host == "small.example:80" {
				n = 1 << 20
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", n))
		})
		for _, release := range []string{"by hand", "by the end of the context"} {
			ctx, cancel := context.WithCancel(t.Context())
			one, err := c.Get(ctx, fetch.Request{URL: "http://one.example/"})
			if err != nil {
				t.Fatal(err)
			}
			two := get(t, c, fetch.Request{URL: "http://two.example/"})
			time.AfterFunc(5*time.Minute, func() {
				if release == "by hand" {
					one.Release()
					one.Release() // which gives back nothing more
				} else {
					cancel()
				}
			})
			start := time.Now()
			get(t, c, fetch.Request{URL: "http://small.example/"}).Release()
			if waited := time.Since(start); waited != 0 {
				t.Errorf("a small body waited for %v", waited)
			}
			three := get(t, c, fetch.Request{URL: "http://three.example/"})
			if waited := time.Since(start); waited != 5*time.Minute || len(three.Body) != 2<<20 {
				t.Errorf("released %s: the third came with %d bytes after %v", release, len(three.Body), waited)
			}
			two.Release()
			three.Release()
			cancel()
			synctest.Wait()
		}
	})
}
