//go:build unix

package publish

import "syscall"

// flush waits until the files are on disk, so that the note of them is never older than they are.
func flush() { syscall.Sync() }
