package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/feed"
)

func newImport(e *env, g *globals) *cobra.Command {
	var asJSON bool
	var base, source string
	var tags []string
	c := &cobra.Command{
		Use:   "import FILE|FOLDER|-…",
		Short: "Take in articles, feeds and lists from files",
		Long: `Take files into the archive: articles in the text layout (docs in feed/document), feeds
(RSS, Atom, JSON Feed) as if they had been fetched, and lists of subscriptions (OPML),
whose feeds are visited at the next round. Of a folder, everything in it that ends like
one of these. "-" reads one file from standard input.

What export has written is imported alone, into an empty archive, which it makes the same
as the one that was exported.

A file that is refused is named with the reason; the others come in all the same, and
the exit code is 1. Importing again what is there adds nothing.`,
		Example: `  backissue import articles/
  backissue import --source https://example.org/feed old-feed-2014.xml
  curl -s https://example.org/post.txt | backissue import -`,
		Args: cobra.MinimumNArgs(1),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	c.Flags().StringVar(&base, "base", "", "resolve relative links of text articles against this URL")
	c.Flags().StringVar(&source, "source", "", "the source that feed files belong to: its URL, name or number")
	c.Flags().StringArrayVar(&tags, "tag", nil, "file what comes from a new source under this tag; may be repeated")
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 1 {
			if was, err := g.importExport(c.Context(), e, args[0]); was {
				return err
			}
		}
		if err := checkTags(tags); err != nil {
			return err
		}
		return g.withArchive(c.Context(), e, func(a *archive) error {
			in := &intake{e: e, a: a, base: base, tags: tags, quiet: g.quiet}
			if source != "" {
				s, err := a.findSource(c.Context(), source)
				if err != nil && !isURL(source) {
					return err
				}
				if in.source = s; err != nil {
					in.source = feed.Source{URL: source}
				}
			}
			var paths []string
			for _, arg := range args {
				if arg != "-" {
					paths = append(paths, arg)
					continue
				}
				data, err := readAll("standard input", e.Stdin)
				if err != nil {
					return fmt.Errorf("read standard input: %w", err)
				}
				if err := in.one(c.Context(), "standard input", data); err != nil {
					in.refusal("standard input", err)
				}
			}
			if err := in.take(c.Context(), paths, g.quiet); err != nil {
				return err
			}
			return in.report(g.quiet, asJSON)
		})
	}
	return c
}

// report prints what an import did; its error gives the exit code.
func (in *intake) report(quiet, asJSON bool) error {
	switch {
	case asJSON:
		if err := writeJSON(in.e.Stdout, map[string]int{
			"added": in.Added, "revised": in.Revised, "same": in.Same,
			"subscribed": in.Subscribed, "refused": in.Failed,
		}); err != nil {
			return err
		}
	case !quiet:
		fmt.Fprintln(in.e.Stdout, in)
	}
	if in.Failed > 0 {
		return errReported
	}
	return nil
}
