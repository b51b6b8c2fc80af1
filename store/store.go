// Package store says what the archive promises: every accepted version of every article, in one
// gapless sequence, filed in the log of each feed it belongs to, and never lost once acknowledged.
//
// The promises stand on the methods of [Reader] and [Store]. Engines live in sub-packages (bolt)
// and prove that they keep them with storetest.
package store

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/backissue/backissue/feed"
)

// Errors that callers tell apart. Engines wrap them with the name of what was asked for.
var (
	ErrNotFound = errors.New("not in the archive")
	ErrInUse    = errors.New("the archive is in use by another process")
	ErrTooNew   = errors.New("the archive was written by a newer version")
	ErrDamaged  = errors.New("the archive is damaged")
	ErrPurged   = errors.New("removed for good")
)

// Kind is the kind of a feed that the archive puts out. The letters are stored; never renumber.
type Kind byte

// Kinds of feed.
const (
	All    Kind = '*' // everything
	Source Kind = 's' // what came from one source
	Tag    Kind = 't' // what is filed under one tag
	Author Kind = 'a' // what one author wrote
	Search Kind = 'q' // what a saved search finds
)

// Ref names a feed: its kind and its URL name (see [feed.Slug]). All has the name "".
type Ref struct {
	Kind Kind
	Name string
}

// Feed is what the archive knows about one of its feeds without reading any article. It is all
// that HTTP validators need: two equal Editions mean the same document.
type Feed struct {
	Ref
	Title    string    // shown to people: the spelling met most often, the source's title, …
	Length   uint64    // positions in the feed's log: every revision of every article counts once
	Articles uint64    // articles in the feed now
	Changed  time.Time // when the document last changed; never goes back
	Edition  uint64    // rises with every change of the document
	Source   feed.SourceID
	Search   *Definition // of a feed of kind Search; of the parts of a split one, the whole one's

	// Reshaped is the Edition with which the document last changed otherwise than by what its log
	// says: something was released, or left the feed, or the source describes itself anew.
	Reshaped uint64
	// Touched is the number of the last change to the record: of all changes to records of feeds, each
	// has the next one. See [Reader.Touched].
	Touched uint64
	// Withdrawn is the position behind the last withdrawal ([feed.Article.Withdrawn]) in the log; 0 for
	// none.
	Withdrawn uint64
	// Ended says of a feed of kind Search that nobody defines it any more. Only [Reader.Touched] returns
	// one, without Search.
	Ended bool

	// Sealed is how many archive documents (RFC 5005 §4) the feed has; together they hold the log's
	// positions up to Open. What follows is the log's open tail.
	Sealed uint64
	Open   uint64
}

// Definition says what a saved search is: a feed that its owner defines.
type Definition struct {
	Name  string // as the owner gave it; its slug is the feed's URL name
	Query string // see package query
	Limit int    // how many articles the live document holds at most; 0 for as many as any feed's
	// Split makes a feed of its own for each tag of the articles found, with the Ref NAME/TAG.
	Split bool
}

// Sealed is an archive document (RFC 5005 §4) of a feed: positions of its log, and how the feed called
// and described itself when the document was sealed. Nothing of it ever changes.
type Sealed struct {
	From, To uint64 // the positions from From up to and without To
	Title    string // see [Feed.Title]
	// About is the source as it described itself then; nil but for feeds of kind Source. Only what a
	// feed document says of it is there: titles, texts, links, people, extension elements.
	About *feed.Source
	// Purged is when something of it was removed for good, which is the only change that there is; zero for
	// never.
	Purged time.Time
}

// Query asks for a page of a feed's articles, newest first by [feed.Article.When].
type Query struct {
	Ref
	Before Cursor // page from here on; the zero Cursor starts at the newest
	Limit  int    // how many at most; 0 means 50
	// Live leaves out what is held back from the live feeds: articles that are, and, of those of which
	// only a later revision is, that revision.
	Live bool
}

// Cursor is a place in a feed's order by date. It stays good while articles come and go.
type Cursor struct {
	When time.Time
	ID   feed.ID
}

// IsZero reports whether the cursor names no place.
func (c Cursor) IsZero() bool { return c == Cursor{} }

// Page is one page of a feed. Next is the zero Cursor on the last one.
type Page struct {
	Articles []feed.Article
	Next     Cursor
}

