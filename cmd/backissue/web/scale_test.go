package web_test

import (
	"flag"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

var benchSizes = flag.String("articles", "1000,10000", "sizes of the archives of BenchmarkDocument")

// BenchmarkDocument is what it costs to make a document and to say that it has not changed, in archives
// of several sizes: no more in a large one.
//
//	go test ./cmd/backissue/web -run "^$" -bench Document -timeout 2h -articles 10000,1000000
func BenchmarkDocument(b *testing.B) {
	for size := range strings.SplitSeq(*benchSizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil || n < 200 {
			b.Fatalf("no size of an archive: %q", size)
		}
		db := large(b, n)
		all, err := db.Feed(b.Context(), store.Ref{Kind: store.All})
		if err != nil {
			b.Fatal(err)
		}
		for name, path := range map[string]string{
			"live":   web.FeedPath(all.Ref) + ".atom",
			"oldest": web.ArchivePath(all.Ref, 0) + ".atom",
			"middle": web.ArchivePath(all.Ref, all.Sealed/2) + ".atom",
			"newest": web.ArchivePath(all.Ref, all.Sealed-1) + ".atom",
		} {
			tag := ask(b, site(b, db), "GET", path).Header.Get("Etag")
			for way, fields := range map[string][]string{"made": nil, "not-modified": {"If-None-Match", tag}} {
				want := http.StatusOK
				if fields != nil {
					want = http.StatusNotModified
				}
				b.Run(fmt.Sprint(name, "/", way, "/", n), func(b *testing.B) {
					// An archive that changes elsewhere all the time, so that nothing is taken from memory.
					moving := &movingReader{Reader: db}
					h := siteWith(b, web.Options{Archive: moving, BaseURL: "http://archive.example", Title: "Back Issues", Version: "1.0", CacheBytes: 1})
					b.ReportAllocs()
					for b.Loop() {
						moving.edition++
						if r := ask(b, h, "GET", path, fields...); r.StatusCode != want {
							b.Fatalf("%s: %d", path, r.StatusCode)
						}
					}
				})
			}
		}
	}
}

// large is an archive of so many articles.
func large(b *testing.B, n int) *bolt.DB {
	b.Helper()
	db := archive(b)
	for from := 0; from < n; from += 500 {
		articles := make([]feed.Article, min(500, n-from))
		for i := range articles {
			k := from + i
			articles[i] = feed.Article{
				GUID: fmt.Sprintf("tag:gazette.example,2024:%d", k), Link: fmt.Sprintf("https://gazette.example/%d", k),
				Title: fmt.Sprintf("Ship number %d has come in", k), Published: morning.Add(time.Duration(k) * time.Minute),
				Content: "<p>" + strings.Repeat(fmt.Sprintf("The harbour master counts %d barrels. ", k), 20) + "</p>",
				Tags:    []feed.Tag{{Term: fmt.Sprint("Pier ", k%1000)}}, Authors: []feed.Person{{Name: "Ann Porter"}},
			}
		}
		save(b, db, gazette, time.Duration(from)*time.Minute, articles...)
	}
	return db
}
