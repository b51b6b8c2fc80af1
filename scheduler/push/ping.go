package push

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
)

const (
	pingCalm = time.Second      // for which nothing must have come, so that a burst is told at once
	pingMost = 10 * time.Second // for how long a burst that does not end is waited for
	pingURLs = 100              // topics in one request
)

// Pinger tells hubs that are not ours which of the archive's own feeds have changed, so that these fetch
// them (PubSubHubbub 0.4 §7, which WebSub leaves to publishers and hubs). All fields but Log must be set;
// nothing may be changed once it is in use.
type Pinger struct {
	Store  store.Store
	Fetch  *fetch.Client
	Hubs   []string                     // addresses, named by the owner, so they may be private ones
	Topics func(ref store.Ref) []string // addresses of a feed's live documents
	Log    *slog.Logger                 // silent if nil
}

// Run tells what changes from now on until ctx ends: what comes in one go once, and a hub that cannot be
// reached again, at longer and longer intervals. What a hub has not been told when ctx ends it is not
// told; the feed's next change says it too. An error is the archive's.
func (p *Pinger) Run(ctx context.Context) error {
	b := &burst{refs: make(map[store.Ref]bool)}
	all, err := p.Store.Feed(ctx, store.Ref{Kind: store.All})
	if err == nil {
		b.place = all.Touched
		err = b.gather(ctx, p.Store) // the last changes may have been of other feeds
		clear(b.refs)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("find what is new: %w", err)
	}
	var lines []*line
	var telling sync.WaitGroup
	defer telling.Wait()
	for _, hub := range p.Hubs {
		l := &line{Pinger: p, hub: hub, bell: make(chan struct{}, 1), topics: make(map[string]bool)}
		lines = append(lines, l)
		telling.Go(func() { l.run(ctx) })
	}
	ticker := time.NewTicker(listen)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
		if err := b.gather(ctx, p.Store); err != nil && ctx.Err() == nil {
			orSilent(p.Log).Error("changes not found", "error", err)
		}
		if !b.isOver() {
			continue
		}
		var topics []string
		for ref := range b.refs {
			topics = append(topics, p.Topics(ref)...)
		}
		clear(b.refs)
		for _, l := range lines {
			l.add(topics)
		}
	}
}

// burst is what has changed and was not told yet.
type burst struct {
	edition     uint64 // of the archive, when it was last looked at
	place       uint64 // up to which changes of feeds have been seen
	refs        map[store.Ref]bool
	first, last time.Time
}

// gather asks the archive which feeds have changed.
func (b *burst) gather(ctx context.Context, s store.Store) error {
	edition := s.Edition()
	if edition == b.edition {
		return nil
	}
	for {
		feeds, err := s.Touched(ctx, b.place, pageLen)
		if err != nil {
			return err
		}
		if len(feeds) == 0 {
			b.edition = edition
			return nil
		}
		b.place = feeds[len(feeds)-1].Touched
		b.last = time.Now()
		for i := range feeds {
			if feeds[i].Ended {
				continue
			}
			if len(b.refs) == 0 {
				b.first = b.last
			}
			b.refs[feeds[i].Ref] = true
		}
	}
}

// isOver reports whether there is something to tell, and no more of it is coming.
func (b *burst) isOver() bool {
	return len(b.refs) > 0 && (time.Since(b.last) >= pingCalm || time.Since(b.first) >= pingMost)
}

// line is what one hub is to be told.
type line struct {
	*Pinger
	hub  string
	bell chan struct{}

	mu     sync.Mutex
	topics map[string]bool
}

func (l *line) add(topics []string) {
	l.mu.Lock()
	for _, topic := range topics {
		l.topics[topic] = true
	}
	l.mu.Unlock()
	select {
	case l.bell <- struct{}{}:
	default: // it rings already
	}
}

// some takes some topics out, as many as go into one request.
func (l *line) some() (topics []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for topic := range l.topics {
		if len(topics) == pingURLs {
			break
		}
		topics = append(topics, topic)
		delete(l.topics, topic)
	}
	slices.Sort(topics)
	return topics
}

// run tells the hub until ctx ends.
func (l *line) run(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; {
		topics := l.some()
		if len(topics) == 0 {
			select {
			case <-l.bell:
			case <-ctx.Done():
			}
			continue
		}
		answer, err := l.Fetch.Send(ctx, fetch.Message{
			Method: http.MethodPost, URL: l.hub, Header: http.Header{"Content-Type": {formType}},
			Body: []byte(url.Values{"hub.mode": {publish}, "hub.url": topics}.Encode()), Trusted: true, Follow: true,
		})
		problem := ""
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			problem = plain(err)
		case answer.Status/100 != 2:
			problem = fmt.Sprintf("it answers %d", answer.Status)
		}
		log := orSilent(l.Log).With("hub", hostOf(l.hub), "topics", len(topics))
		switch {
		case problem == "":
			failures = 0
			log.Debug("hub told")
			continue
		case err == nil && !isPassing(answer.Status): // to say it again would not help
			log.Warn("hub does not want to be told", "problem", problem)
			continue
		}
		l.add(topics)
		wait := retryIn(failures, answer)
		failures++
		log.Info("hub not told", "problem", problem, "again in", wait)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// isPassing reports whether a status may be another one the next time.
func isPassing(status int) bool {
	return status/100 == 5 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
}
