package query

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/backissue/backissue/feed"
)

// MaxLimit is the largest number of articles that a feed's "limit:" may ask for.
const MaxLimit = 1000

// maxName bounds the name of a feed, in bytes.
const maxName = 200

// Definition is a feed as its owner writes it: NAME = QUERY, in which two options may stand by
// themselves between the parts of the query: limit:50 for at most so many articles in the live
// document, and split:tag for a feed of each tag of what is found.
type Definition struct {
	Name  string
	Query *Query
	Limit int  // 0 for as many as any feed's
	Split bool // by tags
}

// String returns the definition as [ParseDefinitions] reads it.
func (d *Definition) String() string { return d.Name + " = " + d.Text() }

// Text returns the query with the options.
func (d *Definition) Text() string {
	text := d.Query.String()
	if _, choice := d.Query.root.(*either); choice && (d.Limit > 0 || d.Split) {
		text = "(" + text + ")"
	}
	if d.Limit > 0 {
		text += " limit:" + strconv.Itoa(d.Limit)
	}
	if d.Split {
		text += " split:tag"
	}
	return text
}

// ParseDefinition reads a definition whose name and query are apart.
func ParseDefinition(name, text string) (d Definition, err error) {
	d.Name = strings.Join(strings.Fields(name), " ")
	switch {
	case !utf8.ValidString(d.Name) || strings.ContainsFunc(d.Name, unicode.IsControl):
		return d, fmt.Errorf("the name %q is no text", d.Name)
	case feed.Slug(d.Name) == "":
		return d, fmt.Errorf("the name %q has neither letters nor digits, so it makes no address", d.Name)
	case len(d.Name) > maxName:
		return d, fmt.Errorf("the name is %d bytes long, which is over %d", len(d.Name), maxName)
	case strings.HasPrefix(d.Name, "#") || strings.Contains(d.Name, "="):
		return d, fmt.Errorf("the name %q begins with \"#\" or has \"=\" in it, which a file of feeds cannot say", d.Name)
	}
	tokens, err := scan(text)
	if err == nil {
		tokens, err = d.options(tokens)
	}
	if err == nil {
		d.Query, err = parse(tokens)
	}
	return d, err
}

// options takes the options out of a query.
func (d *Definition) options(tokens []token) (rest []token, err error) {
	depth := 0
	for i, t := range tokens {
		switch t.kind {
		case '(':
			depth++
		case ')':
			depth--
		}
		if t.kind != 't' || t.field != "limit" && t.field != "split" {
			rest = append(rest, t)
			continue
		}
		alone := depth == 0 && (i == 0 || joins(tokens[i-1].kind)) && (i+1 == len(tokens) || joins(tokens[i+1].kind) || tokens[i+1].kind == '-')
		switch n, ok := number(t.value); {
		case !alone:
			return nil, errorAt(t.at, "%s: is for a feed as a whole and stands by itself", t.field)
		case t.field == "split" && (t.value != "tag" || t.star):
			return nil, errorAt(t.at, "split: knows only tag")
		case t.field == "split":
			d.Split = true
		case !ok || t.star:
			return nil, errorAt(t.at, "limit: wants a number from 1 to %d", MaxLimit)
		default:
			d.Limit = n
		}
	}
	if len(rest) == 0 && len(tokens) > 0 {
		return nil, errors.New("there are options and no query")
	}
	return rest, nil
}

// joins reports whether what has this token beside it stands by itself.
func joins(kind byte) bool { return kind == 't' || kind == '(' || kind == ')' }

// ParseDefinitions reads a file of definitions, one in a line. Empty lines and those that begin with
// "#" say nothing. The error names the line.
func ParseDefinitions(file string) (all []Definition, err error) {
	lines := make(map[string]int)
	for i, line := range strings.Split(strings.TrimPrefix(file, "\ufeff"), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, text, found := strings.Cut(line, "=")
		if !found {
			return nil, fmt.Errorf("line %d: there is no %q between a name and a query", i+1, "=")
		}
		d, err := ParseDefinition(name, text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		slug := feed.Slug(d.Name)
		if before := lines[slug]; before > 0 {
			return nil, fmt.Errorf("line %d: %q is the feed of line %d", i+1, d.Name, before)
		}
		lines[slug] = i + 1
		all = append(all, d)
	}
	return all, nil
}
