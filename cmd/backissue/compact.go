package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/store/bolt"
)

func newCompact(e *env, g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "compact",
		Short: "Make the archive's file as small as it can be",
		Long: `Write archive.db anew, as small as it can be, compare it with the old one pair by pair, and
put it in its place. A server goes on meanwhile; what it has to write waits. For as long as
that takes there must be room on the disk for both.`,
		Example: `  backissue compact`,
		Args:    cobra.NoArgs,
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		return g.withExisting(c.Context(), e, func(a *archive) error {
			db, ok := a.Store.(*bolt.DB)
			if !ok {
				return errors.New("this archive cannot be compacted") // unreachable: there is one engine
			}
			bar := newProgress(e, g.quiet, "compacting", 1)
			sizes, err := db.Compact(c.Context(), func(done, of int64) { bar.to(int(done), int(of)) })
			bar.end()
			if err != nil {
				return err
			}
			if !g.quiet {
				fmt.Fprintf(e.Stdout, "archive.db: %s before, %s now\n", size(sizes.Before), size(sizes.After))
			}
			return nil
		})
	}
	return c
}
