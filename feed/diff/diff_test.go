package diff_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/diff"
)

// show writes lines as people mark differences in plain text.
func show(lines []diff.Line) string {
	var b strings.Builder
	for i, l := range lines {
		if i > 0 {
			b.WriteString(" / ")
		}
		for _, r := range l {
			switch r.Op {
			case diff.Removed:
				b.WriteString("[-" + r.Text + "-]")
			case diff.Added:
				b.WriteString("{+" + r.Text + "+}")
			default:
				b.WriteString(r.Text)
			}
		}
	}
	return b.String()
}

func TestText(t *testing.T) {
	for _, tt := range []struct{ name, old, new, want string }{
		{"nothing", "", "", ""},
		{"equal", "a b\n\nc", "a b\nc", "a b / c"},
		{"one word", "Beans on the southern wall", "Beans on the western wall", "Beans on the [-southern-]{+western+} wall"},
		{"neighbours are one change", "it was a dark night out there", "it was the stormy night out there", "it was [-a dark-]{+the stormy+} night out there"},
		{"punctuation alone", "They climb.", "They climb!", "They climb[-.-]{+!+}"},
		{"a word more", "They climb.", "They never climb.", "They{+ never+} climb."},
		{"a title that is another", "One", "Two", "[-One-]{+Two+}"},
		{"from nothing", "", "a b", "{+a b+}"},
		{"to nothing", "a b", "", "[-a b-]"},
		{"a paragraph more", "a b c\nd e f", "a b c\nx y z\nd e f", "a b c / {+x y z+} / d e f"},
		{"a paragraph less", "a b c\nx y z\nd e f", "a b c\nd e f", "a b c / [-x y z-] / d e f"},
		{"one moved down and rewritten", "the old wall stood here\nend", "a new one\nthe old wall fell here\nend", "{+a new one+} / the old wall [-stood-]{+fell+} here / end"},
		{"nothing in common", "first\nrain fell on the hills\nlast", "first\nships left before dawn\nno more\nlast", "first / [-rain fell on the hills-] / {+ships left before dawn+} / {+no more+} / last"},
		{"without blanks", "东京的天气很好", "东京的天气不好", "东京的天气[-很-]{+不+}好"},
		{"accents belong to their word", "un cafe\u0301 noir", "un cafe noir", "un [-cafe\u0301-]{+cafe+} noir"},
		{"not UTF-8", "a \xff b", "a \xfe b", "a [-\xff-]{+\xfe+} b"},
	} {
		if got := show(diff.Text(tt.old, tt.new)); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestBetween(t *testing.T) {
	day := time.Date(2024, 3, 5, 7, 30, 0, 0, time.UTC)
	old := feed.Article{
		ID: 7, Seq: 7, Title: "Bridge shut", Link: "https://example.org/1", Content: "<p>It is <b>shut</b>.</p><p>No date.</p>",
		Authors: []feed.Person{{Name: "Ann"}}, Tags: []feed.Tag{{Term: "roads"}}, Published: day,
		Enclosures: []feed.Enclosure{{URL: "https://example.org/a.mp3", Type: "audio/mpeg", Length: 9}},
	}
	new := old
	new.Seq, new.Revision, new.Seen = 9, 1, day
	if got := diff.Between(&old, &new); len(got) != 0 {
		t.Errorf("of what only the archive says differs: %v", got)
	}
	new.Title, new.Content = "Bridge open", "<p>It is <b>open</b>.</p><p>No date.</p>"
	new.Authors = []feed.Person{{Name: "Ann"}, {Name: "Bo", Email: "bo@example.org"}}
	new.Tags = []feed.Tag{{Term: "r", Label: "Roads", Scheme: "urn:x"}}
	new.Published, new.Enclosures = day.Add(time.Hour), nil
	want := []string{
		"title: Bridge [-shut-]{+open+}",
		"content: It is [-shut-]{+open+}. / No date.",
		"authors: Ann / {+Bo (bo@example.org)+}",
		"published: [-2024-03-05T07:30:00Z-] / {+2024-03-05T08:30:00Z+}",
		"tags: [-roads-] / {+Roads (r urn:x)+}",
		"enclosures: [-https://example.org/a.mp3 audio/mpeg 9 bytes-]",
	}
	var got []string
	for _, f := range diff.Between(&old, &new) {
		got = append(got, f.Name+": "+show(f.Lines))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Where a reader's words are the same, the markup says what changed.
func TestBetweenMarkup(t *testing.T) {
	old := feed.Article{Content: `<p>See <a href="https://example.org/old">this</a></p>`}
	new := feed.Article{Content: `<p>See <a href="https://example.org/new">this</a></p>`}
	got := diff.Between(&old, &new)
	if len(got) != 1 || got[0].Name != "content markup" || !strings.Contains(show(got[0].Lines), "[-old-]{+new+}") {
		t.Errorf("got %v", got)
	}
}

// Every field that the package compares is noticed.
func TestBetweenNoticesEachField(t *testing.T) {
	for name, change := range map[string]func(*feed.Article){
		"kicker": func(a *feed.Article) { a.Kicker = "x" }, "title": func(a *feed.Article) { a.Title = "x" },
		"summary": func(a *feed.Article) { a.Summary = "x" }, "content": func(a *feed.Article) { a.Content = "x" },
		"link": func(a *feed.Article) { a.Link = "x" }, "guid": func(a *feed.Article) { a.GUID = "x" },
		"authors":      func(a *feed.Article) { a.Authors = []feed.Person{{URI: "x"}} },
		"contributors": func(a *feed.Article) { a.Contributors = []feed.Person{{Name: "x"}} },
		"published":    func(a *feed.Article) { a.Published = time.Unix(1, 0) },
		"updated":      func(a *feed.Article) { a.Updated = time.Unix(1, 0) },
		"tags":         func(a *feed.Article) { a.Tags = []feed.Tag{{Term: "x"}} }, "filed": func(a *feed.Article) { a.Filed = []string{"x"} },
		"enclosures": func(a *feed.Article) { a.Enclosures = []feed.Enclosure{{URL: "x", Duration: time.Second}} },
		"images":     func(a *feed.Article) { a.Images = []feed.Image{{Caption: "x"}} },
		"links":      func(a *feed.Article) { a.Links = []feed.Link{{Href: "x"}} },
		"related":    func(a *feed.Article) { a.Related = []feed.Related{{Title: "x"}} },
		"dateline":   func(a *feed.Article) { a.Dateline.Place = "x" }, "language": func(a *feed.Article) { a.Language = "x" },
		"rights": func(a *feed.Article) { a.Rights = "x" }, "origin": func(a *feed.Article) { a.Origin.Title = "x" },
		"extensions": func(a *feed.Article) {
			a.Extra = []feed.Element{{Name: "x", Attrs: []feed.Attr{{Name: "y", Value: "z"}}, Inner: "x"}}
		},
	} {
		var old, new feed.Article
		change(&new)
		if got := diff.Between(&old, &new); len(got) != 1 || got[0].Name != name || len(got[0].Old()) != 0 || len(got[0].New()) != 1 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestHunks(t *testing.T) {
	var old, new []string
	for i := range 20 {
		old = append(old, fmt.Sprint("paragraph ", i))
		new = append(new, fmt.Sprint("paragraph ", i))
	}
	new[5], new[9] = "another five", "another nine"
	var got []string
	for _, h := range diff.Hunks(diff.Values(old, new), 1) {
		got = append(got, fmt.Sprint(h.Skipped, "+", len(h.Lines)))
	}
	if want := "4+4 1+4 9+0"; strings.Join(got, " ") != want {
		t.Errorf("hunks %v, want %s", got, want)
	}
	if got := diff.Hunks(nil, 3); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}

// lines is what a text comes down to.
func lines(text string) []string {
	var list []string
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" {
			list = append(list, l)
		}
	}
	return list
}

func FuzzText(f *testing.F) {
	f.Add("a b c\nd", "a x c\n\nd e")
	f.Add("", "  \n\t")
	f.Add("一二三\n\xff\xfe", "一三\n\xfe\u0301")
	f.Add(strings.Repeat("a b ", 300), strings.Repeat("b a c ", 200))
	f.Add("the old wall stood\nx\ny\n", "z\nthe old wall fell\nx")
	f.Fuzz(func(t *testing.T, old, new string) {
		field := diff.Field{Lines: diff.Text(old, new)}
		if got := field.Old(); !slices.Equal(got, lines(old)) {
			t.Errorf("old side %q, want %q", got, lines(old))
		}
		if got := field.New(); !slices.Equal(got, lines(new)) {
			t.Errorf("new side %q, want %q", got, lines(new))
		}
		for _, l := range field.Lines {
			for i, r := range l {
				if r.Text == "" || i > 0 && (l[i-1].Op == r.Op || l[i-1].Op == diff.Added && r.Op == diff.Removed) {
					t.Errorf("line %q", l)
				}
			}
		}
		shown, changed := 0, 0
		for _, h := range diff.Hunks(field.Lines, 1) {
			shown += h.Skipped + len(h.Lines)
			for _, l := range h.Lines {
				if l.Changed() {
					changed++
				}
			}
		}
		for _, l := range field.Lines {
			if l.Changed() {
				changed--
			}
		}
		if shown != len(field.Lines) || changed != 0 {
			t.Errorf("hunks have %d of %d lines, and lack %d changes", shown, len(field.Lines), -changed)
		}
	})
}

func BenchmarkText(b *testing.B) {
	paragraph := strings.Repeat("the quick brown fox jumps over the lazy dog and so on ", 20)
	var old, new strings.Builder
	for i := range 2000 {
		fmt.Fprintln(&old, paragraph, i)
		fmt.Fprintln(&new, i, strings.Replace(paragraph, "brown", fmt.Sprint("colour", i), 3))
	}
	b.SetBytes(int64(old.Len() + new.Len()))
	for b.Loop() {
		diff.Text(old.String(), new.String())
	}
}

// However large a text is, both sides can be had again.
func TestLarge(t *testing.T) {
	var old, new strings.Builder
	for i := range 120_000 {
		fmt.Fprintln(&old, "line", i%7)
		fmt.Fprintln(&new, "line", i%7+i/60_000)
	}
	f := diff.Field{Lines: diff.Text(old.String(), new.String())}
	if !slices.Equal(f.Old(), lines(old.String())) || !slices.Equal(f.New(), lines(new.String())) {
		t.Error("the sides are not what was compared")
	}
	if f.Lines[59_999].Changed() || !f.Lines[60_000].Changed() {
		t.Error("the beginning that is equal is not told apart from the rest")
	}
}
