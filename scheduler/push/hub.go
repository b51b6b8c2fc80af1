package push

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
)

// Bounds of what a hub does for strangers.
const (
	MinLease     = 5 * time.Minute
	DefaultLease = 10 * 24 * time.Hour
	MaxLease     = 30 * 24 * time.Hour

	maxForm        = 16 << 10 // bytes of a request
	maxCallback    = 2 << 10  // bytes of an address
	maxAsking      = 256      // verifications under way
	maxAskingHost  = 32       // of them, at one host
	maxHostDefault = 500
	maxAllDefault  = 10_000
)

// Hub tells subscribers what is new in the archive's own feeds. As a handler it takes their requests;
// [Hub.Run] does the rest. Store, Fetch, Site, Address and Topic must be set; nothing may be changed
// once it is in use.
type Hub struct {
	Store store.Store
	// Fetch says everything to subscribers. It decides which addresses they may have.
	Fetch *fetch.Client
	// Site is the handler that shows the archive: what it answers for a topic is what is delivered.
	Site    http.Handler
	Address string // of the hub itself, as the feeds name it
	// Topic returns the feed of which an address is that of a live document, and the document's path.
	Topic func(address string) (ref store.Ref, path string, ok bool)

	Now func() time.Time // the clock; time.Now if nil
	Log *slog.Logger     // silent if nil

	MaxSubscribers int // in all; 10,000 if 0
	MaxPerHost     int // whose callbacks are on one host; 500 if 0

	asking  asking
	once    sync.Once
	wishes  chan *wish    // to be verified by Run
	changed chan struct{} // rung when there may be something to do

	mu     sync.Mutex
	subs   map[key]*subscription
	topics map[store.Ref]map[*subscription]bool
	hosts  map[string]*host
}

type key struct{ topic, callback string }

func (h *Hub) init() {
	h.once.Do(func() {
		h.wishes = make(chan *wish, maxAsking)
		h.changed = make(chan struct{}, 1)
		h.subs = make(map[key]*subscription)
		h.topics = make(map[store.Ref]map[*subscription]bool)
		h.hosts = make(map[string]*host)
	})
}

func (h *Hub) now() time.Time {
	if h.Now != nil {
		return h.Now()
	}
	return time.Now()
}

// refusal is why a request is turned down, with the status that says so.
type refusal struct {
	status int
	reason string
}

func (r *refusal) Error() string { return r.reason }

func refuse(reason string) error { return &refusal{http.StatusBadRequest, reason} }

func busy(reason string) error { return &refusal{http.StatusServiceUnavailable, reason} }

// ServeHTTP takes a subscriber's request (WebSub §5.1): it is answered with 202, and then its callback is
// asked whether it wants that.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.init()
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "This is a WebSub hub. It takes POST.", http.StatusMethodNotAllowed)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form cannot be read.", http.StatusBadRequest)
		return
	}
	wish, err := h.read(r.Context(), r.PostForm)
	if err == nil {
		err = h.begin(wish)
	}
	var no *refusal
	switch {
	case err == nil:
		w.WriteHeader(http.StatusAccepted)
	case errors.As(err, &no):
		if no.status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "60")
		}
		http.Error(w, no.reason, no.status)
	default:
		orSilent(h.Log).Error("hub failed", "error", err)
		http.Error(w, "The archive cannot be read.", http.StatusInternalServerError)
	}
}

// wish is what a subscriber wants.
type wish struct {
	mode string
	sub  store.Subscriber // Until is not known yet
	ref  store.Ref
	path string
	long time.Duration
}

// read reads a request and turns down what makes no sense. Parameters that are not known are passed over.
func (h *Hub) read(ctx context.Context, form url.Values) (*wish, error) {
	w := &wish{mode: form.Get("hub.mode"), sub: store.Subscriber{
		Topic: form.Get("hub.topic"), Callback: form.Get("hub.callback"), Secret: form.Get("hub.secret"),
	}}
	if w.mode != subscribe && w.mode != unsubscribe {
		return nil, refuse("hub.mode is neither subscribe nor unsubscribe.")
	}
	u, err := fetch.ParseURL(w.sub.Callback)
	if err != nil || u.User != nil || len(w.sub.Callback) > maxCallback {
		return nil, refuse("hub.callback is no web address, or a very long one.")
	}
	if len(w.sub.Secret) > maxSecret {
		return nil, refuse("hub.secret is longer than 199 bytes.")
	}
	long, ok := lease(form.Get("hub.lease_seconds"))
	if !ok {
		return nil, refuse("hub.lease_seconds is no number of seconds.")
	}
	if w.long = DefaultLease; long != 0 {
		w.long = min(max(long, MinLease), MaxLease)
	}
	if w.ref, w.path, ok = h.Topic(w.sub.Topic); ok {
		var f store.Feed
		f, err = h.Store.Feed(ctx, w.ref)
		w.sub.Told = f.Edition
	}
	if !ok || errors.Is(err, store.ErrNotFound) {
		return nil, refuse("hub.topic is not the address of a feed document of this archive.")
	}
	return w, err
}

