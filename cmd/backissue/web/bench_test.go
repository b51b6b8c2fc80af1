package web_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/backissue/backissue/cmd/backissue/web"
)

// polls are the ways in which a feed is asked for.
func polls(tag string) []struct {
	name   string
	fields []string
} {
	return []struct {
		name   string
		fields []string
	}{
		{"plain", nil},
		{"gzip", []string{"Accept-Encoding", "gzip"}},
		{"not-modified", []string{"If-None-Match", tag}},
	}
}

const benchPath = "/tags/harbour.atom"

// bare answers as ours does from memory, with nothing else done: what net/http itself costs.
func bare(answer *http.Response, body []byte) http.Handler {
	status, tag := answer.StatusCode, answer.Header.Get("Etag")
	mediaType, coding := answer.Header.Get("Content-Type"), answer.Header.Get("Content-Encoding")
	length := strconv.Itoa(len(body))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Etag", tag)
		if status == http.StatusNotModified {
			w.WriteHeader(status)
			return
		}
		h.Set("Content-Type", mediaType)
		h.Set("Content-Length", length)
		if coding != "" {
			h.Set("Content-Encoding", coding)
		}
		w.Write(body)
	})
}

const (
	connections = 8
	turn        = 20 // requests on each connection before the other server is asked
)

// BenchmarkAgainstBare asks a feed and a bare handler with the same bytes for them in turn, over
// connections that stay open, so that whatever else the machine does slows both. It reports the
// rate of the feed as a part of the bare handler's.
func BenchmarkAgainstBare(b *testing.B) {
	h := site(b, filled(b))
	tag := ask(b, h, "GET", benchPath).Header.Get("Etag")
	for _, poll := range polls(tag) {
		b.Run(poll.name, func(b *testing.B) {
			answer := ask(b, h, "GET", benchPath, poll.fields...)
			content := []byte(body(b, answer.Body))
			servers := [][]*client{
				dial(b, web.Server("", h, nil), poll.fields),
				dial(b, &http.Server{Handler: bare(answer, content)}, poll.fields),
			}
			var spent [2]time.Duration
			for b.Loop() {
				for i, clients := range servers {
					start := time.Now()
					var wg sync.WaitGroup
					for _, c := range clients {
						wg.Go(func() {
							for range turn {
								if n, err := c.ask(); err != nil || n != len(content) {
									b.Errorf("%d bytes and %v, want %d", n, err, len(content))
								}
							}
						})
					}
					wg.Wait()
					spent[i] += time.Since(start)
				}
			}
			asked := float64(b.N) * turn * connections
			b.ReportMetric(float64(spent[1])/float64(spent[0]), "ours/bare")
			b.ReportMetric(asked/spent[0].Seconds(), "ours-req/s")
			b.ReportMetric(asked/spent[1].Seconds(), "bare-req/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkHandler is what the handler itself costs, without a connection.
func BenchmarkHandler(b *testing.B) {
	h := site(b, filled(b))
	tag := ask(b, h, "GET", benchPath).Header.Get("Etag")
	for _, poll := range polls(tag) {
		r := httptest.NewRequest("GET", benchPath, nil)
		for i := 0; i+1 < len(poll.fields); i += 2 {
			r.Header.Add(poll.fields[i], poll.fields[i+1])
		}
		b.Run(poll.name, func(b *testing.B) {
			w := discard{make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				h.ServeHTTP(w, r)
			}
		})
	}
}

// BenchmarkNotModified shows that what a 304 costs does not grow with the feed, neither when its
// document is in memory nor when all that is there is its record.
func BenchmarkNotModified(b *testing.B) {
	for _, articles := range []int{10, 100, 1000} {
		db := archive(b)
		save(b, db, gazette, 0, plainNews(articles)...)
		tag := ask(b, site(b, db), "GET", benchPath).Header.Get("Etag")
		r := httptest.NewRequest("GET", benchPath, nil)
		r.Header.Set("If-None-Match", tag)
		for _, state := range []string{"kept", "asked-anew"} {
			b.Run(fmt.Sprintf("articles=%d/%s", articles, state), func(b *testing.B) {
				moving := &movingReader{Reader: db}
				h := site(b, moving)
				w := discard{make(http.Header)}
				b.ReportAllocs()
				for b.Loop() {
					if state == "asked-anew" {
						moving.edition++
					}
					clear(w.header)
					h.ServeHTTP(w, r)
				}
			})
		}
	}
}

// BenchmarkPage is what it costs to make each kind of page.
func BenchmarkPage(b *testing.B) {
	db := filled(b)
	for _, path := range []string{"/", "/feed", "/tags", "/articles/131", benchPath, "/feeds.opml"} {
		b.Run(path[1:], func(b *testing.B) {
			h := siteWith(b, web.Options{Archive: db, BaseURL: "http://archive.example", CacheBytes: 1})
			r := httptest.NewRequest("GET", path, nil)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(discard{make(http.Header)}, r)
			}
		})
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// client asks one thing again and again over one connection and does as little else as it can.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
}

// dial starts a server and opens connections to it.
func dial(b *testing.B, srv *http.Server, fields []string) []*client {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go srv.Serve(l)
	b.Cleanup(func() { srv.Close() })
	request := "GET " + benchPath + " HTTP/1.1\r\nHost: archive.example\r\n"
	for i := 0; i+1 < len(fields); i += 2 {
		request += fields[i] + ": " + fields[i+1] + "\r\n"
	}
	clients := make([]*client, connections)
	for i := range clients {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() })
		clients[i] = &client{conn, bufio.NewReaderSize(conn, 64<<10), []byte(request + "\r\n")}
	}
	return clients
}

// ask sends the request and returns how long the answer's body is, once all of it is there.
func (c *client) ask() (int, error) {
	if _, err := c.conn.Write(c.request); err != nil {
		return 0, err
	}
	length := 0
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if len(line) == 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			for _, digit := range bytes.TrimSpace(value) {
				length = length*10 + int(digit-'0')
			}
		}
	}
	return c.in.Discard(length)
}
