package fetch_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/scheduler/fetch"
)

// most is how much memory a visit may take at its peak, whatever the server sends: of the whole
// process, as the kernel counts it.
const most = 256 << 20

// visitor names the variable that makes this program visit an address and tell what became of it.
const visitor = "FETCH_TEST_VISIT"

func TestMain(m *testing.M) {
	if url := os.Getenv(visitor); url != "" {
		_ = json.NewEncoder(os.Stdout).Encode(visit(url))
		return
	}
	os.Exit(m.Run())
}

// visited is what became of a visit.
type visited struct {
	Class    fetch.Class
	Problem  string
	Articles int
	Bytes    int // of the body, unpacked
	Peak     int64
}

// visit asks for a feed and reads it, as the scheduler does.
func visit(url string) (v visited) {
	defer func() { v.Peak = peak() }()
	res, err := new(fetch.Client).Get(context.Background(), fetch.Request{URL: url, Trusted: true})
	var e *fetch.Error
	if errors.As(err, &e) {
		v.Class, v.Problem = e.Class, e.Problem
		return v
	}
	v.Bytes = len(res.Body)
	doc, err := parse.Feed(res.Body, parse.Options{URL: res.URL, ContentType: res.ContentType})
	if err != nil {
		v.Problem = err.Error()
		return v
	}
	v.Articles = len(doc.Articles)
	return v
}

// peak returns the most memory that this process has had (VmHWM of proc(5)), in bytes.
func peak() int64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if kib, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.Fields(kib)[0], 10, 64)
			return n << 10
		}
	}
	return 0
}

// visitApart makes a visit in a process of its own, and holds it to its memory.
func visitApart(t *testing.T, url string) visited {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the memory of a process is measured on Linux only")
	}
	if raced {
		t.Skip("the race detector takes many times the memory that is measured")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), visitor+"="+url)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	var v visited
	if err == nil {
		err = json.Unmarshal(out, &v)
	}
	if err != nil {
		t.Fatalf("visit: %v; %.500s", err, said.String())
	}
	t.Logf("%d MiB at the peak, %d bytes of body, %d articles, %s %s", v.Peak>>20, v.Bytes, v.Articles, v.Class, v.Problem)
	if v.Peak == 0 || v.Peak > most {
		t.Errorf("the visit took %d MiB, more than %d", v.Peak>>20, int64(most)>>20)
	}
	return v
}

// endless writes the same over and over until nobody reads any more, or n bytes are out.
func endless(w io.Writer, what string, n int64) {
	block := []byte(strings.Repeat(what, 1+(64<<10)/len(what)))
	for n > 0 {
		m, err := w.Write(block[:min(n, int64(len(block)))])
		if err != nil {
			return
		}
		n -= int64(m)
	}
}

const unending = 1 << 40

// packed returns the bytes of n times what, packed.
func packed(t *testing.T, encoding, what string, n int64) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "br":
		w = brotli.NewWriterLevel(&b, 5)
	case "zstd":
		z, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	endless(w, what, n)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const rssHead = `<?xml version="1.0"?><rss version="2.0"><channel><title>t</title><link>http://example.org/</link>`

