package render_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/feed/render"
)

// holds reports whether a value is among those that came back. Texts may have grown: the pictures of
// an article stand in front of its content.
func (f *facet) holds(back *feed.Article, want string) bool {
	found := f.values(back)
	if f.elsewhere != nil {
		found = append(found, f.elsewhere(back)...)
	}
	if f.name == "Content" || f.name == "Summary's markup" {
		return slices.ContainsFunc(found, func(s string) bool { return strings.HasSuffix(s, want) })
	}
	return slices.Contains(found, want) || beside(back, want)
}

// beside reports whether a value stands in what JSON Feed has no words for: in the members _backissue
// and _xml, as a string of its own.
func beside(a *feed.Article, want string) bool {
	_, address, _ := strings.Cut(want, " ") // of a link, behind its relation
	space, name, isElement := strings.Cut(strings.TrimPrefix(want, "{"), "}")
	for _, x := range a.Extra {
		text := html.UnescapeString(x.Inner)
		switch x.Name {
		case "_backissue", "_xml":
			if isElement && (strings.Contains(strings.ToLower(text), space) && strings.Contains(text, ":"+name+" ") || strings.Contains(text, `"`+name+`":`)) {
				return true
			}
			for _, v := range []string{want, address} {
				if v != "" && strings.Contains(text, ">"+v+"<") {
					return true
				}
				if quoted, err := json.Marshal(v); v != "" && err == nil && strings.Contains(text, unescaped(quoted)) {
					return true
				}
			}
		}
	}
	return false
}

func unescaped(quoted []byte) string {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(quoted))
}

// tally counts what came back of one field in one format.
type tally struct {
	kept, all int
	lost      map[string]int // example -> times
}

// TestRoundTrip writes what was read and reads it again.
func TestRoundTrip(t *testing.T) {
	root := filepath.Join("..", "..", "..", "shared", "corpus")
	if testing.Short() {
		t.Skip("-short: it reads some two thousand feeds three times")
	}
	if _, err := os.Stat(root); err != nil {
		t.Skip("no corpus: ", err)
	}
	counts := make(map[string]map[string]*tally)
	for _, f := range render.Formats() {
		counts[f.Name] = make(map[string]*tally)
	}
	for _, dir := range []string{"wellformed", "podcast", "jsonfeed"} {
		eachFeed(t, filepath.Join(root, dir), func(name string, doc *parse.Document) {
			for _, f := range render.Formats() {
				again := rerender(t, f, doc)
				compare(counts[f.Name], doc.Articles, again.Articles, name)
			}
		})
	}
	for _, f := range render.Formats() {
		var report strings.Builder
		for _, facet := range facets() {
			c := counts[f.Name][facet.name]
			if c == nil {
				continue
			}
			reason := facet.why[f.Name]
			fmt.Fprintf(&report, "\n%-24s %5d of %5d  %s", facet.name, c.kept, c.all, reason)
			if c.kept < c.all && reason == "" {
				t.Errorf("%s loses %s: %d of %d came back; lost:\n%s", f.Name, facet.name, c.kept, c.all, examples(c.lost))
			}
		}
		t.Logf("%s:%s", f.Name, report.String())
	}
}

func examples(lost map[string]int) string {
	keys := slices.SortedFunc(maps.Keys(lost), func(a, b string) int { return lost[b] - lost[a] })
	var b strings.Builder
	for _, k := range keys[:min(len(keys), 12)] {
		fmt.Fprintf(&b, "  %d× %s\n", lost[k], k)
	}
	return b.String()
}

// mostArticles is how many articles of one feed are enough.
const mostArticles = 4

func eachFeed(t *testing.T, dir string, do func(name string, doc *parse.Document)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		doc, err := parse.Feed(data, parse.Options{URL: "https://feeds.example/" + d.Name()})
		if err != nil || len(doc.Articles) == 0 {
			return nil // another test's business
		}
		doc.Articles = doc.Articles[:min(len(doc.Articles), mostArticles)]
		for i := range doc.Articles { // as the archive does
			a := &doc.Articles[i]
			a.ID, a.Seq = feed.ID(i+1), uint64(i+1)
			a.Arrived = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
			a.Seen = a.Arrived
			if a.Modified = a.Updated; a.Modified.IsZero() {
				a.Modified = a.Published
			}
		}
		do(d.Name(), doc)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func rerender(t *testing.T, f render.Format, doc *parse.Document) *parse.Document {
	t.Helper()
	d := &render.Document{ID: "urn:uuid:4c1f7a1c-6a33-5a5b-9d9b-3d2c2a1b0c0d", Title: doc.Source.Title,
		Self: "https://archive.example/feeds/x" + f.Ext, Articles: doc.Articles,
		ArticleURL: func(id feed.ID) string { return "https://archive.example/articles/" + id.String() }}
	d.Describe(&doc.Source)
	var b bytes.Buffer
	if err := f.Write(&b, d); err != nil {
		t.Fatal(err)
	}
	again, err := parse.Feed(b.Bytes(), parse.Options{URL: d.Self})
	if err != nil {
		t.Fatalf("%s cannot be read again: %v", f.Name, err)
	}
	return again
}

// compare looks for what each article said in the one that came back in its place.
func compare(counts map[string]*tally, before, after []feed.Article, name string) {
	for _, f := range facets() {
		for i := range before {
			want := f.values(&before[i])
			if len(want) == 0 {
				continue
			}
			c := counts[f.name]
			if c == nil {
				c = &tally{lost: make(map[string]int)}
				counts[f.name] = c
			}
			c.all++
			if i >= len(after) {
				c.lost[name+": an article"]++
				continue
			}
			missing := slices.IndexFunc(want, func(v string) bool { return !f.holds(&after[i], v) })
			if missing < 0 {
				c.kept++
				continue
			}
			c.lost[fmt.Sprintf("%s: %.90q, came back: %.90q", name, want[missing], f.values(&after[i]))]++
		}
	}
}
