package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

func newWithdraw(e *env, g *globals) *cobra.Command {
	var undo bool
	c := &cobra.Command{
		Use:   "withdraw ID…",
		Short: "Take articles out of the archive's feeds and pages",
		Long: `Take articles out, by their numbers. A withdrawn article leaves every feed, list and search;
its page says that it is withdrawn (410 Gone), and the Atom feeds tell readers to drop it
(RFC 6721). Its publisher may bring it as often as he likes: it does not come back, and
if other sources have the same article, theirs stay in those sources' own feeds only;
withdraw those by their own numbers.

What went out before cannot be called back: an archive document that was sealed already
(/feed/archive/1.atom, and so on) never changes, and keeps the article as it published it,
as do the copies that readers have. The archive itself keeps every version too, for its
owner: show ID --revisions.`,
		Example: `  backissue withdraw 12
  backissue withdraw --undo 12`,
		Args: cobra.MinimumNArgs(1),
	}
	c.Flags().BoolVar(&undo, "undo", false, "bring withdrawn articles back as they were")
	c.RunE = func(c *cobra.Command, args []string) error {
		ids := make([]feed.ID, len(args))
		for i, arg := range args {
			var ok bool
			if ids[i], ok = feed.ParseID(arg); !ok {
				return hinted{usageError{fmt.Errorf("%q is not an article's number", arg)}, "the number stands in its address: /articles/ID"}
			}
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
