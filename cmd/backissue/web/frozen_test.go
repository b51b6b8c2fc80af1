package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

var freeze = flag.Bool("freeze", false, "make the frozen archive and what it puts out anew; no release may need that")

// The frozen archive is in testdata/frozen: the archive itself, and what it put out when it was made.
const (
	frozenArchive   = "testdata/frozen/archive.db.gz"
	frozenDocuments = "testdata/frozen/documents.json.gz" // by path
	frozenGUIDs     = "testdata/frozen/guids.txt"
)

// TestFrozenDocuments holds this program to the bytes that an earlier one put out: archive documents are
// cached for ever, so not one of them may change, whatever becomes of the program.
func TestFrozenDocuments(t *testing.T) {
	file := filepath.Join(t.TempDir(), "archive.db")
	if *freeze {
		db := openFile(t, file)
		fillFrozen(t, db)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		packed(t, frozenArchive, must(os.ReadFile(file))(t))
	} else {
		must0(t, os.WriteFile(file, unpacked(t, frozenArchive), 0o600))
	}
	db := openFile(t, file)
	defer db.Close()
	h := siteWith(t, web.Options{Archive: db, BaseURL: "https://archive.example", Title: "Back Issues", Version: "of today"})
	got := make(map[string]string)
	for _, ref := range everyFeed(t, db) {
		f := must(db.Feed(t.Context(), ref))(t)
		for k := range f.Sealed {
			for _, ext := range web.Extensions() {
				if path := web.ArchivePath(ref, k) + ext; ext != "" { // pages may change their looks
					got[path] = shown(t, h, path)
				}
			}
		}
	}
	if *freeze {
		packed(t, frozenDocuments, must(json.Marshal(got))(t))
	}
	var want map[string]string
	must0(t, json.Unmarshal(unpacked(t, frozenDocuments), &want))
	if len(want) < 30 {
		t.Fatalf("only %d documents are frozen", len(want))
	}
	for path, document := range want {
		if got[path] != document {
			t.Errorf("%s has changed (-frozen +now):\n%s", path, cmp.Diff(strings.Split(document, "\n"), strings.Split(got[path], "\n")))
		}
	}
	for path := range got {
		if want[path] == "" {
			t.Errorf("%s was not there", path)
		}
	}
}

// TestFrozenGUIDs holds this program to the identities that an earlier one gave the articles of the same
// documents, and to the feeds' own.
func TestFrozenGUIDs(t *testing.T) {
	if *freeze {
		must0(t, os.WriteFile(frozenGUIDs, []byte(strings.Join(emitted(t), "\n")+"\n"), 0o644))
	}
	want := strings.Split(strings.TrimSpace(string(must(os.ReadFile(frozenGUIDs))(t))), "\n")
	if diff := cmp.Diff(want, emitted(t)); diff != "" {
		t.Errorf("guids have changed (-frozen +now):\n%s", diff)
	}
}

