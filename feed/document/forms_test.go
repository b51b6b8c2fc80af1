package document_test

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"

	"github.com/backissue/backissue/feed/document"
)

// The proxies: each makes its form of a text in the plain one, as the real ones do.

func kept(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

func withoutBlank(text string) []string {
	var lines []string
	for _, l := range kept(text) {
		if l != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

// cut cuts as one proxy does: what is longer than 80 bytes to 79 and "…".
func cut(line string) string {
	if len(line) <= 80 {
		return line
	}
	n := 79
	for !utf8.RuneStart(line[n]) {
		n--
	}
	return line[:n] + "…"
}

func asRows(text string) string {
	lines := withoutBlank(text)
	for i, l := range lines {
		lines[i] = "| " + cut(l) + " | |"
	}
	return strings.TrimSuffix(strings.Join(lines, "\n"), " |")
}

func asRowsWithoutBar(text string) string {
	lines := withoutBlank(text)
	for i, l := range lines {
		lines[i] = cut(l) + " | |"
	}
	return strings.Join(lines, "\n") + "\n"
}

func asFlat(text string) string {
	lines := withoutBlank(text)
	for i, l := range lines {
		lines[i] = cut(l)
	}
	return "Introduction\nIntroduction Statistics Contact Development Disclaimer Help\n" + strings.Join(lines, "\n") + "\n"
}

// types gives each line its item type.
func types(text string) (lines []string, items []byte) {
	lines = kept(text)
	dated, section := false, ""
	for _, l := range lines {
		item := byte('i')
		switch {
		case l == "11 Sep 2023":
			dated = true
		case dated && strings.HasPrefix(l, "## "):
			section = l
		case l == "":
		case strings.HasPrefix(l, "Bild: "):
			item = 'I'
		case section == "## ARTIKEL ZUM THEMA":
			if strings.Contains(l, ": ") && !strings.HasSuffix(l, "dreizehn Poller, bezahlt wurden") {
				item = '1'
			}
		case section != "":
			item = '1'
		}
		items = append(items, item)
	}
	return lines, items
}

func asMenu(text string) string {
	var b strings.Builder
	lines, items := types(text)
	for i, l := range lines {
		target := "\t\terror.host\t1"
		if _, url, ok := strings.Cut(l, "] "); ok && items[i] == '1' {
			target = "\t" + url + "\tkuestenbote.example\t70"
			if strings.HasPrefix(url, "https:") {
				items[i], target = 'h', "\tURL:"+url+"\tkuestenbote.example\t70"
			}
		}
		b.WriteString(string(rune(items[i])) + l + target + "\r\n")
	}
	return b.String() + ".\r\n"
}

func asBareMenu(text string) string {
	var b strings.Builder
	lines, items := types(text)
	for i, l := range lines {
		b.WriteString(string(rune(items[i])) + l + "\n")
	}
	return b.String()
}

func asIndented(text string) string {
	var b strings.Builder
	lines, items := types(text)
	for i, l := range lines {
		switch {
		case i == 0:
			b.WriteString(l + "\n")
		case items[i] == '1':
			b.WriteString(" (DIR) " + l + "\n")
		case items[i] == 'I':
			b.WriteString(" (IMG) " + l + "\n")
		default:
			b.WriteString("       " + l + "\n")
		}
	}
	return b.String()
}

func asLatin1(text string) string {
	s, err := charmap.Windows1252.NewEncoder().String(text)
	if err != nil {
		panic(err)
	}
	return s
}

func asUTF16(text string) string {
	var b strings.Builder
	b.WriteString("\xfe\xff")
	for _, r := range text {
		b.WriteByte(byte(r >> 8))
		b.WriteByte(byte(r))
	}
	return b.String()
}

// asBare joins paragraphs and takes the marks off, and asTransliterated spells umlauts out in what
// are no links: the two forms of which no whole article is left.

func asBare(text string) string {
	text = strings.ReplaceAll(text, "\n> ", "\n")
	for _, mark := range []string{"# ", "## "} {
		text = strings.ReplaceAll("\n"+text, "\n"+mark, "\n")[1:]
	}
	var paragraphs []string
	for _, p := range strings.Split(text, "\n\n") {
		paragraphs = append(paragraphs, strings.ReplaceAll(p, "\n", " "))
	}
	return strings.Join(paragraphs, "\n")
}

func asTransliterated(text string) string {
	return "GOPHERSPACE.DE - P H O X Y\ngophering on kuestenbote.example\n" +
		strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue").Replace(text)
}

// TestForms reads one article in every form and wants the same article each time.
func TestForms(t *testing.T) {
	data, err := os.ReadFile("testdata/text/kuestenbote.txt")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	want := goldenOf(read(t, text))
	for name, form := range map[string]func(string) string{
		"rows":              asRows,
		"rows without bar":  asRowsWithoutBar,
		"flat":              asFlat,
		"menu":              asMenu,
		"menu of one field": asBareMenu,
		"indented":          asIndented,
		"sections apart": func(s string) string {
			return strings.NewReplacer("\n## AUTOREN", "\n\n## AUTOREN", "\n## ARTIKEL", "\n\n## ARTIKEL").Replace(asFlat(s))
		},
		"windows-1252":  asLatin1,
		"UTF-16":        asUTF16,
		"CRLF and mark": func(s string) string { return "\ufeff" + strings.ReplaceAll(s, "\n", "\r\n") },
		"CR":            func(s string) string { return strings.ReplaceAll(s, "\n", "\r") },
		"blank lines":   func(s string) string { return "\n \n" + strings.ReplaceAll(s, "\n\n", "\n \t \n\n") + "\n\n" },
	} {
		t.Run(name, func(t *testing.T) {
			d, err := document.Text("test.txt", []byte(form(text)), document.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, goldenOf(d)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestGUIDs wants one guid for an article in whatever form, cut or not, and another for another
// article. The guids themselves are frozen.
func TestGUIDs(t *testing.T) {
	const (
		tail = "\n\n> Ein Teaser.\n\nEin Text.\n\n11 Sep 2023\n\n## AUTOREN\n\nAntje Brarens\n"
		long = "# kuestenbote.example -- Ärger am Kai: Wenn die Möwen über die Brücke müssen, weil der Zug nicht fährt"
		guid = "urn:uuid:3d4e9791-9777-508b-975e-bba8800a589f"
	)
	same := map[string]string{
		"plain":            long + tail,
		"rows":             asRows(long + tail),
		"cut":              cut(long) + tail,
		"bare":             asBare(long + tail),
		"transliterated":   asTransliterated(long + tail),
		"authors lost":     strings.ReplaceAll(long+tail, "Antje Brarens\n", ""),
		"German date":      strings.ReplaceAll(long+tail, "11 Sep 2023", "11. September 2023"),
		"new teaser":       strings.ReplaceAll(long+tail, "Ein Teaser.", "Ein anderer Teaser."),
		"name in capitals": strings.ReplaceAll(long+tail, "kuestenbote", "KUESTENBOTE"),
	}
	for name, text := range same {
		if got := read(t, text).Article.GUID; got != guid {
			t.Errorf("%s: guid %s, want %s", name, got, guid)
		}
	}
	other := map[string]string{
		"day":          strings.ReplaceAll(long+tail, "11 Sep", "12 Sep"),
		"headline":     strings.ReplaceAll(long+tail, "Kai", "Steg"),
		"publication":  strings.ReplaceAll(long+tail, "kuestenbote", "hafenbote"),
		"undated":      strings.ReplaceAll(long+tail, "11 Sep 2023\n\n", ""),
		"no letters":   "# kuestenbote.example -- ???" + tail,
		"no letters 2": "# kuestenbote.example -- !!!" + tail,
	}
	seen := map[string]string{guid: "the first"}
	for name, text := range other {
		got := read(t, text).Article.GUID
		if seen[got] != "" {
			t.Errorf("%s: guid %s of %s", name, got, seen[got])
		}
		seen[got] = name
	}
}

func TestSources(t *testing.T) {
	const body = "\n\nText.\n\n11 Sep 2023\n\n## AUTHORS\n\nAda\n"
	one := read(t, "# The Slow Reader -- A: B"+body).Source
	two := read(t, "# The  slow reader -- C: D"+body).Source
	if one.URL != two.URL || one.URL == "" {
		t.Errorf("sources %q and %q, want one", one.URL, two.URL)
	}
	taz := read(t, "# taz.de -- A: B\n> C.\nD.\n").Source
	if taz.URL != "gopher://taz.de/" || taz.Title != "taz.de" || taz.Home != "https://taz.de/" || taz.Language != "de" {
		t.Errorf("source %+v", taz)
	}
}
