package parse_test

import (
	"strings"
	"testing"

	"github.com/backissue/backissue/feed/parse"
)

// What a publisher says of entries that he has taken out (RFC 6721) is no article, and nothing that
// the feed says of itself.
func TestTombstones(t *testing.T) {
	for name, stone := range map[string]string{
		"empty": `<at:deleted-entry ref="urn:x:1" when="2026-03-01T12:00:00Z"/>`,
		"with children": `<at:deleted-entry ref="urn:x:1" when="2026-03-01T12:00:00Z"><at:by><name>Eve</name></at:by>` +
			`<at:comment xml:lang="en">Removed</at:comment><link rel="alternate" href="https://gone.example/"/>` +
			`<title>Gone</title><source><id>urn:other</id><title>Other</title></source></at:deleted-entry>`,
		"never closed": `<at:deleted-entry ref="urn:x:1" when="2026-03-01T12:00:00Z">`,
	} {
		t.Run(name, func(t *testing.T) {
			text := `<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0">` +
				`<id>urn:feed</id><title>Feed</title>` + stone +
				`<entry><id>urn:x:2</id><title>Stays</title><content>Text</content></entry>` + stone + `</feed>`
			doc, err := parse.Feed([]byte(text), parse.Options{URL: "https://example.org/feed"})
			if err != nil {
				t.Fatal(err)
			}
			if len(doc.Articles) != 1 || doc.Articles[0].Title != "Stays" || len(doc.Articles[0].Extra) > 0 {
				t.Errorf("articles %+v", doc.Articles)
			}
			if s := doc.Source; s.Title != "Feed" || s.FeedID != "urn:feed" || len(s.Extra) > 0 || strings.Contains(s.Home, "gone") || len(s.Links) > 0 {
				t.Errorf("source %+v", s)
			}
		})
	}
}
