package scheduler_test

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
)

const (
	// hostileChild names the variable that makes a test the process whose memory is measured.
	hostileChild = "SCHEDULER_TEST_HOSTILE"
	// everything is the siege by all kinds of hostility at once.
	everything = "all kinds at once"
	// besieging is how many hosts turn hostile where they do so in the same way.
	besieging = 8
	// mostMemory is what a scheduler may take at its peak, whoever it meets: of the whole process.
	mostMemory = 256 << 20
	// inside is the address that must not be reached.
	inside = "127.0.9.9"
)

// TestHostileUpstreams has hosts turn hostile, in the same round as fifty good ones, in a process of their
// own: eight in the same way, for each way, and then one in each of them.
func TestHostileUpstreams(t *testing.T) {
	if kind, child := os.LookupEnv(hostileChild); child {
		besiege(t, kind)
		return
	}
	if raced {
		t.Skip("the race detector takes several times the memory that is measured here")
	}
	short := []string{"gzip bomb", "redirect loop", "DNS answers that change", "wrong TLS"}
	for _, name := range append(slices.Sorted(maps.Keys(attacks())), everything) {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && !slices.Contains(short, name) {
				t.Skip("some of them are enough where time is short")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestHostileUpstreams$", "-test.v")
			cmd.Env = append(os.Environ(), hostileChild+"="+name)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%.3000s", err, out)
			}
			_, peak, ended := strings.Cut(string(out), "peak: ")
			if !ended {
				t.Skipf("nothing was measured: %.1000s", out)
			}
			peak, _, _ = strings.Cut(peak, "\n")
			t.Log(peak)
		})
	}
}

// front is a host that turns hostile.
type front struct {
	*site
	attack
	name   string // of the host
	names  *names
	wrong  atomic.Bool // it shows the certificate of another
	source feed.Source
}

// siege is a scheduler with hosts that turn hostile.
type siege struct {
	*world
	names   *names
	fronts  []*front
	private map[string]*site // that must not be asked, by port
}

// newSiege has all hosts in place, and visited well once. Those that are to be attacked by have public names,
// and addresses that count as public.
func newSiege(t *testing.T, attacks []attack) *siege {
	s := &siege{world: newWorld(t), names: newNames(t), private: make(map[string]*site)}
	s.Fetch = &fetch.Client{Resolver: s.names.resolver(), Allow: []string{"127.0.1.0/24"}}
	t.Cleanup(s.Fetch.CloseIdle)
	for i, a := range attacks {
		f := &front{attack: a, name: fmt.Sprintf("bad%d.example.com", i), names: s.names}
		f.site = f.open(t, "127.0.1."+strconv.Itoa(i+1))
		_, port, _ := net.SplitHostPort(f.Listener.Addr().String())
		s.names.say(f.name, "127.0.1."+strconv.Itoa(i+1))
		s.names.say(strings.Replace(f.name, "bad", "inside", 1), inside)
		if s.private[port] == nil { // hosts may well have the same
			s.private[port] = newSiteAt(t, net.JoinHostPort(inside, port))
		}
		f.set("/feed", text(rss("Before", "before"), ""))
		scheme := "http://"
		if a.secure {
			scheme = "https://"
		}
		f.source = s.follow(scheme + net.JoinHostPort(f.name, port) + "/feed")[0]
		s.fronts = append(s.fronts, f)
	}
	if r := s.round(scheduler.RoundOptions{NoHistory: true}); r.Changed != len(attacks) {
		t.Fatalf("before the attack: %+v", r)
	}
	return s
}

// open starts the host's server.
func (f *front) open(t *testing.T, ip string) *site {
	if !f.secure {
		return newSite(t, ip)
	}
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Skipf("no loopback address %s: %v", ip, err)
	}
	other := otherCertificate(t)
	s := &site{pages: make(map[string]http.HandlerFunc)}
	s.Server = &httptest.Server{Listener: l, Config: &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}}
	s.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if f.wrong.Load() {
			return other, nil
		}
		return nil, nil // that of httptest, which is good for *.example.com
	}}
	s.StartTLS()
	t.Cleanup(s.Close)
	trust(t, s.Certificate())
	return s
}

// trust has this process trust a certificate. It must not have met another before.
func trust(t *testing.T, cert *x509.Certificate) {
	file := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", file)
}

// otherCertificate returns a certificate for another name, signed by itself.
func otherCertificate(t *testing.T) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"www.example.org"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, made, made, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// turn begins the attack.
func (s *siege) turn() {
	s.Fetch.CloseIdle() // or names would not be looked up again
	for _, f := range s.fronts {
		if f.answer != nil {
			f.set("/feed", f.answer)
		}
		if f.attack.turn != nil {
			f.attack.turn(f)
		}
	}
}

// visitAll visits all once, in a round or, where a daemon is to be tested, in the course of its work, and
// returns the addresses in the order in which the visits ended.
func (s *siege) visitAll(daemon bool, sources int) (order []string) {
	if !daemon {
		o := scheduler.RoundOptions{All: true, NoHistory: true, Progress: func(e scheduler.Event) { order = append(order, e.Source.URL) }}
		s.round(o)
		return order
	}
	s.clock.advance(40 * 24 * time.Hour) // so that all are due
	ctx, stop := context.WithCancel(s.Context())
	defer stop()
	s.Scheduler.Progress = func(e scheduler.Event) {
		if order = append(order, e.Source.URL); len(order) == sources {
			stop()
		}
	}
	if err := s.Run(ctx); err != nil {
		s.Fatal(err)
	}
	return order
}

