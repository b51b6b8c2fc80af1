// Package diff says what changed between two revisions of an article.
package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/markup"
)

// Op says on which side of a difference a run of text stands.
type Op byte

// Sides of a difference.
const (
	Equal   Op = iota // on both
	Removed           // in the old revision only
	Added             // in the new revision only
)

// String returns the side as one word.
func (o Op) String() string { return [...]string{"equal", "removed", "added"}[min(o, Added)] }

// Run is a stretch of plain text that stands on one side or on both.
type Run struct {
	Op   Op
	Text string
}

// Line is a paragraph of a text, or one value of a field that has several. Its runs alternate in
// Op, are not empty, and what is removed stands before what is added in its place.
type Line []Run

// Changed reports whether the line is not the same on both sides.
func (l Line) Changed() bool { return len(l) != 1 || l[0].Op != Equal }

// side returns the text of the line on the side that has no runs of the other Op, and whether the
// line is there at all.
func (l Line) side(other Op) (string, bool) {
	var b strings.Builder
	for _, r := range l {
		if r.Op != other {
			b.WriteString(r.Text)
		}
	}
	return b.String(), b.Len() > 0
}

// Field is a field of an article whose value is not the same in both revisions.
type Field struct {
	Name  string // for people and programs: "title", "content", "tags", …
	Lines []Line
}

// Old returns the lines of the field in the old revision.
func (f *Field) Old() []string { return f.lines(Added) }

// New returns the lines of the field in the new revision.
func (f *Field) New() []string { return f.lines(Removed) }

func (f *Field) lines(other Op) []string {
	var lines []string
	for _, l := range f.Lines {
		if text, there := l.side(other); there {
			lines = append(lines, text)
		}
	}
	return lines
}

// Between returns the fields in which two revisions of an article differ, what a reader sees first
// in front. Texts are compared word by word as plain text; where only their markup differs (another
// picture, another target of a link), the field is called "… markup" and holds that. What the archive
// itself says of a revision (its numbers and when it came in) is not compared.
func Between(old, new *feed.Article) []Field {
	var fields []Field
	add := func(name string, lines []Line) {
		if slices.ContainsFunc(lines, Line.Changed) {
			fields = append(fields, Field{name, lines})
		}
	}
	add("kicker", Text(old.Kicker, new.Kicker))
	add("title", Text(old.Title, new.Title))
	html := func(name, old, new string) {
		if old == new {
			return
		}
		lines := Text(markup.Text(old), markup.Text(new))
		if slices.ContainsFunc(lines, Line.Changed) {
			add(name, lines)
			return
		}
		add(name+" markup", Text(tagPerLine(old), tagPerLine(new)))
	}
	html("summary", old.Summary, new.Summary)
	html("content", old.Content, new.Content)
	before, after := values(old), values(new)
	for i := range before {
		add(before[i].name, Values(before[i].of, after[i].of))
	}
	return fields
}

// tagPerLine breaks HTML in front of each tag, so that what differs is found tag by tag.
func tagPerLine(html string) string { return strings.ReplaceAll(html, "<", "\n<") }

// value is a field of an article that is compared value by value.
type value struct {
	name string
	of   []string
}

// values returns the fields that are no texts, always the same ones in the same order.
func values(a *feed.Article) []value {
	return []value{
		{"link", []string{a.Link}},
		{"guid", []string{a.GUID}},
		{"authors", each(a.Authors, person)},
		{"contributors", each(a.Contributors, person)},
		{"published", []string{date(a.Published)}},
		{"updated", []string{date(a.Updated)}},
		{"tags", each(a.Tags, tag)},
		{"filed", a.Filed},
		{"enclosures", each(a.Enclosures, enclosure)},
		{"images", each(a.Images, func(i feed.Image) string { return words(i.URL, quoted(i.Caption)) })},
		{"links", each(a.Links, link)},
		{"related", each(a.Related, related)},
		{"dateline", []string{words(a.Dateline.Place, a.Dateline.Agency)}},
		{"language", []string{a.Language}},
		{"rights", []string{a.Rights}},
		{"origin", []string{words(quoted(a.Origin.Title), a.Origin.URL, a.Origin.Home, a.Origin.ID, a.Origin.Rights)}},
		{"extensions", each(a.Extra, element)},
	}
}

func each[T any](list []T, text func(T) string) []string {
	texts := make([]string, len(list))
	for i := range list {
		texts[i] = text(list[i])
	}
	return texts
}

// words joins what is not empty.
func words(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return "“" + s + "”"
}

func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func person(p feed.Person) string {
	name := p.String()
	var more []string
	for _, s := range []string{p.Email, p.URI} {
		if s != "" && s != name {
			more = append(more, s)
		}
	}
	return words(name, bracketed(strings.Join(more, ", ")))
}

func tag(t feed.Tag) string {
	term := t.Term
	if term == t.String() {
		term = ""
	}
	return words(t.String(), bracketed(words(term, t.Scheme)))
}

func enclosure(e feed.Enclosure) string {
	var size, duration string
	if e.Length > 0 {
		size = fmt.Sprint(e.Length, " bytes")
	}
	if e.Duration > 0 {
		duration = e.Duration.String()
	}
	return words(e.URL, e.Type, size, duration, quoted(e.Title))
}

func link(l feed.Link) string {
	return words(cmp.Or(l.Rel, "alternate"), l.Href, l.Type, l.Hreflang, quoted(l.Title))
}

func related(r feed.Related) string {
	head := feed.Article{Kicker: r.Kicker, Title: r.Title}
	return words(quoted(head.Headline()), r.Link, r.Teaser, bracketed(strings.Join(r.Tags, ", ")))
}

func element(e feed.Element) string {
	var b strings.Builder
	b.WriteString("<" + e.Name)
	for _, a := range e.Attrs {
		fmt.Fprintf(&b, " %s=%q", a.Name, a.Value)
	}
	return words(b.String()+">"+e.Inner, bracketed(e.Space))
}
