package main

import (
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// checkTags refuses what was typed for a tag and is none.
func checkTags(tags []string) error {
	for _, tag := range tags {
		if feed.TagKey(tag) == "" {
			return hinted{usageError{errors.New("a tag is empty or much too long")}, "leave out --tag for none"}
		}
	}
	return nil
}

// listedFeed is a tag in the output of tags --json.
type listedFeed struct {
	Name     string     `json:"name"`
	Title    string     `json:"title"`
	Articles uint64     `json:"articles"`
	Changed  *time.Time `json:"changed,omitempty"`
}

func newTags(e *env, g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "tags",
		Short: "List the tags, each of which is a feed",
		Example: `  backissue tags
  backissue tags --json`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return g.withExisting(c.Context(), e, func(a *archive) error {
			rows := []listedFeed{}
			err := a.eachFeed(c.Context(), store.Tag, func(f store.Feed) error {
				rows = append(rows, listedFeed{f.Name, f.Title, f.Articles, jsonTime(f.Changed)})
				return nil
			})
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(e.Stdout, rows)
			}
			out := [][]string{{"NAME", "ARTICLES", "TAG"}}
			for _, r := range rows {
				out = append(out, []string{r.Name, strconv.FormatUint(r.Articles, 10), r.Title})
			}
			return table(e.Stdout, out)
		})
	}
	return c
}
