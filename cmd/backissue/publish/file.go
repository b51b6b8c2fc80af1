package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// document asks the site for a document and makes the file of it, and the compressed one beside it.
func (p *publisher) document(ctx context.Context, path string) error {
	plain, err := p.ask(ctx, path, "identity")
	if err != nil {
		return err
	}
	switch plain.code {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return p.remove(path)
	default:
		return fmt.Errorf("the site answers %d", plain.code)
	}
	file := p.file(path, plain.header.Get("Content-Type"))
	if wrote, err := p.put(file, plain.body.Bytes()); err != nil || !wrote && p.had.Format != 0 {
		return err
	}
	packed, err := p.ask(ctx, path, "gzip")
	if err != nil {
		return err
	}
	if packed.code != http.StatusOK || packed.header.Get("Content-Encoding") != "gzip" {
		return p.removeFile(file + ".gz") // it would gain nothing
	}
	_, err = p.put(file+".gz", packed.body.Bytes())
	return err
}

// ask asks the site for a document as a client would.
func (p *publisher) ask(ctx context.Context, path, encoding string) (*answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.prefix+(&url.URL{Path: path}).EscapedPath(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for it: %w", err)
	}
	r.Header.Set("Accept-Encoding", encoding)
	a := &answer{header: make(http.Header), code: http.StatusOK}
	p.Site.ServeHTTP(a, r)
	return a, nil
}

// answer is what the site answers, kept in memory.
type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(code int)        { a.code = code }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// page is the extension of the files of pages, whose addresses have none.
const page = ".html"

// file returns the file of a path: the same below the folder, with an extension for pages.
func (p *publisher) file(path, mediaType string) string {
	switch {
	case path == "/":
		path = "/index" + page
	case strings.HasPrefix(mediaType, "text/html"):
		path += page
	}
	return filepath.Join(p.Dir, filepath.FromSlash(path))
}

// isThere reports whether there is a file for a page.
func (p *publisher) isThere(path string) bool {
	_, err := os.Stat(p.file(path, "text/html"))
	return err == nil
}

// put makes a file hold the data, in one step, and reports whether it did not before.
func (p *publisher) put(file string, data []byte) (bool, error) {
	had, err := os.ReadFile(file)
	if err == nil && bytes.Equal(had, data) {
		return false, nil
	}
	if err := replace(file, data); err != nil {
		return false, err
	}
	p.written.Add(1)
	p.bytes.Add(int64(len(data)))
	return true, nil
}

// newPrefix begins the name of a file that is being written; [os.CreateTemp] adds digits.
const newPrefix = ".new-"

func isNew(name string) bool {
	digits, ok := strings.CutPrefix(name, newPrefix)
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// sweep removes what was being written in a folder when it was last cut off.
func sweep(dir string, before time.Time) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || !isNew(e.Name()) {
			return err
		}
		if info, err := e.Info(); err != nil || !info.ModTime().Before(before) {
			return err
		}
		return os.Remove(path)
	})
}

// replace writes a file beside the one it is to replace, and puts it in its place.
func replace(file string, data []byte) error {
	dir := filepath.Dir(file)
	f, err := os.CreateTemp(dir, newPrefix+"*")
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(dir, 0o755); err == nil {
			f, err = os.CreateTemp(dir, newPrefix+"*")
		}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// remove takes away the files of a document that is no longer there.
func (p *publisher) remove(path string) error {
	plain := p.file(path, "")
	return errors.Join(p.removeFile(plain), p.removeFile(plain+".gz"), p.removeFile(plain+page), p.removeFile(plain+page+".gz"))
}

func (p *publisher) removeFile(file string) error {
	if info, err := os.Lstat(file); err == nil && info.IsDir() {
		return nil // of what is below the document
	}
	err := os.Remove(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		p.removed.Add(1)
	}
	return err
}
