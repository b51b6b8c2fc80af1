package push_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backissue/backissue/scheduler/push"
)

// callback is a subscriber who answers as a test wants.
type callback struct {
	host string
	mu   sync.Mutex

	refuses bool              // verifications
	status  int               // for deliveries; 204 if 0
	header  map[string]string // with it
	hang    bool              // deliveries are never answered
	asked   []url.Values      // verifications
	got     []*http.Request   // deliveries
	bodies  []string
	at      []time.Time
}

func newCallback(n *network, host string) *callback {
	c := &callback{host: host}
	n.set(host, c)
	return c
}

func (c *callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Method == http.MethodGet {
		c.asked = append(c.asked, r.URL.Query())
		if c.refuses {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, r.URL.Query().Get("hub.challenge"))
		return
	}
	body, _ := io.ReadAll(r.Body)
	c.got, c.bodies, c.at = append(c.got, r), append(c.bodies, string(body)), append(c.at, time.Now())
	if c.hang {
		<-r.Context().Done()
		return
	}
	for k, v := range c.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(max(c.status, 204))
}

func (c *callback) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// seen returns what there was so far.
func (c *callback) seen() (asked []url.Values, got []*http.Request, bodies []string, at []time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked), slices.Clone(c.got), slices.Clone(c.bodies), slices.Clone(c.at)
}

// count returns how many verifications and deliveries there were.
func (c *callback) count() (asked, got int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.asked), len(c.got)
}

// ask sends the hub a subscriber's request, and lets it be verified.
func (i *instance) ask(mode, callback string, pairs ...string) int {
	i.Helper()
	form := url.Values{"hub.mode": {mode}, "hub.topic": {i.topic()}, "hub.callback": {callback}}
	for k := 0; k < len(pairs); k += 2 {
		if form.Set(pairs[k], pairs[k+1]); pairs[k+1] == "-" {
			form.Del(pairs[k])
		}
	}
	code, _ := say(i.hub, "POST", "/hub", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	time.Sleep(500 * time.Millisecond)
	return code
}

func TestHubRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		pub := newInstance(t, n, "pub.example")
		defer func() { pub.stop() }()
		for k, c := range []struct {
			name  string
			mode  string
			pairs []string
			code  int
		}{
			{"typical", "subscribe", nil, 202},
			{"unknown parameters", "subscribe", []string{"foo", "bar", "hub.foo", "bar"}, 202},
			{"longest secret", "subscribe", []string{"hub.secret", strings.Repeat("x", 199)}, 202},
			{"unsubscribe", "unsubscribe", nil, 202},
			{"secret too long", "subscribe", []string{"hub.secret", strings.Repeat("x", 200)}, 400},
			{"no mode", "", nil, 400},
			{"unknown mode", "frobnicate", nil, 400},
			{"publish", "publish", nil, 400},
			{"no topic", "subscribe", []string{"hub.topic", "-"}, 400},
			{"another's topic", "subscribe", []string{"hub.topic", "https://other.example/feed.atom"}, 400},
			{"no callback", "subscribe", []string{"hub.callback", "-"}, 400},
			{"no web address", "subscribe", []string{"hub.callback", "mailto:a@b.example"}, 400},
			{"callback with a password", "subscribe", []string{"hub.callback", "https://a:b@sub.example/"}, 400},
			{"very long callback", "subscribe", []string{"hub.callback", "https://sub.example/" + strings.Repeat("x", 3000)}, 400},
			{"lease that is no number", "subscribe", []string{"hub.lease_seconds", "soon"}, 400},
			{"lease of nothing", "subscribe", []string{"hub.lease_seconds", "0"}, 400},
			{"negative lease", "subscribe", []string{"hub.lease_seconds", "-5"}, 400},
			{"form too large", "subscribe", []string{"foo", strings.Repeat("x", 20<<10)}, 400},
		} {
			sub := newCallback(n, fmt.Sprintf("sub%d.example", k))
			code := pub.ask(c.mode, "https://"+sub.host+"/", c.pairs...)
			asked, _ := sub.count()
			if code != c.code || (asked == 1) != (c.code == 202) {
				t.Errorf("%s: answered %d, verified %d times", c.name, code, asked)
			}
		}
		if code, _ := say(pub.hub, "GET", "/hub", ""); code != 405 {
			t.Errorf("GET: %d", code)
		}
		subs, err := pub.db.Subscribers(t.Context())
		if err != nil || len(subs) != 3 {
			t.Errorf("%v, %v", subs, err)
		}
	})
}