func besiege(t *testing.T, kind string) {
	all := attacks()
	chosen := slices.Repeat([]attack{all[kind]}, cmp.Or(all[kind].hosts, besieging))
	if kind == everything {
		chosen = chosen[:0]
		for _, name := range slices.Sorted(maps.Keys(all)) {
			chosen = append(chosen, all[name])
		}
	}
	s := newSiege(t, chosen)
	s.turn()
	var good []feed.Source
	for i := range 50 {
		up := newSite(t, "127.0.2."+strconv.Itoa(i+1))
		up.set("/feed", text(rss("Good", fmt.Sprintf("good%d", i)), `"1"`))
		good = append(good, s.follow(up.URL+"/feed")...)
	}
	order := s.visitAll(kind == everything || kind == "zstd bomb", len(chosen)+len(good))
	if all[kind].problem == "too slowly" {
		for _, url := range order[:len(good)] {
			if strings.Contains(url, "bad") {
				t.Errorf("a good source had to wait for %s", url)
			}
		}
	}
	var bad []feed.SourceID
	for _, f := range s.fronts {
		s.holds(f)
		bad = append(bad, f.source.ID)
	}
	for range all[kind].again {
		s.round(scheduler.RoundOptions{Sources: bad, NoHistory: true})
		for _, f := range s.fronts {
			s.holds(f)
		}
	}
	peak := memoryPeak(t)
	for _, src := range good {
		if f := s.source(src.ID).Fetch; f.Problem != "" || f.Status != http.StatusOK {
			t.Errorf("%s, which is good, has the problem %q", src.URL, f.Problem)
		}
	}
	for _, f := range s.fronts {
		s.kept(f)
	}
	for _, p := range s.private {
		if n := len(p.requests()); n > 0 {
			t.Errorf("a private host was asked %d times", n)
		}
	}
	t.Logf("peak: %d MiB", peak>>20)
	if peak > mostMemory {
		t.Errorf("the process took %d MiB, more than %d", peak>>20, mostMemory>>20)
	}
}

// holds looks at what is stored of a host's source after a visit.
func (s *siege) holds(f *front) {
	s.Helper()
	switch state := s.source(f.source.ID).Fetch; {
	case f.problem != "" && !regexp.MustCompile(f.problem).MatchString(state.Problem):
		s.Errorf("the problem is %q, want %q in it", state.Problem, f.problem)
	case f.problem == "" && state.Status != http.StatusOK:
		s.Errorf("the document was not taken: %d %q", state.Status, state.Problem)
	case !state.Due.After(state.Checked):
		s.Errorf("due again at %v, checked at %v", state.Due, state.Checked)
	}
}

// kept looks whether the articles from before are still there, and nothing that was not sent.
func (s *siege) kept(f *front) {
	s.Helper()
	q := store.Query{Ref: store.Ref{Kind: store.Source, Name: s.source(f.source.ID).Name}, Limit: 30_000}
	page, err := s.Store.Articles(s.Context(), q)
	if err != nil {
		s.Fatal(err)
	}
	if !slices.ContainsFunc(page.Articles, func(a feed.Article) bool { return a.Title == "Title of before" }) {
		s.Errorf("%s: the article from before is lost", f.name)
	}
	if f.problem != "" && len(page.Articles) != 1 {
		s.Errorf("%s: %d articles, where one was sent", f.name, len(page.Articles))
	}
}

// memoryPeak returns the most memory that this process has had (VmHWM of proc(5)).
func memoryPeak(t *testing.T) int {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("the memory of a process is measured on Linux only")
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}

// newSiteAt starts a site at an address with a port.
func newSiteAt(t *testing.T, address string) *site {
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("no loopback address %s: %v", address, err)
	}
	s := &site{pages: make(map[string]http.HandlerFunc)}
	s.Server = &httptest.Server{Listener: l, Config: &http.Server{Handler: s}}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// names is a DNS server whose answers change.
type names struct {
	conn net.PacketConn
	mu   sync.Mutex
	ips  map[string]netip.Addr
}

func newNames(t *testing.T) *names {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	n := &names{conn: conn, ips: make(map[string]netip.Addr)}
	go n.serve()
	return n
}

// say sets what is answered from now on for a name.
func (n *names) say(name, ip string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ips[name+"."] = netip.MustParseAddr(ip)
}

func (n *names) serve() {
	b := make([]byte, 1500)
	for {
		size, from, err := n.conn.ReadFrom(b)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(b[:size]) != nil || len(m.Questions) != 1 {
			continue
		}
		q := m.Questions[0]
		m.Header.Response, m.Additionals = true, nil
		n.mu.Lock()
		ip, known := n.ips[q.Name.String()]
		n.mu.Unlock()
		if q.Type == dnsmessage.TypeA && known {
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, Body: &dnsmessage.AResource{A: ip.As4()},
			}}
		}
		if out, err := m.Pack(); err == nil {
			_, _ = n.conn.WriteTo(out, from)
		}
	}
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", n.conn.LocalAddr().String())
	}}
}
