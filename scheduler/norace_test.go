//go:build !race

package scheduler_test

// raced says that the race detector is not at work.
const raced = false
