package web_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// walked is a document of a feed as a subscriber reads it.
type walked struct {
	path     string
	bytes    string
	id       string
	links    map[string]string // by relation; of JSON Feed, "prev-archive" is next_url
	archive  bool
	complete bool
	entries  []string // identity, tab and title, as the document has them
}

// fetchFeed asks for a document of a feed and reads it.
func fetchFeed(t *testing.T, h http.Handler, path string) walked {
	t.Helper()
	r := ask(t, h, "GET", path)
	d := walked{path: path, bytes: body(t, r.Body), links: make(map[string]string)}
	if r.StatusCode != 200 {
		t.Fatalf("%s: %d %s", path, r.StatusCode, d.bytes)
	}
	d.read(t)
	if d.archive != strings.Contains(path, "/archive/") && !strings.HasSuffix(path, ".json") {
		t.Errorf("%s: fh:archive is %v", path, d.archive)
	}
	if want := "public, max-age=31536000, immutable"; strings.Contains(path, "/archive/") && r.Header.Get("Cache-Control") != want {
		t.Errorf("%s: Cache-Control %q", path, r.Header.Get("Cache-Control"))
	}
	again := ask(t, h, "GET", path, "If-None-Match", r.Header.Get("Etag"))
	if again.StatusCode != 304 || !strings.HasPrefix(r.Header.Get("Etag"), `"`) {
		t.Errorf("%s: %d with its own tag %s", path, again.StatusCode, r.Header.Get("Etag"))
	}
	return d
}

type xmlLink struct {
	Rel  string `xml:"rel,attr"`
	Href string `xml:"href,attr"`
}

func (d *walked) read(t *testing.T) {
	t.Helper()
	var err error
	switch {
	case strings.HasSuffix(d.path, ".json"):
		var f struct {
			Self  string `json:"feed_url"`
			Next  string `json:"next_url"`
			Items []struct{ ID, Title string }
		}
		err = json.Unmarshal([]byte(d.bytes), &f)
		d.links["self"], d.links["prev-archive"] = f.Self, f.Next
		for _, i := range f.Items {
			d.entries = append(d.entries, i.ID+"\t"+i.Title)
		}
	case strings.HasSuffix(d.path, ".rss"):
		var f struct {
			Links    []xmlLink `xml:"http://www.w3.org/2005/Atom channel>link"`
			Archive  *struct{} `xml:"http://purl.org/syndication/history/1.0 channel>archive"`
			Complete *struct{} `xml:"http://purl.org/syndication/history/1.0 channel>complete"`
			Items    []struct {
				GUID  string `xml:"guid"`
				Title string `xml:"title"`
			} `xml:"channel>item"`
		}
		err = xml.Unmarshal([]byte(d.bytes), &f)
		for _, i := range f.Items {
			d.entries = append(d.entries, i.GUID+"\t"+i.Title)
		}
		d.history(f.Links, f.Archive, f.Complete)
	default:
		var f struct {
			ID       string    `xml:"id"`
			Links    []xmlLink `xml:"link"`
			Archive  *struct{} `xml:"http://purl.org/syndication/history/1.0 archive"`
			Complete *struct{} `xml:"http://purl.org/syndication/history/1.0 complete"`
			Entries  []struct {
				ID    string `xml:"id"`
				Title string `xml:"title"`
			} `xml:"entry"`
		}
		err = xml.Unmarshal([]byte(d.bytes), &f)
		for _, e := range f.Entries {
			d.entries = append(d.entries, e.ID+"\t"+e.Title)
		}
		d.id = f.ID
		d.history(f.Links, f.Archive, f.Complete)
	}
	if err != nil {
		t.Fatalf("%s: %v in\n%s", d.path, err, d.bytes)
	}
}

func (d *walked) history(links []xmlLink, archive, complete *struct{}) {
	for _, l := range links {
		d.links[l.Rel] = l.Href
	}
	d.archive, d.complete = archive != nil, complete != nil
}

