package fetch_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/backissue/backissue/scheduler/fetch"
)

func pack(t testing.TB, body string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// encode packs a body that is not to be repeated.
func encode(t *testing.T, encoding, body string) string {
	return string(packed(t, encoding, body, int64(len(body))))
}

func TestUnpacks(t *testing.T) {
	const body = "<rss>déjà vu</rss>"
	packed := pack(t, body)
	brotlied, zstded := encode(t, "br", body), encode(t, "zstd", body)
	for name, answer := range map[string]struct{ encoding, body string }{
		"plain":                   {"", body},
		"gzip":                    {"gzip", packed},
		"old name":                {"x-gzip", packed},
		"packed without saying":   {"", packed},
		"says packed and is not":  {"gzip", body},
		"packed twice":            {"gzip", pack(t, packed)},
		"padding behind":          {"gzip", packed + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
		"brotli":                  {"br", brotlied},
		"brotli in gzip":          {"br, gzip", pack(t, brotlied)},
		"says brotli and is not":  {"br", body},
		"zstd":                    {"zstd", zstded},
		"zstd without saying":     {"", zstded},
		"brotli in zstd":          {"BR , Zstd", encode(t, "zstd", brotlied)},
		"charset for an encoding": {"utf-8", body},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", answer.encoding)
				io.WriteString(w, answer.body)
			})
			if res := get(t, new(fetch.Client), fetch.Request{URL: s.URL, Trusted: true}); string(res.Body) != body {
				t.Errorf("body is %q", res.Body)
			}
		})
	}
}

func TestBadBodies(t *testing.T) {
	bomb := pack(t, strings.Repeat("\x00", 4<<20))
	empty := strings.Repeat(pack(t, ""), 10_000)
	for name, test := range map[string]struct {
		encoding, body string
		class          fetch.Class
	}{
		"too large":         {"", strings.Repeat("x", 1<<20+1), fetch.ClassTooLarge},
		"bomb":              {"gzip", bomb, fetch.ClassTooLarge},
		"bomb unannounced":  {"", bomb, fetch.ClassTooLarge},
		"bomb in a bomb":    {"gzip", pack(t, bomb), fetch.ClassTooLarge},
		"endless emptiness": {"gzip", strings.Repeat(empty, 8), fetch.ClassTooLarge},
		"broken off":        {"gzip", pack(t, strings.Repeat("hello", 100))[:25], fetch.ClassBody},
		"damaged":           {"gzip", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x00not deflate", fetch.ClassBody},
		"not asked for":     {"compress", "\x1f\x9dhello", fetch.ClassBody},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", test.encoding)
				for b := test.body; b != ""; { // chunked
					n := min(len(b), 64<<10)
					io.WriteString(w, b[:n])
					w.(http.Flusher).Flush()
					b = b[n:]
				}
			})
			fails(t, &fetch.Client{MaxBytes: 1 << 20}, s.URL, test.class)
		})
	}
}

func TestBodyOfExactlyTheLimit(t *testing.T) {
	s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("x", 1000))
	})
	if res := get(t, &fetch.Client{MaxBytes: 1000}, fetch.Request{URL: s.URL, Trusted: true}); len(res.Body) != 1000 {
		t.Errorf("%d bytes", len(res.Body))
	}
	fails(t, &fetch.Client{MaxBytes: 999}, s.URL, fetch.ClassTooLarge)
}
