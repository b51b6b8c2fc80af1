// Package store says what the archive promises: every accepted version of every article, in one
// gapless sequence, filed in the log of each feed it belongs to, and never lost once acknowledged.
//
// The promises stand on the methods of [Reader] and [Store]. Engines live in sub-packages (bolt)
// and prove that they keep them with storetest.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/backissue/backissue/feed"
)

// Errors that callers tell apart. Engines wrap them with the name of what was asked for.
var (
	ErrNotFound = errors.New("not in the archive")
	ErrInUse    = errors.New("the archive is in use by another process")
	ErrTooNew   = errors.New("the archive was written by a newer version")
	ErrDamaged  = errors.New("the archive is damaged")
)

// Kind is the kind of a feed that the archive puts out. The letters are stored; never renumber.
type Kind byte

// Kinds of feed.
const (
	All    Kind = '*' // everything
	Source Kind = 's' // what came from one source
	Tag    Kind = 't' // what is filed under one tag
	Author Kind = 'a' // what one author wrote
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
}

// Query asks for a page of a feed's articles, newest first by [feed.Article.When].
type Query struct {
	Ref
	Before Cursor // page from here on; the zero Cursor starts at the newest
	Limit  int    // how many at most; 0 means 50
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

// Stats counts what the archive holds.
type Stats struct {
	Sequence uint64 // revisions ever accepted: the last number given
	Articles uint64
	Sources  uint64
	Tags     uint64
	Authors  uint64
}

// Reader is the reading half of an archive. It sees what was committed when a method was called.
// The cost of every method depends on what it returns, never on the size of the archive.
type Reader interface {
	// Article returns the newest revision of an article, or ErrNotFound.
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
	// Source returns a source, or ErrNotFound.
	Source(ctx context.Context, id feed.SourceID) (feed.Source, error)
	// SourceByURL returns the source that has this address, or ErrNotFound.
	SourceByURL(ctx context.Context, url string) (feed.Source, error)
	// Sources returns up to limit sources in the order in which they came, after the given one.
	Sources(ctx context.Context, after feed.SourceID, limit int) ([]feed.Source, error)
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
	// articles and the validators that vouch for them become durable together. A batch that cannot
	// be taken in leaves the others alone; its Saved carries the error. Saves of several goroutines
	// share commits.
	Save(ctx context.Context, batches ...Batch) ([]Saved, error)
	// Subscribe makes the source with this URL (and the given tags and title, if it is new) one that
	// is polled, and reports whether it was not one before.
	Subscribe(ctx context.Context, source feed.Source) (feed.Source, bool, error)
	// Unsubscribe ends polling. Whatever came from the source stays. ErrNotFound for no such source.
	Unsubscribe(ctx context.Context, id feed.SourceID) (feed.Source, error)
	// Due returns up to limit subscribed sources whose time has come, the longest due first.
	Due(ctx context.Context, now time.Time, limit int) ([]feed.Source, error)
	// NextDue returns when the next subscribed source is due; false where there is none.
	NextDue(ctx context.Context) (time.Time, bool, error)
	// Check reads the whole archive and returns every fault that it finds, in words; an empty list
	// means that every record decodes, every index agrees both ways and every log is gapless.
	Check(ctx context.Context) ([]string, error)
	// Close ends the use of the archive. Saves that were under way are finished first.
	Close() error
}

// Batch is what one visit to a source, or one imported file, brought.
type Batch struct {
	// Source is the source as it is to be stored from now on. It is found by its ID, or by its URL
	// where ID is 0, and made if it is new; ID, Name and Added are the store's to give, and what the
	// owner decides (Tags, Subscribed) stays as it was for a known source. Its fetch state is stored
	// if the batch comes of a visit (Fetch.Checked says when); what is imported leaves it alone.
	Source feed.Source
	// Articles as they were read, identified ([feed.Identify]), in any order. Each must have a Key
	// of its own. What is imported (no Fetch.Checked) and equal to a revision that the archive has is
	// known, even if a newer one has come since: old files do not bring old versions back.
	Articles []feed.Article
	// Seen is when they came.
	Seen time.Time
}

// Saved says what became of a [Batch].
type Saved struct {
	Source  feed.Source
	Added   []feed.ID
	Revised []feed.ID
	Same    int
	Err     error // why the batch was not taken in; nil when it was
}