// begin has the wish verified, if there is room for it.
func (h *Hub) begin(w *wish) error {
	host := hostOf(w.sub.Callback)
	if w.mode == subscribe && h.isFull(w, host) {
		return busy("There are too many subscriptions.")
	}
	if !h.asking.begin(host) {
		return busy("There are too many requests.")
	}
	h.wishes <- w // there is room for as many as may be asked for
	return nil
}

// grant does what a subscriber wants, if the callback wants it too.
func (h *Hub) grant(ctx context.Context, w *wish) {
	host := hostOf(w.sub.Callback)
	defer h.asking.end(host)
	if err := h.verify(ctx, w); err != nil && ctx.Err() == nil {
		orSilent(h.Log).Info("request not granted", "mode", w.mode, "topic", w.sub.Topic, "callback", host, "problem", plain(err))
	}
}

// isFull reports whether there is no room for another subscription. A renewal needs none.
func (h *Hub) isFull(w *wish, host string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subs[key{w.sub.Topic, w.sub.Callback}] != nil {
		return false
	}
	return h.hasNoRoom(host)
}

// hasNoRoom reports whether there is no room for another subscription. The caller holds the lock.
func (h *Hub) hasNoRoom(host string) bool {
	if len(h.subs) >= orDefault(h.MaxSubscribers, maxAllDefault) {
		return true
	}
	at := h.hosts[host]
	return at != nil && at.count >= orDefault(h.MaxPerHost, maxHostDefault)
}

func orDefault(n, other int) int {
	if n > 0 {
		return n
	}
	return other
}

// verify asks the callback whether the subscriber wants that (WebSub §5.3), and does it.
func (h *Hub) verify(ctx context.Context, w *wish) error {
	challenge := unguessable()
	q := url.Values{"hub.mode": {w.mode}, "hub.topic": {w.sub.Topic}, "hub.challenge": {challenge}}
	if w.mode == subscribe {
		q.Set("hub.lease_seconds", seconds(w.long))
	}
	answer, err := h.Fetch.Send(ctx, fetch.Message{Method: http.MethodGet, URL: with(w.sub.Callback, q)})
	switch {
	case err != nil:
		return err
	case answer.Status/100 != 2 || string(answer.Body) != challenge:
		return errors.New("the callback does not want it")
	case w.mode == unsubscribe:
		return h.dismiss(ctx, key{w.sub.Topic, w.sub.Callback})
	}
	w.sub.Until = h.now().Add(w.long)
	err = h.enrol(ctx, w)
	if err != nil && ctx.Err() == nil {
		h.deny(ctx, w, err)
	}
	return err
}

// deny tells a callback that what it has asked for, and has been told to be well, will not be (WebSub §5.2).
func (h *Hub) deny(ctx context.Context, w *wish, why error) {
	reason := "The archive cannot be written."
	if no := (*refusal)(nil); errors.As(why, &no) {
		reason = no.reason
	}
	_, err := h.Fetch.Send(ctx, fetch.Message{Method: http.MethodGet, URL: with(w.sub.Callback, url.Values{
		"hub.mode": {denied}, "hub.topic": {w.sub.Topic}, "hub.reason": {reason},
	})})
	if err != nil {
		orSilent(h.Log).Info("subscriber not told that it is refused", "callback", hostOf(w.sub.Callback), "problem", plain(err))
	}
}

// with returns an address with further parameters in its query.
func with(address string, q url.Values) string {
	before, _, _ := strings.Cut(address, "#")
	switch {
	case !strings.Contains(before, "?"):
		before += "?"
	case !strings.HasSuffix(before, "?"):
		before += "&"
	}
	return before + q.Encode()
}

// enrol stores a subscription, or renews it.
func (h *Hub) enrol(ctx context.Context, w *wish) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.subs[key{w.sub.Topic, w.sub.Callback}]; s != nil {
		w.sub.Told = s.Told // what it has not been told yet it still is
	} else if h.hasNoRoom(hostOf(w.sub.Callback)) {
		return busy("There are too many subscriptions.") // others were faster
	}
	if err := h.Store.Enrol(ctx, w.sub); err != nil {
		return err
	}
	h.put(w.sub, w.ref, w.path)
	orSilent(h.Log).Info("subscriber enrolled", "topic", w.sub.Topic, "callback", hostOf(w.sub.Callback), "until", w.sub.Until)
	h.ring() // something may have come while the callback was asked
	return nil
}

func (h *Hub) dismiss(ctx context.Context, k key) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.Store.Dismiss(ctx, k.topic, k.callback); err != nil {
		return err
	}
	if s := h.subs[k]; s != nil {
		h.drop(s)
	}
	return nil
}

// asking counts verifications, so that nobody makes a hub ask the whole world, or one host all day.
type asking struct {
	mu    sync.Mutex
	all   int
	hosts map[string]int
}

func (a *asking) begin(host string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all >= maxAsking || a.hosts[host] >= maxAskingHost {
		return false
	}
	if a.hosts == nil {
		a.hosts = make(map[string]int)
	}
	a.all++
	a.hosts[host]++
	return true
}

func (a *asking) end(host string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all--
	if a.hosts[host]--; a.hosts[host] == 0 {
		delete(a.hosts, host)
	}
}
