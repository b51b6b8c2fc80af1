package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/query"
	"github.com/backissue/backissue/feed/render"
	"github.com/backissue/backissue/store"
)

const (
	searchPath  = "/search"
	searchParam = "q"
	searchLen   = 100    // how many articles a search finds at most
	searchReach = 20_000 // how many it looks at, the newest first
	searchStep  = 500    // how many of them are read at once
	searchQuery = 1000   // how long a query may be, in bytes
	searchers   = 2      // how many searches run at a time
)

// searchPage is the form for searches, and what one has found.
type searchPage struct {
	layout
	Query   string
	Problem string // why the query cannot be read
	Formats []feedLink
	Days    []day
	Found   bool // a search was made
	Further bool // there may be more than was found
}

// searchOf reads the query of a request: what was typed, and what it means.
func searchOf(r *http.Request) (string, *query.Query, error) {
	text := r.URL.Query().Get(searchParam)
	if len(text) > searchQuery {
		return "", nil, errors.New("the query is too long")
	}
	q, err := query.Parse(text)
	return text, q, err
}

// search handles the page for searches. The form alone has no query in its address, and is a page
// like all others.
func (s *site) search(w http.ResponseWriter, r *http.Request) error {
	asked := r.URL.RawQuery != ""
	return s.page(w, r, !asked, func(ctx context.Context) (made, error) {
		p := searchPage{layout: s.layout("Search")}
		p.Canonical = s.base + searchPath
		page := func() made { return made{template: s.pages.search, class: s.pages.form, data: &p} }
		if !asked {
			return page(), nil
		}
		text, q, err := searchOf(r)
		if p.Query = text; err != nil {
			p.Problem = err.Error()
			return page(), nil
		}
		found, err := s.find(ctx, q)
		if err != nil {
			return made{}, err
		}
		sources, err := s.sources(ctx, found.articles)
		if err != nil {
			return made{}, err
		}
		p.Found, p.Further, p.Days = true, found.further, s.days(found.articles, sources)
		for _, l := range s.formatLinks(searchPath, searchTitle(q)) {
			l.URL += searchQueryOf(q)
			p.Formats = append(p.Formats, l)
		}
		p.Feeds = append(slices.Clone(p.Formats), p.Feeds...)
		return page(), nil
	})
}

func searchTitle(q *query.Query) string { return "Search: " + q.String() }

func searchQueryOf(q *query.Query) string {
	return "?" + url.Values{searchParam: {q.String()}}.Encode()
}

// searchDocument handles searches as feeds. What was found says whether the document is another one;
// none is kept.
func (s *site) searchDocument(format *format) func(http.ResponseWriter, *http.Request) error {
	path := searchPath + format.Ext
	return func(w http.ResponseWriter, r *http.Request) error {
		_, q, err := searchOf(r)
		if err != nil {
			return badRequest("The query cannot be read: " + err.Error() + ".")
		}
		doc, err := s.once(r.Context(), path+searchQueryOf(q), func(ctx context.Context, edition uint64) (*document, error) {
			found, err := s.find(ctx, q)
			if err != nil {
				return nil, err
			}
			d, err := s.foundDocument(ctx, q, format, found.articles)
			if err != nil {
				return nil, err
			}
			var b bytes.Buffer
			if err := format.Write(&b, d); err != nil {
				return nil, fmt.Errorf("write %q: %w", path, err)
			}
			return s.finish(path, format.class, d.Updated, b.Bytes(), edition, false), nil
		})
		if err != nil {
			return err
		}
		s.send(w, r, doc)
		return nil
	}
}

