package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// everyKind has a path of every kind of document, the ones with a Last-Modified first.
func everyKind() []string {
	return []string{
		"/feed.atom", "/feed.rss", "/feed.json", "/tags/harbour.atom", "/feeds.opml",
		"/", "/feed", "/tags/harbour", "/changes.atom", "/tags/harbour/archive/1.atom", "/feed/archive/1.json", "/feed/archive/1",
		"/changes", "/articles/131", "/tags", "/search", "/feeds", "/favicon.svg", "/robots.txt",
	}
}

func unpack(t *testing.T, r *http.Response) string {
	t.Helper()
	switch r.Header.Get("Content-Encoding") {
	case "gzip":
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return body(t, z)
	case "zstd":
		z, err := zstd.NewReader(r.Body, zstd.WithDecoderMaxWindow(8<<20)) // what browsers give it (RFC 9659)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		return body(t, z)
	}
	return body(t, r.Body)
}

func TestValidators(t *testing.T) {
	h := site(t, filled(t))
	for i, path := range everyKind() {
		first := ask(t, h, "GET", path)
		text := body(t, first.Body)
		tag, modified := first.Header.Get("Etag"), first.Header.Get("Last-Modified")
		if first.StatusCode != 200 || !strings.HasPrefix(tag, `"`) || text == "" {
			t.Errorf("%s: %d, ETag %s, %d bytes", path, first.StatusCode, tag, len(text))
			continue
		}
		if dated := i < 12; dated == (modified == "") {
			t.Errorf("%s: Last-Modified %q", path, modified)
		}
		zipped := ask(t, h, "GET", path, "Accept-Encoding", "gzip")
		if unpack(t, zipped) != text {
			t.Errorf("%s: gzip unpacks to something else", path)
		}
		pressed := ask(t, h, "GET", path, "Accept-Encoding", "zstd")
		if unpack(t, pressed) != text {
			t.Errorf("%s: zstd unpacks to something else", path)
		}
		tags := []string{tag, zipped.Header.Get("Etag"), pressed.Header.Get("Etag")}
		if zipped.Header.Get("Content-Encoding") != "" && (tags[1] == tags[0] || tags[2] == tags[0] || tags[1] == tags[2]) {
			t.Errorf("%s: encodings share a strong tag: %q", path, tags)
		}
		unchanged := [][]string{{"If-None-Match", "*"}}
		for _, tag := range tags {
			unchanged = append(unchanged,
				[]string{"If-None-Match", tag}, []string{"If-None-Match", "W/" + tag}, []string{"If-None-Match", `"x,y", ` + tag},
				[]string{"If-None-Match", strings.Trim(tag, `"`)}, []string{"If-None-Match", tag, "Accept-Encoding", "gzip"},
				[]string{"If-None-Match", `"other"`, "If-None-Match", tag})
		}
		changed := [][]string{
			{"If-None-Match", `"other"`}, {"If-None-Match", ""}, {"If-None-Match", tag[:len(tag)-2] + `"`}, {"If-None-Match", tag[:len(tag)-1] + `-br"`},
			{"If-Modified-Since", "yesterday"}, {"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"},
		}
		if modified != "" {
			unchanged = append(unchanged, []string{"If-Modified-Since", modified}, []string{"If-Modified-Since", "Sun, 06 Nov 2094 08:49:37 GMT"})
			changed = append(changed, []string{"If-None-Match", `"other"`, "If-Modified-Since", modified})
		}
		for _, fields := range unchanged {
			r := ask(t, h, "GET", path, fields...)
			if r.StatusCode != 304 || body(t, r.Body) != "" || r.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s with %q: %d, want 304 without a body", path, fields, r.StatusCode)
			}
			for _, name := range []string{"Cache-Control", "Vary", "Access-Control-Allow-Origin"} {
				if r.Header.Get(name) != first.Header.Get(name) {
					t.Errorf("%s with %q: %s is %q, of the 200 it was %q", path, fields, name, r.Header.Get(name), first.Header.Get(name))
				}
			}
			if !slices.Contains(tags, r.Header.Get("Etag")) {
				t.Errorf("%s with %q: 304 has ETag %s", path, fields, r.Header.Get("Etag"))
			}
		}
		for _, fields := range changed {
			if r := ask(t, h, "GET", path, fields...); r.StatusCode != 200 || body(t, r.Body) != text {
				t.Errorf("%s with %q: %d, want 200 and the whole", path, fields, r.StatusCode)
			}
		}
		head := ask(t, h, "HEAD", path)
		if body(t, head.Body) != "" || head.Header.Get("Content-Length") != strconv.Itoa(len(text)) {
			t.Errorf("HEAD %s: Content-Length %q, want %d and no body", path, head.Header.Get("Content-Length"), len(text))
		}
		for name := range first.Header {
			if head.Header.Get(name) != first.Header.Get(name) {
				t.Errorf("HEAD %s: %s is %q, of GET it is %q", path, name, head.Header.Get(name), first.Header.Get(name))
			}
		}
	}
}

