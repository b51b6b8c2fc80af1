package render_test

import (
	"encoding/xml"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/render"
)

// A withdrawn article goes out as a tombstone in Atom, under the identity that it had, and in no other
// format; not where another article has that identity.
func TestWithdrawn(t *testing.T) {
	when := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	stays, gone := full(), full()
	stays.ID, stays.Seq, stays.Key, stays.GUID = 1, 1, "https://example.org/stays", "https://example.org/stays"
	gone.ID, gone.Seq, gone.Key, gone.GUID = 2, 2, "4711", "4711"
	gone.Origin = feed.Origin{URL: "https://other.example/feed", Title: "Other"}
	homonym := gone
	homonym.ID, homonym.Seq, homonym.Homonym, homonym.Source = 3, 3, true, 7
	atom := render.Formats()[0]
	was := identities(t, atom, string(written(t, atom, document(gone, homonym))))

	withdrawn := func(a feed.Article) feed.Article {
		return feed.Article{
			ID: a.ID, Seq: a.Seq + 10, Revision: 1, Source: a.Source, Key: a.Key, GUID: a.GUID, Title: "Secret title",
			Origin: a.Origin, Homonym: a.Homonym, Withdrawn: true, Seen: when, Modified: when,
		}
	}
	for _, f := range render.Formats() {
		text := string(written(t, f, document(stays, withdrawn(gone), withdrawn(homonym))))
		if strings.Contains(text, "Secret") || len(identities(t, f, text)) != 1 {
			t.Errorf("%s says more than that it is gone:\n%s", f.Name, text)
		}
		if got := strings.Contains(text, "tombstones"); got != (f.Name == "Atom") {
			t.Errorf("%s has tombstones: %v", f.Name, got)
		}
	}
	var refs, dates []string
	for _, e := range tombstones(t, string(written(t, atom, document(stays, withdrawn(gone), withdrawn(homonym))))) {
		refs, dates = append(refs, e.Ref), append(dates, e.When)
	}
	slices.Sort(refs)
	slices.Sort(was)
	if !slices.Equal(refs, was) || len(dates) != 2 || dates[0] != "2026-03-01T12:00:00Z" {
		t.Errorf("tombstones of %q at %q, want those of %q", refs, dates, was)
	}
	text := string(written(t, atom, document(gone, withdrawn(gone))))
	if strings.Contains(text, "tombstones") || len(identities(t, atom, text)) != 1 {
		t.Errorf("a tombstone beside an article of the same identity:\n%s", text)
	}
}

type tombstone struct {
	Ref  string `xml:"ref,attr"`
	When string `xml:"when,attr"`
}

func tombstones(t *testing.T, document string) []tombstone {
	t.Helper()
	var f struct {
		Deleted []tombstone `xml:"http://purl.org/atompub/tombstones/1.0 deleted-entry"`
	}
	if err := xml.Unmarshal([]byte(document), &f); err != nil {
		t.Fatal(err)
	}
	return f.Deleted
}