// emitted fills a new archive and returns every guid that its feeds put out in RSS and Atom.
func emitted(t *testing.T) (ids []string) {
	t.Helper()
	db := openFile(t, filepath.Join(t.TempDir(), "archive.db"))
	defer db.Close()
	fillFrozen(t, db)
	h := siteWith(t, web.Options{Archive: db, BaseURL: "https://archive.example", Title: "Back Issues"})
	for _, ref := range everyFeed(t, db) {
		f := must(db.Feed(t.Context(), ref))(t)
		paths := []string{web.FeedPath(ref)}
		for k := range f.Sealed {
			paths = append(paths, web.ArchivePath(ref, k))
		}
		for _, path := range paths {
			var atom struct {
				Entries []struct {
					ID string `xml:"id"`
				} `xml:"entry"`
			}
			var rss struct {
				GUIDs []string `xml:"channel>item>guid"`
			}
			must0(t, xml.Unmarshal([]byte(shown(t, h, path+".atom")), &atom))
			must0(t, xml.Unmarshal([]byte(shown(t, h, path+".rss")), &rss))
			for _, e := range atom.Entries {
				ids = append(ids, path+".atom "+e.ID)
			}
			for _, id := range rss.GUIDs {
				ids = append(ids, path+".rss "+id)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// fillFrozen visits the frozen feeds, and one that is made, until there is something of everything.
func fillFrozen(t *testing.T, db *bolt.DB) {
	t.Helper()
	at := morning
	visit := func(address string, body []byte) {
		t.Helper()
		at = at.Add(time.Hour)
		doc := must(parse.Feed(body, parse.Options{URL: address}))(t)
		doc.Source.URL, doc.Source.Subscribed, doc.Source.Fetch.Checked = address, true, at
		saved := must(db.Save(t.Context(), store.Batch{Source: doc.Source, Articles: doc.Articles, Seen: at}))(t)
		must0(t, saved[0].Err)
	}
	for _, name := range []string{"podcast.xml", "journal.atom", "ledger.json", "notes.rss"} {
		body := must(os.ReadFile("testdata/frozen/" + name))(t)
		visit("https://"+name+".example/feed", body)
		// Edits, which are revisions.
		body = bytes.Replace(body, []byte("cannot"), []byte("can hardly"), 1)
		body = bytes.Replace(body, []byte("<b>nichts</b>"), []byte("<b>wenig</b>"), 1)
		body = bytes.Replace(body, []byte("Nothing came in"), []byte("A crate of lamps came in"), 1)
		visit("https://"+name+".example/feed", body)
	}
	must(db.Define(t.Context(), store.Definition{Name: "Quays", Query: `tag:harbour -tag:"pier 1"`}, nil))(t)
	const items = 230
	for n := 0; n < items; n += 10 {
		var b strings.Builder
		b.WriteString(`<rss version="2.0"><channel><title>Arrivals</title><link>https://arrivals.example/</link><description>Ships.</description>`)
		for i := n + 9; i >= n; i-- {
			fmt.Fprintf(&b, `<item><title>Ship %d</title><link>https://arrivals.example/%d</link><guid>https://arrivals.example/%d</guid>`+
				`<pubDate>%s</pubDate><category>Pier %d</category><category>Harbour</category><description>With %d barrels &amp;amp; more.</description></item>`,
				i, i, i, morning.Add(time.Duration(i-1000)*time.Hour).Format(time.RFC1123Z), i%3, i)
		}
		b.WriteString("</channel></rss>")
		visit("https://arrivals.example/feed", []byte(b.String()))
	}
}

// everyFeed returns the feeds of an archive.
func everyFeed(t *testing.T, r store.Reader) []store.Ref {
	t.Helper()
	refs := []store.Ref{{Kind: store.All}}
	for _, kind := range []store.Kind{store.Tag, store.Source, store.Author, store.Search} {
		for _, f := range must(r.Feeds(t.Context(), kind, "", 1000))(t) {
			refs = append(refs, f.Ref)
		}
	}
	return refs
}

func openFile(t *testing.T, file string) *bolt.DB {
	t.Helper()
	return must(bolt.Open(file, &bolt.Options{NoSync: true}))(t)
}

func shown(t *testing.T, h http.Handler, path string) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, (&url.URL{Path: path}).String(), nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d", path, w.Code)
	}
	return w.Body.String()
}

func packed(t *testing.T, file string, data []byte) {
	t.Helper()
	var b bytes.Buffer
	z := must(gzip.NewWriterLevel(&b, gzip.BestCompression))(t)
	must(z.Write(data))(t)
	must0(t, z.Close())
	must0(t, os.WriteFile(file, b.Bytes(), 0o644))
}

func unpacked(t *testing.T, file string) []byte {
	t.Helper()
	z := must(gzip.NewReader(bytes.NewReader(must(os.ReadFile(file))(t))))(t)
	return must(io.ReadAll(z))(t)
}

// must returns what a call returned that may not fail.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must0(t, err)
		return v
	}
}

func must0(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
