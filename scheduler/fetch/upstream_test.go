package fetch_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/scheduler/fetch"
)

// piped returns a client whose connections end in this bubble: each is handed to serve, as if a host
// had accepted it, and closed behind it.
func piped(serve func(host string, c net.Conn)) *fetch.Client {
	return &fetch.Client{HTTP: &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				b, got := make([]byte, 4096), ""
				for !strings.Contains(got, "\r\n\r\n") {
					n, err := theirs.Read(b)
					if err != nil {
						return
					}
					got += string(b[:n])
				}
				serve(address, theirs)
			}()
			return ours, nil
		},
	}}}
}

// drip writes a byte a second for as long as it is listened to.
func drip(c net.Conn) {
	for {
		if _, err := io.WriteString(c, "x"); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

func TestOneByteASecond(t *testing.T) {
	for name, test := range map[string]struct {
		begin string
		least time.Duration // until it is given up
		most  time.Duration
	}{
		"body":         {"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", 15 * time.Second, 15 * time.Second},
		"endless body": {"HTTP/1.1 200 OK\r\n\r\n", 15 * time.Second, 15 * time.Second},
		"headers":      {"HTTP/1.1 200 OK\r\nX-Slow: ", 20 * time.Second, fetch.DefaultTimeout},
		"status":       {"HTTP/1.1 ", 20 * time.Second, fetch.DefaultTimeout},
		"failure":      {"HTTP/1.1 404 Not Found\r\nContent-Length: 1000000\r\n\r\n", time.Second, time.Second},
		"redirect":     {"HTTP/1.1 302 Found\r\nLocation: http://fast.example/\r\nContent-Length: 1000000\r\n\r\n", time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := piped(func(host string, c net.Conn) {
					if host == "fast.example:80" {
						io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfast")
						return
					}
					io.WriteString(c, test.begin)
					drip(c)
				})
				start := time.Now()
				var all sync.WaitGroup
				for range 2 { // the second has its turn when the first is given up
					all.Go(func() {
						_, err := c.Get(t.Context(), fetch.Request{URL: "http://slow.example/"})
						if err == nil && name != "redirect" {
							t.Error("a byte a second makes an answer")
						}
					})
				}
				synctest.Wait()
				if res := get(t, c, fetch.Request{URL: "http://fast.example/"}); string(res.Body) != "fast" || time.Since(start) != 0 {
					t.Errorf("another host was held up for %v, and says %q", time.Since(start), res.Body)
				}
				all.Wait()
				if took := time.Since(start); took < 2*test.least || took > 2*test.most {
					t.Errorf("two sources of a slow host took %v, want from %v to %v", took, 2*test.least, 2*test.most)
				}
				time.Sleep(2 * time.Second) // until the host has noticed
			})
		})
	}
}

func TestSlowButSteadyBodyIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := piped(func(_ string, c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n")
			for range 40 {
				time.Sleep(time.Second)
				io.WriteString(c, strings.Repeat("x", 1000))
			}
		})
		if res := get(t, c, fetch.Request{URL: "http://slow.example/"}); len(res.Body) != 40000 {
			t.Errorf("%d bytes", len(res.Body))
		}
	})
}

const small = `<?xml version="1.0"?><rss version="2.0"><channel><title>t</title><item><guid>1</guid><title>One</title></item></channel></rss>`

// TestResetsAtEveryPosition resets the connection behind every byte of an answer, in the three ways
// in which a body can be framed.
func TestResetsAtEveryPosition(t *testing.T) {
	for name, whole := range map[string]string{
		"length": fmt.Sprintf("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: %d\r\n\r\n%s", len(small), small),
		"chunks": fmt.Sprintf("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(small), small),
		"gzip":   fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(pack(t, small)), pack(t, small)),
		"end":    "HTTP/1.0 200 OK\r\nETag: \"v1\"\r\n\r\n" + small,
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var n int
			url := raw(t, func(c net.Conn) {
				mu.Lock()
				defer mu.Unlock()
				io.WriteString(c, whole[:n])
				_ = c.(*net.TCPConn).SetLinger(0)
			})
			c := new(fetch.Client)
			for i := range len(whole) {
				mu.Lock()
				n = i
				mu.Unlock()
				res, err := c.Get(t.Context(), fetch.Request{URL: url, Trusted: true})
				var e *fetch.Error
				switch {
				case err != nil && !errors.As(err, &e):
					t.Errorf("after %d bytes: %v", i, err)
				case err != nil && e.Class != fetch.ClassConnect && e.Class != fetch.ClassBody:
					t.Errorf("after %d bytes: class %q, %v", i, e.Class, e)
				case err == nil && string(res.Body) != small:
					// A reset is always noticed: half a body is none.
					t.Errorf("after %d bytes an answer of %d bytes", i, len(res.Body))
				}
			}
		})
	}
}

// TestFeedsCutAtEveryPosition covers what no client can notice: a body without a length that ends too
// early, in good order.
func TestFeedsCutAtEveryPosition(t *testing.T) {
	for i := range len(small) {
		doc, err := parse.Feed([]byte(small[:i]), parse.Options{})
		if err == nil && len(doc.Articles) > 0 && doc.Articles[0].GUID != "1" {
			t.Errorf("cut after %d bytes: %+v", i, doc.Articles)
		}
		if err == nil && !doc.Cut && i < len(small)-len("</rss>") {
			t.Errorf("cut after %d bytes and taken for whole", i)
		}
	}
}

func TestTenGigabytesAnnounced(t *testing.T) {
	url := raw(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
		endless(c, "<rss>", 10_000_000_000)
	})
	if e := fails(t, new(fetch.Client), url, fetch.ClassTooLarge); e.Wire > 1<<20 {
		t.Errorf("%d bytes were read first", e.Wire)
	}
}

