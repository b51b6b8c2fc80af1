package main

import (
	"context"
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
	b := &backingUp{e: e, g: g}
	c := &cobra.Command{
		Use:   "backup DIR|s3://BUCKET/PREFIX",
		Short: "Copy the archive to a folder or to S3, and check the copy",
		Long: `Copy the archive to a folder of backups or to S3-compatible storage, while it is in use or
not. Each backup has the archive's file; what was received and the journal are shared by
all of them, and only what is new of these is copied. The copy is opened and checked
before it counts; one that was cut off is none. Whoever can read a backup can read what
you give along to sources.

Storage is asked as AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
AWS_REGION and AWS_ENDPOINT_URL say.

With --drill, the newest backup (or that of --at) is brought back to a temporary folder,
checked, made anew from its WARC files and compared with that, and removed again.`,
		Example: `  backissue backup /mnt/backups/feeds --keep 7
  backissue backup s3://my-backups/feeds --keep 7
  backissue backup /mnt/backups/feeds --list
  backissue backup /mnt/backups/feeds --drill`,
		Args: cobra.ExactArgs(1),
	}
	f := c.Flags()
	f.BoolVar(&b.asJSON, "json", false, "print JSON")
	f.BoolVar(&b.list, "list", false, "list the backups that are there, and make none")
	f.BoolVar(&b.drill, "drill", false, "try whether a backup comes back, and make none")
	f.StringVar(&b.at, "at", "", "name of the backup to try (with --drill)")
	f.IntVar(&b.keep, "keep", 0, "remove all but so many of the newest afterwards; 0 keeps all")
	c.MarkFlagsMutuallyExclusive("list", "keep", "drill")
	c.MarkFlagsMutuallyExclusive("drill", "json")
	c.RunE = func(c *cobra.Command, args []string) error {
		switch {
		case b.keep < 0:
			return usageError{errors.New("--keep must not be negative")}
		case b.at != "" && !b.drill:
			return hinted{usageError{errors.New("--at without --drill")}, "try: backissue restore --at NAME"}
		}
		place, err := backupPlace(e, args[0])
		switch {
		case err != nil:
			return err
		case b.list:
			return b.show(c.Context(), place)
		case b.drill:
			return b.try(c.Context(), place)
		}
		return g.withExisting(c.Context(), e, func(a *archive) error { return b.make(c.Context(), a, place) })
	}
	return c
}

// backupPlace returns where backups are, as the command line says it.
func backupPlace(e *env, where string) (*backup.Place, error) {
	if !backup.Remote(where) {
		where = e.path(where)
	}
	place, err := backup.At(where, e.Getenv)
	switch {
	case errors.Is(err, backup.ErrAddress):
		return nil, usageError{err}
	case errors.Is(err, backup.ErrCredentials):
		return nil, hinted{err, "set them to the key with which the storage lets you in"}
	}
	return place, err
}

// backingUp is what the command line of backup says.
type backingUp struct {
	e                   *env
	g                   *globals
	asJSON, list, drill bool
	at                  string
	keep                int
}

func (b *backingUp) make(ctx context.Context, a *archive, place *backup.Place) error {
	db, ok := a.Store.(*bolt.DB)
	if !ok {
		return errors.New("this archive cannot be copied") // unreachable: there is one engine
	}
	a.backingUp.Lock()
	defer a.backingUp.Unlock()
	place.Verify = verifyApart
	m, stored, faults, err := place.Make(ctx, db, a.Dir, time.Now())
	if errors.Is(err, backup.ErrOther) {
		return hinted{err, "back up to another folder, and keep this one as long as you may want to go back to it"}
	}
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		for _, f := range faults {
			fmt.Fprintln(b.e.Stderr, "backissue: the copy:", f)
		}
		return errReported
	}
	removed := 0
	if b.keep > 0 {
		if removed, err = place.Keep(ctx, b.keep); err != nil {
			return err
		}
	}
	switch {
	case b.asJSON:
		return writeJSON(b.e.Stdout, struct {
			backup.Manifest
			Copied  int64 `json:"copied"`
			Removed int   `json:"removed"`
		}{m, stored, removed})
	case !b.g.quiet:
		fmt.Fprintf(b.e.Stdout, "backup %s: %s, checked; %d bytes copied\n", m.Name, plural(m.Articles, "article"), stored)
		if removed > 0 {
			fmt.Fprintf(b.e.Stdout, "%s removed\n", plural(removed, "older backup"))
		}
	}
	return nil
}

