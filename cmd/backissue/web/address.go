package web

import (
	"net/url"
	"strconv"
	"strings"

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
		{store.Search, "feeds", "Searches", "Searches that are feeds: what is found now, and whatever will be."},
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

// archiveDir is the part of a path below which a feed's archive documents are.
const archiveDir = "/archive/"

// archivePath returns the path of an archive document, counted from 0, without extension and not
// escaped. In addresses they are counted from 1.
func archivePath(ref store.Ref, k uint64) string {
	return path(ref) + archiveDir + strconv.FormatUint(k+1, 10)
}

// escaped returns a path as it stands in a URL.
func escaped(path string) string { return (&url.URL{Path: path}).EscapedPath() }

func articlePath(id feed.ID) string { return "/articles/" + id.String() }

// parseCount reads a number counted from 1, in the one way in which it is written.
func parseCount(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && n > 0 && s[0] != '0'
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
