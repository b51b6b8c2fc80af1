package opml_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/opml"
)

func body(outlines string) string {
	return `<opml version="2.0"><head/><body>` + outlines + `</body></opml>`
}

func TestRead(t *testing.T) {
	one := func(o opml.Outline) []opml.Outline { return []opml.Outline{o} }
	tests := []struct {
		name, in string
		want     []opml.Outline
	}{
		{"everything", body(`<outline text="Gulls" title="t" type="RSS" xmlUrl="https://a.example/f" htmlUrl="https://a.example/"/>`),
			one(opml.Outline{Title: "Gulls", URL: "https://a.example/f", Home: "https://a.example/", Type: "rss"})},
		{"title where there is no text", body(`<outline text=" " title="Gulls" xmlUrl="https://a.example/f"/>`),
			one(opml.Outline{Title: "Gulls", URL: "https://a.example/f"})},
		{"names in any case, white space", "<OPML><Body><Outline Text=\"\n Grey  gulls\n\" XMLURL=' https://a.example/f '/></Body></OPML>",
			one(opml.Outline{Title: "Grey gulls", URL: "https://a.example/f"})},
		{"folders", body(`<outline text="Sea"><outline title="Birds"><outline text="g" xmlUrl="https://a.example/f"/></outline></outline>`),
			one(opml.Outline{Title: "g", URL: "https://a.example/f", Tags: []string{"Sea", "Birds"}})},
		{"categories", body(`<outline text="Sea"><outline text="g" category="TCP/IP, /News//Local ,sea,," xmlUrl="https://a.example/f"/></outline>`),
			one(opml.Outline{Title: "g", URL: "https://a.example/f", Tags: []string{"Sea", "TCP/IP", "News", "Local"}})},
		{"a feed is no folder", body(`<outline text="g" xmlUrl="https://a.example/f"><outline text="h" xmlUrl="https://a.example/h"/></outline>`),
			[]opml.Outline{{Title: "g", URL: "https://a.example/f"}, {Title: "h", URL: "https://a.example/h"}}},
		{"the same feed twice", body(`<outline text="A"><outline text="g" xmlUrl="http://a.example/f"/></outline><outline text="B"><outline text="x" xmlUrl="https://a.example/f/"/></outline>`),
			one(opml.Outline{Title: "g", URL: "http://a.example/f", Tags: []string{"A", "B"}})},
		{"comments", body(`<outline text="A" isComment="true"><outline text="g" xmlUrl="https://a.example/f"/></outline>`), nil},
		{"bare ampersand", body(`<outline text="A&B &nbsp;&eacute; &nonsense;" xmlUrl="https://a.example/f?a=1&b=2"/>`),
			one(opml.Outline{Title: "A&B é &nonsense;", URL: "https://a.example/f?a=1&b=2"})},
		{"declared entities stay closed", `<!DOCTYPE opml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>` + body(`<outline text="&b;" xmlUrl="https://a.example/f"/>`),
			one(opml.Outline{Title: "&b;", URL: "https://a.example/f"})},
		{"Latin-1", "<?xml version='1.0' encoding='iso-8859-1'?>" + body("<outline text='M\xf6wen' xmlUrl='https://a.example/f'/>"),
			one(opml.Outline{Title: "Möwen", URL: "https://a.example/f"})},
		{"Latin-1, undeclared", body("<outline text='M\xf6wen' xmlUrl='https://a.example/f'/>"),
			one(opml.Outline{Title: "Möwen", URL: "https://a.example/f"})},
		{"UTF-8 with a broken byte", "<?xml version='1.0' encoding='UTF-8'?>" + body("<outline text='Möwe\xff' xmlUrl='https://a.example/f'/>"),
			one(opml.Outline{Title: "Möwe\ufffd", URL: "https://a.example/f"})},
		{"UTF-16 that says UTF-8", utf16("<?xml version='1.0' encoding='utf-8'?>" + body("<outline text='Möwen' xmlUrl='https://a.example/f'/>")),
			one(opml.Outline{Title: "Möwen", URL: "https://a.example/f"})},
		{"byte order mark", "\ufeff<?xml version='1.0'?>" + body("<outline text='Möwen' xmlUrl='https://a.example/f'/>"),
			one(opml.Outline{Title: "Möwen", URL: "https://a.example/f"})},
		{"nothing in it", body(""), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := opml.Read(strings.NewReader(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func utf16(s string) string {
	var b strings.Builder
	b.WriteString("\xff\xfe")
	for _, r := range s {
		b.WriteByte(byte(r))
		b.WriteByte(byte(r >> 8))
	}
	return b.String()
}

func TestReadRefuses(t *testing.T) {
	tests := []struct {
		name, in, want string
		feeds          int // read before the break
	}{
		{"empty", "", "line 1: want <opml>, got the end of the file", 0},
		{"a feed", "<rss>", "line 1: want <opml>, got <rss>", 0},
		{"no markup", "hello", "line 1: want <opml>, got the end of the file", 0},
		{"wrong end", "<opml>\n<body>\n</head></opml>", "line 3: want </body>, got </head>", 0},
		{"end too many", "<opml>\n</opml>\n</opml>", "line 3: </opml> closes nothing", 0},
		{"breaks off", "<opml><body>\n<outline text='g' xmlUrl='https://a.example/f'/>\n", "line 3: the list breaks off inside <body>", 1},
		{"breaks off in a tag", "<opml><body>\n<outline text='g", "line 2: the list breaks off inside <body>", 0},
		{"too deep", body(strings.Repeat("\n<outline text='x'>", 70)), "line 64: more than 64 elements inside each other", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			feeds, err := opml.Read(strings.NewReader(tt.in))
			var broken *opml.Error
			if !errors.As(err, &broken) {
				t.Fatalf("error %v, want an *opml.Error", err)
			}
			if want := "read opml: " + tt.want; err.Error() != want {
				t.Errorf("error %q, want %q", err, want)
			}
			if len(feeds) != tt.feeds {
				t.Errorf("%d feeds, want the %d before the break", len(feeds), tt.feeds)
			}
		})
	}
}

func TestReadTellsReaderErrors(t *testing.T) {
	failed := errors.New("the line is dead")
	if _, err := opml.Read(failing{failed}); !errors.Is(err, failed) {
		t.Errorf("error %v, want %v", err, failed)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestWrite(t *testing.T) {
	list := []opml.Outline{
		{Title: "Gulls & <terns>", URL: "https://a.example/f?a=1&b=2", Home: "https://a.example/", Type: "rss", Tags: []string{"Sea", "Birds", "TCP/IP"}},
		{Title: "No folder", URL: "https://b.example/f", Type: "atom"},
		{Title: "\"Quoted\"", URL: "https://c.example/f", Type: "rss", Tags: []string{"Sea"}},
	}
	var b bytes.Buffer
	if err := opml.Write(&b, "A & B", list); err != nil {
		t.Fatal(err)
	}
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0">
  <head>
    <title>A &amp; B</title>
  </head>
  <body>
    <outline text="Sea">
      <outline text="Gulls &amp; &lt;terns&gt;" title="Gulls &amp; &lt;terns&gt;" type="rss" xmlUrl="https://a.example/f?a=1&amp;b=2" htmlUrl="https://a.example/" category="Birds,TCP/IP"/>
      <outline text="&#34;Quoted&#34;" title="&#34;Quoted&#34;" type="rss" xmlUrl="https://c.example/f"/>
    </outline>
    <outline text="No folder" title="No folder" type="atom" xmlUrl="https://b.example/f"/>
  </body>
</opml>
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	got, err := opml.Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]opml.Outline{list[0], list[2], list[1]}, got); diff != "" {
		t.Errorf("read back: -want +got\n%s", diff)
	}
}

func TestWriteFillsIn(t *testing.T) {
	var b bytes.Buffer
	if err := opml.Write(&b, "", []opml.Outline{{URL: "https://a.example/f"}}); err != nil {
		t.Fatal(err)
	}
	if want := `<outline text="https://a.example/f" title="https://a.example/f" type="rss" xmlUrl="https://a.example/f"/>`; !strings.Contains(b.String(), want) {
		t.Errorf("got %s, want an outline %s", b.String(), want)
	}
	b.Reset()
	if err := opml.Write(&b, "", nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "<outline ") {
		t.Error("an empty list has no outline, which OPML 2.0 wants")
	}
	if err := opml.Write(failing{os.ErrClosed}, "", nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v, want %v", err, os.ErrClosed)
	}
}

const corpus = "../../../shared/corpus/opml"

// unreadable are the lists of the corpus that are no OPML, are badly nested, or have mark-up with
// quotation marks of its own inside an attribute.
var unreadable = regexp.MustCompile(`_rdf_|_end-element-|Android_Development|_Programming|unknown-namespace`)

// TestCorpus counts the feeds of the lists that programs and people have published by another way
// than the reader's: the attribute in the bytes.
func TestCorpus(t *testing.T) {
	files, _ := filepath.Glob(corpus + "/*")
	if len(files) == 0 {
		t.Skip("no corpus at " + corpus)
	}
	comments := regexp.MustCompile(`(?s)<!--.*?-->`)
	urls := regexp.MustCompile(`(?i)\sxmlurl\s*=\s*["']\s*([^"'\s][^"']*)["']`)
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := make(map[string]bool)
			for _, m := range urls.FindAllSubmatch(comments.ReplaceAll(data, nil), -1) {
				url := strings.TrimSpace(strings.ReplaceAll(string(m[1]), "&amp;", "&"))
				want[feed.NormalURL(url)] = true
			}
			feeds, err := opml.Read(bytes.NewReader(data))
			switch {
			case unreadable.MatchString(name):
				var broken *opml.Error
				if !errors.As(err, &broken) {
					t.Fatalf("error %v, want an *opml.Error", err)
				}
				return
			case err != nil:
				t.Fatal(err)
			}
			if len(feeds) != len(want) {
				t.Errorf("%d feeds, want %d", len(feeds), len(want))
			}
			for _, o := range feeds {
				if !want[feed.NormalURL(o.URL)] {
					t.Errorf("%q is not in the file", o.URL)
				}
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add(body(`<outline text="A"><outline text="g" category="/a/b,c" xmlUrl="https://a.example/f"/></outline>`))
	f.Add(`<!DOCTYPE opml [<!ENTITY a "b">]>` + body(`<outline text="&a;" xmlURL="x&y"/>`))
	f.Add(utf16(body("<outline xmlUrl='x'/>")))
	f.Add("<?xml version='1.0' encoding='koi8-r'?><opml>\xc1")
	f.Fuzz(func(t *testing.T, in string) {
		feeds, err := opml.Read(strings.NewReader(in))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := opml.Write(&b, "list", feeds); err != nil {
			t.Fatal(err)
		}
		if err := wellFormed(b.Bytes()); err != nil {
			t.Fatalf("%v in %s", err, b.Bytes())
		}
		again, err := opml.Read(&b)
		if err != nil {
			t.Fatal(err)
		}
		byURL := cmpopts.SortSlices(func(x, y string) bool { return x < y })
		if diff := cmp.Diff(addresses(feeds), addresses(again), byURL); diff != "" {
			t.Fatalf("read back: -want +got\n%s", diff)
		}
	})
}

func addresses(feeds []opml.Outline) []string {
	var urls []string
	for _, o := range feeds {
		urls = append(urls, o.URL)
	}
	return urls
}

func wellFormed(data []byte) error {
	var any struct {
		Inner string `xml:",innerxml"`
	}
	return xml.Unmarshal(data, &any)
}

func BenchmarkRead(b *testing.B) {
	var list bytes.Buffer
	feeds := make([]opml.Outline, 2000)
	for i := range feeds {
		feeds[i] = opml.Outline{
			Title: fmt.Sprintf("Feed number %d", i),
			URL:   fmt.Sprintf("https://host%d.example/feed.xml", i),
			Home:  fmt.Sprintf("https://host%d.example/", i),
			Tags:  []string{fmt.Sprintf("Folder %d", i%20), "all"},
		}
	}
	if err := opml.Write(&list, "Subscriptions", feeds); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(list.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := opml.Read(bytes.NewReader(list.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}
