package bolt

import (
	"syscall"

	"go.etcd.io/bbolt"
)

// relax has the system forget which pages of the file the process has looked at. They stay in its cache, and
// come back when they are looked at again; but until then a process that has touched every part of a large
// file looks as large as that, to its owner and to whatever bounds its memory. The map does not move while
// the transaction reads, and is as long as the file is by that.
func relax(tx *bbolt.Tx) {
	if tx.Size() < relaxFrom {
		return
	}
	// That it may fail is no harm: it is advice.
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, tx.DB().Info().Data, uintptr(tx.Size()), syscall.MADV_DONTNEED)
}
