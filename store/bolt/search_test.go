package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// TestSearchesAtRandom does whatever can be done to an archive with saved searches in any order. After
// each step every feed of a search holds exactly what its query matches, and nothing is in neither its
// live document nor a sealed one.
func TestSearchesAtRandom(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			db, err := bolt.Open(filepath.Join(t.TempDir(), "archive.db"), &bolt.Options{NoSync: true})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			db.SetStretch(30)
			w := &world{T: t, db: db, rnd: rand.New(rand.NewPCG(seed, 5)), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), sealed: map[string][]string{}}
			for range 40 {
				w.step()
			}
			w.check()
		})
	}
}

// world is an archive to which things happen.
type world struct {
	*testing.T
	db   store.Store
	rnd  *rand.Rand
	now  time.Time
	done string // what happened last

	sealed map[string][]string // what was seen of the documents of each feed
}

func (w *world) any(of ...string) string { return of[w.rnd.IntN(len(of))] }

// article returns an article of a small world in which most things happen to most articles.
func (w *world) article(n int) feed.Article {
	a := feed.Article{
		Link: fmt.Sprint("https://example.org/", n), Title: fmt.Sprint(w.any("Good", "Bad", "Odd"), " news ", n),
		Content:   "<p>" + w.any("red", "green", "blue") + "</p>",
		Published: w.now.Add(-time.Duration(w.rnd.IntN(5000)) * time.Hour), Language: w.any("de", "en"),
	}
	a.Key, a.GUID = a.Link, a.Link
	for _, tag := range []string{"One", "Two", "Three/3"} {
		if w.rnd.IntN(2) == 0 {
			a.Tags = append(a.Tags, feed.Tag{Term: tag})
		}
	}
	return a
}

func (w *world) batch() store.Batch {
	source := w.rnd.IntN(2)
	b := store.Batch{Seen: w.now, Source: feed.Source{URL: fmt.Sprint("https://", source, ".example/feed")}}
	many := w.rnd.IntN(30)
	if w.rnd.IntN(8) == 0 {
		many = 150
	}
	for _, n := range w.rnd.Perm(200)[:many] {
		if n >= 40 {
			n = n*2 + source // the others come from both
		}
		b.Articles = append(b.Articles, w.article(n))
	}
	switch w.rnd.IntN(4) {
	case 0:
		b.Backfill = true
		b.Past = w.rnd.IntN(2) == 0
	case 1: // an import
	default:
		b.Source.Fetch.Checked = w.now
		b.Whole = true
	}
	return b
}

func (w *world) definition() store.Definition {
	return store.Definition{
		Name: w.any("first", "second", "third"), Limit: []int{0, 0, 3, 20}[w.rnd.IntN(4)], Split: w.rnd.IntN(4) == 0,
		Query: w.any("tag:one", "tag:two -red", "good OR blue", "-green", "title:odd lang:de", "news since:2025-12", "red red", "source:0.example good"),
	}
}

func (w *world) step() {
	w.now = w.now.Add(time.Hour)
	switch n := w.rnd.IntN(13); {
	case n < 6:
		b := w.batch()
		w.done = fmt.Sprintf("save %d, backfill %v, past %v, visit %v", len(b.Articles), b.Backfill, b.Past, b.Whole)
		if _, err := w.db.Save(w.Context(), b); err != nil {
			w.Fatal(err)
		}
	case n < 8:
		d := w.definition()
		w.done = fmt.Sprintf("define %+v", d)
		ctx, cancel := context.WithCancel(w.Context())
		cut := w.rnd.IntN(3) == 0
		_, err := w.db.Define(ctx, d, func(uint64, uint64) {
			if cut {
				cancel()
			}
		})
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			w.Fatalf("%s: %v", w.done, err)
		}
	case n == 8:
		w.done = "undefine"
		if err := w.db.Undefine(w.Context(), w.any("first", "second", "third")); err != nil && !errors.Is(err, store.ErrNotFound) {
			w.Fatal(err)
		}
	case n < 12:
		w.withdraw(n == 11)
	default:
		w.done = "release"
		if _, err := w.db.Release(w.Context(), feed.SourceID(1+w.rnd.IntN(2))); err != nil && !errors.Is(err, store.ErrNotFound) {
			w.Fatal(err)
		}
	}
	w.check()
}

// withdraw takes some articles out, or puts some of those back.
func (w *world) withdraw(back bool) {
	stats, err := w.db.Stats(w.Context())
	if err != nil || stats.Sequence == 0 {
		return
	}
	do := w.db.Withdraw
	if back {
		do = w.db.Restore
	}
	var ids []feed.ID
	for range 1 + w.rnd.IntN(20) {
		ids = append(ids, feed.ID(1+w.rnd.Uint64N(stats.Sequence)))
	}
	w.done = fmt.Sprintf("withdraw %v, back: %v", ids, back)
	if err := do(w.Context(), ids...); err != nil && !errors.Is(err, store.ErrNotFound) {
		w.Fatalf("%s: %v", w.done, err)
	}
	for _, id := range ids {
		if a, err := w.db.Article(w.Context(), id); err == nil && a.Withdrawn == back {
			w.Fatalf("after %s: article %d is withdrawn: %v", w.done, id, a.Withdrawn)
		}
	}
}

