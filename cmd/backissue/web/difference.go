package web

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/diff"
)

// diffContext is how many unchanged paragraphs are shown on either side of a change.
const diffContext = 2

func diffPath(id feed.ID) string      { return articlePath(id) + "/diff" }
func revisionsPath(id feed.ID) string { return articlePath(id) + "/revisions" }

func revisionPath(id feed.ID, revision int) string {
	return revisionsPath(id) + "/" + strconv.Itoa(revision)
}

// revisionDiffPath returns the path of the page that compares a revision with the one before.
func revisionDiffPath(id feed.ID, revision int) string { return revisionPath(id, revision) + "/diff" }

// difference is what is not the same in one field of two revisions, ready to be shown.
type difference struct {
	Name  string
	Parts []differencePart
}

// differencePart is a stretch of lines behind some that are left out because they are unchanged.
type differencePart struct {
	Skipped int
	Lines   [][]change
	More    bool // the field goes on, and is cut here
}

// change is a stretch of text that was removed or added, or neither.
type change struct {
	Text           string
	Removed, Added bool
}

// differences compares two revisions. Of each field that differs, it shows up to so many lines around
// the changes.
func differences(old, new *feed.Article, context, lines int) []difference {
	var shown []difference
	for _, f := range diff.Between(old, new) {
		d := difference{Name: strings.ToUpper(f.Name[:1]) + f.Name[1:]}
		left := lines
		for _, h := range diff.Hunks(f.Lines, context) {
			part := differencePart{Skipped: h.Skipped, More: len(h.Lines) > left}
			for _, l := range h.Lines[:min(len(h.Lines), left)] {
				part.Lines = append(part.Lines, changes(l))
			}
			d.Parts = append(d.Parts, part)
			if left -= len(h.Lines); left <= 0 {
				break
			}
		}
		shown = append(shown, d)
	}
	return shown
}

func changes(l diff.Line) []change {
	runs := make([]change, len(l))
	for i, r := range l {
		runs[i] = change{r.Text, r.Op == diff.Removed, r.Op == diff.Added}
	}
	return runs
}

// version is a revision of an article in a list of them.
type version struct {
	Number  int
	Seen    time.Time
	URL     string
	Diff    string // address of the page that compares it with the one before; empty for the first
	Newest  bool
	Changed string // names of the fields in which it differs from the one before
}

func (s *site) versionOf(a *feed.Article, newest int) version {
	v := version{Number: a.Revision, Seen: a.Seen.UTC(), URL: s.prefix + revisionPath(a.ID, a.Revision), Newest: a.Revision == newest}
	if a.Revision > 0 {
		v.Diff = s.prefix + revisionDiffPath(a.ID, a.Revision)
	}
	return v
}

// diffPage shows what changed between two revisions of an article.
type diffPage struct {
	layout
	Article  link
	Lang     string
	From, To version
	Earlier  string // address of the change before; empty for the first one
	Later    string // address of the change after; empty for the last one
	Versions string // address of the list of all versions
	Fields   []difference
}

// diff handles the page that compares the newest revision with the one before.
func (s *site) diff(w http.ResponseWriter, r *http.Request) error {
	return s.compared(w, r, newestRevision)
}

// revisionDiff handles the page that compares a revision with the one before.
func (s *site) revisionDiff(w http.ResponseWriter, r *http.Request) error {
	n, ok := revisionNumber(r)
	if !ok {
		return errNoRevision
	}
	return s.compared(w, r, n)
}

const newestRevision = -1

func (s *site) compared(w http.ResponseWriter, r *http.Request, to int) error {
	id, ok := feed.ParseID(r.PathValue("id"))
	if !ok {
		return errNoArticle
	}
	return s.page(w, r, true, func(ctx context.Context) (made, error) {
		all, err := s.shownRevisions(ctx, id)
		if err != nil {
			return made{}, err
		}
		to := to // the function may run again
		if to == newestRevision {
			to = len(all) - 1
		}
		switch {
		case len(all) < 2:
			return made{}, notHere("This article has never been changed, as far as is known here.")
		case to < 1 || to >= len(all):
			return made{}, notHere("There is no such revision to compare with the one before.")
		}
		return made{template: s.pages.diff, data: s.buildDiffPage(all, to), modified: all[len(all)-1].Seen}, nil
	})
}

