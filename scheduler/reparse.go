package scheduler

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
)

// Reparser reads once more, with the parser of today, whatever an archive has received.
type Reparser struct {
	Store store.Store
	// File reads what was imported as a file: what it says of its source, and its articles. Where it is nil
	// such files are left alone.
	File func(as store.Coming, body []byte) (feed.Source, []feed.Article, error)
	// Now tells the time; time.Now if nil.
	Now func() time.Time
	// Progress, if not nil, hears how many bodies are done, of how many.
	Progress func(done, of uint64)
}

// Reparsed says what came of that.
type Reparsed struct {
	Read    int // bodies
	Added   int // articles that no earlier parser had seen there, all of them back issues
	Revised int // articles that are read differently now
}

// Run goes through everything from what came last to what came first, so that of an article that nobody had
// seen the newest version counts. What is to become of each is for [store.Batch.Received] to say: what is
// there stays as it is, and what is new stands at the end of the log. Cut off and called again, it does what
// is left, and called once more nothing.
func (r *Reparser) Run(ctx context.Context) (done Reparsed, err error) {
	var of uint64
	for before := uint64(0); ; {
		c, err := r.Store.Received(ctx, before)
		if errors.Is(err, store.ErrNotFound) {
			return done, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		for _, as := range c.For {
			if err == nil {
				err = r.one(ctx, &c, as, &done)
			}
		}
		if err != nil {
			return done, fmt.Errorf("read again what was received: %w", err)
		}
		done.Read++
		of, before = max(of, c.N), c.N
		if r.Progress != nil {
			r.Progress(of-c.N+1, of)
		}
	}
}

// one reads a body as it was read for one of the sources for which it came.
func (r *Reparser) one(ctx context.Context, c *store.Received, as store.Coming, done *Reparsed) error {
	src, err := r.Store.Source(ctx, as.Source)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	says, articles, err := r.read(c, as, &src)
	if err != nil || len(articles) == 0 {
		return nil // it is no feed to this parser either
	}
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	saved, err := r.Store.Save(ctx, store.Batch{Source: described(src, &says), Articles: articles, Seen: now(), Received: c.N})
	if err != nil {
		return fmt.Errorf("number %d: %w", c.N, err)
	}
	done.Added += len(saved[0].Added)
	done.Revised += len(saved[0].Revised)
	return nil
}

func (r *Reparser) read(c *store.Received, as store.Coming, src *feed.Source) (says feed.Source, articles []feed.Article, err error) {
	if strings.HasPrefix(as.URL, "file:") {
		if r.File == nil {
			return says, nil, nil
		}
		return r.File(as, c.Body)
	}
	doc, err := read(&fetch.Response{URL: as.URL, ContentType: as.ContentType, Body: c.Body, Status: c.Status}, src.Identity)
	if err != nil {
		return says, nil, err
	}
	return doc.Source, doc.Articles, nil
}
