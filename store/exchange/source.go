package exchange

import (
	"github.com/backissue/backissue/feed"
)

// Source is a source without what the next visit to it finds out again. The names are those of [feed.Source].
type Source struct {
	ID          uint32    `json:"id"`
	Name        string    `json:"name"`
	URL         string    `json:"url"`
	Title       string    `json:"title,omitempty"`
	Home        string    `json:"home,omitempty"`
	Description string    `json:"description,omitempty"`
	Language    string    `json:"language,omitempty"`
	Rights      string    `json:"rights,omitempty"`
	Image       string    `json:"image,omitempty"`
	FeedID      string    `json:"feed_id,omitempty"`
	Authors     []Person  `json:"authors,omitempty"`
	Categories  []Tag     `json:"categories,omitempty"`
	Links       []Link    `json:"links,omitempty"`
	Extra       []Element `json:"extra,omitempty"`
	Tags        []string  `json:"tags,omitempty"`
	Subscribed  bool      `json:"subscribed,omitempty"`
	Identity    string    `json:"identity,omitempty"` // policy; empty for auto
	Added       Time      `json:"added,omitzero"`
	Held        int       `json:"held,omitempty"`
	Problem     string    `json:"problem,omitempty"`
	Status      int       `json:"status,omitempty"` // 410 where it is gone for good
	Most        int       `json:"most,omitempty"`
	Gaps        int       `json:"gaps,omitempty"`
	Gap         *Gap      `json:"gap,omitempty"`
	Repairs     []string  `json:"repairs,omitempty"`
	Moved       *Move     `json:"moved,omitempty"`
	History     *History  `json:"history,omitempty"`
	Push        *Push     `json:"push,omitempty"`   // its secrets only in an export with secrets
	Access      *Access   `json:"access,omitempty"` // only in an export with secrets
}

// Gap is a [feed.Gap].
type Gap struct {
	Noticed Time `json:"noticed,omitzero"`
	Since   Time `json:"since,omitzero"`
	Until   Time `json:"until,omitzero"`
}

// Move is a [feed.Move].
type Move struct {
	URL   string `json:"url,omitempty"`
	Since Time   `json:"since,omitzero"`
	Seen  int    `json:"seen,omitempty"`
}

// History is a [feed.History] without what it has cost.
type History struct {
	Wanted  bool   `json:"wanted,omitempty"`
	Next    string `json:"next,omitempty"`
	Top     string `json:"top,omitempty"`
	Last    string `json:"last,omitempty"`
	Fetched int    `json:"fetched,omitempty"`
	Shelved int    `json:"shelved,omitempty"`
	Begun   Time   `json:"begun,omitzero"`
	Done    Time   `json:"done,omitzero"`
	Problem string `json:"problem,omitempty"`
}

// Push is a [feed.Push] without when the hub last delivered.
type Push struct {
	Hub      string `json:"hub,omitempty"`
	Topic    string `json:"topic,omitempty"`
	Secret   string `json:"secret,omitempty"`
	Callback string `json:"callback,omitempty"`
	Asked    Time   `json:"asked,omitzero"`
	Until    Time   `json:"until,omitzero"`
	Problem  string `json:"problem,omitempty"`
}

// Access is a [feed.Access].
type Access struct {
	Headers  []Header `json:"headers,omitempty"`
	User     string   `json:"user,omitempty"`
	Password string   `json:"password,omitempty"`
	Bearer   string   `json:"bearer,omitempty"`
	Cookie   string   `json:"cookie,omitempty"`
	Proxy    string   `json:"proxy,omitempty"`
}

// Header is a [feed.Header].
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
}

