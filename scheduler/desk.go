package scheduler

import (
	"context"
	"runtime"
	"sync"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/scheduler/fetch"
)

const (
	// deskPlaces is how many documents are read at once. Reading takes the processor and nothing else, so
	// that more would not be faster.
	deskPlaces = 2
	// maxOrdinary and maxOrdinaryBytes are how many articles, and how many bytes, a document may have to make
	// room for others while it is being saved.
	maxOrdinary      = 1000
	maxOrdinaryBytes = 512 << 10
)

// desk is where documents are read. What is read takes many times the room of what came, so there is
// place for few. The zero value is ready for use.
type desk struct {
	once  sync.Once
	free  chan struct{}
	heavy sync.Mutex // held while a document that is not ordinary is there: one at a time
}

// read reads an answer. The caller must call done when it needs the document no more.
//
// A few hundred kilobytes can say that there are twenty thousand articles. One that turns out so is thrown
// away and read again when it is its turn, since many that wait would take more room than there is.
func (d *desk) read(ctx context.Context, res *fetch.Response, identity feed.Policy) (doc *parse.Document, done func(), err error) {
	if len(res.Body) <= maxOrdinaryBytes {
		doc, err = d.readOne(ctx, res, identity)
		if err != nil || len(doc.Articles) <= maxOrdinary {
			return doc, func() {}, err
		}
		doc = nil
	}
	d.heavy.Lock() // for not longer than it takes to read and save one
	runtime.GC()   // of what has been read only to be read again, too
	doc, err = d.readOne(ctx, res, identity)
	return doc, sync.OnceFunc(func() {
		runtime.GC() // or it would still be there beside the next
		d.heavy.Unlock()
	}), err
}

// readOne reads an answer when there is a place.
func (d *desk) readOne(ctx context.Context, res *fetch.Response, identity feed.Policy) (*parse.Document, error) {
	d.once.Do(func() { d.free = make(chan struct{}, deskPlaces) })
	select {
	case d.free <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-d.free }()
	return read(res, identity)
}
