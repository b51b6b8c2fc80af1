package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// listed is a source in the output of list --json.
type listed struct {
	ID         feed.SourceID `json:"id"`
	Name       string        `json:"name"`
	URL        string        `json:"url"`
	Title      string        `json:"title"`
	Home       string        `json:"home_page_url,omitempty"`
	Tags       []string      `json:"tags,omitempty"`
	Subscribed bool          `json:"subscribed"`
	Articles   uint64        `json:"articles"`
	Added      *time.Time    `json:"added,omitempty"`
	Checked    *time.Time    `json:"checked,omitempty"`
	Changed    *time.Time    `json:"changed,omitempty"`
	Due        *time.Time    `json:"due,omitempty"`
	Status     int           `json:"status,omitempty"`
	Failures   int           `json:"failures,omitempty"`
	Problem    string        `json:"problem,omitempty"`
	Repairs    []string      `json:"repairs,omitempty"`
	Identity   string        `json:"identity"`
	Held       int           `json:"held,omitempty"`
	Gaps       int           `json:"gaps,omitempty"`
	Gap        *listedGap    `json:"last_gap,omitempty"`

	History *listedHistory `json:"history,omitempty"`
}

// listedGap is a stretch of a source's history that was missed.
type listedGap struct {
	Noticed *time.Time `json:"noticed,omitempty"`
	Since   *time.Time `json:"since,omitempty"`
	Until   *time.Time `json:"until,omitempty"`
}

func newList(e *env, g *globals) *cobra.Command {
	var asJSON, problems bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the sources with how they are doing",
		Example: `  backissue list
  backissue list --problems
  backissue list --json | jq -r '.[] | select(.subscribed) | .url'`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&problems, "problems", false, "only sources that failed, had to be mended, missed something or hold something back")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return g.withExisting(c.Context(), e, func(a *archive) error {
			rows := []listed{}
			each := a.eachSource
			if problems {
				each = a.eachTroubled
			}
			err := each(c.Context(), func(s feed.Source) error {
				f, err := a.Feed(c.Context(), store.Ref{Kind: store.Source, Name: s.Name})
				if err != nil {
					return err
				}
				rows = append(rows, toListed(&s, &f))
				return nil
			})
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(e.Stdout, rows)
			}
			if problems && len(rows) == 0 {
				fmt.Fprintln(e.Stdout, "no problems")
				return nil
			}
			return printList(e, rows)
		})
	}
	return c
}

func toListed(s *feed.Source, f *store.Feed) listed {
	l := listed{
		ID: s.ID, Name: s.Name, URL: s.URL, Title: s.DisplayTitle(), Home: s.Home, Tags: s.Tags,
		Subscribed: s.Subscribed, Articles: f.Articles, Added: jsonTime(s.Added),
		Checked: jsonTime(s.Fetch.Checked), Changed: jsonTime(s.Fetch.Changed),
		Status: s.Fetch.Status, Failures: s.Fetch.Failures, Problem: s.Fetch.Problem, Repairs: s.Fetch.Repairs,
		Identity: s.Identity.String(), Held: s.Held, Gaps: s.Fetch.Gaps, History: toHistory(s),
	}
	if gap := s.Fetch.Gap; s.Fetch.Gaps > 0 {
		l.Gap = &listedGap{jsonTime(gap.Noticed), jsonTime(gap.Since), jsonTime(gap.Until)}
	}
	if s.Subscribed {
		l.Due = jsonTime(s.Fetch.Due)
	}
	return l
}

func printList(e *env, rows []listed) error {
	if len(rows) == 0 {
		fmt.Fprintln(e.Stdout, "nothing to list; add a feed with: backissue add URL")
		return nil
	}
	out := [][]string{{"NAME", "ARTICLES", "CHECKED", "STATE", "URL"}}
	for _, l := range rows {
		checked := "-"
		if l.Checked != nil {
			checked = moment(*l.Checked)
		}
		out = append(out, []string{l.Name, strconv.FormatUint(l.Articles, 10), checked, l.state(), l.URL})
	}
	if err := table(e.Stdout, out); err != nil {
		return err
	}
	for _, l := range rows {
		for _, note := range l.notes() {
			fmt.Fprintf(e.Stdout, "%s: %s\n", l.Name, note)
		}
	}
	return nil
}

// state sums up how a source is doing.
func (l *listed) state() string {
	switch {
	case !l.Subscribed:
		return "not polled"
	case l.Problem != "":
		return fmt.Sprintf("failing (%d): %s", l.Failures, l.Problem)
	case l.Checked == nil:
		return "not visited yet"
	}
	return "ok"
}

// notes say what the owner may want to know or to do about a source, each in a line.
func (l *listed) notes() []string {
	var notes []string
	if l.Held > 0 {
		notes = append(notes, fmt.Sprintf("%d held back from the live feeds; to let them in: backissue release %s", l.Held, l.Name))
	}
	if l.Gap != nil {
		note := "missed something"
		if l.Gap.Since != nil && l.Gap.Until != nil {
			note += fmt.Sprintf(" between %s and %s", moment(*l.Gap.Since), moment(*l.Gap.Until))
		} else if l.Gap.Noticed != nil {
			note += " before " + moment(*l.Gap.Noticed)
		}
		if l.Gaps > 1 {
			note += fmt.Sprintf(" (the last of %d gaps)", l.Gaps)
		}
		notes = append(notes, note)
	}
	if note := l.History.note(); note != "" {
		notes = append(notes, note)
	}
	for _, repair := range l.Repairs {
		notes = append(notes, "mended: "+repair)
	}
	if l.Identity != feed.PolicyAuto.String() {
		notes = append(notes, "articles are told apart by their "+l.Identity+" alone")
	}
	return notes
}
