// Package query is the language of saved searches: which articles a feed that its owner defines
// holds.
//
// A query is made of
//
//	words "a phrase" begin*      in the headline, the summary or the text, as whole words
//	title:word title:"a phrase"  in the headline
//	tag:name author:name         filed under the tag, written by the author
//	source:name                  from the source with this name in URLs, this host or this title
//	lang:de                      in the language, de-AT included
//	since:2023 until:2023-01-15  dated not before, not after the year, month or day (in UTC)
//
// What stands side by side must all be true; OR between them asks for one side, "-" in front (or NOT)
// for the contrary, and parentheses hold together. Case and accents make no difference. A value with
// blanks stands in quotation marks. In scripts that are written without blanks every character counts
// as a word.
package query

import (
	"github.com/backissue/backissue/feed"
)

// Query says of any article whether it is wanted. It may be used by many goroutines.
type Query struct {
	root node
	text string
}

// Parse reads a query; the error says in plain words what is wrong with it, and where.
func Parse(text string) (*Query, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	return parse(tokens)
}

// String returns the query in its normal form, which [Parse] reads as the same query.
func (q *Query) String() string { return q.text }

// Match reports whether an article is wanted. The source is the one from which it came; nil will do
// where [Query.AsksSource] is false.
func (q *Query) Match(a *feed.Article, source *feed.Source) bool {
	return q.MatchPrepared(Prepare(a, source))
}

// MatchPrepared is [Query.Match] for an article that is held against many queries: what the first of
// them has to work out (the words of its text above all) is there for the others, and what none of
// them asks for is never worked out.
func (q *Query) MatchPrepared(p *Prepared) bool { return q.root.match(p) }

// Within returns a feed that holds every article that the query can match, which is what to read
// in place of everything: the value of a tag, author or source that all of them have. The field is
// "tag", "author" or "source"; "" where there is no such feed. Several sources may answer to the
// value of a source, since it may be a title; [Names] tells which do.
func (q *Query) Within() (field, value string) {
	for _, want := range []string{"tag", "author", "source"} {
		if value = within(q.root, want); value != "" {
			return want, value
		}
	}
	return "", ""
}

// within returns the value of a field that whatever matches must have.
func within(n node, field string) string {
	switch n := n.(type) {
	case named:
		if n.field == field {
			return n.value
		}
	case *all:
		for _, part := range n.parts {
			if value := within(part, field); value != "" {
				return value
			}
		}
	}
	return ""
}

// AsksSource reports whether the answer depends on the source, which may call itself otherwise from
// one day to the next. All other answers never change for a revision.
func (q *Query) AsksSource() bool { return asksSource(q.root) }

func asksSource(n node) bool {
	switch n := n.(type) {
	case named:
		return n.field == "source"
	case not:
		return asksSource(n.part)
	case *all:
		return anyOf(n.parts, asksSource)
	case *either:
		return anyOf(n.parts, asksSource)
	}
	return false
}

func anyOf(parts []node, f func(node) bool) bool {
	for _, part := range parts {
		if f(part) {
			return true
		}
	}
	return false
}
