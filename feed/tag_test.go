package feed_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/backissue/backissue/feed"
)

func TestTagKey(t *testing.T) {
	for _, same := range [][]string{
		{"Nordkorea", "nordkorea", "NORDKOREA", "#Nordkorea", " # Nordkorea ", "##nordkorea", "\u200bNordkorea"},
		{"Krieg in der Ukraine", "krieg  in\tder\nUkraine", "Krieg\u00a0in der Ukraine"},
		{"Straße", "STRASSE", "strasse"},
		{"ＡＢＣ", "abc"},
		{"ﬁlm", "film"},
		{"Ελλάς", "ΕΛΛΆΣ"},
		{"é", "e\u0301", "É"},
		{"Новости", "НОВОСТИ"},
		{"", " ", "#", "\u2800"},
	} {
		for _, s := range same[1:] {
			if got, want := feed.TagKey(s), feed.TagKey(same[0]); got != want {
				t.Errorf("TagKey(%q) = %q, TagKey(%q) = %q; want the same", s, got, same[0], want)
			}
		}
	}
	for _, differ := range [][2]string{{"C", "C++"}, {"C", "C#"}, {"a b", "ab"}, {"日本", "日"}, {"и", "й"}} {
		if feed.TagKey(differ[0]) == feed.TagKey(differ[1]) {
			t.Errorf("%q and %q are one tag", differ[0], differ[1])
		}
	}
}

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{
		"Schwerpunkt Krieg in der Ukraine": "schwerpunkt-krieg-in-der-ukraine",
		"Новости":                          "новости",
		"日本":                               "日本",
		"  --C++ & Go!  ":                  "c-go",
		"node.js":                          "node-js",
		"हिन्दी":                           "हिन्दी",
		"Straße":                           "straße",
		"+++":                              "",
		"a/../b?c#d%2f":                    "a-b-c-d-2f",
		"Ünïcode\u00a0Ⅷ":                   "ünïcode-viii",
	} {
		if got := feed.Slug(in); got != want {
			t.Errorf("Slug(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzTag(f *testing.F) {
	for _, s := range []string{"Go", "#go", "İstanbul", "ǅ", "a\u0345", "\xff", "ﷺ", "\u1e9e", strings.Repeat("ﷺ", 300), "Mb" + strings.Repeat("\x04", 1200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		key := feed.TagKey(s)
		if again := feed.TagKey(key); again != key {
			t.Errorf("TagKey(%q) = %q, whose own key is %q", s, key, again)
		}
		if shown := feed.TagSpelling(s); len(s) <= 1000 && feed.TagKey(shown) != key {
			t.Errorf("%q is shown as %q, which is another tag", s, shown)
		}
		slug := feed.Slug(s)
		for _, r := range slug {
			if r != '-' && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r) {
				t.Errorf("Slug(%q) = %q holds %q", s, slug, r)
			}
		}
	})
}
