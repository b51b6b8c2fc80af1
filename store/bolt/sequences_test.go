package bolt_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

const corpus = "../../../shared/corpus"

// visit is one stored version of a feed.
type visit struct {
	name string // number and time, as in the file's name
	at   time.Time
	doc  *parse.Document
}

// sequence reads every stored version of a feed, oldest first.
func sequence(t *testing.T, name string) (visits []visit) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(corpus, "sequences", name, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files for %s: %v", name, err)
	}
	slices.Sort(files)
	for _, file := range files {
		part := strings.Split(filepath.Base(file), "_")
		at, err := time.Parse("20060102T150405Z", part[1])
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := parse.Feed(data, parse.Options{URL: "https://feeds.example/" + name})
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		visits = append(visits, visit{part[0] + " " + part[1], at, doc})
	}
	return visits
}

func sequenceNames(t *testing.T) []string {
	t.Helper()
	dirs, err := os.ReadDir(filepath.Join(corpus, "sequences"))
	if err != nil {
		t.Skip("the corpus of real feeds is not here")
	}
	var names []string
	for _, d := range dirs {
		names = append(names, d.Name())
	}
	return names
}

// replay is an archive to which one source is visited again and again.
type replay struct {
	t      *testing.T
	db     store.Store
	source feed.Source
	prints map[uint64]feed.ID // of every revision that was once the newest
}

func newReplay(t *testing.T) *replay {
	t.Helper()
	db, err := bolt.Open(filepath.Join(t.TempDir(), "archive.db"), &bolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &replay{t: t, db: db, prints: map[uint64]feed.ID{}}
}

// save takes in one document, and returns also the number of the article that each of its items is.
func (r *replay) save(doc *parse.Document, at time.Time) (store.Saved, []feed.ID) {
	r.t.Helper()
	source := doc.Source
	source.ID, source.Fetch.Checked, source.Fetch.Changed = r.source.ID, at, at
	saved, err := r.db.Save(context.Background(), store.Batch{
		Source: source, Articles: slices.Clone(doc.Articles), Seen: at, Whole: true})
	if err != nil {
		r.t.Fatal(err)
	}
	r.source = saved[0].Source
	prints := map[uint64][]feed.ID{}
	for _, a := range r.articles() {
		p := feed.Fingerprint(&a)
		prints[p] = append(prints[p], a.ID)
		r.prints[p] = a.ID
	}
	ids := make([]feed.ID, len(doc.Articles))
	for i := range doc.Articles {
		p := feed.Fingerprint(&doc.Articles[i])
		if len(prints[p]) > 0 {
			ids[i], prints[p] = prints[p][0], prints[p][1:]
		} else if ids[i] = r.prints[p]; ids[i] == 0 || slices.Contains(ids[:i], ids[i]) {
			r.t.Errorf("%q is not in the archive as it stands in the feed, or is in it once for several items", name(&doc.Articles[i]))
		}
	}
	return saved[0], ids
}

// articles returns the source's articles in their newest revisions.
func (r *replay) articles() (all []feed.Article) {
	r.t.Helper()
	q := store.Query{Ref: store.Ref{Kind: store.Source, Name: r.source.Name}, Limit: 1000}
	for {
		page, err := r.db.Articles(context.Background(), q)
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, page.Articles...)
		if q.Before = page.Next; q.Before.IsZero() {
			return all
		}
	}
}

// name is what the expectation files call an article: its title, or its address where it has none.
func name(a *feed.Article) string {
	s := strings.Join(strings.Fields(a.Title), " ")
	if s == "" {
		s = a.Link
	}
	if r := []rune(s); len(r) > 60 {
		s = strings.TrimSpace(string(r[:60]))
	}
	return s
}