// A 304 names the variant that the reader has, not one that it never saw.
func TestNotModifiedNamesTheVariant(t *testing.T) {
	h := site(t, filled(t))
	plain := ask(t, h, "GET", "/feed").Header.Get("Etag")
	zipped := ask(t, h, "GET", "/feed", "Accept-Encoding", "gzip").Header.Get("Etag")
	for _, tt := range []struct{ accept, have, want string }{
		{"gzip", zipped, zipped},
		{"gzip", plain, plain},
		{"", zipped, zipped},
		{"gzip", plain + ", " + zipped, zipped},
		{"", zipped + ", " + plain, plain},
		{"gzip", "*", zipped},
	} {
		r := ask(t, h, "GET", "/feed", "Accept-Encoding", tt.accept, "If-None-Match", tt.have)
		if got := r.Header.Get("Etag"); r.StatusCode != 304 || got != tt.want {
			t.Errorf("Accept-Encoding %q, If-None-Match %s: %d with %s, want %s", tt.accept, tt.have, r.StatusCode, got, tt.want)
		}
	}
}

func TestContentCoding(t *testing.T) {
	h := site(t, filled(t))
	for _, tt := range []struct{ accept, want string }{
		{"", ""},
		{"gzip", "gzip"},
		{"GZIP", "gzip"},
		{"x-gzip", "gzip"},
		{"deflate, br", ""},
		{"gzip, deflate, br, zstd", "zstd"},
		{"gzip;q=1.0, zstd;q=0.9", "gzip"},
		{"zstd;q=0.5,gzip;q=0.50", "zstd"},
		{"*", "gzip"},
		{"gzip;q=0, *", ""},
		{"gzip;q=0", ""},
		{"gzip;q=0.000, identity", ""},
		{"identity;q=1, gzip;q=0.5", ""},
		{"identity;q=0.5, gzip;q=0.5", "gzip"},
		{"br;q=1.0, gzip;q=0.5, *;q=0", "gzip"},
		{"identity;q=0, br", ""},
		{"gzip;q=nonsense", ""},
		{"gzip; Q=1", "gzip"},
		{"gzip;level=9;q=0", ""},
		{",, gzip ,", "gzip"},
	} {
		for _, path := range []string{"/tags/harbour", "/tags/harbour.atom"} {
			r := ask(t, h, "GET", path, "Accept-Encoding", tt.accept)
			if got := r.Header.Get("Content-Encoding"); got != tt.want || r.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s with Accept-Encoding %q: %q, Vary %q; want %q", path, tt.accept, got, r.Header.Get("Vary"), tt.want)
			}
		}
	}
}

