package main

import (
	"io"
	"time"

	"github.com/backissue/backissue/feed"
)

// shown is an article in the output of show --json. It says all that the archive holds.
type shown struct {
	ID           feed.ID          `json:"id"`
	Sequence     uint64           `json:"sequence"`
	Revision     int              `json:"revision"`
	GUID         string           `json:"guid"`
	Published    string           `json:"published_guid,omitempty"`
	Link         string           `json:"url,omitempty"`
	Kicker       string           `json:"kicker,omitempty"`
	Title        string           `json:"title"`
	TitleCut     bool             `json:"title_cut,omitempty"`
	Authors      []shownPerson    `json:"authors,omitempty"`
	Contributors []shownPerson    `json:"contributors,omitempty"`
	Date         *time.Time       `json:"date_published,omitempty"`
	Updated      *time.Time       `json:"date_updated,omitempty"`
	Modified     *time.Time       `json:"date_modified,omitempty"`
	Arrived      *time.Time       `json:"date_arrived,omitempty"`
	Seen         *time.Time       `json:"date_seen,omitempty"`
	Summary      string           `json:"summary_html,omitempty"`
	Content      string           `json:"content_html,omitempty"`
	Language     string           `json:"language,omitempty"`
	Rights       string           `json:"rights,omitempty"`
	Tags         []string         `json:"tags,omitempty"`
	Categories   []shownTag       `json:"categories,omitempty"`
	Filed        []string         `json:"filed,omitempty"`
	Links        []shownLink      `json:"links,omitempty"`
	Enclosures   []shownEnclosure `json:"enclosures,omitempty"`
	Images       []shownImage     `json:"images,omitempty"`
	Dateline     *shownDateline   `json:"dateline,omitempty"`
	Related      []shownRelated   `json:"related,omitempty"`
	Origin       *shownOrigin     `json:"origin,omitempty"`
	Extra        []shownElement   `json:"extra,omitempty"`
	Source       string           `json:"source"`
	SourceURL    string           `json:"source_url"`
	Twin         feed.ID          `json:"twin,omitempty"`
	Withdrawn    bool             `json:"withdrawn,omitempty"`
	Standing     shownStanding    `json:"standing"`
}

// shownStanding is what the archive knows about the article beyond its revisions.
type shownStanding struct {
	Revisions int        `json:"revisions"`
	Held      bool       `json:"held,omitempty"`
	Back      bool       `json:"back_issue,omitempty"`
	Live      uint64     `json:"live_sequence,omitempty"`
	Gone      *time.Time `json:"gone,omitempty"`
	Twins     []feed.ID  `json:"twins,omitempty"`
}

func showJSON(w io.Writer, all []feed.Article, s *feed.Source, st *standing, list bool) error {
	out := make([]shown, len(all))
	for i := range all {
		out[i] = toShown(&all[i], s)
		out[i].Standing = shownStanding{st.revisions, st.Held, st.Back, st.Live, jsonTime(st.Gone), st.Twins}
	}
	if list {
		return writeJSON(w, out)
	}
	return writeJSON(w, out[0])
}

