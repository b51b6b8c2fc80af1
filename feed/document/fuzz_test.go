package document_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/backissue/backissue/feed/document"
)

// FuzzText wants of any bytes: no panic, the same answer twice, an article with an identity and
// well-formed HTML that is also valid XML, or an error that says where and why.
func FuzzText(f *testing.F) {
	files, _ := filepath.Glob("testdata/text/*.txt")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "")
		f.Add([]byte(asRows(string(data))), "gopher://taz.de/1/")
		f.Add([]byte(asIndented(string(data))), "https://example.org/x/")
	}
	f.Add([]byte("# a.b -- c\n[1][[1][x]\n[2][y]]\n2 Mai 2014\n## LINKS\n[1] h:\n[2] //x\n"), "")
	f.Fuzz(func(t *testing.T, data []byte, base string) {
		d, err := document.Text("fuzz.txt", data, document.Options{Base: base})
		again, errAgain := document.Text("other.txt", data, document.Options{Base: base})
		if err != nil {
			var refused *document.LayoutError
			if errors.As(err, &refused) && (refused.Line < 1 || refused.Want == "" || refused.Got == "") {
				t.Fatalf("%#v says too little", refused)
			}
			if errAgain == nil {
				t.Fatalf("%v, and then not", err)
			}
			return
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Fatalf("two readings differ\n%s", diff)
		}
		a := d.Article
		if !strings.HasPrefix(a.GUID, "urn:uuid:") || a.Headline() == "" || d.Source.URL == "" || d.Source.Title == "" {
			t.Fatalf("no identity: %+v", a)
		}
		for _, s := range []string{a.Content, a.Summary} {
			if err := wellFormed(s); err != nil {
				t.Fatalf("%v in %q", err, s)
			}
		}
		for _, l := range a.Links {
			if strings.ContainsAny(l.Href, " <>\"\n") || !strings.Contains(l.Href, ":") {
				t.Fatalf("link to %q", l.Href)
			}
		}
	})
}

func wellFormed(html string) error {
	if !utf8.ValidString(html) {
		return errors.New("invalid UTF-8")
	}
	html = strings.ReplaceAll(html, "<br>", "<br/>")
	d := xml.NewDecoder(strings.NewReader("<div>" + html + "</div>"))
	for {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// TestCost reads texts made to be expensive: what takes more than linear time shows as a test that
// does not end.
func TestCost(t *testing.T) {
	const head = "# Post -- A: B\nText.\n11 Sep 2023\n"
	for name, text := range map[string]string{
		"open marks":    "# Post -- A: B\n" + strings.Repeat("[1][", 40_000),
		"dates":         "# Post -- A: B\n" + strings.Repeat("11 Sep 2023\n\n\n", 20_000) + "x",
		"related":       head + "## RELATED ARTICLES\n" + strings.Repeat("A: B\nText.\n", 10_000),
		"tags":          head + "## TAGS\n" + strings.Repeat("a\n", 20_000) + "## RELATED ARTICLES\n" + strings.Repeat("A: B\n", 1_999),
		"verse":         "# Post -- A: B\n" + strings.Repeat("a\n", 40_000),
		"half verse":    "# Post -- A: B\n" + strings.Repeat("a\n"+strings.Repeat("b", 64)+"\n"+strings.Repeat("c", 60)+"\n", 10_000),
		"headings":      "# Post -- A: B\n" + strings.Repeat("## LINKS\n", 40_000),
		"one long line": "# Post -- A: B\n" + strings.Repeat("word ", 100_000),
		"spaces":        strings.Repeat("\n ", 100_000) + "x",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := document.Text("cost.txt", []byte(text), document.Options{}); err != nil {
				var refused *document.LayoutError
				if !errors.As(err, &refused) {
					t.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkText(b *testing.B) {
	data, err := os.ReadFile("testdata/text/kuestenbote.txt")
	if err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"plain": data,
		"rows":  []byte(asRows(string(data))),
		"long":  bytes.Replace(data, []byte("\n11 Sep"), []byte(strings.Repeat("\nNoch ein Absatz, wie er in Zeitungen steht.\n", 1000)+"\n11 Sep"), 1),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := document.Text("bench.txt", text, document.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
