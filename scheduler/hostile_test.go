package scheduler_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
)

// repeat writes the same again and again until n bytes are out or nobody reads any more.
func repeat(w io.Writer, what string, n int) {
	block := strings.Repeat(what, 1+(64<<10)/len(what))
	for n > 0 {
		m, err := io.WriteString(w, block[:min(n, len(block))])
		if err != nil {
			return
		}
		n -= m
	}
}

// bomb returns 256 MiB of nothing, packed.
func bomb(encoding string) []byte {
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if encoding == "zstd" {
		w, _ = zstd.NewWriter(&b)
	}
	repeat(w, "\x00", 256<<20)
	w.Close()
	return b.Bytes()
}

const channel = `<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>`

// attack is what a publisher may do to its readers.
type attack struct {
	problem string           // a pattern of what is said of it; empty where a document is taken all the same
	answer  http.HandlerFunc // from the attack on; as before if nil
	secure  bool             // the host speaks https
	turn    func(*front)     // what the attack changes beside the answer, if anything
	again   int              // how many visits come after the first
	hosts   int              // how many do so at once; besieging if 0
}

// silent is what is said of hosts that fall silent, of several of them perhaps that it is our own network.
const silent = "|own network"

func attacks() map[string]attack {
	packed := map[string][]byte{"gzip": bomb("gzip"), "zstd": bomb("zstd")}
	bombs := func(encoding string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", encoding)
			w.Write(packed[encoding])
		}
	}
	document := func(write func(w io.Writer)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { write(w) }
	}
	return map[string]attack{
		"endless body": {problem: "larger than", answer: document(func(w io.Writer) { repeat(w, "<rss>", 1<<40) })},
		"one byte a second": {problem: "too slowly", answer: func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				time.Sleep(time.Second)
			}
		}},
		"gzip bomb": {problem: "larger than", answer: bombs("gzip")},
		"zstd bomb": {problem: "larger than", answer: bombs("zstd")},
		"10 GB announced": {problem: "larger than", answer: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10000000000")
			repeat(w, "<rss>", 10_000_000_000)
		}},
		"redirect loop": {problem: "circle", answer: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }},
		"redirect to another scheme": {problem: "no web address", answer: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		}},
		"huge headers": {problem: "header fields", answer: func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X", strings.Repeat("x", 2<<20)) }},
		"attribute of 1 MB": {answer: document(func(w io.Writer) {
			io.WriteString(w, channel+`<item><guid>h</guid><enclosure url="http://example.org/`)
			repeat(w, "x", 1_000_000)
			io.WriteString(w, `"/></item></channel></rss>`)
		})},
		"a million nested elements": {answer: document(func(w io.Writer) {
			io.WriteString(w, channel+"<item><guid>h</guid><description>")
			repeat(w, "<a>", 3_000_000)
		})},
		"entity bomb": {answer: document(func(w io.Writer) {
			io.WriteString(w, `<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a0 "ha">`)
			for i := range 30 {
				fmt.Fprintf(w, `<!ENTITY a%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&a%d;", i), 10))
			}
			io.WriteString(w, `]><rss version="2.0"><channel><title>&a30;</title><item><guid>h</guid></item></channel></rss>`)
		})},
		"a million items": {answer: document(func(w io.Writer) {
			io.WriteString(w, channel)
			repeat(w, "<item/>", 7_000_000)
		})},
		"twenty thousand items each": {answer: document(func(w io.Writer) {
			io.WriteString(w, channel)
			for i := range 20_000 {
				fmt.Fprintf(w, "<item><guid>%d</guid><title>n</title></item>", i)
			}
		})},
		"half a megabyte from everybody": {problem: "not a feed", hosts: 120, answer: document(func(w io.Writer) { repeat(w, "<html>", 512<<10) })},
		"just what is taken":             {problem: "not a feed", answer: document(func(w io.Writer) { repeat(w, "<html>", 32<<20) })},
		"NULs":                           {problem: "not a feed", answer: document(func(w io.Writer) { repeat(w, "\x00", 31<<20) })},
		"redirect to a private address": {problem: "private network", answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, strings.Replace("http://"+r.Host, "bad", "inside", 1), http.StatusMovedPermanently)
		}},
		"redirect to a cloud's keys": {problem: "private network", answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		}},
		"DNS answers that change":  {problem: "private network", turn: func(f *front) { f.names.say(f.name, inside) }},
		"wrong TLS":                {problem: "no secure connection" + silent, secure: true, turn: func(f *front) { f.wrong.Store(true) }},
		"resets at every position": resets(),
	}
}

// resets answers with a small feed, and hangs up after one byte more each time.
func resets() attack {
	body := rss("Reset", "reset")
	whole := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	var n atomic.Int64
	return attack{
		problem: "broke off|hung up|cannot be read" + silent,
		again:   len(whole) / besieging,
		answer: func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			io.WriteString(conn, whole[:int(n.Add(1)-1)%len(whole)])
			_ = conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		},
	}
}
