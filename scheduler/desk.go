package scheduler

import (
	"context"
	"sync"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/scheduler/fetch"
)

const (
	// deskPlaces is how many documents are read at once. Reading takes the processor and nothing else, so
	// that more would not be faster.
	deskPlaces = 2
	// maxOrdinary is how many articles a document may have to make room for the next one while it is being
	// saved. A few hundred kilobytes can say that there are twenty thousand articles.
	maxOrdinary = 1000
)

// desk is where documents are read. What is read takes many times the room of what came, so there is
// place for few. The zero value is ready for use.
type desk struct {
	once  sync.Once
	free  chan struct{}
	heavy sync.Mutex // held while a large document is there: one at a time
}

// read reads an answer. The caller must call done when it needs the document no more.
func (d *desk) read(ctx context.Context, res *fetch.Response, identity feed.Policy) (doc *parse.Document, done func(), err error) {
	leave := func() {}
	large := len(res.Body) > 1<<20
	if large {
		d.heavy.Lock() // for not longer than it takes to read and save one
		leave = d.heavy.Unlock
	}
	d.once.Do(func() { d.free = make(chan struct{}, deskPlaces) })
	select {
	case d.free <- struct{}{}:
	case <-ctx.Done():
		leave()
		return nil, func() {}, context.Cause(ctx)
	}
	done = sync.OnceFunc(func() { <-d.free; leave() })
	doc, err = read(res, identity)
	if err != nil || len(doc.Articles) <= maxOrdinary && !large {
		done()
	}
	return doc, done, err
}
