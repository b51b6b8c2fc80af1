package feed_test

import (
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
)

func seen() feed.Article {
	a, _ := feed.Revise(nil, feed.Article{
		Key: "k", GUID: "k", Title: "Title", Content: "<p>Text</p>", Link: "https://example.org/a",
		Published: march, Updated: march.Add(time.Hour), Seen: march.Add(2 * time.Hour),
		Authors: []feed.Person{{Name: "Ada"}}, Tags: []feed.Tag{{Term: "go"}},
		Enclosures: []feed.Enclosure{{URL: "https://example.org/a.mp3", Type: "audio/mpeg", Length: 1}},
	})
	a.ID, a.Seq = 7, 7
	return a
}

func TestRevise(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*feed.Article)
		want feed.Change
	}{
		"nothing":             {func(*feed.Article) {}, feed.Same},
		"white space":         {func(a *feed.Article) { a.Content = " <p>Text</p>\n" }, feed.Same},
		"updated alone":       {func(a *feed.Article) { a.Updated = a.Updated.Add(time.Hour) }, feed.Same},
		"extension elements":  {func(a *feed.Article) { a.Extra = []feed.Element{{Name: "comments", Inner: "9"}} }, feed.Same},
		"enclosure's length":  {func(a *feed.Article) { a.Enclosures[0].Length = 2 }, feed.Same},
		"where it came from":  {func(a *feed.Article) { a.Origin.Title = "Other"; a.Filed = []string{"x"} }, feed.Same},
		"guid":                {func(a *feed.Article) { a.GUID, a.Key = "new", "new" }, feed.Same},
		"title":               {func(a *feed.Article) { a.Title = "Title!" }, feed.Revised},
		"text":                {func(a *feed.Article) { a.Content = "<p>Te xt</p>" }, feed.Revised},
		"link":                {func(a *feed.Article) { a.Link += "b" }, feed.Revised},
		"author":              {func(a *feed.Article) { a.Authors[0].Name = "Grace" }, feed.Revised},
		"tag":                 {func(a *feed.Article) { a.Tags = nil }, feed.Revised},
		"enclosure":           {func(a *feed.Article) { a.Enclosures[0].URL += "b" }, feed.Revised},
		"publication date":    {func(a *feed.Article) { a.Published = march.Add(time.Minute) }, feed.Revised},
		"text moved to title": {func(a *feed.Article) { a.Title, a.Content = "Title<p>Text</p>", "" }, feed.Revised},
	} {
		t.Run(name, func(t *testing.T) {
			old, next := seen(), seen()
			next.ID, next.Seq, next.Revision, next.Seen = 0, 0, 0, march.AddDate(0, 0, 3)
			test.edit(&next)
			got, change := feed.Revise(&old, next)
			if change != test.want {
				t.Fatalf("got %v, want %v", change, test.want)
			}
			if got.ID != 7 || got.Key != "k" || !got.Arrived.Equal(old.Seen) {
				t.Errorf("identity changed: %+v", got)
			}
			if change == feed.Revised && (got.Revision != 1 || !got.Modified.After(old.Modified)) {
				t.Errorf("revision %d, modified %v after %v", got.Revision, got.Modified, old.Modified)
			}
		})
	}
}

func TestModifiedRises(t *testing.T) {
	for name, test := range map[string]struct {
		updated, seen, want time.Time
	}{
		"the publisher says when":     {march.Add(5 * time.Hour), march.Add(6 * time.Hour), march.Add(5 * time.Hour)},
		"the publisher forgot":        {march.Add(time.Hour), march.Add(6 * time.Hour), march.Add(6 * time.Hour)},
		"a date in the future":        {march.AddDate(9, 0, 0), march.Add(6 * time.Hour), march.Add(6 * time.Hour)},
		"the clock has been set back": {time.Time{}, march, march.Add(time.Hour + time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			old, next := seen(), seen()
			next.Title, next.Updated, next.Seen = "Corrected", test.updated, test.seen
			if got, _ := feed.Revise(&old, next); !got.Modified.Equal(test.want) {
				t.Errorf("got %v, want %v", got.Modified, test.want)
			}
		})
	}
}

func TestWhen(t *testing.T) {
	for name, test := range map[string]struct {
		published, updated, want time.Time
	}{
		"published":        {march, march.Add(time.Hour), march},
		"only updated":     {time.Time{}, march, march},
		"neither":          {time.Time{}, time.Time{}, march.AddDate(0, 1, 0)},
		"in the future":    {march.AddDate(5, 0, 0), march, march},
		"before printing":  {time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Time{}, march.AddDate(0, 1, 0)},
		"a scan from 1848": {time.Date(1848, 3, 18, 0, 0, 0, 0, time.UTC), march, time.Date(1848, 3, 18, 0, 0, 0, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			a := feed.Article{Published: test.published, Updated: test.updated, Arrived: march.AddDate(0, 1, 0), Seen: march.AddDate(0, 2, 0)}
			if got := a.When(); !got.Equal(test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestParseID(t *testing.T) {
	for in, want := range map[string]feed.ID{"1": 1, "18446744073709551615": 1<<64 - 1, "0": 0, "": 0, "01": 0, "+1": 0, "-1": 0, "x": 0, "1 ": 0} {
		if got, ok := feed.ParseID(in); ok != (want != 0) || ok && got != want {
			t.Errorf("ParseID(%q) = %d, %v", in, got, ok)
		}
	}
}