// Standing is what the archive knows about an article beyond what its publisher said of it.
type Standing struct {
	// Held says that the article, or its newest revision, waits for its owner's word: it came in a
	// flood ([feed.Flood]) and is in no live feed until [Store.Release].
	Held bool
	// Back says that the article is a back issue: it came from the publisher's own archive, so it is
	// never shown as new. It is on the pages and in the archive documents.
	Back bool
	// Live is the sequence number of the newest revision that the live feeds show; 0 for none. Of a
	// withdrawn article it is its withdrawal.
	Live uint64
	// Gone is when the publisher was seen to have taken the article out of the feed while older ones
	// stayed; zero for an article that has not been taken out, or has come back.
	Gone time.Time
	// Twins are the articles of other sources that are the same article, without those withdrawn.
	Twins []feed.ID
}

// ChangeKind is what happened to an article after it came in. The letters are stored; never renumber.
type ChangeKind byte

// Kinds of change.
const (
	Revised  ChangeKind = 'r' // its publisher has changed it
	Gone     ChangeKind = 'g' // its publisher has taken it out of the feed
	Returned ChangeKind = 'b' // it is back in the feed
	Released ChangeKind = 'l' // its owner has let it into the live feeds

	Withdrawn ChangeKind = 'w' // the archive's owner has taken it out
	Restored  ChangeKind = 'u' // the archive's owner has undone that
)

// Change is something that happened to an article after it came in.
type Change struct {
	N       uint64 // its place among all changes, counted from 1 without gaps
	Kind    ChangeKind
	Article feed.ID
	Seq     uint64    // the revision that came of it (Revised, Withdrawn, Restored), or that was the newest
	At      time.Time // when it was noticed
}

// Stats counts what the archive holds.
type Stats struct {
	Sequence uint64 // revisions ever accepted: the last number given
	Articles uint64
	Sources  uint64
	Tags     uint64
	Authors  uint64
	Changes  uint64 // see [Change]; the number of the last one
	Held     uint64 // articles and revisions that are held back from the live feeds

	Subscribed uint64           // sources that are polled
	Troubled   [Troubles]uint64 // sources with each kind of [Trouble]
	Incidents  uint64           // see [Incident]; the number of the last one
}

