package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/store"
)

// Exit codes. They are part of what the program promises; README.md lists them.
const (
	exitOK          = 0
	exitFailed      = 1   // something failed; the rest was done
	exitUsage       = 2   // the command line makes no sense
	exitNoArchive   = 3   // the archive cannot be opened
	exitNotFound    = 4   // what was asked for is not in the archive
	exitBusy        = 75  // the archive is in use by a command that will end; try again
	exitInterrupted = 130 // stopped by a signal, like a shell's 128 + SIGINT
)

// errReported is the error of a command that has already said on standard error what failed.
var errReported = errors.New("something failed")

// usageError is a command line that makes no sense.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// noArchive is an archive that cannot be opened.
type noArchive struct{ error }

func (e noArchive) Unwrap() error { return e.error }

// exitError is the exit code of a command that another process carried out, words and all.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// hinted is an error with a line on what to do about it.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// globals are the flags that every command has.
type globals struct {
	data  string
	quiet bool
}

// run runs one command line and returns its exit code. Everything that the command says and reads
// goes through e.
func run(ctx context.Context, args []string, e *env) int {
	e.Args = args
	root := newRoot(e)
	root.SetArgs(args)
	return exitCode(ctx, e, root.ExecuteContext(ctx))
}

// exitCode tells the person what went wrong, unless they know, and says it in a number too.
func exitCode(ctx context.Context, e *env, err error) int {
	var code exitError
	var usage usageError
	var hint hinted
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(e.Stderr, "backissue: interrupted; what was done so far is kept")
		return exitInterrupted
	case errors.Is(err, errReported):
		return exitFailed
	}
	fmt.Fprintf(e.Stderr, "backissue: %v\n", err)
	if errors.As(err, &hint) {
		fmt.Fprintf(e.Stderr, "  %s\n", hint.hint)
	}
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, new(noArchive)):
		return exitNoArchive
	case errors.Is(err, store.ErrNotFound):
		return exitNotFound
	}
	return exitFailed
}

func newRoot(e *env) *cobra.Command {
	g := new(globals)
	root := &cobra.Command{
		Use:   "backissue",
		Short: "Archive the feeds you follow and republish them by tag",
		Long: `backissue pulls every item of the feeds you follow into an archive you own, keeps it
for good, and republishes it as per-tag RSS, Atom and JSON feeds.

Exit codes: 0 done; 1 something failed and the rest was done; 2 the command line
makes no sense; 3 the archive cannot be opened; 4 not in the archive; 75 the
archive is in use by a command that will end; 130 interrupted.`,
		Example: `  backissue serve --demo                       something to look at, without a network
  backissue serve https://example.org/feed     follow a feed and serve the archive
  backissue fetch                              one round of visits, for cron`,
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetIn(e.Stdin)
	root.SetOut(e.Stdout)
	root.SetErr(e.Stderr)
	root.PersistentFlags().StringVar(&g.data, "data", "",
		"folder of the archive (BACKISSUE_DATA; default: backissue in the user's data folder)")
	root.PersistentFlags().BoolVarP(&g.quiet, "quiet", "q", false, "say nothing but what is wrong")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return hinted{usageError{err}, fmt.Sprintf("try: %s --help", c.CommandPath())}
	})
	root.AddCommand(
		newServe(e, g), newFetch(e, g), newAdd(e, g), newRemove(e, g), newImport(e, g),
		newList(e, g), newPoliteness(e, g), newTags(e, g), newFeed(e, g), newShow(e, g),
		newRelease(e, g), newForget(e, g), newWithdraw(e, g), newPublish(e, g), newExport(e, g), newCheck(e, g),
		newBackup(e, g), newRestore(e, g), newRebuild(e, g), newCompact(e, g), newVersion(e), newVerify(e),
	)
	for _, c := range root.Commands() {
		ours(c)
	}
	// Without a verb, or with an unknown one, cobra's own words are good; the exit code is ours.
	root.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return hinted{usageError{fmt.Errorf("unknown command %q", args[0])}, "try: backissue --help"}
		}
		return nil
	}
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	return root
}

// ours makes whatever is wrong with the command line of a verb, and of those below it, a usage error: the
// number of arguments, and flags that do not go together.
func ours(c *cobra.Command) {
	c.Args = spoken(c.Args)
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		if err := c.ValidateFlagGroups(); err != nil {
			return hinted{usageError{err}, fmt.Sprintf("try: %s --help", c.CommandPath())}
		}
		return nil
	}
	for _, sub := range c.Commands() {
		ours(sub)
	}
}

// spoken makes a wrong number of arguments a usage error, and an empty one, which is what a variable
// that was never set leaves in a script.
func spoken(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		err := error(nil)
		if slices.Contains(args, "") {
			err = errors.New("an argument is empty")
		} else if check != nil {
			err = check(c, args)
		}
		if err != nil {
			return hinted{usageError{err}, fmt.Sprintf("try: %s --help", c.CommandPath())}
		}
		return nil
	}
}

// isThere reports whether there is a file or folder at the path.
func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil || errors.Is(err, fs.ErrPermission) // what may not be looked at is there
}
