package query

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/backissue/backissue/feed"
)

// Bounds of a query: its length in bytes, and how deep parentheses may stand in one another.
const (
	maxLength = 8 << 10
	maxDepth  = 64
)

// token is a part of a query as it is written.
type token struct {
	kind  byte   // '(' ')' '-' 'o' (OR) 'a' (AND) or 't' (term)
	at    int    // its place, in characters counted from 1
	field string // of a term; "" where it names none
	value string
	star  bool // "*" stands behind the value
}

// errorAt is an error with its place.
func errorAt(at int, format string, args ...any) error {
	return fmt.Errorf("%s (at character %d)", fmt.Sprintf(format, args...), at)
}

// scanner takes a query apart.
type scanner struct {
	text []rune
	i    int
}

func scan(text string) (tokens []token, err error) {
	switch {
	case len(text) > maxLength:
		return nil, fmt.Errorf("the query is %d bytes long, which is over %d", len(text), maxLength)
	case !utf8.ValidString(text):
		return nil, errors.New("the query is no UTF-8")
	}
	s := scanner{text: []rune(text)}
	for s.blanks(); s.i < len(s.text); s.blanks() {
		t := token{at: s.i + 1}
		switch r := s.text[s.i]; r {
		case '(', ')', '-':
			t.kind = byte(r)
			if s.i++; r == '-' && (s.i == len(s.text) || unicode.IsSpace(s.text[s.i])) {
				return nil, errorAt(t.at, "nothing follows %q", "-")
			}
		default:
			if err := s.term(&t); err != nil {
				return nil, err
			}
		}
		tokens = append(tokens, t)
	}
	return tokens, nil
}

func (s *scanner) blanks() {
	for s.i < len(s.text) && unicode.IsSpace(s.text[s.i]) {
		s.i++
	}
}

// term reads a word, a phrase, or a field with its value.
func (s *scanner) term(t *token) (err error) {
	t.kind = 't'
	if !isQuote(s.text[s.i]) {
		bare := s.bare()
		switch bare {
		case "OR":
			t.kind = 'o'
			return nil
		case "AND":
			t.kind = 'a'
			return nil
		case "NOT":
			t.kind = '-'
			return nil
		}
		field, value, found := strings.Cut(bare, ":")
		if !found || !letters(field) {
			value, field = bare, ""
		}
		t.field = strings.ToLower(field)
		if value != "" || s.i == len(s.text) || !isQuote(s.text[s.i]) {
			t.value = strings.TrimRight(value, "*")
			t.star = t.value != value
			return nil
		}
	}
	if t.value, err = s.quoted(); err == nil && s.i < len(s.text) && s.text[s.i] == '*' {
		t.star = true
		s.i++
	}
	return err
}

func letters(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
}

// bare reads up to the next blank, parenthesis or quotation mark.
func (s *scanner) bare() string {
	from := s.i
	for s.i < len(s.text) {
		if r := s.text[s.i]; unicode.IsSpace(r) || r == '(' || r == ')' || isQuote(r) {
			break
		}
		s.i++
	}
	return string(s.text[from:s.i])
}

// quoted reads what stands in quotation marks, blanks tidied.
func (s *scanner) quoted() (string, error) {
	at := s.i + 1
	var value strings.Builder
	for s.i++; s.i < len(s.text); s.i++ {
		switch r := s.text[s.i]; {
		case isQuote(r):
			s.i++
			return strings.Join(strings.Fields(value.String()), " "), nil
		case r == '\\' && s.i+1 < len(s.text):
			s.i++
			value.WriteRune(s.text[s.i])
		default:
			value.WriteRune(r)
		}
	}
	return "", errorAt(at, "the quotation mark has no other that ends it")
}

// parser puts tokens together.
type parser struct {
	tokens []token
	depth  int
}

func parse(tokens []token) (*Query, error) {
	if len(tokens) == 0 {
		return nil, errors.New("the query is empty")
	}
	p := parser{tokens: tokens}
	root, err := p.either()
	if err != nil {
		return nil, err
	}
	if len(p.tokens) > 0 { // all else is read by either
		return nil, errorAt(p.tokens[0].at, "the parenthesis ends none")
	}
	var text strings.Builder
	root.write(&text, false)
	return &Query{root, text.String()}, nil
}

func (p *parser) peek() byte {
	if len(p.tokens) == 0 {
		return 0
	}
	return p.tokens[0].kind
}

