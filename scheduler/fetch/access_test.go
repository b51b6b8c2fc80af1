package fetch_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler/fetch"
)

// secrets are all that an owner can give along.
var secrets = []string{"s3cret-header", "s3cret-password", "s3cret-token", "s3cret-cookie"}

func access() feed.Access {
	return feed.Access{
		Headers: []feed.Header{{Name: "x-key", Value: secrets[0]}, {Name: "Accept", Value: "application/rss+xml"}},
		User:    "me", Password: secrets[1], Cookie: "sid=" + secrets[3],
	}
}

// tells fails where words hold a secret.
func tells(t *testing.T, what, words string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(words, s) {
			t.Errorf("%s tells %q: %s", what, s, words)
		}
	}
}

func TestAccessGoesToItsHostAlone(t *testing.T) {
	var mu sync.Mutex
	var got []string
	record := func(r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		user, password, _ := r.BasicAuth()
		got = append(got, fmt.Sprintf("%s %s:%s %s %s", r.URL.Path, user, password, r.Header.Get("X-Key"), r.Header.Get("Cookie")))
	}
	var home *httptest.Server
	other := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) { // the same host, another port
		record(r)
		if r.URL.Path == "/back" {
			http.Redirect(w, r, home.URL+"/end", http.StatusFound)
		}
	})
	home = serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		record(r)
		switch r.URL.Path {
		case "/near":
			http.Redirect(w, r, "/end", http.StatusFound)
		case "/away":
			http.Redirect(w, r, other.URL+"/end", http.StatusFound)
		case "/there-and-back":
			http.Redirect(w, r, other.URL+"/back", http.StatusFound)
		case "/chosen":
			http.Redirect(w, r, strings.Replace(other.URL, "//", "//admin:admin@", 1)+"/end", http.StatusFound)
		}
	})
	all := " me:s3cret-password s3cret-header sid=s3cret-cookie"
	for path, want := range map[string][]string{
		"/near":           {"/near" + all, "/end" + all},
		"/away":           {"/away" + all, "/end :  "},
		"/there-and-back": {"/there-and-back" + all, "/back :  ", "/end :  "},
		"/chosen":         {"/chosen" + all, "/end :  "},
	} {
		got = nil
		get(t, new(fetch.Client), fetch.Request{URL: home.URL + path, Trusted: true, Access: access()})
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: asked with\n%q, want\n%q", path, got, want)
		}
	}
}

func TestBearer(t *testing.T) {
	s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Authorization")) })
	r := fetch.Request{URL: strings.Replace(s.URL, "//", "//me:pw@", 1), Trusted: true, Access: feed.Access{Bearer: secrets[2]}}
	if res := get(t, new(fetch.Client), r); string(res.Body) != "Bearer "+secrets[2] {
		t.Errorf("Authorization is %q", res.Body)
	}
}

// TestSecretsAreNotTold has a server say back all that it was told.
func TestSecretsAreNotTold(t *testing.T) {
	echo := func(r *http.Request) string {
		return strings.Join([]string{r.Header.Get("X-Key"), r.Header.Get("Cookie"), r.Header.Get("Authorization"), secrets[1]}, " ")
	}
	var log bytes.Buffer
	c := &fetch.Client{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/status":
			http.Error(w, echo(r), http.StatusForbidden)
		case "/location":
			w.Header().Set("Location", "gopher://"+echo(r))
			w.WriteHeader(http.StatusFound)
		case "/encoding":
			w.Header().Set("Content-Encoding", secrets[0])
			io.WriteString(w, "x")
		case "/redirected":
			w.Header().Set("Location", "/status?"+secrets[0])
			w.WriteHeader(http.StatusFound)
		}
	})
	a := access()
	for _, path := range []string{"/status", "/location", "/encoding", "/redirected"} {
		r := fetch.Request{URL: strings.Replace(s.URL, "//", "//s3cret-token:s3cret-password@", 1) + path, Trusted: true, Access: a}
		_, err := c.Get(t.Context(), r)
		if err == nil {
			t.Fatalf("%s does not fail", path)
		}
		tells(t, "the failure of "+path, err.Error())
		tells(t, "the request", fmt.Sprint(r, &r)+fmt.Sprintf("%v %+v %#v %s", r, r, r, r))
	}
	garbage := raw(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 "+secrets[0]+" "+secrets[3]+"\r\n\r\n") })
	_, err := c.Get(t.Context(), fetch.Request{URL: garbage, Trusted: true, Access: a})
	tells(t, "the failure of what is no HTTP", err.Error())
	if log.Len() == 0 {
		t.Error("nothing was logged")
	}
	// What a server writes into an address is its own word, and no secret of the owner's any more.
	tells(t, "the log", strings.ReplaceAll(log.String(), "/status?"+secrets[0], ""))
}