func TestOnlyReading(t *testing.T) {
	h := site(t, filled(t))
	for _, path := range []string{"/", "/feed.atom", "/articles/1", "/nothing"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "BREW"} {
			r := ask(t, h, method, path)
			if r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD, OPTIONS" || !strings.Contains(body(t, r.Body), "only be read") {
				t.Errorf("%s %s: %d, Allow %q", method, path, r.StatusCode, r.Header.Get("Allow"))
			}
		}
	}
	r := ask(t, h, "OPTIONS", "/feed.json", "Origin", "https://reader.example", "Access-Control-Request-Headers", "if-none-match")
	if r.StatusCode != 204 || r.Header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(r.Header.Get("Access-Control-Allow-Headers"), "If-None-Match") {
		t.Errorf("OPTIONS: %d %v", r.StatusCode, r.Header)
	}
}

func TestNotThere(t *testing.T) {
	h := site(t, filled(t))
	for _, path := range []string{
		"/tags/unheard-of", "/tags/unheard-of.atom", "/tags/harbour.xml", "/tags/harbour.atom.rss", "/tags/.atom", "/tags/harbour/more", "/tags/a%2Fb", "/tags/%ff",
		"/sources/9", "/authors/nobody.json", "/articles/0", "/articles/007", "/articles/-1", "/articles/99999", "/articles/99999999999999999999", "/articles/one", "/articles/131.atom",
		"/feed.xml", "/feeds/unheard-of", "/feeds/x/y.atom", "/feeds/x/archive/1", "/feed/archive/3", "/feed/archive/3.atom", "/feed/archive/0.atom", "/feed/archive/01.rss", "/feed/archive/-1", "/feed/archive/x.json",
		"/feed/archive/99999999999999999999.atom", "/feed/archive/18446744073709551615.atom", "/tags/unheard-of/archive/1.atom", "/changes/2", "/changes/0", "/changes/x", "/articles/131/revisions/1/diff", "/articles/131/revisions/0/diff", "/nothing", "/wp-login.php", "/.env",
	} {
		r := ask(t, h, "GET", path)
		if got := body(t, r.Body); r.StatusCode != 404 || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") || len(got) > 200 {
			t.Errorf("%s: %d %s %q", path, r.StatusCode, r.Header.Get("Content-Type"), got)
		}
		r = ask(t, h, "GET", path, "Accept", "text/html,*/*")
		if got := body(t, r.Body); r.StatusCode != 404 || !strings.Contains(got, "<h1>Not in this archive</h1>") {
			t.Errorf("%s in a browser: %d %s", path, r.StatusCode, got)
		}
	}
	for _, path := range []string{"/search.atom", "/search.json?q=", "/search.rss?q=%22", "/search.atom?q=" + strings.Repeat("a", 2000)} {
		r := ask(t, h, "GET", path, "Accept", "text/html")
		if got := body(t, r.Body); r.StatusCode != 400 {
			t.Errorf("%s: %d, want 400\n%s", path, r.StatusCode, got)
		}
	}
}

func TestOtherAddresses(t *testing.T) {
	h := site(t, filled(t))
	for _, tt := range [][2]string{
		{"/tags/", "/tags"},
		{"/tags/harbour/", "/tags/harbour"},
		{"/tags/Harbour", "/tags/harbour"},
		{"/tags/Harbour.atom", "/tags/harbour.atom"},
		{"/tags/Bru%CC%88cken-Wege.rss", "/tags/br%C3%BCcken-wege.rss"},
		{"/authors/Ann%20Porter", "/authors/ann-porter"},
		{"/tags/Harbour/archive/1.atom", "/tags/harbour/archive/1.atom"},
		{"/feed/archive/2.atom", "/feed.atom"},
		{"/feed/archive/2", "/feed"},
		{"/changes/1", "/changes"},
		{"/feeds/", "/feeds"},
		{"/favicon.ico", "/favicon.svg"},
		{"/feeds/x/", "/feeds/x"},
		{"//evil.example/", "/evil.example/"},
	} {
		r := ask(t, h, "GET", "http://archive.example"+tt[0])
		if got := r.Header.Get("Location"); r.StatusCode/100 != 3 || got != tt[1] {
			t.Errorf("%s: %d to %q, want %q", tt[0], r.StatusCode, got, tt[1])
		}
	}
}

