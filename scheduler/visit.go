package scheduler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
)

// visit fetches a source once and saves what it brought, together with the validators that vouch
// for it. The end of ctx before there is an answer leaves everything as it was. As soon as the host
// has been heard out, free is called.
func (s *Scheduler) visit(ctx context.Context, src feed.Source, free func()) Event {
	began := s.now()
	e := s.exchange(ctx, src, free)
	e.Duration = s.now().Sub(began)
	return e
}

func (s *Scheduler) exchange(ctx context.Context, src feed.Source, free func()) Event {
	res, err := s.Fetch.Get(ctx, fetch.Request{
		URL: src.URL, ETag: src.Fetch.ETag, LastModified: src.Fetch.LastModified, Trusted: true,
	})
	free()
	switch {
	case err != nil && ctx.Err() != nil:
		return Event{Source: src, Outcome: Skipped, Err: errInterrupted}
	case err != nil:
		return s.failed(ctx, src, err)
	case res.NotModified, res.Hash == src.Fetch.BodyHash:
		next := answered(src, res, s.now())
		next.Fetch.Due = nextDue(&next, answer{at: next.Fetch.Checked, fresh: res.Fresh})
		return s.keep(ctx, src, store.Batch{Source: next}, res)
	}
	doc, err := read(res, src.Identity)
	if err != nil {
		return s.failed(ctx, src, err)
	}
	return s.took(ctx, src, doc, res)
}

// took saves a document. Whether it brings anything new is known only then; most documents that
// differ from the last one do, so that is what is saved at first, and taken back if it was wrong:
// a source whose document changes at each visit without any news must not look busy.
func (s *Scheduler) took(ctx context.Context, src feed.Source, doc *parse.Document, res *fetch.Response) Event {
	src, err := s.first(ctx, src, doc)
	if err != nil {
		return s.failed(ctx, src, fmt.Errorf("cannot be kept: %w", err))
	}
	next := described(answered(src, res, s.now()), &doc.Source)
	now := next.Fetch.Checked
	next.Fetch.BodyHash = res.Hash
	if doc.Cut {
		// The validators vouch for the whole feed, of which this is only the beginning.
		next.Fetch.ETag, next.Fetch.LastModified, next.Fetch.BodyHash = "", "", ""
	}
	next.Fetch.Changed = now
	next.Fetch.Due = nextDue(&next, answer{at: now, fresh: res.Fresh})
	e := s.keep(ctx, src, store.Batch{Source: next, Articles: doc.Articles, Whole: !doc.Cut}, res)
	if e.Outcome == Failed || e.Added+e.Revised > 0 {
		return e
	}
	next = e.Source
	next.Fetch.Changed = src.Fetch.Changed
	next.Fetch.Due = nextDue(&next, answer{at: now, fresh: res.Fresh})
	again := s.keep(ctx, src, store.Batch{Source: next}, res)
	if again.Outcome == Unchanged {
		e.Source = again.Source
		return e
	}
	return again
}

// keep saves what a visit brought. A batch that cannot be taken in is a failed visit, of which the old
// validators are kept, so that the same articles come again.
func (s *Scheduler) keep(ctx context.Context, old feed.Source, b store.Batch, res *fetch.Response) Event {
	b.Seen = b.Source.Fetch.Checked
	saved, err := s.save(ctx, b)
	if err != nil {
		return s.failed(ctx, old, fmt.Errorf("cannot be kept: %w", err))
	}
	e := Event{
		Source: saved.Source, Outcome: Unchanged, Added: len(saved.Added), Revised: len(saved.Revised),
		Held: saved.Held, Gone: len(saved.Gone), Returned: len(saved.Back), Gap: saved.Gap, Moved: res.Moved,
	}
	if e.Added+e.Revised+e.Gone+e.Returned > 0 {
		e.Outcome = Changed
	}
	return e
}

// failed notes why a visit brought nothing and puts the next one off. Nothing else changes, and a
// source that is not in the archive does not get there by failing.
func (s *Scheduler) failed(ctx context.Context, src feed.Source, err error) Event {
	next := src
	next.Fetch.Checked = s.now()
	next.Fetch.Problem = problem(err)
	next.Fetch.Status = status(err)
	if counts(err) {
		next.Fetch.Failures++
	}
	next.Fetch.Due = nextDue(&next, answer{at: next.Fetch.Checked, err: err})
	e := Event{Source: next, Outcome: Failed, Err: errors.New(next.Fetch.Problem)}
	if src.ID == 0 {
		return e
	}
	saved, saveErr := s.save(ctx, store.Batch{Source: next, Seen: next.Fetch.Checked})
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
	src.Fetch.TTL, src.Fetch.Repairs = doc.Fetch.TTL, doc.Fetch.Repairs
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