func (s *site) foundDocument(ctx context.Context, q *query.Query, format *format, articles []feed.Article) (*render.Document, error) {
	archive, err := s.identity(ctx)
	d := &render.Document{
		ID:         archive.In("search " + q.String()).String(),
		Title:      searchTitle(q) + " — " + s.title,
		Subtitle:   "What " + s.title + " finds for " + q.String(),
		Language:   commonLanguage(articles),
		Home:       s.base + searchPath + searchQueryOf(q),
		Self:       s.base + searchPath + format.Ext + searchQueryOf(q),
		Icon:       s.base + s.static.icon,
		Updated:    latest(articles),
		Articles:   articles,
		ArticleURL: func(id feed.ID) string { return s.base + articlePath(id) },
	}
	for _, l := range s.alternates(searchPath, format) {
		l.Href += searchQueryOf(q)
		d.Links = append(d.Links, l)
	}
	return d, err
}

// latest returns when the last of the articles came in.
func latest(articles []feed.Article) time.Time {
	last := beginning
	for i := range articles {
		if t := articles[i].Seen; t.After(last) {
			last = t
		}
	}
	return last
}

// found is what a search has found, newest first.
type found struct {
	articles []feed.Article
	further  bool // there may be more
}

// find looks through the newest articles of the feed that holds all that can match. Searches wait for
// one another: each is work, and anybody may ask.
func (s *site) find(ctx context.Context, q *query.Query) (found, error) {
	select {
	case s.searching <- struct{}{}:
		defer func() { <-s.searching }()
	case <-ctx.Done():
		return found{}, ctx.Err()
	}
	ref, err := s.within(ctx, q)
	if errors.Is(err, store.ErrNotFound) {
		return found{}, nil // no article has what all that match would have
	}
	if err != nil {
		return found{}, err
	}
	var f found
	sources := make(map[feed.SourceID]*feed.Source)
	next := store.Query{Ref: ref, Limit: searchStep}
	for looked := 0; looked < searchReach; looked += searchStep {
		page, err := s.archive.Articles(ctx, next)
		if err != nil {
			return found{}, err
		}
		for i := range page.Articles {
			a := &page.Articles[i]
			source, err := s.known(ctx, a.Source, sources)
			if err != nil {
				return found{}, err
			}
			if !q.Match(a, source) {
				continue
			}
			if len(f.articles) == searchLen {
				f.further = true
				return f, nil
			}
			f.articles = append(f.articles, *a)
		}
		if next.Before = page.Next; next.Before.IsZero() {
			return f, nil
		}
	}
	f.further = true
	return f, nil
}

// known returns a source, read once; nil where there is no such one.
func (s *site) known(ctx context.Context, id feed.SourceID, sources map[feed.SourceID]*feed.Source) (*feed.Source, error) {
	if source, ok := sources[id]; ok {
		return source, nil
	}
	source, err := s.archive.Source(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		sources[id] = nil
	case err != nil:
		return nil, err
	default:
		sources[id] = &source
	}
	return sources[id], nil
}

// within returns the feed in which everything is that the query can match, or ErrNotFound where
// nothing can.
func (s *site) within(ctx context.Context, q *query.Query) (store.Ref, error) {
	all := store.Ref{Kind: store.All}
	switch field, value := q.Within(); field {
	case "tag":
		f, err := s.archive.Named(ctx, store.Tag, value)
		return f.Ref, err
	case "author":
		f, err := s.archive.Named(ctx, store.Author, value)
		return f.Ref, err
	case "source":
		return s.oneSource(ctx, value)
	}
	return all, nil
}

// oneSource returns the feed of the source that a query names, or that of everything where it names
// several.
func (s *site) oneSource(ctx context.Context, value string) (store.Ref, error) {
	const some = 500
	var one store.Ref
	for after := feed.SourceID(0); ; {
		sources, err := s.archive.Sources(ctx, after, some)
		if err != nil {
			return one, err
		}
		for i := range sources {
			switch after = sources[i].ID; {
			case !query.Names(value, &sources[i]):
			case one.Name != "":
				return store.Ref{Kind: store.All}, nil
			default:
				one = store.Ref{Kind: store.Source, Name: sources[i].Name}
			}
		}
		if len(sources) < some {
			break
		}
	}
	if one.Name == "" {
		return one, fmt.Errorf("source %q: %w", value, store.ErrNotFound)
	}
	return one, nil
}
