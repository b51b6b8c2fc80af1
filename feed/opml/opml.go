// Package opml reads and writes lists of subscriptions (OPML 2.0, http://opml.org/spec2.opml).
package opml

import "fmt"

// Outline is one feed of a list.
type Outline struct {
	Title string   // what the list calls it
	URL   string   // xmlUrl
	Home  string   // htmlUrl
	Type  string   // "rss", "atom", …; written as type
	Tags  []string // the folders that it stands in, outermost first, and its category attribute
}

// Error says where a list is broken and how.
type Error struct {
	Line int    // counted from 1
	What string // what is wrong there, in plain words
}

func (e *Error) Error() string { return fmt.Sprintf("read opml: line %d: %s", e.Line, e.What) }