func TestForeignMatterIsConfined(t *testing.T) {
	h := site(t, filled(t))
	for _, path := range []string{"/", "/articles/131", "/tags", "/nothing"} {
		r := ask(t, h, "GET", path, "Accept", "text/html")
		if csp := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: Content-Security-Policy %q", path, csp)
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, r.Header)
		}
	}
	for _, path := range []string{"/feed.atom", "/feed.rss", "/feed.json", "/feeds.opml"} {
		r := ask(t, h, "GET", path, "Accept-Encoding", "gzip")
		if r.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %v", path, r.Header)
		}
		if len(r.Header) > 8 {
			t.Errorf("%s has %d header fields; the ninth costs two maps more", path, len(r.Header))
		}
	}
}

// What is cached for everybody must not hold what one request said.
func TestHostIsNotBelieved(t *testing.T) {
	h := site(t, filled(t))
	for _, path := range everyKind() {
		r := ask(t, h, "GET", "http://evil.example"+path, "X-Forwarded-Host", "evil.example")
		if strings.Contains(body(t, r.Body), "evil.example") {
			t.Errorf("%s repeats the request's host", path)
		}
	}
}

func TestBaseWithPath(t *testing.T) {
	h := siteWith(t, web.Options{Archive: filled(t), BaseURL: "https://example.org/news/", Title: "News"})
	for _, path := range []string{"/news/tags/harbour", "/tags/harbour"} {
		r := ask(t, h, "GET", path)
		page := body(t, r.Body)
		if r.StatusCode != 200 || !strings.Contains(page, `href="/news/tags/harbour.atom"`) || !strings.Contains(page, `href="https://example.org/news/tags/harbour"`) {
			t.Errorf("%s: %d\n%s", path, r.StatusCode, page)
		}
	}
	if r := ask(t, h, "GET", "/news/"); r.StatusCode != 200 {
		t.Errorf("/news/: %d", r.StatusCode)
	}
	if r := ask(t, h, "GET", "/news/tags/"); r.Header.Get("Location") != "/news/tags" {
		t.Errorf("/news/tags/ leads to %q", r.Header.Get("Location"))
	}
}

func TestOptions(t *testing.T) {
	for _, base := range []string{"", "/path", "example.org", "ftp://example.org", "http://", "http://example.org/?q=1", "http://example.org/#x", "http://[::1"} {
		if _, err := web.New(web.Options{Archive: archive(t), BaseURL: base}); err == nil {
			t.Errorf("New took base URL %q", base)
		}
	}
	if _, err := web.New(web.Options{BaseURL: "http://example.org"}); err == nil {
		t.Error("New took no archive")
	}
}

// countingReader counts what is read of an archive.
type countingReader struct {
	store.Reader
	feeds, articles atomic.Int64
}

func (r *countingReader) Feed(ctx context.Context, ref store.Ref) (store.Feed, error) {
	r.feeds.Add(1)
	return r.Reader.Feed(ctx, ref)
}

func (r *countingReader) Articles(ctx context.Context, q store.Query) (store.Page, error) {
	r.articles.Add(1)
	return r.Reader.Articles(ctx, q)
}

func (r *countingReader) reset() { r.feeds.Store(0); r.articles.Store(0) }

