package bolt_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
)

// TestOneGUIDForSeveral meets articles that have guid, link and title in common, in every set of them
// and in many orders. Once each two of them have stood side by side, every one is there once, and what
// comes again is neither new nor an edit, and an edit is one of its own article.
func TestOneGUIDForSeveral(t *testing.T) {
	morning := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for name, dates := range map[string]struct {
		start time.Time
		step  time.Duration
	}{
		"of a day":          {morning.Add(12 * time.Hour), time.Hour},
		"of different days": {morning.Add(12 * time.Hour), 24 * time.Hour},
		"dated to the day":  {morning, 24 * time.Hour},
	} {
		for _, title := range []string{"Note", ""} {
			t.Run(name+" "+title, func(t *testing.T) {
				t.Parallel()
				var notes []feed.Article
				for i := range 4 {
					notes = append(notes, feed.Article{GUID: "g", Link: "https://example.org/notes", Title: title,
						Published: dates.start.Add(time.Duration(i) * dates.step), Summary: fmt.Sprintf("%d is what this is about.", i)})
				}
				for seed := range uint64(12) {
					oneGUID(t, notes, rand.New(rand.NewPCG(seed, 7)))
				}
			})
		}
	}
}

func oneGUID(t *testing.T, notes []feed.Article, order *rand.Rand) {
	t.Helper()
	r := newReplay(t)
	now := notes[len(notes)-1].Published.AddDate(0, 0, 1)
	var sets []int
	for round := range 3 {
		for _, set := range order.Perm(1<<len(notes) - 1) {
			set++
			sets = append(sets, set)
			var items []feed.Article
			for _, i := range order.Perm(len(notes)) {
				if set&(1<<i) != 0 {
					items = append(items, notes[i])
				}
			}
			now = now.Add(time.Hour)
			saved, _ := r.save(notesOf(items), now)
			if round > 0 && len(saved.Added)+len(saved.Revised) > 0 {
				t.Fatalf("after the sets %b: %d new and %d revised", sets, len(saved.Added), len(saved.Revised))
			}
		}
	}
	var got, want []string
	keys := map[string]bool{}
	for _, a := range r.articles() {
		got = append(got, a.Summary)
		keys[a.Key] = true
	}
	for _, n := range notes {
		want = append(want, n.Summary)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || len(keys) != len(want) {
		t.Errorf("after the sets %b: %q with %d keys, want %q", sets, got, len(keys), want)
	}
	for i, n := range notes {
		n.Summary += " Edited."
		if saved, _ := r.save(notesOf([]feed.Article{n}), now); len(saved.Added) > 0 || len(saved.Revised) != 1 {
			t.Errorf("an edit of %d: %d new and %d revised", i, len(saved.Added), len(saved.Revised))
		}
	}
	if faults, err := r.db.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Errorf("check: %v, %v", faults, err)
	}
}

// TestOneGUIDInRealFeeds moves a window of ten items over feeds in which a guid comes again, forth and
// back.
func TestOneGUIDInRealFeeds(t *testing.T) {
	for name, want := range map[string]int{
		"rss-feeds__feeds_feed_windsurf_changelog.xml": 118,
		"NetNewsWire__Resources_scriptingNews.rss":     50,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join(corpus, "wellformed", name))
			if err != nil {
				t.Skip("the corpus of real feeds is not here")
			}
			doc, err := parse.Feed(data, parse.Options{URL: "https://feeds.example/" + name})
			if err != nil {
				t.Fatal(err)
			}
			r := newReplay(t)
			at := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
			last := len(doc.Articles) - 10
			for n := range 2*last + 1 {
				from := n - last // to the newest, which are the first, and back to the oldest
				if from < 0 {
					from = -from
				}
				part := *doc
				part.Articles = feed.Identify(slices.Clone(doc.Articles[from:from+10]), doc.Source.Home, feed.PolicyAuto)
				at = at.Add(time.Hour)
				if saved, _ := r.save(&part, at); len(saved.Revised) > 0 || n > last && len(saved.Added) > 0 {
					t.Errorf("items %d to %d: %d new and %d revised", from, from+9, len(saved.Added), len(saved.Revised))
				}
			}
			if got := len(r.articles()); got != want || len(doc.Articles) != want {
				t.Errorf("%d articles of %d items, want %d", got, len(doc.Articles), want)
			}
		})
	}
}

func notesOf(items []feed.Article) *parse.Document {
	return &parse.Document{
		Source:   feed.Source{URL: "https://feeds.example/notes", Title: "Notes"},
		Articles: feed.Identify(items, "", feed.PolicyAuto),
	}
}
