package main

import (
	"bufio"
	"cmp"
	"context"
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
	Push    *listedPush    `json:"push,omitempty"`
}

// listedPush is how a source's WebSub hub stands.
type listedPush struct {
	Hub     string     `json:"hub"`
	Until   *time.Time `json:"until,omitempty"`
	Pushed  *time.Time `json:"pushed,omitempty"`
	Problem string     `json:"problem,omitempty"`
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
			var pages pager = a.Roster
			if problems {
				pages = a.troubled
			}
			if asJSON {
				return listJSON(c.Context(), e, pages)
			}
			none := "nothing to list; add a feed with: backissue add URL"
			if problems {
				none = "no problems"
			}
			return printList(c.Context(), e, pages, none)
		})
	}
	return c
}

// pager fills the next page of a list of sources, after the given one, and returns how many are on it.
type pager func(ctx context.Context, after feed.SourceID, page []store.Listed) (int, error)

// listPages calls f with one page after the other. The next one is read while f works, and the one before
// that is written over.
func listPages(ctx context.Context, next pager, f func([]store.Listed) error) error {
	type result struct {
		page []store.Listed
		err  error
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready := make(chan result)
	go func() {
		defer close(ready)
		page, other := make([]store.Listed, listPage), make([]store.Listed, listPage)
		for after := feed.SourceID(0); ; page, other = other, page {
			n, err := next(ctx, after, page)
			select {
			case ready <- result{page[:n], err}:
			case <-ctx.Done():
				return
			}
			if err != nil || n == 0 {
				return
			}
			after = page[n-1].ID
		}
	}()
	for r := range ready {
		if r.err != nil || len(r.page) == 0 {
			return r.err
		}
		if err := f(r.page); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// listJSON writes a list as one array, a source at a time.
func listJSON(ctx context.Context, e *env, next pager) error {
	w := bufio.NewWriterSize(e.Stdout, 64<<10)
	before := "[\n  "
	err := listPages(ctx, next, func(page []store.Listed) error {
		for i := range page {
			one, err := marshalJSON(toListed(&page[i]), "  ")
			if err != nil {
				return err
			}
			w.WriteString(before) // an error stays until Flush
			w.Write(one)
			before = ",\n  "
		}
		return nil
	})
	if before[0] == '[' {
		w.WriteString("[]\n")
	} else {
		w.WriteString("\n]\n")
	}
	return cmp.Or(err, writing(w.Flush()))
}

func toListed(s *store.Listed) listed {
	l := listed{
		ID: s.ID, Name: s.Name, URL: s.URL, Title: s.DisplayTitle(), Home: s.Home, Tags: s.Tags,
		Subscribed: s.Subscribed, Articles: s.Articles, Added: jsonTime(s.Added),
		Checked: jsonTime(s.Fetch.Checked), Changed: jsonTime(s.Fetch.Changed),
		Status: s.Fetch.Status, Failures: s.Fetch.Failures, Problem: s.Fetch.Problem, Repairs: s.Fetch.Repairs,
		Identity: s.Identity.String(), Held: s.Held, Gaps: s.Fetch.Gaps, History: toHistory(&s.Source),
	}
	if gap := s.Fetch.Gap; s.Fetch.Gaps > 0 {
		l.Gap = &listedGap{jsonTime(gap.Noticed), jsonTime(gap.Since), jsonTime(gap.Until)}
	}
	if p := &s.Fetch.Push; p.Hub != "" {
		l.Push = &listedPush{p.Hub, jsonTime(p.Until), jsonTime(p.Pushed), p.Problem}
	}
	if s.Subscribed {
		l.Due = jsonTime(s.Fetch.Due)
	}
	return l
}

func printList(ctx context.Context, e *env, next pager, none string) error {
	w := bufio.NewWriterSize(e.Stdout, 64<<10)
	c := columns{w: w}
	head := []string{"NAME", "ARTICLES", "CHECKED", "STATE", "URL"}
	var notes []string
	err := listPages(ctx, next, func(page []store.Listed) error {
		rows := make([][]string, 0, len(page)+1)
		if head != nil {
			rows = append(rows, head)
			head = nil
		}
		for i := range page {
			l := toListed(&page[i])
			rows = append(rows, []string{
				l.Name, strconv.FormatUint(l.Articles, 10), moment(page[i].Fetch.Checked), l.state(), l.URL,
			})
			for _, note := range l.notes() {
				notes = append(notes, l.Name+": "+note)
			}
		}
		return c.rows(rows)
	})
	if err == nil && head != nil {
		fmt.Fprintln(w, none)
	}
	for _, note := range notes {
		fmt.Fprintln(w, note)
	}
	return cmp.Or(err, writing(w.Flush()))
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
