package scheduler_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	atomparser "github.com/mmcdole/gofeed/atom"
	rssparser "github.com/mmcdole/gofeed/rss"

	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// BenchmarkIntake measures what a round costs between the network and the disk: bytes of feeds to
// a durable archive, by as many workers as a round has, on an archive that did not know them.
// Beside it, gofeed's typed parsers read the same bytes and throw the result away.
//
//	go test -run - -bench Intake -count 6 ./scheduler
//
// Compare the ns/op and the cpu-ns/op of the two lines of each set.
func BenchmarkIntake(b *testing.B) {
	for _, set := range intakeSets(b) {
		b.Run(set.name+"/gofeed", func(b *testing.B) {
			measure(b, set.docs, func() {
				for _, d := range set.docs {
					readTyped(d)
				}
			})
		})
		b.Run(set.name+"/intake", func(b *testing.B) {
			n := 0
			measure(b, set.docs, func() {
				n++
				db := openBench(b, filepath.Join(b.TempDir(), fmt.Sprint(n)))
				takeIn(b, db, set.docs)
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

type intakeSet struct {
	name string
	docs [][]byte
}

// intakeSets are feeds as a round meets them: made ones, and, where there is a corpus, real ones.
func intakeSets(b *testing.B) []intakeSet {
	sets := []intakeSet{{"blogs", madeBlogs(60, 20)}}
	real := intakeSet{name: "corpus"}
	names, _ := filepath.Glob("../../shared/corpus/wellformed/fastfeedparser__benchmark_*.xml")
	for _, n := range names {
		if data, err := os.ReadFile(n); err == nil && readTyped(data) {
			real.docs = append(real.docs, data)
		}
	}
	if len(real.docs) == 0 {
		b.Log("no corpus of real feeds here; measuring made ones only")
		return sets
	}
	return append(sets, real)
}

// measure runs f and reports the processor time of the whole process beside the wall time.
func measure(b *testing.B, docs [][]byte, f func()) {
	size := 0
	for _, d := range docs {
		size += len(d)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	runtime.GC()
	before := processorTime()
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(processorTime()-before)/float64(b.N), "cpu-ns/op")
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func readTyped(d []byte) bool {
	if bytes.Contains(d[:min(len(d), 2000)], []byte("<feed")) {
		_, err := (&atomparser.Parser{}).Parse(bytes.NewReader(d))
		return err == nil
	}
	_, err := (&rssparser.Parser{}).Parse(bytes.NewReader(d))
	return err == nil
}

func openBench(b *testing.B, dir string) *bolt.DB {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	db, err := bolt.Open(filepath.Join(dir, "archive.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	return db
}

// takeIn does what the workers of a round do with what they have fetched.
func takeIn(b *testing.B, db *bolt.DB, docs [][]byte) {
	work := make(chan int)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for i := range work {
				d, err := parse.Feed(docs[i], parse.Options{URL: fmt.Sprintf("https://%d.example.org/feed", i)})
				if err != nil {
					b.Error(err)
					continue
				}
				batch := store.Batch{Source: d.Source, Articles: d.Articles, Seen: time.Now()}
				if _, err := db.Save(context.Background(), batch); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range docs {
		work <- i
	}
	close(work)
	workers.Wait()
}

// madeBlogs makes feeds as the most common publishing system writes them.
func madeBlogs(feeds, items int) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("the archive of a small lighthouse keeps what passing ships have written down and what the keeper thought about it in winter while reading feeds by lamp and planting beans along the southern wall of the garden")
	text := func(n int) string {
		var t strings.Builder
		for i := range n {
			if i > 0 {
				t.WriteByte(' ')
			}
			fmt.Fprintf(&t, "%s%d", words[r.IntN(len(words))], r.IntN(50))
		}
		return t.String()
	}
	docs := make([][]byte, feeds)
	for f := range docs {
		var d bytes.Buffer
		fmt.Fprintf(&d, `<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:wfw="http://wellformedweb.org/CommentAPI/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" xmlns:slash="http://purl.org/rss/1.0/modules/slash/">
<channel><title>Blog %d</title><atom:link href="https://%d.example.org/feed/" rel="self" type="application/rss+xml" /><link>https://%d.example.org</link><description>%s</description><language>en-US</language><sy:updatePeriod>hourly</sy:updatePeriod>
`, f, f, f, text(6))
		for i := range items {
			fmt.Fprintf(&d, `<item><title>%s</title><link>https://%d.example.org/%d/</link><comments>https://%d.example.org/%d/#respond</comments><dc:creator><![CDATA[Author %d]]></dc:creator><pubDate>Mon, 02 Mar 2026 %02d:15:00 +0000</pubDate>
<category><![CDATA[Topic %d]]></category><category><![CDATA[Topic %d]]></category><category><![CDATA[Place %d]]></category><guid isPermaLink="false">https://%d.example.org/?p=%d</guid><description><![CDATA[<p>%s</p>]]></description><content:encoded><![CDATA[`,
				text(7), f, i, f, i, r.IntN(3), i%24, r.IntN(400), r.IntN(400), r.IntN(100), f, i, text(30))
			for range 6 {
				fmt.Fprintf(&d, `<p>%s <a href="https://example.com/%d">%s</a> %s</p>
`, text(40), r.IntN(1000), text(3), text(20))
			}
			fmt.Fprintf(&d, `]]></content:encoded><wfw:commentRss>https://%d.example.org/%d/feed/</wfw:commentRss><slash:comments>%d</slash:comments></item>
`, f, i, r.IntN(20))
		}
		d.WriteString("</channel></rss>\n")
		docs[f] = d.Bytes()
	}
	return docs
}
