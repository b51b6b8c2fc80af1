package bolt

import (
	"bytes"
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/query"
	"github.com/backissue/backissue/store"
)

// A search goes through the log from its beginning. Revisions are read and matched beside the writer;
// what comes of a stretch of them is written in one transaction with how far that is, so that a
// search that was cut off goes on there. What comes in meanwhile stands at the log's end, and is met.

// Bounds of one stretch: revisions to read, and to keep for the writer.
const (
	maxSearched = 20000
	maxFindings = 500
)

// finding is a revision that concerns a search: it is found, or it may stand in its feed.
type finding struct {
	article *feed.Article
	found   bool
}

// searchArchive searches what is in the archive.
func (d *DB) searchArchive(ctx context.Context, s *search, progress func(done, of uint64)) error {
	had, err := d.hadBefore(s)
	if err != nil {
		return err
	}
	for !s.Done {
		findings, upTo, of, err := d.look(ctx, s)
		if err != nil {
			return err
		}
		var next *search
		err = d.inTurn(ctx, func(t *txn) (err error) {
			next, err = t.takeFindings(s, findings, had, upTo)
			return err
		})[0]
		if err != nil {
			return err
		}
		if s = next; progress != nil {
			progress(upTo, of)
		}
	}
	return nil
}

// look reads the next stretch of the log, and returns what concerns the search, up to where that is
// and how long the log is.
func (d *DB) look(ctx context.Context, s *search) (findings []finding, upTo, of uint64, err error) {
	upTo = s.Built
	sources := make(map[feed.SourceID]*feed.Source)
	err = d.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketLog).Cursor()
		if last, _ := c.Last(); last != nil {
			of = decode64(last)
		}
		for k, v := c.Seek(u64(s.Built + 1)); k != nil && upTo-s.Built < maxSearched && len(findings) < d.stretch; k, v = c.Next() {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			a, err := d.codec.article(v)
			if err != nil {
				return fmt.Errorf("%w: revision %x: %v", store.ErrDamaged, k, err)
			}
			m, err := readMark(tx, a.ID)
			if err != nil {
				return err
			}
			if upTo = a.Seq; a.Withdrawn || m.Withdrawn {
				continue
			}
			found, err := matches(tx, s, a, sources)
			if err != nil {
				return err
			}
			if found || s.Again || m.Held { // an older revision of what is held may be found
				findings = append(findings, finding{a, found})
			}
		}
		return nil
	})
	return findings, upTo, of, err
}

// matches reports whether a search finds a revision.
func matches(tx *bbolt.Tx, s *search, a *feed.Article, sources map[feed.SourceID]*feed.Source) (bool, error) {
	if !s.query.AsksSource() {
		return s.query.Match(a, nil), nil
	}
	source := sources[a.Source]
	if source == nil {
		var err error
		if source, err = readSource(tx, a.Source); err != nil {
			return false, err
		}
		if sources != nil {
			sources[a.Source] = source
		}
	}
	return s.query.MatchPrepared(query.Prepare(a, source)), nil
}

// seqs is a set of sequence numbers.
type seqs []uint64

func (s *seqs) add(seq uint64) {
	for uint64(len(*s)) <= seq/64 {
		*s = append(*s, 0)
	}
	(*s)[seq/64] |= 1 << (seq % 64)
}

func (s seqs) has(seq uint64) bool {
	return seq/64 < uint64(len(s)) && s[seq/64]&(1<<(seq%64)) != 0
}

// hadBefore returns what is in the logs of a search's feeds from an earlier definition, or from the
// beginning of this one.
func (d *DB) hadBefore(s *search) (map[uint32]seqs, error) {
	had := make(map[uint32]seqs)
	if !s.Again {
		return had, nil
	}
	return had, d.view(func(tx *bbolt.Tx) error {
		for _, number := range append(parts(tx, s.slug), s.Feed) {
			var in seqs
			c, prefix := tx.Bucket(bucketFeedLog).Cursor(), u32(number)
			for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
				in.add(decode64(v))
			}
			had[number] = in
		}
		return nil
	})
}