// Reader is the reading half of an archive. It sees what was committed when a method was called.
// The cost of every method depends on what it returns, never on the size of the archive.
type Reader interface {
	// Article returns the newest revision of an article, or ErrNotFound. That of one that was withdrawn
	// says so ([feed.Article.Withdrawn]).
	Article(ctx context.Context, id feed.ID) (feed.Article, error)
	// Revisions returns every revision of an article, oldest first, or ErrNotFound.
	Revisions(ctx context.Context, id feed.ID) ([]feed.Article, error)
	// Feed returns a feed's record, or ErrNotFound. The feed of kind All always exists.
	Feed(ctx context.Context, ref Ref) (Feed, error)
	// Named returns the record of the feed of a tag or an author by any spelling of its name
	// ([feed.TagKey]), or ErrNotFound.
	Named(ctx context.Context, kind Kind, spelling string) (Feed, error)
	// Feeds returns up to limit feeds of a kind in the order of their names, after the given name.
	Feeds(ctx context.Context, kind Kind, after string, limit int) ([]Feed, error)
	// Articles returns a page of a feed's articles in their newest revisions.
	Articles(ctx context.Context, q Query) (Page, error)
	// Log returns up to limit revisions of a feed's log from a position (counted from 0) on, in the
	// order in which they were accepted. What it returns for a position never changes.
	Log(ctx context.Context, ref Ref, from uint64, limit int) ([]feed.Article, error)
	// Document returns the archive document k (counted from 0) of a feed; ErrNotFound where it is not
	// sealed yet. No document holds two revisions of one article.
	Document(ctx context.Context, ref Ref, k uint64) (Sealed, error)
	// Touched returns up to limit feeds whose records have changed since the change of the given number,
	// in the order of [Feed.Touched]: where Touched of one call's last is handed to the next, all that changed
	// meanwhile is met, however often it changed. 0 begins with the oldest.
	Touched(ctx context.Context, after uint64, limit int) ([]Feed, error)
	// Shelf returns the document of a publisher's own archive that was shelved last and is not taken
	// off yet; false where there is none.
	Shelf(ctx context.Context, id feed.SourceID) (Shelved, bool, error)
	// Received returns what came last of what was received before the capture of this number, or of all
	// where that is 0; ErrNotFound where there is nothing, or nothing is kept.
	Received(ctx context.Context, before uint64) (Received, error)
	// Identity returns what tells this archive from all others: 16 bytes that were drawn when it was
	// made and never change.
	Identity(ctx context.Context) (feed.UUID, error)
	// Standing returns what the archive knows about an article beyond its revisions, or ErrNotFound.
	Standing(ctx context.Context, id feed.ID) (Standing, error)
	// Changes returns up to limit changes, newest first, before the one with this number; 0 starts at
	// the newest.
	Changes(ctx context.Context, before uint64, limit int) ([]Change, error)
	// Source returns a source, or ErrNotFound.
	Source(ctx context.Context, id feed.SourceID) (feed.Source, error)
	// SourceByURL returns the source that has this address, or ErrNotFound.
	SourceByURL(ctx context.Context, url string) (feed.Source, error)
	// Sources returns up to limit sources in the order in which they came, after the given one.
	Sources(ctx context.Context, after feed.SourceID, limit int) ([]feed.Source, error)
	// Roster fills a page with sources as a list shows them, in the order in which they came, after the
	// given one, and returns how many there are on it. It is much faster than Sources.
	Roster(ctx context.Context, after feed.SourceID, page []Listed) (int, error)
	// SourcesAt returns up to limit sources whose addresses are on a host, whatever their port. Those with
	// a user in the address are left out.
	SourcesAt(ctx context.Context, host string, limit int) ([]feed.Source, error)
	// Wanting returns up to limit sources whose history is to be brought home ([feed.History.Wanted]), in
	// the order in which they came, after the given one.
	Wanting(ctx context.Context, after feed.SourceID, limit int) ([]feed.SourceID, error)
	// Pushing returns up to limit subscribed sources that name a hub ([feed.Push.Hub]), in the order in
	// which they came, after the given one.
	Pushing(ctx context.Context, after feed.SourceID, limit int) ([]feed.Source, error)
	// Troubled returns up to limit sources that have one of these kinds of trouble (any, where none is
	// named), in the order in which they came, after the given one.
	Troubled(ctx context.Context, after feed.SourceID, limit int, kinds ...Trouble) ([]Troubled, error)
	// Incidents returns up to limit incidents, newest first, before the one with this number; 0 starts at
	// the newest.
	Incidents(ctx context.Context, before uint64, limit int) ([]Incident, error)
	// Overdue returns how many subscribed sources are due, and since when the longest of them is, new ones
	// left out: zero for none. It reads an entry of an index for each.
	Overdue(ctx context.Context, now time.Time) (n uint64, since time.Time, err error)
	// Stats counts what is there.
	Stats(ctx context.Context) (Stats, error)
	// Edition returns a number that rises with every commit. It is read from memory, so a server
	// may ask at each request whether what it has cached still holds.
	Edition() uint64
}

