// Package query is the language of saved searches: which articles a feed that its owner defines
// holds.
package query

import "github.com/backissue/backissue/feed"

// Query says of any article whether it is wanted.
type Query struct{ text string }

// Parse reads a query; the error says in plain words what is wrong with it, and where.
func Parse(text string) (*Query, error) { return &Query{text}, nil }

// String returns the query in its normal form, which [Parse] reads as the same query.
func (q *Query) String() string { return q.text }

// Match reports whether an article is wanted. The source is the one from which it came.
func (q *Query) Match(a *feed.Article, source *feed.Source) bool { return false }

// Within returns a feed that holds every article that the query can match, which is what to read
// in place of everything: the value of a tag, author or source that all of them have. The field is
// "tag", "author" or "source"; "" where there is no such feed.
func (q *Query) Within() (field, value string) { return "", "" }
