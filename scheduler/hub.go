package scheduler

import (
	"context"
	"net/url"
	"strings"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
)

// Named is the hub that an answer names (W3C WebSub §4); without Hub it is known to name none.
type Named struct {
	Hub   string
	Topic string // the address that the feed gives as its own, or where it was found
}

// hear tells of a visit whoever wants to hear.
func (s *Scheduler) hear(e Event) {
	if s.Heard != nil && (e.Outcome == Changed || e.Outcome == Unchanged) {
		s.Heard(e)
	}
}

// named returns the hub that an answer names: its header fields count for more than what stands in the
// document, which may be nil for one that was not read.
func named(res *fetch.Response, doc *feed.Source) *Named {
	n := Named{Topic: res.URL}
	base, err := url.Parse(res.URL)
	if err != nil {
		return nil // unreachable: it has just been asked for
	}
	links := linksIn(res.Header.Values("Link"))
	if first(links, "hub", base) == "" && doc != nil {
		links = doc.Links
	}
	if n.Hub = first(links, "hub", base); n.Hub == "" && doc == nil {
		return nil
	}
	if self := first(links, "self", base); self != "" {
		n.Topic = self
	}
	return &n
}

// first returns the first web address to which a link of a kind leads.
func first(links []feed.Link, rel string, base *url.URL) string {
	for _, l := range links {
		if !strings.EqualFold(strings.TrimSpace(l.Rel), rel) {
			continue
		}
		if u, err := base.Parse(strings.TrimSpace(l.Href)); err == nil {
			if u, err = fetch.ParseURL(u.String()); err == nil && u.User == nil {
				return u.String()
			}
		}
	}
	return ""
}

// maxLinks is how many links of an answer's header fields are looked at.
const maxLinks = 100

// linksIn reads Link fields (RFC 8288 §3): addresses and what each is for, one Link for each relation.
func linksIn(fields []string) (links []feed.Link) {
	for _, s := range fields {
		for len(links) < maxLinks {
			_, rest, ok := strings.Cut(s, "<")
			href, rest, ok2 := strings.Cut(rest, ">")
			if !ok || !ok2 {
				break
			}
			var rel string
			rel, s = relOf(rest)
			for name := range strings.FieldsSeq(rel) {
				links = append(links, feed.Link{Href: href, Rel: name})
			}
		}
	}
	return links
}

// relOf reads the parameters of a link up to the comma that ends it, and returns its relations and the
// rest.
func relOf(s string) (rel, rest string) {
	found := false
	for {
		s = strings.TrimLeft(s, " \t;")
		if s == "" || s[0] == ',' {
			return rel, strings.TrimPrefix(s, ",")
		}
		end := strings.IndexAny(s, "=;,")
		if end < 0 {
			return rel, ""
		}
		name := strings.TrimSpace(s[:end])
		if s = s[end:]; s[0] != '=' {
			continue
		}
		var value string
		value, s = valueOf(strings.TrimLeft(s[1:], " \t"))
		if !found && strings.EqualFold(name, "rel") {
			rel, found = value, true
		}
	}
}

// valueOf reads a token or a quoted string.
func valueOf(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		if end := strings.IndexAny(s, ";,"); end >= 0 {
			return strings.TrimSpace(s[:end]), s[end:]
		}
		return strings.TrimSpace(s), ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// Take takes in a document that was pushed to a source that is subscribed to: what it brings is saved as
// if a visit had brought it, but what it lacks is not missed, when the source is visited is as it was,
// and what an article has said before is not new. It waits for a visit that is under way. The error is
// that of the archive, of ctx, or says why the document cannot be read.
func (s *Scheduler) Take(ctx context.Context, id feed.SourceID, document []byte, contentType string) (Event, error) {
	for {
		c, mine := s.claims.take(id)
		if mine {
			defer s.claims.settle(id, c, Event{Source: feed.Source{ID: id}, Outcome: Skipped, Err: errInterrupted})
			return s.take(ctx, id, document, contentType)
		}
		select {
		case <-c.done:
		case <-ctx.Done():
			return Event{}, context.Cause(ctx)
		}
	}
}

func (s *Scheduler) take(ctx context.Context, id feed.SourceID, document []byte, contentType string) (Event, error) {
	src, err := s.Store.Source(ctx, id)
	switch {
	case err != nil:
		return Event{}, err
	case !src.Subscribed || src.Fetch.Checked.IsZero():
		return Event{}, ErrNotSubscribed
	}
	doc, err := parse.Feed(document, parse.Options{URL: src.PublicURL(), ContentType: contentType, Identity: src.Identity})
	if err != nil {
		return Event{}, err
	}
	now := s.now()
	saved, err := s.save(ctx, store.Batch{
		Source: src, Articles: doc.Articles, Seen: now, Pushed: true,
		Capture: &store.Capture{URL: src.PublicURL(), At: now, ContentType: contentType, Body: document},
	})
	if err != nil {
		return Event{}, err
	}
	e := Event{Source: saved.Source, Outcome: Unchanged, Added: len(saved.Added), Revised: len(saved.Revised), Held: saved.Held}
	if e.Added+e.Revised == 0 {
		return e, nil
	}
	e.Outcome = Changed
	next := saved.Source
	next.Fetch.Changed = now
	if saved, err = s.save(ctx, store.Batch{Source: next, Seen: now, Pushed: true}); err != nil {
		return e, err
	}
	e.Source = saved.Source
	return e, nil
}
