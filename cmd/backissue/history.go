package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
)

// fetchHistory walks through the histories of sources and says what that brought.
func (a *archive) fetchHistory(ctx context.Context, e *env, quiet, asJSON bool, ids []feed.SourceID) error {
	walks := []scheduler.Walk{}
	var stopped error
	for _, id := range ids {
		w, err := a.walk(ctx, e, quiet || asJSON, id)
		switch {
		case errors.Is(err, scheduler.ErrNoHistory):
			w.Err = scheduler.ErrNoHistory
		case errors.Is(err, scheduler.ErrNotSubscribed):
			w.Err = scheduler.ErrNotSubscribed
		default:
			stopped = err
		}
		walks = append(walks, w)
		if stopped != nil {
			break
		}
	}
	failed := a.tellWalks(e, quiet || asJSON, walks)
	if asJSON {
		stopped = errors.Join(writeJSON(e.Stdout, toWalks(walks)), stopped)
	}
	if stopped == nil && failed {
		return errReported
	}
	return stopped
}

// walk walks through the history of one source and shows on a terminal how far it has come.
func (a *archive) walk(ctx context.Context, e *env, quiet bool, id feed.SourceID) (scheduler.Walk, error) {
	bar := newProgress(e, quiet, "fetching history", -1)
	defer func() { bar.end() }()
	return a.Scheduler.History(ctx, id, func(w scheduler.Walk) {
		if w.Taken == 1 && w.Source.Fetch.History.Next == "" { // what is to be taken in is known now
			bar.end()
			bar = newProgress(e, quiet, "taking in", w.Source.Fetch.History.Shelved+1)
		}
		bar.step(1)
	})
}

// tellWalks says what walks have brought, what went wrong in any case, and reports whether anything
// did.
func (a *archive) tellWalks(e *env, quiet bool, walks []scheduler.Walk) (failed bool) {
	for _, w := range walks {
		switch {
		case w.Err != nil, w.Ended && w.Source.Fetch.History.Problem != "":
			failed = true
			fmt.Fprintf(e.Stderr, "backissue: %v\n", w)
		case quiet || !e.Terminal:
		default:
			fmt.Fprintln(e.Stdout, w)
		}
	}
	return failed
}

// walked is a walk in the output of fetch --history --json.
type walked struct {
	Source  feed.SourceID  `json:"source"`
	Name    string         `json:"name"`
	URL     string         `json:"url"`
	Fetched int            `json:"fetched"`
	Taken   int            `json:"taken"`
	Added   int            `json:"added"`
	Revised int            `json:"revised"`
	Problem string         `json:"problem,omitempty"`
	History *listedHistory `json:"history"`
}

func toWalks(walks []scheduler.Walk) []walked {
	out := []walked{}
	for i := range walks {
		w := &walks[i]
		one := walked{
			Source: w.Source.ID, Name: w.Source.Name, URL: w.Source.URL,
			Fetched: w.Fetched, Taken: w.Taken, Added: w.Added, Revised: w.Revised,
			History: toHistory(&w.Source),
		}
		if w.Err != nil {
			one.Problem = w.Err.Error()
		}
		out = append(out, one)
	}
	return out
}

// listedHistory is how far the history of a source has been brought home, in JSON.
type listedHistory struct {
	State     string     `json:"state"` // wanted, fetching, taking in, stuck, done, incomplete
	Documents int        `json:"documents"`
	Waiting   int        `json:"waiting,omitempty"`
	Next      string     `json:"next,omitempty"`
	Begun     *time.Time `json:"begun,omitempty"`
	Done      *time.Time `json:"done,omitempty"`
	Problem   string     `json:"problem,omitempty"`
}

// toHistory returns nil for a source of which no history is known.
func toHistory(s *feed.Source) *listedHistory {
	h := &s.Fetch.History
	if !h.Wanted && h.Done.IsZero() {
		return nil
	}
	return &listedHistory{
		State: historyState(h), Documents: h.Fetched, Waiting: h.Shelved, Next: h.Next,
		Begun: jsonTime(h.Begun), Done: jsonTime(h.Done), Problem: h.Problem,
	}
}

func historyState(h *feed.History) string {
	switch {
	case !h.Wanted && h.Problem != "":
		return "incomplete"
	case !h.Wanted:
		return "done"
	case h.Begun.IsZero():
		return "wanted"
	case h.Next == "":
		return "taking in"
	case h.Problem != "":
		return "stuck"
	}
	return "fetching"
}

// note says the same for people; nothing where there is nothing to say.
func (l *listedHistory) note() string {
	if l == nil {
		return ""
	}
	so := plural(l.Documents, "document")
	switch l.State {
	case "wanted":
		return "history: to be fetched"
	case "fetching":
		return fmt.Sprintf("history: %s fetched so far, next %s", so, l.Next)
	case "taking in":
		return fmt.Sprintf("history: %s fetched, %d of them yet to be taken in", so, l.Waiting)
	case "stuck":
		return fmt.Sprintf("history: %s fetched so far, then: %s; it goes on after the next good visit", so, l.Problem)
	case "incomplete":
		return fmt.Sprintf("history: %s taken in by %s, older ones are missing: %s", so, moment(*l.Done), l.Problem)
	}
	return fmt.Sprintf("history: complete since %s (%s the last time)", moment(*l.Done), so)
}
