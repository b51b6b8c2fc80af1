package feed_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
)

var march = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestIdentify is a contract with every subscriber of every archive: a guid that went out once must
// never change. Add rows; never edit one.
func TestIdentify(t *testing.T) {
	const home = "https://example.org/"
	text := strings.Repeat("Some text. ", 20)
	for name, test := range map[string]struct {
		in   []feed.Article
		want []string
	}{
		"guid verbatim": {
			[]feed.Article{{GUID: " 42 ", Link: "https://example.org/a"}, {GUID: "urn:x"}},
			[]string{" 42 ", "urn:x"},
		},
		"no guid: the link": {
			[]feed.Article{{Link: "https://example.org/a", Title: "A"}, {Link: "https://example.org/b"}},
			[]string{"https://example.org/a", "https://example.org/b"},
		},
		"no guid, link is the home page": {
			[]feed.Article{{Link: "https://www.example.org", Title: "A"}},
			[]string{"urn:uuid:d8062876-109a-533e-a788-ea3544bc924c"},
		},
		"no guid, one link for all": {
			[]feed.Article{{Link: "https://example.org/a", Title: "A"}, {Link: "http://example.org/a/", Title: "B"}},
			[]string{"urn:uuid:3e128e70-9c0d-5392-acec-c77c38e9d1f4", "urn:uuid:0eb90b29-d387-5aec-98ae-f14a8885329e"},
		},
		"no guid, no link: the enclosure": {
			[]feed.Article{{Title: "A", Enclosures: []feed.Enclosure{{URL: "https://example.org/1.mp3"}}}},
			[]string{"urn:uuid:08ecf59a-8028-52ad-96a7-dde7d595a2de"},
		},
		"only a title and a date": {
			[]feed.Article{{Title: "A", Published: march}},
			[]string{"urn:uuid:15fbd78b-9c76-5ce7-ab59-ff12c66d939e"},
		},
		"only text": {
			[]feed.Article{{Summary: text}, {Summary: text + "2"}},
			[]string{"urn:uuid:04ad54d1-41ee-5e94-b28d-d9759139917f", "urn:uuid:76f3d129-3018-549b-88f1-33c8bc17b8cf"},
		},
		"one guid for several articles": {
			[]feed.Article{{GUID: "x", Link: "https://example.org/a"}, {GUID: "x", Link: "https://example.org/b"}},
			[]string{"urn:uuid:db485ce3-614d-58fc-b34e-90ca5456b205", "urn:uuid:d3ada316-dda1-593d-93ba-ab1a72b90223"},
		},
		"one guid and one link for several articles": {
			[]feed.Article{{GUID: "x", Link: "https://example.org/a", Title: "A"}, {GUID: "x", Link: "https://example.org/a", Title: "B"}},
			[]string{"urn:uuid:b58efe1c-bc05-5e3c-8ee1-62077c9b4f45", "urn:uuid:15a4012f-bcfd-504f-ba80-0952f481ffae"},
		},
		"empty guids": {
			[]feed.Article{{GUID: "", Title: "A"}, {GUID: "  ", Title: "B"}},
			[]string{"urn:uuid:d737132d-4f29-5b47-9134-fe9b0863c3cd", "urn:uuid:a159dfff-1e77-55bf-935e-9a6f0585e12a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := keys(feed.Identify(slices.Clone(test.in), home, feed.PolicyAuto))
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			// The order of items in a document says nothing about them.
			turned := slices.Clone(test.in)
			slices.Reverse(turned)
			back := keys(feed.Identify(turned, home, feed.PolicyAuto))
			slices.Reverse(back)
			if !slices.Equal(back, got) {
				t.Errorf("in reverse order: %q, want %q", back, got)
			}
		})
	}
}

func keys(articles []feed.Article) (keys []string) {
	for _, a := range articles {
		keys = append(keys, a.Key)
	}
	return keys
}

func TestIdentifyDropsRepetitions(t *testing.T) {
	got := feed.Identify([]feed.Article{
		{GUID: "1", Title: "A", Content: "old"},
		{GUID: "2", Title: "B"},
		{GUID: "1", Title: "A", Content: "new", Updated: march},
		{Title: "no guid", Summary: "x"}, {Title: "no guid", Summary: "x"}, {Title: "no guid", Summary: "y"},
	}, "", feed.PolicyAuto)
	var seen []string
	for _, a := range got {
		seen = append(seen, a.Title+a.Content+a.Summary)
	}
	if want := []string{"Anew", "B", "no guidx", "no guidy"}; !slices.Equal(seen, want) {
		t.Errorf("kept %q, want %q", seen, want)
	}
	if k := keys(got); len(slices.Compact(slices.Sorted(slices.Values(k)))) != len(k) {
		t.Errorf("keys are not unique: %q", k)
	}
}

func TestNormalURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://example.org/a":            "//example.org/a",
		"HTTPS://WWW.Example.ORG:443/a/":  "//example.org/a",
		"http://example.org:80":           "//example.org",
		"http://example.org:8080/A?b=C#d": "//example.org:8080/A?b=C#d",
		" urn:x ":                         "urn:x",
		"":                                "",
		"https://":                        "//",
	} {
		if got := feed.NormalURL(in); got != want {
			t.Errorf("NormalURL(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAtomID(t *testing.T) {
	for key, exact := range map[string]bool{
		"https://example.org/a?b=c#d":           true,
		"urn:uuid:1":                            false,
		"urn:example:a":                         true,
		"urn:x:a":                               false,
		"tag:uuid:1":                            false,
		"tag:blogger.com,1999:blog-1.post-2":    true,
		"tag:blogger,1:x":                       false,
		"https://example.org/a[1]":              false,
		"tag:example.org,2026:x":                true,
		"yt:video:abc":                          true,
		"42":                                    false,
		"/a/b":                                  false,
		"https://example.org/a b":               false,
		"https://example.org/ä":                 false,
		"https:///a":                            false,
		"http:a":                                false,
		"some text: with a colon":               false,
		"https://example.org/a|b":               false,
		"\xff:x":                                false,
		"Dithering: episode":                    false,
		"":                                      false,
		"https://example.org/" + "\u0000" + "x": false,
	} {
		a := feed.Article{Key: key}
		id, got := a.AtomID()
		if got != exact || exact && id != key || !exact && !strings.HasPrefix(id, "urn:uuid:") {
			t.Errorf("AtomID of %q = %q, %v; want exact %v", key, id, got, exact)
		}
	}
}
