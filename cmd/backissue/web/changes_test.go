package web_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// counting counts what is read of an archive.
type counting struct {
	store.Reader
	reads  int
	logged int // articles read from logs
}

func (c *counting) Revisions(ctx context.Context, id feed.ID) ([]feed.Article, error) {
	c.reads++
	return c.Reader.Revisions(ctx, id)
}

func (c *counting) Log(ctx context.Context, ref store.Ref, from uint64, limit int) ([]feed.Article, error) {
	c.reads++
	c.logged += limit
	return c.Reader.Log(ctx, ref, from, limit)
}

func (c *counting) Changes(ctx context.Context, before uint64, limit int) ([]store.Change, error) {
	c.reads += limit
	return c.Reader.Changes(ctx, before, limit)
}

// revised returns the article about the bridge in its second version.
func revised() feed.Article {
	a := news()
	a.Title = "Die Brücke ist wieder <offen>"
	a.Content += "<p>Neu: <b>&lt;script&gt;</b></p>"
	a.Tags = append(a.Tags, feed.Tag{Term: "Freude & Tanz"})
	return a
}

func TestDiffPage(t *testing.T) {
	db := filled(t)
	h := site(t, db)
	if r := ask(t, h, "GET", "/articles/131/diff"); r.StatusCode != 404 {
		t.Errorf("of an article that was never changed: %d", r.StatusCode)
	}
	save(t, db, bote, 48*time.Hour, revised())
	third := revised()
	third.Title = "Ganz anders"
	save(t, db, bote, 72*time.Hour, third)
	for _, tt := range []struct {
		path string
		want []string
	}{
		{"/articles/131/revisions/1/diff", []string{"<h2>Title</h2>", "<ins>ist wieder</ins> &lt;<del>wegen Rissen</del><ins>offen</ins>&gt;", "<h2>Tags</h2>", "<ins>Freude &amp; Tanz</ins>", "&lt;script&gt;", `href="/articles/131/revisions/2/diff"`}},
		{"/articles/131/diff", []string{"<ins>Ganz anders</ins>", `href="/articles/131/revisions/1/diff"`}},
		{"/articles/131/revisions", []string{"Revision 2", "The first version", `href="/articles/131/revisions/2/diff"`, "title, content, tags"}},
		{"/articles/131/revisions/0", []string{"&lt;wegen Rissen&gt;", "as it was at first", `<a href="/articles/131">Read it as it is now`}},
	} {
		r := ask(t, h, "GET", tt.path)
		page := body(t, r.Body)
		if r.StatusCode != 200 {
			t.Errorf("%s: %d", tt.path, r.StatusCode)
		}
		wellFormed(t, page)
		for _, want := range tt.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %q", tt.path, want)
			}
		}
		if strings.Contains(page, "<script") {
			t.Errorf("%s holds a script", tt.path)
		}
	}
	for _, bad := range []string{"/articles/131/revisions/3", "/articles/131/revisions/00", "/articles/131/revisions/-1", "/articles/131/revisions/0/diff", "/articles/131/revisions/3/diff", "/articles/999/revisions", "/articles/x/diff"} {
		if r := ask(t, h, "GET", bad); r.StatusCode != 404 {
			t.Errorf("%s: %d", bad, r.StatusCode)
		}
	}
}

