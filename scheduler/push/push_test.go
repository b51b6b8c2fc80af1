package push_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backissue/backissue/feed"
)

// pair is an archive that follows another and is told by its hub.
func pair(t *testing.T) (pub, reader *instance, src feed.Source) {
	n := newNetwork()
	pub, reader = newInstance(t, n, "pub.example"), newReader(t, n, "reader.example")
	pub.publish("first")
	src = reader.follow(pub)
	time.Sleep(2 * time.Second)
	if p := reader.source(src.ID).Fetch.Push; p.Hub != "https://pub.example/hub" || p.Topic != pub.topic() || !p.Until.After(time.Now()) || p.Problem != "" {
		t.Fatalf("not subscribed: %+v", p)
	}
	return pub, reader, src
}

func TestPushedWithinTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pub, reader, _ := pair(t)
		defer func() { pub.stop() }()
		defer func() { reader.stop() }()
		for k := range 5 {
			title := fmt.Sprint("news ", k)
			began := time.Now()
			pub.publish(title)
			for reader.has(title) == 0 && time.Since(began) < time.Minute {
				time.Sleep(10 * time.Millisecond)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("%q took %v", title, took)
			}
			time.Sleep(time.Duration(k) * 7 * time.Minute)
		}
	})
}

// While pushes come, a day has one poll; the subscription is renewed before it ends.
func TestDailyPollWhilePushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pub, reader, src := pair(t)
		defer func() { pub.stop() }()
		defer func() { reader.stop() }()
		for k := range 24 * 9 {
			pub.publish(fmt.Sprint("hourly ", k))
			time.Sleep(time.Hour)
			if reader.has(fmt.Sprint("hourly ", k)) != 1 {
				t.Fatalf("article %d has not come", k)
			}
		}
		polls := reader.net.heard("GET pub.example/feed.atom")
		if polls < 7 || polls > 11 {
			t.Errorf("%d polls in 9 days", polls)
		}
		if asked := reader.net.heard("POST pub.example/hub"); asked != 2 {
			t.Errorf("the hub was asked %d times in 9 days, for leases of 10", asked)
		}
		if p := reader.source(src.ID).Fetch.Push; !p.Until.After(time.Now()) {
			t.Errorf("the subscription has ended: %+v", p)
		}
	})
}

// A hub that is dead for a day: polls find what it does not tell, it tells what it has missed when it is
// back, and then pushes go on as before.
func TestHubDeadForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pub, reader, src := pair(t)
		defer func() { pub.stop() }()
		defer func() { reader.stop() }()
		pub.publish("before")
		time.Sleep(time.Minute)
		pub.stopHub()
		pub.serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
		// What is new in the first day after a push is found by the day's poll, and then by others.
		for k := range 48 {
			pub.publish(fmt.Sprint("meanwhile ", k))
			time.Sleep(time.Hour)
		}
		if reader.has("meanwhile 30") != 1 {
			t.Error("polls have not found what was not pushed")
		}
		if p := reader.source(src.ID).Fetch.Push; p.Problem != "the hub answers 502" {
			t.Errorf("%+v", p)
		}
		pub.startHub()
		time.Sleep(2 * time.Second)
		for k := range 48 {
			if n := reader.has(fmt.Sprint("meanwhile ", k)); n != 1 {
				t.Errorf("meanwhile %d is there in %d revisions", k, n)
			}
		}
		pub.publish("after")
		time.Sleep(2 * time.Second)
		if reader.has("after") != 1 {
			t.Error("pushes have not resumed")
		}
		time.Sleep(25 * time.Hour) // a poll that was due soon has been
		polls := reader.net.heard("GET pub.example/feed.atom")
		for k := range 48 {
			pub.publish(fmt.Sprint("later ", k))
			time.Sleep(time.Hour)
		}
		if polls = reader.net.heard("GET pub.example/feed.atom") - polls; polls > 2 {
			t.Errorf("%d polls in two days", polls)
		}
	})
}

// A reader that nobody reaches for a day is told within an hour of its return.
func TestReaderUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pub, reader, src := pair(t)
		defer func() { pub.stop() }()
		defer func() { reader.stop() }()
		reader.net.set("reader.example", nil)
		for k := range 24 {
			pub.publish(fmt.Sprint("meanwhile ", k))
			time.Sleep(time.Hour)
		}
		tried := reader.net.heard("POST reader.example/push/")
		if tried < 20 || tried > 40 {
			t.Errorf("tried %d times in a day", tried)
		}
		reader.serve(http.NotFoundHandler())
		time.Sleep(time.Hour + time.Second)
		if got := reader.net.heard("POST reader.example/push/"); got != tried+1 || reader.source(src.ID).Fetch.Push.Pushed.IsZero() {
			t.Errorf("told %d times", got-tried)
		}
	})
}

