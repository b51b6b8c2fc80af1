package parse_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backissue/backissue/feed/parse"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden reads the feeds of testdata, one for each format and each kind of damage.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range inputs {
		if strings.HasSuffix(name, ".golden.json") {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := parse.Feed(data, parse.Options{URL: "https://feeds.example/dir/feed.xml"})
			if err != nil {
				t.Fatal(err)
			}
			checkDocument(t, name, doc)
			got := asJSON(t, doc)
			golden := strings.TrimSuffix(name, filepath.Ext(name)) + ".golden.json"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