// check holds the feeds of the searches to what a search through everything finds.
func (w *world) check() {
	w.Helper()
	faults, err := w.db.Check(w.Context())
	if err != nil || len(faults) > 0 {
		w.Fatalf("after %s: %v, %q", w.done, err, faults)
	}
	feeds, err := w.db.Feeds(w.Context(), store.Search, "", 100)
	if err != nil {
		w.Fatal(err)
	}
	for _, kind := range []store.Kind{store.All, store.Source, store.Tag} {
		more, err := w.db.Feeds(w.Context(), kind, "", 100)
		if err != nil {
			w.Fatal(err)
		}
		feeds = append(feeds, more...)
	}
	for _, f := range feeds {
		w.documents(f)
	}
}

// documents proves that the sealed documents of a feed and its live one are its log, without gap.
func (w *world) documents(f store.Feed) {
	w.Helper()
	live, err := store.Subscription(w.Context(), w.db, f, 10)
	if err != nil {
		w.Fatal(err)
	}
	if f.Search != nil && f.Search.Limit > 0 && len(live) > f.Search.Limit {
		w.Fatalf("after %s: %s has %d articles live, over %d", w.done, f.Name, len(live), f.Search.Limit)
	}
	for _, a := range live {
		if newest, err := w.db.Article(w.Context(), a.ID); err != nil || newest.Withdrawn != a.Withdrawn {
			w.Fatalf("after %s: %s shows article %d, which is withdrawn: %v, %v", w.done, f.Name, a.ID, newest.Withdrawn, err)
		}
	}
	w.stay(f)
	tail, err := w.db.Log(w.Context(), f.Ref, f.Open, 1000)
	if err != nil {
		w.Fatal(err)
	}
	for _, a := range tail {
		if !slices.ContainsFunc(live, func(b feed.Article) bool { return a.Seq == b.Seq }) {
			w.Fatalf("after %s: revision %d of %q is in no document of %s", w.done, a.Seq, a.Title, f.Name)
		}
	}
}

// stay proves that what is under an address of an archive document is what was there the last time.
func (w *world) stay(f store.Feed) {
	w.Helper()
	name := string(f.Kind) + f.Name
	for k := range f.Sealed {
		s, err := w.db.Document(w.Context(), f.Ref, k)
		if err != nil {
			w.Fatal(err)
		}
		articles, err := w.db.Log(w.Context(), f.Ref, s.From, int(s.To-s.From))
		if err != nil {
			w.Fatal(err)
		}
		now := s.Title
		for _, a := range articles {
			now += fmt.Sprint(" ", a.Seq)
		}
		if had := w.sealed[name]; k < uint64(len(had)) && had[k] != now {
			w.Fatalf("after %s: document %d of %s was %q and is %q", w.done, k, f.Name, had[k], now)
		} else if k >= uint64(len(had)) {
			w.sealed[name] = append(had, now)
		}
	}
	if had := len(w.sealed[name]); uint64(had) > f.Sealed {
		w.Fatalf("after %s: %s had %d documents and has %d", w.done, f.Name, had, f.Sealed)
	}
}

// BenchmarkSaveWithSearches measures what saved searches add to what comes in: batches of ten new articles with
// texts of 3 KB.
func BenchmarkSaveWithSearches(b *testing.B) {
	for _, test := range []struct {
		name    string
		queries []string
	}{
		{"none", nil},
		{"200 of fields", []string{"tag:tag-%d lang:de", "author:a%d OR author:b", "source:x%d.example"}},
		{"200 of words", []string{"word%d other", `"in the %d"`, "title:news%d* OR x"}},
	} {
		b.Run(test.name, func(b *testing.B) {
			db, err := bolt.Open(filepath.Join(b.TempDir(), "archive.db"), &bolt.Options{NoSync: true})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			for n := 0; n < 200 && test.queries != nil; n++ {
				q := fmt.Sprintf(test.queries[n%len(test.queries)], n)
				if _, err := db.Define(b.Context(), store.Definition{Name: fmt.Sprint("feed ", n), Query: q}, nil); err != nil {
					b.Fatal(err)
				}
			}
			n := 0
			for b.Loop() {
				if _, err := db.Save(b.Context(), news(n, 10)); err != nil {
					b.Fatal(err)
				}
				n += 10
			}
		})
	}
}

func news(from, many int) store.Batch {
	batch := store.Batch{Source: feed.Source{URL: "https://example.org/feed"}, Seen: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	for n := from; n < from+many; n++ {
		a := feed.Article{Link: fmt.Sprint("https://example.org/", n), Title: fmt.Sprint("News ", n), Tags: []feed.Tag{{Term: fmt.Sprint("Tag ", n%50)}}}
		a.Key = a.Link
		for len(a.Content) < 3000 {
			a.Content += fmt.Sprintf("<p>Paragraph %d of %d, <a href=\"https://example.org/%x\">with a link</a> and words.</p>\n", len(a.Content), n, n)
		}
		batch.Articles = append(batch.Articles, a)
	}
	return batch
}

// BenchmarkDefine measures a search through an archive of 20,000 articles.
func BenchmarkDefine(b *testing.B) {
	db, err := bolt.Open(filepath.Join(b.TempDir(), "archive.db"), &bolt.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for n := 0; n < 20000; n += 500 {
		if _, err := db.Save(b.Context(), news(n, 500)); err != nil {
			b.Fatal(err)
		}
	}
	n := 0
	for _, text := range []string{`tag:"tag 7"`, "link words", "nowhere"} {
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				if _, err := db.Define(b.Context(), store.Definition{Name: fmt.Sprint("feed ", n), Query: text}, nil); err != nil {
					b.Fatal(err)
				}
				if err := db.Undefine(b.Context(), fmt.Sprint("feed ", n)); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}