// A hub that has forgotten its subscribers is asked again, and meanwhile polls find what is new.
func TestPushesStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pub, reader, _ := pair(t)
		defer func() { pub.stop() }()
		defer func() { reader.stop() }()
		pub.publish("pushed")
		time.Sleep(time.Minute)
		subs, err := pub.db.Subscribers(t.Context())
		if err != nil || len(subs) != 1 {
			t.Fatal(err, subs)
		}
		code, _ := say(pub.hub, "POST", "/hub", url.Values{
			"hub.mode": {"unsubscribe"}, "hub.topic": {subs[0].Topic}, "hub.callback": {subs[0].Callback},
		}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		time.Sleep(time.Second)
		if left, _ := pub.db.Subscribers(t.Context()); code != http.StatusAccepted || len(left) != 1 {
			t.Fatalf("a stranger has unsubscribed the reader: %d, %v", code, left)
		}
		// Behind its back, then.
		pub.stop()
		pub.start()
		if err := pub.db.Dismiss(t.Context(), subs[0].Topic, subs[0].Callback); err != nil {
			t.Fatal(err)
		}
		pub.stop()
		pub.start()
		for k := range 3 * 24 {
			pub.publish(fmt.Sprint("quiet ", k))
			time.Sleep(time.Hour)
		}
		if reader.has("quiet 20") != 1 {
			t.Error("polls have not found what was not pushed")
		}
		pub.publish("again")
		time.Sleep(2 * time.Second)
		if reader.has("again") != 1 {
			t.Error("the subscription was not asked for anew")
		}
	})
}

// A reader that is away for a day, and begins again, has missed nothing.
func TestReaderAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pub, reader, _ := pair(t)
		defer func() { pub.stop() }()
		reader.stop()
		pub.publish("one")
		time.Sleep(24 * time.Hour)
		pub.publish("two")
		time.Sleep(time.Minute)
		pub.stop() // the hub too: what is not delivered is kept
		pub.start()
		reader.start()
		defer func() { reader.stop() }()
		time.Sleep(time.Hour + time.Minute)
		pub.publish("three")
		time.Sleep(2 * time.Second)
		for _, title := range []string{"one", "two", "three"} {
			if reader.has(title) != 1 {
				t.Errorf("%q is missing", title)
			}
		}
	})
}

func sign(method string, h func() hash.Hash, secret, body string) string {
	m := hmac.New(h, []byte(secret))
	m.Write([]byte(body))
	return method + "=" + hex.EncodeToString(m.Sum(nil))
}

func atom(id, title, text string) string {
	return `<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title><id>urn:f</id><updated>2026-01-01T00:00:00Z</updated>` +
		`<entry><id>urn:example:` + id + `</id><title>` + title + `</title><updated>2026-01-01T00:00:00Z</updated><content>` + text + `</content></entry></feed>`
}

func TestDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pub, reader, src := pair(t)
		defer func() { pub.stop() }()
		defer func() { reader.stop() }()
		p := reader.source(src.ID).Fetch.Push
		at := "/push/" + p.Callback
		good := func(title string) (string, string) {
			body := atom(title, title, "text")
			return body, sign("sha256", sha256.New, p.Secret, body)
		}
		for _, c := range []struct {
			name   string
			change func(body, sig string) (string, string, string)
			status int
			taken  bool
		}{
			{"sha256", func(b, s string) (string, string, string) { return at, b, s }, 204, true},
			{"sha384", func(b, _ string) (string, string, string) {
				return at, b, sign("sha384", sha512.New384, p.Secret, b)
			}, 204, true},
			{"sha512 in capitals", func(b, _ string) (string, string, string) {
				return at, b, strings.ToUpper(sign("sha512", sha512.New, p.Secret, b))
			}, 204, true},
			{"sha1", func(b, _ string) (string, string, string) { return at, b, sign("sha1", sha1.New, p.Secret, b) }, 403, false},
			{"unsigned", func(b, _ string) (string, string, string) { return at, b, "" }, 403, false},
			{"empty signature", func(b, _ string) (string, string, string) { return at, b, "sha256=" }, 403, false},
			{"other secret", func(b, _ string) (string, string, string) {
				return at, b, sign("sha256", sha256.New, "guess", b)
			}, 403, false},
			{"no secret", func(b, _ string) (string, string, string) { return at, b, sign("sha256", sha256.New, "", b) }, 403, false},
			{"other body", func(b, s string) (string, string, string) { return at, b + " ", s }, 403, false},
			{"other callback", func(b, s string) (string, string, string) { return at + "x", b, s }, 410, false},
			{"callback cut", func(b, s string) (string, string, string) { return at[:len(at)-1], b, s }, 410, false},
			{"number alone", func(b, s string) (string, string, string) { return "/push/1", b, s }, 410, false},
			{"source that is not there", func(b, s string) (string, string, string) { return "/push/zz-" + p.Callback[2:], b, s }, 410, false},
			{"oversized", func(b, _ string) (string, string, string) {
				b += strings.Repeat(" ", 1<<20)
				return at, b, sign("sha256", sha256.New, p.Secret, b)
			}, 413, false},
		} {
			body, sig := good(c.name)
			target, body, sig := c.change(body, sig)
			status, said := say(reader.sub, "POST", target, body, "X-Hub-Signature", sig, "Content-Type", "application/atom+xml")
			if taken := reader.has(c.name) > 0; status != c.status || taken != c.taken {
				t.Errorf("%s: answered %d %s, taken in: %v", c.name, status, said, taken)
			}
		}
		deliver := func(body string, want int) {
			t.Helper()
			if status, said := say(reader.sub, "POST", at, body, "X-Hub-Signature", sign("sha256", sha256.New, p.Secret, body)); status != want {
				t.Errorf("%.40q is answered with %d %s", body, status, said)
			}
		}
		deliver("no feed", 204)
		old, _ := good("replayed")
		deliver(old, 204)
		deliver(strings.Replace(old, "<title>replayed", "<title>edited", 1), 204)
		before, _ := reader.db.Stats(t.Context())
		for range 3 {
			deliver(old, 204)
		}
		if after, _ := reader.db.Stats(t.Context()); after != before || reader.has("edited") != 2 {
			t.Errorf("replayed: %+v became %+v", before, after)
		}
		if _, err := reader.db.Unsubscribe(t.Context(), src.ID); err != nil {
			t.Fatal(err)
		}
		late, _ := good("late")
		if deliver(late, 410); reader.has("late") != 0 {
			t.Error("taken in for a source that is not followed any more")
		}
	})
}

// A hub is answered yes to what was asked for, and to nothing else.
func TestConfirmations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pub, reader, src := pair(t)
		defer func() { pub.stop() }()
		defer func() { reader.stop() }()
		p := reader.source(src.ID).Fetch.Push
		ask := func(callback string, pairs ...string) (int, string) {
			q := url.Values{"hub.challenge": {"<b>"}}
			for k := 0; k < len(pairs); k += 2 {
				q.Set(pairs[k], pairs[k+1])
			}
			return say(reader.sub, "GET", "/push/"+callback+"?"+q.Encode(), "")
		}
		for _, c := range []struct {
			name  string
			code  int
			at    string
			pairs []string
		}{
			{"as asked", 200, p.Callback, []string{"hub.mode", "subscribe", "hub.topic", p.Topic, "hub.lease_seconds", "3600"}},
			{"another topic", 404, p.Callback, []string{"hub.mode", "subscribe", "hub.topic", p.Topic + "x", "hub.lease_seconds", "3600"}},
			{"no topic", 404, p.Callback, []string{"hub.mode", "subscribe", "hub.lease_seconds", "3600"}},
			{"unsubscribe", 404, p.Callback, []string{"hub.mode", "unsubscribe", "hub.topic", p.Topic}},
			{"unknown mode", 404, p.Callback, []string{"hub.mode", "publish", "hub.topic", p.Topic}},
			{"bad lease", 404, p.Callback, []string{"hub.mode", "subscribe", "hub.topic", p.Topic, "hub.lease_seconds", "-1"}},
			{"no challenge", 404, p.Callback, []string{"hub.mode", "subscribe", "hub.topic", p.Topic, "hub.challenge", ""}},
			{"another callback", 404, p.Callback + "x", []string{"hub.mode", "subscribe", "hub.topic", p.Topic}},
		} {
			if code, said := ask(c.at, c.pairs...); code != c.code || (code == 200) != (said == "<b>") {
				t.Errorf("%s: %d %q", c.name, code, said)
			}
		}
		if until := reader.source(src.ID).Fetch.Push.Until; !until.Equal(time.Now().Add(time.Hour).Truncate(time.Microsecond)) {
			t.Errorf("it ends at %v", until)
		}
		if code, _ := ask(p.Callback, "hub.mode", "denied", "hub.topic", p.Topic, "hub.reason", "no\nmore"); code != 200 {
			t.Errorf("denied: %d", code)
		}
		if p := reader.source(src.ID).Fetch.Push; !p.Until.IsZero() || p.Problem != "the hub refuses: no more" {
			t.Errorf("denied: %+v", p)
		}
		if code, _ := say(reader.sub, "PUT", "/push/"+p.Callback, ""); code != 405 {
			t.Errorf("PUT: %d", code)
		}
	})
}
