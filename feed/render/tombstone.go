package render

import (
	"slices"

	"github.com/backissue/backissue/feed"
)

// deletedEntry is a tombstone (RFC 6721 §3): what a reader has under this atom:id is no more.
type deletedEntry struct {
	Ref  string `xml:"ref,attr"`
	When string `xml:"when,attr"`
}

// deletedEntries returns the tombstones of a document, but for those of an identity that an article in
// it goes out under.
func deletedEntries(d *Document) []deletedEntry {
	var list []deletedEntry
	there := make(map[string]bool)
	for i := range d.Articles {
		if a := &d.Articles[i]; !a.Withdrawn {
			there[d.identity(a)] = true
		}
	}
	for i := range d.Articles {
		a := &d.Articles[i]
		e := entry{Article: a}
		if id := d.identity(a); a.Withdrawn && !there[id] {
			there[id] = true
			list = append(list, deletedEntry{id, rfc3339(e.modified())})
		}
	}
	return list
}

// listed returns the articles of a document that are not withdrawn.
func (d *Document) listed() []feed.Article {
	withdrawn := func(a feed.Article) bool { return a.Withdrawn }
	if !slices.ContainsFunc(d.Articles, withdrawn) {
		return d.Articles
	}
	return slices.DeleteFunc(slices.Clone(d.Articles), withdrawn)
}
