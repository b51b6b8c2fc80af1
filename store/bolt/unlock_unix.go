//go:build unix

package bolt

import (
	"os"
	"syscall"
)

// giveUp closes a file that bbolt has locked and mapped, and left so: while it is mapped, closing it alone
// would not free the lock.
func giveUp(file *os.File) {
	_ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN) // if it fails, others go on waiting
	_ = file.Close()                                   // nothing was written
}
