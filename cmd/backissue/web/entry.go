package web

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/markup"
	"github.com/backissue/backissue/store"
)

// entry is an article in a list.
type entry struct {
	URL    string
	Kicker string
	Title  string
	Teaser string
	Lang   string
	When   time.Time
	Timed  bool // whether the time of day means anything
	Source link
	By     string
}

// day is the entries of one day.
type day struct {
	Date    time.Time
	Entries []entry
}

// days groups articles that are in order by the days of their dates.
func (s *site) days(articles []feed.Article, sources map[feed.SourceID]link) []day {
	var days []day
	for i := range articles {
		e := s.entry(&articles[i], sources)
		y, m, d := e.When.Date()
		date := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
		if len(days) == 0 || !days[len(days)-1].Date.Equal(date) {
			days = append(days, day{Date: date})
		}
		last := &days[len(days)-1]
		last.Entries = append(last.Entries, e)
	}
	return days
}

// teaserLen is how much of an article's text stands in a list, in runes.
const teaserLen = 280

func (s *site) entry(a *feed.Article, sources map[feed.SourceID]link) entry {
	when := a.When().UTC()
	teaser := plain(a.Summary)
	if teaser == "" {
		teaser = plain(a.Content)
	}
	return entry{
		URL:    s.prefix + articlePath(a.ID),
		Kicker: a.Kicker,
		Title:  title(a),
		Teaser: shorten(teaser, teaserLen),
		Lang:   language(a.Language),
		When:   when,
		Timed:  timed(when),
		Source: sources[a.Source],
		By:     people(a.Authors),
	}
}

// title returns the words under which an article is shown: its title, or the first words of its
// text, or where it is from.
func title(a *feed.Article) string {
	if t := strings.TrimSpace(a.Title); t != "" {
		return t
	}
	for _, html := range []string{a.Summary, a.Content} {
		if t := shorten(plain(html), 80); t != "" {
			return t
		}
	}
	if h := host(a.Link); h != "" {
		return h
	}
	return "Untitled"
}

// plain returns HTML as one line of text.
func plain(html string) string {
	if html == "" {
		return ""
	}
	return strings.Join(strings.Fields(markup.Text(html)), " ")
}

// shorten cuts a text behind a word so that it has no more runes than said, and says that it did.
func shorten(text string, runes int) string {
	if utf8.RuneCountInString(text) <= runes {
		return text
	}
	end, n := 0, 0
	for i := range text {
		if n == runes-1 {
			end = i
			break
		}
		n++
	}
	// Scripts without blanks are cut between letters; so is a word of half the text.
	if i := strings.LastIndexFunc(text[:end], unicode.IsSpace); i > end/2 {
		end = i
	}
	return strings.TrimRightFunc(text[:end], func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) }) + "…"
}

// people joins names as a sentence does.
func people(persons []feed.Person) string {
	var b strings.Builder
	for i, p := range persons {
		switch {
		case i == 0:
		case i == len(persons)-1:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// timed reports whether a date says more than the day: those of publishers who give only the day
// come as midnight.
func timed(t time.Time) bool { return t.Hour() != 0 || t.Minute() != 0 || t.Second() != 0 }

// language returns a language tag if it is well-formed enough for a lang attribute.
func language(tag string) string {
	if len(tag) > 35 || strings.ContainsFunc(tag, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return ""
	}
	return tag
}

// sources returns where articles come from, as links by number. What is not known has no link.
func (s *site) sources(ctx context.Context, articles []feed.Article) (map[feed.SourceID]link, error) {
	links := make(map[feed.SourceID]link)
	for i := range articles {
		id := articles[i].Source
		if _, ok := links[id]; ok {
			continue
		}
		source, err := s.archive.Source(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			links[id] = link{}
		case err != nil:
			return nil, err
		default:
			links[id] = s.link(store.Feed{Ref: store.Ref{Kind: store.Source, Name: source.Name}, Title: sourceTitle(source)})
		}
	}
	return links, nil
}

// sourceTitle returns the title of a source, or its address as people write one.
func sourceTitle(s feed.Source) string {
	if s.Title != "" {
		return s.Title
	}
	_, address, ok := strings.Cut(s.PublicURL(), "://")
	if !ok {
		return s.PublicURL()
	}
	return strings.TrimSuffix(address, "/")
}

// named returns the link to the feed of a tag or an author that is known by a spelling.
func (s *site) named(ctx context.Context, kind store.Kind, spelling string) (link, error) {
	l := link{Name: feed.TagSpelling(spelling)}
	f, err := s.archive.Named(ctx, kind, spelling)
	switch {
	case err == nil:
		l.URL = s.link(f).URL
	case !errors.Is(err, store.ErrNotFound):
		return link{}, err
	}
	return l, nil
}

// links returns the links of several tags or authors.
func (s *site) links(ctx context.Context, kind store.Kind, spellings []string) ([]link, error) {
	var links []link
	for _, spelling := range spellings {
		l, err := s.named(ctx, kind, spelling)
		if err != nil {
			return nil, err
		}
		links = append(links, l)
	}
	return links, nil
}
