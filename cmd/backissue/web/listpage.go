package web

import (
	"context"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/backissue/backissue/store"
)

// listLen is how many names a page of a list holds.
const listLen = 300

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

// listOf handles the list of the feeds of a section.
func (s *site) listOf(sec section) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		after := r.URL.Query().Get("after")
		if len(after) > 1000 || !utf8.ValidString(after) {
			return badRequest("The name after which the list should go on cannot be read.")
		}
		return s.page(w, r, after == "", func(ctx context.Context) (made, error) {
			feeds, err := s.archive.Feeds(ctx, sec.Kind, after, listLen+1)
			if err != nil {
				return made{}, err
			}
			return made{template: s.pages.list, data: s.buildListPage(sec, after, feeds)}, nil
		})
	}
}

// buildListPage builds a page from feeds, of which there is one more than fits if there are more.
func (s *site) buildListPage(sec section, after string, feeds []store.Feed) listPage {
	p := listPage{layout: s.layout(sec.Title), About: sec.About}
	here := s.prefix + "/" + sec.Path
	p.Canonical = s.base + "/" + sec.Path
	for i := range p.Nav {
		p.Nav[i].Here = p.Nav[i].URL == here
	}
	if after != "" {
		p.First = here
		p.Canonical += "?after=" + url.QueryEscape(after)
	}
	if len(feeds) > listLen {
		feeds = feeds[:listLen]
		p.Next = here + "?after=" + url.QueryEscape(feeds[listLen-1].Name)
	}
	for _, f := range feeds {
		p.Rows = append(p.Rows, listRow{s.link(f), f.Articles, f.Changed.UTC()})
	}
	return p
}
