package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
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
	class  *class // of what changes
	live   *class // of the live documents of feeds
	delta  *class // of what is new in them
	sealed *class // of archive documents
}

// newFormats returns the formats as they go out where deltas are offered or not.
func newFormats(deltas bool) []format {
	var formats []format
	for _, f := range render.Formats() {
		live := newFeedClass(f.MediaType, feedsKeep)
		out := format{f, live, live, nil, newFeedClass(f.MediaType, sealedKeep)}
		if deltas {
			out.live = newFeedClass(f.MediaType, feedsKeep, deltaVary()...)
			out.delta = newDeltaClass(f.MediaType)
		}
		formats = append(formats, out)
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
		name := r.PathValue("name")
		if kind != store.All {
			return s.feed(w, r, kind, name)
		}
		rest, ok := strings.CutPrefix(name, "feed")
		if bare, _ := s.cutFormat(rest); !ok || bare != "" {
			return errNoPage
		}
		return s.feed(w, r, kind, rest)
	}
}

// feed answers with the live document of a feed, or its page, by its name and extension.
func (s *site) feed(w http.ResponseWriter, r *http.Request, kind store.Kind, name string) error {
	name, format := s.cutFormat(name)
	ref := store.Ref{Kind: kind, Name: name}
	if format == nil {
		return s.feedPage(w, r, ref)
	}
	return s.feedDocument(w, r, ref, format)
}

// below handles what is below the list of a section in which names may have two parts: a search, and
// the tag of a part of it.
func (s *site) below(sec section) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		rest := r.PathValue("rest")
		if strings.HasSuffix(rest, "/") || rest == "" {
			return moved(strings.TrimRight(r.URL.EscapedPath(), "/"))
		}
		if after, ok := strings.CutPrefix("/"+rest, listAfter); ok {
			return s.list(w, r, sec, after)
		}
		if i := strings.LastIndex(rest, archiveDir); i > 0 {
			return s.archived(w, r, store.Ref{Kind: sec.Kind, Name: rest[:i]}, rest[i+len(archiveDir):])
		}
		return s.feed(w, r, sec.Kind, rest)
	}
}

// validity is what can be said of a document before it is made: what it is then, and since when.
type validity struct {
	tag      string
	modified time.Time
}

// published is a document that goes out under a path and of which the archive's records say what
// its validators are, so that whoever has it hears so before any article is read.
type published struct {
	path     string
	class    *class
	links    []string // the Link field; nil for none
	validity func(context.Context) (validity, error)
	// render makes the document, and says what it is as it was made.
	render func(context.Context, io.Writer) (validity, error)
}

// answer answers with a published document.
func (s *site) answer(w http.ResponseWriter, r *http.Request, p published) error {
	doc, err := s.validated(r.Context(), p)
	if err != nil || s.send(w, r, doc) {
		return err
	}
	doc, err = s.once(r.Context(), p.path, func(ctx context.Context, edition uint64) (*document, error) {
		var b bytes.Buffer
		v, err := p.render(ctx, &b)
		if err != nil {
			return nil, fmt.Errorf("write %q: %w", p.path, err)
		}
		doc := newDocument(p.path, p.class, v.tag, v.modified, bytes.Clone(b.Bytes()))
		doc.links = p.links
		doc.checked.Store(edition)
		s.cache.put(doc)
		return doc, nil
	})
	if err != nil {
		return err
	}
	s.send(w, r, doc)
	return nil
}

// validated returns the document as it is in the cache if it is as the archive is now, else one
// that has validators and no body.
func (s *site) validated(ctx context.Context, p published) (*document, error) {
	if doc := s.current(p.path); doc != nil {
		return doc, nil
	}
	edition := s.archive.Edition()
	v, err := p.validity(ctx)
	if err != nil {
		return nil, err
	}
	doc := s.cache.get(p.path)
	if doc == nil || doc.tag != v.tag {
		doc = newDocument(p.path, p.class, v.tag, v.modified, nil)
		s.cache.put(doc)
	}
	doc.checked.Store(edition)
	return doc, nil
}

