package web_test

import (
	"bufio"
	"context"
	"fmt"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// readAttacks reads the attacks. What they load comes from a server at this address.
func readAttacks(t *testing.T, server string) []string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "xss", "payloads.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var attacks []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		n := strconv.Itoa(len(attacks) + 1)
		line = strings.NewReplacer("{x}", "top.pwn("+n+")", "{u}", server+"/pwned?"+n, "{n}", n).Replace(line)
		var b []byte
		for line != "" {
			r, multi, rest, err := strconv.UnquoteChar(line, 0)
			if err != nil {
				t.Fatalf("attack %s: %v in %q", n, err, line)
			}
			line = rest
			if multi {
				b = append(b, string(r)...)
			} else {
				b = append(b, byte(r))
			}
		}
		attacks = append(attacks, string(b))
	}
	return attacks
}

// rawJobs returns the attacks in the places for which they are made.
func rawJobs(attacks []string) (raw [][]job, documents map[string]string) {
	documents = make(map[string]string)
	for i, a := range attacks {
		n := strconv.Itoa(i + 1)
		var tries []job
		text := func(around, a string) {
			tries = append(tries, job{Name: "raw " + around, Kind: "fragment", HTML: strings.Replace(around, "%s", a, 1), Attack: n})
		}
		text(`%s`, a)
		text(`<p title="%s">words</p>`, a)
		text(`<a href="%s">words</a>`, html.EscapeString(a))
		if strings.Contains(a, "xmlns") {
			for k, around := range []string{`<r xmlns:h="urn:x"><x>%s</x></r>`, `<r><![CDATA[%s]]></r>`, `<r><!--%s--></r>`, `<r><?x %s?></r>`, `<r><x y="%s"/></r>`,
				`<r><channel><item><description>%s`, `<r><entry><content>%s</r>`} {
				path := fmt.Sprintf("/xss/raw/%s/%d.xml", n, k)
				documents[path] = strings.Replace(around, "%s", a, 1)
				tries = append(tries, job{Name: "raw " + around, Kind: "xml", URL: path, Load: true, Attack: n})
			}
		}
		if strings.Contains(a, "&") {
			text(`%s`, html.UnescapeString(a))
			text(`%s`, html.UnescapeString(html.UnescapeString(a)))
		}
		if u, err := url.PathUnescape(a); err == nil && u != a {
			text(`<p title="%s">`, u)
		}
		for _, around := range []string{`<p title='%s'>words</p>`, "<p title=`%s`>words</p>", `<a href=%s>words</a>`, `<svg><title>%s</title></svg>`,
			`<script>var x = "%s"</script>`, `<script>var x = '%s'</script>`, "<script>var x = `%s`</script>"} {
			text(around, a)
		}
		raw = append(raw, tries)
	}
	return raw, documents
}

// attacked returns an archive with a source for each attack, which stands in each of its fields and
// in those of its two articles: as it is in the first, and in the other behind what makes it an
// address and between what makes it a part of HTML. Both have a revision. It also returns how many
// fields that are.
func attacked(t *testing.T, attacks []string) (store.Reader, int) {
	t.Helper()
	db := archive(t)
	fields := 0
	var first, second []store.Batch
	for i, attack := range attacks {
		attack = strings.ToValidUTF8(attack, "\ufffd") // which the parser has seen to
		var source feed.Source
		plain, addressed := feed.Article{PermaLink: true}, feed.Article{}
		fields = fill(reflect.ValueOf(&source).Elem(), attack) + fill(reflect.ValueOf(&plain).Elem(), attack)
		fill(reflect.ValueOf(&addressed).Elem(), "https://x.example/"+attack)
		source.Name, source.Fetch, source.Tags = "", feed.FetchState{}, nil
		source.URL = fmt.Sprintf("https://s%d.example/%s", i+1, attack)
		if !strings.ContainsAny(attack[:1], "<&\"'") {
			source.URL = attack
		}
		addressed.Title = ""
		addressed.Summary = `<a href="` + attack + `">one</a> <a href='` + attack + `'>two</a> <a href=` + attack + `>three</a>`
		addressed.Content = `<p title="` + attack + `"><img src="` + attack + `" alt='` + attack + `'><img srcset="` + attack + ` 2x"></p><iframe src="` + attack + `" title="` + attack + `"></iframe>` + html.EscapeString(attack)
		for k, a := range []*feed.Article{&plain, &addressed} {
			a.Key, a.Filed, a.Extra = "", nil, extensions(attack)
			a.Published = morning.Add(-time.Duration(2*i+k) * time.Minute)
			a.Enclosures = append(a.Enclosures, feed.Enclosure{URL: a.Enclosures[0].URL, Type: "audio/" + attack}, feed.Enclosure{URL: a.Enclosures[0].URL, Type: "video/mp4", Title: attack})
			a.Tags = []feed.Tag{{Term: attack, Scheme: attack}, {Term: attack, Label: attack}}
			a.Authors = []feed.Person{{Name: attack, Email: attack, URI: attack}, {Email: attack}, {URI: attack}}
			a.Related = append(a.Related, feed.Related{Title: attack})
			a.Images = append(a.Images, feed.Image{Caption: attack})
			for _, rel := range []string{"", "related", "via", "replies", "license", "enclosure", "self"} {
				a.Links = append(a.Links, feed.Link{Rel: rel, Href: attack, Title: attack, Type: attack, Hreflang: attack})
			}
		}
		articles := feed.Identify([]feed.Article{plain, addressed}, source.Home, feed.PolicyAuto)
		first = append(first, store.Batch{Source: source, Articles: articles, Seen: morning})
		again := slices.Clone(articles)
		for k := range again {
			again[k].Title += " again " + attack
			again[k].Content += "<p>Once more: " + attack + "</p>"
		}
		second = append(second, store.Batch{Source: source, Articles: again, Seen: morning.Add(time.Hour)})
	}
	for _, batches := range [][]store.Batch{first, second} {
		saved, err := db.Save(context.Background(), batches...)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range saved {
			if s.Err != nil {
				t.Fatalf("saving %q: %v", attacks[i], s.Err)
			}
		}
	}
	return db, fields
}

