package publish_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/cmd/backissue/publish"
	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

var morning = time.Date(2024, 3, 5, 8, 30, 0, 0, time.UTC)

const base = "http://archive.example"

// folder is an archive and where it is published.
type folder struct {
	testing.TB
	db   *bolt.DB
	site http.Handler
	dir  string
}

func newFolder(t testing.TB) *folder {
	t.Helper()
	db, err := bolt.Open(filepath.Join(t.TempDir(), "archive.db"), &bolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	site, err := web.New(web.Options{Archive: db, BaseURL: base, Title: "Back Issues", Version: "1.0"})
	if err != nil {
		t.Fatal(err)
	}
	return &folder{t, db, site, t.TempDir()}
}

// article returns the article n of source s.
func article(s, n int) feed.Article {
	return feed.Article{
		GUID: fmt.Sprintf("https://s%d.example/%d", s, n), Link: fmt.Sprintf("https://s%d.example/%d", s, n),
		Title: fmt.Sprintf("Article %d of %d", n, s), Content: "<p>" + strings.Repeat(fmt.Sprintf("Text %d. ", n), 30) + "</p>",
		Published: morning.Add(time.Duration(n-10000) * time.Hour),
		Authors:   []feed.Person{{Name: fmt.Sprintf("Author %d", n%7)}},
		Tags:      []feed.Tag{{Term: fmt.Sprintf("Tag %d", n%5)}, {Term: "Österreich"}},
	}
}

// visit takes articles in as a visit to a source does.
func (f *folder) visit(s int, later time.Duration, articles ...feed.Article) {
	f.Helper()
	home := fmt.Sprintf("https://s%d.example/", s)
	f.save(feed.Source{
		URL: home + "feed", Home: home, Title: fmt.Sprintf("Source %d", s), Subscribed: true,
		Fetch: feed.FetchState{Checked: morning.Add(later)},
	}, later, articles)
}

func (f *folder) save(source feed.Source, later time.Duration, articles []feed.Article) {
	f.Helper()
	saved, err := f.db.Save(f.Context(), store.Batch{
		Source: source, Articles: feed.Identify(articles, source.Home, feed.PolicyAuto), Seen: morning.Add(later),
	})
	if err != nil || saved[0].Err != nil {
		f.Fatal(err, saved)
	}
}

func (f *folder) publish() publish.Report {
	f.Helper()
	r, err := publish.Publish(f.Context(), publish.Options{
		Archive: f.db, Site: f.site, Dir: f.dir, Address: base, Title: "Back Issues", Version: "1.0",
	})
	if err != nil {
		f.Fatal(err)
	}
	return r
}

// files returns the files of the folder, with what tells whether one has been written.
func (f *folder) files() map[string]os.FileInfo {
	f.Helper()
	all := make(map[string]os.FileInfo)
	err := filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		all["/"+filepath.ToSlash(strings.TrimPrefix(path, f.dir+string(filepath.Separator)))] = info
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	return all
}

// written returns the files that are not the ones that were there.
func written(before, after map[string]os.FileInfo) (names []string) {
	for name, info := range after {
		if old, ok := before[name]; !ok || !os.SameFile(old, info) || !old.ModTime().Equal(info.ModTime()) { // numbers of files are used again
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// address returns the address that a file is for.
func address(file string) string {
	switch {
	case file == "/index.html":
		return "/"
	case strings.HasSuffix(file, ".html"):
		return strings.TrimSuffix(file, ".html")
	}
	return file
}

// served returns what the site answers.
func (f *folder) served(path string) (int, []byte) {
	r := httptest.NewRequest(http.MethodGet, (&url.URL{Path: path}).String(), nil)
	w := httptest.NewRecorder()
	f.site.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}

// asServed proves that every file is what the site answers, plain and compressed.
func (f *folder) asServed() {
	f.Helper()
	for name := range f.files() {
		if name == "/.backissue.json" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(f.dir, name))
		if err != nil {
			f.Fatal(err)
		}
		if bare, ok := strings.CutSuffix(name, ".gz"); ok {
			z, err := gzip.NewReader(bytes.NewReader(data))
			if err == nil {
				data, err = io.ReadAll(z)
			}
			if err != nil {
				f.Fatalf("%s: %v", name, err)
			}
			name = bare
		}
		if code, body := f.served(address(name)); code != http.StatusOK || !bytes.Equal(body, data) {
			f.Errorf("%s is not what the site answers (%d)", name, code)
		}
	}
}

func TestPublish(t *testing.T) {
	f := newFolder(t)
	for n := range 330 {
		f.visit(1, time.Duration(n)*time.Minute, article(1, n))
	}
	first := f.publish()
	files := f.files()
	if first.Written != len(files)-1 || first.Removed != 0 {
		t.Errorf("the report says %+v, and there are %d files", first, len(files))
	}
	for _, want := range []string{
		"/index.html", "/feed.html", "/feed.atom", "/feed.rss.gz", "/feed/archive/1.atom", "/feed/archive/3.json", "/feed/archive/2.html",
		"/tags/tag-1.rss", "/tags/österreich/archive/3.atom", "/sources.html", "/authors/author-3.json", "/articles/330.html",
		"/feeds.opml", "/changes.html", "/changes.atom",
	} {
		if files[want] == nil {
			t.Errorf("there is no %s", want)
		}
	}
	f.asServed()

	// Nothing new: nothing is written, nor even looked at.
	again := f.publish()
	if again != (publish.Report{}) {
		t.Errorf("a second time: %+v", again)
	}
	if names := written(files, f.files()); len(names) > 0 {
		t.Errorf("a second time these were written: %q", names)
	}

	// One new article: only what holds it.
	f.visit(1, 400*time.Minute, article(1, 331))
	f.publish()
	for _, name := range written(files, f.files()) {
		name = strings.TrimSuffix(name, ".gz")
		_, body := f.served(address(name))
		if !bytes.Contains(body, []byte("Article 331 of 1")) && !slices.Contains([]string{"/.backissue.json",
			"/tags.html", "/sources.html", "/authors.html"}, name) { // which count their articles
			t.Errorf("%s was written without holding the article", name)
		}
	}
	f.asServed()

	// A revision, and what the source says of itself.
	files = f.files()
	revised := article(1, 331)
	revised.Content += "<p>And more, which was found out only later in the day.</p>"
	f.visit(1, 500*time.Minute, revised)
	f.publish()
	after := f.files()
	for _, want := range []string{"/articles/331.html", "/articles/331/revisions.html", "/changes.atom", "/feed.rss"} {
		if !slices.Contains(written(files, after), want) {
			t.Errorf("%s was not written after a revision", want)
		}
	}
	f.asServed()

	// Everything is looked at, and found to be right.
	files = f.files()
	r, err := publish.Publish(t.Context(), publish.Options{
		Archive: f.db, Site: f.site, Dir: f.dir, Address: base, Title: "Back Issues", Version: "1.0", Whole: true,
	})
	if err != nil || r.Written != 0 || r.Looked < 300 {
		t.Errorf("as a whole: %+v, %v", r, err)
	}
	if names := written(files, f.files()); len(names) > 1 {
		t.Errorf("as a whole these were written: %q", names)
	}
}

// The files of what is withdrawn go, and those of a saved search that has ended.
func TestPublishWithdrawn(t *testing.T) {
	f := newFolder(t)
	var all, revised []feed.Article
	for n := range 250 {
		a := article(1, n)
		all = append(all, a)
		if a.Content += "<p>And more.</p>"; n < 120 { // so that there is a full page of changes
			revised = append(revised, a)
		}
	}
	f.visit(1, 0, all...)
	f.visit(1, time.Hour, revised...)
	f.visit(2, 2*time.Hour, article(1, 249)) // a twin
	if _, err := f.db.Define(t.Context(), store.Definition{Name: "Found", Query: "tag:österreich"}, nil); err != nil {
		t.Fatal(err)
	}
	f.publish()
	const id, elder, younger = 5, 250, 371
	gone := []string{"/articles/5.html", "/articles/5/diff.html", "/articles/5/revisions/0.html", "/articles/250.html.gz", "/feeds/found.html", "/feeds/found.atom", "/feeds/found/archive/1.json"}
	before := f.files()
	for _, name := range append(gone, "/articles/371.html") {
		if before[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	if err := f.db.Withdraw(t.Context(), id, elder); err != nil {
		t.Fatal(err)
	}
	if err := f.db.Undefine(t.Context(), "found"); err != nil {
		t.Fatal(err)
	}
	r := f.publish()
	after := f.files()
	for _, name := range gone {
		if after[name] != nil {
			t.Errorf("%s is still there", name)
		}
	}
	if r.Removed < len(gone) || after["/feed/archive/1.atom"] == nil {
		t.Errorf("%+v", r)
	}
	for _, want := range []string{"/changes/1.html", "/feed.atom", "/articles/371.html", "/feeds.html"} {
		if !slices.Contains(written(before, after), want) {
			t.Errorf("%s was not written", want)
		}
	}
	f.asServed()
	fresh := &folder{t, f.db, f.site, t.TempDir()}
	fresh.publish()
	if got, want := len(after), len(fresh.files()); got != want {
		t.Errorf("%d files, want %d", got, want)
	}

	if err := f.db.Restore(t.Context(), id, elder); err != nil {
		t.Fatal(err)
	}
	if _, err := f.db.Define(t.Context(), store.Definition{Name: "Found", Query: "tag:österreich"}, nil); err != nil {
		t.Fatal(err)
	}
	f.publish()
	for _, name := range gone {
		if f.files()[name] == nil {
			t.Errorf("%s is not back", name)
		}
	}
	f.asServed()
}

// Whatever is cut off is finished the next time.
func TestPublishInterrupted(t *testing.T) {
	f := newFolder(t)
	for s := range 3 {
		var some []feed.Article
		for n := range 150 {
			some = append(some, article(s, n))
		}
		f.visit(s, time.Duration(s)*time.Minute, some...)
	}
	for stop := 1; ; stop *= 3 {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := publish.Publish(ctx, publish.Options{
			Archive: f.db, Site: f.site, Dir: f.dir, Address: base, Title: "Back Issues", Version: "1.0",
			Progress: func(looked int) {
				if looked == stop {
					cancel()
				}
			},
		})
		cancel()
		if err == nil {
			if r.Looked == 0 {
				t.Error("the last time nothing was left to do")
			}
			break
		}
	}
	f.asServed()
	fresh := &folder{t, f.db, f.site, t.TempDir()}
	fresh.publish()
	if got, want := len(f.files()), len(fresh.files()); got != want {
		t.Errorf("%d files, want %d", got, want)
	}
}

func TestNginx(t *testing.T) {
	f := newFolder(t)
	for n := range 230 {
		f.visit(1, time.Duration(n)*time.Minute, article(1, n))
	}
	f.publish()
	live := httptest.NewServer(f.site)
	defer live.Close()
	static := nginx(t, f.dir)
	alike := func(path, encoding string) {
		t.Helper()
		path = (&url.URL{Path: path}).String()
		want, body := get(t, live.URL+path, encoding)
		got, file := get(t, static+path, encoding)
		headers := []string{"Cache-Control", "Location"}
		if want.StatusCode == http.StatusOK {
			headers = append(headers, "Content-Type", "Content-Encoding")
		} else {
			file, body = nil, nil // words for people, who never see them
		}
		if want.Header.Get("Content-Encoding") != "" {
			headers = append(headers, "Vary")
		}
		if want.Header.Get("Access-Control-Allow-Origin") != "" {
			headers = append(headers, "Access-Control-Allow-Origin")
		}
		if got.StatusCode != want.StatusCode || !bytes.Equal(file, body) {
			t.Errorf("%s: nginx answers %d and %d bytes, serve %d and %d", path, got.StatusCode, len(file), want.StatusCode, len(body))
		}
		for _, h := range headers {
			if g, w := got.Header.Get(h), want.Header.Get(h); g != w {
				t.Errorf("%s: nginx says %s: %q, serve %q", path, h, g, w)
			}
		}
	}
	for name := range f.files() {
		if !strings.HasSuffix(name, ".gz") && name != "/.backissue.json" {
			alike(address(name), "identity")
			alike(address(name), "gzip")
		}
	}
	for _, path := range []string{"/feed/archive/3.atom", "/tags/österreich/archive/3.rss", "/feed/archive/3"} {
		alike(path, "identity") // which is not sealed yet
	}
	if got, _ := get(t, static+"/.backissue.json", ""); got.StatusCode != http.StatusNotFound {
		t.Errorf("the folder's own note is shown: %d", got.StatusCode)
	}
}

// What was being written when a publishing process was killed is removed the next time, and nothing else.
func TestPublishSweeps(t *testing.T) {
	f := newFolder(t)
	f.visit(1, 0, article(1, 1), article(1, 2))
	leave := func(name string) {
		t.Helper()
		name = filepath.Join(f.dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, morning, morning); err != nil {
			t.Fatal(err)
		}
	}
	cutOff := func() {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := publish.Publish(ctx, publish.Options{
			Archive: f.db, Site: f.site, Dir: f.dir, Address: base, Title: "Back Issues", Version: "1.0", Progress: func(int) { cancel() },
		})
		if err == nil {
			t.Fatal("it was not cut off")
		}
	}
	leave(".new-1") // it was killed before the folder was known for ours
	cutOff()
	leave("articles/.new-22")
	leave("articles/.new-mine")
	f.publish()
	f.visit(1, time.Hour, article(1, 3))
	cutOff()
	leave("articles/.new-333")
	f.publish()
	f.publish()
	for _, name := range []string{".new-1", "articles/.new-22", "articles/.new-333"} {
		if _, err := os.Lstat(filepath.Join(f.dir, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	if err := os.Remove(filepath.Join(f.dir, "articles/.new-mine")); err != nil {
		t.Error(err)
	}
	f.asServed()
}
