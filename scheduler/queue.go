package scheduler

import (
	"context"
	"sync"
	"time"

	"github.com/backissue/backissue/feed"
)

// queue holds the sources whose time has come, host by host, until they are visited. A host has one
// visit at a time, and after each it goes behind all other hosts that wait, so that one with very many
// sources, or a slow one, holds up nobody but itself. A source that waits takes some tens of bytes, and a
// host is forgotten when none of its sources waits any more.
//
// Any number of goroutines may use it at once, but only one may call next.
type queue struct {
	mu          sync.Mutex
	lines       map[string]*line
	first, last *line // of the hosts that may be asked now
	waiting     int
	added       int
	known       map[feed.SourceID]struct{} // that wait or are being visited
	closed      bool                       // nothing is added any more
	bell        wake                       // rings when next may have something to return
}

// line is what waits for one host.
type line struct {
	host    string
	sources []feed.SourceID
	behind  *line // the next host that may be asked
}

// has reports whether a source waits or is being visited.
func (q *queue) has(id feed.SourceID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, has := q.known[id]
	return has
}

// add puts a source behind all others of its host, unless it is there already.
func (q *queue) add(id feed.SourceID, host string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, has := q.known[id]; has {
		return
	}
	if q.known == nil {
		q.known = make(map[feed.SourceID]struct{})
	}
	if q.lines == nil {
		q.lines = make(map[string]*line)
	}
	q.known[id] = struct{}{}
	q.waiting++
	q.added++
	l := q.lines[host]
	if l == nil {
		l = &line{host: host}
		q.lines[host] = l
		q.offer(l)
	}
	l.sources = append(l.sources, id)
}

// offer puts a host behind all others that may be asked.
func (q *queue) offer(l *line) {
	if q.first == nil {
		q.first = l
	} else {
		q.last.behind = l
	}
	q.last = l
	q.bell.ring()
}

// close says that nothing will be added any more.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.bell.ring()
}

// next waits for a host that may be asked, and returns it with the first of its sources. Whoever has got
// it must call free and done. It reports false when ctx has ended, or the queue is closed and nothing
// waits any more.
func (q *queue) next(ctx context.Context) (*line, feed.SourceID, bool) {
	for ctx.Err() == nil {
		l, id, none := q.take()
		if l != nil || none {
			return l, id, l != nil
		}
		select {
		case <-q.bell.rung():
		case <-ctx.Done():
		}
	}
	return nil, 0, false
}

// take returns what may be visited now, if anything, or that nothing ever will.
func (q *queue) take() (l *line, id feed.SourceID, none bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if l = q.first; l == nil {
		return nil, 0, q.closed && q.waiting == 0
	}
	q.first, l.behind = l.behind, nil
	id, l.sources = l.sources[0], l.sources[1:]
	q.waiting--
	return l, id, false
}

// free says that a host may be asked for something else when some time has passed.
func (q *queue) free(l *line, gap time.Duration) {
	if gap > 0 {
		time.AfterFunc(gap, func() { q.free(l, 0) })
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(l.sources) > 0 {
		q.offer(l)
		return
	}
	delete(q.lines, l.host)
	if len(q.lines) == 0 {
		q.lines = nil // a map keeps the room that it once had
	}
}

// done says that a visit has ended, so that the source may be added again.
func (q *queue) done(id feed.SourceID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.known, id)
	if len(q.known) == 0 {
		q.known = nil
	}
}

// count returns how many sources have been added since the beginning.
func (q *queue) count() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.added
}

// perVisitor is how many visits there may be for each request that is under way: one that waits for its
// server, and others that are being read and saved.
const perVisitor = 4

// drain visits what is in the queue until it is closed and empty, or ctx ends, and returns when all
// visits have ended. A host is asked for its next source while the last one is being read and saved, so
// that saves share commits also where there is one host only.
func (r *round) drain(ctx context.Context) {
	long, cancel := linger(ctx, r.grace())
	defer cancel()
	asking := make(chan struct{}, r.visitors())
	unsaved := make(chan struct{}, perVisitor*r.visitors())
	var visits sync.WaitGroup
	defer visits.Wait()
	for {
		unsaved <- struct{}{}
		asking <- struct{}{}
		l, id, ok := r.queue.next(ctx)
		if !ok {
			return
		}
		visits.Go(func() {
			defer func() { <-unsaved }()
			var once sync.Once
			free := func(gap time.Duration) {
				once.Do(func() {
					r.queue.free(l, gap)
					<-asking
				})
			}
			defer free(0) // where the host was not asked at all
			r.visitNext(ctx, long, id, func() { free(r.Fetch.Gap(l.host)) })
		})
	}
}

// visitNext visits a source that was in the queue.
func (r *round) visitNext(ctx, long context.Context, id feed.SourceID, free func()) {
	e := r.visitOnce(ctx, long, id, free)
	r.queue.done(id)
	r.ended(e)
	r.amend(context.WithoutCancel(ctx))
}