// FromSource returns a source as it goes out, with or without secrets.
func FromSource(s *feed.Source, secrets bool) *Source {
	f := &s.Fetch
	r := &Source{
		ID: uint32(s.ID), Name: s.Name, URL: s.URL, Title: s.Title, Home: s.Home, Description: s.Description,
		Language: s.Language, Rights: s.Rights, Image: s.Image, FeedID: s.FeedID, Authors: people(s.Authors),
		Categories: each(s.Categories, func(t feed.Tag) Tag { return Tag(t) }),
		Links:      each(s.Links, func(l feed.Link) Link { return Link(l) }),
		Extra:      elements(s.Extra), Tags: s.Tags, Subscribed: s.Subscribed, Added: Time{s.Added}, Held: s.Held,
		Problem: f.Problem, Status: f.Status, Most: f.Most, Gaps: f.Gaps, Repairs: f.Repairs,
	}
	if s.Identity != feed.PolicyAuto {
		r.Identity = s.Identity.String()
	}
	if f.Gap != (feed.Gap{}) {
		r.Gap = &Gap{Time{f.Gap.Noticed}, Time{f.Gap.Since}, Time{f.Gap.Until}}
	}
	if f.Moved != (feed.Move{}) {
		r.Moved = &Move{f.Moved.URL, Time{f.Moved.Since}, f.Moved.Seen}
	}
	if h := f.History; h != (feed.History{}) {
		r.History = &History{h.Wanted, h.Next, h.Top, h.Last, h.Fetched, h.Shelved, Time{h.Begun}, Time{h.Done}, h.Problem}
	}
	if p := f.Push; p != (feed.Push{}) {
		r.Push = &Push{p.Hub, p.Topic, p.Secret, p.Callback, Time{p.Asked}, Time{p.Until}, p.Problem}
	}
	if a := &s.Access; !a.IsZero() {
		headers := each(a.Headers, func(h feed.Header) Header { return Header(h) })
		r.Access = &Access{headers, a.User, a.Password, a.Bearer, a.Cookie, a.Proxy}
	}
	if !secrets {
		r.URL, r.Access = s.PublicURL(), nil
		if p := r.Push; p != nil {
			// A subscription without its secrets is none: the next visit asks for one of its own.
			r.Push = &Push{Hub: p.Hub, Topic: p.Topic}
		}
	}
	return r
}

// Feed returns the source.
func (r *Source) Feed() *feed.Source {
	s := &feed.Source{
		ID: feed.SourceID(r.ID), Name: r.Name, URL: r.URL, Title: r.Title, Home: r.Home, Description: r.Description,
		Language: r.Language, Rights: r.Rights, Image: r.Image, FeedID: r.FeedID, Authors: unpeople(r.Authors),
		Categories: each(r.Categories, func(t Tag) feed.Tag { return feed.Tag(t) }),
		Links:      each(r.Links, func(l Link) feed.Link { return feed.Link(l) }),
		Extra:      unelements(r.Extra), Tags: r.Tags, Subscribed: r.Subscribed, Added: r.Added.Time, Held: r.Held,
		Fetch: feed.FetchState{
			Problem: r.Problem, Status: r.Status, Most: r.Most, Gaps: r.Gaps, Repairs: r.Repairs,
		},
	}
	s.Identity, _ = feed.ParsePolicy(r.Identity)
	if g := r.Gap; g != nil {
		s.Fetch.Gap = feed.Gap{Noticed: g.Noticed.Time, Since: g.Since.Time, Until: g.Until.Time}
	}
	if m := r.Moved; m != nil {
		s.Fetch.Moved = feed.Move{URL: m.URL, Since: m.Since.Time, Seen: m.Seen}
	}
	if h := r.History; h != nil {
		s.Fetch.History = feed.History{Wanted: h.Wanted, Next: h.Next, Top: h.Top, Last: h.Last, Fetched: h.Fetched,
			Shelved: h.Shelved, Begun: h.Begun.Time, Done: h.Done.Time, Problem: h.Problem}
	}
	if p := r.Push; p != nil {
		s.Fetch.Push = feed.Push{Hub: p.Hub, Topic: p.Topic, Secret: p.Secret, Callback: p.Callback,
			Asked: p.Asked.Time, Until: p.Until.Time, Problem: p.Problem}
	}
	if a := r.Access; a != nil {
		headers := each(a.Headers, func(h Header) feed.Header { return feed.Header(h) })
		s.Access = feed.Access{Headers: headers, User: a.User, Password: a.Password, Bearer: a.Bearer, Cookie: a.Cookie, Proxy: a.Proxy}
	}
	return s
}
