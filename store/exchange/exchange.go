// Package exchange is the form in which an archive leaves one program for another: JSON Lines, one record a
// line. docs/export.md describes it for those who read it with other tools.
package exchange

import (
	"encoding/json"
	"fmt"
	"time"
)

// Version is the version of the form that [Writer] writes. [Reader] refuses others.
const Version = 1

// Record is one line. Exactly one of its pointers is set; the first line has Archive, the last one End.
type Record struct {
	Backissue string `json:"backissue,omitempty"` // "export" in the first line
	Version   int    `json:"version,omitempty"`   // [Version] in the first line

	Archive    *Archive    `json:"archive,omitempty"`
	Source     *Source     `json:"source,omitempty"`
	Address    *Address    `json:"address,omitempty"`
	Article    *Article    `json:"article,omitempty"`
	Aliases    *Aliases    `json:"aliases,omitempty"`
	Feed       *Feed       `json:"feed,omitempty"`
	Log        *Log        `json:"log,omitempty"`
	Order      *Order      `json:"order,omitempty"`
	About      *About      `json:"about,omitempty"`
	Document   *Document   `json:"document,omitempty"`
	Search     *Search     `json:"search,omitempty"`
	Window     *Window     `json:"window,omitempty"`
	Shelved    *Shelved    `json:"shelved,omitempty"`
	Change     *Change     `json:"change,omitempty"`
	Trouble    *Trouble    `json:"trouble,omitempty"`
	Incident   *Incident   `json:"incident,omitempty"`
	Subscriber *Subscriber `json:"subscriber,omitempty"`
	End        *End        `json:"end,omitempty"`

	// Exact is the stored form of the record (of an article, one of each revision), where its text is no
	// UTF-8, which JSON cannot say. It counts instead of the rest.
	Exact [][]byte `json:"exact,omitempty"`
}

// Archive is what is said of all of it.
type Archive struct {
	Identity   string   `json:"identity"` // [feed.UUID], 32 hexadecimal digits
	Articles   uint64   `json:"articles"`
	Sources    uint64   `json:"sources"`
	Tags       uint64   `json:"tags"`
	Authors    uint64   `json:"authors"`
	Feeds      uint32   `json:"feeds"` // the last number that a feed got
	Changes    uint64   `json:"changes"`
	Held       uint64   `json:"held"`
	Touches    uint64   `json:"touches"`
	Defined    uint64   `json:"defined"`
	Subscribed uint64   `json:"subscribed"`
	Troubled   []uint64 `json:"troubled"` // see [store.Trouble]
	Incidents  uint64   `json:"incidents"`
}

// Address is an address that a source had before it moved.
type Address struct {
	URL    string `json:"url"`
	Source uint32 `json:"source"`
}

// Aliases are the names by which articles of a source are known.
type Aliases struct {
	Source uint32  `json:"source"`
	Names  []Alias `json:"names"`
}

// Alias is one of them.
type Alias struct {
	Name    string `json:"name"`              // its kind, and what tells it from others; hexadecimal
	Article uint64 `json:"article,omitempty"` // 0 where it has led to several
	Print   string `json:"print,omitempty"`   // fingerprint of what it named; hexadecimal
}

// Feed is a feed that goes out.
type Feed struct {
	Number    uint32            `json:"number"`
	Kind      string            `json:"kind"` // a letter, see [store.Kind]
	Name      string            `json:"name,omitempty"`
	Key       string            `json:"key,omitempty"`
	Title     string            `json:"title,omitempty"`
	Source    uint32            `json:"source,omitempty"`
	Spellings map[string]uint64 `json:"spellings,omitempty"`
	Length    uint64            `json:"length"`
	Articles  uint64            `json:"articles"`
	Changed   Time              `json:"changed,omitzero"`
	Edition   uint64            `json:"edition"`
	Reshaped  uint64            `json:"reshaped,omitempty"`
	Touched   uint64            `json:"touched,omitempty"`
	Withdrawn uint64            `json:"withdrawn,omitempty"`
	Sealed    uint32            `json:"sealed,omitempty"`
	Open      uint64            `json:"open,omitempty"`
}

// MaxRun is how many positions of a log one line says at most.
const MaxRun = 1 << 20

// Log is a part of the log of a feed: sequence numbers at positions From and following, as runs of which each
// is the first and the last of numbers that follow one another.
type Log struct {
	Feed uint32      `json:"feed"`
	From uint64      `json:"from"`
	Seqs [][2]uint64 `json:"seqs"`
}

// Len returns how many positions it says, or an error where its runs are none.
func (l *Log) Len() (n uint64, err error) {
	for _, r := range l.Seqs {
		if r[1] < r[0] || r[1]-r[0] >= MaxRun || n+r[1]-r[0] >= MaxRun {
			return 0, fmt.Errorf("log of feed %d: %d to %d is no run of a log", l.Feed, r[0], r[1])
		}
		n += r[1] - r[0] + 1
	}
	return n, nil
}

