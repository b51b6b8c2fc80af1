package feed

import (
	"strconv"
	"strings"
	"time"
)

// ID numbers an article within one archive. It is the sequence number under which the article
// first entered the log, and it never changes.
type ID uint64

// String returns the number in decimal digits, as it stands in /articles/{id}.
func (id ID) String() string { return strconv.FormatUint(uint64(id), 10) }

// ParseID reads what [ID.String] wrote. It reports false for anything else.
func ParseID(s string) (ID, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return ID(n), err == nil && n > 0 && s[0] != '0' && s[0] != '+'
}

// Article is one entry in one of its revisions: what the publisher said, verbatim where a reader
// could tell the difference, and what the archive knows about it.
//
// Title is plain text. Summary and Content are HTML as the publisher wrote it, uncleaned; package
// markup cleans them where they leave the archive. URLs are absolute wherever a base was known.
type Article struct {
	ID       ID     // number in the archive; 0 until it is saved
	Seq      uint64 // place of this revision in the archive's global sequence; 0 until saved
	Revision int    // 0 for the first version

	// Twin is the article of another source that this one repeats; 0 for none. It is decided when the
	// article comes in, and the elder of the two never has one.
	Twin ID
	// Homonym says that an article of another source had this Key first without being the same
	// article, so that this one goes out under an identity of its own wherever the two may meet. It
	// is decided when the article comes in.
	Homonym bool
	// Past says that this revision is an older version that came in after a newer one, from the
	// publisher's own archive. It is in the log and never the newest.
	Past bool
	// Withdrawn says that this revision is none: the archive's owner has taken the article out. It
	// holds only what tells which article that is and in which feeds it stood, and goes out as a
	// tombstone (RFC 6721), or not at all.
	Withdrawn bool
	// Purged says that what this revision said has been removed for good. It is withdrawn too, like all
	// revisions of its article.
	Purged bool

	Source SourceID // where it came from
	Key    string   // identity within the source and the guid that goes out; see [Identify]
	GUID   string   // guid or atom:id as published, verbatim; may be empty, may be shared by mistake
	// PermaLink says that GUID is also the article's address (RSS 2.0, guid isPermaLink).
	PermaLink bool

	Link         string    // address of the article's page
	Kicker       string    // line above the title: topic or column; may be empty
	Title        string    // plain text; may be empty
	TitleCut     bool      // the title was cut by whoever passed it on; it ends with "…"
	Authors      []Person  // in the publisher's order
	Contributors []Person  // atom:contributor
	Published    time.Time // as the publisher dated it; zero where there is no usable date
	Updated      time.Time // as the publisher dated the last change; zero where unknown
	Arrived      time.Time // when the article first came into the archive
	Seen         time.Time // when this revision came into the archive
	Modified     time.Time // what goes out as atom:updated; moves only when the content did

	Summary  string // HTML; teaser or description
	Content  string // HTML; full text
	Language string // BCP 47; empty where unknown
	Rights   string // atom:rights of the entry; those of its feed are in Origin

	Tags       []Tag       // the publisher's categories
	Filed      []string    // tags under which the owner files the source, as they were when it came in
	Links      []Link      // every other link: related, via, replies, …
	Enclosures []Enclosure // attached media, all of them
	Images     []Image     // pictures that belong to the article as a whole
	Dateline   Dateline    // place and agency in front of a newspaper's text
	Related    []Related   // articles that the publisher lists beside it
	Origin     Origin      // the feed that first published it (atom:source, RSS source)
	Extra      []Element   // what the format carried beyond all this
}

// Person is an author or contributor (RFC 4287 §3.2). At least one field is set.
type Person struct {
	Name  string
	URI   string
	Email string
}

// String returns the name, or the best that there is in its place.
func (p Person) String() string {
	for _, s := range []string{p.Name, p.Email, p.URI} {
		if s = strings.TrimSpace(s); s != "" {
			return s
		}
	}
	return ""
}

// Tag is a category as published: atom:category's term, scheme and label (RFC 4287 §4.2.2), or an
// RSS category with its domain as the scheme. Spelling is kept; [TagKey] tells tags apart.
type Tag struct {
	Term   string
	Scheme string
	Label  string
}

