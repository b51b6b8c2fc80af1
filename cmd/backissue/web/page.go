package web

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/backissue/backissue/store"
)

//go:embed templates
var templateFiles embed.FS

// pages are the templates, one for each kind of page, parsed once.
type pages struct {
	index, feed, list, article, diff, versions, changes, search, status, problem *template.Template

	class *class
	form  *class // of pages on which there is something to fill in
}

func newPages() (*pages, error) {
	p := &pages{class: newPageClass("'none'"), form: newPageClass("'self'")}
	layout, err := template.New("layout.html").Funcs(template.FuncMap{
		"count":    count,
		"day":      func(t time.Time) string { return t.Format("2 January 2006") },
		"weekday":  func(t time.Time) string { return t.Format("Monday, 2 January 2006") },
		"clock":    func(t time.Time) string { return t.Format("15:04") },
		"datetime": func(t time.Time) string { return t.Format(time.RFC3339) },
	}).ParseFS(templateFiles, "templates/layout.html", "templates/entries.html")
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	for name, into := range map[string]**template.Template{
		"index": &p.index, "feed": &p.feed, "list": &p.list, "article": &p.article,
		"diff": &p.diff, "versions": &p.versions, "changes": &p.changes,
		"search": &p.search, "status": &p.status, "problem": &p.problem,
	} {
		page, err := layout.Clone()
		if err == nil {
			*into, err = page.ParseFS(templateFiles, "templates/"+name+".html")
		}
		if err != nil {
			return nil, fmt.Errorf("parse template %q: %w", name, err)
		}
	}
	return p, nil
}

// layout is what every page has around its own matter.
type layout struct {
	Site       string // the archive's title
	Root       string // path below which everything is, without a slash at its end
	Stylesheet string
	Icon       string
	Version    string
	Title      string      // of the page
	Canonical  string      // the address that search engines shall show
	Feeds      []feedLink  // for autodiscovery, the page's own in front
	Nav        []navigator // ways to the sections
}

// feedLink leads to a feed in one of its formats.
type feedLink struct {
	Name  string // of the format
	Title string // of the feed
	URL   string
	// Type is the whole attribute, as simple programs look for it: escaping would turn the plus
	// signs of media types into references.
	Type template.HTMLAttr
}

type navigator struct {
	Name, URL string
	Here      bool
}

// link is a name that may lead somewhere.
type link struct {
	Name string
	URL  string // empty where it does not
}

// layout returns what surrounds a page with this title.
func (s *site) layout(title string) layout {
	l := layout{
		Site:       s.title,
		Root:       s.prefix,
		Stylesheet: s.prefix + s.static.stylesheet,
		Icon:       s.prefix + s.static.icon,
		Version:    s.version,
		Title:      title,
		Feeds:      s.feedLinks(store.Feed{Ref: store.Ref{Kind: store.All}}),
	}
	for _, sec := range sections() {
		l.Nav = append(l.Nav, navigator{Name: sec.Title, URL: s.prefix + "/" + sec.Path})
	}
	return l
}

// feedLayout returns what surrounds a page with this path that has a feed of its own.
func (s *site) feedLayout(title, path string, f store.Feed) layout {
	l := s.layout(title)
	l.Canonical = s.base + escaped(path)
	if f.Kind != store.All {
		l.Feeds = append(s.feedLinks(f), l.Feeds...)
	}
	return l
}

// inSection marks the section of the feeds of a kind as the one that the page is in.
func (l *layout) inSection(kind store.Kind) {
	for i, sec := range sections() {
		l.Nav[i].Here = sec.Kind == kind
	}
}

// feedLinks are the links to a feed in each format.
func (s *site) feedLinks(f store.Feed) []feedLink { return s.formatLinks(path(f.Ref), s.feedTitle(f)) }

// formatLinks are the links to what has this path in each format.
func (s *site) formatLinks(path, title string) []feedLink {
	links := make([]feedLink, 0, len(s.formats))
	for _, format := range s.formats {
		links = append(links, feedLink{
			Name:  format.Name,
			Title: title,
			URL:   s.prefix + escaped(path+format.Ext),
			Type:  template.HTMLAttr(`type="` + bareType(format.MediaType) + `"`),
		})
	}
	return links
}

func (s *site) link(f store.Feed) link {
	return link{Name: f.Title, URL: s.prefix + escaped(path(f.Ref))}
}

// made is a page that is ready to be written.
type made struct {
	template *template.Template
	data     any
	modified time.Time // when what the page shows last changed; zero where nothing says
	class    *class    // nil is that of all pages but those that say otherwise
}

// page answers with the page that build makes. Pages show things from many records, so a page's own
// bytes are its validator; but none is built again while the archive stands still. A page of
// another query than none is one of very many, each seldom asked for, and is not kept.
func (s *site) page(w http.ResponseWriter, r *http.Request, keep bool, build func(context.Context) (made, error)) error {
	path := r.URL.Path
	if keep {
		if doc := s.current(path); doc != nil && s.send(w, r, doc) {
			return nil
		}
	}
	key := path
	if !keep {
		key += "?" + r.URL.RawQuery
	}
	doc, err := s.once(r.Context(), key, func(ctx context.Context, edition uint64) (*document, error) {
		page, err := build(ctx)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := page.template.Execute(&b, page.data); err != nil {
			return nil, fmt.Errorf("write page %q: %w", path, err)
		}
		return s.finish(path, cmp.Or(page.class, s.pages.class), page.modified, legible(b.Bytes()), edition, keep), nil
	})
	if err != nil {
		return err
	}
	s.send(w, r, doc)
	return nil
}

// finish returns the document of bytes that were made at an edition of the archive. If they are the
// same as before, it is the same document, with the encodings that it has by now.
func (s *site) finish(path string, c *class, modified time.Time, body []byte, edition uint64, keep bool) *document {
	tag := fingerprint(string(body))
	doc := s.cache.get(path)
	if !keep || doc == nil || doc.tag != tag {
		doc = newDocument(path, c, tag, modified, append([]byte{}, body...))
		if keep {
			doc.checked.Store(edition)
			s.cache.put(doc)
		}
	}
	doc.checked.Store(edition)
	return doc
}

// count writes a number with its thousands apart.
func count(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// legible takes out of a page what may not stand in HTML (noncharacters and controls other than
// white space) and mends what is not UTF-8. Publishers' texts have both.
func legible(page []byte) []byte {
	return bytes.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r', r == '\f':
			return r
		case r < 0x20, 0x7f <= r && r <= 0x9f, 0xfdd0 <= r && r <= 0xfdef, r&0xfffe == 0xfffe:
			return -1
		}
		return r
	}, page)
}