// Store is an archive that can be written. There is one door for articles, Save.
type Store interface {
	Reader

	// Save takes in batches, each wholly or not at all, and returns when they are on disk. For every
	// batch it resolves which articles are known ([feed.Alias]), applies [feed.Revise], appends what
	// changed to the log of each feed it belongs to, oldest first, and stores the source as given:
	// articles and the validators that vouch for them become durable together. What a visit brings in a
	// flood ([feed.Flood]) is held back from the live feeds, unless it is the source's first document.
	// A new article that another source has brought before ([feed.Twins]) is its twin, and filed only
	// in its own source's feed and in those in which the elder is not live. A batch that cannot
	// be taken in leaves the others alone; its Saved carries the error. Saves of several goroutines
	// share commits.
	Save(ctx context.Context, batches ...Batch) ([]Saved, error)
	// Subscribe makes each source with one of these URLs (and the given tags and title, if it is new) one
	// that is polled, and says of each whether it was not one before. A policy other than PolicyAuto, and
	// an Access that is not zero, are its own from now on. New ones are numbered in the order in which they
	// are given. One that cannot be taken in leaves the others alone; its Subscribed carries the error, and
	// the error returned is the first of these.
	Subscribe(ctx context.Context, sources ...feed.Source) ([]Subscribed, error)
	// Unsubscribe ends polling. Whatever came from the source stays. ErrNotFound for no such source.
	Unsubscribe(ctx context.Context, id feed.SourceID) (feed.Source, error)
	// SetAccess replaces what the owner gives along when a source is asked. ErrNotFound for no such source.
	SetAccess(ctx context.Context, id feed.SourceID, access feed.Access) error
	// Release lets what is held back of a source into the live feeds, and returns how much that was.
	// ErrNotFound for no such source.
	Release(ctx context.Context, id feed.SourceID) (int, error)
	// Define makes a saved search a feed, or changes the one of this name, and returns it. What the
	// archive has is searched then, so this reads the whole archive; progress, if not nil, hears how
	// many revisions have been read, of how many. Cut off, it goes on where it was when it is called
	// again. What the feed's log has once had stays there; what the search no longer finds leaves the
	// feed.
	Define(ctx context.Context, d Definition, progress func(done, of uint64)) (Feed, error)
	// Undefine ends a saved search: no article is in its feeds any more, and they are not found. Their
	// logs and documents are kept, and go on where the name is defined again: what is published under
	// an address once never becomes something else. ErrNotFound for no such name.
	Undefine(ctx context.Context, name string) error
	// Withdraw takes articles out of the archive: each leaves every feed and count, and its newest
	// revision, which enters the logs of the feeds in which it stood, says only that
	// ([feed.Article.Withdrawn]). What its publisher brings of it later is known and changes nothing,
	// whatever door it comes through; nor do its twins take its places. What was sealed in documents
	// before stays there, and so do the earlier revisions, unless the engine is told to purge them. One that is withdrawn already stays so. The
	// error names each article that is not there ([ErrNotFound]); the others are withdrawn all the same.
	Withdraw(ctx context.Context, ids ...feed.ID) error
	// Restore undoes what Withdraw did: a further revision says what the last one before that said, and
	// is not held back. An article that is not withdrawn stays as it is. Errors are as in Withdraw, and
	// [ErrPurged] for an article of which nothing is left to bring back ([feed.Article.Purged]).
	Restore(ctx context.Context, ids ...feed.ID) error
	// SetPush changes how a source stands with its WebSub hub ([feed.FetchState.Push]), which nothing else
	// changes once the source is there; Save leaves it alone. change may be called several times over, each time
	// with what is stored. ErrNotFound for no such source.
	SetPush(ctx context.Context, id feed.SourceID, change func(*feed.Push)) error
	// Enrol stores subscribers to the archive's own feeds, each in place of the one who has the same Topic and
	// Callback.
	Enrol(ctx context.Context, subscribers ...Subscriber) error
	// Dismiss ends the subscription of a callback to a topic. That there is none is no error.
	Dismiss(ctx context.Context, topic, callback string) error
	// Subscribers returns all subscribers, in an order of their own.
	Subscribers(ctx context.Context) ([]Subscriber, error)
	// Shelve puts a document of a publisher's own archive on top of the source's shelf, and keeps how
	// far the walk has come, in one. With a nil document it keeps only that.
	Shelve(ctx context.Context, id feed.SourceID, h feed.History, document *Shelved) error
	// Due returns up to limit turns of subscribed sources whose time has come, the longest due first, after
	// the given one; the zero Turn is before all. It reads the index alone.
	Due(ctx context.Context, now time.Time, after Turn, limit int) ([]Turn, error)
	// NextDue returns when the next subscribed source is due; false where there is none.
	NextDue(ctx context.Context) (time.Time, bool, error)
	// Check reads the whole archive and returns every fault that it finds, in words; an empty list
	// means that every record decodes, every index agrees both ways and every log is gapless.
	Check(ctx context.Context) ([]string, error)
	// Close ends the use of the archive. Saves that were under way are finished first.
	Close() error
}

// Turn is when a source is due. The order of turns is that of their times, and at one time that of the
// sources' numbers.
type Turn struct {
	At     time.Time // to the millisecond
	Source feed.SourceID
}

// Listed is what a list of sources shows of one.
type Listed struct {
	// Source lacks what only its feed's documents and requests to it need: Description, Language, Rights,
	// Image, FeedID, Authors, Categories, Links, Extra, Access, and of Fetch the validators, BodyHash, Skip,
	// Moved, Tally and TTL, and the secrets of Push.
	feed.Source
	Articles uint64 // in its feed now
}

