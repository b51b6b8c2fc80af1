package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/scheduler"
)

func newRemove(e *env, g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "remove SOURCE…",
		Short: "End subscriptions; what came from them stays",
		Long: `End subscriptions. A source is named by its URL, its name or its number (see list). Every
article that came from it stays in the archive and in the feeds.`,
		Example: `  backissue remove https://example.org/feed.xml
  backissue remove example`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return g.withExisting(c.Context(), e, func(a *archive) error {
				var first error
				for _, arg := range args {
					s, err := a.findSource(c.Context(), arg)
					if err == nil && s.Subscribed {
						if s, err = a.Unsubscribe(c.Context(), s.ID); err == nil {
							a.heard(scheduler.Event{Source: s}) // so that its hub is left
						}
					}
					switch {
					case err != nil && first == nil:
						first = err
					case err != nil:
						fmt.Fprintf(e.Stderr, "backissue: %v\n", err)
					case !g.quiet:
						fmt.Fprintf(e.Stdout, "no longer subscribed to %s; its articles stay\n", s.DisplayTitle())
					}
				}
				return first
			})
		},
	}
}