// TestSequences replays real feeds as they changed from visit to visit. What the archive makes of
// each visit must be what a reader made of it who laid the versions side by side: the files in
// testdata/sequences are written from such a comparison, not from the archive's answers. In them
// "+" is a new article and "~" a new version of a known one.
func TestSequences(t *testing.T) {
	for _, seq := range sequenceNames(t) {
		t.Run(seq, func(t *testing.T) {
			t.Parallel()
			r := newReplay(t)
			var got bytes.Buffer
			var window map[feed.ID]bool
			for _, v := range sequence(t, seq) {
				saved, ids := r.save(v.doc, v.at)
				present := map[feed.ID]bool{}
				names := map[feed.ID]string{}
				for i, id := range ids {
					present[id], names[id] = true, name(&v.doc.Articles[i])
				}
				gone := 0
				for id := range window {
					if !present[id] {
						gone++
					}
				}
				window = present
				fmt.Fprintf(&got, "%s: %d items, %d new, %d revised, %d gone\n", v.name, len(ids), len(saved.Added), len(saved.Revised), gone)
				for _, list := range []struct {
					mark string
					ids  []feed.ID
				}{{"+ ", saved.Added}, {"~ ", saved.Revised}} {
					var lines []string
					for _, id := range list.ids {
						lines = append(lines, list.mark+names[id]+"\n")
					}
					slices.Sort(lines)
					got.WriteString(strings.Join(lines, ""))
				}
			}
			fmt.Fprintf(&got, "%d articles\n", len(r.articles()))
			want := expectation(t, seq)
			if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got.String(), "\n")); diff != "" {
				t.Errorf("- expected, + got:\n%s", diff)
			}
		})
	}
}

// expectation reads an expectation file, without its comments.
func expectation(t *testing.T, seq string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "sequences", seq+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		if !strings.HasPrefix(lines.Text(), "# ") {
			text.WriteString(lines.Text() + "\n")
		}
	}
	return text.String()
}

// TestSequencesInAnyOrder meets the same versions in other orders, each of them twice. Which items
// are one article must not depend on it.
func TestSequencesInAnyOrder(t *testing.T) {
	for _, seq := range sequenceNames(t) {
		t.Run(seq, func(t *testing.T) {
			t.Parallel()
			visits := sequence(t, seq)
			inOrder := make([]int, len(visits))
			for i := range inOrder {
				inOrder[i] = i
			}
			want := grouped(t, visits, inOrder)
			for seed := range uint64(4) {
				order := rand.New(rand.NewPCG(seed, 3)).Perm(len(visits))
				if seed == 0 {
					order = slices.Clone(inOrder)
					slices.Reverse(order)
				}
				order = append(order, rand.New(rand.NewPCG(seed, 4)).Perm(len(visits))...)
				if diff := cmp.Diff(want, grouped(t, visits, order)); diff != "" {
					t.Errorf("order %v: - in order, + in this:\n%s", order, diff)
				}
			}
		})
	}
}

// grouped returns which items of the visits are one article: for each item the first, by visit and
// place, of those that are the same.
func grouped(t *testing.T, visits []visit, order []int) []string {
	t.Helper()
	r := newReplay(t)
	at := visits[len(visits)-1].at
	ids := make([][]feed.ID, len(visits))
	for n, i := range order {
		_, now := r.save(visits[i].doc, at.Add(time.Duration(n)*time.Hour))
		if ids[i] != nil && !slices.Equal(ids[i], now) {
			t.Errorf("the second time, %s was other articles", visits[i].name)
		}
		ids[i] = now
	}
	first := map[feed.ID]string{}
	var groups []string
	for i, v := range visits {
		for k, id := range ids[i] {
			item := fmt.Sprintf("%s/%d %s", v.name[:3], k, name(&v.doc.Articles[k]))
			if first[id] == "" {
				first[id] = item
			}
			groups = append(groups, item+" = "+first[id])
		}
	}
	if n := len(r.articles()); n != len(first) {
		t.Errorf("%d articles in the archive, %d met", n, len(first))
	}
	return groups
}
