// Package scheduler visits sources when they are due.
//
// There are two ways to have that done, over one plan and one state, which is the archive's:
// [Scheduler.Round] visits what is due and returns (cron), [Scheduler.Run] goes on until it is told
// to stop (daemon). What a visit learns is saved in one piece, articles and validators and the next
// time, so that a process may be killed anywhere: a visit is repeated then, and nothing is lost.
//
// Where a feed shows a way to its older articles, these are brought home too, a stretch in each round
// ([Scheduler.History] does it at once): the documents are fetched from the newest to the oldest, wait
// on the archive's shelf, and are taken in from the oldest on, as back issues; see walk.go.
//
// A host is asked for one thing at a time, a conditional request is made no more often than once an
// hour and an unconditional one no more often than once a day, and what publishers say about when
// to come again (Cache-Control, Expires, Retry-After, ttl, skipHours …) is heeded in full; see plan.go.
package scheduler

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
)

// Scheduler visits the sources of one archive. Its methods may be called by many goroutines at
// once; its fields must not be changed once it is in use. Store and Fetch must be set.
type Scheduler struct {
	Store store.Store
	Fetch *fetch.Client

	Now func() time.Time // the clock; time.Now if nil
	Log *slog.Logger     // told what Run does; silent if nil
	// Workers is how many hosts are asked side by side; DefaultWorkers if 0. Of the histories of sources
	// eight at most are walked through at once, if 0.
	Workers int
	// Grace is how long visits that are under way may go on when they are told to stop; 5 s if 0.
	// What has been fetched by then is saved, what has not is fetched again another time.
	Grace time.Duration
	// Progress, if not nil, is called after each visit, one call at a time in each round.
	Progress func(Event)

	// Heard, if not nil, is told of each good visit, whoever had it made. It must not take long.
	Heard func(Event)

	// Ended, if not nil, is told of each visit that was made, whoever wanted it, once, by many goroutines
	// at a time. It must not take long.
	Ended func(Event)

	// Walked, if not nil, is told of each stretch of a walk through a source's history that Run makes,
	// one call at a time.
	Walked func(Walk)
	// MaxDocuments and MaxWalk bound each walk through a source's history: so many documents, and so
	// many bytes of them; DefaultMaxDocuments and DefaultMaxWalk if 0.
	MaxDocuments int
	MaxWalk      int64

	claims  claims
	walks   walks
	wake    wake
	hosts   hosts
	desk    desk
	network network
	turned  atomic.Int64 // see Turned
}

// Turned returns when Run last looked for what is due, or a visit ended: a moment that does not go on
// getting newer says that the daemon hangs. It is zero before the first.
func (s *Scheduler) Turned() time.Time {
	if at := s.turned.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

func (s *Scheduler) turn() { s.turned.Store(s.now().UnixNano()) }

func (s *Scheduler) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

func (s *Scheduler) log() *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return slog.New(slog.DiscardHandler)
}

// DefaultWorkers makes 300 visits a second possible where an answer takes 0.4 s, as they do on the web on
// average, and some more time out. One that waits for its server takes some tens of kilobytes.
const DefaultWorkers = 128

// visitors returns how many hosts are asked side by side.
func (s *Scheduler) visitors() int {
	if s.Workers > 0 {
		return s.Workers
	}
	return DefaultWorkers
}

func (s *Scheduler) workers() int {
	if s.Workers > 0 {
		return s.Workers
	}
	return 8
}

func (s *Scheduler) maxDocuments() int {
	if s.MaxDocuments > 0 {
		return s.MaxDocuments
	}
	return DefaultMaxDocuments
}

func (s *Scheduler) maxWalk() int64 {
	if s.MaxWalk > 0 {
		return s.MaxWalk
	}
	return DefaultMaxWalk
}

func (s *Scheduler) grace() time.Duration {
	if s.Grace > 0 {
		return s.Grace
	}
	return 5 * time.Second
}

// linger returns a context that outlives ctx by the given time.
func linger(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	long, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-long.Done():
		}
	})
	return long, func() {
		stop()
		cancel()
	}
}

// hostOf returns the host of an address, as far as it can be told.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// wake is a bell that can be rung by many and wakes one.
type wake struct {
	once sync.Once
	bell chan struct{}
}

func (w *wake) init() { w.once.Do(func() { w.bell = make(chan struct{}, 1) }) }

func (w *wake) ring() {
	w.init()
	select {
	case w.bell <- struct{}{}:
	default: // it rings already
	}
}

func (w *wake) rung() <-chan struct{} {
	w.init()
	return w.bell
}