func TestCheckAccess(t *testing.T) {
	header := func(name, value string) feed.Access {
		return feed.Access{Headers: []feed.Header{{Name: name, Value: value}}}
	}
	good := access()
	if err := fetch.CheckAccess(&good); err != nil {
		t.Error(err)
	}
	for _, a := range []feed.Access{
		header("", "s3cret-header"), header("X Key", "s3cret-header"), header("s3cret-header:", "x"), header("Ü", "s3cret-header"),
		header("X-Key", "s3cret-header\r\nHost: elsewhere"), header("X-Key", "s3cret-header\x00"), header("host", "s3cret-header"),
		header("User-Agent", "s3cret-header"), header("If-None-Match", "s3cret-header"), header("transfer-encoding", "s3cret-header"),
		{Bearer: "s3cret-token", User: "me"}, {Bearer: "s3cret-token x"}, {Cookie: "s3cret-cookie\n"}, {Password: "s3cret-password"},
		{User: "a:b", Password: "s3cret-password"}, {Proxy: "ftp://u:s3cret-password@h"}, {Proxy: "s3cret-password"},
		{Proxy: "http://u:s3cret-password@[::1"},
	} {
		err := fetch.CheckAccess(&a)
		if err == nil {
			t.Errorf("%+v can be sent", a)
			continue
		}
		tells(t, "the refusal", err.Error())
		if _, err := new(fetch.Client).Get(t.Context(), fetch.Request{URL: "http://127.0.0.1:1", Trusted: true, Access: a}); err == nil {
			t.Errorf("%+v was sent", a)
		} else {
			tells(t, "the failure", err.Error())
		}
	}
}

func FuzzCheckAccess(f *testing.F) {
	f.Add("X-Key", "value", "me", "pw", "", "a=b")
	f.Add("Host", "a\r\nb", "m:e", "", "to ken", "\x00")
	f.Fuzz(func(t *testing.T, name, value, user, password, bearer, cookie string) {
		a := feed.Access{Headers: []feed.Header{{Name: name, Value: value}}, User: user, Password: password, Bearer: bearer, Cookie: cookie}
		if fetch.CheckAccess(&a) != nil {
			return
		}
		// What is found good can be written into a request, and makes one of just its fields.
		c := &fetch.Client{HTTP: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			var b bytes.Buffer
			if err := r.Write(&b); err != nil {
				t.Fatalf("cannot be sent: %v", err)
			}
			got, err := http.ReadRequest(bufio.NewReader(&b))
			if err != nil {
				t.Fatalf("cannot be read: %v", err)
			}
			if len(got.Header) > len(r.Header) || got.Host != "one.example" {
				t.Errorf("sent %v, arrived as %v", r.Header, got.Header)
			}
			return answer(200, "x"), nil
		})}}
		get(t, c, fetch.Request{URL: "http://one.example/", Access: a})
	})
}

// socks starts a SOCKS5 proxy (RFC 1928) that leads every connection to one address, and returns its
// own address and what it was asked for.
func socks(t *testing.T, to string) (url string, asked func() []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	var log []string
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				b := make([]byte, 512)
				if _, err := io.ReadFull(conn, b[:2]); err != nil {
					return
				}
				_, _ = io.ReadFull(conn, b[:b[1]])
				_, _ = conn.Write([]byte{5, 0})
				_, _ = io.ReadFull(conn, b[:5])
				n := int(b[4])
				_, _ = io.ReadFull(conn, b[:n+2])
				mu.Lock()
				log = append(log, fmt.Sprintf("%s:%d", b[:n], binary.BigEndian.Uint16(b[n:])))
				mu.Unlock()
				_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
				behind, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer behind.Close()
				go io.Copy(behind, conn)
				_, _ = io.Copy(conn, behind)
			}()
		}
	}()
	return "socks5://" + l.Addr().String(), func() []string { mu.Lock(); defer mu.Unlock(); return log }
}

func TestProxies(t *testing.T) {
	behind := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "for "+r.Host) })
	to := strings.TrimPrefix(behind.URL, "http://")
	via, asked := socks(t, to)
	plain := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth()
		io.WriteString(w, "for "+r.Host+" as "+user+":"+password)
	})
	c := new(fetch.Client)
	r := fetch.Request{URL: "http://www.example.org/feed", Access: feed.Access{Proxy: via}}
	if res := get(t, c, r); string(res.Body) != "for www.example.org" || fmt.Sprint(asked()) != "[www.example.org:80]" {
		t.Errorf("socks5: %q, asked %q", res.Body, asked())
	}
	r.Access.Proxy = strings.Replace(plain.URL, "//", "//u:p@", 1)
	if res := get(t, c, r); string(res.Body) != "for www.example.org as u:p" {
		t.Errorf("http: %q", res.Body)
	}
	// It looks names up itself; what can be known to be private without looking up is not asked for.
	for _, host := range []string{"127.0.0.1", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]", "localhost", "nas", "metadata.google.internal"} {
		r.URL = "http://" + host + "/"
		_, err := c.Get(t.Context(), r)
		if err == nil || !strings.Contains(err.Error(), "private network") {
			t.Errorf("%s through a proxy: %v", host, err)
		}
	}
	r.URL, r.Access.Proxy = "http://www.example.org/", "http://u:s3cret-password@127.0.0.1:1"
	_, err := c.Get(t.Context(), r)
	if err == nil || !strings.Contains(err.Error(), "the proxy does not get through") {
		t.Errorf("a proxy that is not there: %v", err)
	}
	tells(t, "the failure", err.Error())
}
