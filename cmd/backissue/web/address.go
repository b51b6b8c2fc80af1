package web

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// section is a part of the site: the feeds of one kind, below one path.
type section struct {
	Kind  store.Kind
	Path  string // without slashes
	Title string
	About string // one line for people
}

func sections() []section {
	return []section{
		{store.Tag, "tags", "Tags", "Every tag is a feed of its own."},
		{store.Source, "sources", "Sources", "Where the articles come from."},
		{store.Author, "authors", "Authors", "Who wrote what is kept here."},
	}
}

// path returns the path of a feed without extension, as a request has it: not escaped.
func path(ref store.Ref) string {
	for _, sec := range sections() {
		if sec.Kind == ref.Kind {
			return "/" + sec.Path + "/" + ref.Name
		}
	}
	return "/feed"
}

// escaped returns a path as it stands in a URL.
func escaped(path string) string { return (&url.URL{Path: path}).EscapedPath() }

func articlePath(id feed.ID) string { return "/articles/" + id.String() }

// cursorParam is the name of the parameter that pages of a feed have in their query.
const cursorParam = "before"

// formatCursor writes a cursor for a URL: seconds and nanoseconds since 1970, and the article.
func formatCursor(c store.Cursor) string {
	return strconv.FormatInt(c.When.Unix(), 10) + "." + strconv.Itoa(c.When.Nanosecond()) + "." + c.ID.String()
}

// parseCursor reads what formatCursor wrote and nothing else, so that every page has one address.
func parseCursor(s string) (store.Cursor, bool) {
	sec, rest, _ := strings.Cut(s, ".")
	nsec, number, _ := strings.Cut(rest, ".")
	seconds, err1 := strconv.ParseInt(sec, 10, 64)
	nanos, err2 := strconv.ParseInt(nsec, 10, 64)
	id, ok := feed.ParseID(number)
	if err1 != nil || err2 != nil || !ok {
		return store.Cursor{}, false
	}
	c := store.Cursor{When: time.Unix(seconds, nanos).UTC(), ID: id}
	return c, formatCursor(c) == s
}

// webAddress returns an address if it is one that a page may link to, and "" otherwise.
func webAddress(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return u.String()
}

// host returns what people call the site of an address.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(u.Hostname(), "www.")
}