func TestVerification(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		pub := newInstance(t, n, "pub.example")
		defer func() { pub.stop() }()
		sub := newCallback(n, "sub.example")
		for _, c := range []struct{ lease, granted string }{
			{"-", seconds(push.DefaultLease)}, {"1", seconds(push.MinLease)}, {"86400", "86400"}, {"4000000000", seconds(push.MaxLease)},
		} {
			pub.ask("subscribe", "https://sub.example/?keep=this", "hub.lease_seconds", c.lease)
			asked, _, _, _ := sub.seen()
			q := asked[len(asked)-1]
			if q.Get("keep") != "this" || q.Get("hub.mode") != "subscribe" || q.Get("hub.topic") != pub.topic() || q.Get("hub.lease_seconds") != c.granted {
				t.Errorf("asked for %s: %v", c.lease, q)
			}
		}
		asked, _, _, _ := sub.seen()
		if a, b := asked[0].Get("hub.challenge"), asked[1].Get("hub.challenge"); a == b || len(a) < 32 {
			t.Errorf("challenges %q and %q", a, b)
		}
		pub.publish("one")
		time.Sleep(time.Second)
		if _, got := sub.count(); got != 1 {
			t.Errorf("subscribed again and again, and told %d times", got)
		}
		sub.set(func() { sub.refuses = true })
		pub.ask("unsubscribe", "https://sub.example/?keep=this")
		pub.publish("two")
		time.Sleep(time.Second)
		if _, got := sub.count(); got != 2 {
			t.Error("unsubscribed by a stranger")
		}
		sub.set(func() { sub.refuses = false })
		pub.ask("unsubscribe", "https://sub.example/?keep=this")
		pub.publish("three")
		time.Sleep(time.Second)
		if _, got := sub.count(); got != 2 {
			t.Error("told after unsubscribing")
		}
		liar := newCallback(n, "liar.example")
		liar.refuses = true
		pub.ask("subscribe", "https://liar.example/")
		n.set("redirects.example", http.RedirectHandler("https://sub.example/", http.StatusFound))
		pub.ask("subscribe", "https://redirects.example/")
		pub.ask("subscribe", "https://nobody.example/")
		if subs, _ := pub.db.Subscribers(t.Context()); len(subs) != 0 {
			t.Errorf("subscribed without a word: %v", subs)
		}
	})
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

func TestDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		pub := newInstance(t, n, "pub.example")
		defer func() { pub.stop() }()
		pub.publish("before")
		signed, plain := newCallback(n, "signed.example"), newCallback(n, "plain.example")
		pub.ask("subscribe", "https://signed.example/", "hub.secret", "s3cret")
		pub.ask("subscribe", "https://plain.example/")
		pub.publish("one")
		time.Sleep(time.Second)
		for _, c := range []*callback{signed, plain} {
			_, got, bodies, _ := c.seen()
			if len(got) != 1 {
				t.Fatalf("%s was told %d times", c.host, len(got))
			}
			_, now := say(http.HandlerFunc(pub.feed), "GET", "/feed.atom", "")
			h := got[0].Header
			if bodies[0] != now || h.Get("Content-Type") != "application/atom+xml; charset=utf-8" ||
				h.Get("Link") != `<https://pub.example/hub>; rel="hub", <https://pub.example/feed.atom>; rel="self"` {
				t.Errorf("%s: %v", c.host, h)
			}
		}
		_, told, bodies, _ := signed.seen()
		if got, want := told[0].Header.Get("X-Hub-Signature"), sign("sha256", sha256.New, "s3cret", bodies[0]); got != want {
			t.Errorf("signed %q, want %q", got, want)
		}
		_, told, _, _ = plain.seen()
		if got := told[0].Header.Get("X-Hub-Signature"); got != "" {
			t.Errorf("signed %q without a secret", got)
		}
		for k := range 50 { // what comes in one go is told in one go, or in few
			pub.publish(fmt.Sprint("burst ", k))
		}
		time.Sleep(5 * time.Second)
		_, told, bodies, _ = plain.seen()
		if got := len(told); got < 2 || got > 5 || !strings.Contains(bodies[got-1], "burst 49") {
			t.Errorf("a burst of 50 was told in %d deliveries", got-1)
		}
		_, before := plain.count()
		pub.stop()
		pub.start()
		time.Sleep(time.Minute)
		if _, got := plain.count(); got != before {
			t.Error("told again after a restart")
		}
	})
}

