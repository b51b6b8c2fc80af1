package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrNotKept is why an archive of an older format is not upgraded: there is no copy of it as it is.
var ErrNotKept = errors.New("an archive of an older format is kept before it is upgraded, and that failed")

// keepOld has a copy of the archive's file as it is, of an older format, on disk beside it. One that is
// there, or is linked to from there, will do if it is the same; what else has the name is left alone.
func (d *DB) keepOld(format uint32) error {
	path := fmt.Sprintf("%s.format-%d", d.path, format)
	for n := 2; ; n++ {
		same, err := equal(d.path, path)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNotKept, err)
		}
		if same {
			d.kept(path, format)
			return nil
		}
		path = fmt.Sprintf("%s.format-%d-%d", d.path, format, n)
	}
	if err := duplicate(d.path, path, d.options.NoSync); err != nil {
		return fmt.Errorf("%w: %w", ErrNotKept, err)
	}
	d.kept(path, format)
	return nil
}

func (d *DB) kept(path string, format uint32) {
	if d.options.Kept != nil {
		d.options.Kept(path, format)
	}
}

// duplicate copies a file nobody is writing, under another name until it is whole. Where the file system can
// have two files share what they have in common, the system does that.
func duplicate(from, to string, noSync bool) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	part := to + ".part"
	out, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(part)
		}
	}()
	_, err = io.Copy(out, in)
	if err == nil && !noSync {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	if err = os.Rename(part, to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to), noSync)
}

// equal reports whether two files hold the same.
func equal(a, b string) (bool, error) {
	x, err := os.Open(a)
	if err != nil {
		return false, err
	}
	defer x.Close()
	y, err := os.Open(b)
	if err != nil {
		return false, err
	}
	defer y.Close()
	p, q := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, err := io.ReadFull(x, p)
		m, other := io.ReadFull(y, q)
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		switch {
		case err != nil && !ended:
			return false, err
		case other != nil && !errors.Is(other, io.EOF) && !errors.Is(other, io.ErrUnexpectedEOF):
			return false, other
		case !bytes.Equal(p[:n], q[:m]):
			return false, nil
		case ended:
			return true, nil
		}
	}
}
