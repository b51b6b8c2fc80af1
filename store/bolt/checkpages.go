package bolt

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"

	"github.com/backissue/backissue/store"
)

// A page of bbolt begins with its number(8), its kind(2), how many elements it has (2) and how many pages
// follow that belong to it (4). An element of a branch is where its key is, from the element (4), how long that
// is (4), and a page (8); one of a leaf is a flag (4), where its key is (4), how long that is (4) and the
// value behind it (4). The value of a bucket is the page of its root (8), 0 where that is behind, and a number (8).
// All are in the order of the machine's bytes. Pages 0 and 1 hold behind their heads the root of all at 16,
// the page at which the list of free ones begins at 32, how many pages there are at 40, the number of the transaction at 48 and the FNV-1a of all that at 56.
const (
	pageHead    = 16
	elementSize = 16

	kindBranch = 1
	kindLeaf   = 2
	kindFree   = 16 // the list of pages that are free, of 8 bytes each

	metaLen = 56
)

// pageWalk goes through the pages that hold something, and follows nothing that leads nowhere or round
// in a circle: bbolt would follow it, with no end or with the end of the process.
type pageWalk struct {
	file   *os.File
	size   int64 // of a page
	count  uint64
	seen   map[uint64]bool
	round  bool // a page is led to twice, so the way may have no end
	faults []string
}

func (w *pageWalk) fault(format string, args ...any) {
	if len(w.faults) < maxFaults {
		w.faults = append(w.faults, "pages: "+fmt.Sprintf(format, args...))
	}
}

// walkPages walks through the file at path, and returns what is wrong with its pages and whether the tree of
// them can be followed.
func walkPages(path string, pageSize int) (faults []string, sound bool, err error) {
	w, sound, err := walk(path, pageSize)
	if err != nil {
		return nil, false, err
	}
	return w.faults, sound, nil
}

// Followed returns an error that wraps store.ErrDamaged where the pages of the file at path lead round in a
// circle, so that it must not be opened even to be read.
func Followed(path string) error {
	w, _, err := walk(path, pageSize)
	if err == nil && w.round {
		err = fmt.Errorf("%w: its pages lead round in a circle", store.ErrDamaged)
	}
	return err
}

func walk(path string, pageSize int) (w *pageWalk, sound bool, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer file.Close()
	w = &pageWalk{file: file, size: int64(pageSize), seen: map[uint64]bool{0: true, 1: true}}
	var newest, root, free uint64
	for n := range int64(2) {
		raw := make([]byte, metaLen+8)
		if _, err := file.ReadAt(raw, n*w.size+pageHead); err != nil {
			return nil, false, err
		}
		h := fnv.New64a()
		_, _ = h.Write(raw[:metaLen]) // it never fails
		if binary.NativeEndian.Uint64(raw[metaLen:]) != h.Sum64() {
			// bbolt takes the other, which is of the transaction before, and says nothing.
			w.fault("page %d does not match its checksum", n)
			continue
		}
		if txid := binary.NativeEndian.Uint64(raw[48:]); w.count == 0 || txid > newest {
			newest, root, w.count = txid, binary.NativeEndian.Uint64(raw[16:]), binary.NativeEndian.Uint64(raw[40:])
			free = binary.NativeEndian.Uint64(raw[32:])
		}
	}
	before := len(w.faults)
	if w.count == 0 {
		return w, false, nil
	}
	w.page(root, "the list of buckets", true)
	w.free(free)
	return w, len(w.faults) == before, nil
}

// page walks through a page and what it leads to.
func (w *pageWalk) page(id uint64, of string, top bool) {
	if data := w.read(id, of); data != nil {
		w.elements(data, fmt.Sprintf("page %d of %s", id, of), of, top)
	}
}

