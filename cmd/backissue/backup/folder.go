package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// syncEach is how many bytes are copied before they are on disk.
const syncEach = 8 << 20

// folder keeps backups in a folder.
type folder string

var _ storage = folder("")

func (f folder) path(name string) string { return filepath.Join(string(f), filepath.FromSlash(name)) }

func (f folder) work(_, name string) string { return f.path(name + partSuffix) }

func (f folder) journal(string) string { return f.path(rawName) }

func (f folder) prepare(context.Context) error {
	if err := os.MkdirAll(f.path(rawName), 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(string(f))
	for _, e := range entries {
		name, part := strings.CutSuffix(e.Name(), partSuffix)
		if isBackup(name) && part {
			err = errors.Join(err, os.RemoveAll(f.path(e.Name())))
		}
	}
	return err
}

func (f folder) list(context.Context) (map[string]int64, error) {
	files := make(map[string]int64)
	folders, err := os.ReadDir(string(f))
	for _, d := range folders {
		if !d.IsDir() {
			continue
		}
		entries, readErr := os.ReadDir(f.path(d.Name()))
		err = errors.Join(err, readErr)
		for _, e := range entries {
			name := d.Name() + "/" + e.Name()
			if !ours(name) || !e.Type().IsRegular() {
				continue
			}
			info, statErr := e.Info()
			if err = errors.Join(err, statErr); statErr == nil {
				files[name] = info.Size()
			}
		}
	}
	return files, err
}

func (f folder) read(_ context.Context, name string, from, n int64) (io.ReadCloser, error) {
	file, err := os.Open(f.path(name))
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(file, from, n), file}, nil
}

func (f folder) put(_ context.Context, path, name string) error {
	to := f.path(name)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return errors.Join(os.Rename(path, to), SyncFolder(filepath.Dir(to)), SyncFolder(string(f)))
}

func (f folder) extend(ctx context.Context, s segment, from io.ReaderAt, n int64) (err error) {
	out, err := os.OpenFile(f.path(fileAt(s.name, 0)), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	have := s.bytes()
	if _, err := out.Seek(have, io.SeekStart); err != nil {
		return err
	}
	for ; have < n && err == nil; have += syncEach {
		// A little at a time: while the system writes gigabytes at once, others wait for it.
		_, err = io.Copy(out, stoppable{ctx, io.NewSectionReader(from, have, min(syncEach, n-have))})
		err = errors.Join(err, out.Sync())
	}
	return errors.Join(err, SyncFolder(f.path(rawName)))
}

// cut also makes one file of what came here in parts, from other storage.
func (f folder) cut(ctx context.Context, s segment, n int64) (segment, error) {
	if n == 0 || len(s.parts) == 0 || s.parts[0].at > 0 {
		for _, p := range s.parts {
			if err := f.remove(ctx, p.file); err != nil {
				return s, err
			}
		}
		return segment{name: s.name}, nil
	}
	if n = min(n, s.bytes()); len(s.parts) == 1 && s.bytes() == n {
		return s, nil
	}
	whole, err := os.OpenFile(f.path(s.parts[0].file), os.O_RDWR, 0)
	if err != nil {
		return s, err
	}
	for _, p := range s.parts[1:] {
		if _, err = whole.Seek(p.at, io.SeekStart); err == nil {
			err = copyFrom(ctx, f, whole, p.file, 0, p.bytes)
		}
		if err != nil {
			return s, errors.Join(err, whole.Close())
		}
	}
	if err := errors.Join(whole.Truncate(n), whole.Sync(), whole.Close()); err != nil {
		return s, fmt.Errorf("cut %s: %w", s.name, err)
	}
	for _, p := range s.parts[1:] {
		if err := f.remove(ctx, p.file); err != nil {
			return s, err
		}
	}
	return segment{s.name, []part{{s.parts[0].file, 0, n}}}, nil
}

func (f folder) remove(_ context.Context, name string) error {
	if err := os.Remove(f.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if dir := filepath.Dir(f.path(name)); isBackup(filepath.Base(dir)) {
		_ = os.Remove(dir) // once nothing is in it
	}
	return nil
}

// SyncFolder has the names in a folder be on disk.
func SyncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
