package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// TestMirror subscribes one archive to another over loopback, kills it again and again on its way, and
// proves that it ends up with the same history: every entry of every document, word for word.
func TestMirror(t *testing.T) {
	bin, err := exec.LookPath("backissue")
	if err != nil {
		t.Fatal(err) // TestMain puts it there
	}
	original := opened(t, t.TempDir())
	fill(t, original)
	publisher := newPublisher(t, original)
	want := walk(t, publisher.URL+"/feed.atom")

	for _, ext := range []string{".atom", ".rss"} {
		t.Run(ext, func(t *testing.T) {
			publisher.forget()
			dir := t.TempDir()
			kills := 0
			run := func(args ...string) {
				t.Helper()
				for {
					cmd := exec.Command(bin, append([]string{"--quiet", "--data", dir}, args...)...)
					var out strings.Builder
					cmd.Stdout, cmd.Stderr = &out, &out
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					after := time.Duration(20+rand.IntN(400)) * time.Millisecond
					if kills > 20 {
						after = time.Minute
					}
					timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
					err := cmd.Wait()
					timer.Stop()
					var exit *exec.ExitError
					switch {
					case err == nil:
						return
					case errors.As(err, &exit) && exit.ExitCode() == -1:
						kills++
					default:
						t.Fatalf("backissue %s: %v\n%s", args, err, &out)
					}
				}
			}
			run("add", publisher.URL+"/feed"+ext)
			run("fetch", "--history", publisher.URL+"/feed"+ext)
			t.Logf("%d kills", kills)
			for path, n := range publisher.asked() {
				if strings.Contains(path, "/archive/") && n > 1+kills {
					t.Errorf("%s was fetched %d times", path, n)
				}
			}
			copied := opened(t, dir)
			faults, err := copied.Check(t.Context())
			if err != nil || len(faults) > 0 {
				t.Errorf("check: %v, %q", err, faults)
			}
			if ext != ".atom" {
				return // what RSS cannot say is not there to be compared
			}
			got := walk(t, newPublisher(t, copied).URL+"/feed.atom", publisher.URL)
			t.Logf("%d entries, %d copied", len(want), len(got))
			differ := 0
			for key, entry := range want {
				if diff := cmp.Diff(lines(entry), lines(got[key])); diff != "" {
					if differ++; differ <= 10 {
						t.Errorf("%s (-original +copy):\n%s", key, diff)
					}
				}
			}
			for key := range got {
				if want[key] == "" {
					t.Errorf("only the copy has %s", key)
				}
			}
			if differ > 0 {
				t.Errorf("%d of %d entries differ", differ, len(want))
			}
		})
	}
}

// lines returns the lines of an entry in an order of their own: where an extension element stands among
// others says nothing.
func lines(s string) []string { return slices.Sorted(strings.SplitSeq(s, "\n")) }