func TestHugeHeaders(t *testing.T) {
	for name, header := range map[string]string{
		"one line":   "X: " + strings.Repeat("x", 2<<20) + "\r\n\r\n",
		"many lines": strings.Repeat("X-Field: value\r\n", 200_000) + "\r\n",
		"etag":       `ETag: "` + strings.Repeat("x", 1<<20) + "\"\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			url := raw(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"+header) })
			if v := visitApart(t, url); v.Class != fetch.ClassTooLarge {
				t.Errorf("class is %q: %s", v.Class, v.Problem)
			}
		})
	}
}

// certificate returns a certificate for a name that is good until end, signed by itself.
func certificate(t *testing.T, name string, end time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: end.Add(-24 * time.Hour), NotAfter: end, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, made, made, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	made, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(made)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// secure starts an https server and has the client trust who signed its certificate.
func secure(t *testing.T, c *fetch.Client, cert tls.Certificate, pool *x509.CertPool, version uint16, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version, MinVersion: tls.VersionTLS10}
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	c.TrustRoots(pool)
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
}

func TestWrongTLS(t *testing.T) {
	later := time.Now().Add(time.Hour)
	good, goodPool := certificate(t, "localhost", later)
	old, oldPool := certificate(t, "localhost", time.Now().Add(-time.Hour))
	other, otherPool := certificate(t, "www.example.org", later)
	for _, test := range []struct {
		name    string
		cert    tls.Certificate
		pool    *x509.CertPool
		version uint16
		class   fetch.Class // none: it is right
	}{
		{"good", good, goodPool, 0, ""},
		{"of nobody known", good, x509.NewCertPool(), 0, fetch.ClassTLS},
		{"expired", old, oldPool, 0, fetch.ClassTLS},
		{"of another host", other, otherPool, 0, fetch.ClassTLS},
		{"of the last century", good, goodPool, tls.VersionTLS11, fetch.ClassTLS},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := new(fetch.Client)
			url := secure(t, c, test.cert, test.pool, test.version, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })
			if test.class != "" {
				fails(t, c, url, test.class)
			} else if res := get(t, c, fetch.Request{URL: url, Trusted: true}); string(res.Body) != "HTTP/2.0" {
				t.Errorf("asked over %s", res.Body)
			}
		})
	}
}

func TestRedirectsAcrossSchemes(t *testing.T) {
	plain := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s%s", r.Header.Get("Authorization"), r.Header.Get("X-Key"))
	})
	open := strings.Replace(plain.URL, "127.0.0.1", "localhost", 1)
	c := new(fetch.Client)
	cert, pool := certificate(t, "localhost", time.Now().Add(time.Hour))
	var url string
	url = secure(t, c, cert, pool, 0, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/down":
			http.Redirect(w, r, open+"/", http.StatusMovedPermanently)
		case "/moved-and-down":
			http.Redirect(w, r, url+"/down", http.StatusMovedPermanently)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusMovedPermanently)
		}
	})
	for path, moved := range map[string]string{"/down": "", "/moved-and-down": url + "/down"} {
		res := get(t, c, fetch.Request{URL: url + path, Trusted: true, Access: access()})
		if len(res.Body) != 0 {
			t.Errorf("%s: said %q in the clear", path, res.Body)
		}
		if res.Moved != moved {
			t.Errorf("%s: moved to %q, want %q", path, res.Moved, moved)
		}
	}
	fails(t, c, url+"/loop", fetch.ClassRedirect)
	for _, to := range []string{"file:///etc/passwd", "ftp://localhost/", "data:text/xml,<rss/>", "javascript:1", "unix:///run/x.sock", "//", "http:///x"} {
		s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Location"] = []string{to}
			w.WriteHeader(http.StatusFound)
		})
		fails(t, c, s.URL, fetch.ClassRedirect)
	}
}

func TestWhatAFetchCosts(t *testing.T) {
	packed := pack(t, strings.Repeat(small, 100))
	s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=7200")
		switch r.URL.Path {
		case "/moved":
			w.Header().Set("Location", "/feed")
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusMovedPermanently)
			io.WriteString(w, "moved")
		case "/busy":
			w.Header().Set("Retry-After", "60")
			http.Error(w, "busy", http.StatusServiceUnavailable)
		case "/feed":
			if r.Header.Get("If-None-Match") != "" {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, packed)
		}
	})
	c := new(fetch.Client)
	if e := fails(t, c, s.URL+"/moved", fetch.ClassStatus); e.Requests != 1 || e.RetryAfter != time.Hour || e.Status != 301 {
		t.Errorf("a redirect that asks to wait: %+v", e)
	}
	res := get(t, c, fetch.Request{URL: s.URL + "/moved", Trusted: true, FollowNow: true})
	if res.Requests != 2 || res.Wire != int64(len(packed)+len("moved")) || res.RetryAfter != time.Hour || res.Fresh != 2*time.Hour {
		t.Errorf("%d requests, %d bytes, wait %v, fresh for %v", res.Requests, res.Wire, res.RetryAfter, res.Fresh)
	}
	if res := get(t, c, fetch.Request{URL: s.URL + "/feed", ETag: `"x"`, Trusted: true}); !res.NotModified || res.Wire != 0 || res.Fresh != 2*time.Hour {
		t.Errorf("304: %+v", res)
	}
	if e := fails(t, c, s.URL+"/busy", fetch.ClassStatus); e.Requests != 1 || e.Wire != int64(len("busy\n")) || e.RetryAfter != time.Minute {
		t.Errorf("503: %+v", e)
	}
}
