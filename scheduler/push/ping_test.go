package push_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/scheduler/push"
	"github.com/backissue/backissue/store"
)

// otherHub is a hub of somebody else's, which notes what it is told.
type otherHub struct {
	mu     sync.Mutex
	status int
	told   [][]string
	forms  []url.Values
}

func (h *otherHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	_ = r.ParseForm()
	h.forms = append(h.forms, r.PostForm)
	if h.status == http.StatusNoContent {
		h.told = append(h.told, r.PostForm["hub.url"])
	}
	w.WriteHeader(h.status)
}

// answers says what the hub answers from now on.
func (h *otherHub) answers(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = status
}

// since returns what the hub was told, and how often it was asked, since it was last called.
func (h *otherHub) since() (told [][]string, asked int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	told, asked = h.told, len(h.forms)
	h.told, h.forms = nil, nil
	return told, asked
}

// pinging starts telling other hubs what is new at an instance.
func pinging(i *instance, hubs ...string) (stop func()) {
	p := &push.Pinger{
		Store: i.db, Hubs: hubs, Fetch: &fetch.Client{HTTP: &http.Client{Transport: i.net}, Timeout: 10 * time.Second},
		Topics: func(ref store.Ref) []string {
			return []string{fmt.Sprintf("%s/%c/%s.atom", i.base(), ref.Kind, ref.Name)}
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() {
		if err := p.Run(ctx); err != nil {
			i.Error(err)
		}
	})
	synctest.Wait()
	return func() { cancel(); work.Wait() }
}

// A burst is told once to every hub, and only what is new.
func TestPingsOncePerBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		one, two := &otherHub{status: http.StatusNoContent}, &otherHub{status: http.StatusNoContent}
		n.set("one.example", one)
		n.set("two.example", two)
		pub := newReader(t, n, "pub.example")
		defer pub.stop()
		pub.publish("old")
		defer pinging(pub, "https://one.example/", "https://two.example/publish")()
		time.Sleep(time.Minute)
		if told, asked := one.since(); asked > 0 {
			t.Errorf("told %q of what is old", told)
		}
		for k := range 5 {
			pub.publish(fmt.Sprint("news ", k))
			time.Sleep(500 * time.Millisecond)
		}
		time.Sleep(3 * time.Second)
		want := []string{"https://pub.example/*/.atom", "https://pub.example/s/here.atom"}
		for name, h := range map[string]*otherHub{"one": one, "two": two} {
			h.mu.Lock()
			for _, form := range h.forms {
				if form.Get("hub.mode") != "publish" || len(form) != 2 {
					t.Errorf("%s was told %q", name, form)
				}
			}
			h.mu.Unlock()
			if told, asked := h.since(); asked != 1 || !slices.Equal(told[0], want) {
				t.Errorf("%s was told %q in %d requests", name, told, asked)
			}
		}
	})
}

// What comes without a pause is told all the same.
func TestPingsWhileItGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		hub := &otherHub{status: http.StatusNoContent}
		n.set("hub.example", hub)
		pub := newReader(t, n, "pub.example")
		defer pub.stop()
		defer pinging(pub, "https://hub.example/")()
		for k := range 60 {
			pub.publish(fmt.Sprint("news ", k))
			time.Sleep(500 * time.Millisecond)
		}
		if _, asked := hub.since(); asked < 2 || asked > 3 {
			t.Errorf("told %d times in 30 seconds", asked)
		}
	})
}

// A hub that cannot be reached is tried again, and holds no other up; one that does not want it is not.
func TestPingsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		ill, well, unwilling := &otherHub{status: http.StatusBadGateway}, &otherHub{status: http.StatusNoContent}, &otherHub{status: http.StatusNotFound}
		n.set("ill.example", ill)
		n.set("well.example", well)
		n.set("unwilling.example", unwilling)
		pub := newReader(t, n, "pub.example")
		defer pub.stop()
		defer pinging(pub, "https://ill.example/", "https://well.example/", "https://unwilling.example/", "https://nobody.example/")()
		pub.publish("news")
		time.Sleep(4 * time.Second)
		if told, _ := well.since(); len(told) != 1 {
			t.Errorf("the hub that is well was told %q", told)
		}
		pub.publish("more")
		time.Sleep(10 * time.Minute)
		if _, asked := ill.since(); asked < 4 || asked > 7 {
			t.Errorf("the hub that is ill was asked %d times in ten minutes", asked)
		}
		if _, asked := unwilling.since(); asked != 2 {
			t.Errorf("the hub that does not want it was asked %d times", asked)
		}
		ill.answers(http.StatusNoContent)
		time.Sleep(time.Hour)
		if told, _ := ill.since(); len(told) != 1 || len(told[0]) != 2 {
			t.Errorf("the hub that was ill was told %q", told)
		}
	})
}

// Whoever is not followed any more is told so, once, and agrees to that.
func TestLeavesTheHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pub, reader, src := pair(t)
		defer func() { pub.stop() }()
		defer func() { reader.stop() }()
		asked := reader.net.heard("POST pub.example/hub")
		left, err := reader.db.Unsubscribe(context.Background(), src.ID)
		if err != nil {
			t.Fatal(err)
		}
		reader.sub.Heard(eventOf(left))
		time.Sleep(time.Minute)
		if n := reader.net.heard("POST pub.example/hub"); n != asked+1 {
			t.Errorf("the hub was told %d times", n-asked)
		}
		if subs, err := pub.db.Subscribers(context.Background()); err != nil || len(subs) != 0 {
			t.Errorf("it has %d subscribers (%v)", len(subs), err)
		}
		if p := reader.source(src.ID).Fetch.Push; !p.Until.IsZero() {
			t.Errorf("still subscribed: %+v", p)
		}
		delivered := reader.net.heard("POST reader.example/push")
		pub.publish("after")
		time.Sleep(time.Minute)
		if n := reader.net.heard("POST reader.example/push"); n != delivered {
			t.Errorf("%d deliveries after that", n-delivered)
		}
	})
}

// A subscription that was well and for which there is no room any more is denied, in words.
func TestDenies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		pub := newInstance(t, n, "pub.example")
		defer pub.stop()
		pub.publish("first")
		pub.hub.MaxSubscribers = 1
		var mu sync.Mutex
		var denied []url.Values
		n.set("reader.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			if q.Get("hub.mode") == "denied" {
				mu.Lock()
				denied = append(denied, q)
				mu.Unlock()
				return
			}
			time.Sleep(time.Second) // both ask before one is enrolled
			fmt.Fprint(w, q.Get("hub.challenge"))
		}))
		for _, callback := range []string{"https://reader.example/a?x=1", "https://reader.example/b?x=2"} {
			form := url.Values{"hub.mode": {"subscribe"}, "hub.topic": {pub.topic()}, "hub.callback": {callback}}
			if code, text := say(pub.hub, "POST", "/hub", form.Encode(), "Content-Type", "application/x-www-form-urlencoded"); code != http.StatusAccepted {
				t.Fatalf("%d %s", code, text)
			}
		}
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if len(denied) != 1 || denied[0].Get("hub.topic") != pub.topic() || denied[0].Get("hub.reason") == "" || denied[0].Get("x") == "" {
			t.Errorf("denied: %q", denied)
		}
		if subs, err := pub.db.Subscribers(context.Background()); err != nil || len(subs) != 1 {
			t.Errorf("%d subscribers (%v)", len(subs), err)
		}
	})
}
