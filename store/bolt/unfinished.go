package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// blank returns what bbolt writes first into a new file, in one write: two pages that say there is nothing,
// an empty list of free pages and an empty root. checkpages.go says how they are laid out.
func blank() []byte {
	const (
		kindMeta = 4
		magic    = 0xED0CDAED
		version  = 2
		pages    = 4
	)
	b, order := make([]byte, pages*pageSize), binary.NativeEndian
	for n := range pages {
		page := b[n*pageSize:]
		order.PutUint64(page, uint64(n))
		order.PutUint16(page[8:], [pages]uint16{kindMeta, kindMeta, kindFree, kindLeaf}[n])
		if n > 1 {
			continue
		}
		meta := page[pageHead:]
		order.PutUint32(meta, magic)
		order.PutUint32(meta[4:], version)
		order.PutUint32(meta[8:], pageSize)
		order.PutUint64(meta[16:], 3) // the root
		order.PutUint64(meta[32:], 2) // the list of free pages
		order.PutUint64(meta[40:], pages)
		order.PutUint64(meta[48:], uint64(n))
		h := fnv.New64a()
		_, _ = h.Write(meta[:metaLen]) // it never fails
		order.PutUint64(meta[metaLen:], h.Sum64())
	}
	return b
}

// restart empties the file at path if it is one that was just being made when the power failed, so that
// bbolt begins it once more: each byte of it is either as bbolt writes it first or has not reached the disk.
// No archive was ever acknowledged to be in such a file.
func restart(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil // which is for bbolt to say
	}
	defer file.Close()
	if !hold(file) {
		return nil // somebody is just making it
	}
	want := blank()
	is := make([]byte, len(want)+1)
	n, err := file.ReadAt(is, 0)
	if !errors.Is(err, io.EOF) || !unfinished(is[:n], want) {
		return nil
	}
	if err := file.Truncate(0); err != nil {
		return fmt.Errorf("begin it anew, since it was never finished: %w", err)
	}
	return nil
}

// unfinished reports whether bytes are a part of those that are wanted, and zeros.
func unfinished(is, want []byte) bool {
	if len(is) > len(want) {
		return false
	}
	whole := len(is) == len(want)
	for i, b := range is {
		if b != want[i] {
			whole = false
			if b != 0 {
				return false
			}
		}
	}
	return !whole
}
