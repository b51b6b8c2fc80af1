package fetch_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/scheduler/fetch"
)

// serve starts a server on a loopback address of its own.
func serve(t testing.TB, ip string, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Skipf("no loopback address %s: %v", ip, err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func get(t testing.TB, c *fetch.Client, r fetch.Request) *fetch.Response {
	t.Helper()
	res, err := c.Get(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// fails asks for what must fail and returns the failure.
func fails(t testing.TB, c *fetch.Client, url string, class fetch.Class) *fetch.Error {
	t.Helper()
	res, err := c.Get(t.Context(), fetch.Request{URL: url, Trusted: true})
	var e *fetch.Error
	if !errors.As(err, &e) {
		t.Fatalf("Get(%q) = %+v, %v; want a fetch.Error of class %q", url, res, err, class)
	}
	if e.Class != class {
		t.Fatalf("Get(%q) fails with class %q (%v), want %q", url, e.Class, e, class)
	}
	if e.Problem == "" {
		t.Errorf("Get(%q) fails without a reason in words", url)
	}
	return e
}

func TestGetIntroducesItself(t *testing.T) {
	var got *http.Request
	s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		got = r
		http.SetCookie(w, &http.Cookie{Name: "track", Value: "me"})
		fmt.Fprint(w, "hello")
	})
	c := &fetch.Client{UserAgent: fetch.UserAgent("1.2")}
	for range 2 {
		res := get(t, c, fetch.Request{URL: s.URL + "/feed?a=b#top", Trusted: true})
		if string(res.Body) != "hello" || res.Status != 200 {
			t.Fatalf("got %d %q", res.Status, res.Body)
		}
		sum := sha256.Sum256(res.Body)
		if res.Hash != hex.EncodeToString(sum[:]) {
			t.Errorf("hash is %s", res.Hash)
		}
	}
	if ua := got.UserAgent(); ua != "backissue/1.2 (+https://github.com/backissue/backissue; 1 subscriber)" {
		t.Errorf("User-Agent is %q", ua)
	}
	if got.RequestURI != "/feed?a=b" {
		t.Errorf("asked for %q", got.RequestURI)
	}
	want := map[string]bool{"User-Agent": true, "Accept": true, "Accept-Encoding": true}
	for name := range got.Header {
		if !want[name] {
			t.Errorf("sent %s: %q", name, got.Header[name])
		}
	}
	if e := got.Header.Get("Accept-Encoding"); e != "gzip, br, zstd" {
		t.Errorf("Accept-Encoding is %q", e)
	}
}

func TestValidatorsComeBackByteForByte(t *testing.T) {
	for _, v := range []struct{ etag, modified string }{
		{`"abc"`, "Tue, 03 Feb 2026 10:00:00 GMT"},
		{`W/"abc"`, ""},
		{`unquoted`, "yesterday, about noon"},
		{`"with  two spaces, and a comma"`, "Tue,  3 Feb 2026 10:00:00 +0100"},
		{`""`, ""},
		{"\"\xc3\xa9\xff\"", ""},
		{``, "1770112800"},
		{`"x--gzip"`, "Thu, 01 Jan 1970 00:00:00 GMT"},
	} {
		t.Run(v.etag+"/"+v.modified, func(t *testing.T) {
			var asked []http.Header
			s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.Header.Clone())
				if v.etag != "" {
					w.Header().Set("ETag", v.etag)
				}
				if v.modified != "" {
					w.Header().Set("Last-Modified", v.modified)
				}
				if len(asked) > 1 {
					w.WriteHeader(http.StatusNotModified)
				}
			})
			c := new(fetch.Client)
			first := get(t, c, fetch.Request{URL: s.URL, Trusted: true})
			if first.ETag != v.etag || first.LastModified != v.modified {
				t.Fatalf("received %q and %q", first.ETag, first.LastModified)
			}
			second := get(t, c, fetch.Request{URL: s.URL, ETag: first.ETag, LastModified: first.LastModified, Trusted: true})
			if !second.NotModified || second.Body != nil || second.Hash != "" || second.ETag != v.etag {
				t.Errorf("second answer is %+v", second)
			}
			if h := asked[0]; h["If-None-Match"] != nil || h["If-Modified-Since"] != nil {
				t.Errorf("the first request was conditional: %v", h)
			}
			if got := asked[1].Get("If-None-Match"); got != v.etag {
				t.Errorf("If-None-Match is %q, want %q", got, v.etag)
			}
			if got := asked[1].Get("If-Modified-Since"); got != v.modified {
				t.Errorf("If-Modified-Since is %q, want %q", got, v.modified)
			}
		})
	}
}

func TestUnusableValidatorsAreForgotten(t *testing.T) {
	for v, want := range map[string]string{
		"\"a\x01b\"":                    "",
		`"` + strings.Repeat("x", 5000): "",
		"\"a\tb\"":                      "\"a\tb\"",
	} {
		if got := fetch.Validator(v); got != want {
			t.Errorf("validator %.20q is remembered as %.20q", v, got)
		}
	}
}

