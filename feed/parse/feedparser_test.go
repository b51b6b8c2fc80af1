package parse_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/feed/render"
)

const (
	python          = "/usr/bin/python3"
	differencesFile = "testdata/feedparser/differences.tsv"
	// corpusURL is where the comparer says that every feed comes from; as in read.py.
	corpusSite = "https://corpus.example/"
	corpusURL  = corpusSite + "feed"
	// wantAgreed is how many of a hundred fields must come out as the other parser reads them.
	wantAgreed = 99.5
)

// theirEntry is what feedparser reads in one entry, as read.py prints it.
type theirEntry struct {
	ID         string      `json:"id"`
	Link       string      `json:"link"`
	Titles     []string    `json:"titles"`
	Published  *int64      `json:"published"`
	Updated    *int64      `json:"updated"`
	Authors    [][3]string `json:"authors"`
	Categories []string    `json:"categories"`
	Enclosures []string    `json:"enclosures"`
	Texts      []string    `json:"texts"` // without frames, and with what stands in for them
}

type theirFeed struct {
	Failed  string       `json:"failed"`
	Version string       `json:"version"`
	Entries []theirEntry `json:"entries"`
}

// TestFeedparser sends the corpus through the parser and out again as Atom, and compares what
// feedparser reads there with what it reads in the original. Compared is each field that has a
// value in the original; only the id is taken from the article, since Atom demands an IRI where RSS
// takes anything for a guid. What differs must stand in the file of differences with the reason why
// ours is right or as good, and nothing else may stand there.
func TestFeedparser(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it reads the whole corpus four times")
	}
	if err := exec.Command(python, "-c", "import feedparser").Run(); err != nil {
		t.Skip("no feedparser: ", err)
	}
	names := corpusFiles(t, "wellformed", "charset", "podcast", "large", "jsonfeed")
	c := comparison{compared: make(map[string]int), agreed: make(map[string]int)}
	dir := t.TempDir()
	var paths []string
	docs := make([]*parse.Document, len(names))
	for i, name := range names {
		data, err := os.ReadFile(filepath.Join(corpusDir, name))
		if err != nil {
			t.Fatal(err)
		}
		ours := filepath.Join(dir, strconv.Itoa(i))
		docs[i], err = parse.Feed(data, parse.Options{URL: corpusURL})
		var atom bytes.Buffer
		if err == nil {
			out := &render.Document{ID: corpusURL, Title: "Title", Self: corpusURL, Articles: docs[i].Articles}
			if err := render.Atom(&atom, out); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(ours, atom.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, filepath.Join(corpusDir, name), ours)
	}
	read := feedparser(t, paths)
	for i, name := range names {
		c.feed(name, docs[i], &read[2*i], &read[2*i+1])
	}
	c.report(t)
	c.check(t)
}

// corpusFiles returns the files of folders of the corpus, relative to it.
func corpusFiles(t *testing.T, folders ...string) (names []string) {
	t.Helper()
	for _, folder := range folders {
		entries, err := os.ReadDir(filepath.Join(corpusDir, folder))
		if err != nil {
			t.Skip("no corpus: ", err)
		}
		for _, e := range entries {
			names = append(names, folder+"/"+e.Name())
		}
	}
	return names
}

