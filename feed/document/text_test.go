package document_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/document"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is a document as the golden files hold it: what a text can fill in.
type golden struct {
	Source   string
	Title    string
	Home     string `json:",omitempty"`
	Language string `json:",omitempty"`

	GUID      string
	Kicker    string `json:",omitempty"`
	Headline  string
	Cut       bool          `json:",omitempty"`
	Published string        `json:",omitempty"`
	Summary   string        `json:",omitempty"`
	Images    []feed.Image  `json:",omitempty"`
	Dateline  feed.Dateline `json:",omitzero"`
	Content   []string
	Links     []string       `json:",omitempty"`
	Authors   []feed.Person  `json:",omitempty"`
	Tags      []string       `json:",omitempty"`
	Related   []feed.Related `json:",omitempty"`
}

func goldenOf(d *document.Document) golden {
	a := d.Article
	g := golden{
		Source: d.Source.URL, Title: d.Source.Title, Home: d.Source.Home, Language: a.Language,
		GUID: a.GUID, Kicker: a.Kicker, Headline: a.Title, Cut: a.TitleCut,
		Summary: a.Summary, Images: a.Images, Dateline: a.Dateline,
		Content: strings.Split(a.Content, "\n"), Authors: a.Authors, Related: a.Related,
	}
	if !a.Published.IsZero() {
		g.Published = a.Published.Format("2006-01-02T15:04:05Z07:00")
	}
	for _, l := range a.Links {
		g.Links = append(g.Links, l.Rel+" "+l.Href+" "+l.Title)
	}
	for _, t := range a.Tags {
		g.Tags = append(g.Tags, t.Term)
	}
	return g
}