func TestNothingIsRenderedTwice(t *testing.T) {
	db := filled(t)
	r := &countingReader{Reader: db}
	h := site(t, r)
	tag := ask(t, h, "GET", "/tags/harbour.atom").Header.Get("Etag")

	r.reset()
	for range 3 {
		ask(t, h, "GET", "/tags/harbour.atom")
		ask(t, h, "GET", "/tags/harbour.atom", "Accept-Encoding", "gzip")
		ask(t, h, "GET", "/tags/harbour.atom", "If-None-Match", tag)
	}
	if r.feeds.Load() != 0 || r.articles.Load() != 0 {
		t.Errorf("while the archive stood still, %d records and %d pages were read", r.feeds.Load(), r.articles.Load())
	}

	save(t, db, bote, time.Hour, feed.Article{GUID: "other", Title: "Nothing to do with the harbour"})
	for range 3 {
		if resp := ask(t, h, "GET", "/tags/harbour.atom", "If-None-Match", tag); resp.StatusCode != 304 {
			t.Errorf("after a change elsewhere: %d", resp.StatusCode)
		}
	}
	if r.feeds.Load() != 1 || r.articles.Load() != 0 {
		t.Errorf("after a change elsewhere, %d records and %d pages were read, want 1 and 0", r.feeds.Load(), r.articles.Load())
	}

	save(t, db, gazette, 2*time.Hour, feed.Article{GUID: "new", Title: "Another ship", Tags: []feed.Tag{{Term: "harbour"}}})
	resp := ask(t, h, "GET", "/tags/harbour.atom", "If-None-Match", tag)
	if resp.StatusCode != 200 || resp.Header.Get("Etag") == tag {
		t.Errorf("after a change: %d with ETag %s", resp.StatusCode, resp.Header.Get("Etag"))
	}
	if want := morning.Add(2 * time.Hour).Format(http.TimeFormat); resp.Header.Get("Last-Modified") != want {
		t.Errorf("Last-Modified %s, want %s", resp.Header.Get("Last-Modified"), want)
	}
}

// After a restart nothing is rendered yet, and whoever has the document must not make it so.
func TestNotModifiedWithoutRendering(t *testing.T) {
	db := filled(t)
	tag := ask(t, site(t, db), "GET", "/feed.rss").Header.Get("Etag")
	r := &countingReader{Reader: db}
	h := site(t, r)
	for range 2 {
		if resp := ask(t, h, "GET", "/feed.rss", "If-None-Match", tag); resp.StatusCode != 304 {
			t.Errorf("%d, want 304", resp.StatusCode)
		}
	}
	if r.feeds.Load() != 1 || r.articles.Load() != 0 {
		t.Errorf("%d records and %d pages were read, want 1 and 0", r.feeds.Load(), r.articles.Load())
	}
	if resp := ask(t, h, "GET", "/feed.rss", "If-None-Match", `"old"`); resp.StatusCode != 200 || resp.Header.Get("Etag") != tag {
		t.Errorf("%d with %s, want 200 with %s", resp.StatusCode, resp.Header.Get("Etag"), tag)
	}
}

func TestBurstRendersOnce(t *testing.T) {
	r := &countingReader{Reader: filled(t)}
	h := site(t, r)
	for _, path := range []string{"/feed.atom", "/feed"} {
		r.reset()
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				if resp := ask(t, h, "GET", path, "Accept-Encoding", "gzip"); resp.StatusCode != 200 {
					t.Errorf("%s: %d", path, resp.StatusCode)
				}
			})
		}
		wg.Wait()
		if n := r.articles.Load(); n != 1 {
			t.Errorf("%s was rendered %d times", path, n)
		}
	}
}

