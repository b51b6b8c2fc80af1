package scheduler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
)

// walker goes through the history of one source, a step at a time. Each step begins with what the
// archive says of the walk and ends with what it is to say from then on, so that a process may be
// killed between any two, or within one, and no document that was kept is fetched again.
type walker struct {
	*Scheduler
	id        feed.SourceID
	documents int // how many may yet be fetched; negative for no bound
	taken     int // how many may yet be taken in; negative for no bound
	progress  func(Walk)
	done      Walk
}

// errRest ends a stretch of a walk: its bound is reached, or there is nothing to do.
var errRest = errors.New("enough for now")

// stuckError is why a walk goes no further for now. It is data, not a failure of the archive.
type stuckError struct{ error }

func (e stuckError) Unwrap() error { return e.error }

// walk goes on until the walk has ended, is stuck or has reached its bounds. Of several who walk
// through one source's history, one does; a walk by hand comes after, one in the background need not.
func (w *walker) walk(ctx context.Context) (Walk, error) {
	for {
		c, mine := w.walks.turns.take(w.id)
		if mine {
			defer w.walks.turns.settle(w.id, c, Event{})
			break
		}
		if w.documents >= 0 {
			return w.done, nil
		}
		select {
		case <-c.done:
		case <-ctx.Done():
			return w.done, ctx.Err()
		}
	}
	long, cancel := linger(ctx, w.grace())
	defer cancel()
	var err error
	for err == nil {
		if err = ctx.Err(); err == nil {
			err = w.step(long)
		}
	}
	if src, readErr := w.Store.Source(context.WithoutCancel(ctx), w.id); readErr == nil {
		w.done.Source = src
	}
	var stuck stuckError
	switch {
	case errors.As(err, &stuck):
		w.walks.rest(w.id)
		w.done.Err = stuck.error
		return w.done, nil
	case errors.Is(err, errRest):
		return w.done, nil
	}
	return w.done, err
}

// step does the next thing. It returns errRest when there is none.
func (w *walker) step(ctx context.Context) error {
	src, err := w.Store.Source(ctx, w.id)
	if err != nil {
		return err
	}
	switch h := &src.Fetch.History; {
	case !src.Subscribed || !h.Wanted:
		w.walks.forget(w.id)
		return errRest
	case h.Begun.IsZero():
		return w.alone(ctx, w.id, func(src feed.Source) error { return w.begin(ctx, src) })
	case h.Next != "":
		return w.fetchNext(ctx, &src)
	case h.Shelved > 0:
		return w.alone(ctx, w.id, func(src feed.Source) error { return w.takeIn(ctx, src) })
	}
	return w.alone(ctx, w.id, func(src feed.Source) error {
		return w.keep(ctx, w.ended(&src, false), nil)
	})
}

// keep stores how far the walk has come, with a document for the shelf. It is not interrupted: what
// has been fetched is worth the moment.
func (w *walker) keep(ctx context.Context, h feed.History, d *store.Shelved) error {
	return w.Store.Shelve(context.WithoutCancel(ctx), w.id, h, d)
}

// begin begins a walk with what the document that is polled says of older ones.
func (w *walker) begin(ctx context.Context, src feed.Source) error {
	h := src.Fetch.History
	found, some := wayOf(&src)
	if !some {
		h.Wanted, h.Problem = false, ""
		return w.keep(ctx, h, nil)
	}
	if found.next == h.Top && h.Allowed.After(w.now()) {
		return stuckError{notYet(h.Allowed)} // it would be the same document once more
	}
	w.walks.restart(w.id)
	h.Next, h.Top, h.Begun, h.Problem = found.next, found.next, w.now(), ""
	if found.next == h.Last {
		h.Next = "" // nothing has come to the archive since
	} else {
		h.Fetched = 0
	}
	return w.keep(ctx, h, nil)
}

// ended returns the history of a walk that has come to its end. archived says that its newest document
// was an archive document, which the next walk need not read again; a page has other articles by
// then. What has been missed meanwhile is another walk.
func (w *walker) ended(src *feed.Source, archived bool) feed.History {
	h := src.Fetch.History
	if h.Problem == "" && h.Top != h.Last {
		if h.Last = ""; archived {
			h.Last = h.Top
		}
	}
	h.Wanted = src.Fetch.Gap.Noticed.After(h.Begun)
	h.Next, h.Done, h.Begun = "", w.now(), time.Time{}
	w.done.Ended = true
	return h
}

