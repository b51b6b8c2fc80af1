package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/markup"
)

func newShow(e *env, g *globals) *cobra.Command {
	var asJSON, revisions bool
	var changes string
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show an article as readable text",
		Example: `  backissue show 1
  backissue show 1 --revisions
  backissue show 1 --diff
  backissue show 1 --diff 2
  backissue show 1 --json`,
	}
	c.Args = func(c *cobra.Command, args []string) error {
		// Of --diff N, as people type it, the N arrives here: only --diff=N is one word.
		if changes == newestRevision && len(args) == 2 {
			changes, args = args[1], args[:1]
		}
		return cobra.ExactArgs(1)(c, args)
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: the article, or a list with --revisions")
	c.Flags().BoolVar(&revisions, "revisions", false, "show every revision, oldest first")
	c.Flags().StringVar(&changes, "diff", "", "show what changed in revision `N` against the one before; without N, in the newest")
	c.Flags().Lookup("diff").NoOptDefVal = newestRevision
	c.RunE = func(c *cobra.Command, args []string) error {
		id, ok := feed.ParseID(args[0])
		if !ok {
			return hinted{usageError{fmt.Errorf("%q is not an article's number", args[0])}, "the number stands in its address: /articles/ID"}
		}
		if changes != "" && revisions {
			return usageError{errors.New("--diff compares two revisions and --revisions shows all; choose one")}
		}
		return g.withExisting(c.Context(), e, func(a *archive) error {
			all, err := a.Revisions(c.Context(), id)
			if err != nil {
				return err
			}
			if changes != "" {
				return showChanges(e, all, changes, asJSON)
			}
			standing, err := a.standing(c.Context(), all)
			if err != nil {
				return err
			}
			if !revisions {
				all = all[len(all)-1:]
			}
			source, err := a.Source(c.Context(), all[0].Source)
			if err != nil {
				return err
			}
			if asJSON {
				return showJSON(e.Stdout, all, &source, standing, revisions)
			}
			for i := range all {
				if i > 0 {
					fmt.Fprint(e.Stdout, "\n\n")
				}
				showText(e.Stdout, &all[i], &source, min(max(e.Width, 40), 78))
			}
			for i, note := range standing.notes() {
				if i == 0 {
					fmt.Fprintln(e.Stdout)
				}
				fmt.Fprintln(e.Stdout, note)
			}
			return nil
		})
	}
	return c
}

// showText writes an article for reading in a terminal of the given width.
func showText(w io.Writer, a *feed.Article, s *feed.Source, width int) {
	line := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	if a.Kicker != "" {
		line("%s", a.Kicker)
	}
	title := wrap(a.Title, width, "")
	if title == "" {
		title = "(no title)"
	}
	line("%s", title)
	longest := 0
	for l := range strings.Lines(title) {
		longest = max(longest, utf8.RuneCountInString(strings.TrimSuffix(l, "\n")))
	}
	line("%s", strings.Repeat("=", longest))
	line("%s", wrap(strings.Join(byline(a, s), " · "), width, ""))
	paragraphs := func(text string) {
		if text = strings.TrimSpace(text); text != "" {
			line("\n%s", wrap(text, width, ""))
		}
	}
	if summary := markup.Text(a.Summary); summary != markup.Text(a.Content) {
		paragraphs(summary)
	}
	for _, i := range a.Images {
		paragraphs("[" + strings.TrimSpace("Image: "+i.Caption+" "+i.URL) + "]")
	}
	paragraphs(markup.Text(a.Content))
	if tags := a.AllTags(); len(tags) > 0 {
		line("\nTags: %s", wrap(strings.Join(tags, ", "), width-6, "      "))
	}
	if len(a.Related) > 0 {
		line("\nRelated:")
	}
	for _, r := range a.Related {
		head := feed.Article{Kicker: r.Kicker, Title: r.Title}
		title := head.Headline()
		if len(r.Tags) > 0 {
			title += " (" + strings.Join(r.Tags, ", ") + ")"
		}
		line("  %s", wrap(title, width-2, "  "))
		if r.Teaser != "" {
			line("    %s", wrap(r.Teaser, width-4, "    "))
		}
	}
	for _, enclosure := range a.Enclosures {
		line("\nEnclosure: %s %s %s", enclosure.URL, enclosure.Type, size(enclosure.Length))
	}
	if a.Link != "" {
		line("\n%s", a.Link)
	}
}

// byline says who wrote the article, when, and where it came from.
func byline(a *feed.Article, s *feed.Source) []string {
	var parts, names []string
	for _, p := range a.Authors {
		names = append(names, p.String())
	}
	if len(names) > 0 {
		parts = append(parts, strings.Join(names, ", "))
	}
	parts = append(parts, day(a.When()), s.DisplayTitle(), "no. "+a.ID.String())
	if a.Revision > 0 {
		parts = append(parts, fmt.Sprintf("revision %d of %s", a.Revision, moment(a.Seen)))
	}
	return parts
}

func size(bytes int64) string {
	if bytes <= 0 {
		return ""
	}
	return strconv.FormatInt((bytes+1<<19)>>20, 10) + " MiB"
}

// wrap breaks the lines of a text that are longer than width, at blanks; lines after the first
// begin with the indent.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	for i, l := range strings.Split(text, "\n") {
		if i > 0 {
			b.WriteString("\n")
			if l != "" {
				b.WriteString(indent)
			}
		}
		column := 0
		for _, word := range strings.Fields(l) {
			n := utf8.RuneCountInString(word)
			switch {
			case column == 0:
			case column+1+n > width:
				b.WriteString("\n" + indent)
				column = 0
			default:
				b.WriteString(" ")
				column++
			}
			b.WriteString(word)
			column += n
		}
	}
	return b.String()
}
