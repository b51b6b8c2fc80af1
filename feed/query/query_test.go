package query_test

import (
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/query"
)

func article() (*feed.Article, *feed.Source) {
	return &feed.Article{
			Kicker: "Asien", Title: "Nordkorea öffnet die Grenze", Language: "de-AT",
			Summary: "<p>Erstmals seit <b>Jah</b>ren: 12:30 Uhr an der Straße nach Pjöngjang.</p>",
			Content: "<p>Reisende aus China &amp; Rußland.</p><p>Node.js isn’t there. 北京市</p><script>hidden()</script>",
			Tags:    []feed.Tag{{Term: "nordkorea", Label: "Nordkorea"}, {Term: "Künstliche Intelligenz"}}, Filed: []string{"Welt"},
			Authors:   []feed.Person{{Name: "Ada Lovelace"}, {Email: "grace@example.org"}},
			Published: time.Date(2023, 5, 31, 23, 30, 0, 0, time.UTC), Seen: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		}, &feed.Source{
			Name: "taz", Title: "die tageszeitung", URL: "https://me:pw@Feeds.Example.org:8080/rss?x", Home: "https://www.taz.de/",
		}
}

func TestMatch(t *testing.T) {
	for text, want := range map[string]bool{
		"nordkorea":                     true,
		"Nordkorea GRENZE":              true,
		"grenz":                         false, // no whole word
		"grenz*":                        true,
		"offnet":                        true, // accents make no difference
		"Öffnet":                        true,
		"o\u0308ffnet":                  true,
		`"öffnet die grenz"`:            false,
		`"öffnet die grenz"*`:           true,
		`"grenze erstmals"`:             false, // in two fields
		"Jahren":                        true,  // markup does not part words
		"strasse":                       true,
		"Russland":                      true,
		"12:30":                         true,
		"node.js":                       true,
		"isn't":                         true,
		"hidden":                        false,
		"京市":                            true,
		"市京":                            false,
		"asien":                         true,
		"title:asien":                   true,
		"title:Reisende":                false,
		"title:nord*":                   true,
		`title:"die Grenze"`:            true,
		"tag:nordkorea":                 true,
		"tag:NORDKOREA":                 true,
		"tag:nord":                      false,
		"tag:#welt":                     true,
		`tag:"künstliche  Intelligenz"`: true,
		`author:"ada lovelace"`:         true,
		"author:ada":                    false,
		"author:grace@example.org":      true,
		"source:taz":                    true,
		"source:taz.de":                 true,
		"source:feeds.example.org":      true,
		"source:example.org":            false,
		`source:"Die Tageszeitung"`:     true,
		"lang:de":                       true,
		"lang:DE-at":                    true,
		"lang:de-A":                     false,
		"lang:d":                        false,
		"since:2023":                    true,
		"since:2024":                    false,
		"since:2023-05-31":              true,
		"since:2023-06":                 false,
		"until:2022":                    false,
		"until:2023-05":                 true,
		"until:2023-05-30":              false,
		"until:2023-05-31":              true,
		"-nordkorea":                    false,
		"-sport":                        true,
		"NOT sport AND nordkorea":       true,
		"--nordkorea":                   true,
		"sport OR nordkorea":            true,
		"sport OR nordkorea kultur":     false, // what stands side by side binds closer
		"(sport OR nordkorea) china":    true,
		"-(sport nordkorea)":            true,
		"-(sport OR nordkorea)":         false,
		"„die Grenze“":                  true,
	} {
		q, err := query.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		a, s := article()
		if got := q.Match(a, s); got != want {
			t.Errorf("%s (%s): %v", text, q, got)
		}
		if !q.AsksSource() && q.Match(a, nil) != want {
			t.Errorf("%s: asks no source and depends on it", text)
		}
	}
}