func opened(t *testing.T, dir string) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(filepath.Join(dir, "archive.db"), &bolt.Options{NoSync: true, Wait: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// fill puts into an archive what publishers put into theirs: made articles with everything that makes
// them hard to tell apart, and real feeds where there are some.
func fill(t *testing.T, db *bolt.DB) {
	t.Helper()
	at := time.Date(2024, 3, 5, 8, 30, 0, 0, time.UTC)
	visit := func(source feed.Source, articles ...feed.Article) {
		t.Helper()
		at = at.Add(time.Hour)
		source.Subscribed, source.Fetch.Checked = true, at
		saved, err := db.Save(t.Context(), store.Batch{
			Source: source, Articles: feed.Identify(articles, source.Home, feed.PolicyAuto), Seen: at,
		})
		if err != nil || saved[0].Err != nil {
			t.Fatal(err, saved)
		}
	}
	for n := range 260 {
		s := n % 3
		source := feed.Source{URL: fmt.Sprintf("https://s%d.example/feed", s), Home: fmt.Sprintf("https://s%d.example/", s), Title: fmt.Sprintf("Source %d", s)}
		a := feed.Article{
			GUID: fmt.Sprint(n / 3), Title: fmt.Sprintf("Number %d", n), Link: fmt.Sprintf("https://s%d.example/%d", s, n),
			Published: at.Add(-1000 * time.Hour), Content: fmt.Sprintf("<p>Text of <b>number %d</b> &amp; more.</p>", n),
			Authors: []feed.Person{{Name: "Ada Quill", Email: "ada@example.org"}}, Tags: []feed.Tag{{Term: "go", Scheme: "https://tags.example/", Label: "Go!"}},
		}
		switch n % 10 {
		case 1:
			a.Title, a.Summary = "", "A note without a title, number "+fmt.Sprint(n)
		case 2:
			a.Enclosures = []feed.Enclosure{{URL: a.Link + ".mp3", Type: "audio/mpeg", Length: 1234}}
		case 3:
			a.Published, a.Updated = time.Time{}, at.Add(-10*time.Hour)
		case 4:
			a.Rights, a.Links = "© 2024", []feed.Link{{Rel: "via", Href: "https://via.example/"}}
		case 5:
			a.GUID = ""
		}
		visit(source, a)
		if n%20 == 7 {
			a.Content += "<p>Corrected.</p>"
			visit(source, a)
		}
	}
	files, _ := filepath.Glob("../../../shared/corpus/wellformed/*")
	if len(files) == 0 {
		t.Log("no corpus of real feeds in ../shared/corpus; made ones only")
	}
	for i, file := range files {
		if testing.Short() && i%10 > 0 {
			continue
		}
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		address := "https://corpus.example/" + filepath.Base(file)
		doc, err := parse.Feed(body, parse.Options{URL: address})
		if err != nil {
			continue // which is what other tests are about
		}
		doc.Source.URL = address
		visit(doc.Source, doc.Articles...)
	}
}

// publisher is an archive that is served, and counts what it is asked for.
type publisher struct {
	*httptest.Server
	mu    sync.Mutex
	count map[string]int
}

func newPublisher(t *testing.T, db *bolt.DB) *publisher {
	t.Helper()
	p := &publisher{count: make(map[string]int)}
	var site http.Handler
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.count[r.URL.Path]++
		p.mu.Unlock()
		site.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	var err error
	if site, err = web.New(web.Options{Archive: db, BaseURL: p.URL, Title: "Back Issues"}); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *publisher) asked() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.count)
}

func (p *publisher) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.count)
}

// walk reads a feed and its archive documents (RFC 5005 §4) and returns every entry by its id and date,
// with one address in place of that of the archive and of others.
func walk(t *testing.T, address string, others ...string) map[string]string {
	t.Helper()
	var (
		entry   = regexp.MustCompile(`(?s)<entry.*?</entry>`)
		id      = regexp.MustCompile(`(?s).*<id>(.*?)</id>`) // the last one: that of the source is before it
		updated = regexp.MustCompile(`<updated>(.*?)</updated>`)
		prefix  = regexp.MustCompile(`\bns[0-9]+:`) // numbered by document
		older   = regexp.MustCompile(`<link href="([^"]*)" rel="prev-archive"`)
		source  = regexp.MustCompile(`(?s)<source>.*?</source>`)
	)
	var own []string // addresses of pages of the archives, which stand in for links that articles lack
	for _, base := range append(others, address[:strings.LastIndexByte(address, '/')]) {
		own = append(own, base, "https://archive.example", "&#39;", "'")
	}
	neutral := strings.NewReplacer(own...)
	entries := make(map[string]string)
	for address != "" {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", address, res.Status, err)
		}
		head, _, _ := strings.Cut(string(body), "<entry")
		address = ""
		if m := older.FindStringSubmatch(head); m != nil {
			address = m[1]
		}
		for _, e := range entry.FindAllString(string(body), -1) {
			bare := source.ReplaceAllString(e, "")
			key := id.FindStringSubmatch(bare)[1] + " of " + updated.FindStringSubmatch(bare)[1]
			entries[key] = prefix.ReplaceAllString(neutral.Replace(e), "ns:")
		}
	}
	if len(entries) == 0 {
		t.Fatal("there is nothing to walk")
	}
	return entries
}
