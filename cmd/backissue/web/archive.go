package web

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// issue is a sealed archive document of a feed (RFC 5005 §4). Nothing that goes out of it depends on
// anything but the log's positions that it holds, what was sealed with them, and what the archive's
// owner calls it and where it is reached: copies are good for ever, unless something of it is purged.
type issue struct {
	store.Sealed
	ref   store.Ref
	k     uint64    // its place among the feed's documents, counted from 0
	until time.Time // when the last of its articles came in, or something of it was purged
}

// feed returns the feed as it was called when the document was sealed.
func (i *issue) feed() store.Feed { return store.Feed{Ref: i.ref, Title: i.Title} }

// path returns the document's path without extension.
func (i *issue) path() string { return archivePath(i.ref, i.k) }

// archiveOf handles the archive documents of the feeds of a kind, in each format and as pages.
func (s *site) archiveOf(kind store.Kind) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		return s.archived(w, r, store.Ref{Kind: kind, Name: r.PathValue("name")}, r.PathValue("document"))
	}
}

// archived answers with an archive document by its number and extension.
func (s *site) archived(w http.ResponseWriter, r *http.Request, ref store.Ref, name string) error {
	number, format := s.cutFormat(name)
	n, ok := parseCount(number)
	if !ok {
		return notHere("Archive documents have numbers, and this is none.")
	}
	k := n - 1
	if format == nil {
		return s.issuePage(w, r, ref, k)
	}
	return s.answer(w, r, published{
		path:  archivePath(ref, k) + format.Ext,
		class: format.sealed,
		validity: func(ctx context.Context) (validity, error) {
			i, err := s.issue(ctx, ref, k, format.Ext)
			return s.issueValidity(&i, format), err
		},
		render: func(ctx context.Context, w io.Writer) (validity, error) {
			i, err := s.issue(ctx, ref, k, format.Ext)
			if err != nil {
				return validity{}, err
			}
			return s.issueValidity(&i, format), s.renderIssue(ctx, w, &i, format)
		},
	})
}

// issue looks an archive document up. The one that is sealed next is the live document until then:
// the document before it, whose bytes never change, has led there from the start.
func (s *site) issue(ctx context.Context, ref store.Ref, k uint64, ext string) (issue, error) {
	sealed, err := s.archive.Document(ctx, ref, k)
	if errors.Is(err, store.ErrNotFound) {
		f, err := s.record(ctx, ref, archiveDir+strconv.FormatUint(k+1, 10)+ext)
		switch {
		case err != nil:
			return issue{}, err
		case k <= f.Sealed:
			return issue{}, elsewhere(escaped(path(ref) + ext))
		}
		return issue{}, notHere("This feed has no such archive document yet.")
	}
	if err != nil {
		return issue{}, err
	}
	last, err := s.archive.Log(ctx, ref, sealed.To-1, 1)
	if err != nil {
		return issue{}, err
	}
	i := issue{sealed, ref, k, beginning}
	if len(last) > 0 {
		i.until = last[0].Seen
	}
	if i.Purged.After(i.until) {
		i.until = i.Purged
	}
	return i, nil
}

// issueValidity is known without reading more than the last of the document's articles. It says too
// when that came, since an archive that was set back goes on with others.
func (s *site) issueValidity(i *issue, format *format) validity {
	return validity{fingerprint(s.base, s.title, format.Name, i.path(), i.Title,
		strconv.FormatUint(i.From, 10), strconv.FormatUint(i.To, 10), i.until.UTC().Format(time.RFC3339Nano)), i.until}
}

// issueArticles reads the articles of an archive document, newest first.
func (s *site) issueArticles(ctx context.Context, i *issue) ([]feed.Article, error) {
	articles, err := s.archive.Log(ctx, i.ref, i.From, int(i.To-i.From))
	slices.SortFunc(articles, func(a, b feed.Article) int {
		return cmp.Or(b.When().Compare(a.When()), cmp.Compare(b.Seq, a.Seq))
	})
	return articles, err
}

func (s *site) renderIssue(ctx context.Context, w io.Writer, i *issue, format *format) error {
	articles, err := s.issueArticles(ctx, i)
	if err != nil {
		return err
	}
	d, err := s.feedDocumentOf(ctx, i.feed(), articles)
	if err != nil {
		return err
	}
	at := func(rel, path string) feed.Link {
		return feed.Link{Rel: rel, Href: s.base + escaped(path+format.Ext), Type: bareType(format.MediaType)}
	}
	d.Archive = true
	d.Self = s.base + escaped(i.path()+format.Ext)
	d.Updated = i.until
	d.Links = append(s.alternates(i.path(), format), at("current", path(i.ref)), at("next-archive", archivePath(i.ref, i.k+1)))
	if i.k > 0 {
		older := at("prev-archive", archivePath(i.ref, i.k-1))
		d.Links = append(d.Links, older)
		d.NextURL = older.Href
	}
	if i.About != nil {
		d.Describe(i.About)
	}
	return format.Write(w, d)
}
