package main

import (
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows on a terminal how far long work has come. Where standard error is no terminal (in
// cron, say), and for a nil progress, it shows nothing.
type progress struct {
	mu  sync.Mutex
	bar *progressbar.ProgressBar
}

// newProgress starts showing work of so many steps; -1 where their number is not known yet.
func newProgress(e *env, quiet bool, what string, steps int) *progress {
	if !e.Terminal || quiet {
		return nil
	}
	return &progress{bar: progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(e.Stderr),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(max(10, min(40, e.Width-50))),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionUseANSICodes(true),
	)}
}

// step says that n more steps are done.
func (p *progress) step(n int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.bar.Add(n) // a terminal that has gone away is no reason to stop working
}

// to says that n steps are done of so many that are known of.
func (p *progress) to(n, of int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar.GetMax() != of {
		p.bar.ChangeMax(of)
	}
	_ = p.bar.Set(n) // as above
}

// end takes the display away.
func (p *progress) end() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.bar.Finish() // as above
}
