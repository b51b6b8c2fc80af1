package parse_test

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/backissue/backissue/feed/parse"
)

// corpusDir holds real feeds; it is no part of the repository.
const corpusDir = "../../../shared/corpus"

// TestCorpus reads every feed of the corpus: none may bring the parser down, and each gives at
// least the items that gofeed finds in the bytes as they are.
func TestCorpus(t *testing.T) {
	f, err := os.Open(filepath.Join(corpusDir, "GOFEED.tsv"))
	if err != nil {
		t.Skip("no corpus: ", err)
	}
	defer f.Close()
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
		case err != nil && cols[1] == "ok":
			t.Errorf("%s: refused (%v), gofeed finds %d items", name, err, want)
		case err == nil && len(doc.Articles) < want:
			t.Errorf("%s: %d items, gofeed finds %d (%v)", name, len(doc.Articles), want, doc.Source.Fetch.Repairs)
		}
	}
}
