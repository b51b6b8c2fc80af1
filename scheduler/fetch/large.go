package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// Bodies are bounded one by one; so that those of many hosts are bounded together, the large ones
// have to share a few places.
const (
	// maxSmall is how large a body may be, packed as well as unpacked, without a place.
	maxSmall = 1 << 20
	// largePlaces is how many larger ones there may be at once.
	largePlaces = 2
	// unpackers is how many small bodies are unpacked at once: the tables and windows of a decompressor can
	// be larger than what it gives.
	unpackers = 2
	// paceLarge is the pace, in bytes in every span, of a body that has a place.
	paceLarge = 1 << 20
)

// places are what large bodies share. The zero value is ready for use.
type places struct {
	once   sync.Once
	large  chan struct{}
	unpack chan struct{}
}

func (p *places) init() {
	p.once.Do(func() { p.large, p.unpack = make(chan struct{}, largePlaces), make(chan struct{}, unpackers) })
}

// take waits for a place. It is given back by give, which may be called often, or by the end of ctx.
func (p *places) take(ctx context.Context) (give func(), err error) {
	p.init()
	select {
	case p.large <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	free := sync.OnceFunc(func() { <-p.large })
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
	var head bytes.Buffer
	n, err := head.ReadFrom(io.LimitReader(r.body, maxSmall+1))
	if err != nil {
		return err
	}
	if n <= maxSmall {
		if err := r.unpackSmall(head.Bytes(), into); !errors.Is(err, errTooLarge) {
			return err
		}
	}
	return r.readLarge(head.Bytes(), into)
}

// unpackSmall unpacks what has come whole.
func (r reading) unpackSmall(packed []byte, into *Response) error {
	r.init()
	select {
	case r.unpack <- struct{}{}:
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	}
	defer func() { <-r.unpack }()
	return into.fill(bytes.NewReader(packed), r.encoding, min(r.limit, maxSmall))
}

// readLarge reads on where the beginning was too much for a small body.
func (r reading) readLarge(head []byte, into *Response) error {
	if r.limit <= maxSmall {
		return errTooLarge
	}
	r.body.waiting.Store(true)
	r.patience.pause()
	give, err := r.take(r.ctx)
	r.patience.resume()
	r.body.waiting.Store(false)
	if err != nil {
		return err
	}
	r.body.least.Store(paceLarge)
	packed := &capped{r: io.MultiReader(bytes.NewReader(head), r.body), left: r.limit + 64<<10}
	if err := into.fill(packed, r.encoding, r.limit); err != nil {
		give()
		return err
	}
	into.release = give
	return nil
}

// fill reads and unpacks a body of at most limit bytes.
func (r *Response) fill(packed io.Reader, encoding string, limit int64) error {
	u, err := unpack(packed, encoding)
	if err != nil {
		return err
	}
	defer u.close()
	body, err := readAll(u, limit)
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
