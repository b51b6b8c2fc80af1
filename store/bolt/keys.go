package bolt

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// The key schema. Numbers are big-endian, so that the order of keys is the order of numbers; times
// are signed milliseconds since 1970 with the sign bit flipped, for the same reason.
//
//	meta         "format"                         -> version of this schema, 4 bytes
//	             "dictionary" id(1)               -> zstd dictionary that records name by id
//	             "counts"                         -> CBOR: articles, tags, authors …
//	             "identity"                       -> 16 bytes that no other archive has
//	             "purge"                        -> CBOR: which files are to be removed; only meanwhile
//	             "journal"                        -> CBOR: the last record of the journal
//	log          seq(8)                           -> record: one accepted revision (see codec.go);
//	                                                 gapless from 1
//	revision     article(8) seq(8)                -> "" for every revision after the first, which
//	                                                 stands in log under the article's own number;
//	                                                 "p" for one that is older than the newest
//	alias        source(4) kind(1) hash(8)        -> article(8) fingerprint(8), or article(8) = 0
//	                                                 where the alias has led to several articles
//	source       source(4)                        -> CBOR source with its fetch state
//	source-url   address                          -> source(4); the one that a source has, and those
//	                                                 that it had before it moved
//	due          time(8) source(4)                -> "" for every subscribed source
//	feed         feed(4)                          -> CBOR record of a feed that goes out
//	feed-name    kind(1) URL name                 -> feed(4)
//	feed-key     kind(1) tag key | author key |
//	                     source(4)                -> feed(4)
//	feed-log     feed(4) position(8)              -> seq(8); append-only, gapless from 0
//	feed-date    feed(4) time(8) article(8)       -> "" for every article that is in the feed now and
//	                                                 in its live document; seq(8) of the revision by
//	                                                 which it is, where a newer one is held back
//	feed-back    feed(4) time(8) article(8)       -> "" for every article that is in the feed now and
//	                                                 not in its live document
//	feed-touch   number(8)                        -> feed(4); one for every feed, that of the last
//	                                                 change to its record
//	feed-seal    feed(4) document(4)              -> position(8) in feed-log at which the archive
//	                                                 document ends; each begins where the last ended;
//	                                                 hash(8) of what the feed said of itself then;
//	                                                 time(8) when something of it was purged, if it was
//	shelf        source(4) number(8)              -> packed: a document of the publisher's own archive
//	                                                 that waits to be taken in, the last one first
//	about        hash(8)                          -> CBOR: what a feed said of itself
//	search       URL name                         -> CBOR: definition of a saved search, how much of
//	                                                 the log it has searched, and whether it has ended
//	mark         article(8)                       -> CBOR: held, back, gone, withdrawn, live revision;
//	                                                 none for an article of which there is nothing to say
//	held         source(4) article(8)             -> "" for every article with a mark of held
//	window       source(4)                        -> CBOR: what the feed's last document held
//	change       number(8)                        -> CBOR: what happened to an article; gapless from 1
//	twin         hash of host(4) hash of name(8)  -> article(8) that first had the name
//	twins        article(8) younger twin(8)       -> ""
//	key          hash of beginning(4) hash(8)     -> article(8) that first had the Key, of any source
//	trouble      kind(1) source(4)                -> CBOR: since when, and what of it was told
//	flag         kind(1) source(4)                -> "" for every source of which that is true (flag.go)
//	incident     number(8)                        -> CBOR: what the owner was told; gapless from 1
//	hub          hash of topic(16) hash of
//	                     callback(16)             -> CBOR: who is told what is new in a feed
//	raw          number(8)                        -> CBOR: where in the WARC files what was received stands
//	raw-digest   hash of body(16)                 -> number(8) in raw
//
// What is CBOR here ends with the CRC-32C of it (see codec.go), but for about, whose key is the hash.
//
// The number of an article is the sequence number of its first revision. Feed 1 is the feed of
// everything. A key prefix (a source's, a feed's) keeps what is written together close together, so
// that a batch dirties few pages however large the archive is.
var (
	bucketMeta      = []byte("meta")
	bucketLog       = []byte("log")
	bucketRevision  = []byte("revision")
	bucketAlias     = []byte("alias")
	bucketSource    = []byte("source")
	bucketSourceURL = []byte("source-url")
	bucketDue       = []byte("due")
	bucketFeed      = []byte("feed")
	bucketFeedName  = []byte("feed-name")
	bucketFeedKey   = []byte("feed-key")
	bucketFeedLog   = []byte("feed-log")
	bucketFeedDate  = []byte("feed-date")
	bucketFeedBack  = []byte("feed-back")
	bucketFeedSeal  = []byte("feed-seal")
	bucketMark      = []byte("mark")
	bucketHeld      = []byte("held")
	bucketWindow    = []byte("window")
	bucketChange    = []byte("change")
	bucketTwin      = []byte("twin")
	bucketTwins     = []byte("twins")
	bucketFeedTouch = []byte("feed-touch")
	bucketKey       = []byte("key")
	bucketAbout     = []byte("about")
	bucketShelf     = []byte("shelf")
	bucketSearch    = []byte("search")
	bucketHub       = []byte("hub")
	bucketTrouble   = []byte("trouble")
	bucketIncident  = []byte("incident")
	bucketFlag      = []byte("flag")
	bucketRaw       = []byte("raw")
	bucketRawDigest = []byte("raw-digest")
)