func (p *parser) next() token {
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

func (p *parser) either() (node, error) {
	var parts []node
	for {
		part, err := p.all()
		if err != nil {
			return nil, err
		}
		if inner, ok := part.(*either); ok {
			parts = append(parts, inner.parts...)
		} else {
			parts = append(parts, part)
		}
		if p.peek() != 'o' {
			break
		}
		if t := p.next(); p.peek() == 0 || p.peek() == ')' || p.peek() == 'o' {
			return nil, errorAt(t.at, "nothing follows OR")
		}
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return &either{parts, byCost(parts)}, nil
}

func (p *parser) all() (node, error) {
	var parts []node
	for {
		switch p.peek() {
		case 0, ')', 'o':
			switch len(parts) {
			case 0:
				return nil, p.nothing()
			case 1:
				return parts[0], nil
			}
			return &all{parts, byCost(parts)}, nil
		case 'a':
			if t := p.next(); len(parts) == 0 || p.peek() == 0 || p.peek() == ')' || p.peek() == 'o' || p.peek() == 'a' {
				return nil, errorAt(t.at, "AND needs something on both sides")
			}
			continue
		}
		part, err := p.one()
		if err != nil {
			return nil, err
		}
		if inner, ok := part.(*all); ok {
			parts = append(parts, inner.parts...)
		} else {
			parts = append(parts, part)
		}
	}
}

// nothing says what stands where something should be asked for.
func (p *parser) nothing() error {
	switch p.peek() {
	case 'o':
		return errorAt(p.tokens[0].at, "nothing is in front of OR")
	case ')':
		if p.depth == 0 {
			return errorAt(p.tokens[0].at, "the parenthesis ends none")
		}
		return errorAt(p.tokens[0].at, "nothing is in the parentheses")
	}
	return errors.New("something is missing at the end of the query")
}

// one reads a term, a parenthesis, or the contrary of either.
func (p *parser) one() (node, error) {
	t := p.next()
	switch t.kind {
	case '-':
		if k := p.peek(); k != '-' && k != '(' && k != 't' {
			return nil, errorAt(t.at, "nothing follows that could be left out")
		}
		if p.depth++; p.depth > maxDepth {
			return nil, errorAt(t.at, "too much stands in one another")
		}
		part, err := p.one()
		p.depth--
		if twice, ok := part.(not); ok {
			return twice.part, err
		}
		return not{part}, err
	case '(':
		if p.depth++; p.depth > maxDepth {
			return nil, errorAt(t.at, "too much stands in one another")
		}
		part, err := p.either()
		if err != nil {
			return nil, err
		}
		if p.depth--; p.peek() != ')' {
			return nil, errorAt(t.at, "the parenthesis has no other that ends it")
		}
		p.next()
		return part, nil
	}
	return term(t)
}

// term makes a part of a word, a phrase or a field.
func term(t token) (node, error) {
	if t.star && t.field != "" && t.field != "title" {
		return nil, errorAt(t.at, "%q is for words and titles, not for %s:", "*", t.field)
	}
	if t.value == "" && t.field != "" {
		return nil, errorAt(t.at, "nothing follows %s:", t.field)
	}
	switch t.field {
	case "", "title":
		folded := phrase(t.value, t.star)
		if folded == "" {
			return nil, errorAt(t.at, "there is no word in %q", t.value)
		}
		return words{t.field, t.value, t.star, folded, wholeWord(folded)}, nil
	case "tag", "author", "source":
		key := feed.TagKey(t.value)
		if key == "" {
			return nil, errorAt(t.at, "%q is no name", t.value)
		}
		return named{t.field, t.value, key}, nil
	case "lang":
		return language{t.value}, nil
	case "since", "until":
		border, err := border(t.field, t.value)
		if err != nil {
			return nil, errorAt(t.at, "%v", err)
		}
		return date{t.field, t.value, border}, nil
	case "limit", "split":
		return nil, errorAt(t.at, "%s: is for a feed as a whole and stands by itself", t.field)
	}
	return nil, errorAt(t.at, "there is no field %q; put it in quotation marks if its words are meant", t.field+":")
}

// border returns the first moment of a year, month or day, or the first after it.
func border(field, value string) (time.Time, error) {
	for _, form := range []struct {
		layout       string
		years, month int
		days         int
	}{{"2006", 1, 0, 0}, {"2006-01", 0, 1, 0}, {"2006-01-02", 0, 0, 1}} {
		at, err := time.Parse(form.layout, value)
		if err != nil {
			continue
		}
		if field == "until" {
			at = at.AddDate(form.years, form.month, form.days)
		}
		return at, nil
	}
	return time.Time{}, fmt.Errorf("%s: wants a year, month or day like 2023, 2023-01 or 2023-01-15, not %q", field, value)
}

// number reads the value of limit:.
func number(value string) (int, bool) {
	n, err := strconv.Atoi(value)
	return n, err == nil && n >= 1 && n <= MaxLimit && value[0] != '+'
}