func (b *backingUp) show(ctx context.Context, place *backup.Place) error {
	all, err := place.List(ctx)
	switch {
	case err != nil:
		return err
	case b.asJSON && all == nil:
		return writeJSON(b.e.Stdout, []backup.Manifest{})
	case b.asJSON:
		return writeJSON(b.e.Stdout, all)
	case len(all) == 0:
		fmt.Fprintln(b.e.Stdout, "no backups")
		return nil
	}
	rows := [][]string{{"NAME", "ARTICLES", "BYTES"}}
	for _, m := range all {
		rows = append(rows, []string{m.Name, fmt.Sprint(m.Articles), fmt.Sprint(m.Bytes())})
	}
	return table(b.e.Stdout, rows)
}

// try carries a drill out.
func (b *backingUp) try(ctx context.Context, place *backup.Place) error {
	m, err := place.Find(ctx, b.at)
	if err != nil {
		return err
	}
	say := func(s backup.Step) {
		if !b.g.quiet {
			fmt.Fprintf(b.e.Stdout, "%s: %.1f s\n", s.Name, s.Took.Seconds())
		}
	}
	if !b.g.quiet {
		fmt.Fprintf(b.e.Stdout, "backup %s: %s, %d bytes\n", m.Name, plural(m.Articles, "article"), m.Bytes())
	}
	faults, err := place.Drill(ctx, m, "", say)
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		for _, f := range faults {
			fmt.Fprintln(b.e.Stderr, "backissue: the drill:", f)
		}
		return errReported
	}
	if !b.g.quiet {
		fmt.Fprintln(b.e.Stdout, "it comes back: what was checked and what was made anew are the same, byte for byte")
	}
	return nil
}

func newRestore(e *env, g *globals) *cobra.Command {
	var at string
	var aside bool
	c := &cobra.Command{
		Use:   "restore DIR|s3://BUCKET/PREFIX",
		Short: "Bring the archive back from a backup",
		Long: `Bring the newest backup in a folder or in S3 back, or the one that --at names. It is checked
before it counts. An archive that is there is not touched unless --aside is given: then it
is moved to a folder beside it once the other one is ready. One that was cut off is
brought to its end by doing it again.`,
		Example: `  backissue restore /mnt/backups/feeds
  backissue restore s3://my-backups/feeds
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
		place, err := backupPlace(e, args[0])
		if err != nil {
			return err
		}
		m, err := place.Find(c.Context(), at)
		if err != nil {
			return err
		}
		if backup.Occupied(dir) && !aside {
			return hinted{fmt.Errorf("restore: there is an archive in %s", dir), "move it aside with --aside, or restore elsewhere with --data"}
		}
		faults, err := place.Bring(c.Context(), m, dir)
		if err != nil {
			return err
		}
		if len(faults) > 0 {
			for _, f := range faults {
				fmt.Fprintln(e.Stderr, "backissue:", f)
			}
			return errReported
		}
		if backup.Occupied(dir) {
			old, err := moveAside(dir, "archive.db", "raw")
			if err != nil {
				return err
			}
			fmt.Fprintf(e.Stderr, "backissue: what was there is in %s now\n", old)
		}
		if err := backup.Settle(dir); err != nil {
			return err
		}
		if !g.quiet {
			fmt.Fprintf(e.Stdout, "restored %s: %s, checked\n", m.Name, plural(m.Articles, "article"))
		}
		return nil
	}
	return c
}

// cutOff is an error where an archive is not there because to bring it back from a backup was cut off.
func cutOff(dir string) error {
	if !backup.CutOff(dir) {
		return nil
	}
	return hinted{noArchive{fmt.Errorf("to bring an archive back to %s was cut off", dir)}, "do it again: backissue restore DIR"}
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