func toShown(a *feed.Article, s *feed.Source) shown {
	v := shown{
		ID: a.ID, Sequence: a.Seq, Revision: a.Revision, GUID: a.Key, Link: a.Link,
		Kicker: a.Kicker, Title: a.Title, TitleCut: a.TitleCut, Authors: each(a.Authors, func(p feed.Person) shownPerson { return shownPerson(p) }),
		Contributors: each(a.Contributors, func(p feed.Person) shownPerson { return shownPerson(p) }),
		Date:         jsonTime(a.Published), Updated: jsonTime(a.Updated), Modified: jsonTime(a.Modified),
		Arrived: jsonTime(a.Arrived), Seen: jsonTime(a.Seen),
		Summary: a.Summary, Content: a.Content, Language: a.Language, Rights: a.Rights,
		Tags: a.AllTags(), Filed: a.Filed, Source: s.Name, SourceURL: s.URL, Twin: a.Twin, Withdrawn: a.Withdrawn,
		Categories: each(a.Tags, func(t feed.Tag) shownTag { return shownTag(t) }),
		Links:      each(a.Links, func(l feed.Link) shownLink { return shownLink(l) }),
		Enclosures: each(a.Enclosures, toShownEnclosure),
		Images:     each(a.Images, func(i feed.Image) shownImage { return shownImage(i) }),
		Related:    each(a.Related, func(r feed.Related) shownRelated { return shownRelated(r) }),
		Extra:      each(a.Extra, toShownElement),
	}
	if a.GUID != a.Key {
		v.Published = a.GUID
	}
	if a.Dateline != (feed.Dateline{}) {
		v.Dateline = (*shownDateline)(&a.Dateline)
	}
	if !a.Origin.IsZero() {
		o := &a.Origin
		v.Origin = &shownOrigin{o.ID, o.Title, o.URL, o.Home, o.Rights, each(o.Extra, toShownElement)}
	}
	return v
}

type shownPerson struct {
	Name  string `json:"name,omitempty"`
	URI   string `json:"url,omitempty"`
	Email string `json:"email,omitempty"`
}

type shownTag struct {
	Term   string `json:"term,omitempty"`
	Scheme string `json:"scheme,omitempty"`
	Label  string `json:"label,omitempty"`
}

type shownLink struct {
	Href     string `json:"url"`
	Rel      string `json:"rel,omitempty"`
	Type     string `json:"type,omitempty"`
	Hreflang string `json:"hreflang,omitempty"`
	Title    string `json:"title,omitempty"`
	Length   int64  `json:"size_in_bytes,omitempty"`
}

type shownEnclosure struct {
	URL      string  `json:"url"`
	Type     string  `json:"mime_type,omitempty"`
	Length   int64   `json:"size_in_bytes,omitempty"`
	Title    string  `json:"title,omitempty"`
	Duration float64 `json:"duration_in_seconds,omitempty"`
}

func toShownEnclosure(e feed.Enclosure) shownEnclosure {
	return shownEnclosure{e.URL, e.Type, e.Length, e.Title, e.Duration.Seconds()}
}

type shownImage struct {
	URL     string `json:"url,omitempty"`
	Caption string `json:"caption,omitempty"`
	Cut     bool   `json:"caption_cut,omitempty"`
}

type shownDateline struct {
	Place  string `json:"place,omitempty"`
	Agency string `json:"agency,omitempty"`
}

type shownRelated struct {
	Kicker string   `json:"kicker,omitempty"`
	Title  string   `json:"title,omitempty"`
	Teaser string   `json:"teaser,omitempty"`
	Link   string   `json:"url,omitempty"`
	Tags   []string `json:"tags,omitempty"`
}

type shownOrigin struct {
	ID     string `json:"id,omitempty"`
	Title  string `json:"title,omitempty"`
	URL    string `json:"url,omitempty"`
	Home   string `json:"home_page_url,omitempty"`
	Rights string `json:"rights,omitempty"`

	Extra []shownElement `json:"extra,omitempty"`
}

// shownElement is an extension element: its attributes by the names that they were written with.
type shownElement struct {
	Space string            `json:"namespace,omitempty"`
	Name  string            `json:"name"`
	Attrs map[string]string `json:"attributes,omitempty"`
	Inner string            `json:"xml,omitempty"`
}

func toShownElement(e feed.Element) shownElement {
	s := shownElement{Space: e.Space, Name: e.Name, Inner: e.Inner}
	for _, a := range e.Attrs {
		if s.Attrs == nil {
			s.Attrs = make(map[string]string, len(e.Attrs))
		}
		s.Attrs[a.Name] = a.Value
	}
	return s
}

func each[A, B any](from []A, f func(A) B) []B {
	var to []B
	for _, a := range from {
		to = append(to, f(a))
	}
	return to
}
