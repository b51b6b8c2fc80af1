package web

import (
	"bytes"
	"context"
	"html"
	"net/http"
	"strconv"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/render"
	"github.com/backissue/backissue/store"
)

// incidentsLen is how many incidents the status feed holds.
const incidentsLen = 100

func (s *site) statusTitle() string { return "Status — " + s.title }

// statusDocument handles the status feed in a format: what the owner should hear of, each once. It is
// made anew for each who asks, since that is one, and no cache may have it.
func (s *site) statusDocument(format *format) func(http.ResponseWriter, *http.Request) error {
	class := newClass(format.MediaType, statusKeep, noSniffing())
	p := statusPath + format.Ext
	return func(w http.ResponseWriter, r *http.Request) error {
		doc, err := s.once(r.Context(), p, func(ctx context.Context, edition uint64) (*document, error) {
			told, err := s.archive.Incidents(ctx, 0, incidentsLen)
			if err != nil {
				return nil, err
			}
			archive, err := s.identity(ctx)
			if err != nil {
				return nil, err
			}
			updated, n := beginning, uint64(0)
			if len(told) > 0 {
				n = told[0].N
			}
			articles := make([]feed.Article, len(told))
			for i := range told {
				articles[i] = s.incidentEntry(archive, &told[i])
				if told[i].At.After(updated) {
					updated = told[i].At // visits end in no order
				}
			}
			d := &render.Document{
				ID: archive.In("status").String(), Title: s.statusTitle(), Subtitle: "What the keeper of " + s.title + " should hear of",
				Home: s.base + statusPath, Self: s.base + p, Icon: s.base + s.static.icon, Updated: updated, Articles: articles,
				Authors: []feed.Person{{Name: s.title}}, Links: s.alternates(statusPath, format),
			}
			var b bytes.Buffer
			if err := format.Write(&b, d); err != nil {
				return nil, err
			}
			tag := fingerprint(s.salt, format.Name, statusPath, strconv.FormatUint(n, 10))
			return newDocument(p, class, tag, updated, b.Bytes()), nil
		})
		if err == nil {
			s.send(w, r, doc)
		}
		return err
	}
}

// incidentWord says in a few words what happened.
func incidentWord(kind store.IncidentKind) string {
	switch kind {
	case store.BeganToFail:
		return "Failing for a day"
	case store.WentAway:
		return "Gone"
	case store.Recovered:
		return "Works again"
	case store.Moved:
		return "Moved"
	case store.Missed:
		return "Something was missed"
	case store.HeldBack:
		return "Held back"
	}
	return "Unknown"
}

// incidentEntry returns an incident as an entry of the status feed. Its identifier belongs to the
// archive and never changes, nor does anything else of it.
func (s *site) incidentEntry(archive feed.UUID, in *store.Incident) feed.Article {
	key := archive.In("incident " + strconv.FormatUint(in.N, 10)).String()
	var content string
	for _, line := range incidentText(in) {
		content += "<p>" + html.EscapeString(line) + "</p>"
	}
	return feed.Article{
		ID: feed.ID(in.N), Seq: in.N, Key: key, GUID: key, Link: s.base + escaped(path(store.Ref{Kind: store.Source, Name: in.Name})),
		Title: incidentWord(in.Kind) + ": " + in.Title, Content: content, Authors: []feed.Person{{Name: s.title}}, Language: "en",
		Published: in.At, Updated: in.At, Modified: in.At, Arrived: in.At, Seen: in.At,
	}
}

// incidentText says what happened, and what comes of it, in plain words.
func incidentText(in *store.Incident) []string {
	since := func(words string, t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return words + minute(t)
	}
	switch in.Kind {
	case store.BeganToFail:
		return []string{"Every visit has failed" + since(" since ", in.Since) + ". The last one: " + in.Text + ".",
			"It is asked less and less often, once a week at least, and never dropped. All that has come from it is kept."}
	case store.WentAway:
		return []string{"Its server says that the feed is gone for good: " + in.Text + ".",
			"It is still asked, once a month at least. All that has come from it is kept. To end the subscription: backissue remove " + in.Name}
	case store.Recovered:
		return []string{"A visit was good again at " + minute(in.At) + since(", after failures since ", in.Since) + ". The last problem was: " + in.Text + "."}
	case store.Moved:
		return []string{"It has said for long enough that it has moved, and is read from its new address from now on: " + in.Text}
	case store.Missed:
		text := "A visit had nothing in common with the one before, so articles may have come and gone between the two"
		if !in.Since.IsZero() && !in.Until.IsZero() {
			text += ": after " + minute(in.Since) + " and before " + minute(in.Until)
		}
		return []string{text + ".", "If its publisher keeps an archive, that is fetched now."}
	case store.HeldBack:
		return []string{things(in.Count, "article or revision was", "articles and revisions were") + " held back from the live feeds, since more came at once than can be news.",
			"To let them in: backissue release " + in.Name}
	}
	return nil
}
