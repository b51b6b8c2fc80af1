package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/cmd/backissue/backup"
	"github.com/backissue/backissue/store/bolt"
)

func newRebuild(e *env, g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "rebuild",
		Short: "Make the archive anew from its journal",
		Long: `Make archive.db anew from the journal in raw/, as it was when the last record was written:
the same articles, numbers, guids and documents. Only how polling stands may be a little
older; the next visits find it out again. The new file is checked, and then takes the
place of the old one, which is moved aside. The archive must not be in use.`,
		Example: `  backissue rebuild`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := g.unused(e)
			if err != nil {
				return err
			}
			raw, path := filepath.Join(dir, "raw"), filepath.Join(dir, "archive.db")
			if !isThere(raw) {
				return hinted{noArchive{fmt.Errorf("there is no journal in %s", raw)}, "bring back a backup with: backissue restore DIR"}
			}
			fresh := path + ".rebuilt"
			if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("rebuild: %w", err)
			}
			defer os.Remove(fresh) // unless it is the archive by then
			bar := newProgress(e, g.quiet, "rebuilding", 1)
			err = bolt.Rebuild(c.Context(), raw, fresh, func(done, of int64) { bar.to(int(done), int(of)) })
			bar.end()
			if err != nil {
				return err
			}
			articles, err := checked(c, e, fresh, raw)
			if err != nil {
				return err
			}
			if isThere(path) {
				old, err := moveAside(dir, "archive.db")
				if err != nil {
					return err
				}
				fmt.Fprintf(e.Stderr, "backissue: the file that was there is in %s now\n", old)
			}
			if err := errors.Join(os.Rename(fresh, path), backup.SyncFolder(dir)); err != nil {
				return fmt.Errorf("rebuild: %w", err)
			}
			if !g.quiet {
				fmt.Fprintf(e.Stdout, "rebuilt: %s, checked\n", plural(articles, "article"))
			}
			return nil
		},
	}
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