// free walks through the list of free pages.
func (w *pageWalk) free(id uint64) {
	data := w.read(id, "the list of free pages")
	if data == nil {
		return
	}
	count, list := uint64(binary.NativeEndian.Uint16(data[10:])), data[pageHead:]
	if count == 0xffff && len(list) >= 8 { // then it stands in place of the first
		count, list = binary.NativeEndian.Uint64(list), list[8:]
	}
	if binary.NativeEndian.Uint16(data[8:]) != kindFree || count > uint64(len(list)/8) {
		w.fault("page %d of the list of free pages is no such, or names %d", id, count)
		return
	}
	for i := range count {
		page := binary.NativeEndian.Uint64(list[8*i:])
		if page >= w.count || w.seen[page] {
			w.fault("the list of free pages names page %d, which is none, or is in use", page)
			return
		}
		w.seen[page] = true
	}
}

// read reads a page with those that belong to it; nil where it cannot be one.
func (w *pageWalk) read(id uint64, of string) []byte {
	if id >= w.count || w.seen[id] {
		w.round = w.round || w.seen[id]
		w.fault("page %d is named as one of %s and is none, or another's", id, of)
		return nil
	}
	head := make([]byte, pageHead)
	if _, err := w.file.ReadAt(head, int64(id)*w.size); err != nil {
		w.fault("page %d of %s: %v", id, of, err)
		return nil
	}
	more := uint64(binary.NativeEndian.Uint32(head[12:]))
	if binary.NativeEndian.Uint64(head) != id || id+more >= w.count {
		w.fault("page %d of %s is said to be page %d, of %d", id, of, binary.NativeEndian.Uint64(head), 1+more)
		return nil
	}
	for i := id; i <= id+more; i++ {
		if w.seen[i] {
			w.round = true
			w.fault("page %d of %s reaches over page %d, which is another's", id, of, i)
			return nil
		}
		w.seen[i] = true
	}
	data := make([]byte, w.size*int64(1+more))
	if _, err := w.file.ReadAt(data, int64(id)*w.size); err != nil {
		w.fault("page %d of %s: %v", id, of, err)
		return nil
	}
	return data
}

// elements walks through what a page holds.
func (w *pageWalk) elements(data []byte, name, of string, top bool) {
	kind, count := binary.NativeEndian.Uint16(data[8:]), int(binary.NativeEndian.Uint16(data[10:]))
	if kind != kindBranch && kind != kindLeaf || pageHead+count*elementSize > len(data) || kind == kindBranch && count == 0 {
		w.fault("%s is of kind %d with %d elements", name, kind, count)
		return
	}
	for i := range count {
		at := pageHead + i*elementSize
		e := data[at : at+elementSize]
		if kind == kindBranch {
			pos, length := uint64(binary.NativeEndian.Uint32(e)), uint64(binary.NativeEndian.Uint32(e[4:]))
			if uint64(at)+pos+length > uint64(len(data)) {
				w.fault("%s: element %d reaches beyond it", name, i)
				continue
			}
			w.page(binary.NativeEndian.Uint64(e[8:]), of, top)
			continue
		}
		flag, pos := binary.NativeEndian.Uint32(e), uint64(binary.NativeEndian.Uint32(e[4:]))
		keyLen, valueLen := uint64(binary.NativeEndian.Uint32(e[8:])), uint64(binary.NativeEndian.Uint32(e[12:]))
		begin := uint64(at) + pos
		if begin+keyLen+valueLen > uint64(len(data)) || (flag == 1) != top || flag > 1 {
			w.fault("%s: element %d is no pair of one", name, i)
			continue
		}
		if top {
			key := data[begin : begin+keyLen]
			w.bucket(data[begin+keyLen:begin+keyLen+valueLen], fmt.Sprintf("bucket %q", key))
		}
	}
}

func (w *pageWalk) bucket(value []byte, name string) {
	if len(value) < 16 {
		w.fault("%s is cut short", name)
		return
	}
	root := binary.NativeEndian.Uint64(value)
	switch {
	case root != 0:
		w.page(root, name, false)
	case len(value) < 16+pageHead:
		w.fault("%s is cut short", name)
	default:
		w.elements(value[16:], name, name, false)
	}
}