// What has been asked for last stays, within the bound.
func TestCacheIsBounded(t *testing.T) {
	r := &countingReader{Reader: filled(t)}
	size := len(body(t, ask(t, site(t, r), "GET", "/tags/pier-1").Body)) + 1100
	h := siteWith(t, web.Options{Archive: r, BaseURL: "http://archive.example", Title: "Back Issues", CacheBytes: int64(4*size + size/2)})
	rendered := func(path string) bool {
		r.reset()
		ask(t, h, "GET", path)
		return r.articles.Load() > 0
	}
	for _, n := range []string{"0", "1", "2", "3", "0", "4"} { // 1 makes room for 4
		rendered("/tags/pier-" + n)
	}
	for _, n := range []string{"0", "4", "3", "2"} {
		if rendered("/tags/pier-" + n) {
			t.Errorf("pier %s had been dropped", n)
		}
	}
	if !rendered("/tags/pier-1") {
		t.Error("pier 1 was kept beyond the bound")
	}
	// A document larger than its share is shown and not kept.
	h = siteWith(t, web.Options{Archive: r, BaseURL: "http://archive.example", CacheBytes: 1000})
	for _, path := range []string{"/feed.atom", "/feed.atom", "/feed", "/feed"} {
		if !rendered(path) {
			t.Errorf("%s is larger than the cache and was kept", path)
		}
	}
}

func TestBrokenArchive(t *testing.T) {
	var log bytes.Buffer
	h := siteWith(t, web.Options{Archive: brokenReader{}, BaseURL: "http://archive.example", Log: slog.New(slog.NewTextHandler(&log, nil))})
	for _, path := range []string{"/", "/feed", "/feed.atom", "/tags", "/tags/x.rss", "/tags/x/archive/1.atom", "/tags/x/archive/1", "/tags/after/x", "/feeds/x", "/search.atom?q=x", "/changes/1", "/articles/1", "/feeds.opml"} {
		log.Reset()
		r := ask(t, h, "GET", path)
		if got := body(t, r.Body); r.StatusCode != 500 || strings.Contains(got, "platter") {
			t.Errorf("%s: %d %q", path, r.StatusCode, got)
		}
		if !strings.Contains(log.String(), "platter") {
			t.Errorf("%s: the log says %q", path, log.String())
		}
	}
}

// brokenReader fails at everything that it is asked.
type brokenReader struct{ store.Reader }

var errPlatter = errors.New("a platter has a scratch")

func (brokenReader) Article(context.Context, feed.ID) (feed.Article, error) {
	return feed.Article{}, errPlatter
}
func (brokenReader) Feed(context.Context, store.Ref) (store.Feed, error) {
	return store.Feed{}, errPlatter
}
func (brokenReader) Feeds(context.Context, store.Kind, string, int) ([]store.Feed, error) {
	return nil, errPlatter
}
func (brokenReader) Identity(context.Context) (feed.UUID, error) { return feed.UUID{}, errPlatter }
func (brokenReader) Document(context.Context, store.Ref, uint64) (store.Sealed, error) {
	return store.Sealed{}, errPlatter
}
func (brokenReader) Changes(context.Context, uint64, int) ([]store.Change, error) {
	return nil, errPlatter
}
func (brokenReader) Articles(context.Context, store.Query) (store.Page, error) {
	return store.Page{}, errPlatter
}
func (brokenReader) Stats(context.Context) (store.Stats, error) { return store.Stats{}, errPlatter }
func (brokenReader) Incidents(context.Context, uint64, int) ([]store.Incident, error) {
	return nil, errPlatter
}
func (brokenReader) Edition() uint64 { return 1 }

func TestEmptyArchive(t *testing.T) {
	h := site(t, archive(t))
	for _, path := range []string{"/", "/feed", "/feed.atom", "/feed.rss", "/feed.json", "/tags", "/sources", "/authors", "/feeds.opml"} {
		r := ask(t, h, "GET", path)
		if r.StatusCode != 200 {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
		if strings.Contains(r.Header.Get("Last-Modified"), "0001") {
			t.Errorf("%s: Last-Modified %s", path, r.Header.Get("Last-Modified"))
		}
	}
}

// movingReader is an archive in which something happens elsewhere all the time.
type movingReader struct {
	store.Reader
	edition uint64
}

func (r *movingReader) Edition() uint64 { return r.edition }
