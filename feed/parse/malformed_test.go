package parse_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html/charset"

	"github.com/backissue/backissue/feed/parse"
)

const malformedFile = "testdata/malformed/expected.tsv"

// TestMalformed reads the broken feeds of the corpus: no item that is whole may be lost, what is not
// well-formed must be told as repaired, and items and repairs are as the file of expectations has
// them, which was made by reading the feeds.
func TestMalformed(t *testing.T) {
	names := corpusFiles(t, "malformed")
	want := make(map[string]string)
	if f, err := os.Open(malformedFile); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			name, rest, _ := strings.Cut(lines.Text(), "\t")
			want[name] = rest
		}
	} else if !*update {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("# file, items, repairs\n")
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(corpusDir, name))
		if err != nil {
			t.Fatal(err)
		}
		whole := wholeItems(data)
		doc, err := parse.Feed(data, parse.Options{URL: corpusURL})
		got := ""
		switch {
		case err != nil:
			if !errors.Is(err, parse.ErrNotFeed) {
				t.Errorf("%s: %v", name, err)
			}
			got = "-\t" + strings.TrimPrefix(err.Error(), parse.ErrNotFeed.Error()+": ")
			if whole > 0 {
				t.Errorf("%s: %d items and refused: %v", name, whole, err)
			}
		default:
			checkDocument(t, name, doc)
			repairs := doc.Source.Fetch.Repairs
			got = strconv.Itoa(len(doc.Articles)) + "\t" + strings.Join(repairs, "; ")
			if n := len(doc.Articles) + repeated(doc); n < whole {
				t.Errorf("%s: %d items, but %d are whole", name, n, whole)
			}
			if err := wellFormed(data); err != nil && len(repairs) == 0 {
				t.Errorf("%s: no repair is told, but the feed is broken: %v", name, err)
			}
		}
		fmt.Fprintf(&b, "%s\t%s\n", name, got)
		if !*update && want[name] != got {
			t.Errorf("%s: got %q, want %q", name, got, want[name])
		}
	}
	if *update {
		if err := os.WriteFile(malformedFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var (
	hidden  = regexp.MustCompile(`(?s)<!\[CDATA\[.*?\]\]>|<!--.*?-->`)
	itemEnd = regexp.MustCompile(`(?i)</(?:[a-z0-9]+:)?(?:item|entry)\s*>`)
)

// wholeItems counts the items of an XML feed whose end is there.
func wholeItems(data []byte) int { return len(itemEnd.FindAll(hidden.ReplaceAll(data, nil), -1)) }

// wellFormed returns why a feed is not well-formed XML or JSON, nil where it is.
func wellFormed(data []byte) error {
	if s := bytes.TrimSpace(data); len(s) > 0 && s[0] == '{' {
		var v any
		return json.Unmarshal(s, &v)
	}
	if !bytes.HasPrefix(data, []byte("<")) && !bytes.HasPrefix(data, []byte("\xef\xbb\xbf<")) && bytes.Contains(data, []byte("<?xml")) {
		return errors.New("something stands before the XML declaration")
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = charset.NewReaderLabel
	for depth, roots := 0, 0; ; {
		tok, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch tok.(type) {
		case xml.StartElement:
			if depth++; depth == 1 {
				if roots++; roots > 1 {
					return errors.New("there are several roots")
				}
			}
		case xml.EndElement:
			depth--
		}
	}
}