// takeFindings enters what a search has found up to a place of the log, and returns how it stands then.
func (t *txn) takeFindings(s *search, findings []finding, had map[uint32]seqs, upTo uint64) (*search, error) {
	if err := t.begin(); err != nil {
		return nil, err
	}
	now, err := t.searchNamed(s.slug)
	if err != nil {
		return nil, err
	}
	if now == nil || now.Round != s.Round || now.Built != s.Built {
		return nil, fmt.Errorf("it was changed meanwhile by somebody else")
	}
	for _, f := range findings {
		if err := t.takeFinding(now, f, had); err != nil {
			return nil, fmt.Errorf("article %d: %w", f.article.ID, err)
		}
	}
	if err := t.lookForUnseen(); err != nil {
		return nil, err
	}
	next := *now
	next.Built, next.Done = upTo, upTo >= t.seq
	if next.Done && next.Again {
		if err := t.reshape(&next, next.Name, false); err != nil {
			return nil, err
		}
	}
	if err := t.putSearch(&next); err != nil {
		return nil, err
	}
	return &next, t.seal()
}

// lookForUnseen notes which of the open tails that have grown hold something that no live document
// shows: what was edited later in the log, above all.
func (t *txn) lookForUnseen() error {
	for f := range t.grown {
		for position := f.Open; position < f.Length && !t.grown[f]; position++ {
			live, err := shownLive(t.tx, decode64(t.bucket(bucketFeedLog).Get(keyLog(f.number, position))))
			if err != nil {
				return err
			}
			t.grown[f] = !live
		}
	}
	return nil
}

// takeFinding enters a revision in the logs of the search's feeds, and puts the article in its place in
// their orders if it is the newest.
func (t *txn) takeFinding(s *search, f finding, had map[uint32]seqs) (err error) {
	a := f.article
	m, err := t.mark(a.ID)
	if err != nil || m.Withdrawn { // meanwhile
		return err
	}
	var live *feed.Article
	newest := newestSeq(t.bucket(bucketRevision).Cursor(), a.ID) == a.Seq
	if newest {
		if live, err = t.liveOf(a, m); err != nil {
			return err
		}
	}
	filed := func(b *feed.Article) ([]*openFeed, error) {
		found := f.found
		if b != a {
			if found, err = matches(t.tx, s, b, nil); err != nil {
				return nil, err
			}
		}
		if !found {
			return nil, nil
		}
		return t.foundIn(s, b)
	}
	feeds, after, err := placesIn(a, live, filed)
	if err != nil {
		return err
	}
	for _, to := range feeds {
		if had[to.number].has(a.Seq) {
			continue
		}
		if err := t.enter([]*openFeed{to}, a, t.beside(a), false); err != nil {
			return err
		}
		if to.Length-to.Open == store.ArchiveLen { // where what came in would have sealed it
			if err := t.sealUpTo(to, to.Length); err != nil {
				return err
			}
		}
	}
	if !newest {
		return nil
	}
	before, err := t.placedIn(a, live, func(b *feed.Article) ([]*openFeed, error) { return t.existing(s, b) })
	if err != nil {
		return err
	}
	return t.move(a.ID, live, before, after, a.Seen)
}

// foundIn returns the feeds of a search in which an article is filed that it finds: of a twin, those in
// which no twin is that came before.
func (t *txn) foundIn(s *search, a *feed.Article) ([]*openFeed, error) {
	feeds, err := t.feedsOf(s, a)
	if err != nil || a.Twin == 0 {
		return feeds, err
	}
	for _, id := range t.elders(a) {
		live, _, err := t.elder(id)
		if err != nil {
			return nil, err
		}
		if live == nil {
			continue
		}
		found, err := matches(t.tx, s, live, nil)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		there, err := t.feedsOf(s, live)
		if err != nil {
			return nil, err
		}
		feeds = without(feeds, there)
	}
	return feeds, nil
}

// without returns the feeds that are not among others.
func without(feeds, others []*openFeed) (rest []*openFeed) {
	for _, f := range feeds {
		among := false
		for _, other := range others {
			among = among || f == other
		}
		if !among {
			rest = append(rest, f)
		}
	}
	return rest
}

// beside returns the revisions beside which one may not stand in a document: the others of the article,
// and those of its twins.
func (t *txn) beside(a *feed.Article) []uint64 {
	others := revisionSeqs(t.tx, a.ID)
	first, err := known(t.tx, a.ID)
	if err != nil {
		return others // unreachable unless the file is damaged
	}
	for _, id := range twins(t.tx, a.ID, feed.ID(first.Twin)) {
		others = append(others, revisionSeqs(t.tx, id)...)
	}
	return others
}
