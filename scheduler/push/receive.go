package push

import (
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
)

// answerBy is how long after it was asked a hub may ask back.
const answerBy = 24 * time.Hour

// ServeHTTP hears hubs: their question whether a subscription is wanted (WebSub §5.3), and what they
// deliver (§7). The last part of the path says which source it is about.
func (s *Subscriber) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.init()
	src, err := s.find(r.Context(), path.Base(r.URL.Path))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		s.broken(w, err)
		return
	}
	switch {
	case r.Method == http.MethodPost && err == nil && src.Subscribed:
		s.receive(w, r, &src)
	case r.Method == http.MethodPost:
		http.Error(w, "Nothing is wanted here any more.", http.StatusGone) // which ends it
	case r.Method == http.MethodGet && err == nil:
		s.confirm(w, r, &src)
	case r.Method == http.MethodGet:
		http.NotFound(w, r)
	default:
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "Hubs GET and POST.", http.StatusMethodNotAllowed)
	}
}

func (s *Subscriber) broken(w http.ResponseWriter, err error) {
	orSilent(s.Log).Error("delivery not taken", "error", err)
	w.Header().Set("Retry-After", "60")
	http.Error(w, "The archive cannot be written.", http.StatusServiceUnavailable)
}

// find returns the source of a callback, or store.ErrNotFound.
func (s *Subscriber) find(ctx context.Context, callback string) (feed.Source, error) {
	number, _, _ := strings.Cut(callback, "-")
	id, err := strconv.ParseUint(number, 36, 32)
	if err != nil {
		return feed.Source{}, store.ErrNotFound
	}
	src, err := s.Store.Source(ctx, feed.SourceID(id))
	if have := src.Fetch.Push.Callback; err == nil && (have == "" || subtle.ConstantTimeCompare([]byte(have), []byte(callback)) == 0) {
		return feed.Source{}, store.ErrNotFound
	}
	return src, err
}

// confirm answers a hub's question. Only what was asked for is wanted, and to be rid of a subscription
// only where the source is not followed any more.
func (s *Subscriber) confirm(w http.ResponseWriter, r *http.Request, src *feed.Source) {
	q, p := r.URL.Query(), src.Fetch.Push
	mode, now := q.Get("hub.mode"), s.now()
	long, ok := lease(q.Get("hub.lease_seconds"))
	var change func(*feed.Push)
	switch asked := !p.Asked.IsZero() && now.Before(p.Asked.Add(answerBy)); {
	case q.Get("hub.topic") != p.Topic:
	case mode == subscribe && src.Subscribed && asked && ok && q.Get("hub.challenge") != "":
		if long == 0 {
			long = wantLease
		}
		change = func(p *feed.Push) { p.Until, p.Problem = now.Add(min(long, maxLease)), "" }
	case mode == unsubscribe && !src.Subscribed && q.Get("hub.challenge") != "":
		change = func(p *feed.Push) { p.Until = time.Time{} }
	case mode == denied:
		reason := clip(strings.Join(strings.Fields(q.Get("hub.reason")), " "))
		change = func(p *feed.Push) { p.Until, p.Problem = time.Time{}, "the hub refuses: "+reason }
	}
	if change == nil {
		http.NotFound(w, r)
		return
	}
	err := s.Store.SetPush(r.Context(), src.ID, func(is *feed.Push) {
		if is.Callback == p.Callback {
			change(is)
		}
	})
	if err != nil {
		s.broken(w, err)
		return
	}
	s.Heard(scheduler.Event{Source: *src}) // so that it is known when to ask again
	orSilent(s.Log).Info("hub asked back", "source", src.ID, "hub", hostOf(p.Hub), "mode", mode)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff") // it is a stranger's text
	io.WriteString(w, q.Get("hub.challenge"))
}

// receive takes a delivery in, if it is signed with the source's secret.
func (s *Subscriber) receive(w http.ResponseWriter, r *http.Request, src *feed.Source) {
	log := orSilent(s.Log).With("source", src.ID, "hub", hostOf(src.Fetch.Push.Hub))
	most := s.MaxBytes
	if most <= 0 {
		most = fetch.DefaultMaxBytes
	}
	select {
	case s.taking <- struct{}{}:
		defer func() { <-s.taking }()
	default:
		w.Header().Set("Retry-After", "10")
		refuseDelivery(w, http.StatusServiceUnavailable, "There are too many deliveries at once.")
		return
	}
	if r.ContentLength > most {
		refuseDelivery(w, http.StatusRequestEntityTooLarge, "It is too large.")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		refuseDelivery(w, http.StatusRequestEntityTooLarge, "It is too large.")
		return
	case err != nil:
		refuseDelivery(w, http.StatusBadRequest, "It has no end.")
		return
	case !isSigned(r.Header.Get("X-Hub-Signature"), src.Fetch.Push.Secret, body):
		log.Warn("delivery refused", "problem", "it is not signed as it should be")
		refuseDelivery(w, http.StatusForbidden, "It is not signed with the secret, by sha256 or better.")
		return
	}
	e, err := s.Scheduler.Take(r.Context(), src.ID, body, r.Header.Get("Content-Type"))
	switch {
	case errors.Is(err, scheduler.ErrNotSubscribed):
		http.Error(w, "Nothing is wanted here any more.", http.StatusGone)
		return
	case errors.Is(err, parse.ErrNotFeed): // to send it again would not help
		log.Warn("delivery not read", "problem", err)
		w.WriteHeader(http.StatusNoContent)
		return
	case err != nil:
		s.broken(w, err)
		return
	}
	at := later(s.now(), e.Source.Fetch.Changed)
	err = s.Store.SetPush(r.Context(), src.ID, func(p *feed.Push) { p.Pushed = at })
	if err != nil {
		s.broken(w, err)
		return
	}
	log.Info("delivery taken", "added", e.Added, "revised", e.Revised)
	w.WriteHeader(http.StatusNoContent)
}

// refuseDelivery answers a delivery that is not taken, and hangs up: there may be more of it.
func refuseDelivery(w http.ResponseWriter, status int, reason string) {
	w.Header().Set("Connection", "close")
	http.Error(w, reason, status)
}

// plain returns a failure in plain words.
func plain(err error) string {
	var e *fetch.Error
	if errors.As(err, &e) {
		return e.Problem
	}
	return err.Error()
}

// clip bounds what strangers say.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return strings.ToValidUTF8(s, "")
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
