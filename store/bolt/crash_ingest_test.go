package bolt_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// The ingest that crashes: every step is one commit, and may be done again without changing anything.

// step is what is acknowledged at once.
type step func(ctx context.Context, db *bolt.DB) error

var crashNoon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// openCrashing opens the archive of a folder, with everything that came as it came.
func openCrashing(dir string, noSync bool) (*bolt.DB, error) {
	return bolt.Open(filepath.Join(dir, "archive.db"), &bolt.Options{
		Raw: filepath.Join(dir, "raw"), NoSync: noSync, Now: func() time.Time { return crashNoon },
	})
}

// crashSteps returns an ingest of so many articles in batches of one to eight, of which some come in pairs,
// with edits, withdrawals and subscriptions between them.
func crashSteps(articles int) (steps []step) {
	random := rand.New(rand.NewPCG(6, 1))
	steps = append(steps, func(ctx context.Context, db *bolt.DB) error {
		_, err := db.Subscribe(ctx, crashSource(0), crashSource(1), crashSource(2))
		return err
	})
	for done := 0; done < articles; {
		var batches []store.Batch
		for range 1 + random.IntN(2) {
			n := min(1+random.IntN(4), articles-done)
			if n > 0 {
				batches = append(batches, crashBatch(len(steps), len(batches), done, done+n, 0))
			}
			done += n
		}
		steps = append(steps, saving(batches...))
		switch id := feed.ID(1 + random.IntN(done)); len(steps) % 6 {
		case 2: // an edit of what came before
			at := random.IntN(done)
			steps = append(steps, saving(crashBatch(len(steps), 0, at, min(at+2, done), len(steps))))
		case 3:
			steps = append(steps, func(ctx context.Context, db *bolt.DB) error { return existing(db.Withdraw(ctx, id)) })
		case 4:
			steps = append(steps, func(ctx context.Context, db *bolt.DB) error { return existing(db.Restore(ctx, id)) })
		case 5:
			s := crashSource(3 + len(steps)%4)
			steps = append(steps, func(ctx context.Context, db *bolt.DB) error {
				_, err := db.Subscribe(ctx, s)
				return err
			})
		}
	}
	return steps
}

// existing takes what is not there for done: a number may be that of an edit.
func existing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

func saving(batches ...store.Batch) step {
	return func(ctx context.Context, db *bolt.DB) error {
		_, err := db.Save(ctx, batches...)
		return err
	}
}

func crashSource(n int) feed.Source {
	return feed.Source{URL: fmt.Sprintf("https://example.org/%d.xml", n), Title: fmt.Sprint("Source ", n), Tags: []string{"Mine"}}
}

func crashBatch(n, part, from, to, version int) store.Batch {
	b := store.Batch{Source: crashSource((n + part) % 5), Seen: crashNoon.Add(time.Duration(n) * time.Minute)}
	if version > 0 { // by a source that has brought them
		b.Source = crashSource(version % 5)
	}
	var body bytes.Buffer
	random := rand.New(rand.NewPCG(uint64(n), uint64(part)))
	for i := from; i < to; i++ {
		text := fmt.Sprintf("<p>Text of article %d, version %d.</p>", i, version)
		for range random.IntN(400) {
			text += fmt.Sprint(" ", random.Uint64())
		}
		a := feed.Article{
			GUID: fmt.Sprint("urn:example:", i), Link: fmt.Sprint("https://example.org/", i), Title: fmt.Sprint("Article ", i),
			Content: text, Published: crashNoon.Add(time.Duration(i-1000) * time.Hour),
			Authors: []feed.Person{{Name: fmt.Sprint("Author ", i%7)}}, Tags: []feed.Tag{{Term: fmt.Sprint("Tag ", i%9)}},
		}
		a.Key = a.GUID
		b.Articles = append(b.Articles, a)
		fmt.Fprintf(&body, "<item><guid>%s</guid>%s</item>", a.GUID, text)
	}
	b.Capture = &store.Capture{
		URL: b.Source.URL, At: b.Seen, Request: http.Header{"Accept": {"*/*"}}, Status: 200,
		Header: http.Header{"Content-Type": {"application/rss+xml"}}, Body: body.Bytes(),
	}
	return b
}

// digest sums up all that an archive promises never to lose: the log of every feed, its documents, and
// where every article stands.
func digest(ctx context.Context, db store.Reader) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	stats, err := db.Stats(ctx)
	if err != nil {
		return sum, err
	}
	enc := json.NewEncoder(h)
	if err := enc.Encode([]uint64{stats.Sequence, stats.Articles, stats.Sources, stats.Tags, stats.Authors, stats.Changes, stats.Held, stats.Subscribed}); err != nil {
		return sum, err
	}
	for _, kind := range []store.Kind{store.All, store.Source, store.Tag, store.Author} {
		feeds, err := db.Feeds(ctx, kind, "", 1000)
		if kind == store.All {
			var all store.Feed
			all, err = db.Feed(ctx, store.Ref{Kind: store.All})
			feeds = []store.Feed{all}
		}
		if err != nil {
			return sum, err
		}
		for _, f := range feeds {
			if err := digestFeed(ctx, db, h, f); err != nil {
				return sum, fmt.Errorf("feed %c %q: %w", f.Kind, f.Name, err)
			}
		}
	}
	changes, err := db.Changes(ctx, 0, 10000)
	if err != nil {
		return sum, err
	}
	for _, c := range changes {
		fmt.Fprintln(h, c.N, c.Kind, c.Article, c.Seq)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

func digestFeed(ctx context.Context, db store.Reader, h hash.Hash, f store.Feed) error {
	fmt.Fprintln(h, f.Kind, f.Name, f.Title, f.Length, f.Articles, f.Sealed, f.Open, f.Withdrawn)
	for k := range f.Sealed {
		d, err := db.Document(ctx, f.Ref, k)
		if err != nil {
			return err
		}
		fmt.Fprintln(h, d.From, d.To, d.Title)
	}
	log, err := db.Log(ctx, f.Ref, 0, 1<<20)
	if err != nil {
		return err
	}
	if uint64(len(log)) != f.Length {
		return fmt.Errorf("its log has %d of %d places", len(log), f.Length)
	}
	for _, a := range log {
		if f.Kind != store.All { // there the revisions are; here it is their order
			fmt.Fprintln(h, a.ID, a.Seq)
			continue
		}
		standing, err := db.Standing(ctx, a.ID)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(h).Encode(struct {
			feed.Article
			store.Standing
		}{a, standing}); err != nil {
			return err
		}
	}
	return nil
}
