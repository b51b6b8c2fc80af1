package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"runtime"
	"sync"
	"time"
)

// Bodies are bounded one by one; so that those of many hosts are bounded together, the larger ones
// have to share places: a few for those that are large, and one among these for one that is huge.
const (
	// maxSmall is how large a body may be, packed as well as unpacked, without a place.
	maxSmall = 512 << 10
	// maxLarge is how large one may be that has one of the largePlaces.
	maxLarge    = 4 << 20
	largePlaces = 6
	// unpackers is how many small bodies are unpacked at once: the tables and windows of a decompressor can
	// be larger than what it gives.
	unpackers = 2
	// paceLarge and paceHuge are the pace, in bytes in every span, of a body that has a place.
	paceLarge = 256 << 10
	paceHuge  = 1 << 20
)

// places are what large bodies share. The zero value is ready for use.
type places struct {
	once   sync.Once
	large  chan struct{}
	huge   chan struct{}
	unpack chan struct{}
}

func (p *places) init() {
	p.once.Do(func() {
		p.large, p.huge, p.unpack = make(chan struct{}, largePlaces), make(chan struct{}, 1), make(chan struct{}, unpackers)
	})
}

// take waits for one of some places. It is given back by give, which may be called often, or by the end of
// ctx.
func take(ctx context.Context, places chan struct{}) (give func(), err error) {
	select {
	case places <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	free := sync.OnceFunc(func() { <-places })
	stop := context.AfterFunc(ctx, free)
	return func() { stop(); free() }, nil
}

// Release says that the body is not needed any more. Every response must be released, since large bodies
// share a few places and others wait for them; the end of the request's context does it too. It may be
// called more than once, and on nil. The caller must not look at Body afterwards.
func (r *Response) Release() {
	if r == nil {
		return
	}
	r.Body = nil
	if r.release != nil {
		r.release()
	}
}

// reading is a body that is being read.
type reading struct {
	*places
	ctx      context.Context // of the caller; the place is held until it ends, or the response is released
	encoding string
	body     *meter
	limit    int64
	patience *patience
}

// readBody reads and unpacks a body into a response. A body that is larger than maxSmall waits for a place
// before more of it is read, so that it is the server that waits.
func (r reading) readBody(res *http.Response, into *Response) error {
	if res.ContentLength > r.limit {
		return errTooLarge
	}
	head, n, err := pieces(r.body, maxSmall+1)
	if err != nil {
		return err
	}
	if n <= maxSmall {
		if err := r.unpackSmall(join(head), into); !errors.Is(err, errTooLarge) {
			return err
		}
	}
	return r.readLarge(join(head), into)
}

// pieces reads at most n bytes, without taking more room than they need: most hosts may be sending some.
func pieces(r io.Reader, n int) (read [][]byte, total int, err error) {
	for total < n && err == nil {
		piece, m := make([]byte, min(16<<10, n-total)), 0
		for m < len(piece) && err == nil {
			var k int
			k, err = r.Read(piece[m:])
			m += k
		}
		read, total = append(read, piece[:m]), total+m
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return read, total, err
}

func join(pieces [][]byte) io.Reader {
	readers := make([]io.Reader, len(pieces))
	for i, p := range pieces {
		readers[i] = bytes.NewReader(p)
	}
	return io.MultiReader(readers...)
}

// unpackSmall unpacks what has come whole.
func (r reading) unpackSmall(packed io.Reader, into *Response) error {
	r.init()
	select {
	case r.unpack <- struct{}{}:
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	}
	defer func() { <-r.unpack }()
	return into.fill(packed, r.encoding, min(r.limit, maxSmall), noMore)
}

// readLarge reads on where the beginning was too much for a small body.
func (r reading) readLarge(head io.Reader, into *Response) error {
	if r.limit <= maxSmall {
		return errTooLarge
	}
	r.init()
	give, err := r.wait(r.large)
	if err != nil {
		return err
	}
	r.body.least.Store(paceLarge)
	packed := &capped{r: io.MultiReader(head, r.body), left: r.limit + 64<<10}
	err = into.fill(packed, r.encoding, min(r.limit, maxLarge), func() (int64, error) {
		if r.limit <= maxLarge {
			return 0, errTooLarge
		}
		more, err := r.wait(r.huge)
		if err == nil {
			r.body.least.Store(paceHuge)
			runtime.GC() // to make room
			give = both(more, give)
		}
		return r.limit, err
	})
	if err != nil {
		give()
		return err
	}
	into.release = give
	return nil
}

// both gives back the place of a huge body and the one that it has had as a large one. What the body has
// taken is cleared away first, or it would still be there beside the next.
func both(huge, large func()) func() {
	return sync.OnceFunc(func() {
		runtime.GC()
		huge()
		large()
	})
}

// wait takes a place. Meanwhile nothing is read and no time runs.
func (r reading) wait(places chan struct{}) (give func(), err error) {
	r.body.waiting.Store(true)
	r.patience.pause()
	give, err = take(r.ctx, places)
	r.patience.resume()
	r.body.waiting.Store(false)
	return give, err
}

// fill reads and unpacks a body of at most limit bytes, or, where there are more, of as many as more then
// allows.
func (r *Response) fill(packed io.Reader, encoding string, limit int64, more func() (int64, error)) error {
	u, err := unpack(packed, encoding)
	if err != nil {
		return err
	}
	defer u.close()
	body, err := readAll(u, limit, more)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	r.Body, r.Hash = body, hex.EncodeToString(sum[:])
	return nil
}

// patience is a timeout that can be paused. It belongs to one goroutine.
type patience struct {
	timer *time.Timer
	left  time.Duration
	began time.Time
}

// newPatience calls stop once the time is over.
func newPatience(left time.Duration, stop context.CancelCauseFunc) *patience {
	over := func() { stop(context.DeadlineExceeded) }
	return &patience{timer: time.AfterFunc(left, over), left: left, began: time.Now()}
}

// pause stops the time, and returns what is left of it.
func (p *patience) pause() time.Duration {
	p.timer.Stop()
	p.left -= time.Since(p.began)
	return p.left
}

func (p *patience) resume() {
	p.began = time.Now()
	p.timer.Reset(p.left)
}
