package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/store"
)

func newWithdraw(e *env, g *globals) *cobra.Command {
	var undo bool
	c := &cobra.Command{
		Use:    "withdraw ID…",
		Short:  "Forget articles by their numbers, without being asked",
		Long:   `What forget was called before: withdraw ID… is forget --yes ID…, for scripts that have it.`,
		Hidden: true,
		Args:   cobra.MinimumNArgs(1),
	}
	c.Flags().BoolVar(&undo, "undo", false, "bring withdrawn articles back as they were")
	c.RunE = func(c *cobra.Command, args []string) error {
		ids, err := parseIDs(args)
		if err != nil {
			return err
		}
		return g.withExisting(c.Context(), e, func(a *archive) error {
			do, done := a.Withdraw, "withdrawn"
			if undo {
				do, done = a.Restore, "brought back"
			}
			failed := do(c.Context(), ids...)
			if g.quiet {
				return failed
			}
			for _, id := range ids {
				article, err := a.Article(c.Context(), id)
				if errors.Is(err, store.ErrNotFound) {
					continue // said in failed
				}
				if err != nil {
					return errors.Join(failed, err)
				}
				if article.Withdrawn != undo {
					fmt.Fprintf(e.Stdout, "article %s %s: %s\n", id, done, article.Headline())
				}
			}
			return failed
		})
	}
	return c
}
