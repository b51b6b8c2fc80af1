package scheduler

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
)

// visit fetches a source once and saves what it brought, together with the validators that vouch
// for it. The end of ctx before there is an answer leaves everything as it was. As soon as the host
// has been heard out, free is called. byName says that the owner wants it so, be it early.
func (s *Scheduler) visit(ctx context.Context, src feed.Source, byName bool, free func()) Event {
	began, before := s.now(), src.Fetch.Tally
	if !byName && began.Before(src.Fetch.Allowed) {
		src.Fetch.Tally.Early++ // which must never happen; see round.mayVisit
	}
	e := s.exchange(ctx, src, free)
	e.Spent, e.Duration = since(before, e.Source.Fetch.Tally), s.now().Sub(began)
	s.turn()
	if s.Ended != nil {
		s.Ended(e)
	}
	return e
}

func (s *Scheduler) exchange(ctx context.Context, src feed.Source, free func()) Event {
	res, err := s.Fetch.Get(ctx, fetch.Request{
		URL: src.URL, ETag: src.Fetch.ETag, LastModified: src.Fetch.LastModified, Trusted: trusted(&src), Access: src.Access,
		FollowNow: waited(&src, s.now()),
	})
	if err != nil && ctx.Err() != nil {
		free()
		return Event{Source: src, Outcome: Skipped, Err: errInterrupted}
	}
	defer res.Release()
	at := s.now()
	src.Fetch.Tally = spent(src.Fetch.Tally, res, err, at)
	if err != nil {
		failure := answer{at: at, err: err}
		s.refused(&src, failure)
		free()
		return s.failed(ctx, src, failure)
	}
	s.network.heard()
	free()
	if res.NotModified || res.Hash == src.Fetch.BodyHash {
		next := answered(src, res, at)
		e := s.settle(ctx, &next, res)
		plan(&next, answer{at: at, fresh: res.Fresh, retry: res.RetryAfter, same: res.NotModified})
		return s.keep(ctx, src, store.Batch{Source: next}, e)
	}
	doc, done, err := s.desk.read(ctx, res, src.Identity)
	defer done()
	if err != nil && ctx.Err() != nil {
		return Event{Source: src, Outcome: Skipped, Err: errInterrupted}
	}
	if err != nil {
		return s.failed(ctx, src, answer{at: at, fresh: res.Fresh, retry: res.RetryAfter, err: err})
	}
	return s.took(ctx, src, doc, res)
}

// since returns what was added to a tally.
func since(before, now feed.Tally) feed.Tally {
	return feed.Tally{
		Requests: now.Requests - before.Requests, NotModified: now.NotModified - before.NotModified, Bytes: now.Bytes - before.Bytes,
		Refused: now.Refused - before.Refused, Early: now.Early - before.Early,
	}
}

// spent adds to a tally what a request has cost.
func spent(t feed.Tally, res *fetch.Response, err error, at time.Time) feed.Tally {
	if t.Since.IsZero() {
		t.Since = at
	}
	if res != nil {
		t.Requests += uint64(res.Requests)
		t.Bytes += uint64(res.Wire)
		if res.NotModified {
			t.NotModified++
		}
	}
	var e *fetch.Error
	if errors.As(err, &e) {
		t.Requests += uint64(e.Requests)
		if e.Requests > 0 && unreached(e) {
			t.Requests-- // nobody has heard of the last one
		}
		t.Bytes += uint64(e.Wire)
		if refuses(e.Status) {
			t.Refused++
		}
	}
	return t
}

// refuses reports whether a status says that the server is asked too much.
func refuses(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
}

// refused notes a refusal that may be meant for the whole host. It is called before the host is asked
// for anything else.
func (s *Scheduler) refused(src *feed.Source, a answer) {
	var e *fetch.Error
	if !errors.As(a.err, &e) || !refuses(e.Status) {
		return
	}
	if retry := retryAfter(e); retry > 0 {
		s.hosts.refuse(src.URL, a.at.Add(retry), e.Status, a.at)
	}
}

// plan enters into a source's fetch state when it may be asked again and when it will be.
func plan(s *feed.Source, a answer) { s.Fetch.Allowed, s.Fetch.Due = schedule(s, a) }

// settle takes in where a good answer says that the source has moved to. It returns the beginnings of
// the visit's event.
func (s *Scheduler) settle(ctx context.Context, next *feed.Source, res *fetch.Response) Event {
	e := Event{Outcome: Unchanged, Moved: res.Moved, Named: named(res, nil)}
	move, to := moves(next, res.Moved, next.Fetch.Checked)
	if to == "" {
		next.Fetch.Moved = move
		return e
	}
	if other, err := s.Store.SourceByURL(ctx, to); err == nil && other.ID != next.ID {
		e.Taken = other.ID // it stays where it is, and goes on saying so
		return e
	}
	next.Fetch.Moved, next.URL = move, to
	e.Adopted = true
	return e
}

// took saves a document. Whether it brings anything new is known only then; most documents that
// differ from the last one do, so that is what is saved at first, and taken back if it was wrong:
// a source whose document changes at each visit without any news must not look busy.
func (s *Scheduler) took(ctx context.Context, src feed.Source, doc *parse.Document, res *fetch.Response) Event {
	src, err := s.first(ctx, src, doc)
	if err != nil {
		return s.failed(ctx, src, answer{at: s.now(), err: fmt.Errorf("cannot be kept: %w", err)})
	}
	next := described(answered(src, res, s.now()), &doc.Source)
	now := next.Fetch.Checked
	learned := answer{at: now, fresh: res.Fresh, retry: res.RetryAfter, pace: pace(doc.Articles)}
	next.Fetch.BodyHash = res.Hash
	if doc.Cut {
		// The validators vouch for the whole feed, of which this is only the beginning.
		next.Fetch.ETag, next.Fetch.LastModified, next.Fetch.BodyHash = "", "", ""
	}
	next.Fetch.Changed = now
	e := s.settle(ctx, &next, res)
	e.Named = named(res, &doc.Source)
	plan(&next, learned)
	e = s.keep(ctx, src, store.Batch{Source: next, Articles: doc.Articles, Whole: !doc.Cut, Capture: captured(res, now)}, e)
	if e.Outcome == Failed || e.Added+e.Revised > 0 {
		return e
	}
	next = e.Source
	next.Fetch.Changed = src.Fetch.Changed
	plan(&next, learned)
	again := s.keep(ctx, src, store.Batch{Source: next}, Event{Outcome: Unchanged})
	if again.Outcome == Unchanged {
		e.Source = again.Source
		return e
	}
	return again
}

