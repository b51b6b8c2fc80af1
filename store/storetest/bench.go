package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// Sizes are the numbers of articles of the archives that [Bench] compares. What costs more in the
// second than in the first grows with the archive, and should not.
func Sizes() []int { return []int{1_000, 200_000} }

// Bench measures an engine: reading in a small and in a large archive, and visits that bring nothing
// new, an edit, or news.
func Bench(b *testing.B, open Open) {
	for _, size := range Sizes() {
		b.Run(fmt.Sprintf("archive=%d", size), func(b *testing.B) {
			s := open(b, b.TempDir())
			fill(b, s, size)
			tag := store.Ref{Kind: store.Tag, Name: "tag-7"}
			b.Run("Page", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					page, err := s.Articles(b.Context(), store.Query{Ref: tag, Limit: 50})
					if err != nil || len(page.Articles) != 50 {
						b.Fatal(len(page.Articles), err)
					}
				}
			})
			b.Run("Subscription", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f, err := s.Feed(b.Context(), tag)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := store.Subscription(b.Context(), s, f, 50); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("FeedRecord", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.Feed(b.Context(), tag); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("VisitWithoutNews", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					saved, err := s.Save(b.Context(), visit(3, 0, 10))
					if err != nil || saved[0].Same != 10 {
						b.Fatal(saved, err)
					}
				}
			})
			b.Run("VisitWithAnEdit", func(b *testing.B) {
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					n++
					batch := visit(3, 0, 10)
					batch.Source.Fetch.Checked = noon // so that each is an edit
					batch.Articles[n%10].Title = fmt.Sprint("Edit ", n)
					if _, err := s.Save(b.Context(), batch); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("VisitWithNews", func(b *testing.B) {
				b.ReportAllocs()
				n := size
				for b.Loop() {
					n += 3
					saved, err := s.Save(b.Context(), visit(3, n, n+3))
					if err != nil || len(saved[0].Added) != 3 {
						b.Fatal(saved, err)
					}
				}
			})
			b.Run("Due", func(b *testing.B) {
				for b.Loop() {
					if _, err := s.Due(b.Context(), noon, store.Turn{}, 10); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// BenchSources measures an engine with so many sources: following them, a thousand to a call, going through
// all of them as a list does, and asking for those that are due.
func BenchSources(b *testing.B, open Open, n int) {
	const atOnce = 1000
	s := open(b, b.TempDir())
	next := 0
	follow := func() {
		sources := make([]feed.Source, min(atOnce, n))
		for i := range sources {
			sources[i] = feed.Source{
				URL: fmt.Sprintf("https://%d.example.org/feed/%d", next%5000, next), Title: fmt.Sprint("Source ", next),
				Tags: []string{"News"}, Added: noon, Fetch: feed.FetchState{Due: noon.Add(time.Duration(next) * time.Millisecond)},
			}
			next++
		}
		if _, err := s.Subscribe(b.Context(), sources...); err != nil {
			b.Fatal(err)
		}
	}
	for next < n {
		follow()
	}
	b.Run("Roster", func(b *testing.B) {
		b.ReportAllocs()
		page := make([]store.Listed, 500)
		for b.Loop() {
			seen := 0
			for after := feed.SourceID(0); ; {
				k, err := s.Roster(b.Context(), after, page)
				if err != nil {
					b.Fatal(err)
				}
				if k == 0 {
					break
				}
				seen, after = seen+k, page[k-1].ID
			}
			if seen != next {
				b.Fatalf("%d of %d sources", seen, next)
			}
		}
	})
	b.Run("Due", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			due, err := s.Due(b.Context(), noon.Add(time.Hour), store.Turn{}, 100)
			if err != nil || len(due) != min(n, 100) {
				b.Fatal(len(due), err)
			}
		}
	})
	b.Run("Subscribe", func(b *testing.B) { // the last, since it adds sources
		b.ReportAllocs()
		for b.Loop() {
			follow()
		}
	})
}

// fill makes an archive of so many articles from a hundred sources.
func fill(b *testing.B, s store.Store, size int) {
	b.Helper()
	const sources, share = 100, 50
	for from := 0; from < size/sources; from += share {
		batches := make([]store.Batch, sources)
		for source := range batches {
			batches[source] = visit(source, from, min(from+share, size/sources))
		}
		if _, err := s.Save(b.Context(), batches...); err != nil {
			b.Fatal(err)
		}
	}
}

// visit is what a visit to one of the sources brings: a row of articles of 3 KB with four tags each.
func visit(source, from, to int) store.Batch {
	batch := store.Batch{Source: feed.Source{URL: fmt.Sprintf("https://%d.example.org/feed", source)}, Seen: noon}
	for n := from; n < to; n++ {
		a := article(n, fmt.Sprint("Tag ", n%20), fmt.Sprint("Tag ", 20+n%500), fmt.Sprint("Source ", source), "News")
		a.Link = fmt.Sprintf("https://%d.example.org/%d", source, n)
		a.Key, a.GUID = a.Link, a.Link
		a.Published = noon.Add(-time.Duration(n*100+source) * time.Minute)
		for len(a.Content) < 3000 {
			a.Content += fmt.Sprintf("<p>Paragraph %d of %d in %d, <a href=\"https://example.org/%x\">with a link</a> and words.</p>\n",
				len(a.Content), n, source, len(a.Content)*n*source)
		}
		batch.Articles = append(batch.Articles, a)
	}
	return batch
}