// takeIn takes the document on top of the shelf into the archive: the oldest that is there.
func (w *walker) takeIn(ctx context.Context, src feed.Source) error {
	if w.taken == 0 {
		return errRest
	}
	w.taken--
	ctx = context.WithoutCancel(ctx) // like keep
	d, some, err := w.Store.Shelf(ctx, w.id)
	if err != nil {
		return err
	}
	if !some {
		return fmt.Errorf("the shelf of source %d: %w", w.id, store.ErrDamaged)
	}
	b := store.Batch{Source: src, Seen: w.now(), Backfill: true, Unshelve: true}
	b.Capture = &store.Capture{URL: d.URL, At: b.Seen, ContentType: d.ContentType, Body: d.Body}
	if doc, err := read(&fetch.Response{URL: d.URL, ContentType: d.ContentType, Body: d.Body}, src.Identity); err == nil {
		b.Articles = doc.Articles
		b.Past = newPage(&src, doc, d.URL, d.URL).archive
	}
	if src.Fetch.History.Shelved == 1 {
		b.Source.Fetch.History = w.ended(&src, b.Past)
	}
	saved, err := w.save(ctx, b)
	if err != nil {
		return stuckError{fmt.Errorf("cannot be kept: %w", err)}
	}
	w.done.Taken++
	w.done.Added += len(saved.Added)
	w.done.Revised += len(saved.Revised)
	w.tell(saved.Source)
	return nil
}

func (w *walker) tell(src feed.Source) {
	w.done.Source = src
	if w.progress != nil {
		w.progress(w.done)
	}
}

// fetchNext fetches the next older document and puts it on the shelf.
func (w *walker) fetchNext(ctx context.Context, src *feed.Source) error {
	h, t := src.Fetch.History, w.walks.track(w.id)
	if w.documents == 0 {
		return errRest
	}
	if until := refusedUntil(src); until.After(w.now()) {
		return stuckError{leftAlone(src.Fetch.Status, until)}
	}
	if isStuck(&h) && h.Allowed.After(w.now()) {
		return stuckError{notYet(h.Allowed)}
	}
	w.recall(ctx, hostOf(h.Next))
	if host, closed := w.hosts.closed(hostOf(h.Next), w.now()); closed {
		return stuckError{leftAlone(host.status, host.until)}
	}
	from, err := w.before(ctx, src, t)
	if err != nil {
		return err
	}
	if h.Fetched >= w.maxDocuments() || t.bytes >= w.maxWalk() {
		return w.end(ctx, h, fmt.Sprintf("the walk was ended after %d documents", h.Fetched))
	}
	if !mayFollow(src, from.url, h.Next) {
		return w.end(ctx, h, fmt.Sprintf("%s sends on to %s, which is not its host nor the feed's", from.url, h.Next))
	}
	w.documents--
	t.seen[h.Next] = true
	ask := request(src, h.Next)
	ask.FollowNow = isStuck(&h) && !h.Allowed.IsZero() // the wait that was asked for is over, see above
	res, err := w.Fetch.Get(ctx, ask)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	h = costs(h, res, err, w.now())
	if err != nil {
		return w.refused(ctx, h, from, err)
	}
	defer res.Release()
	t.bytes += int64(len(res.Body))
	doc, done, err := w.desk.read(ctx, res, src.Identity)
	defer done()
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil && from.way.guessed:
		return w.end(ctx, h, "")
	case err != nil:
		return w.end(ctx, h, fmt.Sprintf("%s: %v", h.Next, err))
	}
	asked := h.Next
	if !from.way.guessed {
		asked = res.URL
	}
	p := newPage(src, doc, res.URL, asked)
	if h.Next == h.Top && res.Fresh > 0 {
		h.Allowed = w.now().Add(res.Fresh)
	}
	if res.Hash == src.Fetch.BodyHash || p.repeats(from) {
		return w.end(ctx, h, "")
	}
	t.seen[res.URL] = true
	h.Fetched++
	h.Next, h.Problem = w.after(src, p, t, reaches(src, doc.Articles)), ""
	if err := w.keep(ctx, h, &store.Shelved{URL: asked, ContentType: res.ContentType, Body: res.Body}); err != nil {
		return err
	}
	t.last = p
	h.Shelved++
	w.done.Fetched++
	src.Fetch.History = h
	w.tell(*src)
	return nil
}

// before returns the document that names the next one: the one shelved last, or that which is
// polled.
func (w *walker) before(ctx context.Context, src *feed.Source, t *track) (*page, error) {
	if src.Fetch.History.Shelved == 0 {
		found, some := wayOf(src)
		return &page{url: src.PublicURL(), way: found, more: some}, nil
	}
	if t.last != nil {
		return t.last, nil
	}
	d, some, err := w.Store.Shelf(ctx, w.id)
	if err != nil || !some {
		return nil, errors.Join(err, errRest)
	}
	doc, err := read(&fetch.Response{URL: d.URL, ContentType: d.ContentType, Body: d.Body}, src.Identity)
	if err != nil {
		return &page{url: d.URL}, nil
	}
	t.last = newPage(src, doc, d.URL, d.URL)
	return t.last, nil
}