// feedDocument answers with a feed in a format.
func (s *site) feedDocument(w http.ResponseWriter, r *http.Request, ref store.Ref, format *format) error {
	p := published{
		path:  path(ref) + format.Ext,
		class: format.live,
		links: s.discovery(path(ref) + format.Ext),
		validity: func(ctx context.Context) (validity, error) {
			f, err := s.record(ctx, ref, format.Ext)
			return validity{s.feedTag(f, format), changed(f)}, err
		},
		render: func(ctx context.Context, w io.Writer) (validity, error) { return s.renderFeed(ctx, w, ref, format) },
	}
	if s.wantsDelta(r.Header) {
		doc, err := s.validated(r.Context(), p)
		if err != nil {
			return err
		}
		if _, same := doc.unmodified(r.Header, identity); !same {
			if sent, err := s.feedDelta(w, r, ref, format); sent || err != nil {
				return err
			}
		}
	}
	return s.answer(w, r, p)
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

// renderFeed writes the live document of a feed.
func (s *site) renderFeed(ctx context.Context, w io.Writer, ref store.Ref, format *format) (validity, error) {
	f, articles, err := s.subscription(ctx, ref)
	if err != nil {
		return validity{}, err
	}
	d, err := s.liveDocument(ctx, f, format, articles)
	if err != nil {
		return validity{}, err
	}
	// Where nothing is sealed, all there ever was is in the log's open tail, and so in here.
	d.Complete = f.Sealed == 0
	return validity{s.feedTag(f, format), changed(f)}, format.Write(w, d)
}

// liveDocument builds a document of articles that says of itself that it is the live one.
func (s *site) liveDocument(ctx context.Context, f store.Feed, this *format, articles []feed.Article) (*render.Document, error) {
	d, err := s.feedDocumentOf(ctx, f, articles)
	if err != nil {
		return nil, err
	}
	d.Self = s.base + escaped(path(f.Ref)+this.Ext)
	d.Updated = changed(f)
	d.Links = s.alternates(path(f.Ref), this)
	if f.Sealed > 0 {
		newest := s.base + escaped(archivePath(f.Ref, f.Sealed-1)+this.Ext)
		d.Links = append(d.Links, feed.Link{Rel: "prev-archive", Href: newest, Type: bareType(this.MediaType)})
		d.NextURL = newest
	}
	for _, hub := range s.hubs {
		d.Links = append(d.Links, feed.Link{Rel: "hub", Href: hub})
	}
	if f.Kind == store.Source {
		source, err := s.archive.Source(ctx, f.Source)
		if err != nil {
			return nil, err
		}
		d.Describe(&source)
	}
	return d, nil
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

// feedDocumentOf builds what all documents of a feed have in common, with the title that it has in f.
func (s *site) feedDocumentOf(ctx context.Context, f store.Feed, articles []feed.Article) (*render.Document, error) {
	id, err := s.feedID(ctx, f.Ref)
	return &render.Document{
		ID:         id,
		Title:      s.feedTitle(f),
		Subtitle:   s.feedSubtitle(f),
		Language:   commonLanguage(articles),
		Home:       s.base + escaped(path(f.Ref)),
		Icon:       s.base + s.static.icon,
		Articles:   articles,
		OneSource:  f.Kind == store.Source,
		ArticleURL: func(id feed.ID) string { return s.base + articlePath(id) },
	}, err
}

// alternates are the links to a document in the other formats.
func (s *site) alternates(path string, this *format) []feed.Link {
	var links []feed.Link
	for _, other := range s.formats {
		if other.Ext != this.Ext {
			links = append(links, feed.Link{
				Rel: "alternate", Href: s.base + escaped(path+other.Ext), Type: bareType(other.MediaType), Title: other.Name,
			})
		}
	}
	return links
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
	case store.Search:
		return "What " + s.title + " finds for " + f.Title
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
	language, some := "", false
	for i := range articles {
		switch a := &articles[i]; {
		case a.Withdrawn:
		case !some:
			language, some = a.Language, true
		case !strings.EqualFold(a.Language, language):
			return ""
		}
	}
	return language
}

func withdrawn(a feed.Article) bool { return a.Withdrawn }

// bareType cuts the parameters off a media type.
func bareType(mediaType string) string {
	t, _, _ := strings.Cut(mediaType, ";")
	return t
}
