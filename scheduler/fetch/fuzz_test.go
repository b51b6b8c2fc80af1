package fetch_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/backissue/backissue/scheduler/fetch"
)

// FuzzAnswer has a server answer with any header fields and body: the client fails or keeps its word.
func FuzzAnswer(f *testing.F) {
	f.Add(200, "text/xml", "gzip", `"v1"`, "", "60", []byte(pack(f, small)))
	f.Add(200, "", "br", "", "", "", []byte("\x0b\x02\x80hello\x03"))
	f.Add(200, "", "zstd, br", "\x00", "", "", []byte("\x28\xb5\x2f\xfd\x04\x00\x29\x00\x00hello"))
	f.Add(301, "", "", "", "//[::1]:x/%zz", "soon", []byte(nil))
	f.Add(302, "", "", "", "https://u:p@h/..//?a b#c", "Wed, 04 Feb 2026 10:00:00 GMT", []byte("x"))
	f.Add(304, "", "", "W/\"", "", "-1", []byte(nil))
	f.Fuzz(func(t *testing.T, status int, kind, encoding, etag, location, retry string, body []byte) {
		const limit = 1 << 20
		c := &fetch.Client{MaxBytes: limit, HTTP: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			if r.URL.Scheme != "http" && r.URL.Scheme != "https" || r.URL.Host == "" || r.Header.Get("Referer") != "" {
				t.Errorf("asks for %q with %v", r.URL, r.Header)
			}
			if err := r.Write(io.Discard); err != nil {
				t.Errorf("a request for %q that cannot be sent: %v", r.URL, err)
			}
			res := answer(status, "")
			res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			for name, v := range map[string]string{"Content-Type": kind, "Content-Encoding": encoding, "Etag": etag, "Location": location, "Retry-After": retry} {
				res.Header.Set(name, v)
			}
			return res, nil
		})}}
		res, err := c.Get(t.Context(), fetch.Request{URL: "http://one.example/feed", ETag: `"v0"`})
		if err != nil {
			return
		}
		if len(res.Body) > limit || res.NotModified == (res.Hash != "") || strings.ContainsAny(res.ETag, "\x00\r\n") {
			t.Errorf("%d bytes, %+v", len(res.Body), res)
		}
		if u, err := url.Parse(res.URL); err != nil || u.User != nil {
			t.Errorf("comes from %q", res.URL)
		}
	})
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"http://a.example/?a b", "HTTPS://[::1%25lo]:1/%zz", "http://u:p@h#f", "http://ü/é?ü", "//h", "http://h:99999/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := fetch.ParseURL(s)
		if err != nil {
			return
		}
		again, err := fetch.ParseURL(u.String())
		if err != nil || again.String() != u.String() {
			t.Errorf("%q becomes %q and then %v, %v", s, u, again, err)
		}
		if req, err := http.NewRequest(http.MethodGet, u.String(), nil); err != nil || strings.ContainsAny(req.URL.RequestURI(), " \r\n\x00") {
			t.Errorf("%q cannot stand in a request: %v", u, err)
		}
	})
}