// after returns where the walk goes on behind a document; "" at its end.
func (w *walker) after(src *feed.Source, p *page, t *track, reached bool) string {
	h := &src.Fetch.History
	switch next := p.way.next; {
	case !p.more, next == h.Last, next == h.Top, t.seen[next], next == src.PublicURL():
		return ""
	case reached && !p.way.archived:
		return ""
	default:
		return next
	}
}

// reaches reports whether a page of a source whose history had been brought home before lies wholly
// behind the gap for whose sake it is fetched.
func reaches(src *feed.Source, articles []feed.Article) bool {
	h, gap := &src.Fetch.History, &src.Fetch.Gap
	if h.Done.IsZero() || gap.Since.IsZero() || !gap.Noticed.After(h.Done) {
		return false
	}
	for i := range articles {
		if a := &articles[i]; a.Published.IsZero() || !a.Published.Before(gap.Since) {
			return false
		}
	}
	return len(articles) > 0
}

// end ends the fetching: what is on the shelf is to be taken in. A problem says what is missing.
func (w *walker) end(ctx context.Context, h feed.History, problem string) error {
	h.Next, h.Problem = "", problem
	return w.keep(ctx, h, nil)
}

// refused notes that the next document could not be had. What may be better another time is tried
// again when a visit has found the server well, once.
func (w *walker) refused(ctx context.Context, h feed.History, from *page, err error) error {
	var e *fetch.Error
	if !errors.As(err, &e) {
		return err
	}
	why := fmt.Sprintf("%s: %s", h.Next, problem(err))
	gone := e.Status == http.StatusNotFound || e.Status == http.StatusGone
	switch {
	case gone && !from.way.archived:
		return w.end(ctx, h, "")
	case refuses(e.Status) || e.RetryAfter > 0:
		h.Allowed = latest(h.Allowed, w.now().Add(retryAfter(e)))
		if redirects(e.Status) {
			break // which says nothing of other addresses
		}
		if err := w.alone(ctx, w.id, func(src feed.Source) error { return w.putOff(ctx, src, e) }); err != nil {
			return err
		}
	case e.Class == fetch.ClassOffline:
	case !passing(e), isStuck(&h):
		return w.end(ctx, h, why)
	}
	h.Problem = why
	if err := w.keep(ctx, h, nil); err != nil {
		return err
	}
	return stuckError{errors.New(why)}
}

// costs adds to a walk's account what a request has cost.
func costs(h feed.History, res *fetch.Response, err error, at time.Time) feed.History {
	t := spent(feed.Tally{}, res, err, at)
	h.Requests += t.Requests
	h.Bytes += t.Bytes
	return h
}

// notYet is why a walk waits.
func notYet(until time.Time) error {
	return fmt.Errorf("its publisher does not want to be asked for older documents until %s", until.Format(time.DateTime))
}

// passing reports whether a failure may be of the moment.
func passing(e *fetch.Error) bool {
	switch e.Class {
	case fetch.ClassDNS, fetch.ClassConnect, fetch.ClassTLS, fetch.ClassTimeout, fetch.ClassBody:
		return true
	case fetch.ClassStatus:
		return e.Status >= 500 || e.Status == http.StatusRequestTimeout || e.Status == http.StatusTooEarly
	}
	return false
}

// putOff leaves the whole server alone for as long as it asks: the visits to the source too, which
// are the first to ask it again.
func (w *walker) putOff(ctx context.Context, src feed.Source, e *fetch.Error) error {
	src.Fetch.Checked, src.Fetch.Status = w.now(), e.Status
	due := src.Fetch.Due
	plan(&src, answer{at: src.Fetch.Checked, err: e})
	if due.After(src.Fetch.Due) {
		src.Fetch.Due = due
	}
	_, err := w.save(ctx, store.Batch{Source: src, Seen: src.Fetch.Checked})
	return err
}

// walkAll goes on with walks, those of one host one after the other, and tells of each.
func (s *Scheduler) walkAll(ctx context.Context, ids []feed.SourceID, progress func(Walk)) error {
	var sources []feed.Source
	for _, id := range ids {
		src, err := s.Store.Source(ctx, id)
		if err != nil {
			return err
		}
		sources = append(sources, src)
	}
	var (
		workers sync.WaitGroup
		mu      sync.Mutex
		first   error
	)
	hosts := byHost(sources)
	work := make(chan []feed.SourceID)
	for range min(s.workers(), len(hosts)) {
		workers.Go(func() {
			for ids := range work {
				for _, id := range ids {
					w := &walker{Scheduler: s, id: id, documents: roundDocuments, taken: roundTaken}
					done, err := w.walk(ctx)
					mu.Lock()
					if err == nil {
						progress(done)
					}
					first = cmp.Or(first, err)
					mu.Unlock()
				}
			}
		})
	}
	for _, ids := range hosts {
		work <- ids
	}
	close(work)
	workers.Wait()
	return first
}
