package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/cmd/backissue/backup"
	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

func newRebuild(e *env, g *globals) *cobra.Command {
	var reparse bool
	c := &cobra.Command{
		Use:   "rebuild",
		Short: "Make the archive anew from its journal",
		Long: `Make archive.db anew from the journal in raw/, as it was when the last record was written:
the same articles, numbers, guids and documents. Only how polling stands may be a little
older; the next visits find it out again. The new file is checked, and then takes the
place of the old one, which is moved aside. The archive must not be in use.

With --reparse everything that was ever received is also read once more, as this version
of backissue reads it: articles that an earlier one missed come in as back issues, and
those of which it missed something are revised. Nothing that is there changes.`,
		Example: `  backissue rebuild
  backissue rebuild --reparse`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&reparse, "reparse", false, "read again what was received, and take in what was missed")
	c.RunE = func(c *cobra.Command, _ []string) error {
		dir, err := g.unused(e)
		if err != nil {
			return err
		}
		r := &rebuilding{e: e, quiet: g.quiet, dir: dir, raw: filepath.Join(dir, "raw"), path: filepath.Join(dir, "archive.db")}
		if !isThere(r.raw) {
			return hinted{noArchive{fmt.Errorf("there is no journal in %s", r.raw)}, "bring back a backup with: backissue restore DIR"}
		}
		release, err := bolt.Hold(r.path)
		if err != nil {
			return hinted{noArchive{err}, "stop the process that has it open first"}
		}
		if runtime.GOOS == "windows" {
			err, release = release(), func() error { return nil } // or the file could not be moved
		}
		if err == nil {
			err = r.run(c, reparse)
		}
		return errors.Join(err, release())
	}
	return c
}

// rebuilding is an archive that is being made anew.
type rebuilding struct {
	e              *env
	quiet          bool
	dir, raw, path string
}

func (r *rebuilding) run(c *cobra.Command, reparse bool) error {
	fresh := r.path + ".rebuilt"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("rebuild: %w", err)
	}
	defer os.Remove(fresh) // unless it is the archive by then
	bar := newProgress(r.e, r.quiet, "rebuilding", 1)
	err := bolt.Rebuild(c.Context(), r.raw, fresh, func(done, of int64) { bar.to(int(done), int(of)) })
	bar.end()
	if err != nil {
		return err
	}
	var again scheduler.Reparsed
	if reparse {
		if again, err = r.reparse(c.Context(), fresh); err != nil {
			return err
		}
	}
	articles, err := checked(c, r.e, fresh, r.raw)
	if err != nil {
		return err
	}
	old, err := replaceArchive(r.path, fresh)
	if err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	if old != "" {
		fmt.Fprintf(r.e.Stderr, "backissue: the file that was there is in %s now\n", old)
	}
	if r.quiet {
		return nil
	}
	if reparse {
		fmt.Fprintf(r.e.Stdout, "read again: %s; %s recovered, %d revised\n", plural(again.Read, "document"), plural(again.Added, "article"), again.Revised)
	}
	fmt.Fprintf(r.e.Stdout, "rebuilt: %s, checked\n", plural(articles, "article"))
	return nil
}

// reparse reads again what was received. What comes of it is in the journal too: where it is cut off before
// the new file is the archive, the old one finds it there.
func (r *rebuilding) reparse(ctx context.Context, fresh string) (done scheduler.Reparsed, err error) {
	db, err := bolt.Open(fresh, &bolt.Options{Raw: r.raw})
	if err != nil {
		return done, err
	}
	bar := newProgress(r.e, r.quiet, "reading again", 1)
	again := scheduler.Reparser{Store: db, File: readReceived, Progress: func(done, of uint64) { bar.to(int(done), int(of)) }}
	done, err = again.Run(ctx)
	bar.end()
	return done, errors.Join(err, db.Close())
}

// readReceived reads a file that was imported as it was read then.
func readReceived(as store.Coming, body []byte) (feed.Source, []feed.Article, error) {
	u, err := url.Parse(as.URL)
	if err != nil {
		return feed.Source{}, nil, err
	}
	return readArticles(path.Base(u.Path), body, as.Base)
}

// replaceArchive puts a file in the place of another, of which a copy is kept in a new folder beside it, which
// it returns; "" where there was none. At every moment there is a whole one, where the file system has links.
func replaceArchive(path, fresh string) (old string, err error) {
	dir, name := filepath.Split(path)
	if isThere(path) {
		if old, err = moveAside(dir); err != nil {
			return "", err
		}
		if err := os.Link(path, filepath.Join(old, name)); err != nil {
			if err := os.Rename(path, filepath.Join(old, name)); err != nil {
				return "", err
			}
		}
		if err := backup.SyncFolder(old); err != nil {
			return "", err
		}
	}
	return old, errors.Join(os.Rename(fresh, path), backup.SyncFolder(dir))
}

// checked checks an archive that is no other command's yet.
func checked(c *cobra.Command, e *env, path, raw string) (articles uint64, err error) {
	db, err := bolt.Open(path, &bolt.Options{Raw: raw, ReadOnly: true})
	if err != nil {
		return 0, err
	}
	defer db.Close()
	faults, err := db.Check(c.Context())
	if err != nil {
		return 0, err
	}
	if len(faults) > 0 {
		for _, f := range faults {
			fmt.Fprintln(e.Stderr, "backissue:", f)
		}
		return 0, errReported
	}
	stats, err := db.Stats(c.Context())
	return stats.Articles, err
}
