package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestNothingIsLeft serves an archive and is told to stop, many times over in one process, each time with
// sources, a subscriber of the hub, commands, a client that reads slowly, one that keeps its connection
// and one that never asks. No goroutine and no file may be left of it.
func TestNothingIsLeft(t *testing.T) {
	times := 20
	if testing.Short() {
		times = 5
	}
	// They outlive the server, so that connections to them which it keeps are seen.
	upstream, callback := newUpstream(t), httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.URL.Query().Get("hub.challenge"))
	}))
	defer callback.Close()
	serveOnce(t, upstream.URL, callback.URL, true) // what is made once and stays is made now
	http.DefaultClient.CloseIdleConnections()
	stacks, files := settled(t, 0), openFiles(t)
	for n := range times {
		serveOnce(t, upstream.URL, callback.URL, n%10 == 0)
	}
	http.DefaultClient.CloseIdleConnections()
	if after := settled(t, len(stacks)); len(after) > len(stacks) {
		t.Errorf("%d goroutines before and %d after:\n%s", len(stacks), len(after), strings.Join(after, "\n\n"))
	}
	if after := openFiles(t); after > files {
		t.Errorf("%d open files before and %d after", files, after)
	}
}

// serveOnce serves for a moment. Clients hold on until the server has ended; slow ones have it wait.
func serveOnce(t *testing.T, upstream, callback string, slow bool) {
	t.Helper()
	t.Run("", func(t *testing.T) {
		var clients []net.Conn
		t.Cleanup(func() {
			for _, c := range clients {
				c.Close()
			}
		})
		p := serving(t, "--hub-allow-private", "--status", upstream+"/feed.xml", upstream+"/other.xml")
		p.wait("feeds", func() bool { return p.has("Number 1") })
		res, err := http.PostForm(p.base+"/hub", map[string][]string{
			"hub.mode": {"subscribe"}, "hub.topic": {p.base + "/feed.atom"}, "hub.callback": {callback},
		})
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		p.wait("subscriber", func() bool { return strings.Contains(p.log.String(), "subscriber enrolled") })
		p.publish("second")
		for _, args := range [][]string{{"fetch", "--now"}, {"list"}, {"politeness"}} {
			if code := run(context.Background(), append(args, "--data", p.data), p.env()); code != exitOK {
				t.Fatalf("%s ends with %d\n%s", args[0], code, p.log)
			}
		}
		told := []string{
			"GET /feed.atom HTTP/1.1\r\nHost: x\r\n\r\n",                       // it keeps the connection
			"GET /feed.atom HTTP/1.1\r\nHost: x\r\n",                           // it never asks
			"POST /hub HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhub.", // it stops in the middle
		}
		if !slow {
			told = told[:1]
		}
		for _, said := range told {
			c, err := net.Dial("tcp", strings.TrimPrefix(p.base, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			clients = append(clients, c)
			fmt.Fprint(c, said)
			if strings.HasSuffix(said, "x\r\n\r\n") {
				bufio.NewReader(c).ReadString('\n') // and reads no more than a line
			}
		}
	})
}

// newUpstream publishes two feeds, one of which names a hub.
func newUpstream(t *testing.T) *httptest.Server {
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hub":
			w.WriteHeader(http.StatusAccepted)
		case "/feed.xml", "/other.xml":
			w.Header().Set("Link", "<"+srv.URL+`/hub>; rel="hub"`)
			fmt.Fprintf(w, `<rss version="2.0"><channel><title>T</title><link>http://news.example/</link><description>d</description><item>`+
				`<guid isPermaLink="false">%s</guid><title>Number 1</title><description>text</description></item></channel></rss>`, r.URL.Path)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	return srv
}

// settled returns the stacks of all goroutines but the tests' own, once there are no more than there may
// be, or they do not end.
func settled(t *testing.T, most int) (stacks []string) {
	t.Helper()
	for tries := range 100 {
		stacks = goroutines()
		if len(stacks) <= most || most == 0 && tries >= 10 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return stacks
}

func goroutines() (stacks []string) {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	for s := range strings.SplitSeq(string(buf), "\n\n") {
		if !strings.Contains(s, "testing.(*T).Run") && !strings.Contains(s, "testing.tRunner") && !strings.Contains(s, "testing.(*M)") {
			stacks = append(stacks, s)
		}
	}
	return stacks
}

// openFiles returns how many files and sockets the process has open.
func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Logf("open files are not counted: %v", err)
	}
	return len(files)
}

// A goroutine that is left is seen.
func TestLeftGoroutineIsSeen(t *testing.T) {
	before := len(goroutines())
	end := make(chan struct{})
	began := make(chan struct{})
	go func() { close(began); <-end }()
	<-began
	if after := goroutines(); len(after) != before+1 {
		t.Errorf("%d goroutines before, %d with one more", before, len(after))
	}
	close(end)
}