// Order says which articles are in a feed: each by its date (milliseconds since 1970), its number, and, where
// that is not the newest revision that is not held back, the sequence number of the one that is shown.
type Order struct {
	Feed  uint32    `json:"feed"`
	Back  bool      `json:"back,omitempty"` // they are not in its live document
	Items [][]int64 `json:"items"`
}

// About is what a feed said of itself when documents were sealed.
type About struct {
	Name   string  `json:"name"` // hexadecimal; what [Document] calls it
	Title  string  `json:"title,omitempty"`
	Source *Source `json:"source,omitempty"`
}

// Document is an archive document (RFC 5005 §4).
type Document struct {
	Feed   uint32 `json:"feed"`
	Number uint32 `json:"number"`
	To     uint64 `json:"to"` // the position behind it
	About  string `json:"about,omitempty"`
	Purged Time   `json:"purged,omitzero"` // when something of it was removed for good
}

// Search is the definition of a saved search.
type Search struct {
	Slug  string `json:"slug"`
	Name  string `json:"name"`
	Query string `json:"query"`
	Limit int    `json:"limit,omitempty"`
	Split bool   `json:"split,omitempty"`
	Feed  uint32 `json:"feed"`
	Built uint64 `json:"built,omitempty"` // how much of the log it has searched
	Done  bool   `json:"done,omitempty"`
	Round uint64 `json:"round"`
	Again bool   `json:"again,omitempty"`
	Parts bool   `json:"parts,omitempty"`
	Ended bool   `json:"ended,omitempty"`
}

// Window is what the last document of a source held: of each article its number, its date (as it is stored:
// seconds since 1970, plus one where that is not negative; 0 for none), and how often it was missing since.
type Window struct {
	Source uint32     `json:"source"`
	Items  [][3]int64 `json:"items"`
}

// Shelved is a document of a publisher's own archive that waits to be taken in.
type Shelved struct {
	Source uint32 `json:"source"`
	Number uint64 `json:"number"`
	URL    string `json:"url"`
	Type   string `json:"type,omitempty"`
	Body   []byte `json:"body,omitempty"`
}

// Change is something that happened to an article.
type Change struct {
	N       uint64 `json:"n"`
	Kind    string `json:"kind"` // a letter, see [store.ChangeKind]
	Article uint64 `json:"article"`
	Seq     uint64 `json:"seq"`
	At      Time   `json:"at,omitzero"`
}

// Trouble is what is wrong with a source.
type Trouble struct {
	Kind   int    `json:"kind"` // see [store.Trouble]
	Source uint32 `json:"source"`
	Since  Time   `json:"since,omitzero"`
	Told   bool   `json:"told,omitempty"`
	Gone   bool   `json:"gone,omitempty"`
}

// Incident is what the owner was told.
type Incident struct {
	N      uint64 `json:"n"`
	Kind   int    `json:"kind"` // see [store.Incident]
	Source uint32 `json:"source"`
	Name   string `json:"name,omitempty"`
	Title  string `json:"title,omitempty"`
	At     Time   `json:"at,omitzero"`
	Since  Time   `json:"since,omitzero"`
	Until  Time   `json:"until,omitzero"`
	Count  int    `json:"count,omitempty"`
	Text   string `json:"text,omitempty"`
}

// Subscriber is who is told what is new in a feed. Only an export with secrets has any.
type Subscriber struct {
	Topic    string `json:"topic"`
	Callback string `json:"callback"`
	Secret   string `json:"secret,omitempty"`
	Until    Time   `json:"until,omitzero"`
	Told     uint64 `json:"told,omitempty"`
}

// End is the last line: without it the file was cut short.
type End struct {
	Lines uint64 `json:"lines"` // this one included
}

// Time is a moment to the microsecond: RFC 3339 where its year has four digits, microseconds since 1970 where
// it has not.
type Time struct{ time.Time }

// MarshalJSON implements [json.Marshaler].
func (t Time) MarshalJSON() ([]byte, error) {
	if u := t.UTC(); u.Year() >= 0 && u.Year() <= 9999 {
		return json.Marshal(u.Format(time.RFC3339Nano))
	}
	return json.Marshal(t.UnixMicro())
}

// UnmarshalJSON implements [json.Unmarshaler].
func (t *Time) UnmarshalJSON(b []byte) error {
	var us int64
	if json.Unmarshal(b, &us) == nil {
		t.Time = time.UnixMicro(us).UTC()
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return fmt.Errorf("%q is no time", s)
	}
	t.Time = at.UTC()
	return nil
}
