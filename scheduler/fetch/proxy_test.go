package fetch_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler/fetch"
)

// tunnel is an HTTP proxy that knows CONNECT (RFC 9110 §9.3.6) and leads every connection to one address.
type tunnel struct {
	to     string
	status int // that it refuses with; 0 if it does not

	mu    sync.Mutex
	asked []string
}

func (p *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth()
	p.mu.Lock()
	p.asked = append(p.asked, fmt.Sprintf("%s %s as %s:%s%s", r.Method, r.RequestURI, user, password,
		strings.Join([]string{r.Header.Get("Authorization"), r.Header.Get("X-Key"), r.Header.Get("Cookie")}, "")))
	p.mu.Unlock()
	if p.status != 0 {
		w.WriteHeader(p.status)
		return
	}
	if r.Method != http.MethodConnect {
		http.Redirect(w, r, "http://127.0.0.1/", http.StatusFound)
		return
	}
	behind, err := net.Dial("tcp", p.to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer behind.Close()
	conn, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	go io.Copy(behind, buffered)
	_, _ = io.Copy(conn, behind)
}

func (p *tunnel) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := strings.Join(p.asked, ", ")
	p.asked = nil
	return asked
}

// listen starts a server, with TLS if there is a certificate, and returns its address.
func listen(t *testing.T, h http.Handler, cert *tls.Certificate) string {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if cert == nil {
		s.Start()
	} else {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}}
		s.StartTLS()
	}
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// TestSecureHostsBehindProxies asks an https host through each kind of proxy: the proxy learns its name and
// nothing else, and it is the host's certificate that counts.
func TestSecureHostsBehindProxies(t *testing.T) {
	later := time.Now().Add(time.Hour)
	host, roots := certificate(t, "www.example.org", later)
	own, _ := certificate(t, "localhost", later)
	root, err := x509.ParseCertificate(own.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(root)
	to := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/inside" {
			http.Redirect(w, r, "https://192.168.0.1/", http.StatusFound)
			return
		}
		fmt.Fprintf(w, "for %s with %s %s", r.Host, r.Header.Get("X-Key"), r.Header.Get("Proxy-Authorization"))
	}), &host)
	p := &tunnel{to: to}
	socks, asked := socks(t, to)
	_, plain, _ := net.SplitHostPort(listen(t, p, nil))
	_, secure, _ := net.SplitHostPort(listen(t, p, &own))
	connect := "CONNECT www.example.org:443 as me:pw"
	for _, test := range []struct {
		proxy, want string
		log         func() string
	}{
		{"http://me:pw@localhost:" + plain, connect, p.log},
		{"https://me:pw@localhost:" + secure, connect, p.log},
		{socks, "[www.example.org:443]", func() string { return fmt.Sprint(asked()) }},
	} {
		scheme, _, _ := strings.Cut(test.proxy, ":")
		t.Run(scheme, func(t *testing.T) {
			c := new(fetch.Client)
			t.Cleanup(c.CloseIdle)
			c.TrustRootsBehind(test.proxy, roots)
			r := fetch.Request{URL: "https://www.example.org/", Trusted: true, Access: feed.Access{
				Proxy: test.proxy, Headers: []feed.Header{{Name: "X-Key", Value: "s3cret-header"}},
			}}
			if res := get(t, c, r); string(res.Body) != "for www.example.org with s3cret-header " {
				t.Errorf("the answer is %q", res.Body)
			}
			if got := test.log(); got != test.want {
				t.Errorf("the proxy was asked for %q, want %q", got, test.want)
			}
			// What the host sends us to is a stranger's word, wherever the proxy stands.
			r.URL = "https://www.example.org/inside"
			isPrivate(t, c, r)
			r.Trusted = false
			for _, private := range []string{"127.0.0.1", "[::1]", "169.254.169.254", "localhost", "router.local"} {
				r.URL = "https://" + private + "/"
				isPrivate(t, c, r)
			}
			if got := test.log(); strings.Count(got, ":443") > 1 || strings.Contains(got, "192.168") {
				t.Errorf("the proxy was asked for %q", got)
			}
			stranger := new(fetch.Client) // who does not know who has signed
			r.URL = "https://www.example.org/"
			var e *fetch.Error
			if _, err := stranger.Get(t.Context(), r); !errors.As(err, &e) || e.Class != fetch.ClassTLS && scheme != "https" || e.Class != fetch.ClassConnect && scheme == "https" {
				t.Errorf("a certificate of nobody known: %v %+v", err, e)
			}
			test.log()
		})
	}
}

func isPrivate(t *testing.T, c *fetch.Client, r fetch.Request) {
	t.Helper()
	var e *fetch.Error
	if _, err := c.Get(t.Context(), r); !errors.As(err, &e) || e.Class != fetch.ClassPrivate {
		t.Errorf("%s: %v, want a refusal", r.URL, err)
	}
}

func TestProxiesThatRefuse(t *testing.T) {
	for _, status := range []int{http.StatusForbidden, http.StatusProxyAuthRequired, http.StatusBadGateway} {
		p := &tunnel{status: status}
		proxy := "http://me:s3cret-password@" + listen(t, p, nil)
		_, err := new(fetch.Client).Get(t.Context(), fetch.Request{URL: "https://www.example.org/", Access: feed.Access{Proxy: proxy}})
		var e *fetch.Error
		if !errors.As(err, &e) || e.Class != fetch.ClassConnect || e.Status != 0 || !strings.Contains(e.Problem, "proxy") {
			t.Fatalf("%d: %v", status, err)
		}
		tells(t, "the failure", err.Error())
	}
}

// A redirect that comes through a proxy may lead to what is private for nobody, though the owner has named
// the host and the proxy stands at a private address itself.
func TestRedirectsThroughAProxy(t *testing.T) {
	p := new(tunnel)
	c := new(fetch.Client)
	isPrivate(t, c, fetch.Request{URL: "http://www.example.org/", Trusted: true, Access: feed.Access{Proxy: "http://" + listen(t, p, nil)}})
	if got := p.log(); got != "GET http://www.example.org/ as :" {
		t.Errorf("the proxy was asked for %q", got)
	}
}
