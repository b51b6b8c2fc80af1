package bolt_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/store"
)

// migration is what a publisher does to a feed from one day to the next. It returns how many of the
// articles are new ones, which must stand in front.
type migration struct {
	name    string
	migrate func(articles []feed.Article, at time.Time) ([]feed.Article, int)
	flood   bool // the live feeds must not show it
	revised bool // a reader would call the articles changed
	fits    func(articles []feed.Article) bool
}

func each(edit func(i int, a *feed.Article)) func([]feed.Article, time.Time) ([]feed.Article, int) {
	return func(articles []feed.Article, _ time.Time) ([]feed.Article, int) {
		for i := range articles {
			edit(i, &articles[i])
		}
		return articles, 0
	}
}

func all(f func(a *feed.Article) bool) func([]feed.Article) bool {
	return func(articles []feed.Article) bool {
		return !slices.ContainsFunc(articles, func(a feed.Article) bool { return !f(&a) })
	}
}

func hasGUID(a *feed.Article) bool { return a.GUID != "" }

// hasLink reports whether an article has a link that is not its guid's doing.
func hasLink(a *feed.Article) bool { return a.Link != "" && !strings.Contains(a.Link, "#") }

func distinctLinks(articles []feed.Article) bool {
	seen := map[string]bool{}
	for i := range articles {
		l := feed.NormalURL(articles[i].Link)
		if l == "" || seen[l] || l == feed.NormalURL(articles[i].Origin.Home) {
			return false
		}
		seen[l] = true
	}
	return true
}

func tagged(s, query string) string {
	if strings.Contains(s, "?") {
		return s + "&" + query
	}
	return s + "?" + query
}

var migrations = []migration{
	{name: "guids over TLS", migrate: each(func(_ int, a *feed.Article) {
		a.GUID = strings.Replace(a.GUID, "http://", "https://", 1)
		a.Link = strings.Replace(a.Link, "http://", "https://", 1)
	})},
	{name: "guids of another system", fits: all(hasGUID), migrate: each(func(i int, a *feed.Article) {
		a.GUID = fmt.Sprintf("https://new.example/?p=%d", 1000+i)
	})},
	{name: "other addresses", fits: all(hasGUID), revised: true, migrate: each(func(i int, a *feed.Article) {
		a.Link = fmt.Sprintf("https://new.example/posts/%d", i)
	})},
	{name: "tracking parameters", fits: all(hasLink), migrate: each(func(_ int, a *feed.Article) {
		a.Link = tagged(a.Link, "utm_source=rss&utm_medium=feed")
	})},
	{name: "trailing slashes", fits: all(hasLink), migrate: each(func(_ int, a *feed.Article) {
		if !strings.Contains(a.Link, "?") {
			a.Link = strings.TrimSuffix(a.Link, "/") + "/"
		}
	})},
	{name: "no more guids", fits: distinctLinks, migrate: each(func(_ int, a *feed.Article) { a.GUID = "" })},
	{name: "a guid given twice", fits: all(hasGUID), migrate: func(articles []feed.Article, at time.Time) ([]feed.Article, int) {
		twice := articles[0]
		twice.Title, twice.Link, twice.Published = "A new article under an old guid", "https://new.example/twice", at
		twice.Summary, twice.Content, twice.Enclosures = "It says something else.", "", nil
		return append([]feed.Article{twice}, articles...), 1
	}},
	{name: "a guid and a link given twice", fits: all(hasGUID), migrate: func(articles []feed.Article, at time.Time) ([]feed.Article, int) {
		twice := articles[0]
		twice.Title, twice.Published = "A new article under an old guid", at
		twice.Summary, twice.Content, twice.Enclosures = "It says something else.", "", nil
		return append([]feed.Article{twice}, articles...), 1
	}},
	{name: "dated anew", flood: true, revised: true, fits: all(hasGUID), migrate: func(articles []feed.Article, at time.Time) ([]feed.Article, int) {
		for i := range articles {
			if articles[i].Updated = at; !articles[i].Published.IsZero() {
				articles[i].Published = at
			}
		}
		return articles, 0
	}},
	{name: "600 old articles", flood: true, migrate: func(articles []feed.Article, at time.Time) ([]feed.Article, int) {
		old := make([]feed.Article, 600)
		for i := range old {
			n := fmt.Sprint(i)
			old[i] = feed.Article{GUID: "https://new.example/?old=" + n, Link: "https://new.example/old/" + n,
				Title: "Out of the cellar, number " + n, Content: "<p>The text of number " + n + ", which is an old one.</p>",
				Published: at.AddDate(-2, 0, -i)}
		}
		return append(old, articles...), len(old)
	}},
}

// TestMigrations does to real feeds what publishers do when they move to another system.
func TestMigrations(t *testing.T) {
	for name, doc := range settled(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, m := range migrations {
				if m.fits != nil && !m.fits(doc.Articles) {
					continue
				}
				for _, order := range []string{"as published", "mixed"} {
					t.Run(m.name+" "+order, func(t *testing.T) { m.run(t, doc, order) })
				}
			}
		})
	}
}