func TestNormalForm(t *testing.T) {
	for text, want := range map[string]string{
		" a   b\tc ":                       "a b c",
		"a AND b":                          "a b",
		"a OR (b OR c)":                    "a OR b OR c",
		"(a b) OR c":                       "a b OR c",
		"(a OR b) c":                       "(a OR b) c",
		"(a (b c))":                        "a b c",
		"NOT a -(b) -(b c) - (d OR e)":     "",
		"-(b) -(b c) -(d OR e)":            "-b -(b c) -(d OR e)",
		"-(-a)":                            "a",
		`"OR" "-x" "a:b" "a*"`:             `"OR" "-x" "a:b" "a*"`,
		`"single" "two  words"*`:           `single "two words"*`,
		`TAG:"x y" Title:foo** since:2023`: `tag:"x y" title:foo* since:2023`,
		`"say \"yes\" \\ no"`:              `"say \"yes\" \\ no"`,
	} {
		q, err := query.Parse(text)
		if want == "" {
			if err == nil {
				t.Errorf("%s: is %s, and ought to be refused", text, q)
			}
			continue
		}
		if err != nil || q.String() != want {
			t.Errorf("%s: %v, %v, want %s", text, q, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "the query is empty",
		"  ":                          "the query is empty",
		"(":                           "something is missing at the end",
		"()":                          "nothing is in the parentheses (at character 2)",
		"(a":                          "has no other that ends it (at character 1)",
		"a)":                          "the parenthesis ends none (at character 2)",
		")":                           "the parenthesis ends none (at character 1)",
		"a OR":                        "nothing follows OR (at character 3)",
		"OR a":                        "nothing is in front of OR (at character 1)",
		"AND a":                       "AND needs something on both sides",
		"a AND":                       "AND needs something on both sides",
		"a -":                         `nothing follows "-" (at character 3)`,
		"a - b":                       `nothing follows "-" (at character 3)`,
		"a NOT":                       "nothing follows that could be left out",
		`a "b`:                        "the quotation mark has no other that ends it (at character 3)",
		"&":                           `there is no word in "&" (at character 1)`,
		"*":                           "there is no word",
		"tag:":                        "nothing follows tag:",
		"tag:a*":                      "is for words and titles",
		"tag:#":                       "is no name",
		"since:yesterday":             `since: wants a year, month or day like 2023, 2023-01 or 2023-01-15, not "yesterday"`,
		"until:2023-02-30":            "until: wants",
		"http://example.org":          `there is no field "http:"; put it in quotation marks`,
		"limit:5 a":                   "limit: is for a feed as a whole",
		"a\xff":                       "the query is no UTF-8",
		strings.Repeat("(", 100):      "too much stands in one another",
		strings.Repeat("-", 100):      "nothing follows",
		strings.Repeat("-", 99) + "a": "too much stands in one another",
		strings.Repeat("a ", 9000):    "bytes long",
	} {
		if q, err := query.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, %v, want %s", text, q, err, want)
		}
	}
}

func TestWithin(t *testing.T) {
	for text, want := range map[string]string{
		"a":                       "",
		"tag:a":                   "tag a",
		"a (tag:b c) since:2023":  "tag b",
		"tag:a OR tag:b":          "",
		"-tag:a":                  "",
		"source:x author:y tag:z": "tag z",
		"source:x author:y":       "author y",
		"source:x (a OR tag:b)":   "source x",
	} {
		q, err := query.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if field, value := q.Within(); strings.TrimSpace(field+" "+value) != want {
			t.Errorf("%s: %s %s, want %s", text, field, value, want)
		}
	}
}

// TestMatchMany holds an article against so many queries that it lists its words.
func TestMatchMany(t *testing.T) {
	a, s := article()
	p := query.Prepare(a, s)
	for range 10 {
		for text, want := range map[string]bool{
			"nordkorea": true, "grenz": false, "grenz*": true, "jahren": true, "nirgends": false, "asien": true, "title:reisende": false,
			`"die gren"*`: true, `"di grenze"`: false, `"china russland"`: true, `"china nordkorea"`: false,
		} {
			q, err := query.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := q.MatchPrepared(p); got != want {
				t.Errorf("%s: %v", text, got)
			}
		}
	}
}

// FuzzParse holds every query to its normal form, which must be read as the same query.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"a", `tag:nordkorea -tag:sport since:2023-01`, `("a b"* OR -title:x) lang:de`, `„x“ "\"" --a`, "a:b", "-(a OR (b c))",
		"tag:limit limit:3", "ＯＲ １２ ﬁ", "\u0345\u0308", "源 OR がぎ", `"a:" tag:-x tag:"a)b"`, "until:0000",
	} {
		f.Add(text)
	}
	a, s := article()
	f.Fuzz(func(t *testing.T, text string) {
		q, err := query.Parse(text)
		if err != nil {
			return
		}
		again, err := query.Parse(q.String())
		if err != nil || again.String() != q.String() {
			t.Fatalf("%q has the normal form %q, which is read as %v, %v", text, q, again, err)
		}
		if q.Match(a, s) != again.Match(a, s) {
			t.Errorf("%q matches and its normal form %q does not, or the other way round", text, q)
		}
		if contrary, err := query.Parse("-(" + q.String() + ")"); err == nil && contrary.Match(a, s) == q.Match(a, s) {
			t.Errorf("%q and its contrary answer the same", text)
		}
	})
}

// FuzzWords holds words to be found in the text that they were taken from.
func FuzzWords(f *testing.F) {
	for _, text := range []string{"Straße", "ﬁre ½", "日本語のテキスト", "ΣΊΣΥΦΟΣ", "I\u0307", "한국어", "\u1112\u1161\u11ab", "क़ि"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := query.Parse(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "“", "", "”", "", "„", "").Replace(text) + `"`)
		if err != nil {
			return
		}
		if a := (&feed.Article{Title: "x " + text + " y"}); !q.Match(a, nil) {
			t.Errorf("%q is not found in %q", q, a.Title)
		}
	})
}

// BenchmarkMatch holds an article with a text of 5 KB against 200 queries, as the archive does with
// everything that comes in.
func BenchmarkMatch(b *testing.B) {
	a, s := article()
	a.Content = strings.Repeat("<p>Reisende aus China, für die es <a href='/x'>Grenzen</a> nicht gibt, öffnen Türen.</p>", 60)
	for name, forms := range map[string][]string{
		"fields": {"tag:sport since:2023", "author:ada OR tag:kultur", "tag:welt -tag:nordkorea"},
		"words":  {"pjöngjang sport", `"aus china" tag:sport`, "fussball* OR tennis"},
	} {
		b.Run(name, func(b *testing.B) {
			var queries []*query.Query
			for len(queries) < 200 {
				q, err := query.Parse(forms[len(queries)%len(forms)])
				if err != nil {
					b.Fatal(err)
				}
				queries = append(queries, q)
			}
			b.ReportAllocs()
			for b.Loop() {
				p := query.Prepare(a, s)
				for _, q := range queries {
					q.MatchPrepared(p)
				}
			}
		})
	}
}
