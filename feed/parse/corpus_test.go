package parse_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/backissue/backissue/feed/parse"
)

// corpusDir holds real feeds; it is no part of the repository.
const corpusDir = "../../../shared/corpus"

// TestCorpus reads every feed of the corpus: none may bring the parser down, each gives at least
// the items that gofeed finds in the bytes as they are (but for plain repetitions), and feeds that
// gofeed refuses come in too.
func TestCorpus(t *testing.T) {
	f, err := os.Open(filepath.Join(corpusDir, "GOFEED.tsv"))
	if err != nil {
		t.Skip("no corpus: ", err)
	}
	defer f.Close()
	refused := map[string]string{ // gofeed takes any JSON object for a feed without items
		"jsonfeed/NetNewsWire__Resources_ScriptingNews.json":                 "RSS written as JSON",
		"jsonfeed/podcast-namespace__docs_examples_chapters_example.json":    "chapters of a podcast",
		"jsonfeed/podcast-namespace__docs_examples_transcripts_example.json": "a transcript",
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	lines.Scan()
	for lines.Scan() {
		cols := strings.Split(lines.Text(), "\t")
		name := cols[0]
		data, err := os.ReadFile(filepath.Join(corpusDir, name))
		if err != nil {
			t.Fatal(err)
		}
		want, _ := strconv.Atoi(cols[4])
		doc, err := parse.Feed(data, parse.Options{URL: "https://corpus.example/" + name})
		switch {
		case err != nil && !errors.Is(err, parse.ErrNotFeed):
			t.Errorf("%s: %v", name, err)
		case err != nil && cols[1] == "ok" && refused[name] == "":
			t.Errorf("%s: refused (%v), gofeed finds %d items", name, err, want)
		case err == nil:
			if got := len(doc.Articles) + repeated(doc); got < want {
				t.Errorf("%s: %d items, gofeed finds %d (%v)", name, got, want, doc.Source.Fetch.Repairs)
			}
			checkDocument(t, name, doc)
		}
	}
}

// repeated returns how many items the document says it left out as repetitions.
func repeated(doc *parse.Document) int {
	for _, r := range doc.Source.Fetch.Repairs {
		var n int
		if _, err := fmt.Sscanf(r, "%d item", &n); err == nil && strings.Contains(r, "the feed repeats") {
			return n
		}
	}
	return 0
}

// TestCorpusRescued holds feeds of the corpus that gofeed refuses.
func TestCorpusRescued(t *testing.T) {
	for name, items := range map[string]int{
		"charset/fastfeedparser__benchmark_eliot-jones.com_9e083433.xml": 59, // says UTF-16, is UTF-8
		"charset/fastfeedparser__integration_utf16_encoded.xml":          1,
		"charset/feedparser__encoding_utf-16le.xml":                      0,
		"charset/feedparser__encoding_utf-32be-autodetect.xml":           0,
		"charset/feedparser__illformed_chardet_windows1255.xml":          1, // says nothing
		"charset/feedparser__encoding_bozo_linenoise.xml":                1,
		"wellformed/simplepie__data_feed-utf16le.xml":                    1,
		"malformed/feedjira__InvalidDateFormat.xml":                      2,  // cut off
		"malformed/feedjira__DuplicateContentAtomFeed.xml":               10, // inside of an HTML page
		"malformed/venus__data_reconstitute_content_illegal_char.xml":    1,
		"malformed/NetNewsWire__Resources_allthis-partial.json":          2, // cut off within its third item
		"wellformed/feed-rs__atom_atom_entry_1.xml":                      1, // a lone entry
	} {
		data, err := os.ReadFile(filepath.Join(corpusDir, name))
		if err != nil {
			t.Skip("no corpus: ", err)
		}
		doc, err := parse.Feed(data, parse.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if len(doc.Articles) != items {
			t.Errorf("%s: %d items, want %d", name, len(doc.Articles), items)
		}
	}
}