// walk follows a feed from its live document to its first archive document (RFC 5005 §4).
func walk(t *testing.T, h http.Handler, path string) []walked {
	t.Helper()
	ext := path[strings.LastIndexByte(path, '.'):]
	bare := strings.TrimSuffix(path, ext)
	documents := []walked{fetchFeed(t, h, path)}
	for next := documents[0].links["prev-archive"]; next != ""; {
		u, err := url.Parse(next)
		if err != nil || len(documents) > 100 {
			t.Fatalf("%s: %q after %d documents, %v", path, next, len(documents), err)
		}
		documents = append(documents, fetchFeed(t, h, u.EscapedPath()))
		next = documents[len(documents)-1].links["prev-archive"]
	}
	for i := range documents {
		d := &documents[i]
		if want := "http://archive.example" + d.path; d.links["self"] != want || d.id != documents[0].id {
			t.Errorf("%s: self is %q, id %q", d.path, d.links["self"], d.id)
		}
		if met := slices.Sorted(slices.Values(d.entries)); len(slices.Compact(met)) != len(d.entries) {
			t.Errorf("%s holds an entry twice", d.path)
		}
		if ext == ".json" || i == 0 {
			continue
		}
		after := "http://archive.example" + fmt.Sprint(bare, "/archive/", len(documents)-i+1, ext)
		if d.links["current"] != "http://archive.example"+path || d.links["next-archive"] != after {
			t.Errorf("%s: current %q, next-archive %q", d.path, d.links["current"], d.links["next-archive"])
		}
	}
	if ext != ".json" && documents[0].complete != (len(documents) == 1) {
		t.Errorf("%s: fh:complete is %v before %d archive documents", path, documents[0].complete, len(documents)-1)
	}
	next := ask(t, h, "GET", fmt.Sprint(bare, "/archive/", len(documents), ext))
	if next.StatusCode != 307 || next.Header.Get("Location") != path {
		t.Errorf("the document of %s that is sealed next: %d to %q", path, next.StatusCode, next.Header.Get("Location"))
	}
	return documents
}

