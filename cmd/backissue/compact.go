package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store/bolt"
)

func newCompact(e *env, g *globals) *cobra.Command {
	var purge, yes bool
	c := &cobra.Command{
		Use:   "compact",
		Short: "Make the archive's file as small as it can be; remove what is forgotten",
		Long: `Write archive.db anew, as small as it can be, compare it with the old one pair by pair, and
put it in its place. A server goes on meanwhile; what it has to write waits. For as long as
that takes there must be room on the disk for both.

With --purge, what is forgotten (see forget) is removed for good, from archive.db and from
what was received as it came (raw/); only a tombstone of each article is left. What it is
is shown first, and you are asked; without a terminal --yes is needed. Backups that were
made before keep it, and so do folders that publish has written, until publish --whole:
see docs/forget.md.`,
		Example: `  backissue compact
  backissue compact --purge`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&purge, "purge", false, "remove what is forgotten for good")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "with --purge, do not ask")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if yes && !purge {
			return usageError{errors.New("--yes goes with --purge")}
		}
		return g.withExisting(c.Context(), e, func(a *archive) error {
			db, ok := a.Store.(*bolt.DB)
			if !ok {
				return errors.New("this archive cannot be compacted") // unreachable: there is one engine
			}
			if purge {
				return a.purge(c.Context(), e, g, db, yes)
			}
			bar := newProgress(e, g.quiet, "compacting", 1)
			sizes, err := db.Compact(c.Context(), func(done, of int64) { bar.to(int(done), int(of)) })
			bar.end()
			if err == nil {
				sizesSaid(e, g, sizes)
			}
			return err
		})
	}
	return c
}

func sizesSaid(e *env, g *globals, s bolt.Sizes) {
	if !g.quiet {
		fmt.Fprintf(e.Stdout, "archive.db: %s before, %s now\n", size(s.Before), size(s.After))
	}
}

// purge removes what is forgotten for good, once it is sure.
func (a *archive) purge(ctx context.Context, e *env, g *globals, db *bolt.DB, yes bool) error {
	ids, err := db.Purgeable(ctx)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		told, err := a.doomed(ctx, ids)
		if err != nil {
			return err
		}
		if err := confirm(e, yes, told, "Remove for good", uint64(len(ids))); err != nil {
			return err
		}
	}
	// A backup that is being made copies files that would be removed.
	a.backingUp.Lock()
	defer a.backingUp.Unlock()
	bar := newProgress(e, g.quiet, "removing", 1)
	done, err := db.Purge(ctx, func(done, of int64) { bar.to(int(done), int(of)) })
	bar.end()
	if err != nil || g.quiet {
		return err
	}
	fmt.Fprintf(e.Stdout, "%s removed for good", plural(uint64(done.Articles), "article"))
	if done.Captures > 0 {
		fmt.Fprintf(e.Stdout, ", and %s as they were received", plural(uint64(done.Captures), "document"))
	}
	fmt.Fprintln(e.Stdout)
	sizesSaid(e, g, done.Sizes)
	return nil
}

// doomed says what is going to be removed for good.
func (a *archive) doomed(ctx context.Context, ids []feed.ID) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s would be removed for good, and cannot be brought back then", plural(uint64(len(ids)), "forgotten article"))
	for i, id := range ids {
		if i == fewHeadlines {
			b.WriteString("\n  …")
			break
		}
		article, err := a.Article(ctx, id)
		if err != nil {
			return "", err
		}
		b.WriteString("\n  " + id.String() + "  " + headline(&article))
	}
	return b.String(), nil
}
