package fetch

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// Causes of failures that are found while a body is read.
var (
	errTooLarge = errors.New("too large")
	errTooSlow  = errors.New("too slow")
)

// Pace that a body must keep: a server that sends a byte a second would otherwise have its host's
// turn for the whole of the timeout, and the host's other sources would wait as long each.
const (
	paceSpan  = 15 * time.Second
	paceLeast = 8 << 10 // bytes in every span
)

// drainTime is for how long the rest of an answer that is not wanted is waited for.
const drainTime = time.Second

// noMore is what readAll is to do at its limit where that is firm.
func noMore() (int64, error) { return 0, errTooLarge }

// readAll reads at most limit bytes. If there are more, more says whether they may be read, and up to which
// limit. What may be large has room for all of it from the beginning: to make room bit by bit takes twice
// as much.
func readAll(r io.Reader, limit int64, more func() (int64, error)) ([]byte, error) {
	var first bytes.Buffer
	if limit > maxSmall {
		first.Grow(room(limit))
	}
	n, err := first.ReadFrom(io.LimitReader(r, limit+1))
	if err != nil || n <= limit {
		return bytes.Clone(first.Bytes()), err // many may wait to be read
	}
	if limit, err = more(); err != nil {
		return nil, err
	}
	whole := bytes.NewBuffer(make([]byte, 0, room(limit)))
	whole.Write(first.Bytes())
	if _, err := whole.ReadFrom(io.LimitReader(r, limit+1-n)); err != nil {
		return nil, err
	}
	if int64(whole.Len()) > limit {
		return nil, errTooLarge
	}
	return whole.Bytes(), nil
}

// room is how much of it takes a body that comes to its limit, and a little to see that it ends there.
func room(limit int64) int { return int(min(limit, DefaultMaxBytes)) + 2*bytes.MinRead }

// capped fails once more than its share has been read: what is packed can be endless and unpack to
// nothing.
type capped struct {
	r    io.Reader
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTooLarge
	}
	n, err := c.r.Read(p)
	c.left -= int64(n)
	return n, err
}

// meter counts what comes of a body, and ends the exchange when it comes too slowly.
type meter struct {
	io.ReadCloser
	n       atomic.Int64
	least   atomic.Int64 // bytes that every span must bring; paceLeast if 0
	waiting atomic.Bool  // nobody reads for the moment, so that nothing can come
}

// watch calls stop as soon as a span has brought too little. The caller must call done.
func (m *meter) watch(stop context.CancelCauseFunc) (done func()) {
	var before int64
	var timer *time.Timer
	waited := false // in this span or the one before, so that it was not a whole one
	timer = time.AfterFunc(time.Hour, func() {
		now, waits, least := m.n.Load(), m.waiting.Load(), cmp.Or(m.least.Load(), paceLeast)
		if !waits && !waited && now-before < least {
			stop(errTooSlow)
			return
		}
		before, waited = now, waits
		timer.Reset(paceSpan)
	})
	timer.Reset(paceSpan) // only now, that the function knows its timer
	return func() { timer.Stop() }
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	m.n.Add(int64(n))
	return n, err
}

// drain reads the little that is left of an answer, so that its connection can be used again, and
// stops the exchange if that takes long.
func drain(body io.Reader, stop context.CancelCauseFunc) {
	timer := time.AfterFunc(drainTime, func() { stop(errTooSlow) })
	defer timer.Stop()
	_, _ = io.CopyN(io.Discard, body, 16<<10)
}

// reader is a body that is being unpacked.
type reader struct {
	*bufio.Reader
	closers []func()
}

func (r *reader) close() {
	for _, c := range r.closers {
		c()
	}
}
