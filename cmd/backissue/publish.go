package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/cmd/backissue/publish"
	"github.com/backissue/backissue/cmd/backissue/web"
)

// publishing is what publish was asked to do.
type publishing struct {
	e      *env
	g      *globals
	base   string
	title  string
	whole  bool
	over   bool
	asJSON bool
}

func newPublish(e *env, g *globals) *cobra.Command {
	p := &publishing{e: e, g: g}
	c := &cobra.Command{
		Use:   "publish DIR",
		Short: "Write what serve shows as plain files, for any web server",
		Long: `Write everything that serve shows as files below DIR: every feed in every format with its
archive documents, the pages, the list of feeds; each also compressed with gzip where that
gains anything. Any web server can serve them to any number of readers; docs/publish.md
has a configuration for nginx.

Files are replaced one by one, each in one step, and only those whose content has changed;
what has not changed since the last time is not even looked at. The address and the title
are remembered in DIR.

In cron it says nothing unless something is wrong.`,
		Example: `  backissue publish /var/www/feeds --base-url https://feeds.example.org
  */10 * * * *  backissue fetch && backissue publish /var/www/feeds`,
		Args: cobra.ExactArgs(1),
	}
	f := c.Flags()
	f.StringVar(&p.base, "base-url", "", "address at which DIR will be served (BACKISSUE_BASE_URL; default: as the last time)")
	f.StringVar(&p.title, "title", "", "title of the archive (default: as the last time, or backissue)")
	f.BoolVar(&p.whole, "whole", false, "look at every document, as if DIR were new; files that are right are left alone")
	f.BoolVar(&p.over, "overwrite", false, "publish into a folder that holds something else")
	f.BoolVar(&p.asJSON, "json", false, "print what was done as JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		return g.withExisting(c.Context(), e, func(a *archive) error { return p.run(c.Context(), a, e.path(args[0])) })
	}
	return c
}

func (p *publishing) run(ctx context.Context, a *archive, dir string) error {
	address, title, err := publish.Last(dir)
	if err != nil {
		return err
	}
	base := cmp.Or(p.base, p.e.Getenv("BACKISSUE_BASE_URL"), address)
	if base == "" {
		return hinted{usageError{errors.New("where the folder will be served is not known")}, "say so, once, with --base-url https://…"}
	}
	title = cmp.Or(p.title, title, defaultTitle)
	site, err := web.New(web.Options{Archive: a.Store, BaseURL: base, Title: title, Version: release, CacheBytes: publishCache})
	if err != nil {
		return usageError{err}
	}
	a.publishing.Lock() // whoever has the archive publishes for all, one after the other
	defer a.publishing.Unlock()
	bar := newProgress(p.e, p.g.quiet || p.asJSON, "publishing", -1)
	report, err := publish.Publish(ctx, publish.Options{
		Archive: a.Store, Site: site, Dir: dir, Address: base, Title: title, Version: release, Whole: p.whole, Overwrite: p.over,
		Progress: func(looked int) { bar.to(looked, -1) },
	})
	bar.end()
	switch {
	case errors.Is(err, publish.ErrForeign):
		return hinted{err, "name a new or an empty one, or say --overwrite"}
	case p.asJSON:
		err = errors.Join(writeJSON(p.e.Stdout, report), err)
	case p.e.Terminal && !p.g.quiet:
		fmt.Fprintf(p.e.Stdout, "%s written, %s removed, %s looked at\n",
			plural(report.Written, "file"), fmt.Sprint(report.Removed), plural(report.Looked, "document"))
	}
	return err
}

// publishCache is how much of what it has rendered publish keeps in memory: each document only until
// its compressed form has been asked for too.
const publishCache = 32 << 20
