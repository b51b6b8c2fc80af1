package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
)

func newFetch(e *env, g *globals) *cobra.Command {
	var now, history, asJSON bool
	c := &cobra.Command{
		Use:   "fetch [SOURCE…]",
		Short: "Make one round of visits to what is due",
		Long: `Visit every subscription that is due, once, and take in what is new: for cron, as often
as you like, since a publisher who has been visited is not due for an hour at least.
Sources that are named (by URL, name or number) are visited whether they are due or not,
and so is every one with --now; but those whose servers asked to be left alone
(Retry-After) are left alone for as long as they asked.

Where a feed shows a way to its older articles (archive documents, pages, WordPress), these
are fetched too, from the first visit on, some in each round, and so is what was missed
where a gap shows. They are back issues, never shown as new. --history fetches all at once
that is left, of the sources that are named; stopped, it goes on where it was.

In cron it says nothing unless something is wrong.`,
		Example: `  */10 * * * *  backissue fetch
  backissue fetch --now
  backissue fetch example
  backissue fetch --history example`,
	}
	c.Flags().BoolVar(&now, "now", false, "visit all subscriptions, due or not")
	c.Flags().BoolVar(&history, "history", false, "fetch the older articles of the sources that are named")
	c.Flags().BoolVar(&asJSON, "json", false, "print what each visit brought as JSON")
	c.MarkFlagsMutuallyExclusive("now", "history")
	c.RunE = func(c *cobra.Command, args []string) error {
		return g.withExisting(c.Context(), e, func(a *archive) error {
			o := scheduler.RoundOptions{All: now && len(args) == 0}
			for _, arg := range args {
				s, err := a.findSource(c.Context(), arg)
				if err != nil {
					return err
				}
				o.Sources = append(o.Sources, s.ID)
			}
			if history {
				if len(args) == 0 {
					return hinted{usageError{errors.New("the history of which source?")}, "name one as in: backissue fetch --history example"}
				}
				return a.fetchHistory(c.Context(), e, g.quiet, asJSON, o.Sources)
			}
			if asJSON {
				list := jsonList{w: e.Stdout}
				o.Progress = func(v scheduler.Event) { list.add(toVisit(&v)) }
				report, err := a.Scheduler.Round(c.Context(), o)
				return cmp.Or(errors.Join(list.end(), err), failures(&report))
			}
			report, err := a.round(c.Context(), e, g.quiet, o)
			err = errors.Join(a.tellRound(c.Context(), e, g.quiet, &report), err)
			return cmp.Or(err, failures(&report))
		})
	}
	return c
}

// failures returns the error of a command whose visits have failed, of which each has been told.
func failures(r *scheduler.Report) error {
	if r.Failed > 0 {
		return errReported
	}
	return nil
}

// round makes a round and shows on a terminal how far it has come.
func (a *archive) round(ctx context.Context, e *env, quiet bool, o scheduler.RoundOptions) (scheduler.Report, error) {
	bar := newProgress(e, quiet, "visiting", -1)
	defer bar.end()
	o.Progress = func(v scheduler.Event) { bar.to(v.N, v.Of) }
	return a.Scheduler.Round(ctx, o)
}

// tellRound says what a round brought: failures always, the rest only to somebody who looks.
func (a *archive) tellRound(ctx context.Context, e *env, quiet bool, r *scheduler.Report) error {
	for _, v := range r.Events {
		switch {
		case v.Outcome == scheduler.Failed:
			fmt.Fprintf(e.Stderr, "backissue: %v\n", v)
		case v.Outcome == scheduler.Unchanged, quiet || !e.Terminal:
		default:
			fmt.Fprintln(e.Stdout, v)
		}
	}
	a.tellWalks(e, quiet, slices.DeleteFunc(r.Walks, unremarkable))
	if quiet || !e.Terminal {
		return nil
	}
	if r.Visits()+len(r.Walks) > 0 {
		fmt.Fprintln(e.Stdout, summary(r))
		return nil
	}
	next, some, err := a.NextDue(ctx)
	switch {
	case err != nil:
		return err
	case !some:
		fmt.Fprintln(e.Stdout, "there is nothing to visit; subscribe with: backissue add URL")
	default:
		fmt.Fprintf(e.Stdout, "nothing is due before %s; to visit all the same: backissue fetch --now\n", next.Local().Format("15:04 on 2 January"))
	}
	return nil
}