func TestHostileDocumentsAreReadWithinTheirMemory(t *testing.T) {
	full := int64(fetch.DefaultMaxBytes)
	item := func(s string) string { return "<item>" + s + "</item>" }
	for _, test := range []struct {
		name  string
		class fetch.Class // of the failure; none where the body is read
		write func(w io.Writer)
	}{
		{"a million items", "", func(w io.Writer) {
			io.WriteString(w, rssHead)
			for i := range 1_000_000 {
				fmt.Fprintf(w, "<item><guid>%d</guid>", i)
			}
			io.WriteString(w, "</channel></rss>")
		}},
		{"a million empty items", "", func(w io.Writer) {
			io.WriteString(w, rssHead)
			endless(w, "<item/>", 7_000_000)
			io.WriteString(w, "</channel></rss>")
		}},
		{"items up to the limit", "", func(w io.Writer) {
			io.WriteString(w, rssHead)
			endless(w, item("<guid>x</guid>"), full-int64(len(rssHead))-100)
		}},
		{"a million nested elements", "", func(w io.Writer) {
			io.WriteString(w, rssHead+"<item><description>")
			endless(w, "<a>", 3_000_000)
		}},
		{"a million nested elements with names", "", func(w io.Writer) {
			io.WriteString(w, rssHead+"<item>")
			endless(w, "<x:y>", 5_000_000)
			endless(w, "</x:y>", 6_000_000)
			io.WriteString(w, "</item></channel></rss>")
		}},
		{"elements nested up to the limit", "", func(w io.Writer) {
			io.WriteString(w, rssHead)
			endless(w, "<a>", full-int64(len(rssHead))-100)
		}},
		{"an attribute of 1 MB", "", func(w io.Writer) {
			io.WriteString(w, rssHead+`<item><title>t</title><enclosure url="http://example.org/`)
			endless(w, "x", 1_000_000)
			io.WriteString(w, `"/></item></channel></rss>`)
		}},
		{"an attribute up to the limit", "", func(w io.Writer) {
			io.WriteString(w, rssHead+`<item a="`)
			endless(w, "x", full-int64(len(rssHead))-100)
		}},
		{"a million attributes", "", func(w io.Writer) {
			io.WriteString(w, rssHead+`<item`)
			for i := range 1_000_000 {
				fmt.Fprintf(w, ` a%d=""`, i)
			}
			io.WriteString(w, `/></channel></rss>`)
		}},
		{"a billion laughs", "", func(w io.Writer) {
			io.WriteString(w, `<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a0 "ha">`)
			for i := range 30 {
				fmt.Fprintf(w, `<!ENTITY a%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&a%d;", i), 10))
			}
			io.WriteString(w, `]><rss version="2.0"><channel><title>&a30;</title><item><title>&a9;</title></item></channel></rss>`)
		}},
		{"quadratic entities", "", func(w io.Writer) {
			io.WriteString(w, `<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "`)
			endless(w, "ha", 100_000)
			io.WriteString(w, `">]><rss version="2.0"><channel><title>t</title><item><title>`)
			endless(w, "&a;", 3_000_000)
			io.WriteString(w, `</title></item></channel></rss>`)
		}},
		{"outside entities", "", func(w io.Writer) {
			io.WriteString(w, `<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss version="2.0"><channel><title>&a;</title><item><title>&a;</title></item></channel></rss>`)
		}},
		{"NULs", "", func(w io.Writer) { endless(w, "\x00", full) }},
		{"NULs in a feed", "", func(w io.Writer) {
			io.WriteString(w, rssHead+"<item><title>t\x00")
			endless(w, "\x00", 10_000_000)
			io.WriteString(w, "t</title></item></channel></rss>")
		}},
		{"JSON nested up to the limit", "", func(w io.Writer) {
			io.WriteString(w, `{"version":"https://jsonfeed.org/version/1.1","items":[{"x":`)
			endless(w, "[", full-100)
		}},
		{"JSON of a million items", "", func(w io.Writer) {
			io.WriteString(w, `{"version":"https://jsonfeed.org/version/1.1","title":"t","items":[{}`)
			endless(w, `,{"id":"1"}`, 11_000_000)
			io.WriteString(w, "]}")
		}},
		{"HTML up to the limit", "", func(w io.Writer) { endless(w, "<!DOCTYPE html><p><b>", full) }},
		{"an endless body", fetch.ClassTooLarge, func(w io.Writer) { endless(w, "<rss>", unending) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) { test.write(w) })
			if v := visitApart(t, s.URL); v.Class != test.class {
				t.Errorf("ends with class %q (%s), want %q", v.Class, v.Problem, test.class)
			}
		})
	}
}

func TestBombsAreCut(t *testing.T) {
	const much = 256 << 20
	for encoding, bomb := range map[string][]byte{
		"gzip": []byte(pack(t, pack(t, strings.Repeat("\x00", 64<<20)))),
		"br":   packed(t, "br", "\x00", much),
		"zstd": packed(t, "zstd", "\x00", much),
	} {
		for _, announced := range []string{encoding, ""} {
			if encoding == "br" && announced == "" {
				continue // without its name it is noise
			}
			t.Run(cmp.Or(announced, encoding+" unannounced"), func(t *testing.T) {
				s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
					w.Header()["Content-Encoding"] = []string{announced}
					w.Write(bomb)
				})
				if v := visitApart(t, s.URL); v.Class != fetch.ClassTooLarge {
					t.Errorf("%d bytes end with class %q (%s)", len(bomb), v.Class, v.Problem)
				}
			})
		}
	}
}
