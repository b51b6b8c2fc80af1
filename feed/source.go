package feed

import (
	"cmp"
	"net/url"
	"strings"
	"time"
)

// SourceID numbers a source within one archive; 0 until it is saved.
type SourceID uint32

// Source is where articles come from: a feed that is polled, or the origin of imported files.
type Source struct {
	ID   SourceID
	Name string // name in URLs, unique, never changed once given; see [Slug]

	URL         string // address of the feed, or of what was imported; unique
	Title       string // as the publisher titles it
	Home        string // the site that the feed belongs to
	Description string // plain text
	Language    string // BCP 47
	Rights      string
	Image       string // logo or icon
	FeedID      string // atom:id of the feed itself
	Authors     []Person
	Categories  []Tag     // of the feed as a whole
	Links       []Link    // self, hub, prev-archive, …: every link of the feed but its home
	Extra       []Element // extension elements of the feed

	Tags       []string  // under which the owner files whatever comes from here
	Subscribed bool      // polled by the scheduler; false for imports and ended subscriptions
	Identity   Policy    // what the owner trusts to tell its articles apart
	Added      time.Time // when it came into the archive
	Held       int       // articles and revisions that are held back from the live feeds
	Access     Access    // what the owner gives along when this source is asked; never leaves the archive
	Fetch      FetchState
}

// DisplayTitle returns the title, or the address where the publisher gave none.
func (s *Source) DisplayTitle() string {
	if s.Title != "" {
		return s.Title
	}
	return s.PublicURL()
}

// Adopt makes an article one of this source: it is filed under the owner's tags, and where the
// publisher names no other origin, the source is the origin. What the article keeps of the source
// is a copy, so that its revision reads the same for ever, whatever becomes of the source.
func (s *Source) Adopt(a *Article) {
	a.Source = s.ID
	a.Filed = s.Tags
	if o := &a.Origin; o.ID == "" && o.Title == "" && o.URL == "" && o.Home == "" {
		o.ID, o.Title, o.URL, o.Home = s.FeedID, s.Title, s.PublicURL(), s.Home
		o.Rights = cmp.Or(o.Rights, s.Rights)
	}
}

// PublicURL returns the address without the user and password that the owner may have put into it:
// what leaves the archive must not carry them.
func (s *Source) PublicURL() string {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil:
		return s.URL[strings.LastIndexByte(s.URL, '@')+1:]
	case u.User == nil:
		return s.URL
	}
	u.User = nil
	return u.String()
}

// FetchState is what the scheduler must remember about a source between two visits, whichever
// process makes them.
type FetchState struct {
	ETag         string // validator as received, byte for byte, quotes included
	LastModified string // validator as received, byte for byte
	BodyHash     string // of the last body taken in, so that an unchanged one is not parsed again

	Checked  time.Time // last answer, of any kind
	Changed  time.Time // last answer that brought something new
	Due      time.Time // not to be visited before
	Failures int       // failed visits since the last good one
	Problem  string    // why the last visit failed, in plain words; empty after a good one
	Status   int       // HTTP status of the last answer; 0 where there was none

	Most int // the most new articles that one visit has brought, the first visit left out
	Gaps int // how often there was nothing in common with the visit before
	Gap  Gap // the last of them

	Allowed time.Time // before which the publisher has asked not to be asked again; zero for no wish
	Skip    Skip      // when the feed asks not to be read
	Moved   Move      // where it says that it has moved to
	Tally   Tally     // what asking has cost so far
	Push    Push      // its WebSub hub

	History History // how far the publisher's own archive has been brought home

	TTL     time.Duration // what the feed itself asks for (RSS ttl, sy:updatePeriod); 0 for nothing
	Repairs []string      // what had to be mended in the last body, in plain words
}

// Access is what the owner gives along when a source is asked, and nobody else: it stands in no
// output, no log and no feed.
type Access struct {
	Headers  []Header // sent to the source's own host and to no other
	User     string   // HTTP basic authentication (RFC 7617)
	Password string
	Bearer   string // token (RFC 6750)
	Cookie   string // the Cookie field as it is to be sent
	Proxy    string // address of a proxy: http, https or socks5
}

