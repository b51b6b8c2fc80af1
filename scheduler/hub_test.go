package scheduler_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
)

func TestLinkFields(t *testing.T) {
	for _, c := range []struct {
		name   string
		fields []string
		want   string // "rel=href" in order
	}{
		{"none", nil, ""},
		{"one", []string{`<https://hub.example/>; rel="hub"`}, "hub=https://hub.example/"},
		{"two in a field", []string{`<a>; rel="hub", <b>; rel="self"`}, "hub=a self=b"},
		{"two fields", []string{`<a>; rel=hub`, `<b>;rel=self`}, "hub=a self=b"},
		{"several relations", []string{`<a>; rel="hub self"`}, "hub=a self=a"},
		{"other parameters", []string{`<a>; title="x, y; z"; rel=hub; type="text/html"`}, "hub=a"},
		{"escaped quotes", []string{`<a>; title="\", <b>; rel=self"; rel="hub"`}, "hub=a"},
		{"first rel counts", []string{`<a>; rel=hub; rel=self`}, "hub=a"},
		{"capitals and blanks", []string{` <a> ; REL = "Hub" `}, "Hub=a"},
		{"comma in the address", []string{`<a,b>; rel=hub`}, "hub=a,b"},
		{"flag", []string{`<a>; crossorigin; rel=hub`}, "hub=a"},
		{"no rel", []string{`<a>; title=x, <b>; rel=hub`}, "hub=b"},
		{"broken", []string{`<a; rel=hub`}, ""},
		{"broken quote", []string{`<a>; rel="hub`}, "hub=a"},
		{"nothing but signs", []string{`;;==,,<>=;"`}, ""},
	} {
		var got []string
		for _, l := range scheduler.LinksIn(c.fields) {
			got = append(got, l.Rel+"="+l.Href)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q, want %q", c.name, s, c.want)
		}
	}
}

func FuzzLinkFields(f *testing.F) {
	f.Add(`<https://hub.example/>; rel="hub", <b>; title="a\"b"; rel=self`)
	f.Add(`;;==,,<>=;"`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, l := range scheduler.LinksIn([]string{s}) {
			if !strings.Contains(s, "<"+l.Href+">") || l.Rel == "" || strings.ContainsAny(l.Rel, " \t") {
				t.Errorf("%q: %+v", s, l)
			}
		}
	})
}

// What a source names as its hub is found wherever it stands, and what stands in header fields counts
// for more.
func TestHubIsHeard(t *testing.T) {
	atom := func(links string) string {
		return `<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title><id>urn:f</id><updated>2026-01-01T00:00:00Z</updated>` + links +
			`<entry><id>urn:e</id><title>E</title><updated>2026-01-01T00:00:00Z</updated></entry></feed>`
	}
	inside := `<link rel="hub" href="https://hub.example/"/><link rel="self" href="https://self.example/feed"/>`
	for _, c := range []struct {
		name, link, body, hub, topic string
	}{
		{"in the header", `<https://a.example/>; rel="hub", <https://b.example/f>; rel=self`, atom(""), "https://a.example/", "https://b.example/f"},
		{"in Atom", "", atom(inside), "https://hub.example/", "https://self.example/feed"},
		{"in RSS", "", strings.Replace(rss("R", "1"), "<channel>", `<channel xmlns:a="http://www.w3.org/2005/Atom">`+strings.ReplaceAll(inside, "<link", "<a:link"), 1), "https://hub.example/", "https://self.example/feed"},
		{"in JSON", "", `{"version":"https://jsonfeed.org/version/1.1","title":"J","feed_url":"https://self.example/feed","hubs":[{"type":"WebSub","url":"https://hub.example/"}],"items":[{"id":"1","content_text":"x"}]}`, "https://hub.example/", "https://self.example/feed"},
		{"in both", `<https://a.example/>; rel=hub`, atom(inside), "https://a.example/", "URL"},
		{"header without hub", `<https://b.example/f>; rel=self`, atom(inside), "https://hub.example/", "https://self.example/feed"},
		{"relative", `</hub>; rel=hub, </f>; rel=self`, atom(""), "BASE/hub", "BASE/f"},
		{"several hubs", `<https://a.example/>; rel=hub, <https://b.example/>; rel=hub`, atom(""), "https://a.example/", "URL"},
		{"none", "", atom(""), "", "URL"},
		{"of another kind", `<mailto:a@b.example>; rel=hub`, atom(""), "", "URL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, s := newWorld(t), newSite(t, "127.0.0.1")
			s.set("/feed", func(w http.ResponseWriter, _ *http.Request) {
				if c.link != "" {
					w.Header().Set("Link", c.link)
				}
				io.WriteString(w, c.body)
			})
			var heard []scheduler.Event
			w.Heard = func(e scheduler.Event) { heard = append(heard, e) }
			src := w.follow(s.URL + "/feed")[0]
			w.visit(src.ID)
			if len(heard) != 1 || heard[0].Named == nil {
				t.Fatalf("heard %+v", heard)
			}
			want := scheduler.Named{
				Hub:   strings.Replace(c.hub, "BASE", s.URL, 1),
				Topic: strings.NewReplacer("BASE", s.URL, "URL", s.URL+"/feed").Replace(c.topic),
			}
			if got := *heard[0].Named; got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

// What is pushed changes nothing of when and how a source is visited, but that it has brought something.
func TestTake(t *testing.T) {
	w, s := newWorld(t), newSite(t, "127.0.0.1")
	s.set("/feed", text(rss("T", "1", "2"), `"a"`))
	src := w.follow(s.URL + "/feed")[0]
	if _, err := w.Take(w.Context(), src.ID, []byte(rss("T", "3")), "application/rss+xml"); err == nil {
		t.Error("taken before the first visit")
	}
	w.visit(src.ID)
	before := w.source(src.ID)
	e, err := w.Take(w.Context(), src.ID, []byte(rss("Another title", "3")), "application/rss+xml")
	if err != nil || e.Added != 1 || e.Outcome != scheduler.Changed {
		t.Fatalf("%+v, %v", e, err)
	}
	after := w.source(src.ID)
	if !after.Fetch.Changed.After(before.Fetch.Changed) {
		t.Error("it has brought something, and does not know")
	}
	after.Fetch.Changed, before.Fetch.Most = before.Fetch.Changed, after.Fetch.Most
	if !same(before.Fetch, after.Fetch) || after.Title != before.Title {
		t.Errorf("%+v\nbecame\n%+v", before, after)
	}
	if e, err := w.Take(w.Context(), src.ID, []byte(rss("T", "3")), ""); err != nil || e.Outcome != scheduler.Unchanged {
		t.Errorf("again: %+v, %v", e, err)
	}
	if _, err := w.Take(w.Context(), src.ID, []byte("none"), ""); err == nil {
		t.Error("no feed, and no error")
	}
	if _, err := w.Take(w.Context(), 99, []byte(rss("T", "3")), ""); err == nil {
		t.Error("no source, and no error")
	}
}

func same(a, b feed.FetchState) bool {
	return a.ETag == b.ETag && a.BodyHash == b.BodyHash && a.Checked.Equal(b.Checked) && a.Due.Equal(b.Due) &&
		a.Allowed.Equal(b.Allowed) && a.Tally == b.Tally && a.Status == b.Status && a.Gaps == b.Gaps
}
