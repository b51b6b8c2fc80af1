package bolt_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
	"github.com/backissue/backissue/store/storetest"
)

// openRaw opens an archive that keeps what was received, and at the end of the test expects that it can be
// made anew from that.
func openRaw(tb testing.TB, dir string) store.Store {
	tb.Helper()
	path, raw := filepath.Join(dir, "archive.db"), filepath.Join(dir, "raw")
	db, err := bolt.Open(path, &bolt.Options{Raw: raw, NoSync: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
		likeNew(tb, path, raw)
	})
	return db
}

// likeNew expects that an archive is what is made anew of its journal.
func likeNew(tb testing.TB, path, raw string) {
	tb.Helper()
	again := filepath.Join(tb.TempDir(), "again.db")
	if err := bolt.Rebuild(context.Background(), raw, again, nil); err != nil {
		tb.Error(err)
		return
	}
	diff, err := bolt.Differences(again, path)
	if err != nil || len(diff) > 0 {
		tb.Errorf("made anew, %d pairs are others, %v: %q", len(diff), err, diff[:min(len(diff), 10)])
	}
}

// TestPromisesOfTheJournal has every promise kept by an archive with a journal, and what came of it made anew.
func TestPromisesOfTheJournal(t *testing.T) { storetest.Run(t, openRaw) }
