package publish_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
)

var articles = flag.Int("articles", 20_000, "how many articles the published archive holds in benchmarks")

// BenchmarkPublish measures the folder of an archive of -articles articles from a hundred sources:
// the first time, when nothing is new, and when one article is. The first takes long: say
// -benchtime 1x.
func BenchmarkPublish(b *testing.B) {
	f := newFolder(b)
	const sources = 100
	for n := 0; n < *articles/sources; n += 500 {
		for s := range sources {
			var some []feed.Article
			for i := n; i < min(n+500, *articles/sources); i++ {
				some = append(some, article(s, i))
			}
			f.imported(s, time.Duration(n)*time.Minute, some...)
		}
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			f.dir = b.TempDir()
			r := f.publish()
			b.ReportMetric(float64(r.Written), "files")
			b.ReportMetric(float64(r.Bytes)/1e6, "MB")
		}
	})
	b.Run("again", func(b *testing.B) {
		for b.Loop() {
			if r := f.publish(); r.Written > 0 {
				b.Fatalf("%+v", r)
			}
		}
	})
	n := 0
	b.Run("one more", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			n++
			f.imported(7, time.Duration(20000+n)*time.Hour, article(7, *articles+n))
			b.StartTimer()
			r := f.publish()
			b.ReportMetric(float64(r.Written), "files")
			b.ReportMetric(float64(r.Looked), "looked-at")
		}
	})
}

// imported takes articles in at once, however many they are.
func (f *folder) imported(s int, later time.Duration, some ...feed.Article) {
	f.Helper()
	home := fmt.Sprintf("https://s%d.example/", s)
	f.save(feed.Source{URL: home + "feed", Home: home, Title: fmt.Sprintf("Source %d", s)}, later, some)
}
