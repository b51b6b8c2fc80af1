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

// Six large bodies may be held at once, and one huge one among them: what is one too many waits, at no cost
// to its timeout, until another is released or the context of its request ends. Small ones wait for nobody.
func TestLargeBodiesSharePlaces(t *testing.T) {
	for name, test := range map[string]struct{ size, places int }{
		"large": {2 << 20, 6},
		"huge":  {5 << 20, 1},
	} {
		for _, release := range []string{"by hand", "by the end of the context"} {
			t.Run(name+" "+release, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { placesAreShared(t, test.size, test.places, release == "by hand") })
			})
		}
	}
}

func placesAreShared(t *testing.T, size, places int, byHand bool) {
	c := piped(func(host string, conn net.Conn) {
		n := size
		if host == "small.example:80" {
			n = 512 << 10
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", n))
	})
	for range 2 { // the second time, all places have been given back
		ctx, cancel := context.WithCancel(t.Context())
		one, err := c.Get(ctx, fetch.Request{URL: "http://one.example/"})
		if err != nil {
			t.Fatal(err)
		}
		held := make([]*fetch.Response, 0, places)
		for range places - 1 {
			held = append(held, get(t, c, fetch.Request{URL: "http://two.example/"}))
		}
		time.AfterFunc(5*time.Minute, func() {
			if byHand {
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
		last := get(t, c, fetch.Request{URL: "http://three.example/"})
		if waited := time.Since(start); waited != 5*time.Minute || len(last.Body) != size {
			t.Errorf("the last came with %d bytes after %v", len(last.Body), waited)
		}
		for _, r := range append(held, last) {
			r.Release()
		}
		cancel()
		synctest.Wait()
	}
}
