package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/query"
	"github.com/backissue/backissue/store"
)

func newFeed(e *env, g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "feed",
		Short: "Make feeds of your own from saved searches",
		Long: `Make feeds of your own. A saved search is a feed at /feeds/NAME like that of a tag: in
every format, with everything that it finds in the archive and whatever comes later.

  words "a phrase" begin*       in the headline, the summary or the text
  title:word title:"a phrase"   in the headline
  tag:name  author:name         filed under the tag, written by the author
  source:name                   from this source: its name, its host or its title
  lang:de                       in this language
  since:2023  until:2023-01-15  dated so (a year, a month or a day)

What stands side by side must all be true; OR asks for one side, "-" in front for the
contrary, and parentheses hold together. Two options stand by themselves: limit:50 for at
most so many articles in the feed (older ones are in its archive), and split:tag for a
feed of each tag at /feeds/NAME/TAG besides.`,
		Example: `  backissue feed add nordkorea tag:nordkorea -tag:sport since:2023
  backissue feed load feeds.txt`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newFeedAdd(e, g), newFeedLoad(e, g), newFeedList(e, g), newFeedRemove(e, g))
	return c
}

func newFeedAdd(e *env, g *globals) *cobra.Command {
	var asJSON bool
	var file string
	c := &cobra.Command{
		Use:   "add NAME QUERY…",
		Short: "Make a feed of a search, or change what one searches for",
		Long: `Make a feed of a search, or change what one searches for. What the feed's archive has once
had stays in it. Flags stand in front of the name, so that a query may have "-" in it; the
quotation marks of a phrase must be kept from the shell. With --file, see feed load.`,
		Example: `  backissue feed add nordkorea tag:nordkorea -tag:sport since:2023
  backissue feed add "Far East" '"south china sea" OR taiwan*' limit:30
  backissue feed add --json by-tag source:example split:tag`,
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case file != "":
				return cobra.NoArgs(c, args)
			case len(args) < 2:
				return errors.New("it takes a name and a query")
			}
			return nil
		},
	}
	c.Flags().SetInterspersed(false)
	c.Flags().BoolVar(&asJSON, "json", false, "print the feed as JSON")
	c.Flags().StringVar(&file, "file", "", "make the feeds that this file names; \"-\" reads standard input")
	c.RunE = func(c *cobra.Command, args []string) error {
		return g.defineAll(c.Context(), e, func() ([]query.Definition, error) {
			if file != "" {
				return readDefinitions(e, file)
			}
			d, err := query.ParseDefinition(args[0], strings.Join(args[1:], " "))
			if err != nil {
				err = hinted{usageError{fmt.Errorf("feed %q: %w", args[0], err)}, "try: backissue feed --help"}
			}
			return []query.Definition{d}, err
		}, false, asJSON)
	}
	return c
}