// unremarkable reports whether a stretch of a walk in the background is nothing to tell: it is only put
// off, or there is nothing left to do.
func unremarkable(w scheduler.Walk) bool { return w.Err != nil || w.Fetched+w.Taken == 0 && !w.Ended }

// summary sums up a round for people.
func summary(r *scheduler.Report) string {
	sum := fmt.Sprintf("%s: %d new, %d revised", plural(r.Visits(), "visit"), r.Added, r.Revised)
	if r.Gone > 0 {
		sum += fmt.Sprintf(", %d withdrawn", r.Gone)
	}
	sum += fmt.Sprintf("; %d unchanged, %d failed", r.Unchanged, r.Failed)
	if r.Held > 0 {
		sum += fmt.Sprintf("; %d held back (see: backissue list)", r.Held)
	}
	old := 0
	for _, w := range r.Walks {
		old += w.Added
	}
	if old > 0 {
		sum += "; " + plural(old, "back issue")
	}
	if r.Gaps > 0 {
		sum += "; something was missed at " + plural(r.Gaps, "source")
	}
	return sum
}

// visit is one visit in the output of fetch --json.
type visit struct {
	Source   feed.SourceID `json:"source"`
	Name     string        `json:"name"`
	URL      string        `json:"url"`
	Outcome  string        `json:"outcome"`
	Status   int           `json:"status,omitempty"`
	Added    int           `json:"added"`
	Revised  int           `json:"revised"`
	Held     int           `json:"held,omitempty"`
	Gone     int           `json:"gone,omitempty"`
	Returned int           `json:"returned,omitempty"`
	Gap      bool          `json:"gap,omitempty"`
	Problem  string        `json:"problem,omitempty"`
	Moved    string        `json:"moved,omitempty"`
	Due      *time.Time    `json:"due,omitempty"`
	Duration float64       `json:"seconds"`
}

func toVisit(v *scheduler.Event) visit {
	out := visit{
		Source: v.Source.ID, Name: v.Source.Name, URL: v.Source.URL, Outcome: string(v.Outcome),
		Status: v.Source.Fetch.Status, Added: v.Added, Revised: v.Revised, Moved: v.Moved,
		Held: v.Held, Gone: v.Gone, Returned: v.Returned, Gap: v.Gap,
		Due: jsonTime(v.Source.Fetch.Due), Duration: v.Duration.Seconds(),
	}
	if v.Err != nil {
		out.Problem = v.Err.Error()
	}
	return out
}

// jsonList writes a list for programs, as writeJSON would, but each of its values as soon as it is there:
// a round may make more visits than there is memory for. Once nobody reads any more, it writes no more.
type jsonList struct {
	w   io.Writer
	n   int
	err error
}

func (l *jsonList) add(v any) {
	if l.err != nil {
		return
	}
	var b bytes.Buffer
	if l.n == 0 {
		b.WriteString("[\n  ")
	} else {
		b.WriteString(",\n  ")
	}
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("  ", "  ")
	if l.err = enc.Encode(v); l.err == nil {
		l.n++
		_, l.err = l.w.Write(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	}
}

// end ends the list, and returns why it could not be written.
func (l *jsonList) end() error {
	if l.err == nil {
		end := "\n]\n"
		if l.n == 0 {
			end = "[]\n"
		}
		_, l.err = io.WriteString(l.w, end)
	}
	if l.err != nil {
		return fmt.Errorf("write JSON: %w", l.err)
	}
	return nil
}