// Subscribed says what became of a subscription.
type Subscribed struct {
	Source feed.Source // as it is now
	New    bool        // it was not polled before
	Err    error       // why it could not be taken in; nil when it was
}

// Subscriber is somebody who is told what is new in one of the archive's own feeds (W3C WebSub).
type Subscriber struct {
	Topic    string    // address of the feed document
	Callback string    // address to which it is delivered
	Secret   string    // with which deliveries are signed; empty for no signature
	Until    time.Time // when the subscription ends
	Told     uint64    // the [Feed.Edition] that was delivered last, or that the feed had at the beginning
}

// Batch is what one visit to a source, or one imported file, brought.
type Batch struct {
	// Source is the source as it is to be stored from now on. It is found by its ID, or by its URL
	// where ID is 0, and made if it is new; ID, Name and Added are the store's to give, and so is what
	// it counts (Held, Fetch.Most, Fetch.Gaps, Fetch.Gap). What the owner decides (Tags, Subscribed,
	// Identity) stays as it was for a known source. Its fetch state is stored if the batch comes of a
	// visit (Fetch.Checked says when); what is imported leaves it alone.
	Source feed.Source
	// Articles as they were read, identified ([feed.Identify]), in any order. Each must have a Key
	// of its own. What is imported (no Fetch.Checked) and equal to a revision that the archive has is
	// known, even if a newer one has come since: old files do not bring old versions back.
	Articles []feed.Article
	// Seen is when they came.
	Seen time.Time
	// Capture is what they were read from, as it came. It is on disk before the batch is; a body that the
	// archive has already is not kept twice. nil for none.
	Capture *Capture
	// Whole says that Articles are all that the feed holds now, so that what is missing has left it.
	Whole bool
	// Backfill says that Articles come from the publisher's own archive: those that are new are back
	// issues ([Standing.Back]).
	Backfill bool
	// Past says, with Backfill, that the articles are as they were when their document was sealed
	// (RFC 5005 §4). One that is known in another version, and came in live, is an older version of it
	// unless it is dated later ([feed.Article.Past]).
	Past bool
	// Pushed says that a hub has delivered Articles, perhaps late, or once more: a version that an article
	// has had before is known, though a newer one has come since.
	Pushed bool
	// Received, if not 0, says that Articles are what is read today of the capture of this number, which came
	// in long ago ([Reader.Received]). One that the archive does not know is added, as a back issue that came
	// when the capture did. Of those that it knows, one whose newest revision was read from this very capture,
	// and is read differently now, has a further revision; so much stays as it is of all others, of those
	// withdrawn and of Source, of which only ID, and what articles adopt, is asked for.
	Received uint64
	// Unshelve takes the document on top of the source's shelf off it, together with this. Only
	// Source.Fetch.History of the fetch state is stored then.
	Unshelve bool
}

// Capture is what was received, as it came, without what its owner keeps secret.
type Capture struct {
	URL         string      // that answered, or of what came otherwise, without user and password; or the name of a file
	At          time.Time   // when it came
	Request     http.Header // as it was sent; nil where nothing was asked
	Status      int         // of the answer; 0 for what is none, which has no header either
	Header      http.Header // of the answer
	ContentType string      // of what is no answer; empty where it is not known
	Base        string      // against which addresses in it were resolved, where that is not URL
	Body        []byte      // unpacked
}

// Received is a [Capture] that the archive keeps.
type Received struct {
	Capture
	N   uint64   // its number; each has a higher one than those before
	For []Coming // the sources for which it came, each as it last did
}

// Coming is how a [Capture] came for a source: one body may come for several, from several addresses.
type Coming struct {
	Source                 feed.SourceID
	URL, ContentType, Base string // see [Capture]; ContentType is that of an answer too
}

// Shelved is a document of a publisher's own archive that waits to be taken in.
type Shelved struct {
	URL         string
	ContentType string
	Body        []byte
}

// Saved says what became of a [Batch].
type Saved struct {
	Source  feed.Source
	Added   []feed.ID
	Revised []feed.ID
	Same    int
	Held    int       // of those added and revised, how many are held back from the live feeds
	Gone    []feed.ID // articles that the publisher has taken out of the feed
	Back    []feed.ID // articles that had gone and are in it again
	Gap     bool      // nothing was in common with the visit before; Source.Fetch.Gap says more
	Err     error     // why the batch was not taken in; nil when it was
}
