package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
	"github.com/backissue/backissue/store/exchange"
)

// exporting is what the command line of export says.
type exporting struct {
	e       *env
	g       *globals
	secrets bool
	folder  string
	mbox    string
	tag     string
	source  string
}

func newExport(e *env, g *globals) *cobra.Command {
	x := &exporting{e: e, g: g}
	c := &cobra.Command{
		Use:   "export [FILE|-]",
		Short: "Write the archive in a form that other programs read",
		Long: `Write the whole archive as JSON Lines, one record a line, to a file or to standard output;
docs/export.md describes it. import makes the same archive of it: the same numbers, guids,
sequence, feeds and documents. What the next visits find out again is left out, and so are
the media and what was received; what is given along when a source is asked (passwords,
tokens) is only there with --secrets.

For people who read with other tools: --markdown writes a file for each article, with YAML
in front, --mbox a mailbox with a message for each. Both hold the newest versions alone.`,
		Example: `  backissue export archive.jsonl
  backissue export - | zstd > archive.jsonl.zst
  backissue export --markdown notes/ --tag politics
  backissue export --mbox example.mbox --source https://example.org/feed`,
		Args: cobra.MaximumNArgs(1),
	}
	f := c.Flags()
	f.BoolVar(&x.secrets, "secrets", false, "with passwords, tokens and subscribers")
	f.StringVar(&x.folder, "markdown", "", "write a file for each article into this folder")
	f.StringVar(&x.mbox, "mbox", "", "write a message for each article into this mailbox; \"-\" is standard output")
	f.StringVar(&x.tag, "tag", "", "only what is filed under this tag (with --markdown or --mbox)")
	f.StringVar(&x.source, "source", "", "only what came from this source: its URL, name or number (with --markdown or --mbox)")
	c.MarkFlagsMutuallyExclusive("tag", "source")
	c.MarkFlagsMutuallyExclusive("markdown", "mbox", "secrets")
	c.RunE = func(c *cobra.Command, args []string) error {
		part := x.tag != "" || x.source != ""
		switch other := x.folder != "" || x.mbox != ""; {
		case other && len(args) > 0:
			return usageError{errors.New("a file beside --markdown or --mbox")}
		case part && !other:
			return usageError{errors.New("only --markdown and --mbox can write a part of the archive")}
		}
		return g.withExisting(c.Context(), e, func(a *archive) error { return x.run(c.Context(), a, args) })
	}
	return c
}

func (x *exporting) run(ctx context.Context, a *archive, args []string) error {
	switch {
	case x.folder != "":
		return x.toFolder(ctx, a)
	case x.mbox != "":
		return x.to(x.mbox, func(w io.Writer) error { return x.toMailbox(ctx, a, w) })
	}
	db, ok := a.Store.(*bolt.DB)
	if !ok {
		return errors.New("this archive cannot be exported") // unreachable: there is one engine
	}
	name := "-"
	if len(args) > 0 {
		name = args[0]
	}
	bar := newProgress(x.e, x.g.quiet || name == "-", "exporting", -1)
	defer bar.end()
	return x.to(name, func(w io.Writer) error {
		return db.Export(ctx, w, x.secrets, func(done, of uint64) { bar.to(int(done), int(of)) })
	})
}

// to has a file written, which is there whole or not at all, or standard output.
func (x *exporting) to(name string, write func(io.Writer) error) (err error) {
	if name == "-" {
		w := bufio.NewWriterSize(x.e.Stdout, 256<<10)
		return errors.Join(write(w), w.Flush())
	}
	path := x.e.path(name)
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("export to %s: %w", name, err)
	}
	w := bufio.NewWriterSize(file, 256<<10)
	if err = write(w); err == nil {
		if err = cmp.Or(w.Flush(), file.Sync()); err != nil {
			err = fmt.Errorf("export to %s: %w", name, err)
		}
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // the error of what was to be there is the one to tell
	}
	return err
}

// each calls f with the articles that are wanted, the newest first.
func (x *exporting) each(ctx context.Context, a *archive, f func(*feed.Article) error) error {
	q := store.Query{Ref: store.Ref{Kind: store.All}, Limit: 100}
	switch {
	case x.tag != "":
		found, err := a.Named(ctx, store.Tag, x.tag)
		if err != nil {
			return err
		}
		q.Ref = found.Ref
	case x.source != "":
		s, err := a.findSource(ctx, x.source)
		if err != nil {
			return err
		}
		q.Ref = store.Ref{Kind: store.Source, Name: s.Name}
	}
	for {
		page, err := a.Articles(ctx, q)
		if err != nil {
			return err
		}
		for i := range page.Articles {
			if err := f(&page.Articles[i]); err != nil {
				return err
			}
		}
		if q.Before = page.Next; q.Before.IsZero() {
			return nil
		}
	}
}

// importExport takes an export in, if that is what there is to read, and reports whether it was.
func (g *globals) importExport(ctx context.Context, e *env, name string) (bool, error) {
	in := bufio.NewReaderSize(e.Stdin, 64<<10)
	if name != "-" {
		path := e.path(name)
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return false, nil // which is told by who reads it
		}
		file, err := os.Open(path)
		if err != nil {
			return false, nil // likewise
		}
		defer file.Close()
		in = bufio.NewReaderSize(file, 64<<10)
	} else {
		e.Stdin, name = in, "standard input"
	}
	if head, _ := in.Peek(64); !exchange.Is(head) {
		return false, nil
	}
	dir, err := g.dataDir(e)
	if err != nil {
		return true, err
	}
	if e.archive != nil {
		return true, notEmpty(dir)
	}
	err = intoEmpty(dir, func(path string) error { return bolt.Import(ctx, path, in) })
	if err != nil {
		return true, fmt.Errorf("import %s: %w", name, err)
	}
	if !g.quiet {
		fmt.Fprintf(e.Stdout, "the archive in %s is that of %s\n", dir, name)
	}
	return true, nil
}

// intoEmpty has an archive made, in place of none or of an empty one.
func intoEmpty(dir string, make func(path string) error) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return noArchive{err}
	}
	path := filepath.Join(dir, "archive.db")
	if !isThere(path) {
		return make(path)
	}
	was, err := bolt.Open(path, nil)
	if errors.Is(err, store.ErrInUse) {
		return hinted{noArchive{err}, "end the process that has it (backissue serve?), or name another folder with --data DIR"}
	}
	if err != nil {
		return noArchive{err}
	}
	defer was.Close() // held until the other one is in its place
	s, err := was.Stats(context.Background())
	if err != nil {
		return err
	}
	if s.Sequence > 0 || s.Sources > 0 || s.Changes > 0 || s.Incidents > 0 {
		return notEmpty(dir)
	}
	next := path + ".import"
	if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := make(next); err != nil {
		return err
	}
	return os.Rename(next, path)
}

func notEmpty(dir string) error {
	return hinted{fmt.Errorf("an export goes only into an empty archive, and that in %s is not empty or in use", dir),
		"name a new folder: backissue import --data DIR FILE"}
}
