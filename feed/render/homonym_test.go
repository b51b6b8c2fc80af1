package render_test

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/render"
)

// An article that has the guid of another source's article goes out in one way, whether the other
// stands in the same document or in none: under the guid in its own source's feed, under an identity
// of its own wherever the two may meet.
func TestHomonym(t *testing.T) {
	for _, guid := range []string{"4711", "https://elder.example/1"} {
		elder, homonym := full(), full()
		elder.ID, elder.Seq, elder.Source, elder.Key, elder.GUID = 1, 1, 1, guid, guid
		homonym.ID, homonym.Seq, homonym.Source, homonym.Key, homonym.GUID = 2, 2, 2, guid, guid
		homonym.Homonym, homonym.Title = true, "Another article altogether"
		homonym.Origin = feed.Origin{URL: "https://other.example/feed", Title: "Other"}
		for _, f := range render.Formats() {
			alone := string(written(t, f, document(homonym)))
			both := string(written(t, f, document(homonym, elder)))
			own := document(homonym)
			own.OneSource = true
			within := string(written(t, f, own))
			if a, b := identities(t, f, alone), identities(t, f, both); len(a) != 1 || len(b) != 2 || a[0] != b[0] || b[0] == b[1] {
				t.Errorf("%s: guid %q goes out as %q alone and as %q beside the other", f.Name, guid, a, b)
			}
			if !strings.Contains(alone, guid) {
				t.Errorf("%s: guid %q is not said", f.Name, guid)
			}
			if got := identities(t, f, within); len(got) != 1 || got[0] != guid && (f.Name != "Atom" || feed.AbsoluteIRI(guid)) {
				t.Errorf("%s: guid %q goes out as %q in the feed of its source", f.Name, guid, got)
			}
		}
	}
}

// identities returns what the entries of a document go out as.
func identities(t *testing.T, f render.Format, document string) []string {
	t.Helper()
	var atom struct {
		IDs []string `xml:"entry>id"`
	}
	var rss struct {
		IDs []string `xml:"channel>item>guid"`
	}
	var js struct{ Items []struct{ ID string } }
	var err error
	switch f.Name {
	case "Atom":
		err = xml.Unmarshal([]byte(document), &atom)
	case "RSS":
		err = xml.Unmarshal([]byte(document), &rss)
	default:
		err = json.Unmarshal([]byte(document), &js)
	}
	if err != nil {
		t.Fatal(err)
	}
	found := append(atom.IDs, rss.IDs...)
	for _, i := range js.Items {
		found = append(found, i.ID)
	}
	return found
}