// feedparser has feedparser read files.
func feedparser(t *testing.T, paths []string) []theirFeed {
	t.Helper()
	cmd := exec.Command(python, "testdata/feedparser/read.py")
	cmd.Stdin = strings.NewReader(strings.Join(paths, "\n"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	feeds := make([]theirFeed, 0, len(paths))
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var f theirFeed
		if err := dec.Decode(&f); err != nil {
			t.Fatal(err)
		}
		feeds = append(feeds, f)
	}
	if len(feeds) != len(paths) {
		t.Fatalf("%d feeds were read of %d", len(feeds), len(paths))
	}
	return feeds
}

// difference is a field in which the two parsers differ. The entry is its number in the original,
// "*" for all of a feed.
type difference struct{ file, entry, field string }

type comparison struct {
	compared, agreed map[string]int
	found            []difference
	detail           []string // of each that was found
}

// field notes one comparison.
func (c *comparison) field(d difference, same bool, ours, theirs any) {
	c.compared[d.field]++
	if same {
		c.agreed[d.field]++
		return
	}
	c.found = append(c.found, d)
	c.detail = append(c.detail, fmt.Sprintf("ours %.120q, theirs %.120q", fmt.Sprint(ours), fmt.Sprint(theirs)))
}

func (c *comparison) feed(name string, doc *parse.Document, theirs, ours *theirFeed) {
	if theirs.Version == "" && len(theirs.Entries) == 0 {
		return // no feed to feedparser
	}
	c.field(difference{name, "*", "feed"}, doc != nil, "refused", theirs.Version)
	if doc == nil {
		return
	}
	if len(ours.Entries) != len(doc.Articles) {
		c.field(difference{name, "*", "export"}, false, len(ours.Entries), len(doc.Articles))
		return
	}
	pairs := pair(theirs.Entries, ours.Entries, doc)
	for i, j := range pairs {
		d := difference{name, strconv.Itoa(i + 1), "entry"}
		c.field(d, j >= 0, "none", theirs.Entries[i].Titles[0])
		if j >= 0 {
			c.entry(d, &theirs.Entries[i], &ours.Entries[j], doc.Articles[j].GUID)
		}
	}
	slices.Sort(pairs)
	if n := len(slices.Compact(pairs)); len(doc.Articles) > n {
		c.field(difference{name, "*", "entry"}, false, fmt.Sprintf("%d more", len(doc.Articles)-n), len(theirs.Entries))
	}
}

// pair finds our entry for each of theirs, -1 for none: by place where the numbers agree, else the
// one that agrees in most. Entries that a feed repeats belong to the one that ours has kept.
func pair(theirs, ours []theirEntry, doc *parse.Document) []int {
	pairs := make([]int, len(theirs))
	for i := range theirs {
		if pairs[i] = i; len(theirs) == len(ours) {
			continue
		}
		best := 0
		pairs[i] = -1
		for j := range ours {
			if n := alike(&theirs[i], &ours[j], doc.Articles[j].GUID); n > best {
				best, pairs[i] = n, j
			}
		}
	}
	return pairs
}

// alike counts in how many fields two entries agree.
func alike(theirs, ours *theirEntry, guid string) (n int) {
	for _, same := range []bool{
		theirs.ID != "" && sameID(guid, theirs.ID),
		theirs.Link != "" && theirs.Link == ours.Link,
		theirs.Titles[0] != "" && sameTitle(ours.Titles, theirs.Titles),
		theirs.Texts[0] != "" && theirs.Texts[0] == ours.Texts[0],
		theirs.Published != nil && sameMoment(ours.Published, theirs.Published),
	} {
		if same {
			n++
		}
	}
	return n
}

func (c *comparison) entry(d difference, theirs, ours *theirEntry, guid string) {
	check := func(field string, said, same bool, mine, other any) {
		if d.field = field; said {
			c.field(d, same, mine, other)
		}
	}
	check("id", theirs.ID != "", sameID(guid, theirs.ID), guid, theirs.ID)
	check("link", theirs.Link != "", theirs.Link == ours.Link, ours.Link, theirs.Link)
	check("title", theirs.Titles[0] != "", sameTitle(ours.Titles, theirs.Titles), ours.Titles[0], theirs.Titles[0])
	check("published", theirs.Published != nil, sameMoment(ours.Published, theirs.Published), moment(ours.Published), moment(theirs.Published))
	check("updated", theirs.Updated != nil, sameMoment(ours.Updated, theirs.Updated), moment(ours.Updated), moment(theirs.Updated))
	check("authors", len(theirs.Authors) > 0, samePeople(ours.Authors, theirs.Authors), ours.Authors, theirs.Authors)
	check("categories", len(theirs.Categories) > 0, holds(ours.Categories, theirs.Categories), ours.Categories, theirs.Categories)
	check("enclosures", len(theirs.Enclosures) > 0, holds(ours.Enclosures, theirs.Enclosures), ours.Enclosures, theirs.Enclosures)
	mine, other := ours.Texts[1], theirs.Texts[1]
	check("text", theirs.Texts[0] != "", slices.Contains(theirs.Texts, mine), divergence(mine, other), divergence(other, mine))
}

// divergence returns where a text differs from another.
func divergence(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return fmt.Sprintf("%d: %s", len(a), strings.ToValidUTF8(a[max(0, i-10):], ""))
}

// sameID compares guids. feedparser resolves them as if they were addresses; as published they are
// verbatim.
func sameID(ours, theirs string) bool {
	return ours == theirs || corpusSite+strings.TrimPrefix(ours, "/") == theirs
}

// sameTitle compares titles, each as it was read and as the text of HTML.
func sameTitle(ours, theirs []string) bool {
	return slices.ContainsFunc(ours, func(s string) bool { return slices.Contains(theirs, s) })
}

func sameMoment(ours, theirs *int64) bool { return ours != nil && theirs != nil && *ours == *theirs }

func moment(t *int64) string {
	if t == nil {
		return ""
	}
	return strconv.FormatInt(*t, 10)
}

// samePeople reports whether ours has everyone whom they have, by name or address.
func samePeople(ours, theirs [][3]string) bool {
	for _, p := range theirs {
		if !slices.ContainsFunc(ours, func(o [3]string) bool {
			return o == p || p[0] != "" && o[0] == p[0] || p[1] != "" && o[1] == p[1] || p[2] != "" && o[2] == p[2]
		}) {
			return false
		}
	}
	return true
}

// holds reports whether list has every one of want.
func holds(list, want []string) bool {
	for _, s := range want {
		if !slices.Contains(list, s) {
			return false
		}
	}
	return true
}

func (c *comparison) report(t *testing.T) {
	compared, agreed := 0, 0
	for _, field := range slices.Sorted(maps.Keys(c.compared)) {
		n, m := c.compared[field], c.agreed[field]
		t.Logf("%-10s %6d compared %6d agreed %7.2f %%", field, n, m, 100*float64(m)/float64(n))
		compared, agreed = compared+n, agreed+m
	}
	share := 100 * float64(agreed) / float64(compared)
	t.Logf("%-10s %6d compared %6d agreed %7.2f %%", "all", compared, agreed, share)
	if !(share >= wantAgreed) { // nothing compared is nothing agreed
		t.Errorf("%.2f %% of the fields agree, want %.1f", share, wantAgreed)
	}
	if c.compared["feed"] > c.agreed["feed"] {
		t.Error("feeds were refused")
	}
}

// check holds what was found against the file of differences, or writes that anew.
func (c *comparison) check(t *testing.T) {
	known, occurs := readDifferences(t), make(map[difference]bool)
	fresh := make(map[difference]string)
	for i, d := range c.found {
		all := d
		all.entry = "*"
		switch {
		case known[all] != "":
			occurs[all] = true
		case known[d] != "":
			occurs[d] = true
		default:
			fresh[d] = c.detail[i]
			if !*update {
				t.Errorf("%s entry %s: %s: %s", d.file, d.entry, d.field, c.detail[i])
			}
		}
	}
	for d := range known {
		if !occurs[d] {
			if !*update {
				t.Errorf("%s entry %s: %s agrees and is still listed", d.file, d.entry, d.field)
			}
			delete(known, d)
		}
	}
	if *update {
		for d, detail := range fresh {
			known[d] = "? " + detail
		}
		writeDifferences(t, known)
	}
}

func readDifferences(t *testing.T) map[difference]string {
	t.Helper()
	known := make(map[difference]string)
	f, err := os.Open(differencesFile)
	if err != nil {
		if *update {
			return known
		}
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if lines.Text() == "" || strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		cols := strings.Split(lines.Text(), "\t")
		if len(cols) != 4 || cols[3] == "" {
			t.Fatalf("%s: a line without a reason: %q", differencesFile, lines.Text())
		}
		if strings.HasPrefix(cols[3], "?") && !*update {
			t.Errorf("%s: no reason is given for %q", differencesFile, cols[:3])
		}
		known[difference{cols[0], cols[1], cols[2]}] = cols[3]
	}
	return known
}

// writeDifferences writes the file, the lines of one reason together.
func writeDifferences(t *testing.T, known map[difference]string) {
	t.Helper()
	var lines []string
	for d, reason := range known {
		reason = strings.NewReplacer("\t", " ", "\n", " ").Replace(reason)
		lines = append(lines, strings.Join([]string{reason, d.field, d.file, d.entry}, "\t"))
	}
	slices.Sort(lines)
	var b strings.Builder
	b.WriteString("# file, entry, field, reason: where our Atom and the original differ to feedparser; see TestFeedparser.\n")
	for _, l := range lines {
		cols := strings.Split(l, "\t")
		b.WriteString(strings.Join([]string{cols[2], cols[3], cols[1], cols[0]}, "\t") + "\n")
	}
	if err := os.WriteFile(differencesFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
