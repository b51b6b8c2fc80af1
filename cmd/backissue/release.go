package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newRelease(e *env, g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "release SOURCE…",
		Short: "Let what is held back into the live feeds",
		Long: `Let what is held back of a source into the live feeds. When a publisher puts up hundreds
of old articles at once, or dates all of them anew, they are kept and can be read here,
but your readers are spared them until you say so. A source is named by its URL, its name
or its number; list says which ones hold something back.`,
		Example: `  backissue release example`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return g.withExisting(c.Context(), e, func(a *archive) error {
				for _, arg := range args {
					s, err := a.findSource(c.Context(), arg)
					if err != nil {
						return err
					}
					n, err := a.Release(c.Context(), s.ID)
					switch {
					case err != nil:
						return err
					case g.quiet:
					case n == 0:
						fmt.Fprintf(e.Stdout, "nothing of %s is held back\n", s.DisplayTitle())
					default:
						fmt.Fprintf(e.Stdout, "%s of %s released\n", plural(n, "article"), s.DisplayTitle())
					}
				}
				return nil
			})
		},
	}
}