func buckets() [][]byte {
	return slices.Concat([][]byte{
		bucketMeta, bucketLog, bucketRevision, bucketAlias, bucketSource, bucketSourceURL, bucketDue,
		bucketFeed, bucketFeedName, bucketFeedKey, bucketFeedLog, bucketFeedDate,
	}, bucketsOf2(), bucketsOf3(), bucketsOf4(), bucketsOf5())
}

// bucketsOf2 is what version 2 of the format added.
func bucketsOf2() [][]byte {
	return [][]byte{
		bucketFeedBack, bucketFeedSeal, bucketMark, bucketHeld, bucketWindow, bucketChange, bucketTwin, bucketTwins,
	}
}

// bucketsOf3 is what version 3 of the format added.
func bucketsOf3() [][]byte {
	return [][]byte{bucketSearch, bucketAbout, bucketShelf, bucketFeedTouch, bucketKey}
}

// bucketsOf4 is what version 4 of the format added.
func bucketsOf4() [][]byte { return [][]byte{bucketTrouble, bucketIncident} }

// bucketsOf5 is what version 5 of the format added, with what came with the first that needed it before.
func bucketsOf5() [][]byte { return [][]byte{bucketHub, bucketFlag, bucketRaw, bucketRawDigest} }

var (
	keyFormat   = []byte("format")
	keyCounts   = []byte("counts")
	keyIdentity = []byte("identity")
	keyJournal  = []byte("journal")
	keyPurge    = []byte("purge")
)

func keyDictionary(id byte) []byte { return append([]byte("dictionary"), id) }

func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func keyRevision(id feed.ID, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(u64(uint64(id)), seq)
}

func keySource(id feed.SourceID) []byte { return u32(uint32(id)) }

// aliasName is an alias as it stands in a key behind the source: its kind and 64 bits of a hash,
// which are plenty within one source.
type aliasName [9]byte

func nameOf(a feed.Alias) (n aliasName) {
	n[0] = byte(a.Kind)
	h := sha256.Sum256([]byte(a.Value))
	copy(n[1:], h[:])
	return n
}

func (n aliasName) isKey() bool { return n[0] == byte(feed.AliasKey) }

func keyAlias(source feed.SourceID, n aliasName) []byte { return append(keySource(source), n[:]...) }

func keyDue(at time.Time, source feed.SourceID) []byte {
	return append(u64(sortable(at)), keySource(source)...)
}

func keyName(kind store.Kind, name string) []byte { return append([]byte{byte(kind)}, name...) }

func keyTrouble(kind store.Trouble, source feed.SourceID) []byte {
	return append([]byte{byte(kind)}, keySource(source)...)
}

func keyFlag(f flag, source feed.SourceID) []byte {
	return append([]byte{byte(f)}, keySource(source)...)
}

func keyLog(feed uint32, position uint64) []byte {
	return binary.BigEndian.AppendUint64(u32(feed), position)
}

func keyDate(feed uint32, when time.Time, id feed.ID) []byte {
	k := make([]byte, 0, 20)
	k = binary.BigEndian.AppendUint32(k, feed)
	k = binary.BigEndian.AppendUint64(k, sortable(when))
	return binary.BigEndian.AppendUint64(k, uint64(id))
}

func keySeal(feed, document uint32) []byte { return append(u32(feed), u32(document)...) }

func keyShelf(source feed.SourceID, n uint64) []byte {
	return binary.BigEndian.AppendUint64(keySource(source), n)
}

func keyHeld(source feed.SourceID, id feed.ID) []byte {
	return append(keySource(source), u64(uint64(id))...)
}

// keyTwin keeps the names of one host together, since they come together.
func keyTwin(n feed.TwinName) []byte {
	host, name := sha256.Sum256([]byte(n.Host)), sha256.Sum256([]byte(n.Name))
	return append(host[:4:4], name[:8]...)
}

func keyTwins(elder, younger feed.ID) []byte {
	return append(u64(uint64(elder)), u64(uint64(younger))...)
}

// sortable maps times to numbers in the same order. Times outside what milliseconds in 64 bits can
// say do not occur: feed.Article.When never returns one.
func sortable(t time.Time) uint64 { return uint64(t.UnixMilli()) ^ 1<<63 }

func unsortable(n uint64) time.Time { return time.UnixMilli(int64(n ^ 1<<63)).UTC() }
