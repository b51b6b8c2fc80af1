package bolt

import (
	"encoding/binary"
	"errors"
)

// scanner goes through one value of CBOR (RFC 8949) as this package writes it, and takes from it what is
// wanted without building the rest: a list of a million sources shows a tenth of what their records hold.
// After anything that it does not understand it is broken, and returns nothing more.
type scanner struct {
	rest   []byte
	broken bool
}

// Major types (RFC 8949 §3.1).
const (
	cborUint  = 0
	cborNint  = 1
	cborBytes = 2
	cborText  = 3
	cborArray = 4
	cborMap   = 5
	cborTag   = 6
	cborOther = 7
)

var errScan = errors.New("cannot be read")

// head takes the beginning of an item: its major type and its argument.
func (s *scanner) head() (major byte, n uint64) {
	if s.broken || len(s.rest) == 0 {
		s.broken = true
		return cborOther, 0
	}
	first := s.rest[0]
	s.rest = s.rest[1:]
	major, low := first>>5, first&0x1f
	if low < 24 {
		return major, uint64(low)
	}
	size := 1 << (low - 24)
	if low > 27 || len(s.rest) < size { // indefinite lengths are never written
		s.broken = true
		return cborOther, 0
	}
	switch arg := s.rest[:size]; size {
	case 1:
		n = uint64(arg[0])
	case 2:
		n = uint64(binary.BigEndian.Uint16(arg))
	case 4:
		n = uint64(binary.BigEndian.Uint32(arg))
	default:
		n = binary.BigEndian.Uint64(arg)
	}
	s.rest = s.rest[size:]
	return major, n
}

// take takes n bytes.
func (s *scanner) take(n uint64) []byte {
	if s.broken || n > uint64(len(s.rest)) {
		s.broken = true
		return nil
	}
	b := s.rest[:n]
	s.rest = s.rest[n:]
	return b
}

// fields takes a map with small numbers as keys, and calls f with each of them; f must take the value.
func (s *scanner) fields(f func(key uint64)) {
	major, n := s.head()
	if major != cborMap {
		s.broken = true
	}
	for ; n > 0 && !s.broken; n-- {
		major, key := s.head()
		if major != cborUint {
			s.broken = true
			return
		}
		f(key)
	}
}

// text takes a text; nothing for null.
func (s *scanner) text() string {
	major, n := s.head()
	if major != cborText {
		s.broken = true
		return ""
	}
	return string(s.take(n))
}

// number takes an integer.
func (s *scanner) number() int64 {
	switch major, n := s.head(); {
	case major == cborUint && n <= 1<<63-1:
		return int64(n)
	case major == cborNint && n <= 1<<63-1:
		return -1 - int64(n)
	}
	s.broken = true
	return 0
}

// truth takes true or false.
func (s *scanner) truth() bool {
	major, n := s.head()
	if major != cborOther || n != 20 && n != 21 {
		s.broken = true
	}
	return n == 21
}

// texts takes a list of texts.
func (s *scanner) texts() (list []string) {
	major, n := s.head()
	if major != cborArray {
		s.broken = true
	}
	for ; n > 0 && !s.broken; n-- {
		list = append(list, s.text())
	}
	return list
}

// raw takes any value and returns its bytes.
func (s *scanner) raw() []byte {
	before := s.rest
	s.skip(maxNesting)
	return before[:len(before)-len(s.rest)]
}

// maxNesting is how deep values are taken; our own are four deep.
const maxNesting = 32

func (s *scanner) skip(depth int) {
	if depth == 0 {
		s.broken = true
		return
	}
	major, n := s.head()
	switch major {
	case cborBytes, cborText:
		s.take(n)
	case cborMap:
		if n > uint64(len(s.rest)) {
			s.broken = true
			return
		}
		n *= 2
		fallthrough
	case cborArray:
		for ; n > 0 && !s.broken; n-- {
			s.skip(depth - 1)
		}
	case cborTag:
		s.skip(depth - 1)
	}
}

// end reports whether the value was understood and nothing is behind it.
func (s *scanner) end() error {
	if s.broken || len(s.rest) > 0 {
		return errScan
	}
	return nil
}
