package parse

import (
	"strings"

	"github.com/backissue/backissue/feed"
)

// nsHistory is the namespace of feed paging and archiving (RFC 5005 §5).
const nsHistory = "http://purl.org/syndication/history/1.0"

// Trail is what a feed document says of those that hold older articles, and of the program that wrote
// it.
type Trail struct {
	// Archive says that this is an archive document (RFC 5005 §4): what it holds will never change.
	// In a JSON Feed of this program, it may be the one that is polled, too.
	Archive bool
	// Complete says that there are no others (RFC 5005 §2).
	Complete bool
	// Older is the absolute address of the document with the next older articles; empty where the feed
	// names none.
	Older string
	// Archived says that Older is an archive document (rel=prev-archive), and not merely a page, which
	// changes with every new article (rel=next of Atom, next_url of JSON Feed).
	Archived bool
	// Generator is what the program that wrote the feed calls itself, with its address, in lower case.
	Generator string
}

// Trail reads the trail of the document. A JSON Feed has no word for what wrote it, nor for an archive
// document; those of this program are known by what its items carry, and its pages never change.
func (d *Document) Trail() Trail {
	t := TrailOf(&d.Source)
	if t.Generator == "" && strings.HasPrefix(d.Format, "JSON") && d.hasOwn() {
		t.Generator, t.Archive, t.Archived = ownName, true, t.Older != ""
	}
	return t
}

// ownName is what this program calls itself, and ownMember how its extension of JSON Feed is called.
const (
	ownName   = "backissue"
	ownMember = "_backissue"
)

func (d *Document) hasOwn() bool {
	for i := range d.Articles {
		for j := range d.Articles[i].Extra {
			if x := &d.Articles[i].Extra[j]; x.Space == jsonSpace && x.Name == ownMember {
				return true
			}
		}
	}
	return false
}

// TrailOf reads the trail from what a feed says of itself ([Document.Source], or the same as it is
// kept). An archive document is preferred to a page.
func TrailOf(s *feed.Source) Trail {
	var t Trail
	for i := range s.Extra {
		x := &s.Extra[i]
		switch {
		case x.Space == nsHistory && x.Name == "archive":
			t.Archive = true
		case x.Space == nsHistory && x.Name == "complete":
			t.Complete = true
		case x.Name == "generator" && t.Generator == "":
			t.Generator = generator(x)
		}
	}
	for i := range s.Links {
		l := &s.Links[i]
		if !isWeb(l.Href) {
			continue
		}
		switch strings.ToLower(relation(l.Rel)) {
		case "prev-archive":
			if !t.Archived {
				t.Older, t.Archived = l.Href, true
			}
		case "next":
			if t.Older == "" {
				t.Older = l.Href
			}
		}
	}
	return t
}

func generator(x *feed.Element) string {
	parts := []string{plainText(x.Inner, markup)}
	for _, a := range x.Attrs {
		if a.Name == "uri" || a.Name == "url" {
			parts = append(parts, a.Value)
		}
	}
	return strings.ToLower(strings.TrimSpace(strings.Join(parts, " ")))
}

// WordPress reports whether WordPress wrote the feed. It shows older articles at the feed's address
// with the query paged=2 and so on, though it does not say so.
func (t *Trail) WordPress() bool { return strings.Contains(t.Generator, "wordpress") }

// Backissue reports whether this program wrote the feed: its guids tell articles apart, and never
// change.
func (t *Trail) Backissue() bool {
	name, _, _ := strings.Cut(t.Generator, " ")
	return name == ownName
}
