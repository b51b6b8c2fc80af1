// Package backissue has no code of its own. This test holds the house to its plan.
package backissue_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/backissue/backissue/"

// floors are the four floors, from the ground up. A package may import those of its own floor that
// its line in rooms names, and everything below.
var floors = []string{"feed", "store", "scheduler", "cmd"}

// rooms says for every package which others of its own floor it may import.
var rooms = map[string][]string{
	"feed":          {},
	"feed/diff":     {"feed", "feed/markup"},
	"feed/document": {"feed"},
	"feed/markup":   {},
	"feed/opml":     {"feed"},
	"feed/parse":    {"feed"},
	"feed/query":    {"feed", "feed/markup"},
	"feed/render":   {"feed", "feed/markup"},

	"store":                   {},
	"store/exchange":          {},
	"store/bolt":              {"store", "store/exchange", "store/warc"},
	"store/storetest":         {"store"},
	"store/storetest/crashfs": {},
	"store/warc":              {},

	"scheduler":       {"scheduler/fetch"},
	"scheduler/fetch": {},
	"scheduler/push":  {"scheduler", "scheduler/fetch"},

	"cmd/backissue":         {"cmd/backissue/backup", "cmd/backissue/control", "cmd/backissue/publish", "cmd/backissue/web"},
	"cmd/backissue/backup":  {},
	"cmd/backissue/control": {},
	"cmd/backissue/publish": {"cmd/backissue/web"},
	"cmd/backissue/web":     {},
}

// homes says in which package alone a library may be used. Libraries that are not named here may be
// used by nobody.
var homes = map[string][]string{
	"code.dny.dev/ssrf":                  {"scheduler/fetch"},
	"github.com/andybalholm/brotli":      {"scheduler/fetch"},
	"github.com/aymanbagabas/go-udiff":   {"feed/diff"},
	"github.com/fxamacker/cbor/v2":       {"store/bolt"},
	"github.com/google/go-cmp":           {"store/bolt", "store/storetest", "store/warc"},
	"github.com/gorilla/feeds":           {"feed/render"},
	"github.com/hanwen/go-fuse/v2":       {"store/storetest/crashfs"},
	"github.com/klauspost/compress":      {"store/bolt", "store/warc", "scheduler/fetch", "cmd/backissue/web"},
	"github.com/microcosm-cc/bluemonday": {"feed/markup"},
	"github.com/minio/minio-go/v7":       {"cmd/backissue/backup"},
	"github.com/mmcdole/gofeed":          {"feed/parse"},
	"github.com/schollz/progressbar/v3":  {"cmd/backissue"},
	"github.com/spf13/cobra":             {"cmd/backissue"},
	"github.com/wlynxg/chardet":          {"feed/parse"},
	"go.etcd.io/bbolt":                   {"store/bolt"},
	"golang.org/x/net":                   {"feed/document", "feed/markup", "feed/opml", "feed/parse", "feed/render"},
	"golang.org/x/sync":                  {"cmd/backissue/web"},
	"golang.org/x/term":                  {"cmd/backissue"},
	"golang.org/x/text":                  {"feed", "feed/document", "feed/opml", "feed/parse", "feed/query", "feed/render"},
}

// outside are packages of the standard library that do I/O or read the clock, which the ground floor
// does without. (package os is there for errors; time is there for values.)
var outside = []string{"net/http", "os", "os/exec", "io/ioutil", "log", "log/slog", "database/sql"}

type pkg struct {
	ImportPath string
	Imports    []string
	Doc        string
}

func TestLayout(t *testing.T) {
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := rooms[name]
		if !known {
			t.Errorf("package %s has no line in the plan", name)
			continue
		}
		if p.Doc == "" {
			t.Errorf("package %s has no sentence that says what it is for", name)
		}
		for _, imported := range p.Imports {
			if other, ours := strings.CutPrefix(imported, module); ours {
				if floor(other) > floor(name) || floor(other) == floor(name) && !slices.Contains(allowed, other) {
					t.Errorf("package %s imports %s", name, other)
				}
				continue
			}
			if floor(name) == 0 && slices.Contains(outside, imported) {
				t.Errorf("package %s of the ground floor imports %s", name, imported)
			}
			if home, third := homeOf(imported); third && !slices.Contains(home, name) {
				t.Errorf("package %s imports %s, whose home is %v", name, imported, home)
			}
		}
	}
}

func floor(name string) int { return slices.Index(floors, strings.SplitN(name, "/", 2)[0]) }

func homeOf(imported string) (home []string, third bool) {
	for library, home := range homes {
		if imported == library || strings.HasPrefix(imported, library+"/") {
			return home, true
		}
	}
	first, _, _ := strings.Cut(imported, "/")
	return nil, strings.Contains(first, ".")
}

func list(t *testing.T) (all []pkg) {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Doc", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.ImportPath+"/" != module {
			all = append(all, p)
		}
	}
	if len(all) < len(rooms) {
		t.Errorf("%d packages for the %d lines of the plan", len(all), len(rooms))
	}
	return all
}

// TestTopLevel keeps code out of the top of the tree.
func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(append(floors, "docs", "dist"), e.Name()) {
			t.Errorf("%s is none of the four floors", e.Name())
		}
	}
}