// wholeLog returns what a walk of a feed must meet: each revision in its log, once.
func wholeLog(t *testing.T, db store.Reader, ref store.Ref) map[string]bool {
	t.Helper()
	f, err := db.Feed(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	log, err := db.Log(context.Background(), ref, 0, int(f.Length))
	if err != nil || len(log) != int(f.Length) {
		t.Fatal(len(log), err)
	}
	want := make(map[string]bool)
	for i := range log {
		want[log[i].Title] = true
	}
	return want
}

// checkWalk walks a feed and holds what it meets against the feed's log. The titles of a test's
// articles name the revision.
func checkWalk(t *testing.T, db store.Reader, h http.Handler, ref store.Ref, ext string) []walked {
	t.Helper()
	documents := walk(t, h, web.FeedPath(ref)+ext)
	want := wholeLog(t, db, ref)
	met := make(map[string]string)
	for _, d := range documents[1:] {
		for _, e := range d.entries {
			_, title, _ := strings.Cut(e, "\t")
			if other, twice := met[title]; twice || !want[title] {
				t.Errorf("%q is in %s and in %s", title, d.path, other)
			}
			met[title] = d.path
		}
	}
	for _, e := range documents[0].entries {
		_, title, _ := strings.Cut(e, "\t")
		if met[title] = documents[0].path; !want[title] {
			t.Errorf("%s holds %q, which is in no log", documents[0].path, title)
		}
	}
	for title := range want {
		if met[title] == "" {
			t.Errorf("%q is in no document of %s%s", title, web.FeedPath(ref), ext)
		}
	}
	return documents
}

var formatsOfFeeds = []string{".atom", ".rss", ".json"}

// eventful saves articles from two sources, a third of them again in another version, and some that
// have the guid of an article of the other source.
func eventful(t *testing.T, db store.Store, from, n int) {
	t.Helper()
	for batch := from; batch < from+n; batch += 30 {
		var harbour, valley []feed.Article
		for i := batch; i < min(batch+30, from+n); i++ {
			at := morning.Add(time.Duration(i) * time.Minute)
			a := feed.Article{
				GUID: fmt.Sprint("g", i), Title: fmt.Sprintf("Ship %d version 0", i), Published: at, Updated: at,
				Content: fmt.Sprintf("<p>Ship number %d has come in from the %d. sea with %d barrels.</p>", i, i%7, i*31),
				Tags:    []feed.Tag{{Term: "Harbour"}}, Authors: []feed.Person{{Name: "Ann Porter"}},
			}
			harbour = append(harbour, a)
			if i%3 == 0 {
				a.Title = fmt.Sprintf("Cow %d version 0", i)
				a.Content = fmt.Sprintf("<p>Cow number %d gives %d litres of milk in the valley.</p>", i, i%40)
				valley = append(valley, a)
			}
		}
		later := time.Duration(batch) * time.Hour
		save(t, db, gazette, later, harbour...)
		save(t, db, bote, later+time.Minute, valley...)
		for i := range harbour {
			if i%3 == 1 {
				harbour[i].Title = strings.Replace(harbour[i].Title, "version 0", "version 1", 1)
				harbour[i].Updated = harbour[i].Updated.Add(time.Hour)
				save(t, db, gazette, later+2*time.Minute, harbour[i])
			}
		}
	}
}

// A walk of any feed in any format meets every revision, and the documents that it has passed never
// change a byte, whatever comes.
func TestWalk(t *testing.T) {
	db := archive(t)
	eventful(t, db, 0, 300)
	h := site(t, db)
	refs := []store.Ref{{Kind: store.All}, {Kind: store.Tag, Name: "harbour"}, {Kind: store.Author, Name: "ann-porter"},
		{Kind: store.Source, Name: "the-harbour-gazette"}, {Kind: store.Source, Name: "der-talbote"}}
	before := make(map[string]walked)
	for _, ref := range refs {
		for _, ext := range formatsOfFeeds {
			for _, d := range checkWalk(t, db, h, ref, ext)[1:] {
				before[d.path] = d
			}
		}
	}
	if len(before) < 3*10 {
		t.Fatalf("met only %d archive documents", len(before))
	}

	eventful(t, db, 300, 500)
	// The source describes itself anew, and another spelling of the tag is met more often.
	gazette := gazette
	gazette.Title, gazette.Description, gazette.Rights = "The New Gazette", "Everything is new", "All rights"
	var loud []feed.Article
	for i := range 1300 {
		loud = append(loud, feed.Article{GUID: fmt.Sprint("loud", i), Title: fmt.Sprintf("Loud %d version 0", i), Published: morning.Add(time.Duration(i) * time.Minute),
			Content: fmt.Sprintf("<p>Loud %d, %d, %d.</p>", i, i*7, i*13), Tags: []feed.Tag{{Term: "HARBOUR"}}})
	}
	save(t, db, gazette, 9000*time.Hour, loud...)
	if f, err := db.Feed(context.Background(), refs[1]); err != nil || f.Title != "HARBOUR" {
		t.Errorf("the tag is shown as %q, %v", f.Title, err)
	}
	if s, err := db.SourceByURL(context.Background(), gazette.URL); err != nil || s.Title != gazette.Title {
		t.Errorf("the source is %q, %v", s.Title, err)
	}

	for _, h := range []http.Handler{h, siteWith(t, web.Options{Archive: db, BaseURL: "http://archive.example", Title: "Back Issues", Version: "2.0", Deltas: true})} {
		for path, d := range before {
			if now := body(t, ask(t, h, "GET", path).Body); now != d.bytes {
				t.Errorf("%s is another document now", path)
			}
		}
	}
	for _, ref := range refs {
		for _, ext := range formatsOfFeeds {
			checkWalk(t, db, h, ref, ext)
		}
	}
	if faults, err := db.Check(context.Background()); err != nil || len(faults) > 0 {
		t.Error(faults, err)
	}
}

// An article is written in one way, in the live document as in the archive document.
func TestSameArticleEverywhere(t *testing.T) {
	db := archive(t)
	eventful(t, db, 0, 200)
	h := site(t, db)
	entry := func(document, title string) string {
		for e := range strings.SplitSeq(document, "<entry") {
			if strings.Contains(e, ">"+title+"<") {
				e, _, _ = strings.Cut(e, "</entry>")
				return e
			}
		}
		return ""
	}
	live := body(t, ask(t, h, "GET", "/feed.atom").Body)
	all, err := db.Feed(context.Background(), store.Ref{Kind: store.All})
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for k := range all.Sealed {
		sealed := body(t, ask(t, h, "GET", web.ArchivePath(store.Ref{Kind: store.All}, k)+".atom").Body)
		for i := range 200 {
			for _, title := range []string{fmt.Sprintf("Ship %d version 0", i), fmt.Sprintf("Ship %d version 1", i), fmt.Sprintf("Cow %d version 0", i)} {
				a, b := entry(live, title), entry(sealed, title)
				if a != "" && b != "" {
					if same++; a != b {
						t.Errorf("%q is\n%s\nhere and\n%s\nthere", title, a, b)
					}
				}
			}
		}
	}
	if same == 0 {
		t.Error("no article is in both")
	}
}

// What is told to those who have a document costs no rendering, sealed or not.
func TestArchiveNotModifiedWithoutRendering(t *testing.T) {
	db := filled(t)
	tag := ask(t, site(t, db), "GET", "/feed/archive/1.rss").Header.Get("Etag")
	read := &counting{Reader: db}
	h := site(t, read)
	for range 3 {
		if r := ask(t, h, "GET", "/feed/archive/1.rss", "If-None-Match", tag); r.StatusCode != 304 {
			t.Errorf("%d, want 304", r.StatusCode)
		}
	}
	if read.logged != 1 {
		t.Errorf("%d articles were read, want the last one of the document", read.logged)
	}
}

// Every path that is said to be there is, has no query, and so is every page to which they link.
func TestPathsAreThere(t *testing.T) {
	db := filled(t)
	for n := range 3 {
		a := revised()
		a.Title += strings.Repeat("!", n)
		save(t, db, bote, time.Duration(48+n)*time.Hour, a)
	}
	h := site(t, db)
	stats, err := db.Stats(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	lists, err := web.ListPaths(context.Background(), db)
	if err != nil {
		t.Fatal(err)
	}
	paths := slices.Concat(lists, web.ChangesPaths(0, stats), web.StaticPaths(), []string{"/", "/feeds.opml"})
	for id := feed.ID(1); id <= feed.ID(stats.Articles); id++ {
		all, err := db.Revisions(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, web.ArticlePaths(id, len(all))...)
	}
	for _, kind := range []store.Kind{store.All, store.Tag, store.Source, store.Author} {
		feeds, err := db.Feeds(context.Background(), kind, "", 1000)
		if kind == store.All {
			var all store.Feed
			all, err = db.Feed(context.Background(), store.Ref{Kind: store.All})
			feeds = []store.Feed{all}
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range feeds {
			for _, ext := range web.Extensions() {
				paths = append(paths, web.FeedPath(f.Ref)+ext)
				for k := range f.Sealed {
					paths = append(paths, web.ArchivePath(f.Ref, k)+ext)
				}
			}
		}
	}
	there := make(map[string]bool)
	for _, path := range paths {
		if there[path] {
			t.Errorf("%s is named twice", path)
		}
		there[path] = true
	}
	for _, path := range crawl(t, h) {
		if plain, err := url.PathUnescape(path); err != nil || !there[plain] {
			t.Errorf("%s is linked to and not named", path)
		}
	}
	for path := range there {
		if r := ask(t, h, "GET", (&url.URL{Path: path}).EscapedPath()); r.StatusCode != 200 || strings.Contains(path, "?") {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}