func TestChangesFeed(t *testing.T) {
	db := filled(t)
	read := &counting{Reader: db}
	h := site(t, read)
	empty := ask(t, h, "GET", "/changes.atom")
	if text := body(t, empty.Body); empty.StatusCode != 200 || strings.Contains(text, "<entry") {
		t.Errorf("before anything has changed: %d %s", empty.StatusCode, text)
	}
	save(t, db, bote, 48*time.Hour, revised())
	first := ask(t, h, "GET", "/changes.atom", "If-None-Match", empty.Header.Get("Etag"))
	text := body(t, first.Body)
	var atom struct {
		ID      string `xml:"id"`
		Updated string `xml:"updated"`
		Entries []struct {
			ID      string `xml:"id"`
			Title   string `xml:"title"`
			Updated string `xml:"updated"`
			Content string `xml:"content"`
			Links   []struct {
				Rel  string `xml:"rel,attr"`
				Href string `xml:"href,attr"`
			} `xml:"link"`
		} `xml:"entry"`
	}
	if err := xml.Unmarshal([]byte(text), &atom); err != nil || len(atom.Entries) != 1 {
		t.Fatalf("%v, %d entries in\n%s", err, len(atom.Entries), text)
	}
	e := atom.Entries[0]
	if want := morning.Add(48 * time.Hour).UTC().Format(time.RFC3339); e.Updated != want || atom.Updated != want {
		t.Errorf("updated %s and %s, want %s", atom.Updated, e.Updated, want)
	}
	if !regexp.MustCompile(`^urn:uuid:[0-9a-f-]{36}$`).MatchString(e.ID) || e.ID == atom.ID {
		t.Errorf("id %q", e.ID)
	}
	if e.Title != "Revised: Verkehr im Tal: Die Brücke ist wieder <offen>" || !strings.Contains(e.Content, "<ins>offen</ins>&gt;") || strings.Contains(e.Content, "<script") {
		t.Errorf("title %q, content %s", e.Title, e.Content)
	}
	if len(e.Links) == 0 || e.Links[0].Href != "http://archive.example/articles/131/revisions/1/diff" {
		t.Errorf("links %v", e.Links)
	}

	// Nothing but the last change is read to say that nothing has changed.
	read.reads = 0
	save(t, db, gazette, 49*time.Hour, plainNews(131)[130])
	if r := ask(t, h, "GET", "/changes.atom", "If-None-Match", first.Header.Get("Etag")); r.StatusCode != 304 || read.reads != 1 {
		t.Errorf("%d after %d reads, want 304 after one", r.StatusCode, read.reads)
	}
	// Another server over the same archive says the same.
	if r := ask(t, site(t, db), "GET", "/changes.atom"); body(t, r.Body) != text || r.Header.Get("Etag") != first.Header.Get("Etag") {
		t.Error("the same archive gives other bytes")
	}

	var feedJSON struct {
		Items []struct{ ID, Title, URL string }
	}
	if err := json.NewDecoder(ask(t, h, "GET", "/changes.json").Body).Decode(&feedJSON); err != nil || len(feedJSON.Items) != 1 || feedJSON.Items[0].ID != e.ID {
		t.Errorf("JSON: %v %v", err, feedJSON)
	}
	if rss := body(t, ask(t, h, "GET", "/changes.rss").Body); !strings.Contains(rss, e.ID) {
		t.Errorf("RSS lacks %s", e.ID)
	}
	page := body(t, ask(t, h, "GET", "/changes").Body)
	wellFormed(t, page)
	for _, want := range []string{"Revised", `href="/articles/131/revisions/1/diff"`, `href="/changes.atom"`, "Der Talbote"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if index := body(t, ask(t, h, "GET", "/").Body); !strings.Contains(index, "1 change<") || !strings.Contains(index, `type="application/atom+xml" title="Changes — Back Issues (Atom)" href="/changes.atom"`) {
		t.Error("the first page does not lead to the changes")
	}
}

// What a publisher takes out of his feed is said to be gone, and said to be back when it is.
func TestStanding(t *testing.T) {
	db := archive(t)
	h := site(t, db)
	visit := func(hours int, names ...int) {
		t.Helper()
		var articles []feed.Article
		for _, n := range names {
			articles = append(articles, feed.Article{GUID: fmt.Sprint("urn:x:", n), Title: fmt.Sprint("Number ", n), Published: morning.Add(-time.Duration(n) * time.Hour)})
		}
		at := morning.Add(time.Duration(hours) * time.Hour)
		source := gazette
		if known, err := db.SourceByURL(context.Background(), gazette.URL); err == nil {
			source = known
		}
		source.Fetch.Checked = at
		saved, err := db.Save(context.Background(), store.Batch{Source: source, Articles: feed.Identify(articles, gazette.Home, feed.PolicyAuto), Seen: at, Whole: true})
		if err != nil || saved[0].Err != nil {
			t.Fatal(err, saved)
		}
	}
	visit(0, 1, 2, 3, 4, 5, 6)
	visit(1, 1, 3, 4, 5, 6)
	visit(2, 1, 3, 4, 5, 6)
	var gone feed.ID
	for id := feed.ID(1); id <= 6; id++ {
		if a, err := db.Article(context.Background(), id); err == nil && a.Title == "Number 2" {
			gone = id
		}
	}
	path := "/articles/" + gone.String()
	if page := body(t, ask(t, h, "GET", path).Body); !strings.Contains(page, "Withdrawn by its publisher") {
		t.Errorf("%s does not say that it was withdrawn", path)
	}
	if atom := body(t, ask(t, h, "GET", "/changes.atom").Body); !strings.Contains(atom, ">Withdrawn: Number 2<") || !strings.Contains(atom, `href="http://archive.example`+path+`"`) {
		t.Errorf("the feed of changes lacks it:\n%s", atom)
	}
	visit(3, 1, 2, 3, 4, 5, 6)
	if page := body(t, ask(t, h, "GET", path).Body); strings.Contains(page, "Withdrawn by its publisher") {
		t.Errorf("%s says that it is withdrawn, though it is back", path)
	}
	if atom := body(t, ask(t, h, "GET", "/changes.atom").Body); strings.Count(atom, "<entry") != 2 || !strings.Contains(atom, ">Returned: Number 2<") {
		t.Errorf("the feed of changes lacks its return:\n%s", atom)
	}
	if faults, err := db.Check(context.Background()); err != nil || len(faults) > 0 {
		t.Error(faults, err)
	}
}
