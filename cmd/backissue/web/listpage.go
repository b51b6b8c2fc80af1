package web

import (
	"context"
	"net/http"
	"time"
)

// listPage is a page of the list of all feeds of one kind.
type listPage struct {
	layout
	About string
	Rows  []listRow
	First string // address of the first page, on all others
	Next  string // address of the next page; empty on the last
}

type listRow struct {
	link
	Articles uint64
	Changed  time.Time
}

// listOf handles the list of the feeds of a section: its first page, and those that begin behind the
// name in the path.
func (s *site) listOf(sec section) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		return s.list(w, r, sec, r.PathValue("name"))
	}
}

func (s *site) list(w http.ResponseWriter, r *http.Request, sec section, after string) error {
	return s.page(w, r, true, func(ctx context.Context) (made, error) {
		feeds, next, err := listed(ctx, s.archive, sec.Kind, after)
		if err != nil {
			return made{}, err
		}
		p := listPage{layout: s.layout(sec.Title), About: sec.About}
		p.inSection(sec.Kind)
		p.Canonical = s.base + escaped(listPath(sec, after))
		if after != "" {
			p.First = s.prefix + listPath(sec, "")
		}
		if next != "" {
			p.Next = s.prefix + escaped(listPath(sec, next))
		}
		for _, f := range feeds {
			p.Rows = append(p.Rows, listRow{s.link(f), f.Articles, f.Changed.UTC()})
		}
		return made{template: s.pages.list, data: p}, nil
	})
}
