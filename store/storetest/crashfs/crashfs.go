// Package crashfs is a file system in memory that remembers what was done to it, so that a test can lay
// out what a disk may hold after the power has failed at any moment: all that was synced, and of the rest
// as much or as little as pleases it.
package crashfs

import (
	"sync"
	"syscall"
)

// Kind is what an operation does.
type Kind byte

// Kinds of operation.
const (
	Create   Kind = iota // a new file or folder has a name
	Write                // bytes of a file
	Truncate             // a file's size
	Rename
	Remove
	Sync // of a file, or of a folder's names
	Mark // what the test has noted: see [Recorder.Mark]
)

// Op is an operation on the file system. Files and folders are known by number; the root is 1.
type Op struct {
	Kind  Kind
	Node  uint64 // that is made, written, cut, named or synced
	Dir   uint64 // that holds Name
	Name  string
	ToDir uint64 // of Rename
	To    string
	IsDir bool // the node is a folder

	Off  int64  // of Write
	Data []byte // of Write; not to be changed
	Size int64  // of Truncate
	Mark int    // of Mark

	// Failed says of Sync that it was answered with an error. What it should have written is then never
	// written by a later one: the system takes those pages for clean.
	Failed bool
}

// Recorder keeps the operations of a file system, and makes them fail where that is asked for. Its
// methods may be called by many goroutines.
type Recorder struct {
	mu     sync.Mutex
	ops    []Op
	writes fault
	syncs  fault
}

// fault lets so many operations pass, and answers all later ones with an error.
type fault struct {
	armed bool
	left  int
	hits  int
}

func (f *fault) hit() bool {
	if !f.armed {
		return false
	}
	if f.left > 0 {
		f.left--
		return false
	}
	f.hits++
	return true
}

// FailWrites lets n more writes and new files pass and answers all later ones with ENOSPC, until [Recorder.Heal].
func (r *Recorder) FailWrites(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes = fault{armed: true, left: n}
}

// FailSyncs lets n more syncs pass and answers all later ones with EIO, until [Recorder.Heal].
func (r *Recorder) FailSyncs(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.syncs = fault{armed: true, left: n}
}

// Hits returns how many operations have failed since faults began.
func (r *Recorder) Hits() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.writes.hits + r.syncs.hits
}

// Heal ends all faults and returns how many operations have failed since they began.
func (r *Recorder) Heal() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	hits := r.writes.hits + r.syncs.hits
	r.writes, r.syncs = fault{}, fault{}
	return hits
}

// Mark notes that something has been acknowledged. Marks should rise.
func (r *Recorder) Mark(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, Op{Kind: Mark, Mark: n})
}

// History returns all operations so far.
func (r *Recorder) History() []Op {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ops[:len(r.ops):len(r.ops)]
}

// note keeps an operation, unless it is to fail.
func (r *Recorder) note(op Op) syscall.Errno {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch op.Kind {
	case Write, Create:
		if r.writes.hit() {
			return syscall.ENOSPC
		}
	case Sync:
		op.Failed = r.syncs.hit()
	}
	r.ops = append(r.ops, op)
	if op.Failed {
		return syscall.EIO
	}
	return 0
}