func TestNotModifiedWithoutAskingIsAFailure(t *testing.T) {
	s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304) })
	if e := fails(t, new(fetch.Client), s.URL, fetch.ClassStatus); e.Status != 304 {
		t.Errorf("status is %d", e.Status)
	}
}

// raw starts a server that writes bytes of its own and reads the request's first.
func raw(t *testing.T, write func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = conn.Read(make([]byte, 4096))
				write(conn)
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestHostileServers(t *testing.T) {
	wait := make(chan struct{})
	t.Cleanup(func() { close(wait) })
	for name, test := range map[string]struct {
		write func(net.Conn)
		class fetch.Class
	}{
		"silent":      {func(c net.Conn) { <-wait }, fetch.ClassTimeout},
		"hangs up":    {func(c net.Conn) {}, fetch.ClassConnect},
		"no HTTP":     {func(c net.Conn) { io.WriteString(c, "220 mail.example ESMTP\r\n\r\n") }, fetch.ClassBody},
		"no location": {func(c net.Conn) { io.WriteString(c, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n") }, fetch.ClassRedirect},
		"bad location": {func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://[::1\r\n\r\n")
		}, fetch.ClassRedirect},
		"endless headers": {func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(c, "X-%d: %s\r\n", i, strings.Repeat("x", 1000)); err != nil {
					return
				}
			}
		}, fetch.ClassTooLarge},
		"slow headers": {func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nX-Slow: ")
			for {
				if _, err := io.WriteString(c, "x"); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}, fetch.ClassTimeout},
		"slow body": {func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
			for {
				if _, err := io.WriteString(c, "x"); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}, fetch.ClassTimeout},
		"short body": {func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<rss>")
		}, fetch.ClassBody},
		"large body announced": {func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n<rss>")
		}, fetch.ClassTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := new(fetch.Client)
			if test.class == fetch.ClassTimeout {
				c.Timeout = 500 * time.Millisecond // whatever happens, no answer comes
			}
			fails(t, c, raw(t, test.write), test.class)
		})
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	fails(t, new(fetch.Client), "http://"+addr, fetch.ClassConnect)

	plain := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {})
	fails(t, new(fetch.Client), "https"+strings.TrimPrefix(plain.URL, "http"), fetch.ClassTLS)

	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	fails(t, new(fetch.Client), secure.URL, fetch.ClassTLS)

	for _, url := range []string{"", "example.org", "ftp://example.org/", "http:///x", "file:///etc/passwd", "http://[::1", "https:x", "javascript:alert(1)"} {
		fails(t, new(fetch.Client), url, fetch.ClassAddress)
	}
}

func TestStatuses(t *testing.T) {
	for _, status := range []int{201, 204, 206, 300, 305, 400, 401, 403, 404, 410, 418, 429, 500, 503, 599} {
		s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(status)
		})
		e := fails(t, new(fetch.Client), s.URL, fetch.ClassStatus)
		if e.Status != status || e.RetryAfter != 2*time.Minute || !strings.Contains(e.Problem, fmt.Sprint(status)) {
			t.Errorf("status %d gives %+v", status, e)
		}
	}
}

func TestRedirects(t *testing.T) {
	var asked []string
	mux := http.NewServeMux()
	to := func(path string, status int, where string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", where)
			w.WriteHeader(status)
		})
	}
	to("/one", 301, "/two")
	to("/two", 308, "end")
	to("/temporary", 302, "/one")
	to("/mixed", 301, "/temporary")
	to("/spaces", 302, "/end?q=two words&ü=é")
	to("/a", 307, "/b")
	to("/b", 303, "/a")
	to("/self", 301, "")
	to("/elsewhere", 301, "gopher://example.org/")
	to("/local", 301, "file:///etc/passwd")
	mux.HandleFunc("/longer/{n}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/longer/"+r.PathValue("n")+"x")
		w.WriteHeader(302)
	})
	mux.HandleFunc("/end", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(304)
		}
	})
	s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		if r.Referer() != "" {
			t.Errorf("sent Referer %q", r.Referer())
		}
		mux.ServeHTTP(w, r)
	})
	c := new(fetch.Client)
	for _, test := range []struct{ path, moved string }{
		{"/end", ""}, {"/one", "/end"}, {"/temporary", ""}, {"/mixed", "/temporary"},
	} {
		res := get(t, c, fetch.Request{URL: s.URL + test.path, Trusted: true})
		moved := strings.TrimPrefix(res.Moved, s.URL)
		if res.URL != s.URL+"/end" || moved != test.moved {
			t.Errorf("%s leads to %q, moved to %q", test.path, res.URL, moved)
		}
	}
	if res := get(t, c, fetch.Request{URL: s.URL + "/spaces", Trusted: true}); res.URL != s.URL+"/end?q=two%20words&%C3%BC=%C3%A9" {
		t.Errorf("answer comes from %q", res.URL)
	}
	if res := get(t, c, fetch.Request{URL: s.URL + "/one", ETag: `"v1"`, Trusted: true}); !res.NotModified {
		t.Errorf("validators were lost on the way: %+v", res)
	}
	for path, requests := range map[string]int{"/a": 2, "/self": 1, "/longer/x": 6, "/elsewhere": 1, "/local": 1} {
		asked = nil
		fails(t, c, s.URL+path, fetch.ClassRedirect)
		if len(asked) != requests {
			t.Errorf("%s took %d requests %q, want %d", path, len(asked), asked, requests)
		}
	}
}

