// Package parse reads an upstream feed.
//
// It is made for an archive, so nothing of a feed may get lost on the way. The bytes are first made
// fit for XML (normalise.go), then scanned once for the items and their children (scan.go,
// document.go). The standard fields of every item are written into a plain document of one
// vocabulary (slim.go) that gofeed's typed parsers read; what those would lose is taken from the
// same bytes on the way (rss.go, atom.go, extension.go). One broken item costs that item at most.
//
// What gofeed is not asked for, and why: dates (it knows no language but English and takes unknown
// zones for UTC), full texts (it re-renders XHTML through an HTML parser), URLs in Atom (it
// normalises them, guids included), extensions (it loses their order, attributes and mixed
// content) and xml:base (it takes every base for a directory).
//
// Dates follow one rule, in three steps. What names a day beyond doubt is read and kept as it is,
// whatever day that be, so that nothing the publisher said is lost; the year 1, with which programs
// say that there is no date, is none (parseDate). What is missing or cannot be read stays empty and
// is told as a repair; no date is made up, neither the feed's own nor that of the neighbours. And
// where an article has to stand in an order, the first believable one of its publication, its update
// and its arrival decides: not before newspapers were, not more than a day after it was seen
// ([feed.Article.When]).
//
// Relative addresses in a text are resolved here, since an article carries no base: against
// xml:base where the feed gives one, else the article's page, which is where publishers' programs
// took the text from, else the site, else the feed's own address. A link or enclosure is resolved
// against xml:base, else the feed's own address.
package parse

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/backissue/backissue/feed"
)

// Options is what is known about the bytes from outside.
type Options struct {
	URL         string      // where they came from (the final address, after redirects); base of relative URLs
	ContentType string      // the HTTP header field, for its charset; empty for files
	Identity    feed.Policy // what is trusted to tell the articles apart
	// Whole has every item read, however many there are. It is meant for the owner's own files: a
	// stranger could fill the memory with items, and of his feeds the first 20,000 are read.
	Whole bool
}

// maxItems is how many items of a stranger's feed are read. The longest that people publish have a
// quarter of it.
const maxItems = 20_000

// most returns how many items are read.
func (o *Options) most() int {
	if o.Whole {
		return math.MaxInt
	}
	return maxItems
}

func tooMany(most int) string {
	return fmt.Sprintf("the feed had more than %d items; the rest was left out", most)
}

// Document is a feed as it was read.
type Document struct {
	Format   string         // "RSS 2.0", "Atom 1.0", "JSON Feed 1.1", …
	Source   feed.Source    // what the feed says about itself; URL is Options.URL, fetch state only TTL and Repairs
	Articles []feed.Article // identified (feed.Identify), in document order
	// Cut says that the bytes end before the feed does, so that what is missing should be asked for
	// again, whatever their validators say.
	Cut bool
}

// ErrNotFeed is returned for bytes that are no feed of a known format; the error that wraps it says
// what they look like instead ("an HTML page", "empty", …).
var ErrNotFeed = errors.New("not a feed")

// Feed reads RSS 0.9x, 1.0 and 2.0, Atom 0.3 and 1.0, JSON Feed and CDF. What can be read of a damaged
// feed is read, and Source.Fetch.Repairs says in plain words what was mended.
//
// The strings of the document may share memory with each other, not with data.
func Feed(data []byte, o Options) (*Document, error) {
	var mended repairs
	text, err := normalise(data, o.ContentType, &mended)
	if err != nil {
		return nil, err
	}
	var doc *Document
	if start := strings.TrimLeft(text, " \t\r\n\ufeff"); strings.HasPrefix(start, "{") {
		doc, err = readJSON(start, o, &mended)
	} else {
		doc, err = readXML(text, o, &mended)
	}
	if err != nil {
		return nil, err
	}
	before := len(doc.Articles)
	doc.Articles = feed.Identify(doc.Articles, doc.Source.Home, o.Identity)
	if n := before - len(doc.Articles); n > 0 {
		mended.note(fmt.Sprintf("%s that the feed repeats %s left out", count(n, "item"), wasWere(n)))
	}
	doc.Source.URL = o.URL
	doc.Source.Fetch.Repairs, doc.Cut = mended.list, mended.cut
	return doc, nil
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func wasWere(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}