// keep saves what a visit brought. A batch that cannot be taken in is a failed visit, of which the old
// validators are kept, so that the same articles come again.
func (s *Scheduler) keep(ctx context.Context, old feed.Source, b store.Batch, e Event) Event {
	b.Seen = b.Source.Fetch.Checked
	saved, err := s.save(ctx, b)
	if err != nil {
		return s.failed(ctx, old, answer{at: b.Seen, err: fmt.Errorf("cannot be kept: %w", err)})
	}
	e.Source, e.Added, e.Revised = saved.Source, len(saved.Added), len(saved.Revised)
	e.Held, e.Gone, e.Returned, e.Gap = saved.Held, len(saved.Gone), len(saved.Back), saved.Gap
	if e.Added+e.Revised+e.Gone+e.Returned > 0 {
		e.Outcome = Changed
	}
	return e
}

// failed notes why a visit brought nothing and puts the next one off. Nothing else changes, and a
// source that is not in the archive does not get there by failing.
func (s *Scheduler) failed(ctx context.Context, src feed.Source, a answer) Event {
	next := src
	next.Fetch.Problem = problem(a.err)
	next.Fetch.Status = status(a.err)
	a.ours = s.ours(src, a.err, a.at)
	if !a.ours {
		next.Fetch.Failures++
	}
	if !a.ours || src.Fetch.Checked.IsZero() {
		next.Fetch.Checked = a.at
	}
	plan(&next, a)
	e := Event{Source: next, Outcome: Failed, Err: errors.New(next.Fetch.Problem)}
	if src.ID == 0 {
		return e
	}
	saved, saveErr := s.save(ctx, store.Batch{Source: next, Seen: a.at})
	if saveErr != nil {
		s.claims.hold(src.ID, next.Fetch.Due)
		e.Err = fmt.Errorf("%w; and that cannot be noted: %w", e.Err, saveErr)
		return e
	}
	e.Source = saved.Source
	return e
}

// save saves one batch. It is not interrupted: what has been fetched is worth the moment.
func (s *Scheduler) save(ctx context.Context, b store.Batch) (store.Saved, error) {
	saved, err := s.Store.Save(context.WithoutCancel(ctx), b)
	if len(saved) == 1 && saved[0].Err != nil {
		err = saved[0].Err
	}
	if err != nil {
		return store.Saved{}, err
	}
	return saved[0], nil
}

// answered returns the source after a good answer: the validators are those of this answer. A 304
// need not repeat them (RFC 9111 §4.3.4), a new document has its own or none.
func answered(src feed.Source, res *fetch.Response, now time.Time) feed.Source {
	f := &src.Fetch
	if !res.NotModified || res.ETag != "" {
		f.ETag = res.ETag
	}
	if !res.NotModified || res.LastModified != "" {
		f.LastModified = res.LastModified
	}
	f.Checked, f.Status, f.Problem, f.Failures = now, res.Status, "", 0
	if res.RetryAfter > 0 { // the redirect that named it is the answer that counts; see asked
		if f.Status = http.StatusFound; res.Moved != "" {
			f.Status = http.StatusMovedPermanently
		}
	}
	return src
}

// described returns the source as the document describes it. Its address, number and fetch state
// stay, and its title where the document has none.
func described(src feed.Source, doc *feed.Source) feed.Source {
	if doc.Title != "" {
		src.Title = doc.Title
	}
	src.Home, src.Description, src.Language = doc.Home, doc.Description, doc.Language
	src.Rights, src.Image, src.FeedID = doc.Rights, doc.Image, doc.FeedID
	src.Authors, src.Categories, src.Links, src.Extra = doc.Authors, doc.Categories, doc.Links, doc.Extra
	src.Fetch.TTL, src.Fetch.Skip, src.Fetch.Repairs = doc.Fetch.TTL, doc.Fetch.Skip, doc.Fetch.Repairs
	return src
}

// notFeed is an answer in which there is no feed.
type notFeed struct {
	status int
	err    error
}

func (e *notFeed) Error() string { return "the answer is " + e.err.Error() }
func (e *notFeed) Unwrap() error { return e.err }

func read(res *fetch.Response, identity feed.Policy) (*parse.Document, error) {
	doc, err := parse.Feed(res.Body, parse.Options{URL: res.URL, ContentType: res.ContentType, Identity: identity})
	if errors.Is(err, parse.ErrNotFeed) {
		return nil, &notFeed{res.Status, err}
	}
	return doc, err
}

// problem returns a failure in plain words.
func problem(err error) string {
	var e *fetch.Error
	if errors.As(err, &e) {
		return e.Problem
	}
	return err.Error()
}

// status returns the HTTP status of a failed visit, 0 where there was none.
func status(err error) int {
	var (
		e *fetch.Error
		n *notFeed
	)
	switch {
	case errors.As(err, &e):
		return e.Status
	case errors.As(err, &n):
		return n.status
	}
	return 0
}
