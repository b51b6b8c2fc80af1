package main

import (
	"bufio"
	"context"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// forgotten is an article that is forgotten, as a list shows it.
type forgotten struct {
	ID     feed.ID   `json:"id"`
	At     time.Time `json:"forgotten"`
	Title  string    `json:"title,omitempty"`
	Source string    `json:"source"`           // name
	URL    string    `json:"source_url"`       // of the source
	GUID   string    `json:"guid"`             // that went out
	Purged bool      `json:"purged,omitempty"` // there is nothing left to bring back
}

// eachGone calls f with what is forgotten, some at a time, the last first. It goes through the log of
// changes from its end, and only as far as is asked for.
func (a *archive) eachGone(ctx context.Context, limit int, f func([]forgotten) error) error {
	sources := make(map[feed.SourceID]feed.Source)
	for before, n := uint64(0), 0; ; {
		changes, err := a.Changes(ctx, before, forgetPage)
		if err != nil || len(changes) == 0 {
			return err
		}
		before = changes[len(changes)-1].N
		var some []forgotten
		for _, c := range changes {
			if c.Kind != store.Withdrawn || limit > 0 && n == limit {
				continue
			}
			article, err := a.Article(ctx, c.Article)
			if err != nil {
				return err
			}
			if article.Seq != c.Seq {
				continue // it was brought back, and perhaps forgotten again
			}
			s, known := sources[article.Source]
			if !known {
				if s, err = a.Source(ctx, article.Source); err != nil {
					return err
				}
				sources[article.Source] = s
			}
			n++
			some = append(some, forgotten{c.Article, c.At.UTC(), article.Headline(), s.Name, s.PublicURL(), article.Key, article.Purged})
		}
		if err := f(some); err != nil || limit > 0 && n == limit || before <= 1 {
			return err
		}
	}
}

// printForgotten lists what is forgotten for people.
func (a *archive) printForgotten(ctx context.Context, e *env, limit int) error {
	w := &columns{w: bufio.NewWriter(e.Stdout)}
	any := false
	err := a.eachGone(ctx, limit, func(some []forgotten) error {
		var rows [][]string
		if !any && len(some) > 0 {
			any = true
			rows = append(rows, []string{"ID", "FORGOTTEN", "SOURCE", "TITLE"})
		}
		for i := range some {
			f := &some[i]
			rows = append(rows, []string{f.ID.String(), moment(f.At), f.Source, headline(&feed.Article{Title: f.Title, Purged: f.Purged})})
		}
		return w.rows(rows)
	})
	if err == nil && !any {
		err = w.rows([][]string{{"nothing is forgotten"}})
	}
	return err
}

// forgottenJSON writes what is forgotten as one array, some at a time.
func (a *archive) forgottenJSON(ctx context.Context, e *env, limit int) error {
	w := bufio.NewWriterSize(e.Stdout, 64<<10)
	before, end := "[\n  ", "[]\n"
	err := a.eachGone(ctx, limit, func(some []forgotten) error {
		for i := range some {
			one, err := marshalJSON(&some[i], "  ")
			if err != nil {
				return err
			}
			w.WriteString(before) // an error stays until Flush
			w.Write(one)
			before, end = ",\n  ", "\n]\n"
		}
		return writing(w.Flush())
	})
	if err != nil {
		return err
	}
	w.WriteString(end)
	return writing(w.Flush())
}
