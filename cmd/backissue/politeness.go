package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/feed"
)

// politeness is the output of politeness --json.
type politeness struct {
	Sources []polite `json:"sources"`
	Total   tallied  `json:"total"`
}

// tallied is what asking has cost, and how often it was done against a publisher's wish.
type tallied struct {
	Requests    uint64 `json:"requests"`
	NotModified uint64 `json:"not_modified"`
	Bytes       uint64 `json:"bytes"`
	Refused     uint64 `json:"refused"`          // answers of 429 and 503
	Honoured    uint64 `json:"refused_honoured"` // of these, after how many the source was left alone for as long as was asked
	Violations  uint64 `json:"violations"`       // requests sooner than the publisher wanted, but for the owner's own word
}

// polite is one source's.
type polite struct {
	ID    feed.SourceID `json:"id"`
	Name  string        `json:"name"`
	URL   string        `json:"url"`
	Since *time.Time    `json:"since,omitempty"`
	tallied
	Checked *time.Time `json:"checked,omitempty"`
	Allowed *time.Time `json:"allowed,omitempty"` // the earliest moment at which the publisher is content to be asked again
	Due     *time.Time `json:"due,omitempty"`     // when it will be
	TTL     float64    `json:"ttl_seconds,omitempty"`
	Moved   string     `json:"moves_to,omitempty"` // a permanent redirect that is not adopted yet
	MovedAt *time.Time `json:"moves_since,omitempty"`
}

func newPoliteness(e *env, g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "politeness [SOURCE…]",
		Short: "Show how politely the sources are asked",
		Long: `Show for each source, and for all, how many requests were made, how many were answered
"not modified", how many bytes came over the wire, how often the server refused, the
earliest moment at which the publisher is content to be asked again, and when that will be.

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
					p.Total.add(row.tallied)
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
	f := &s.Fetch
	p := polite{
		ID: s.ID, Name: s.Name, URL: s.PublicURL(), Since: jsonTime(f.Tally.Since),
		tallied: tallied{
			Requests: f.Tally.Requests, NotModified: f.Tally.NotModified, Bytes: f.Tally.Bytes,
			Refused: f.Tally.Refused, Violations: f.Tally.Early,
		},
		Checked: jsonTime(f.Checked), Allowed: jsonTime(f.Allowed), TTL: f.TTL.Seconds(),
	}
	if s.Subscribed {
		p.Due = jsonTime(f.Due)
		if f.Due.Before(f.Allowed) {
			p.Violations++
		}
	}
	p.Honoured = p.Refused - min(p.Refused, p.Violations)
	if m := f.Moved; m.URL != "" {
		to := feed.Source{URL: m.URL}
		p.Moved, p.MovedAt = to.PublicURL(), jsonTime(m.Since)
	}
	return p
}

func (t *tallied) add(o tallied) {
	t.Requests += o.Requests
	t.NotModified += o.NotModified
	t.Bytes += o.Bytes
	t.Refused += o.Refused
	t.Honoured += o.Honoured
	t.Violations += o.Violations
}

// share returns the share of answers of 304 for people.
func (t *tallied) share() string {
	if t.Requests == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100*float64(t.NotModified)/float64(t.Requests))
}

func (t *tallied) row(name string, moments ...string) []string {
	row := []string{
		name, strconv.FormatUint(t.Requests, 10), t.share(), strconv.FormatUint(t.Bytes, 10),
		fmt.Sprintf("%d/%d", t.Honoured, t.Refused), strconv.FormatUint(t.Violations, 10),
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
		rows = append(rows, s.row(s.Name, orDash(s.Allowed), orDash(s.Due)))
	}
	if err := table(e.Stdout, append(rows, p.Total.row("all"))); err != nil {
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
