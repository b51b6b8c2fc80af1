package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/cmd/backissue/backup"
	"github.com/backissue/backissue/store/bolt"
)

func newBackup(e *env, g *globals) *cobra.Command {
	var asJSON, list bool
	var keep int
	c := &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy the archive to a folder, and check the copy",
		Long: `Copy the archive to a folder of backups, while it is in use or not. Each backup has the
archive's file; what was received and the journal are shared by all of them, and only what
is new of these is copied. The copy is opened and checked before it counts; one that was
cut off is none. Whoever can read a backup can read what you give along to sources.`,
		Example: `  backissue backup /mnt/backups/feeds --keep 7
  backissue backup /mnt/backups/feeds --list`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&list, "list", false, "list the backups that are there, and make none")
	c.Flags().IntVar(&keep, "keep", 0, "remove all but so many of the newest afterwards; 0 keeps all")
	c.MarkFlagsMutuallyExclusive("list", "keep")
	c.RunE = func(c *cobra.Command, args []string) error {
		dir := e.path(args[0])
		if keep < 0 {
			return usageError{errors.New("--keep must not be negative")}
		}
		if list {
			return listBackups(e, dir, asJSON)
		}
		return g.withExisting(c.Context(), e, func(a *archive) error {
			db, ok := a.Store.(*bolt.DB)
			if !ok {
				return errors.New("this archive cannot be copied") // unreachable: there is one engine
			}
			a.backingUp.Lock()
			defer a.backingUp.Unlock()
			m, copied, faults, err := backup.Make(c.Context(), db, filepath.Join(a.Dir, "raw"), dir, time.Now())
			if errors.Is(err, backup.ErrOther) {
				return hinted{err, "back up to another folder, and keep this one as long as you may want to go back to it"}
			}
			if err != nil {
				return err
			}
			if len(faults) > 0 {
				for _, f := range faults {
					fmt.Fprintln(e.Stderr, "backissue: the copy:", f)
				}
				return errReported
			}
			removed := 0
			if keep > 0 {
				if removed, err = backup.Keep(dir, keep); err != nil {
					return err
				}
			}
			switch {
			case asJSON:
				return writeJSON(e.Stdout, struct {
					backup.Manifest
					Copied  int64 `json:"copied"`
					Removed int   `json:"removed"`
				}{m, copied, removed})
			case !g.quiet:
				fmt.Fprintf(e.Stdout, "backup %s: %s, checked; %d bytes copied\n", m.Name, plural(m.Articles, "article"), copied)
				if removed > 0 {
					fmt.Fprintf(e.Stdout, "%s removed\n", plural(removed, "older backup"))
				}
			}
			return nil
		})
	}
	return c
}

func listBackups(e *env, dir string, asJSON bool) error {
	all, err := backup.List(dir)
	switch {
	case err != nil:
		return err
	case asJSON && all == nil:
		return writeJSON(e.Stdout, []backup.Manifest{})
	case asJSON:
		return writeJSON(e.Stdout, all)
	case len(all) == 0:
		fmt.Fprintln(e.Stdout, "no backups")
		return nil
	}
	rows := [][]string{{"NAME", "ARTICLES", "BYTES"}}
	for _, m := range all {
		bytes := m.Archive.Bytes
		for _, f := range m.Raw {
			bytes += f.Bytes
		}
		rows = append(rows, []string{m.Name, fmt.Sprint(m.Articles), fmt.Sprint(bytes)})
	}
	return table(e.Stdout, rows)
}

func newRestore(e *env, g *globals) *cobra.Command {
	var at string
	var aside bool
	c := &cobra.Command{
		Use:   "restore DIR",
		Short: "Bring the archive back from a folder of backups",
		Long: `Bring the newest backup in a folder back, or the one that --at names. It is checked before
it counts. An archive that is there is not touched unless --aside is given: then it is
moved to a folder beside it first.`,
		Example: `  backissue restore /mnt/backups/feeds
  backissue restore /mnt/backups/feeds --at 20261124T153000Z --data /tmp/look`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().StringVar(&at, "at", "", "name of the backup (see backup --list)")
	c.Flags().BoolVar(&aside, "aside", false, "move the archive that is there aside")
	c.RunE = func(c *cobra.Command, args []string) error {
		dir, err := g.unused(e)
		if err != nil {
			return err
		}
		from := e.path(args[0])
		m, err := backup.Find(from, at)
		if err != nil {
			return err
		}
		if isThere(filepath.Join(dir, "archive.db")) || isThere(filepath.Join(dir, "raw")) {
			if !aside {
				return hinted{fmt.Errorf("restore: there is an archive in %s", dir), "move it aside with --aside, or restore elsewhere with --data"}
			}
			old, err := moveAside(dir, "archive.db", "raw")
			if err != nil {
				return err
			}
			fmt.Fprintf(e.Stderr, "backissue: what was there is in %s now\n", old)
		}
		faults, err := backup.Restore(c.Context(), from, m, dir)
		if err != nil {
			return err
		}
		if len(faults) > 0 {
			for _, f := range faults {
				fmt.Fprintln(e.Stderr, "backissue:", f)
			}
			return errReported
		}
		if !g.quiet {
			fmt.Fprintf(e.Stdout, "restored %s: %s, checked\n", m.Name, plural(m.Articles, "article"))
		}
		return nil
	}
	return c
}

// unused returns the folder of the archive where no process has it open.
func (g *globals) unused(e *env) (string, error) {
	if e.archive != nil {
		return "", hinted{noArchive{errors.New("the archive is in use by this server")}, "stop it first"}
	}
	dir, err := g.dataDir(e)
	if err != nil {
		return "", err
	}
	if err := bolt.InUse(filepath.Join(dir, "archive.db")); err != nil {
		return "", hinted{noArchive{err}, "stop the process that has it open first"}
	}
	return dir, nil
}

// moveAside moves files of a folder into a new one in it, which it returns.
func moveAside(dir string, names ...string) (string, error) {
	old, err := os.MkdirTemp(dir, "aside-"+time.Now().UTC().Format(backup.Layout)+"-")
	if err != nil {
		return "", fmt.Errorf("move the archive aside: %w", err)
	}
	for _, name := range names {
		err := os.Rename(filepath.Join(dir, name), filepath.Join(old, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("move the archive aside: %w", err)
		}
	}
	return old, nil
}
