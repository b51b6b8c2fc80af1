// Command backissue pulls every item of the feeds you follow into an archive you own, keeps it for
// good, and republishes it as per-tag RSS, Atom and JSON feeds. See README.md, or run it with
// --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

func main() {
	os.Exit(mainCode())
}

func mainCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once, in case the first takes too long.
	context.AfterFunc(ctx, stop)
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	e := &env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Dir: dir, Getenv: os.Getenv,
		Terminal: term.IsTerminal(int(os.Stderr.Fd())), Width: 80,
	}
	e.Color = term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if w, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && w > 0 {
		e.Width = w
	}
	return run(ctx, os.Args[1:], e)
}
