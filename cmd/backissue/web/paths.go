package web

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// The functions here name all that the handler answers with 200, so that it can be written to files:
// none has a query. Paths are as requests have them, not escaped; in files and URLs they are below
// the base URL. Beside them there are "/" and "/feeds.opml".

// FeedPath returns the path of a feed without extension, which is its page; with one of [Extensions]
// it is a document.
func FeedPath(ref store.Ref) string { return path(ref) }

// ArchivePath returns the path of archive document k (counted from 0) of a feed without extension,
// which is its page; with one of [Extensions] it is the document itself.
func ArchivePath(ref store.Ref, k uint64) string { return archivePath(ref, k) }

// Extensions returns what stands behind the paths of feeds, archive documents and the list of changes:
// nothing for the page, and the extension of each format.
func Extensions() []string {
	extensions := []string{""}
	for _, f := range newFormats(false) {
		extensions = append(extensions, f.Ext)
	}
	return extensions
}

// ArticlePaths returns the paths of the pages of an article that has so many revisions.
func ArticlePaths(id feed.ID, revisions int) []string {
	paths := []string{articlePath(id)}
	if revisions < 2 {
		return paths
	}
	paths = append(paths, revisionsPath(id), diffPath(id))
	for n := range revisions {
		paths = append(paths, revisionPath(id, n))
		if n > 0 {
			paths = append(paths, revisionDiffPath(id, n))
		}
	}
	return paths
}

// ListPaths returns the paths of the lists of feeds, page by page.
func ListPaths(ctx context.Context, r store.Reader) ([]string, error) {
	var paths []string
	for _, sec := range sections() {
		for after, more := "", true; more; {
			paths = append(paths, listPath(sec, after))
			_, next, err := listed(ctx, r, sec.Kind, after)
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", sec.Path, err)
			}
			after, more = next, next != ""
		}
	}
	return paths, nil
}

// ChangesPaths returns the paths of what tells of changes and is new or another since there were only
// so many: the newest, with each of [Extensions], and the pages of those before.
func ChangesPaths(since uint64, now store.Stats) []string {
	var paths []string
	for _, ext := range Extensions() {
		paths = append(paths, changesPath+ext)
	}
	for n := since/changesLen + 1; n <= now.Changes/changesLen; n++ {
		paths = append(paths, changesPagePath(n))
	}
	return paths
}

// StaticPaths returns the paths of what does not come from the archive: style, icon, rules for robots,
// and the form for searches, which only a running server can answer.
func StaticPaths() []string {
	paths := []string{searchPath}
	for path := range newStatic().files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// A page of a list ends behind a name that is chosen by its hash alone, so that a new name moves the
// borders of no other page. Only where none is chosen in very many does a page end without one.
const (
	listLen = 256  // names on a page, on average
	listMax = 1000 // names on a page at most
)

// listed returns the feeds on the page of a list behind a name, and the last name on it, behind which
// the next page begins; "" for the last page.
func listed(ctx context.Context, r store.Reader, kind store.Kind, after string) (feeds []store.Feed, next string, err error) {
	feeds, err = r.Feeds(ctx, kind, after, listMax+1)
	for i := range feeds {
		if i+1 < len(feeds) && (border(feeds[i].Name) || i+1 == listMax) {
			return feeds[:i+1], feeds[i].Name, err
		}
	}
	return feeds, "", err
}

func border(name string) bool {
	h := fnv.New32a()
	h.Write([]byte(name))
	// The last bits of the sum hang on the last letters alone.
	sum := h.Sum32()
	return (sum^sum>>8^sum>>16^sum>>24)%listLen == 0
}

// listAfter is what stands between a list and the name behind which a further page of it begins.
const listAfter = "/after/"

func listPath(sec section, after string) string {
	if after == "" {
		return "/" + sec.Path
	}
	return "/" + sec.Path + listAfter + after
}

func changesPagePath(n uint64) string { return changesPath + "/" + strconv.FormatUint(n, 10) }
