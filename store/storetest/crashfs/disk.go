package crashfs

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

const pageSize = 4096

// content is what a file holds: its pages that are not all zero, as far as they were ever written.
type content struct {
	size  int64
	pages map[int64]*[pageSize]byte
}

func newContent() *content { return &content{pages: make(map[int64]*[pageSize]byte)} }

// clone shares the pages; who writes puts new ones in their places.
func (c *content) clone() *content {
	return &content{size: c.size, pages: maps.Clone(c.pages)}
}

func (c *content) write(off int64, data []byte) {
	c.size = max(c.size, off+int64(len(data)))
	for len(data) > 0 {
		n, from := off/pageSize, off%pageSize
		page := new([pageSize]byte)
		if old := c.pages[n]; old != nil {
			*page = *old
		}
		k := copy(page[from:], data)
		c.pages[n] = page
		data, off = data[k:], off+int64(k)
	}
}

func (c *content) read(dst []byte, off int64) int {
	n := int(max(0, min(int64(len(dst)), c.size-off)))
	dst = dst[:n]
	clear(dst)
	for done := 0; done < n; {
		at := off + int64(done)
		from, k := at%pageSize, min(n-done, int(pageSize-at%pageSize))
		if page := c.pages[at/pageSize]; page != nil {
			copy(dst[done:done+k], page[from:])
		}
		done += k
	}
	return n
}

func (c *content) truncate(size int64) {
	if size < c.size {
		for n, page := range c.pages {
			switch {
			case n*pageSize >= size:
				delete(c.pages, n)
			case (n+1)*pageSize > size:
				cut := *page
				clear(cut[size%pageSize:])
				c.pages[n] = &cut
			}
		}
	}
	c.size = size
}

// entry is a name in a folder.
type entry struct {
	dir  uint64
	name string
}

// disk is what would be there after a power cut.
type disk struct {
	files map[uint64]*content
	names map[entry]uint64
	dirs  map[uint64]bool
}

func newDisk() *disk {
	return &disk{files: make(map[uint64]*content), names: make(map[entry]uint64), dirs: map[uint64]bool{1: true}}
}

// apply does an operation, of a write only the first n bytes; all of it where n is less than 0.
func (d *disk) apply(op *Op, n int) {
	switch op.Kind {
	case Create:
		d.names[entry{op.Dir, op.Name}] = op.Node
		if op.IsDir {
			d.dirs[op.Node] = true
		}
	case Remove:
		delete(d.names, entry{op.Dir, op.Name})
	case Rename:
		delete(d.names, entry{op.Dir, op.Name})
		d.names[entry{op.ToDir, op.To}] = op.Node
	case Write:
		data := op.Data
		if n >= 0 {
			data = data[:n]
		}
		d.file(op.Node).write(op.Off, data)
	case Truncate:
		d.file(op.Node).truncate(op.Size)
	}
}

func (d *disk) file(node uint64) *content {
	c := d.files[node]
	if c == nil {
		c = newContent()
		d.files[node] = c
	}
	return c
}

// lay writes the disk to a folder.
func (d *disk) lay(dir string) error {
	return d.layDir(1, dir)
}

func (d *disk) layDir(node uint64, path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	for e, child := range d.names {
		if e.dir != node {
			continue
		}
		at := filepath.Join(path, e.name)
		if d.dirs[child] {
			if err := d.layDir(child, at); err != nil {
				return err
			}
			continue
		}
		if err := d.layFile(d.file(child), at); err != nil {
			return fmt.Errorf("lay out %s: %w", at, err)
		}
	}
	return nil
}

func (d *disk) layFile(c *content, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(c.size); err != nil {
		return err
	}
	for _, n := range slices.Sorted(maps.Keys(c.pages)) {
		page := c.pages[n][:]
		if rest := c.size - n*pageSize; rest < pageSize {
			page = page[:rest]
		}
		if _, err := f.WriteAt(page, n*pageSize); err != nil {
			return err
		}
	}
	return f.Close()
}
