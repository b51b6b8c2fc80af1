package scheduler_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/store"
)

// Real feeds behind an ordinary file server: all items come in, a second round asks on conditions
// only and adds nothing, and of a file that is replaced exactly the new item comes in.
func TestRealFeeds(t *testing.T) {
	files, _ := filepath.Glob("../../shared/corpus/wellformed/fastfeedparser__benchmark_*.xml")
	if len(files) == 0 {
		t.Skip("no corpus of real feeds in ../shared/corpus")
	}
	w, up := newWorld(t), newSite(t, "127.0.0.1")
	dir := t.TempDir()
	var urls []string
	items := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := parse.Feed(data, parse.Options{URL: up.URL})
		if err != nil {
			continue
		}
		items += len(doc.Articles)
		name := filepath.Base(file)
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		up.set("/"+name, http.FileServer(http.Dir(dir)).ServeHTTP)
		urls = append(urls, up.URL+"/"+name)
	}
	own := filepath.Join(dir, "own.xml")
	write := func(at time.Time, guids ...string) {
		if err := os.WriteFile(own, []byte(rss("Own", guids...)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(own, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write(noon, "a", "b")
	up.set("/own.xml", http.FileServer(http.Dir(dir)).ServeHTTP)
	w.follow(append(urls, up.URL+"/own.xml")...)

	count := func() int {
		t.Helper()
		s, err := w.Store.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return int(s.Articles)
	}
	if r := w.round(scheduler.RoundOptions{NoHistory: true}); r.Failed != 0 || r.Added != items+2 || count() != items+2 {
		t.Errorf("first round: %d failed, %d added of %d items in %d feeds", r.Failed, r.Added, items+2, len(urls)+1)
	}
	up.requests()
	if r := w.round(scheduler.RoundOptions{All: true, NoHistory: true}); r.Unchanged != len(urls)+1 || count() != items+2 {
		t.Errorf("second round: %+v", r)
	}
	for _, q := range up.requests() {
		if q.Header.Get("If-Modified-Since") == "" {
			t.Errorf("%s was asked for without conditions", q.URL)
		}
	}
	write(noon.Add(time.Hour), "c", "a", "b")
	if r := w.round(scheduler.RoundOptions{All: true, NoHistory: true}); r.Changed != 1 || r.Added != 1 || r.Revised != 0 || count() != items+3 {
		t.Errorf("third round: %d changed, %d added, %d revised", r.Changed, r.Added, r.Revised)
	}
	src, err := w.Store.SourceByURL(t.Context(), up.URL+"/own.xml")
	if err != nil {
		t.Fatal(err)
	}
	log, err := w.Store.Log(t.Context(), store.Ref{Kind: store.Source, Name: src.Name}, 2, 10)
	if err != nil || len(log) != 1 || log[0].GUID != "c" {
		t.Errorf("the log of the source goes on with %d articles, %v", len(log), err)
	}
	t.Logf("%d feeds, %d items", len(urls)+1, items+3)
}
