package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/render"
	"github.com/backissue/backissue/store"
)

// subscriptionLen is how many articles a feed document holds, where there are so many.
const subscriptionLen = 100

// beginning is the date of a feed in which nothing has happened yet. Any will do that does not move.
var beginning = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// format is a format of feed documents as this site puts it out.
type format struct {
	render.Format
	class *class
}

func newFormats() []format {
	var formats []format
	for _, f := range render.Formats() {
		formats = append(formats, format{f, newFeedClass(f.MediaType)})
	}
	return formats
}

// cutFormat cuts a known extension off a name.
func (s *site) cutFormat(name string) (string, *format) {
	for i := range s.formats {
		if bare, ok := strings.CutSuffix(name, s.formats[i].Ext); ok {
			return bare, &s.formats[i]
		}
	}
	return name, nil
}

// feedOf handles the feeds of a kind: their documents by extension, and their pages.
func (s *site) feedOf(kind store.Kind) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		name, format := s.cutFormat(r.PathValue("name"))
		ref := store.Ref{Kind: kind, Name: name}
		if kind == store.All {
			if name != "feed" {
				return errNoPage
			}
			ref.Name = ""
		}
		if format == nil {
			return s.feedPage(w, r, ref)
		}
		return s.feedDocument(w, r, ref, format)
	}
}

// feedDocument answers with a feed in a format. The feed's record says what the validators are, so
// whoever has the document hears so before any article is read.
func (s *site) feedDocument(w http.ResponseWriter, r *http.Request, ref store.Ref, format *format) error {
	path := path(ref) + format.Ext
	doc := s.current(path)
	if doc == nil {
		edition := s.archive.Edition()
		f, err := s.record(r.Context(), ref, format.Ext)
		if err != nil {
			return err
		}
		doc = s.cache.get(path)
		if tag := s.feedTag(f, format); doc == nil || doc.tag != tag {
			doc = newDocument(path, format.class, tag, changed(f), nil)
			s.cache.put(doc)
		}
		doc.checked.Store(edition)
	}
	if s.send(w, r, doc) {
		return nil
	}
	doc, err := s.once(r.Context(), path, func(ctx context.Context, edition uint64) (*document, error) {
		return s.renderFeed(ctx, ref, format, edition)
	})
	if err != nil {
		return err
	}
	s.send(w, r, doc)
	return nil
}

// record returns a feed's record. A name that is spelled otherwise than its URL name ("Köln",
// letters that were taken apart on the way) leads to the right address.
func (s *site) record(ctx context.Context, ref store.Ref, ext string) (store.Feed, error) {
	f, err := s.archive.Feed(ctx, ref)
	if !errors.Is(err, store.ErrNotFound) {
		return f, err
	}
	other, err := s.archive.Named(ctx, ref.Kind, ref.Name)
	if errors.Is(err, store.ErrNotFound) {
		other, err = s.archive.Feed(ctx, store.Ref{Kind: ref.Kind, Name: feed.Slug(ref.Name)})
	}
	if err == nil && other.Name != "" {
		return store.Feed{}, moved(escaped(path(other.Ref) + ext))
	}
	return f, notHere("There is no feed of this name.")
}

// feedTag is the opaque part of a feed document's entity tags: what decides its bytes. Two archives,
// or one before and after it was set back, do not share any.
func (s *site) feedTag(f store.Feed, format *format) string {
	return fingerprint(s.salt, format.Name, path(f.Ref), f.Title, f.Changed.UTC().Format(time.RFC3339Nano),
		strconv.FormatUint(f.Edition, 10), strconv.FormatUint(f.Length, 10))
}

// renderFeed makes a feed document and puts it into the cache.
func (s *site) renderFeed(ctx context.Context, ref store.Ref, format *format, edition uint64) (*document, error) {
	path := path(ref) + format.Ext
	f, articles, err := s.subscription(ctx, ref)
	if err != nil {
		return nil, err
	}
	id, err := s.feedID(ctx, ref)
	if err != nil {
		return nil, err
	}
	d := s.subscriptionDocument(id, f, format, articles)
	if f.Kind == store.Source {
		source, err := s.archive.Source(ctx, f.Source)
		if err != nil {
			return nil, err
		}
		d.Describe(&source)
	}
	var b bytes.Buffer
	if err := format.Write(&b, d); err != nil {
		return nil, fmt.Errorf("write feed %q: %w", path, err)
	}
	doc := newDocument(path, format.class, s.feedTag(f, format), changed(f), append([]byte{}, b.Bytes()...))
	doc.checked.Store(edition)
	s.cache.put(doc)
	return doc, nil
}

// subscription reads a feed's record and its articles as they were at one moment: an entity tag must
// never name the bytes of a later edition. A feed that changes faster than it can be read is taken
// as it comes in the end.
func (s *site) subscription(ctx context.Context, ref store.Ref) (store.Feed, []feed.Article, error) {
	f, err := s.archive.Feed(ctx, ref)
	if err != nil {
		return f, nil, err
	}
	for tries := 0; ; tries++ {
		articles, err := store.Subscription(ctx, s.archive, f, subscriptionLen)
		if err != nil {
			return f, nil, err
		}
		after, err := s.archive.Feed(ctx, ref)
		if err != nil || after.Edition == f.Edition || tries == 3 {
			return f, articles, err
		}
		f = after
	}
}

// subscriptionDocument builds the document of a feed's newest articles.
func (s *site) subscriptionDocument(id string, f store.Feed, this *format, articles []feed.Article) *render.Document {
	d := &render.Document{
		ID:         id,
		Title:      s.feedTitle(f),
		Subtitle:   s.feedSubtitle(f),
		Language:   commonLanguage(articles),
		Home:       s.base + escaped(path(f.Ref)),
		Self:       s.base + escaped(path(f.Ref)+this.Ext),
		Icon:       s.base + s.static.icon,
		Updated:    changed(f),
		Articles:   articles,
		ArticleURL: func(id feed.ID) string { return s.base + articlePath(id) },
	}
	for _, other := range s.formats {
		if other.Ext != this.Ext {
			d.Links = append(d.Links, feed.Link{
				Rel: "alternate", Href: s.base + escaped(path(f.Ref)+other.Ext), Type: bareType(other.MediaType), Title: other.Name,
			})
		}
	}
	return d
}

func (s *site) feedTitle(f store.Feed) string {
	if f.Kind == store.All || f.Title == "" {
		return s.title
	}
	return f.Title + " — " + s.title
}

func (s *site) feedSubtitle(f store.Feed) string {
	switch f.Kind {
	case store.Tag:
		return "What " + s.title + " keeps under the tag " + f.Title
	case store.Source:
		return "What " + s.title + " keeps of " + f.Title
	case store.Author:
		return "What " + s.title + " keeps by " + f.Title
	}
	return "Everything that " + s.title + " keeps"
}

func changed(f store.Feed) time.Time {
	if f.Changed.IsZero() {
		return beginning
	}
	return f.Changed
}

// commonLanguage returns the language of all articles, or "" if there is no such one.
func commonLanguage(articles []feed.Article) string {
	if len(articles) == 0 || slices.ContainsFunc(articles, func(a feed.Article) bool {
		return !strings.EqualFold(a.Language, articles[0].Language)
	}) {
		return ""
	}
	return articles[0].Language
}

// bareType cuts the parameters off a media type.
func bareType(mediaType string) string {
	t, _, _ := strings.Cut(mediaType, ";")
	return t
}