func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		pub := newInstance(t, n, "pub.example")
		defer func() { pub.stop() }()
		sub := newCallback(n, "sub.example")
		pub.ask("subscribe", "https://sub.example/", "hub.lease_seconds", "86400")
		sub.set(func() { sub.status = 500 })
		began := time.Now()
		pub.publish("one")
		time.Sleep(3 * time.Hour)
		_, _, _, at := sub.seen()
		for k, most := range []time.Duration{time.Second, 3 * time.Second, 8 * time.Second, 24 * time.Second, 90 * time.Second, 6 * time.Minute, 24 * time.Minute} {
			if k >= len(at) || at[k].Sub(began) > most {
				t.Fatalf("try %d of %d came after more than %v", k, len(at), most)
			}
		}
		if _, got := sub.count(); got > 11 {
			t.Errorf("%d tries in three hours", got)
		}
		sub.set(func() { sub.status, sub.header = 503, map[string]string{"Retry-After": "7200"} })
		_, tries := sub.count()
		for before := tries; tries == before; _, tries = sub.count() {
			time.Sleep(time.Second)
		}
		time.Sleep(2*time.Hour - 2*time.Second)
		if _, got := sub.count(); got != tries {
			t.Error("told sooner than it asked for")
		}
		sub.set(func() { sub.status, sub.header = 204, nil })
		time.Sleep(5 * time.Minute)
		if _, got := sub.count(); got != tries+1 {
			t.Errorf("%d deliveries after it was ready", got-tries)
		}
		sub.set(func() { sub.status = 410 })
		pub.publish("two")
		time.Sleep(time.Second)
		sub.set(func() { sub.status = 204 })
		pub.publish("three")
		time.Sleep(time.Hour)
		if _, got := sub.count(); got != tries+2 {
			t.Errorf("%d deliveries after 410", got-tries-2)
		}
		if subs, _ := pub.db.Subscribers(t.Context()); len(subs) != 0 {
			t.Errorf("still there: %v", subs)
		}
	})
}

func TestLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		pub := newInstance(t, n, "pub.example")
		defer func() { pub.stop() }()
		ends, renews := newCallback(n, "ends.example"), newCallback(n, "renews.example")
		pub.ask("subscribe", "https://ends.example/", "hub.lease_seconds", "600")
		pub.ask("subscribe", "https://renews.example/", "hub.lease_seconds", "600")
		time.Sleep(9 * time.Minute)
		pub.ask("subscribe", "https://renews.example/", "hub.lease_seconds", "600")
		time.Sleep(2 * time.Minute)
		pub.publish("one")
		time.Sleep(time.Second)
		_, first := ends.count()
		_, second := renews.count()
		if first != 0 || second != 1 {
			t.Errorf("told %d and %d times", first, second)
		}
		if subs, _ := pub.db.Subscribers(t.Context()); len(subs) != 1 {
			t.Errorf("%v", subs)
		}
	})
}

// A host that does not answer holds up nobody but itself.
func TestSlowHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		pub := newInstance(t, n, "pub.example")
		defer func() { pub.stop() }()
		slow, quick := newCallback(n, "slow.example"), newCallback(n, "quick.example")
		for k := range 20 {
			pub.ask("subscribe", fmt.Sprint("https://slow.example/", k))
		}
		pub.ask("subscribe", "https://quick.example/")
		// The lock is held while it hangs, so nothing of it may be looked at.
		slow.set(func() { slow.hang = true })
		pub.publish("one")
		time.Sleep(time.Second)
		if _, got := quick.count(); got != 1 {
			t.Errorf("the quick one was told %d times", got)
		}
	})
}

func TestHubLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		pub := newInstance(t, n, "pub.example")
		defer func() { pub.stop() }()
		pub.hub.MaxPerHost, pub.hub.MaxSubscribers = 2, 3
		newCallback(n, "one.example")
		newCallback(n, "two.example")
		var codes []int
		for _, at := range []string{"one.example/a", "one.example/b", "one.example/c", "one.example/a", "two.example/a", "two.example/b"} {
			codes = append(codes, pub.ask("subscribe", "https://"+at))
		}
		if want := []int{202, 202, 503, 202, 202, 503}; !slices.Equal(codes, want) {
			t.Errorf("%v, want %v", codes, want)
		}
		// Verifications that nobody answers do not pile up.
		n.set("hangs.example", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		pub.hub.MaxPerHost, pub.hub.MaxSubscribers = 1000, 1000
		busy := 0
		for k := range 50 {
			form := url.Values{"hub.mode": {"subscribe"}, "hub.topic": {pub.topic()}, "hub.callback": {fmt.Sprint("https://hangs.example/", k)}}
			if code, _ := say(pub.hub, "POST", "/hub", form.Encode(), "Content-Type", "application/x-www-form-urlencoded"); code == 503 {
				busy++
			}
		}
		if busy != 50-32 {
			t.Errorf("%d of 50 turned away", busy)
		}
		time.Sleep(10 * time.Minute)
		if code := pub.ask("subscribe", "https://hangs.example/again"); code != 202 {
			t.Errorf("then %d", code)
		}
	})
}

// The hub is stopped while it waits for an answer, and leaves nothing behind.
func TestHubStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		pub := newInstance(t, n, "pub.example")
		sub := newCallback(n, "sub.example")
		pub.ask("subscribe", "https://sub.example/")
		sub.set(func() { sub.hang = true })
		pub.publish("one")
		time.Sleep(time.Second)
		began := time.Now()
		pub.stop()
		if took := time.Since(began); took > time.Second {
			t.Errorf("stopping took %v", took)
		}
		sub.set(func() { sub.hang = false })
		pub.start()
		time.Sleep(time.Second)
		if _, got := sub.count(); got != 2 {
			t.Errorf("told %d times", got)
		}
		pub.stop()
	})
}