func TestPasswordsStayWhereTheyBelong(t *testing.T) {
	var got []string
	record := func(r *http.Request) {
		user, password, _ := r.BasicAuth()
		got = append(got, user+":"+password)
	}
	other := serve(t, "127.0.0.2", func(w http.ResponseWriter, r *http.Request) { record(r) })
	s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		record(r)
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/near":
			w.Header().Set("Location", "http://"+r.Host+"/end")
			w.WriteHeader(302)
		case "/gone":
			w.WriteHeader(410)
		}
	})
	with := strings.Replace(s.URL, "//", "//me:secret@", 1)
	c := new(fetch.Client)
	res := get(t, c, fetch.Request{URL: with + "/near", Trusted: true})
	if res.URL != s.URL+"/end" {
		t.Errorf("answer comes from %q", res.URL)
	}
	get(t, c, fetch.Request{URL: with + "/away", Trusted: true})
	want := "me:secret me:secret me:secret :"
	if g := strings.Join(got, " "); g != want {
		t.Errorf("authorizations are %q, want %q", g, want)
	}
	if e := fails(t, c, with+"/gone", fetch.ClassStatus); strings.Contains(e.Error(), "secret") {
		t.Errorf("error tells the password: %v", e)
	}
}

func TestPrivateAddresses(t *testing.T) {
	end := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "internal") })
	public := serve(t, "127.0.0.2", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, end.URL, http.StatusFound) })
	neighbour := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, end.URL, http.StatusFound) })
	detour := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, public.URL, http.StatusFound) })

	client := func() *fetch.Client {
		c := new(fetch.Client)
		c.TreatAsPublic(netip.MustParsePrefix("127.0.0.2/32"))
		return c
	}
	for _, test := range []struct {
		name    string
		url     string
		trusted bool
		allowed bool
	}{
		{"named by the owner", end.URL, true, true},
		{"not named", end.URL, false, false},
		{"not named, by name", strings.Replace(end.URL, "127.0.0.1", "localhost", 1), false, false},
		{"mapped", strings.Replace(end.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1), false, false},
		{"redirect from a public address", public.URL, true, false},
		{"redirect from a public address, not named", public.URL, false, false},
		{"redirect to a neighbour", neighbour.URL, true, true},
		{"redirect over a public address", detour.URL, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := client()
			// An open connection to the private address must not be an open door.
			get(t, c, fetch.Request{URL: end.URL, Trusted: true})
			res, err := c.Get(t.Context(), fetch.Request{URL: test.url, Trusted: test.trusted})
			var e *fetch.Error
			switch {
			case test.allowed && (err != nil || string(res.Body) != "internal"):
				t.Errorf("got %+v, %v", res, err)
			case !test.allowed && (!errors.As(err, &e) || e.Class != fetch.ClassPrivate):
				t.Errorf("got %+v, %v; want a refusal", res, err)
			}
		})
	}
	if res := get(t, &fetch.Client{AllowPrivate: true}, fetch.Request{URL: public.URL}); string(res.Body) != "internal" {
		t.Errorf("AllowPrivate: %+v", res)
	}
}

func TestContextEndsRequest(t *testing.T) {
	arrived, wait := make(chan struct{}), make(chan struct{})
	s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-wait
	})
	t.Cleanup(func() { close(wait) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := new(fetch.Client).Get(ctx, fetch.Request{URL: s.URL, Trusted: true})
	var e *fetch.Error
	if !errors.Is(err, context.Canceled) || errors.As(err, &e) {
		t.Errorf("got %v, want context.Canceled and no fetch.Error", err)
	}
}

func BenchmarkGet(b *testing.B) {
	body := []byte(strings.Repeat("<item>All the news that fits</item>\n", 3000))
	packed := []byte(pack(b, string(body)))
	for name, answer := range map[string]http.HandlerFunc{
		"plain": func(w http.ResponseWriter, r *http.Request) { w.Write(body) },
		"gzip": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed)
		},
		"304": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304) },
	} {
		b.Run(name, func(b *testing.B) {
			s := serve(b, "127.0.0.1", answer)
			c := new(fetch.Client)
			b.ReportAllocs()
			for b.Loop() {
				get(b, c, fetch.Request{URL: s.URL, ETag: `"x"`, Trusted: true})
			}
		})
	}
}
