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

func newCheck(e *env, g *globals) *cobra.Command {
	var asJSON, repair bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Read the whole archive and report every fault",
		Long: `Read the whole archive: every record must decode and match its checksum, every index
must agree both ways, every log must be without gaps, everything that was received must
be in its place, and the archive must be what its journal says. The exit code is 1 if
there is a fault.

With --repair, what follows from the rest is made anew, and what differs from the journal
is taken from there. The archive's file is copied first.`,
		Example: `  backissue check
  backissue check --repair
  backissue check --json`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the faults as JSON")
	c.Flags().BoolVar(&repair, "repair", false, "mend what can be mended first, and check then")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return g.withExisting(c.Context(), e, func(a *archive) error {
			if repair {
				if err := a.repair(c, e, g.quiet); err != nil {
					return err
				}
			}
			faults, err := a.checkAll(c, e, g.quiet)
			if err != nil {
				return err
			}
			if asJSON {
				if faults == nil {
					faults = []string{}
				}
				if err := writeJSON(e.Stdout, faults); err != nil {
					return err
				}
			} else if err := printFaults(c, e, g, a, faults); err != nil {
				return err
			}
			if len(faults) > 0 {
				return errReported
			}
			return nil
		})
	}
	return c
}

// checkAll checks the archive, and shows on a terminal how far it has come.
func (a *archive) checkAll(c *cobra.Command, e *env, quiet bool) ([]string, error) {
	db, ok := a.Store.(*bolt.DB)
	if !ok {
		return a.Check(c.Context()) // unreachable: there is one engine
	}
	bar := newProgress(e, quiet, "checking", 1)
	defer bar.end()
	return db.CheckAll(c.Context(), func(done, of int64) { bar.to(int(done), int(of)) })
}

func printFaults(c *cobra.Command, e *env, g *globals, a *archive, faults []string) error {
	for _, f := range faults {
		fmt.Fprintln(e.Stderr, "backissue:", f)
	}
	if len(faults) > 0 || g.quiet {
		return nil
	}
	s, err := a.Stats(c.Context())
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "no fault: %s in %s, %s, %s, %s\n", plural(s.Articles, "article"),
		plural(s.Sequence, "revision"), plural(s.Sources, "source"), plural(s.Tags, "tag"), plural(s.Authors, "author"))
	return nil
}

// repair mends the archive, of whose file it makes a copy first.
func (a *archive) repair(c *cobra.Command, e *env, quiet bool) error {
	db, ok := a.Store.(*bolt.DB)
	if !ok {
		return errors.New("this archive cannot be mended") // unreachable: there is one engine
	}
	if why := a.limit(); why != nil {
		return hinted{noArchive{fmt.Errorf("nothing is mended in this archive: %w", why)}, remedy(why)}
	}
	before, err := a.copyAside(c.Context(), db)
	if err != nil {
		return err
	}
	bar := newProgress(e, quiet, "mending", 1)
	changes, err := db.Repair(c.Context(), func(done, of int64) { bar.to(int(done), int(of)) })
	bar.end()
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		return os.Remove(before)
	}
	for _, change := range changes {
		fmt.Fprintln(e.Stderr, "backissue: mended:", change)
	}
	fmt.Fprintln(e.Stderr, "backissue: the file as it was before is", before)
	return nil
}

// copyAside copies the archive's file to a new one beside it, which is there whole or not at all.
func (a *archive) copyAside(ctx context.Context, db *bolt.DB) (string, error) {
	part := filepath.Join(a.Dir, "before-repair.part")
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("copy the archive: %w", err)
	}
	if _, err := db.CopyTo(ctx, part); err != nil {
		return "", err
	}
	name := filepath.Join(a.Dir, "before-repair-"+time.Now().UTC().Format(backup.Layout))
	path := name + ".db"
	for n := 2; isThere(path); n++ { // of a repair that was cut off a moment ago
		path = fmt.Sprintf("%s-%d.db", name, n)
	}
	if err := errors.Join(os.Rename(part, path), backup.SyncFolder(a.Dir)); err != nil {
		return "", fmt.Errorf("copy the archive: %w", err)
	}
	return path, nil
}
