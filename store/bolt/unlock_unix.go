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

// hold locks a file as bbolt does, until it is closed; false where another process has it.
func hold(file *os.File) bool {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
