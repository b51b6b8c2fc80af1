// Package render writes a feed as Atom, RSS or JSON Feed.
package render

import (
	"io"
	"time"

	"github.com/backissue/backissue/feed"
)

// Document is a feed document about to be written. Everything in it is given: what is written is a
// pure function of it, so the same archive always gives the same bytes.
type Document struct {
	ID       string // atom:id of the logical feed, the same in every format and archive document
	Title    string
	Subtitle string
	Language string // BCP 47; empty where the articles are of several languages
	Rights   string
	Home     string // the HTML page of the same feed
	Self     string // address of this very document
	Icon     string
	Links    []feed.Link // others: alternate formats, hub, prev-archive, next-archive, current

	// What a publisher says of the feed as a whole; see [Document.Describe].
	Logo       string // a picture for the whole feed; the icon stands in for it in RSS
	Authors    []feed.Person
	Categories []feed.Tag
	Extra      []feed.Element // extension elements

	Updated  time.Time // when the document last changed
	Archive  bool      // an archive document (RFC 5005 §4: fh:archive)
	Complete bool      // holds every article of the feed (RFC 5005 §2: fh:complete)
	NextURL  string    // JSON Feed next_url: the document of the articles before these

	// Articles are in order, the newest first. Those that are withdrawn ([feed.Article.Withdrawn]) go out
	// as tombstones in Atom (RFC 6721), and not at all in the other formats.
	Articles []feed.Article
	// OneSource says that all articles of the feed, in this document and in all its others, come from
	// one source, in which a guid means one article. Where they come from several, an article whose
	// guid another had first ([feed.Article.Homonym]) goes out under an identity of its own.
	OneSource bool
	// ArticleURL returns the archive's own page of an article; nil for none. It stands in for the
	// link of an article that has none.
	ArticleURL func(feed.ID) string
}

// Format is one of the formats in which every feed goes out.
type Format struct {
	Name      string // "Atom", for people
	Ext       string // ".atom", at the end of a URL
	MediaType string // Content-Type
	Write     func(w io.Writer, d *Document) error
}

// Formats returns the formats in the order in which they are offered.
func Formats() []Format {
	return []Format{
		{"Atom", ".atom", "application/atom+xml; charset=utf-8", Atom},
		{"RSS", ".rss", "application/rss+xml; charset=utf-8", RSS},
		{"JSON Feed", ".json", "application/feed+json; charset=utf-8", JSON},
	}
}

// Atom writes an Atom 1.0 document (RFC 4287).
func Atom(w io.Writer, d *Document) error { return writeAtom(w, d) }

// RSS writes an RSS 2.0 document.
func RSS(w io.Writer, d *Document) error { return writeRSS(w, d) }

// JSON writes a JSON Feed 1.1 document.
func JSON(w io.Writer, d *Document) error { return writeJSON(w, d) }
