package main

import (
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

// schedIdle is SCHED_IDLE of <linux/sched.h>, by which a thread makes room at once for any other that is not.
const schedIdle = 5

// executable returns this program, also where another has taken the place of its file since it was started.
func executable() (string, error) { return "/proc/self/exe", nil }

// giveWay has this process run only when no other wants to, as far as the system lets it say so.
func giveWay() {
	threads, err := os.ReadDir("/proc/self/task") // on Linux, each thread has a priority of its own
	if err != nil {
		return
	}
	for _, t := range threads {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			priority := int32(0)
			_, _, _ = syscall.Syscall(syscall.SYS_SCHED_SETSCHEDULER, uintptr(id), schedIdle, uintptr(unsafe.Pointer(&priority)))
			_ = syscall.Setpriority(syscall.PRIO_PROCESS, id, 19) // where that may not be
		}
	}
}
