package web

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/backissue/backissue/feed/opml"
	"github.com/backissue/backissue/store"
)

const (
	opmlPath    = "/feeds.opml"
	outlinesLen = 1000 // how many feeds are read at once
)

// opml handles the list of every feed that goes out, for import into a reader.
func (s *site) opml(w http.ResponseWriter, r *http.Request) error {
	if doc := s.current(opmlPath); doc != nil && s.send(w, r, doc) {
		return nil
	}
	doc, err := s.once(r.Context(), opmlPath, func(ctx context.Context, edition uint64) (*document, error) {
		all, err := s.archive.Feed(ctx, store.Ref{Kind: store.All})
		if err != nil {
			return nil, err
		}
		outlines, err := s.outlines(ctx)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := opml.Write(&b, s.title, outlines); err != nil {
			return nil, fmt.Errorf("write %q: %w", opmlPath, err)
		}
		return s.finish(opmlPath, s.opmlClass, changed(all), b.Bytes(), edition, true), nil
	})
	if err != nil {
		return err
	}
	s.send(w, r, doc)
	return nil
}

// outlines returns every feed in Atom, which can say the most, below the names of their sections.
func (s *site) outlines(ctx context.Context) ([]opml.Outline, error) {
	outlines := []opml.Outline{s.outline(store.Feed{Ref: store.Ref{Kind: store.All}, Title: s.title})}
	for _, sec := range sections() {
		for after := ""; ; {
			feeds, err := s.archive.Feeds(ctx, sec.Kind, after, outlinesLen)
			if err != nil {
				return nil, err
			}
			for _, f := range feeds {
				outlines = append(outlines, s.outline(f, sec.Title))
				after = f.Name
			}
			if len(feeds) < outlinesLen {
				break
			}
		}
	}
	return outlines, nil
}

func (s *site) outline(f store.Feed, folders ...string) opml.Outline {
	return opml.Outline{
		Title: f.Title,
		URL:   s.base + escaped(path(f.Ref)+".atom"),
		Home:  s.base + escaped(path(f.Ref)),
		Type:  "rss", // what the format's own examples and all readers have for feeds of any kind
		Tags:  folders,
	}
}
