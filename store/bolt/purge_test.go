package bolt_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
	"github.com/backissue/backissue/store/storetest"
)

// purged is an archive of two sources, some of whose articles are forgotten.
type purged struct {
	*bolt.DB
	dir       string
	forgotten []feed.Article // in their last revisions before that
}

func (p *purged) path() string { return filepath.Join(p.dir, "archive.db") }
func (p *purged) raw() string  { return filepath.Join(p.dir, "raw") }

func (p *purged) open(t *testing.T) {
	t.Helper()
	d, err := bolt.Open(p.path(), &bolt.Options{Raw: p.raw(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	p.DB = d
}

// forgetful makes one: of the first source, 270 articles, of which some were edited; of the second, 20.
func forgetful(t *testing.T) *purged {
	t.Helper()
	p := &purged{dir: t.TempDir()}
	p.open(t)
	for hour := range 27 {
		mustSave(t, p, received(1, hour, hour*10, hour*10+10, ""))
	}
	mustSave(t, p, received(1, 30, 255, 270, ", edited"))
	mustSave(t, p, received(2, 31, 0, 20, ""))
	var ids []feed.ID
	err := eachArticle(t.Context(), p, func(a *feed.Article) {
		if n := articleNumber(a); a.Source == 1 && (n == 7 || n == 120 || n == 260) || a.Source == 2 && n == 5 {
			ids = append(ids, a.ID)
			p.forgotten = append(p.forgotten, *a)
		}
	})
	if err = errors.Join(err, p.Withdraw(t.Context(), ids...)); err != nil || len(ids) != 4 {
		t.Fatal(err, ids)
	}
	return p
}

func mustSave(t *testing.T, s store.Store, b store.Batch) store.Saved {
	t.Helper()
	saved, err := s.Save(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return saved[0]
}

func articleNumber(a *feed.Article) (n int) {
	_, _ = fmt.Sscanf(a.Title, "Article %d of", &n)
	return n
}

func eachArticle(ctx context.Context, r store.Reader, f func(*feed.Article)) error {
	for q := (store.Query{Ref: store.Ref{Kind: store.All}, Limit: 500}); ; {
		page, err := r.Articles(ctx, q)
		if err != nil {
			return err
		}
		for i := range page.Articles {
			f(&page.Articles[i])
		}
		if q.Before = page.Next; page.Next.IsZero() {
			return nil
		}
	}
}

// everything returns all bytes of an archive that is closed: of its files, unpacked, and of its export.
func (p *purged) everything(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{"the export": exported(t, p.path(), true)}
	err := filepath.WalkDir(p.dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.HasSuffix(path, ".gz") && err == nil {
			var r *gzip.Reader
			if r, err = gzip.NewReader(bytes.NewReader(data)); err == nil {
				data, err = io.ReadAll(r)
			}
		}
		all[path] = data
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// holding returns where something of the forgotten articles is.
func (p *purged) holding(t *testing.T) (places []string) {
	t.Helper()
	for name, data := range p.everything(t) {
		for _, a := range p.forgotten {
			n := articleNumber(&a)
			for _, sign := range []string{
				fmt.Sprintf("Article %d of %d", n, a.Source), fmt.Sprintf("What %d says of %d.", a.Source, n),
				fmt.Sprintf("https://%d.example.org/%d<", a.Source, n), fmt.Sprintf("https://%d.example.org/%d\"", a.Source, n),
			} {
				if bytes.Contains(data, []byte(sign)) {
					places = append(places, fmt.Sprintf("%s: %q", name, sign))
				}
			}
		}
	}
	return places
}

func TestPurge(t *testing.T) {
	p := forgetful(t)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if len(p.holding(t)) < 4 {
		t.Fatal("the articles are not found before they are purged")
	}
	p.open(t)
	before, err := p.Revisions(t.Context(), p.forgotten[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	document, err := p.Document(t.Context(), store.Ref{Kind: store.All}, 0)
	if err != nil || !document.Purged.IsZero() {
		t.Fatal(err, document)
	}
	record, err := p.Feed(t.Context(), store.Ref{Kind: store.All})
	if err != nil {
		t.Fatal(err)
	}
	done, err := p.Purge(t.Context(), nil)
	if err != nil || done.Articles != 4 || done.Captures != 5 {
		t.Fatalf("%v, %+v", err, done)
	}
	sound(t, p.DB)
	p.tombstones(t, before)
	again, err := p.Document(t.Context(), store.Ref{Kind: store.All}, 0)
	if err != nil || again.Purged.IsZero() || again.To != document.To || again.Title != document.Title {
		t.Errorf("its first document: %v, %+v, before: %+v", err, again, document)
	}
	if f, err := p.Feed(t.Context(), store.Ref{Kind: store.All}); err != nil || f.Edition <= record.Edition || f.Touched <= record.Touched ||
		f.Length != record.Length || f.Articles != record.Articles {
		t.Errorf("its record: %v, %+v, before: %+v", err, f, record)
	}
	p.comesAgain(t)
	sound(t, p.DB)
	if done, err := p.Purge(t.Context(), nil); err != nil || done.Articles != 0 || done.Captures != 0 {
		t.Errorf("again: %v, %+v", err, done)
	}
	sound(t, p.DB)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if places := p.holding(t); len(places) > 0 {
		t.Errorf("left: %q", places)
	}
	p.elsewhere(t)
}

// tombstones expects that of each article only that is left, given the revisions of the first before.
func (p *purged) tombstones(t *testing.T, before []feed.Article) {
	t.Helper()
	for _, a := range p.forgotten {
		all, err := p.Revisions(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		for i := range all {
			is := &all[i]
			if !is.Purged || !is.Withdrawn || is.Key != a.Key || is.Title+is.Link+is.Content+is.Summary != "" || len(is.AllTags()) == 0 {
				t.Errorf("revision %d is %+v", is.Seq, is)
			}
			if a.ID == before[0].ID && (is.Seq != before[i].Seq || !is.When().Equal(before[i].When()) || !is.Modified.Equal(before[len(before)-1].Modified)) {
				t.Errorf("revision %d is %+v, was %+v", is.Seq, is, before[i])
			}
			if _, err := p.Capture(t.Context(), is.Seq); !errors.Is(err, store.ErrPurged) && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("what revision %d was read from: %v", is.Seq, err)
			}
		}
		if err := p.Restore(t.Context(), a.ID); !errors.Is(err, store.ErrPurged) {
			t.Errorf("bring back %d: %v", a.ID, err)
		}
	}
}

// comesAgain has the publisher bring what was purged, unchanged and edited.
func (p *purged) comesAgain(t *testing.T) {
	t.Helper()
	for i, edited := range []string{"", " once more", " once more"} {
		b := received(1, 40+i, 255, 270, ", edited"+edited)
		saved := mustSave(t, p, b)
		if len(saved.Added) > 0 || slices.Contains(saved.Revised, p.forgotten[0].ID) || edited == "" && len(saved.Revised) > 0 {
			t.Errorf("%q: it comes again: %+v", edited, saved)
		}
	}
	for _, a := range p.forgotten {
		if is, err := p.Article(t.Context(), a.ID); err != nil || !is.Purged {
			t.Errorf("article %d: %v, %+v", a.ID, err, is)
		}
	}
}

// elsewhere makes the archive anew from its journal and from its export.
func (p *purged) elsewhere(t *testing.T) {
	t.Helper()
	likeNew(t, p.path(), p.raw())
	out := exported(t, p.path(), true)
	again := filepath.Join(t.TempDir(), "archive.db")
	if err := bolt.Import(t.Context(), again, bytes.NewReader(out)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(exported(t, again, true), out) {
		t.Error("the export of what was imported is another one")
	}
	d, err := bolt.Open(again, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	sound(t, d)
}

// TestPurgeOfSource forgets a source as a whole.
func TestPurgeOfSource(t *testing.T) {
	p := forgetful(t)
	ctx := t.Context()
	var ids []feed.ID
	p.forgotten = nil
	if err := eachArticle(ctx, p, func(a *feed.Article) {
		if a.Source == 2 {
			ids = append(ids, a.ID)
			p.forgotten = append(p.forgotten, *a)
		}
	}); err != nil {
		t.Fatal(err)
	}
	// What holds none of them went with them all the same.
	mustSave(t, p, store.Batch{Source: feed.Source{URL: "https://2.example.org/feed"}, Seen: begun, Capture: &store.Capture{
		URL: "https://2.example.org/feed", At: begun, Status: 200, Body: []byte("a page of 2 that is empty")}})
	if _, err := p.Unsubscribe(ctx, 2); err != nil {
		t.Fatal(err)
	}
	if err := p.Withdraw(ctx, ids...); err != nil {
		t.Fatal(err)
	}
	if done, err := p.Purge(ctx, nil); err != nil || done.Articles != 23 {
		t.Fatalf("%v, %+v", err, done)
	}
	sound(t, p.DB)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range p.everything(t) {
		if bytes.Contains(data, []byte("a page of 2")) {
			t.Errorf("%s has what came from the source", name)
		}
	}
	if places := p.holding(t); len(places) > 0 {
		t.Errorf("left: %q", places)
	}
	p.elsewhere(t)
}

// TestPurgeCutOff looks at what a crash leaves between any two steps: one whole archive, that can be purged
// from there.
func TestPurgeCutOff(t *testing.T) {
	p := forgetful(t)
	at := make(map[string]string)
	p.Steps(func(step string) {
		to := t.TempDir()
		if err := os.CopyFS(to, os.DirFS(p.dir)); err != nil {
			t.Error(err)
		}
		at[fmt.Sprintf("%02d %s", len(at), step)] = to
	})
	if _, err := p.Purge(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	p.Steps(nil)
	if len(at) < 6 {
		t.Errorf("only %d steps", len(at))
	}
	var counts []int
	for _, step := range slices.Sorted(maps.Keys(at)) {
		t.Run(step, func(t *testing.T) {
			// The journal alone is a whole archive too.
			again := filepath.Join(t.TempDir(), "archive.db")
			if err := bolt.Rebuild(t.Context(), filepath.Join(at[step], "raw"), again, nil); err != nil {
				t.Error(err)
			}
			left := &purged{dir: at[step], forgotten: p.forgotten}
			left.open(t)
			sound(t, left.DB)
			mustSave(t, left, received(2, 50, 100, 110, ""))
			done, err := left.Purge(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			counts = append(counts, done.Articles)
			sound(t, left.DB)
			if err := left.Close(); err != nil {
				t.Fatal(err)
			}
			if places := left.holding(t); len(places) > 0 {
				t.Errorf("left: %q", places)
			}
			likeNew(t, left.path(), left.raw())
			for _, name := range []string{"archive.db.compact", "archive.db.purge"} {
				if _, err := os.Stat(filepath.Join(left.dir, name)); !os.IsNotExist(err) {
					t.Errorf("%s is left: %v", name, err)
				}
			}
		})
	}
	if !slices.Contains(counts, 4) || !slices.Contains(counts, 0) {
		t.Errorf("all were cut off on one side of the step that counts: %v", counts)
	}
}

// TestPurgeGivesUp stops purges at each step before the one that counts: nothing has changed, and the archive
// goes on, also for those who read and write meanwhile.
func TestPurgeGivesUp(t *testing.T) {
	p := forgetful(t)
	was, err := os.ReadDir(p.raw())
	if err != nil {
		t.Fatal(err)
	}
	for hour, at := range []string{"filled", "noted", "copied", "written"} {
		ctx, stop := context.WithCancelCause(t.Context())
		why := errors.New("stopped when it was " + at)
		p.Steps(func(step string) {
			if step == at {
				stop(why)
			}
		})
		if done, err := p.Purge(ctx, nil); !errors.Is(err, why) {
			t.Errorf("%s: %v, %+v", at, err, done)
		}
		stop(nil)
		if is, err := os.ReadDir(p.raw()); err != nil || len(is) != len(was) {
			t.Errorf("%s: %v, %v is left", at, err, is)
		}
		sound(t, p.DB)
		mustSave(t, p, received(2, 60+hour, 0, 20, at))
	}
	p.Steps(nil)
	var others sync.WaitGroup
	others.Go(func() {
		for hour := range 8 {
			if _, err := p.Save(t.Context(), received(2, 70+hour, 20+hour, 40+hour, "")); err != nil {
				t.Error(err)
			}
		}
	})
	others.Go(func() {
		if faults, err := p.Check(t.Context()); err != nil || len(faults) > 0 {
			t.Errorf("check: %v, %q", err, faults)
		}
	})
	if done, err := p.Purge(t.Context(), nil); err != nil || done.Articles != 4 {
		t.Errorf("%v, %+v", err, done)
	}
	others.Wait()
	sound(t, p.DB)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if places := p.holding(t); len(places) > 0 {
		t.Errorf("left: %q", places)
	}
	p.elsewhere(t)
}

var purges = flag.Bool("purges", false, "purge the archives of all promises, not only a few")

// TestPurgeOfAnything forgets every other article of archives with which the promises of a store are proved, and
// purges them.
func TestPurgeOfAnything(t *testing.T) {
	if !*purges {
		t.Skip("takes half a minute; have it with -purges")
	}
	storetest.Run(t, func(tb testing.TB, dir string) store.Store {
		p := &purged{dir: dir}
		open := func() *bolt.DB {
			db, err := bolt.Open(p.path(), &bolt.Options{Raw: p.raw(), NoSync: true})
			if err != nil {
				tb.Fatal(err)
			}
			return db
		}
		db := open()
		tb.Cleanup(func() {
			if err := db.Close(); err != nil {
				tb.Error(err)
			}
			purgeHalf(tb, open())
			likeNew(tb, p.path(), p.raw())
			roundTrip(tb, p.path())
		})
		return db
	})
}

// purgeHalf forgets every other article of an archive and purges it.
func purgeHalf(tb testing.TB, d *bolt.DB) {
	tb.Helper()
	defer d.Close()
	ctx := context.Background()
	var ids []feed.ID
	err := eachArticle(ctx, d, func(a *feed.Article) {
		if a.ID%2 == 1 {
			ids = append(ids, a.ID)
		}
	})
	if err = errors.Join(err, d.Withdraw(ctx, ids...)); err != nil {
		tb.Error(err)
	}
	if done, err := d.Purge(ctx, nil); err != nil || done.Articles < len(ids) {
		tb.Errorf("%v, %+v", err, done)
	}
	if faults, err := d.Check(ctx); err != nil || len(faults) > 0 {
		tb.Errorf("%v, %q", err, faults)
	}
}