func TestGolden(t *testing.T) {
	files, _ := filepath.Glob("testdata/text/*.txt")
	if len(files) == 0 {
		t.Fatal("no files in testdata/text")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d, err := document.Text(file, data, document.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			if err := enc.Encode(goldenOf(d)); err != nil {
				t.Fatal(err)
			}
			want := strings.TrimSuffix(file, ".txt") + ".json"
			if *update {
				if err := os.WriteFile(want, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			old, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(old), b.String()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func read(t *testing.T, text string) *document.Document {
	t.Helper()
	d, err := document.Text("test.txt", []byte(text), document.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDates(t *testing.T) {
	tests := []struct{ line, want string }{
		{"11 Sep 2023", "2023-09-11"},
		{"3 Oct 2025", "2025-10-03"},
		{"3. Okt. 2025", "2025-10-03"},
		{"3. Oktober 2025", "2025-10-03"},
		{"15 Mai 2014", "2014-05-15"},
		{"15 May 2014", "2014-05-15"},
		{"2 Mrz 2009", "2009-03-02"},
		{"2 Mär 2009", "2009-03-02"},
		{"02. Maerz 2009", "2009-03-02"},
		{"1. Jänner 1999", "1999-01-01"},
		{"31 dez 1999", "1999-12-31"},
		{"29 February 2024", "2024-02-29"},
		{"2025-10-03", "2025-10-03"},
		{"29 Feb 2023", ""},
		{"31 Sep 2023", ""},
		{"0 May 2023", ""},
		{"12 Foo 2023", ""},
		{"2023-13-01", ""},
		{"11 Sep 2023.", ""},
		{"am 11 Sep 2023", ""},
		{"11 Sep 23", ""},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			a := read(t, "# Post -- A: B\n\nText.\n\n"+tt.line+"\n\n## TAGS\n\nOne\n").Article
			got := ""
			if !a.Published.IsZero() {
				got = a.Published.Format("2006-01-02")
			}
			if got != tt.want {
				t.Errorf("published %q, want %q", got, tt.want)
			}
			if len(a.Tags) != 1 {
				t.Errorf("tags %v, want the one after the date", a.Tags)
			}
			if inBody := strings.Contains(a.Content, tt.line); inBody != (tt.want == "") {
				t.Errorf("content %q", a.Content)
			}
		})
	}
}

func TestDateline(t *testing.T) {
	tests := []struct {
		text string
		want feed.Dateline
	}{
		{"Moskau/Peking taz | Am Dienstag", feed.Dateline{Place: "Moskau/Peking", Agency: "taz"}},
		{"BERLIN dpa/taz | Am Dienstag", feed.Dateline{Place: "BERLIN", Agency: "dpa/taz"}},
		{"Rio de Janeiro AFP | Am Dienstag", feed.Dateline{Place: "Rio de Janeiro", Agency: "AFP"}},
		{"taz | Am Dienstag", feed.Dateline{Agency: "taz"}},
		{"Am Dienstag | am Mittwoch", feed.Dateline{}},
		{"Wer das eine will und das andere auch | der", feed.Dateline{}},
		{"Am Dienstag", feed.Dateline{}},
	}
	for _, tt := range tests {
		a := read(t, "# Post -- A: B\n\n"+tt.text+"\n").Article
		if a.Dateline != tt.want {
			t.Errorf("%q: dateline %+v, want %+v", tt.text, a.Dateline, tt.want)
		}
		if want := "<p>" + tt.text + "</p>"; a.Content != want {
			t.Errorf("content %q, want the dateline to stay: %q", a.Content, want)
		}
	}
}

func TestHeadline(t *testing.T) {
	tests := []struct {
		line, kicker, title string
		cut                 bool
	}{
		{"# taz.de -- EMtaz: Der Tag: Gereift", "EMtaz", "Der Tag: Gereift", false},
		{"# taz.de -- Migrant:innen in Not", "", "Migrant:innen in Not", false},
		{"# taz.de -- Ein Satz mit Punkten …", "", "Ein Satz mit Punkten …", false},
		{"# taz.de -- Ein Kicker:", "", "Ein Kicker:", false},
		{"# Die Zeit -- Eins -- Zwei: Drei", "Eins -- Zwei", "Drei", false},
		{"taz.de -- Ohne: Zeichen", "Ohne", "Zeichen", false},
		{"# taz.de -- " + strings.Repeat("lang ", 13) + "la…", "", strings.Repeat("lang ", 13) + "la…", true},
	}
	for _, tt := range tests {
		a := read(t, tt.line+"\n> Teaser.\nText.\n11 Sep 2023\n").Article
		if a.Kicker != tt.kicker || a.Title != tt.title || a.TitleCut != tt.cut {
			t.Errorf("%q: kicker %q, title %q, cut %v; want %q, %q, %v", tt.line, a.Kicker, a.Title, a.TitleCut, tt.kicker, tt.title, tt.cut)
		}
	}
}

func TestBase(t *testing.T) {
	const text = "# NAME -- A: B\n\n[1][One], [2][two].\n\n11 Sep 2023\n\n## LINKS\n\n[1] /Slug/!5951526\n[2] //example.org/x\n"
	tests := []struct {
		name, base string
		want       []string
	}{
		{"taz.de", "", []string{"https://taz.de/Slug/!5951526", "https://example.org/x"}},
		{"taz.de", "gopher://taz.de/1/", []string{"gopher://taz.de/1/Slug/!5951526", "https://example.org/x"}},
		{"taz.de", "https://example.com/archive/", []string{"https://example.com/Slug/!5951526", "https://example.org/x"}},
		{"The Post", "", nil},
		{"The Post", "https://post.example/", []string{"https://post.example/Slug/!5951526", "https://example.org/x"}},
	}
	for _, tt := range tests {
		d, err := document.Text("x", []byte(strings.Replace(text, "NAME", tt.name, 1)), document.Options{Base: tt.base})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range d.Article.Links {
			got = append(got, l.Href)
			if !strings.Contains(d.Article.Content, `<a href="`+l.Href+`">`) {
				t.Errorf("%s with base %q: no link to %s in %s", tt.name, tt.base, l.Href, d.Article.Content)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s with base %q: -want +got\n%s", tt.name, tt.base, diff)
		}
	}
	if _, err := document.Text("x", []byte(text), document.Options{Base: "not a url"}); err == nil {
		t.Error("a base that is no URL was taken")
	}
}

func TestOwnTags(t *testing.T) {
	tests := []struct {
		name    string
		tags    []string
		related int
		own     []string
		last    []string // tags of the last related article
	}{
		{"one for each", []string{"a", "b", "c", "d"}, 2, []string{"a", "b"}, []string{"d"}},
		{"no related", []string{"a", "b"}, 0, []string{"a", "b"}, nil},
		{"too few", []string{"a", "b"}, 2, []string{"a", "b"}, nil},
		{"said twice", []string{"a", "A", "b", "c"}, 1, []string{"a", "b"}, []string{"c"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "# Post -- A: B\n\nText.\n\n11 Sep 2023\n\n## TAGS\n\n" + strings.Join(tt.tags, "\n") + "\n\n## RELATED ARTICLES\n"
			for range tt.related {
				text += "\nK: T\n\nTeaser.\n"
			}
			a := read(t, text).Article
			var own []string
			for _, tag := range a.Tags {
				own = append(own, tag.Term)
			}
			if diff := cmp.Diff(tt.own, own); diff != "" {
				t.Errorf("own tags: -want +got\n%s", diff)
			}
			if len(a.Related) != tt.related {
				t.Fatalf("%d related, want %d", len(a.Related), tt.related)
			}
			if tt.related > 0 {
				if diff := cmp.Diff(tt.last, a.Related[tt.related-1].Tags); diff != "" {
					t.Errorf("tags of the last related: -want +got\n%s", diff)
				}
			}
		})
	}
}

// TestPlainLists reads lists of related articles as people may write them.
func TestPlainLists(t *testing.T) {
	tests := []struct {
		name, list string
		want       []feed.Related
	}{
		{"titles alone", "A: One\nB: Two\nC: Three\n",
			[]feed.Related{{Kicker: "A", Title: "One"}, {Kicker: "B", Title: "Two"}, {Kicker: "C", Title: "Three"}}},
		{"no blank after the title", "A: One\nFirst line of it\nand the second.\n\nB: Two\nAnother.\n",
			[]feed.Related{{Kicker: "A", Title: "One", Teaser: "First line of it and the second."}, {Kicker: "B", Title: "Two", Teaser: "Another."}}},
		{"no kicker", "One\n\nFirst.\n\nTwo\n\nSecond: with a colon.\n",
			[]feed.Related{{Title: "One", Teaser: "First."}, {Title: "Two", Teaser: "Second: with a colon."}}},
		{"nothing", "\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := read(t, "# Post -- A: B\n\nText.\n\n11 Sep 2023\n\n## RELATED ARTICLES\n\n"+tt.list).Article
			if diff := cmp.Diff(tt.want, a.Related); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	const title = `a title line "# NAME -- KICKER: TITLE"`
	tests := []struct {
		name, text string
		line       int
		want, got  string
	}{
		{"nothing", "", 1, title, "an empty file"},
		{"white space", " \n\t\n\ufeff", 1, title, "an empty file"},
		{"HTML", "\n<!DOCTYPE html><title># a.de -- b</title>", 2, title, "an HTML page"},
		{"XML", "<?xml version='1.0'?>\n<rss>", 1, title, "XML"},
		{"JSON", `{"a": 1}`, 1, title, "JSON"},
		{"binary", "# a.de -- b\n\x00\x01", 1, title, "binary data"},
		{"prose", "\n\nIt was late -- very late.\n# Post -- A: B\n", 3, title, `"It was late -- very late."`},
		{"a long line", strings.Repeat("ä", 100), 1, title, `"` + strings.Repeat("ä", 60) + `…"`},
		{"Markdown", "# A heading\n\nText.\n", 1, title, `"# A heading"`},
		{"title alone", "# taz.de -- A: B\n\n", 1, "an article", "nothing below the title line"},
		{"index, blanks kept", "# taz.de -- Meer\n\nA: One\n\nText of it.\n\nB: Two\n\nMore of it.\n", 1, "an article", "an index page of 2 articles"},
		{"index, blanks lost", "Introduction\n# taz.de -- Meer\nA: One\nText of it.\nB: Two\nMore of it.\n", 2, "an article", "an index page of 2 articles"},
		{"index, links marked", "i# taz.de -- Meer: Fluss\t\t\t\n1One\t/!1\ttaz.de\t70\niText.\n.\n", 1, "an article", "an index page of one article"},
		{"index, links lost", "taz.de -- Meer\nText of it.\nMore of it.\n", 1, "an article", "an index page of 2 articles"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := document.Text("dir/file.txt", []byte(tt.text), document.Options{})
			var refused *document.LayoutError
			if !errors.As(err, &refused) {
				t.Fatalf("error %v, want a *document.LayoutError", err)
			}
			want := document.LayoutError{File: "dir/file.txt", Line: tt.line, Want: tt.want, Got: tt.got}
			if diff := cmp.Diff(want, *refused); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			for _, part := range []string{"dir/file.txt", tt.want, tt.got} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %s", err, part)
				}
			}
		})
	}
}

// TestBrokenOff reads texts that end early, as most captures do.
func TestBrokenOff(t *testing.T) {
	const text = "# taz.de -- A: B\n> Teaser.\nText.\n11 Sep 2023\n## AUTOREN\nAda\n## TAGS\nMeer\n"
	for end := strings.Index(text, "2023") + 4; end <= len(text); end++ {
		a := read(t, text[:end]).Article
		if a.Published.IsZero() || a.Content != "<p>Text.</p>" {
			t.Errorf("%q: published %v, content %q", text[:end], a.Published, a.Content)
		}
	}
}

// TestNoIndex reads articles that look a little like lists.
func TestNoIndex(t *testing.T) {
	for name, text := range map[string]string{
		"kicker":        "# taz.de -- Meer: Fluss\n\nA: One\n\nText of it.\n\nB: Two\n\nMore of it.\n",
		"date":          "# taz.de -- Meer\n\nA: One\n\nText of it.\n\nB: Two\n\nMore of it.\n\n11 Sep 2023\n",
		"teaser":        "# taz.de -- Meer\n\n> Teaser\n\nA: One\n\nText of it.\n\nB: Two\n\nMore of it.\n",
		"two questions": "# taz.de -- Meer\n\nWas: wo?\n\nText of it.\n\nMore of it.\n\nEnd of it.\n",
	} {
		t.Run(name, func(t *testing.T) { read(t, text) })
	}
}
