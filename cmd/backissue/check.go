package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCheck(e *env, g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Read the whole archive and report every fault",
		Long: `Read the whole archive: every record must decode and match its checksum, every index
must agree both ways, every log must be without gaps. The exit code is 1 if there is a
fault.`,
		Example: `  backissue check
  backissue check --json`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the faults as JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return g.withExisting(c.Context(), e, func(a *archive) error {
			faults, err := a.Check(c.Context())
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