// String returns what a person reads: the label, or the term where there is none.
func (t Tag) String() string {
	if l := strings.TrimSpace(t.Label); l != "" {
		return l
	}
	return strings.TrimSpace(t.Term)
}

// Link is a typed link (RFC 4287 §4.2.7).
type Link struct {
	Href     string
	Rel      string // "related", "via", … ; empty means alternate
	Type     string // media type
	Hreflang string
	Title    string
	Length   int64 // bytes; 0 where unknown
}

// Enclosure is attached media: RSS enclosure, atom:link rel=enclosure, JSON Feed attachment.
type Enclosure struct {
	URL      string
	Type     string        // media type as published
	Length   int64         // bytes; 0 where unknown
	Title    string        // JSON Feed attachment title
	Duration time.Duration // 0 where unknown
}

// Image is a picture that belongs to the article as a whole. A text article may have a caption and
// no address.
type Image struct {
	URL     string
	Caption string
	Cut     bool // the caption was cut by whoever passed it on
}

// Dateline is what stands before the first sentence of a newspaper's report.
type Dateline struct {
	Place  string // "Moskau/Peking"
	Agency string // "taz", "dpa/taz"
}

// Related is an article that the publisher lists beside this one.
type Related struct {
	Kicker string
	Title  string
	Teaser string // plain text
	Link   string // absolute; empty where the publisher's list has lost it
	Tags   []string
}

// Origin is the feed that first published an article (atom:source, RFC 4287 §4.2.11).
type Origin struct {
	ID     string // atom:id of that feed
	Title  string
	URL    string // the feed's own address
	Home   string // the site
	Rights string
	Extra  []Element // whatever else the feed said of itself there
}

// IsZero reports whether nothing is known of the origin.
func (o *Origin) IsZero() bool {
	return o.ID == "" && o.Title == "" && o.URL == "" && o.Home == "" && o.Rights == "" && len(o.Extra) == 0
}

// Element is an extension element of a feed or entry that has no field of its own.
type Element struct {
	Space string // namespace URI
	Name  string // local name
	Attrs []Attr
	// Inner is what stands between the tags, as well-formed XML in which every prefix is the one
	// that Prefixes declares.
	Inner string
	// Prefixes binds the prefixes that Inner and Attrs use to their namespace URIs.
	Prefixes map[string]string
}

// Attr is an attribute of an [Element].
type Attr struct {
	Name  string // with its prefix, as written
	Value string // unescaped
}

// Headline returns the title with the kicker in front, as the publisher's own pages set it.
func (a *Article) Headline() string {
	switch {
	case a.Kicker == "":
		return a.Title
	case a.Title == "":
		return a.Kicker
	}
	return a.Kicker + ": " + a.Title
}

// futureSlack is how far ahead of its arrival an article may be dated and still be believed: the
// width of the time zones, which publishers leave out.
const futureSlack = 26 * time.Hour

// earliest is where believable dates begin; before it lie zero values and counting errors of
// publishers' programs. The oldest newspapers start here, so archives of scans still sort right.
var earliest = time.Date(1605, 1, 1, 0, 0, 0, 0, time.UTC)

// When returns the moment by which the article is ordered among others: its publication date, or
// its update, or when it arrived. A date that cannot be true (in the future when it was seen, or
// before there were newspapers) is passed over for the next.
func (a *Article) When() time.Time {
	for _, t := range []time.Time{a.Published, a.Updated} {
		if !t.IsZero() && !t.Before(earliest) && (a.Seen.IsZero() || !t.After(a.Seen.Add(futureSlack))) {
			return t
		}
	}
	return firstOf(a.Arrived, a.Seen)
}

// AllTags returns the tags under which the article is filed, the publisher's first and then the
// owner's, each once however it is spelled.
func (a *Article) AllTags() []string {
	tags := make([]string, 0, len(a.Tags)+len(a.Filed))
	seen := make(map[string]bool, cap(tags))
	add := func(s string) {
		if k := TagKey(s); k != "" && !seen[k] {
			seen[k] = true
			tags = append(tags, s)
		}
	}
	for _, t := range a.Tags {
		add(t.String())
	}
	for _, s := range a.Filed {
		add(s)
	}
	return tags
}
