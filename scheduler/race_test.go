//go:build race

package scheduler_test

// raced says that the race detector is at work, which takes many times the memory.
const raced = true
