package backup

import (
	"context"
	"errors"
	"io"
)

// ErrDied is what a place says that DieAfter has made.
var ErrDied = errors.New("it died")

// DieAfter returns the place as a process meets it that is killed after so many steps: the last is half done
// where it can be, and nothing is tidied up.
func (p *Place) DieAfter(steps int) *Place {
	return &Place{storage: &mortal{storage: p.storage, left: steps}, where: p.where}
}

type mortal struct {
	storage
	left int
}

func (m *mortal) step() error {
	if m.left--; m.left < 0 {
		return ErrDied
	}
	return nil
}

func (m *mortal) prepare(ctx context.Context) error {
	if err := m.step(); err != nil {
		return err
	}
	return m.storage.prepare(ctx)
}

func (m *mortal) list(ctx context.Context) (map[string]int64, error) {
	if err := m.step(); err != nil {
		return nil, err
	}
	return m.storage.list(ctx)
}

func (m *mortal) read(ctx context.Context, name string, from, n int64) (io.ReadCloser, error) {
	if err := m.step(); err != nil {
		return nil, err
	}
	return m.storage.read(ctx, name, from, n)
}

func (m *mortal) put(ctx context.Context, path, name string) error {
	if err := m.step(); err != nil {
		return err
	}
	return m.storage.put(ctx, path, name)
}

func (m *mortal) extend(ctx context.Context, s segment, from io.ReaderAt, n int64) error {
	if err := m.step(); err != nil {
		return errors.Join(err, m.storage.extend(ctx, s, from, (s.bytes()+n)/2))
	}
	return m.storage.extend(ctx, s, from, n)
}

func (m *mortal) cut(ctx context.Context, s segment, n int64) (segment, error) {
	if err := m.step(); err != nil {
		return s, err
	}
	return m.storage.cut(ctx, s, n)
}

func (m *mortal) remove(ctx context.Context, name string) error {
	if err := m.step(); err != nil {
		return err
	}
	return m.storage.remove(ctx, name)
}
