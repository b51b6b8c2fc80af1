package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

var morning = time.Date(2024, 3, 5, 8, 30, 0, 0, time.UTC)

// archive opens an empty archive that is closed with the test.
func archive(t testing.TB) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(filepath.Join(t.TempDir(), "archive.db"), &bolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// save takes articles in from one source at a time after the morning.
func save(t testing.TB, db store.Store, source feed.Source, later time.Duration, articles ...feed.Article) []store.Saved {
	t.Helper()
	saved, err := db.Save(context.Background(), store.Batch{
		Source: source, Articles: feed.Identify(articles, source.Home, feed.PolicyAuto), Seen: morning.Add(later),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range saved {
		if s.Err != nil {
			t.Fatal(s.Err)
		}
	}
	return saved
}

// site returns the handler of an archive at http://archive.example.
func site(t testing.TB, r store.Reader) http.Handler {
	t.Helper()
	return siteWith(t, web.Options{Archive: r, BaseURL: "http://archive.example", Title: "Back Issues", Version: "1.0"})
}

func siteWith(t testing.TB, o web.Options) http.Handler {
	t.Helper()
	h, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// ask sends a request with header fields given as name and value in turn.
func ask(t testing.TB, h http.Handler, method, target string, fields ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

var gazette = feed.Source{
	URL: "https://gazette.example/feed.xml", Title: "The Harbour Gazette", Home: "https://www.gazette.example/",
	Description: "News from the <b>harbour</b> & the hills", Language: "en",
}

var bote = feed.Source{URL: "https://bote.example/rss", Title: "Der Talbote", Home: "https://bote.example", Language: "de"}

// news is an article with something in every field, in German as it would come from a newspaper.
func news() feed.Article {
	return feed.Article{
		GUID: "bote-4711", Link: "https://bote.example/2024/bruecke", Kicker: "Verkehr im Tal",
		Title: "Die Brücke bleibt bis zum Herbst gesperrt <wegen Rissen>…", TitleCut: true,
		Authors:   []feed.Person{{Name: "Jana Köhler"}, {Name: "Tomáš Novák", Email: "novak@bote.example"}},
		Published: morning.Add(-time.Hour), Updated: morning.Add(30 * time.Hour),
		Language: "de",
		Summary:  "<p>Gutachter haben im Tragwerk Risse gefunden. Der Umweg führt über den Pass.</p>",
		Content: `<p>Am Montag kamen die Prüfer, am Dienstag die Absperrgitter: Die alte <a href="/wiki/bruecke">Steinbrücke</a> ist zu.</p>` +
			`<h2>Umweg über den Pass</h2><p onclick="steal()">Wer ins obere Tal will, fährt vierzig Minuten länger.<script>alert(1)</script></p>` +
			`<blockquote><p>Wir hätten das früher sehen müssen.</p></blockquote><ul><li>Busse fahren stündlich.</li><li>Lastwagen warten.</li></ul>`,
		Rights:     "© Der Talbote",
		Tags:       []feed.Tag{{Term: "Verkehr"}, {Term: "Brücken & Wege"}, {Term: "новости"}},
		Links:      []feed.Link{{Rel: "related", Href: "https://pass.example/webcam", Title: "Webcam am Pass"}, {Rel: "related", Href: "javascript:alert(1)"}},
		Enclosures: []feed.Enclosure{{URL: "https://bote.example/audio/folge-12.mp3", Type: "audio/mpeg", Length: 18_400_000, Duration: 25*time.Minute + 7*time.Second, Title: "Gespräch mit der Prüferin"}},
		Images:     []feed.Image{{URL: "https://bote.example/bilder/bruecke.jpg", Caption: "Gitter an der Auffahrt, im Hintergrund der Pass"}},
		Dateline:   feed.Dateline{Place: "Obertal", Agency: "bote"},
		Related: []feed.Related{
			{Kicker: "Geschichte", Title: "Als die Brücke gebaut wurde", Teaser: "Drei Jahre, zwei Hochwasser und ein Streit um den Zoll.", Link: "https://bote.example/1887", Tags: []string{"Verkehr"}},
			{Title: "Was ein Umweg kostet", Teaser: "Eine Rechnung."},
		},
	}
}

// plainNews returns n short articles, an hour apart, the first the newest.
func plainNews(n int) []feed.Article {
	articles := make([]feed.Article, n)
	for i := range articles {
		articles[i] = feed.Article{
			GUID: fmt.Sprintf("tag:gazette.example,2024:%d", i), Link: fmt.Sprintf("https://gazette.example/%d", i),
			Title: fmt.Sprintf("Ship number %d has come in", i), Authors: []feed.Person{{Name: "Ann Porter"}},
			Published: morning.Add(-time.Duration(i) * time.Hour), Language: "en",
			Summary: "She brings <em>timber</em> and salt.",
			Content: "<p>" + strings.Repeat("The harbour master counts what comes ashore and writes it down. ", 40) + "</p>",
			Tags:    []feed.Tag{{Term: "Harbour"}, {Term: fmt.Sprintf("Pier %d", i%7)}},
		}
	}
	return articles
}

// filled is an archive that has something of everything.
func filled(t testing.TB) *bolt.DB {
	t.Helper()
	db := archive(t)
	save(t, db, gazette, 0, plainNews(130)...)
	save(t, db, bote, time.Minute, news())
	return db
}
