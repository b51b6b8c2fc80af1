package web

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/markup"
	"github.com/backissue/backissue/store"
)

// articlePage shows one article in its newest revision, or in another.
type articlePage struct {
	layout
	Kicker     string
	Headline   string
	TitleCut   bool
	Lang       string
	Teaser     template.HTML // cleaned; empty where the text begins with it
	Figures    []figure
	Authors    []link
	Published  time.Time // zero where the publisher gave no date
	Timed      bool
	Updated    time.Time // zero where that says nothing new
	Dateline   string
	Body       template.HTML // cleaned
	Enclosures []enclosure
	Tags       []link
	Related    []related
	Source     link
	Original   link
	Links      []link
	Rights     string
	Archived   time.Time // when the article came in
	Revised    time.Time // when this version came in; zero for the first
	Versions   int
	Standing   standing
	Newest     string // address of the article's newest revision, on the pages of single revisions
	History    string // address of the list of versions; empty where there is one version
	Diff       string // address of the page that compares this version with the one before
}

type figure struct {
	URL     string // empty for a caption whose picture is lost
	Caption string
}

type enclosure struct {
	link
	Kind   string // "audio", "video", "image" or ""
	Type   string
	Detail string // size and duration, for people
}

type related struct {
	Kicker, Title, Teaser, URL string
	Tags                       []link
}

// article handles the page of one article.
func (s *site) article(w http.ResponseWriter, r *http.Request) error {
	id, ok := feed.ParseID(r.PathValue("id"))
	if !ok {
		return errNoArticle
	}
	return s.page(w, r, true, func(ctx context.Context) (made, error) {
		a, err := s.archive.Article(ctx, id)
		if err == nil && a.Withdrawn {
			err = errWithdrawn
		}
		if err != nil {
			return made{}, err
		}
		names, err := s.articleNames(ctx, &a)
		if err != nil {
			return made{}, err
		}
		p := s.buildArticlePage(&a, names)
		if p.Standing, err = s.standing(ctx, id); err != nil {
			return made{}, err
		}
		// No date is told: how an article stands changes without leaving one.
		return made{template: s.pages.article, data: p}, nil
	})
}

// articleNames is where the names that an article mentions lead.
type articleNames struct {
	source  link
	feed    store.Feed // the source's
	tags    []link
	authors []link
	related [][]link // tags of each related article
}

func (s *site) articleNames(ctx context.Context, a *feed.Article) (n articleNames, err error) {
	sources, err := s.sources(ctx, []feed.Article{*a})
	if err != nil {
		return n, err
	}
	n.source = sources[a.Source]
	if source, err := s.archive.Source(ctx, a.Source); err == nil {
		n.feed = store.Feed{Ref: store.Ref{Kind: store.Source, Name: source.Name}, Title: n.source.Name}
	}
	if n.tags, err = s.links(ctx, store.Tag, a.AllTags()); err != nil {
		return n, err
	}
	var authors []string
	for _, p := range a.Authors {
		authors = append(authors, p.String())
	}
	if n.authors, err = s.links(ctx, store.Author, authors); err != nil {
		return n, err
	}
	for _, r := range a.Related {
		tags, err := s.links(ctx, store.Tag, r.Tags)
		if err != nil {
			return n, err
		}
		n.related = append(n.related, tags)
	}
	return n, nil
}