func newFeedLoad(e *env, g *globals) *cobra.Command {
	var asJSON, only bool
	c := &cobra.Command{
		Use:   "load FILE|-",
		Short: "Make the feeds that a file names",
		Long: `Make the feeds that a file names, one in a line: NAME = QUERY. Lines that begin with "#"
say nothing. A feed that is there already is searched for again only if its line has
changed; with --only, feeds that the file does not name end. Nothing is done if a line
makes no sense. feed list --lines writes such a file.`,
		Example: `  backissue feed load feeds.txt
  backissue feed list --lines >feeds.txt`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the feeds as JSON")
	c.Flags().BoolVar(&only, "only", false, "end the feeds that the file does not name")
	c.RunE = func(c *cobra.Command, args []string) error {
		read := func() ([]query.Definition, error) { return readDefinitions(e, args[0]) }
		return g.defineAll(c.Context(), e, read, only, asJSON)
	}
	return c
}

// readDefinitions reads a file of saved searches.
func readDefinitions(e *env, name string) ([]query.Definition, error) {
	var data []byte
	var err error
	if name == "-" {
		name = "standard input"
		data, err = readAll(name, e.Stdin)
	} else {
		data, err = readFile(e.path(name))
	}
	if err != nil {
		return nil, fmt.Errorf("read the feeds: %w", err)
	}
	defs, err := query.ParseDefinitions(string(data))
	if err != nil {
		return nil, hinted{usageError{fmt.Errorf("%s: %w", name, err)}, "try: backissue feed --help"}
	}
	return defs, nil
}

// defineAll makes feeds of searches, and ends the others if there are to be only these. What they are is
// read by the process that has the archive, to which standard input goes.
func (g *globals) defineAll(ctx context.Context, e *env, read func() ([]query.Definition, error), only, asJSON bool) error {
	return g.withArchive(ctx, e, func(a *archive) error {
		defs, err := read()
		if err != nil {
			return err
		}
		rows := []savedSearch{}
		named := make(map[string]bool)
		for i := range defs {
			d := &defs[i]
			named[feed.Slug(d.Name)] = true
			f, err := a.defineOne(ctx, e, d, g.quiet)
			if err != nil {
				return err
			}
			row := toSavedSearch(&f)
			rows = append(rows, row)
			if !g.quiet && !asJSON {
				fmt.Fprintf(e.Stdout, "%s: %s at /feeds/%s\n", row.Title, plural(row.Articles, "article"), row.Name)
			}
		}
		if only {
			if err := a.endOthers(ctx, e, named, g.quiet || asJSON); err != nil {
				return err
			}
		}
		if asJSON {
			return writeJSON(e.Stdout, rows)
		}
		return nil
	})
}

func (a *archive) defineOne(ctx context.Context, e *env, d *query.Definition, quiet bool) (store.Feed, error) {
	bar := newProgress(e, quiet, "searching for "+d.Name, -1)
	defer bar.end()
	def := store.Definition{Name: d.Name, Query: d.Query.String(), Limit: d.Limit, Split: d.Split}
	return a.Define(ctx, def, func(done, of uint64) { bar.to(int(done), int(of)) })
}

// endOthers ends the saved searches that are not named.
func (a *archive) endOthers(ctx context.Context, e *env, named map[string]bool, quiet bool) error {
	rows, err := a.savedSearches(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if named[row.Name] {
			continue
		}
		if err := a.Undefine(ctx, row.Name); err != nil {
			return err
		}
		if !quiet {
			fmt.Fprintf(e.Stdout, "%s: ended\n", row.Title)
		}
	}
	return nil
}

// savedSearch is a saved search in the output of feed list --json.
type savedSearch struct {
	Name      string       `json:"name"`
	Title     string       `json:"title"`
	Query     string       `json:"query"`
	Limit     int          `json:"limit,omitempty"`
	Split     bool         `json:"split,omitempty"`
	Articles  uint64       `json:"articles"`
	Revisions uint64       `json:"revisions"`
	Changed   *time.Time   `json:"changed,omitempty"`
	Parts     []listedFeed `json:"parts,omitempty"`
}

func toSavedSearch(f *store.Feed) savedSearch {
	s := savedSearch{Name: f.Name, Title: f.Title, Articles: f.Articles, Revisions: f.Length, Changed: jsonTime(f.Changed)}
	if d := f.Search; d != nil {
		s.Query, s.Limit, s.Split = d.Query, d.Limit, d.Split
	}
	return s
}

// savedSearches returns all saved searches with the parts into which they are split.
func (a *archive) savedSearches(ctx context.Context) ([]savedSearch, error) {
	rows := []savedSearch{}
	at := make(map[string]int)
	return rows, a.eachFeed(ctx, store.Search, func(f store.Feed) error {
		whole, _, part := strings.Cut(f.Name, "/")
		if i, known := at[whole]; part && known {
			rows[i].Parts = append(rows[i].Parts, listedFeed{f.Name, f.Title, f.Articles, jsonTime(f.Changed)})
			return nil
		}
		at[f.Name] = len(rows)
		rows = append(rows, toSavedSearch(&f))
		return nil
	})
}

// finishSearches goes on with the saved searches that were cut off while they searched the archive.
func (a *archive) finishSearches(ctx context.Context) error {
	return a.eachFeed(ctx, store.Search, func(f store.Feed) error {
		if f.Search == nil || strings.Contains(f.Name, "/") {
			return nil
		}
		_, err := a.Define(ctx, *f.Search, nil)
		return err
	})
}

func newFeedList(e *env, g *globals) *cobra.Command {
	var asJSON, lines bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the feeds that are saved searches",
		Example: `  backissue feed list
  backissue feed list --lines >feeds.txt`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&lines, "lines", false, "print lines that feed load reads")
	c.MarkFlagsMutuallyExclusive("json", "lines")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return g.withExisting(c.Context(), e, func(a *archive) error {
			rows, err := a.savedSearches(c.Context())
			switch {
			case err != nil:
				return err
			case asJSON:
				return writeJSON(e.Stdout, rows)
			case lines:
				return writeDefinitions(e, rows)
			case len(rows) == 0:
				fmt.Fprintln(e.Stdout, "nothing to list; make a feed with: backissue feed add NAME QUERY")
				return nil
			}
			out := [][]string{{"NAME", "ARTICLES", "QUERY"}}
			for i := range rows {
				text, err := rows[i].text()
				if err != nil {
					return err
				}
				out = append(out, []string{rows[i].Name, strconv.FormatUint(rows[i].Articles, 10), text})
			}
			return table(e.Stdout, out)
		})
	}
	return c
}

// definition returns a saved search as its owner writes it.
func (s *savedSearch) definition() (query.Definition, error) {
	q, err := query.Parse(s.Query)
	return query.Definition{Name: s.Title, Query: q, Limit: s.Limit, Split: s.Split}, err
}

// text returns the query with its options.
func (s *savedSearch) text() (string, error) {
	d, err := s.definition()
	if err != nil {
		return "", err
	}
	return d.Text(), nil
}

func writeDefinitions(e *env, rows []savedSearch) error {
	for i := range rows {
		d, err := rows[i].definition()
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(e.Stdout, &d); err != nil {
			return writing(err)
		}
	}
	return nil
}

func newFeedRemove(e *env, g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME…",
		Short: "End feeds that are saved searches; the articles stay",
		Long: `End feeds that are saved searches. Their addresses answer that nothing is there; the articles
stay in the archive and in all other feeds. What a feed has published is kept, and goes on
where the name is defined again, so that an address never comes to hold something else.`,
		Example: `  backissue feed remove nordkorea`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return g.withExisting(c.Context(), e, func(a *archive) error {
				for _, name := range args {
					err := a.Undefine(c.Context(), name)
					switch {
					case errors.Is(err, store.ErrNotFound):
						return hinted{fmt.Errorf("feed %q: %w", name, store.ErrNotFound), "see what there is with: backissue feed list"}
					case err != nil:
						return err
					case !g.quiet:
						fmt.Fprintf(e.Stdout, "%s: ended\n", name)
					}
				}
				return nil
			})
		},
	}
}
