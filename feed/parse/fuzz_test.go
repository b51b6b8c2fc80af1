package parse_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/backissue/backissue/feed/parse"
)

// FuzzFeed feeds the parser anything: it never panics, reads the same bytes the same way twice,
// and what it returns is fit to be kept and written out.
func FuzzFeed(f *testing.F) {
	inputs, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range inputs {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if !strings.HasSuffix(name, ".golden.json") {
			f.Add(data, "")
		}
	}
	f.Add([]byte("<rss><channel><item><title>&&#8;#8; &amp;#8;</title><x:y>&#1;</x:y></item>"), "text/xml; charset=koi8-r")
	f.Add([]byte(`<!DOCTYPE rss [<!ENTITY a "&#38;a;"><!ENTITY b 'x'>]><rss><channel><item><guid>&a;&b;</guid></item></channel></rss>`), "")
	f.Add([]byte(`<CHANNEL BASE="x" HREF="y"><ITEM HREF=1 LASTMOD="2004"><TITLE>t</TITLE><A HREF="z"/></ITEM><ITEM>`), "")
	f.Add([]byte("<rss><channel><item><title>\x82\xb1\x82\xea\x82\xcd\x93\xfa\x96{\x8c\xea</title></item></channel></rss>"), "")
	f.Fuzz(func(t *testing.T, data []byte, contentType string) {
		o := parse.Options{URL: "https://example.org/feed", ContentType: contentType}
		doc, err := parse.Feed(data, o)
		if err != nil {
			if !errors.Is(err, parse.ErrNotFeed) {
				t.Fatal(err)
			}
			return
		}
		checkDocument(t, "fuzz", doc)
		if t1, t2 := doc.Trail(), parse.TrailOf(&doc.Source); t1.Older != t2.Older || t2.Archived && t2.Older == "" {
			t.Errorf("the way to older documents: %+v, %+v", t1, t2)
		}
		again, err := parse.Feed(data, o)
		if err != nil || !reflect.DeepEqual(doc, again) {
			t.Error("the same bytes were read in two ways")
		}
	})
}

// FuzzDiscover looks for feeds in anything.
func FuzzDiscover(f *testing.F) {
	f.Add([]byte(`<link rel=alternate type=application/rss+xml href=/feed><a href="rss.xml">`), "https://example.org/")
	f.Add([]byte(`<base href="//x/"><link rel="feed" type="text/xml" href="?a">`), "no url")
	f.Fuzz(func(t *testing.T, page []byte, base string) {
		for _, l := range parse.Discover(page, base) {
			if l.Href == "" {
				t.Error("a feed without an address")
			}
		}
	})
}