func (s *site) buildArticlePage(a *feed.Article, names articleNames) articlePage {
	headline := title(a)
	if a.Kicker != "" {
		headline = a.Kicker + ": " + headline
	}
	p := articlePage{
		layout:   s.feedLayout(headline, articlePath(a.ID), names.feed),
		Kicker:   a.Kicker,
		Headline: title(a),
		TitleCut: a.TitleCut,
		Lang:     language(a.Language),
		Authors:  names.authors,
		Dateline: dateline(a),
		Tags:     names.tags,
		Source:   names.source,
		Rights:   plain(a.Rights),
		Archived: a.Arrived.UTC(),
		Versions: a.Revision + 1,
	}
	if a.Revision > 0 {
		p.Revised = a.Seen.UTC()
		p.History = s.prefix + revisionsPath(a.ID)
		p.Diff = s.prefix + revisionDiffPath(a.ID, a.Revision)
	}
	if original := webAddress(a.Link); original != "" {
		p.Original = link{host(original), original}
		p.Canonical = original // the publisher's page is the one to find
	}
	if p.Published = a.Published.UTC(); !a.Published.IsZero() {
		p.Timed = timed(p.Published)
	}
	if updated := a.Updated.UTC(); !updated.IsZero() && updated.Format(time.DateOnly) != p.Published.Format(time.DateOnly) {
		p.Updated = updated
	}
	p.Teaser, p.Body = texts(a)
	p.Figures = figures(a, string(p.Body))
	for _, e := range a.Enclosures {
		if shown, ok := showEnclosure(e); ok {
			p.Enclosures = append(p.Enclosures, shown)
		}
	}
	for i, r := range a.Related {
		shown := related{Kicker: r.Kicker, Title: r.Title, Teaser: r.Teaser, URL: webAddress(r.Link)}
		if i < len(names.related) {
			shown.Tags = names.related[i]
		}
		p.Related = append(p.Related, shown)
	}
	for _, l := range a.Links {
		if address := webAddress(l.Href); address != "" && address != p.Original.URL && !machineRel(l.Rel) {
			name := l.Title
			if name == "" {
				name = host(address)
			}
			p.Links = append(p.Links, link{name, address})
		}
	}
	return p
}

// texts returns the teaser and the body of an article as HTML fit to be shown. A summary that only
// repeats how the text begins is left out, and one that is all there is is the text.
func texts(a *feed.Article) (teaser, body template.HTML) {
	summary := markup.Clean(a.Summary, a.Link)
	content := markup.Clean(a.Content, a.Link)
	if strings.TrimSpace(content) == "" {
		return "", template.HTML(summary)
	}
	short := strings.TrimRight(plain(a.Summary), "….[] ")
	if short != "" && strings.HasPrefix(plain(a.Content), short) {
		summary = ""
	}
	return template.HTML(summary), template.HTML(content)
}

// figures returns the pictures that the text does not show already.
func figures(a *feed.Article, body string) []figure {
	var shown []figure
	for _, image := range a.Images {
		address := webAddress(image.URL)
		if address == "" && image.Caption == "" || address != "" && strings.Contains(body, template.HTMLEscapeString(address)) {
			continue
		}
		caption := plain(image.Caption)
		if image.Cut {
			caption = strings.TrimSuffix(caption, "…") + "…"
		}
		shown = append(shown, figure{address, caption})
	}
	return shown
}

func showEnclosure(e feed.Enclosure) (enclosure, bool) {
	address := webAddress(e.URL)
	if address == "" {
		return enclosure{}, false
	}
	name := e.Title
	if name == "" {
		name = address[strings.LastIndexByte(address, '/')+1:]
		name, _, _ = strings.Cut(name, "?")
	}
	if name == "" {
		name = host(address)
	}
	kind, _, _ := strings.Cut(e.Type, "/")
	switch kind {
	case "audio", "video", "image":
	default:
		kind = ""
	}
	var details []string
	if e.Duration > 0 {
		details = append(details, duration(e.Duration))
	}
	if e.Length > 0 {
		details = append(details, size(e.Length))
	}
	return enclosure{link{name, address}, kind, e.Type, strings.Join(details, ", ")}, true
}

// machineRel reports whether a link is there for programs.
func machineRel(rel string) bool {
	switch rel {
	case "self", "edit", "hub", "enclosure", "replies", "license", "next", "previous", "canonical", "shortlink":
		return true
	}
	return false
}

// dateline returns place and agency, or "" where the text itself begins with them.
func dateline(a *feed.Article) string {
	first := cmp.Or(a.Dateline.Place, a.Dateline.Agency)
	if strings.HasPrefix(plain(a.Content), first) {
		return "" // so it does with nothing
	}
	if a.Dateline.Place == "" || a.Dateline.Agency == "" {
		return first
	}
	return a.Dateline.Place + " · " + a.Dateline.Agency
}

// duration writes a playing time as players do.
func duration(d time.Duration) string {
	seconds := int(d.Round(time.Second) / time.Second)
	if seconds < 3600 {
		return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}

// size writes a number of bytes in the largest unit that leaves something before the point.
func size(n int64) string {
	value, unit := float64(n), "B"
	for _, larger := range []string{"kB", "MB", "GB", "TB"} {
		if value < 1000 {
			break
		}
		value, unit = value/1000, larger
	}
	if unit == "B" || value >= 10 {
		return fmt.Sprintf("%.0f %s", value, unit)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
