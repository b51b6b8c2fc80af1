package document_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backissue/backissue/feed/document"
)

const (
	seedFile = "../../../shared/seed/000_afb31ec04e5871e4.txt"
	captures = "../../../shared/corpus/taz"
	demo     = "../../cmd/backissue/demo"
)

// TestSeed reads a real article in the form that has lost most: rows of a proxy that drops blank
// lines and cuts long ones.
func TestSeed(t *testing.T) {
	data, err := os.ReadFile(seedFile)
	if err != nil {
		t.Skip("no seed article: ", err)
	}
	d, err := document.Text(seedFile, data, document.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := goldenOf(d)
	if g.Kicker != "Russisch-nordkoreanische Beziehungen" || g.Headline != "Kim Jong Un ist in Russland a…" || !g.Cut {
		t.Errorf("kicker %q, title %q, cut %v", g.Kicker, g.Headline, g.Cut)
	}
	if g.Published != "2023-09-11T00:00:00Z" || g.Language != "de" || g.Dateline.Place != "Moskau/Peking" || g.Dateline.Agency != "taz" {
		t.Errorf("published %q, language %q, dateline %+v", g.Published, g.Language, g.Dateline)
	}
	if !strings.HasPrefix(g.Summary, "<p>Der nordkoreanische Diktator") || !strings.HasSuffix(g.Summary, "bisher zurückhaltend.</p>") {
		t.Errorf("summary %q", g.Summary)
	}
	if len(g.Images) != 1 || !g.Images[0].Cut || !strings.HasPrefix(g.Images[0].Caption, "Aus dem Telegram-Video") {
		t.Errorf("images %+v", g.Images)
	}
	// Each paragraph by its first and last word: a boundary anywhere else would show.
	ends := []string{
		"<p>Moskau/Peking sei.</p>", "<p>Laut teilnimmt.</p>", "<p>Es kaufen.</p>", "<p>Nordkorea herauszuschlagen.</p>",
		"<p>Die nicht.</p>", "<h2>Peking Nordkorea-Politik</h2>", "<p>In zurück.</p>", "<p><a danach.</p>",
		"<p>Russland Lüge.</p>", "<p>Sollte nachbauen.</p>",
	}
	var got []string
	for _, block := range g.Content {
		words := strings.Fields(block)
		got = append(got, words[0]+" "+words[len(words)-1])
	}
	if diff := cmp.Diff(ends, got); diff != "" {
		t.Errorf("body: -want +got\n%s", diff)
	}
	const link = "https://taz.de/Russischer-Minister-besucht-Nordkorea/!5951526"
	if n := strings.Count(d.Article.Content, "<a "); n != 1 || !strings.Contains(d.Article.Content, `<a href="`+link+`">Im Juli besuchte`) ||
		!strings.Contains(d.Article.Content, "Schoigu Pjöngjang</a>, just") || len(g.Links) != 1 {
		t.Errorf("%d links in the text, %v", n, g.Links)
	}
	if len(g.Authors) != 2 || g.Authors[0].Name != "Inna Hartwich" || g.Authors[1].Name != "Fabian Kretschmer" {
		t.Errorf("authors %v", g.Authors)
	}
	tags := []string{"Schwerpunkt Krieg in der Ukraine", "Nordkorea", "Russland", "Wladimir Putin", "Kim Jong Un"}
	if diff := cmp.Diff(tags, g.Tags); diff != "" {
		t.Errorf("tags: -want +got\n%s", diff)
	}
	related := []string{
		"Sergej Lawrow in Nordkorea: Love Affair mit Kims Regime [Schwerpunkt Krieg in der Ukraine] schon.",
		"Treffen von Putin und Kim: Ziemlich beste Schurken [Schwerpunkt Krieg in der Ukraine] China.",
		"+++ Nachrichten im Ukraine-Krieg +++: Kim lobt „heiligen Krieg“ Putins [Schwerpunkt Krieg in der Ukraine] zu.",
		"Russischer Minister besucht Nordkorea: Um die Allianz zu erhalten [Schwerpunkt Krieg in der Ukraine] Freundschaftsgeste.",
		"Atomwaffen in Nordkorea: Stolz zeigt Kim sein Arsenal [Nordkorea] Bevölkerung.",
		"Chinas Haltung gegenüber Russland: Heuchlerisches Doppelspiel [China] anderes.",
	}
	got = nil
	for _, r := range g.Related {
		words := strings.Fields(r.Teaser)
		got = append(got, r.Kicker+": "+r.Title+" ["+strings.Join(r.Tags, "|")+"] "+words[len(words)-1])
	}
	if diff := cmp.Diff(related, got); diff != "" {
		t.Errorf("related: -want +got\n%s", diff)
	}
	if g.GUID != "urn:uuid:d7bda930-097a-5a35-8691-2b93abda2359" {
		t.Errorf("guid %s is not the one that was given out", g.GUID)
	}
}

// outcome is what a capture comes in as.
type outcome struct {
	refused                                      string // reason; the rest is empty then
	paragraphs, subheads, links, authors, images int
	tags, related                                int
	date                                         string
	dateline                                     string
}

func outcomeOf(d *document.Document) outcome {
	a := d.Article
	o := outcome{
		paragraphs: strings.Count(a.Content, "<p>"),
		subheads:   strings.Count(a.Content, "<h2>"),
		links:      len(a.Links),
		authors:    len(a.Authors),
		images:     len(a.Images),
		tags:       len(a.Tags),
		related:    len(a.Related),
		dateline:   strings.TrimSpace(a.Dateline.Place + " " + a.Dateline.Agency),
	}
	if !a.Published.IsZero() {
		o.date = a.Published.Format("2006-01-02")
	}
	return o
}

// outcomes are those of the captures. Most end in the middle of the text; then there is nothing
// that stands behind it. The paragraphs of 004 and 008 are one fewer than the page had: a last line
// is full there and the blank line behind it lost. 026 lacks its last related article, so that one
// tag too many counts as the article's own.
var outcomes = map[string]outcome{
	"001": {paragraphs: 3, images: 1},
	"002": {paragraphs: 3, images: 1},
	"003": {paragraphs: 4, subheads: 4, images: 1},
	"004": {paragraphs: 2},
	"005": {refused: "an index page of 4 articles"},
	"006": {refused: "an index page of 3 articles"},
	"007": {paragraphs: 4, links: 2, authors: 1, images: 1, date: "2018-08-26"},
	"008": {paragraphs: 3, subheads: 1, images: 1},
	"009": {paragraphs: 2, images: 1},
	"010": {refused: "an index page of 4 articles"},
	"011": {authors: 1, images: 1, date: "2009-02-02"},
	"012": {refused: "an index page of 3 articles"},
	"013": {paragraphs: 3, dateline: "Catania taz"},
	"014": {paragraphs: 3, links: 1, authors: 1, images: 1, date: "2011-06-10"},
	"015": {paragraphs: 3, images: 1},
	"016": {refused: "an index page of 3 articles"},
	"017": {refused: "an index page of 3 articles"},
	"018": {refused: "an index page of 3 articles"},
	"019": {refused: "an index page of 3 articles"},
	"020": {refused: "an index page of 3 articles"},
	"021": {refused: "an index page of 3 articles"},
	"022": {paragraphs: 1, authors: 1, tags: 2, related: 5, date: "2018-01-04"},
	"023": {paragraphs: 3, related: 5, date: "2014-05-15"},
	"024": {paragraphs: 1, authors: 1, tags: 3, related: 4, date: "2020-10-08"},
	"025": {paragraphs: 1, authors: 1, tags: 3, related: 3, date: "2022-09-29"},
	"026": {paragraphs: 1, authors: 1, tags: 4, related: 5, date: "2023-04-27"},
	"027": {paragraphs: 1, authors: 1, tags: 3, related: 3, date: "2025-10-03"},
	"028": {paragraphs: 2, related: 3, date: "2025-10-03"},
	"029": {paragraphs: 2, authors: 1, images: 1, tags: 2, related: 6, date: "2015-02-26"},
	"030": {paragraphs: 3, images: 1, dateline: "Berlin taz"},
	"031": {paragraphs: 3},
	"032": {paragraphs: 4, subheads: 1, images: 1},
	"033": {paragraphs: 4, subheads: 1, images: 1},
}

// inMenu are the paragraphs of the pages as the gopher server sent them, where they differ: blank
// lines are there, and stanzas are apart.
var inMenu = map[string]int{"004": 3, "008": 4, "022": 4, "024": 4, "025": 3, "026": 4, "027": 2}

func TestCaptures(t *testing.T) {
	if _, err := os.Stat(captures); err != nil {
		t.Skip("no captures: ", err)
	}
	for number, want := range outcomes {
		t.Run(number, func(t *testing.T) {
			text := capture(t, filepath.Join(captures, number+".txt"), want)
			menu := filepath.Join(captures, "menu", number+".menu")
			if _, err := os.Stat(menu); err != nil {
				return // no menu could be made of what the proxy had left
			}
			if n := inMenu[number]; n > 0 {
				want.paragraphs = n
			}
			sent := capture(t, menu, want)
			if text != nil && sent != nil {
				if text.Article.GUID != sent.Article.GUID || text.Source.URL != sent.Source.URL {
					t.Errorf("guid %s of %s, in the menu %s of %s", text.Article.GUID, text.Source.URL, sent.Article.GUID, sent.Source.URL)
				}
				if text.Article.Headline() != sent.Article.Headline() {
					t.Errorf("%q, in the menu %q", text.Article.Headline(), sent.Article.Headline())
				}
			}
		})
	}
}

func capture(t *testing.T, file string, want outcome) *document.Document {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d, err := document.Text(file, data, document.Options{})
	var refused *document.LayoutError
	switch {
	case errors.As(err, &refused):
		if refused.Got != want.refused || refused.File != file || refused.Line == 0 {
			t.Errorf("%v, want %+v", err, want)
		}
		return nil
	case err != nil:
		t.Fatal(err)
	}
	if got := outcomeOf(d); got != want {
		t.Errorf("%s\n got %+v\nwant %+v", file, got, want)
	}
	return d
}

// TestCapturesOfOnePage wants one guid for the pages that were captured twice.
func TestCapturesOfOnePage(t *testing.T) {
	for _, pair := range [][2]string{{"001", "002"}, {"027", "028"}} {
		var guids [2]string
		for i, number := range pair {
			data, err := os.ReadFile(filepath.Join(captures, number+".txt"))
			if err != nil {
				t.Skip("no captures: ", err)
			}
			guids[i] = read(t, string(data)).Article.GUID
		}
		if guids[0] != guids[1] {
			t.Errorf("%s is %s, %s is %s", pair[0], guids[0], pair[1], guids[1])
		}
	}
}

// TestDemo reads the articles that the program brings along. Each fills every field that its blocks
// stand for, and between them they show what there is to show.
func TestDemo(t *testing.T) {
	files, err := filepath.Glob(demo + "/[0-9]*.txt")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d demo articles, want a dozen", len(files))
	}
	guids, languages, sources := map[string]string{}, map[string]int{}, map[string]int{}
	inTag := map[string]map[string]bool{}
	links, subheads, related, headlines := 0, 0, map[string]bool{}, map[string]bool{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := document.Text(file, data, document.Options{})
		if err != nil {
			t.Fatal(err)
		}
		a := d.Article
		if a.Kicker == "" || a.Title == "" || a.TitleCut || a.Summary == "" || a.Content == "" || len(a.Authors) == 0 || len(a.Tags) < 2 || a.Language == "" {
			t.Errorf("%s lacks something: %+v", file, goldenOf(d))
		}
		if y := a.Published.Year(); y < 2019 || y > 2026 {
			t.Errorf("%s is dated %v", file, a.Published)
		}
		if guids[a.GUID] != "" {
			t.Errorf("%s has the guid of %s", file, guids[a.GUID])
		}
		if n := strings.Count(a.Content, "<a "); n != len(a.Links) || strings.Contains(a.Content, "][") {
			t.Errorf("%s: %d links in the text, %d listed", file, n, len(a.Links))
		}
		guids[a.GUID] = file
		languages[a.Language]++
		sources[d.Source.URL]++
		links += len(a.Links)
		subheads += strings.Count(a.Content, "<h2>")
		headlines[a.Headline()] = true
		for _, r := range a.Related {
			if r.Kicker == "" || r.Teaser == "" || len(r.Tags) != 1 {
				t.Errorf("%s: related %+v", file, r)
			}
			related[r.Kicker+": "+r.Title] = true
		}
		for _, tag := range a.Tags {
			if inTag[tag.Term] == nil {
				inTag[tag.Term] = map[string]bool{}
			}
			inTag[tag.Term][a.Language] = true
		}
	}
	shared := 0
	for _, in := range inTag {
		if len(in) == 2 {
			shared++
		}
	}
	if len(languages) != 2 || len(sources) != 2 || shared < 3 || links < 3 || subheads < 3 || len(related) < 3 {
		t.Errorf("languages %v, sources %v, %d tags in both, %d links, %d subheads, %d related", languages, sources, shared, links, subheads, len(related))
	}
	for headline := range related {
		if !headlines[headline] {
			t.Errorf("related article %q is not among them", headline)
		}
	}
}