// IsZero reports whether nothing is given along.
func (a *Access) IsZero() bool {
	return len(a.Headers) == 0 && a.User == "" && a.Password == "" && a.Bearer == "" && a.Cookie == "" && a.Proxy == ""
}

// Header is a field of an HTTP request.
type Header struct {
	Name  string
	Value string
}

// Skip is when a feed asks not to be read (RSS 2.0, skipHours and skipDays), in UTC.
type Skip struct {
	Hours uint32 // bit n is the hour from n to n+1 o'clock
	Days  uint8  // bit n is a day of the week; 0 is Sunday, as in time.Weekday
}

// Move is a permanent redirect that a source has been answering with. It is believed when it has said the
// same for a week.
type Move struct {
	URL   string    // where to; empty for none
	Since time.Time // when it first said so
	Seen  int       // how often it has said so since
}

// Tally counts what asking a source has cost.
type Tally struct {
	Since       time.Time // when counting began
	Requests    uint64    // redirects included
	NotModified uint64    // answers of 304
	Bytes       uint64    // of bodies, as they came over the wire
	Refused     uint64    // answers of 429 and 503
	Early       uint64    // requests sooner than the publisher had asked for; the owner's own word left out
}

// Push is how a source's WebSub hub stands (W3C WebSub).
type Push struct {
	Hub      string    // that the source names; empty for none
	Topic    string    // the feed's own address, as the hub knows it
	Secret   string    // with which deliveries are signed
	Callback string    // the last part of the address to which the hub delivers; not to be guessed
	Asked    time.Time // when the subscription was last asked for
	Until    time.Time // when the subscription ends; zero while there is none
	Pushed   time.Time // when the hub last delivered
	Problem  string    // why there is no subscription, in plain words
}

// History is how far the publisher's own archive of a source has been brought home: the documents
// behind the one that is polled (RFC 5005, pages of WordPress, next_url of JSON Feed). They are
// fetched from the newest to the oldest, wait on a shelf, and are taken in from the oldest on.
type History struct {
	Wanted  bool      // it is to be brought home, or what is new of it since the last time
	Next    string    // address of the next older document; empty before the first and after the last
	Top     string    // the newest document when the walk began
	Last    string    // the newest document of the last walk that came to its end: the next one stops there
	Fetched int       // documents fetched in the walk under way, or in the last one
	Shelved int       // documents that wait on the shelf
	Begun   time.Time // when the walk under way began
	Done    time.Time // when a walk last came to its end; zero where none has
	Problem string    // why the walk is stuck, in plain words; empty while it goes on

	Allowed  time.Time // before which the publisher has asked not to be asked for older documents
	Requests uint64    // that all walks have made, redirects included
	Bytes    uint64    // of bodies that they brought, as they came over the wire
}

// Gap is a stretch of a source's history that the archive has missed, as far as can be told: a
// document had no article in common with the one before.
type Gap struct {
	Noticed time.Time // when the later document came; zero where there was no gap
	Since   time.Time // the date of the newest article before it
	Until   time.Time // the date of the oldest article behind it
}

// Policy is what is trusted to tell the articles of one source apart. The zero value is right for
// all but a few publishers. The letters are stored; never renumber.
type Policy byte

// Policies.
const (
	PolicyAuto  Policy = 0   // whatever tells them apart, and aliases for what has changed
	PolicyGUID  Policy = 'g' // the guid alone: what has another guid is another article
	PolicyLink  Policy = 'l' // the link alone: guids mean nothing (they change at every visit, say)
	PolicyTitle Policy = 't' // title and day: neither guids nor links mean anything
)

// policies are the names by which people know them.
var policies = map[Policy]string{PolicyAuto: "auto", PolicyGUID: "guid", PolicyLink: "link", PolicyTitle: "title"}

// String returns the name of the policy.
func (p Policy) String() string { return policies[p] }

// ParsePolicy reads what [Policy.String] wrote. It reports false for anything else.
func ParsePolicy(s string) (Policy, bool) {
	for p, name := range policies {
		if name == s {
			return p, true
		}
	}
	return PolicyAuto, false
}
