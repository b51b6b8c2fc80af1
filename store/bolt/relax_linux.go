package bolt

import (
	"os"
	"syscall"

	"go.etcd.io/bbolt"
)

// relax has the system forget which pages of the file the process has looked at. They stay in its cache, and
// come back when they are looked at again; but until then a process that has touched every part of a large
// file looks as large as that, to its owner and to whatever bounds its memory. Only the writer
// may call it, or who reads, since the map does not move then.
func relax(db *bbolt.DB) {
	file, err := os.Stat(db.Path())
	if err != nil || file.Size() < relaxFrom {
		return
	}
	// That it may fail is no harm: it is advice.
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, db.Info().Data, uintptr(file.Size()), syscall.MADV_DONTNEED)
}