// settled returns the documents to start from: the last of each sequence that holds anything, and
// some well-formed feeds of some length.
func settled(t *testing.T) map[string]*parse.Document {
	docs := map[string]*parse.Document{}
	for _, seq := range sequenceNames(t) {
		for _, v := range sequence(t, seq) {
			if len(v.doc.Articles) > 0 {
				docs[seq] = v.doc
			}
		}
	}
	files, _ := filepath.Glob(filepath.Join(corpus, "wellformed", "*"))
	for _, file := range files {
		if len(docs) == 20 {
			break
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := parse.Feed(data, parse.Options{URL: "https://feeds.example/"})
		if err == nil && len(doc.Articles) >= 15 && len(doc.Articles) <= 60 && doc.Source.Home != "" {
			docs[filepath.Base(file)] = doc
		}
	}
	return docs
}

func (m migration) run(t *testing.T, doc *parse.Document, order string) {
	r := newReplay(t)
	at := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	_, before := r.save(doc, at)
	live := r.live()

	next := *doc
	at = at.Add(6 * time.Hour)
	articles, fresh := m.migrate(slices.Clone(doc.Articles), at)
	// Which article each was is written where no migration and no rule of identity looks.
	for i := range articles {
		articles[i].Rights = fmt.Sprint(i - fresh)
	}
	if order == "mixed" {
		random := rand.New(rand.NewPCG(1, 2))
		random.Shuffle(len(articles), func(i, j int) { articles[i], articles[j] = articles[j], articles[i] })
	}
	places := make([]string, 0, len(articles))
	next.Articles = feed.Identify(articles, doc.Source.Home, feed.PolicyAuto)
	for i := range next.Articles {
		places = append(places, next.Articles[i].Rights)
		next.Articles[i].Rights = ""
		if n := place(places[i]); n >= 0 {
			next.Articles[i].Rights = doc.Articles[n].Rights
		}
	}
	saved, after := r.save(&next, at)
	if len(saved.Added) != fresh {
		t.Errorf("%d new articles of %d, want %d", len(saved.Added), len(next.Articles), fresh)
	}
	if !m.revised && len(saved.Revised) > 0 {
		t.Errorf("%d articles are revised, though nothing has changed for a reader", len(saved.Revised))
	}
	for i, id := range after {
		if n := place(places[i]); n >= 0 && id != before[n] {
			t.Errorf("%q was article %v, is %v", name(&next.Articles[i]), before[n], id)
		} else if n < 0 && slices.Contains(before, id) {
			t.Errorf("%q is taken for article %v", name(&next.Articles[i]), id)
		}
	}
	if faults, err := r.db.Check(context.Background()); err != nil || len(faults) > 0 {
		t.Errorf("check: %v %v", faults, err)
	}
	// The live feed may get shorter, when part of it has been sealed.
	if now := r.live(); m.flood && len(doc.Articles) >= 10 && (differing(live, now) > 0 || len(now) < min(len(live), 50)) {
		t.Errorf("the live feed shows it: of %d entries now %d, of which %d are others", len(live), len(now), differing(live, now))
	}
}

// place reads the place that an article had before the migration; -1 for a new one.
func place(written string) int {
	var n int
	fmt.Sscan(written, &n)
	return max(n, -1)
}

// live returns what a reader who has subscribed to everything sees: which articles, in which
// versions.
func (r *replay) live() (shown []string) {
	r.t.Helper()
	f, err := r.db.Feed(context.Background(), store.Ref{Kind: store.All})
	if err != nil {
		r.t.Fatal(err)
	}
	articles, err := store.Subscription(context.Background(), r.db, f, 50)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, a := range articles {
		shown = append(shown, fmt.Sprintf("%d/%d", a.ID, a.Revision))
	}
	return shown
}

func differing(old, now []string) (n int) {
	for _, s := range now {
		if !slices.Contains(old, s) {
			n++
		}
	}
	return n
}

// TestOneLinkAfterAnother visits a feed that holds one item at a time, without a guid and always on
// the same page.
func TestOneLinkAfterAnother(t *testing.T) {
	r := newReplay(t)
	at := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	ids := map[feed.ID]bool{}
	keys := map[string]bool{}
	for i := range 8 {
		n := fmt.Sprint(i / 2) // each comes twice
		doc := &parse.Document{Source: feed.Source{URL: "https://feeds.example/", Home: "https://example.org"}}
		doc.Articles = feed.Identify([]feed.Article{{Link: "https://example.org/news", Title: "Title " + n,
			Content: "<p>Text number " + n + "</p>", Published: at.AddDate(0, 0, i/2)}}, doc.Source.Home, feed.PolicyAuto)
		saved, now := r.save(doc, at.AddDate(0, 0, i))
		if len(saved.Added) != (i+1)%2 || len(saved.Revised) != 0 {
			t.Errorf("visit %d: %d added, %d revised", i, len(saved.Added), len(saved.Revised))
		}
		ids[now[0]] = true
	}
	for _, a := range r.articles() {
		keys[a.Key] = true
	}
	if len(ids) != 4 || len(keys) != 4 {
		t.Errorf("%d articles with %d keys, want 4", len(ids), len(keys))
	}
	if faults, err := r.db.Check(context.Background()); err != nil || len(faults) > 0 {
		t.Errorf("check: %v %v", faults, err)
	}
}
