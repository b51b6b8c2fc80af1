package query

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/backissue/backissue/feed"
)

// node is a part of a query.
type node interface {
	match(*Prepared) bool
	// write appends the normal form. Where tight is set, it must hold together by itself.
	write(to *strings.Builder, tight bool)
	// cost tells parts that are asked first from those that are asked last.
	cost() int
}

// Costs of parts: those that look at fields, and those that need the words of the title or of the
// whole text.
const (
	cheap = iota
	headline
	fullText
)

// all wants each of its parts.
type all struct {
	parts []node
	order []node // the cheapest first
}

// either wants one of its parts.
type either struct {
	parts []node
	order []node
}

// byCost returns the parts in the order in which they are best asked.
func byCost(parts []node) []node {
	order := slices.Clone(parts)
	slices.SortStableFunc(order, func(a, b node) int { return a.cost() - b.cost() })
	return order
}

func costliest(parts []node) (most int) {
	for _, part := range parts {
		most = max(most, part.cost())
	}
	return most
}

func (n *all) match(p *Prepared) bool {
	return !anyOf(n.order, func(part node) bool { return !part.match(p) })
}

func (n *all) cost() int { return costliest(n.parts) }

func (n *all) write(to *strings.Builder, tight bool) {
	if tight {
		to.WriteByte('(')
		defer to.WriteByte(')')
	}
	for i, part := range n.parts {
		if i > 0 {
			to.WriteByte(' ')
		}
		_, choice := part.(*either)
		part.write(to, choice)
	}
}

func (n *either) match(p *Prepared) bool {
	return anyOf(n.order, func(part node) bool { return part.match(p) })
}

func (n *either) cost() int { return costliest(n.parts) }

func (n *either) write(to *strings.Builder, tight bool) {
	if tight {
		to.WriteByte('(')
		defer to.WriteByte(')')
	}
	for i, part := range n.parts {
		if i > 0 {
			to.WriteString(" OR ")
		}
		part.write(to, false) // what stands side by side binds closer
	}
}

// not wants the contrary.
type not struct{ part node }

func (n not) match(p *Prepared) bool { return !n.part.match(p) }
func (n not) cost() int              { return n.part.cost() }

func (n not) write(to *strings.Builder, _ bool) {
	to.WriteByte('-')
	n.part.write(to, true)
}

// words wants words that follow one another.
type words struct {
	field  string // "title", or "" for anywhere
	value  string // as written
	prefix bool   // the last word need only begin so
	folded string // " two words ", or " two wor" of a prefix
	whole  string // the first of them that is more than a prefix; "" where none is
}

func (n words) match(p *Prepared) bool {
	if n.field == "title" {
		return strings.Contains(p.headline(), n.folded)
	}
	if n.whole != "" && !p.mayHave(n.whole) {
		return false
	}
	return strings.Contains(p.headline(), n.folded) || strings.Contains(p.text(), n.folded)
}

func (n words) cost() int {
	if n.field == "title" {
		return headline
	}
	return fullText
}

func (n words) write(to *strings.Builder, _ bool) {
	writeField(to, n.field, n.value)
	if n.prefix {
		to.WriteByte('*')
	}
}

// named wants a tag, an author or a source.
type named struct {
	field, value string
	key          string // see [feed.TagKey]
}

func (n named) match(p *Prepared) bool {
	switch n.field {
	case "tag":
		return slices.Contains(p.tagKeys(), n.key)
	case "author":
		return slices.Contains(p.authorKeys(), n.key)
	}
	return p.source != nil && Names(n.value, p.source)
}

func (n named) cost() int                             { return cheap }
func (n named) write(to *strings.Builder, tight bool) { writeField(to, n.field, n.value) }

// Names reports whether the value of "source:" in a query names a source: by its name in URLs, by the
// host of its feed or its site, or by its title.
func Names(value string, s *feed.Source) bool {
	key := feed.TagKey(value)
	return key != "" && (key == s.Name || key == feed.TagKey(s.Title) || key == host(s.URL) || key == host(s.Home))
}

// host returns the host in an address, without port and "www.".
func host(address string) string {
	_, rest, found := strings.Cut(address, "://")
	if !found {
		return ""
	}
	rest = rest[:indexAny(rest, "/?#")]
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	if !strings.HasPrefix(rest, "[") {
		rest = rest[:indexAny(rest, ":")]
	}
	return strings.TrimPrefix(strings.ToLower(rest), "www.")
}

// indexAny returns the place of the first of the characters, or the end.
func indexAny(s, chars string) int {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return i
	}
	return len(s)
}

// language wants a language, whatever the country.
type language struct{ value string }

func (n language) match(p *Prepared) bool {
	have := p.article.Language
	return len(have) >= len(n.value) && strings.EqualFold(have[:len(n.value)], n.value) &&
		(len(have) == len(n.value) || have[len(n.value)] == '-' || have[len(n.value)] == '_')
}

func (n language) cost() int                         { return cheap }
func (n language) write(to *strings.Builder, _ bool) { writeField(to, "lang", n.value) }

// date wants a date from a day on, or before one.
type date struct {
	field, value string
	border       time.Time // the first moment wanted, or the first that no longer is
}

func (n date) match(p *Prepared) bool {
	return p.article.When().Before(n.border) == (n.field == "until")
}

func (n date) cost() int                         { return cheap }
func (n date) write(to *strings.Builder, _ bool) { writeField(to, n.field, n.value) }

// writeField writes a field's value, in quotation marks where it must stand in them.
func writeField(to *strings.Builder, field, value string) {
	if field != "" {
		to.WriteString(field)
		to.WriteByte(':')
	}
	if plain(value, field == "") {
		to.WriteString(value)
		return
	}
	to.WriteByte('"')
	for _, r := range value {
		if isQuote(r) || r == '\\' {
			to.WriteByte('\\')
		}
		to.WriteRune(r)
	}
	to.WriteByte('"')
}

// plain reports whether a value reads as itself without quotation marks.
func plain(value string, word bool) bool {
	first, _ := utf8.DecodeRuneInString(value)
	switch {
	case word && (first == '-' || isOperator(value) || strings.Contains(value, ":")):
		return false
	}
	return !strings.ContainsFunc(value, func(r rune) bool {
		return r == '(' || r == ')' || r == '*' || isQuote(r) || unicode.IsSpace(r)
	})
}

func isOperator(s string) bool { return s == "OR" || s == "AND" || s == "NOT" }

// isQuote reports whether a character begins and ends a phrase, as typewriters and telephones write it.
func isQuote(r rune) bool { return r == '"' || r == '“' || r == '”' || r == '„' }
