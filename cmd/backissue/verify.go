package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/cmd/backissue/backup"
)

// verifyVerb is the verb of newVerify, which nobody types.
const verifyVerb = "verify-copy"

// newVerify is what verifyApart has another process do. It stops when standard input ends, so that it does not
// outlive the process that wants to know.
func newVerify(e *env) *cobra.Command {
	return &cobra.Command{
		Use: verifyVerb + " ARCHIVE RAW", Args: cobra.ExactArgs(2), Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			if e.archive != nil {
				return usageError{errors.New("this is not for people")}
			}
			giveWay()
			ctx, stop := context.WithCancel(c.Context())
			defer stop()
			go func() {
				_, _ = io.Copy(io.Discard, e.Stdin)
				stop()
			}()
			v, err := backup.Look(ctx, e.path(args[0]), e.path(args[1]))
			if err != nil {
				return err
			}
			return json.NewEncoder(e.Stdout).Encode(v)
		},
	}
}

// verifyApart is [backup.Look] in a process of its own: one that serves readers meanwhile would have to make
// room for all that a check has to remember, and they to wait for the collector that goes through it. That
// process takes one processor at most, and leaves it to others.
func verifyApart(ctx context.Context, archive, raw string) (v backup.Verdict, err error) {
	self, err := executable()
	if err != nil {
		return backup.Look(ctx, archive, raw)
	}
	cmd := exec.CommandContext(ctx, self, verifyVerb, archive, raw)
	cmd.Args[0] = "backissue"
	cmd.Env = []string{"GOMAXPROCS=1", "TMPDIR=" + os.TempDir()}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	stdin, err := cmd.StdinPipe() // closed when the process has ended, or this one has
	if err != nil {
		return v, fmt.Errorf("check the copy: %w", err)
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		return backup.Look(ctx, archive, raw) // no room for another, perhaps
	}
	if err := cmd.Wait(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return v, cause
		}
		return v, fmt.Errorf("check the copy: %w: %s", err, strings.TrimPrefix(strings.TrimSpace(said.String()), "backissue: "))
	}
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		return v, fmt.Errorf("check the copy: %w", err)
	}
	return v, nil
}
