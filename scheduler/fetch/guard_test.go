package fetch_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/backissue/backissue/scheduler/fetch"
)

// names starts a DNS server of its own, which says for every look-up of an IPv4 address what answer
// returns, and returns a resolver that asks it.
func names(t *testing.T, answer func(name string) []string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Header.Response, m.Additionals = true, nil
			if q.Type == dnsmessage.TypeA {
				for _, ip := range answer(strings.TrimSuffix(q.Name.String(), ".")) {
					m.Answers = append(m.Answers, dnsmessage.Resource{
						Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class},
						Body:   &dnsmessage.AResource{A: netip.MustParseAddr(ip).As4()},
					})
				}
			}
			if out, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// private starts a server that must not be reached, and counts who has done so all the same.
func private(t *testing.T) (port string, reached *atomic.Int32) {
	reached = new(atomic.Int32)
	s := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		io.WriteString(w, "internal")
	})
	return s.URL[strings.LastIndexByte(s.URL, ':'):], reached
}

func TestAnswersOfDNSThatChange(t *testing.T) {
	port, reached := private(t)
	var asked atomic.Int32
	resolver := names(t, func(string) []string {
		if asked.Add(1) == 1 {
			return []string{"127.0.0.2"} // which counts as public
		}
		return []string{"127.0.0.1"}
	})
	public, err := net.Listen("tcp", "127.0.0.2"+port)
	if err != nil {
		t.Skipf("no second loopback address to stand for a public one: %v", err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // so that the name is looked up again
		io.WriteString(w, "public")
	})}
	go srv.Serve(public)
	t.Cleanup(func() { srv.Close() })

	c := &fetch.Client{Resolver: resolver}
	c.TreatAsPublic(netip.MustParsePrefix("127.0.0.2/32"))
	url := "http://rebinding.example" + port
	if res := get(t, c, fetch.Request{URL: url, Trusted: true}); string(res.Body) != "public" {
		t.Fatalf("the first answer is %q", res.Body)
	}
	fails(t, c, url, fetch.ClassPrivate)
	if asked.Load() < 2 || reached.Load() != 0 {
		t.Errorf("%d look-ups, and the private host was asked %d times", asked.Load(), reached.Load())
	}
}

func TestNamesThatMayBePrivate(t *testing.T) {
	port, _ := private(t)
	resolver := names(t, func(string) []string { return []string{"127.0.0.1"} })
	for _, test := range []struct {
		host             string
		trusted, reached bool
	}{
		{"127.0.0.1", true, true},
		{"127.0.0.1", false, false},
		{"printer.local", true, true},
		{"printer.local", false, false},
		{"Printer.Local.", true, true},
		{"feeds.internal", true, true},
		{"box.home.arpa", true, true},
		{"localhost", true, true},
		{"localhost", false, false},
		{"www.example.org", true, false}, // whoever answers for it may lead anywhere
		{"www.example.org", false, false},
		{"nas.example.org", true, true}, // on the list
		{"nas.example.org", false, true},
		{"NAS.example.org.", false, true},
		{"not-nas.example.org", true, false},
		{"nas.example.org.example.com", true, false},
	} {
		c := &fetch.Client{Resolver: resolver, Allow: []string{"nas.example.org"}}
		res, err := c.Get(t.Context(), fetch.Request{URL: "http://" + test.host + port, Trusted: test.trusted})
		var e *fetch.Error
		switch {
		case test.reached && err != nil:
			t.Errorf("%s (trusted: %t): %v", test.host, test.trusted, err)
		case !test.reached && (!errors.As(err, &e) || e.Class != fetch.ClassPrivate):
			t.Errorf("%s (trusted: %t): %+v, %v; want a refusal", test.host, test.trusted, res, err)
		}
	}
}

func TestAddressesWithinReach(t *testing.T) {
	c := &fetch.Client{Allow: []string{"10.1.0.0/16", "fd12::1", "169.254.7.7"}}
	for _, test := range []struct {
		ip                string
		stranger, trusted bool
	}{
		{"93.184.215.14", true, true},
		{"2606:2800:21f:cb07:6820:80da:af6b:8b2c", true, true},
		{"127.0.0.1", false, true},
		{"127.255.255.254", false, true},
		{"::1", false, true},
		{"10.0.0.1", false, true},
		{"10.1.2.3", true, true}, // allowed
		{"fd12::1", true, true},  // allowed
		{"fd12::2", false, true},
		{"172.16.0.1", false, true},
		{"192.168.1.1", false, true},
		{"100.64.0.1", false, true}, // CGNAT
		{"100.127.255.255", false, true},
		{"0.0.0.0", false, false},
		{"::", false, false},
		{"255.255.255.255", false, false},
		{"224.0.0.1", false, false},
		{"ff02::1", false, false},
		{"169.254.1.1", false, false},     // link-local
		{"169.254.7.7", true, true},       // allowed
		{"169.254.169.254", false, false}, // metadata
		{"fe80::1", false, false},
		{"100.100.100.200", false, false},
		{"168.63.129.16", false, false},
		{"192.0.0.192", false, false},
		{"fd00:ec2::254", false, false},
		{"::ffff:127.0.0.1", false, true}, // 4 in 6
		{"::ffff:169.254.169.254", false, false},
		{"::ffff:93.184.215.14", true, true},
		{"::7f00:1", false, false},
		{"64:ff9b::7f00:1", false, false}, // NAT64
		{"64:ff9b::5db8:d70e", false, false},
		{"64:ff9b:1::1", false, false},
		{"2002:7f00:1::", false, false}, // 6to4
		{"2001::1", false, false},       // Teredo
		{"2001:db8::1", false, false},
		{"192.0.2.1", false, false},
		{"198.18.0.1", false, false},
		{"240.0.0.1", false, false},
	} {
		ip := netip.MustParseAddr(test.ip)
		if got := c.Reaches(ip, false); got != test.stranger {
			t.Errorf("%s named by a stranger is within reach: %t", test.ip, got)
		}
		if got := c.Reaches(ip, true); got != test.trusted {
			t.Errorf("%s named by the owner is within reach: %t", test.ip, got)
		}
	}
}

// TestWaysOfWritingAnAddress has a stranger send us to this machine in every way of writing it.
func TestWaysOfWritingAnAddress(t *testing.T) {
	port, reached := private(t)
	for _, host := range []string{
		"127.0.0.1", "127.1", "0x7f.0.0.1", "0177.0.0.1", "2130706433", "0x7f000001", "127.0.0.1.", "0.0.0.0", "0",
		"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "localhost",
		"LOCALHOST", "localhost.", "sub.localhost", "[::1%25lo]", "127。0。0。1", "①②⑦.⓪.⓪.①",
	} {
		res, err := new(fetch.Client).Get(t.Context(), fetch.Request{URL: "http://" + host + port})
		if err == nil {
			t.Errorf("%s leads to %q", host, res.Body)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("the private host was asked %d times", n)
	}
}

func TestSeveralAnswersOfDNS(t *testing.T) {
	port, reached := private(t)
	resolver := names(t, func(string) []string { return []string{"10.0.0.1", "127.0.0.1", "192.168.0.1"} })
	fails(t, &fetch.Client{Resolver: resolver}, "http://www.example.org"+port, fetch.ClassPrivate)
	if reached.Load() != 0 {
		t.Error("the private host was asked")
	}
}