func (s *site) buildDiffPage(all []feed.Article, to int) diffPage {
	old, new := &all[to-1], &all[to]
	newest := len(all) - 1
	p := diffPage{
		layout:   s.layout("What changed: " + title(new)),
		Article:  link{title(new), s.prefix + articlePath(new.ID)},
		Lang:     language(new.Language),
		From:     s.versionOf(old, newest),
		To:       s.versionOf(new, newest),
		Versions: s.prefix + revisionsPath(new.ID),
		Fields:   differences(old, new, diffContext, 10_000),
	}
	p.Canonical = s.base + revisionDiffPath(new.ID, to)
	if to > 1 {
		p.Earlier = s.prefix + revisionDiffPath(new.ID, to-1)
	}
	if to < newest {
		p.Later = s.prefix + revisionDiffPath(new.ID, to+1)
	}
	return p
}

// shownRevisions returns the revisions of an article, oldest first; none of one that is withdrawn.
func (s *site) shownRevisions(ctx context.Context, id feed.ID) ([]feed.Article, error) {
	all, err := s.archive.Revisions(ctx, id)
	if err == nil && all[len(all)-1].Withdrawn {
		err = errWithdrawn
	}
	return all, err
}

// versionsPage lists the revisions of an article.
type versionsPage struct {
	layout
	Article  link
	Lang     string
	Versions []version // the newest first
}

func (s *site) versions(w http.ResponseWriter, r *http.Request) error {
	id, ok := feed.ParseID(r.PathValue("id"))
	if !ok {
		return errNoArticle
	}
	return s.page(w, r, true, func(ctx context.Context) (made, error) {
		all, err := s.shownRevisions(ctx, id)
		if err != nil {
			return made{}, err
		}
		newest := &all[len(all)-1]
		p := versionsPage{
			layout:  s.layout("Versions: " + title(newest)),
			Article: link{title(newest), s.prefix + articlePath(id)},
			Lang:    language(newest.Language),
		}
		p.Canonical = s.base + revisionsPath(id)
		for i := len(all) - 1; i >= 0; i-- {
			v := s.versionOf(&all[i], len(all)-1)
			if i > 0 {
				var names []string
				for _, f := range diff.Between(&all[i-1], &all[i]) {
					names = append(names, f.Name)
				}
				v.Changed = cmp.Or(strings.Join(names, ", "), "nothing that is shown")
			}
			p.Versions = append(p.Versions, v)
		}
		return made{template: s.pages.versions, data: p, modified: newest.Seen}, nil
	})
}

// revisionNumber reads the number of a revision in a path.
func revisionNumber(r *http.Request) (int, bool) {
	text := r.PathValue("revision")
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 0 && strconv.Itoa(n) == text
}

// revision handles the page of an article as it was in one revision.
func (s *site) revision(w http.ResponseWriter, r *http.Request) error {
	id, ok := feed.ParseID(r.PathValue("id"))
	n, numbered := revisionNumber(r)
	if !ok || !numbered {
		return errNoRevision
	}
	return s.page(w, r, true, func(ctx context.Context) (made, error) {
		all, err := s.shownRevisions(ctx, id)
		if err != nil {
			return made{}, err
		}
		if n >= len(all) {
			return made{}, notHere("The article has no such revision.")
		}
		names, err := s.articleNames(ctx, &all[n])
		if err != nil {
			return made{}, err
		}
		p := s.buildArticlePage(&all[n], names)
		p.Canonical = s.base + articlePath(id)
		p.Versions, p.History = len(all), s.prefix+revisionsPath(id)
		p.Newest = s.prefix + articlePath(id)
		return made{template: s.pages.article, data: p}, nil
	})
}
