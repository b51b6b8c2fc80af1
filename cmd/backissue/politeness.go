package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
)

// politeness is the output of politeness --json.
type politeness struct {
	Sources []polite `json:"sources"`
	Total   tallied  `json:"total"`

	all scheduler.Manners // the same as Total
}

// tallied is what asking has cost, and how often it was done against a publisher's wish.
type tallied struct {
	Requests    uint64   `json:"requests"` // those of walks included
	NotModified uint64   `json:"not_modified"`
	Bytes       uint64   `json:"bytes"`            // likewise
	Refused     uint64   `json:"refused"`          // answers of 429 and 503
	Honoured    uint64   `json:"refused_honoured"` // of these, after how many the source was left alone for as long as was asked
	Violations  uint64   `json:"violations"`       // requests sooner than the publisher wanted, but for the owner's own word
	History     walkCost `json:"history"`          // what walks through the publisher's own archive have cost
}

// walkCost is the part of it that walks have cost.
type walkCost struct {
	Requests uint64     `json:"requests"`
	Bytes    uint64     `json:"bytes"`
	Allowed  *time.Time `json:"allowed,omitempty"` // the earliest moment at which older documents may be asked for again
}

// polite is one source's.
type polite struct {
	ID    feed.SourceID `json:"id"`
	Name  string        `json:"name"`
	URL   string        `json:"url"`
	Since *time.Time    `json:"since,omitempty"`
	tallied
	manners scheduler.Manners // the same
	Checked *time.Time        `json:"checked,omitempty"`
	Allowed *time.Time        `json:"allowed,omitempty"` // the earliest moment at which the publisher is content to be asked again
	Due     *time.Time        `json:"due,omitempty"`     // when it will be
	TTL     float64           `json:"ttl_seconds,omitempty"`
	Moved   string            `json:"moves_to,omitempty"` // a permanent redirect that is not adopted yet
	MovedAt *time.Time        `json:"moves_since,omitempty"`
}

func newPoliteness(e *env, g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "politeness [SOURCE…]",
		Short: "Show how politely the sources are asked",
		Long: `Show for each source, and for all, how many requests were made, how many were answered
"not modified", how many bytes came over the wire, how often the server refused, the
earliest moment at which the publisher is content to be asked again, and when that will be.
Walks through a publisher's own archive are counted too; --json has them apart. The share of
"not modified" is that of visits.

A violation is a request sooner than that which nobody asked for by name, or one that is
planned. There must be none; if there is one, the exit code is 1.`,
		Example: `  backissue politeness
  backissue politeness example
  backissue politeness --json | jq .total`,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		return g.withExisting(c.Context(), e, func(a *archive) error {
			p := politeness{Sources: []polite{}}
			add := func(s feed.Source) error {
				if len(args) > 0 || s.Subscribed || s.Fetch.Tally.Requests > 0 {
					row := toPolite(&s)
					p.all.Add(row.manners)
					p.Sources = append(p.Sources, row)
				}
				return nil
			}
			var err error
			if len(args) == 0 {
				err = a.eachSource(c.Context(), add)
			}
			for _, arg := range args {
				s, findErr := a.findSource(c.Context(), arg)
				if findErr != nil {
					return findErr
				}
				err = add(s)
			}
			if err != nil {
				return err
			}
			p.Total = toTallied(&p.all)
			if asJSON {
				err = writeJSON(e.Stdout, p)
			} else {
				err = p.print(e)
			}
			if err == nil && p.Total.Violations > 0 {
				return errReported
			}
			return err
		})
	}
	return c
}

func toPolite(s *feed.Source) polite {
	f, m := &s.Fetch, scheduler.MannersOf(s)
	p := polite{
		ID: s.ID, Name: s.Name, URL: s.PublicURL(), Since: jsonTime(f.Tally.Since), tallied: toTallied(&m), manners: m,
		Checked: jsonTime(f.Checked), Allowed: jsonTime(f.Allowed), TTL: f.TTL.Seconds(),
	}
	p.History.Allowed = jsonTime(f.History.Allowed)
	if s.Subscribed {
		p.Due = jsonTime(f.Due)
	}
	if m := f.Moved; m.URL != "" {
		to := feed.Source{URL: m.URL}
		p.Moved, p.MovedAt = to.PublicURL(), jsonTime(m.Since)
	}
	return p
}

func toTallied(m *scheduler.Manners) tallied {
	return tallied{
		Requests: m.Requests, NotModified: m.NotModified, Bytes: m.Bytes, Refused: m.Refused, Honoured: m.Honoured,
		Violations: m.Violations, History: walkCost{Requests: m.Walked.Requests, Bytes: m.Walked.Bytes},
	}
}

// mannersRow returns a row of the table.
func mannersRow(name string, m *scheduler.Manners, moments ...string) []string {
	share := "-"
	if part, some := m.Repeated(); some {
		share = fmt.Sprintf("%.0f%%", 100*part)
	}
	row := []string{
		name, strconv.FormatUint(m.Requests, 10), share, strconv.FormatUint(m.Bytes, 10),
		fmt.Sprintf("%d/%d", m.Honoured, m.Refused), strconv.FormatUint(m.Violations, 10),
	}
	return append(row, moments...)
}

func (p *politeness) print(e *env) error {
	if len(p.Sources) == 0 {
		fmt.Fprintln(e.Stdout, "nobody is asked for anything; add a feed with: backissue add URL")
		return nil
	}
	rows := [][]string{{"NAME", "REQUESTS", "304", "BYTES", "REFUSALS HONOURED", "VIOLATIONS", "ALLOWED FROM", "DUE"}}
	for _, s := range p.Sources {
		rows = append(rows, mannersRow(s.Name, &s.manners, orDash(s.Allowed), orDash(s.Due)))
	}
	if err := table(e.Stdout, append(rows, mannersRow("all", &p.all))); err != nil {
		return err
	}
	for _, s := range p.Sources {
		if s.Moved != "" {
			fmt.Fprintf(e.Stdout, "%s: says since %s that it has moved to %s\n", s.Name, orDash(s.MovedAt), s.Moved)
		}
	}
	return nil
}

func orDash(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return moment(*t)
}
