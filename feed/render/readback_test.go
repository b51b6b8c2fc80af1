package render_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backissue/backissue/feed/render"
)

// TestReadBack reads documents with the standard library alone.
func TestReadBack(t *testing.T) {
	a := full()
	t.Run("Atom", func(t *testing.T) {
		var got struct {
			ID      string `xml:"http://www.w3.org/2005/Atom id"`
			Entries []struct {
				ID         string   `xml:"http://www.w3.org/2005/Atom id"`
				Title      string   `xml:"http://www.w3.org/2005/Atom title"`
				Published  string   `xml:"http://www.w3.org/2005/Atom published"`
				Updated    string   `xml:"http://www.w3.org/2005/Atom updated"`
				Authors    []string `xml:"author>name"`
				Categories []struct {
					Term   string `xml:"term,attr"`
					Scheme string `xml:"scheme,attr"`
					Label  string `xml:"label,attr"`
				} `xml:"http://www.w3.org/2005/Atom category"`
				Links []struct {
					Href string `xml:"href,attr"`
					Rel  string `xml:"rel,attr"`
				} `xml:"http://www.w3.org/2005/Atom link"`
				Summary string `xml:"http://www.w3.org/2005/Atom summary"`
				Content string `xml:"http://www.w3.org/2005/Atom content"`
				Rights  string `xml:"http://www.w3.org/2005/Atom rights"`
				Source  string `xml:"source>id"`
				Lang    string `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
			} `xml:"http://www.w3.org/2005/Atom entry"`
		}
		read(t, render.Formats()[0], document(a), &got)
		e := got.Entries[0]
		equal(t, "id", e.ID, a.Key)
		equal(t, "title", e.Title, "Space: Moon <b>landing</b> & other…")
		equal(t, "published", e.Published, "2026-03-01T11:00:00Z")
		equal(t, "updated", e.Updated, "2026-03-02T08:30:00Z")
		equal(t, "authors", strings.Join(e.Authors, ", "), "Ada Lovelace, Grace Hopper")
		equal(t, "categories", fmt.Sprint(e.Categories), "[{moon https://news.example/topics The Moon} {Science & <Space>  } {desk  } {daily  }]")
		equal(t, "links", fmt.Sprint(e.Links), "[{https://news.example/2026/moon.html alternate} {https://media.example/moon.mp3 enclosure} "+
			"{https://media.example/moon%20film.mp4 enclosure} {https://news.example/2026/moon.html#comments replies} {https://other.example/study related} "+
			"{https://agency.example/1 via} {https://news.example/moon.pdf alternate} {https://news.example/again related} {https://news.example/mars related}]")
		equal(t, "summary", e.Summary, `Three <em>hundred</em> metres &amp; a <a href="https://news.example/flag">flag</a>.`)
		equal(t, "content", e.Content, fullContent)
		equal(t, "rights", e.Rights, a.Rights)
		equal(t, "source", e.Source, a.Origin.ID)
		equal(t, "language", e.Lang, "en-GB")
	})
	t.Run("RSS", func(t *testing.T) {
		var got struct {
			Items []struct {
				GUID struct {
					ID        string `xml:",chardata"`
					PermaLink string `xml:"isPermaLink,attr"`
				} `xml:"guid"`
				Titles      []named  `xml:"title"`
				Links       []named  `xml:"link"`
				Description string   `xml:"description"`
				Content     string   `xml:"http://purl.org/rss/1.0/modules/content/ encoded"`
				PubDate     string   `xml:"pubDate"`
				Comments    string   `xml:"comments"`
				Creators    []string `xml:"http://purl.org/dc/elements/1.1/ creator"`
				Categories  []string `xml:"category"`
				Enclosures  []struct {
					URL    string `xml:"url,attr"`
					Length string `xml:"length,attr"`
					Type   string `xml:"type,attr"`
				} `xml:"enclosure"`
				Source struct {
					URL   string `xml:"url,attr"`
					Title string `xml:",chardata"`
				} `xml:"source"`
			} `xml:"channel>item"`
		}
		read(t, render.Formats()[1], document(a), &got)
		i := got.Items[0]
		equal(t, "guid", i.GUID.ID, a.GUID)
		equal(t, "isPermaLink", i.GUID.PermaLink, "true")
		equal(t, "title", native(i.Titles), "Space: Moon <b>landing</b> & other…")
		equal(t, "link", native(i.Links), a.Link)
		equal(t, "content", i.Content, fullContent)
		equal(t, "pubDate", i.PubDate, "Sun, 01 Mar 2026 11:00:00 +0000")
		equal(t, "comments", i.Comments, a.Links[0].Href)
		equal(t, "creators", strings.Join(i.Creators, ", "), "Ada Lovelace, Grace Hopper")
		equal(t, "categories", strings.Join(i.Categories, ", "), "The Moon, Science & <Space>, desk, daily")
		equal(t, "enclosures", fmt.Sprint(i.Enclosures), "[{https://media.example/moon.mp3 1234567 audio/mpeg}]")
		equal(t, "source", i.Source.URL+" "+i.Source.Title, "https://news.example/feed The News")
	})
	t.Run("JSON", func(t *testing.T) {
		var got struct {
			Items []struct {
				ID, Title, Language, Image string
				ContentHTML                string `json:"content_html"`
				Summary                    string
				Tags                       []string
				Attachments                []struct {
					URL      string  `json:"url"`
					Size     int64   `json:"size_in_bytes"`
					Duration float64 `json:"duration_in_seconds"`
				}
				Backissue struct {
					Kicker   string
					TitleCut bool `json:"title_cut"`
					Dateline struct{ Place, Agency string }
					Related  []struct{ Kicker, Title, Teaser, URL string }
				} `json:"_backissue"`
			}
		}
		var b bytes.Buffer
		if err := render.JSON(&b, document(a)); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		i := got.Items[0]
		equal(t, "id", i.ID, a.Key)
		equal(t, "content", i.ContentHTML, fullContent)
		equal(t, "summary", i.Summary, "Three hundred metres & a flag.")
		equal(t, "image", i.Image, a.Images[0].URL)
		equal(t, "attachments", fmt.Sprint(i.Attachments), "[{https://media.example/moon.mp3 1234567 754} {https://media.example/moon%20film.mp4 0 0}]")
		equal(t, "extension", fmt.Sprint(i.Backissue), "{Space true {Houston ap} [{Mars Not yet Perhaps in ten years. https://news.example/mars} { A lost link  }]}")
	})
}

// named is an element whose namespace counts.
type named struct {
	XMLName xml.Name
	Text    string `xml:",chardata"`
}

// native returns the text of the elements that are in no namespace.
func native(list []named) string {
	var b strings.Builder
	for _, n := range list {
		if n.XMLName.Space == "" {
			b.WriteString(n.Text)
		}
	}
	return b.String()
}

func read(t *testing.T, f render.Format, d *render.Document, into any) {
	t.Helper()
	if err := xml.Unmarshal(written(t, f, d), into); err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}