// fill sets every text in a value to s, with one element in each list, and returns how many it set.
func fill(v reflect.Value, s string) int {
	n := 0
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
		return 1
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		return fill(v.Index(0), s)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return 0
		}
		for i := range v.NumField() {
			n += fill(v.Field(i), s)
		}
	}
	return n
}

// extensions returns extension elements with an attack wherever one can stand, under the namespaces
// that say of what kind it is, and under one that nobody knows.
func extensions(attack string) []feed.Element {
	const (
		xhtml  = "http://www.w3.org/1999/xhtml"
		svg    = "http://www.w3.org/2000/svg"
		media  = "http://search.yahoo.com/mrss/"
		itunes = "http://www.itunes.com/dtds/podcast-1.0.dtd"
	)
	text := html.EscapeString(attack)
	attrs := func(names ...string) (list []feed.Attr) {
		for _, name := range names {
			list = append(list, feed.Attr{Name: name, Value: attack})
		}
		return list
	}
	return []feed.Element{
		{Space: attack, Name: attack, Attrs: []feed.Attr{{Name: attack, Value: attack}}, Inner: attack, Prefixes: map[string]string{attack: attack}},
		{Space: "https://y.example/ns", Name: "wild", Inner: attack, Attrs: attrs("href", "src", "onclick", "style", attack)},
		{Space: "https://y.example/ns", Name: "deep", Inner: "<h:script>" + text + "</h:script><s:svg onload='" + text + "'/>", Prefixes: map[string]string{"h": xhtml, "s": svg}},
		{Space: "https://y.example/ns", Name: "attr", Attrs: attrs("h:onclick", "h:href", "l:href"), Prefixes: map[string]string{"h": xhtml, "l": "http://www.w3.org/1999/xlink"}},
		{Space: xhtml, Name: "script", Inner: text, Attrs: attrs("src")},
		{Space: xhtml, Name: "img", Attrs: attrs("src", "onerror")},
		{Space: xhtml, Name: "div", Inner: attack},
		{Space: svg, Name: "svg", Attrs: attrs("onload"), Inner: "<script xmlns='" + svg + "'>" + text + "</script>"},
		{Space: media, Name: "description", Attrs: []feed.Attr{{Name: "type", Value: "html"}}, Inner: text},
		{Space: media, Name: "content", Attrs: attrs("url", "type", "medium")},
		{Space: media, Name: "thumbnail", Attrs: attrs("url")},
		{Space: media, Name: "player", Attrs: attrs("url")},
		{Space: itunes, Name: "summary", Inner: text},
		{Space: itunes, Name: "image", Attrs: attrs("href")},
		{Space: "http://wellformedweb.org/CommentAPI/", Name: "commentRss", Inner: text},
		{Space: "http://purl.org/syndication/thread/1.0", Name: "in-reply-to", Attrs: attrs("href", "ref", "source")},
		{Space: "http://purl.org/dc/terms/", Name: "license", Inner: text},
		{Space: "https://podcastindex.org/namespace/1.0", Name: "person", Attrs: attrs("href", "img"), Inner: text},
	}
}
