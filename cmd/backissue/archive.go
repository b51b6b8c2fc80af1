package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backissue/backissue/cmd/backissue/control"
	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/scheduler/push"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// archive is an open archive with what works on it. All commands that are carried out in one
// process share it.
type archive struct {
	store.Store
	Scheduler *scheduler.Scheduler
	Dir       string

	limited atomic.Pointer[error] // why it is only read; nil while it is written too

	publishing sync.Mutex // held while a folder is published
	backingUp  sync.Mutex // held while a backup is made

	address atomic.Pointer[string]          // where serve shows it, while it does
	hears   atomic.Pointer[push.Subscriber] // hears of visits, while serve has hubs tell what is new
	counts  web.Counts                      // what was done since the archive was opened
}

// patience is how long a command waits for another process that has the archive and does not
// answer (one that is opening or closing it, say).
const patience = 10 * time.Second

// dataDir returns the folder of the archive.
func (g *globals) dataDir(e *env) (string, error) {
	for _, dir := range []string{g.data, e.Getenv("BACKISSUE_DATA")} {
		if dir != "" {
			return e.path(dir), nil
		}
	}
	if dir := e.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "backissue"), nil
	}
	if home := e.Getenv("HOME"); home != "" {
		return filepath.Join(home, ".local", "share", "backissue"), nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", hinted{usageError{errors.New("there is no folder for the archive")}, "name one with --data DIR"}
	}
	return filepath.Join(dir, "backissue"), nil
}

// withArchive runs do on the archive. If another process has it open, that process carries the
// whole command line out, and do is not run here; so whoever types a command sees the same words
// and gets the same exit code either way.
func (g *globals) withArchive(ctx context.Context, e *env, do func(*archive) error) error {
	if e.archive != nil {
		if err := e.archive.admit(e); err != nil {
			return err
		}
		return do(e.archive)
	}
	dir, err := g.dataDir(e)
	if err != nil {
		return err
	}
	for until := time.Now().Add(patience); ; {
		a, err := openArchive(dir, e, g.quiet)
		if err == nil {
			return a.own(ctx, e, do)
		}
		if !errors.Is(err, store.ErrInUse) {
			return err
		}
		code, err := forward(ctx, e, dir)
		if err == nil {
			return exitError(code)
		}
		if !errors.Is(err, control.ErrNobody) {
			return err
		}
		if time.Now().After(until) {
			return hinted{noArchive{fmt.Errorf("open %s: %w, which does not answer", dir, store.ErrInUse)},
				"stop that process (a backup program, perhaps?) or try again later"}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// withExisting is withArchive for commands that only look: a path that was mistyped is said to be
// one, and does not become an empty archive in which everything is well.
func (g *globals) withExisting(ctx context.Context, e *env, do func(*archive) error) error {
	dir, err := g.dataDir(e)
	if err != nil {
		return err
	}
	if e.archive == nil && !isThere(filepath.Join(dir, "archive.db")) {
		if err := cutOff(dir); err != nil {
			return err
		}
		if isThere(filepath.Join(dir, "raw")) {
			return hinted{noArchive{fmt.Errorf("there is no archive in %s, but the journal of one", dir)}, "make it anew with: backissue rebuild"}
		}
		return hinted{noArchive{fmt.Errorf("there is no archive in %s", dir)}, "begin one with: backissue serve, add or import"}
	}
	return g.withArchive(ctx, e, do)
}

// openArchive opens the archive in a folder, and makes both if they are not there. One that is damaged, or
// where nothing can be written, is opened to be read (see limits.go).
func openArchive(dir string, e *env, quiet bool) (*archive, error) {
	if err := cutOff(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, noArchive{fmt.Errorf("make the archive's folder: %w", err)}
	}
	bar := newProgress(e, quiet, "beginning the journal", -1)
	db, err := bolt.Open(filepath.Join(dir, "archive.db"), &bolt.Options{
		Raw:       filepath.Join(dir, "raw"),
		Journaled: func(bytes int64) { bar.to(int(bytes), -1) },
		Kept: func(path string, format uint32) {
			fmt.Fprintf(e.Stderr, "backissue: the archive is of format %d and is brought to %d; as it was before it is kept in %s\n",
				format, bolt.FormatVersion, path)
		},
	})
	bar.end()
	var why error
	if err != nil {
		if db, why = openLimited(dir, err); db == nil {
			return nil, why
		}
	}
	log := slog.New(slog.DiscardHandler)
	client := &fetch.Client{
		UserAgent: fetch.UserAgent(release), HostGap: time.Second, Allow: strings.Fields(e.Getenv("BACKISSUE_ALLOW")), Log: log,
	}
	a := &archive{Store: db, Dir: dir}
	if why != nil {
		a.limited.Store(&why)
	}
	a.Scheduler = &scheduler.Scheduler{Store: db, Fetch: client, Log: log, Heard: a.heard, Ended: a.ended}
	return a, nil
}

// heard passes on what a visit has found, whichever command had it made.
func (a *archive) heard(e scheduler.Event) {
	if s := a.hears.Load(); s != nil {
		s.Heard(e)
	}
}

// own runs do as the owner of the archive: as long as it takes, other commands are carried out too.
func (a *archive) own(ctx context.Context, e *env, do func(*archive) error) error {
	if err := a.admit(e); err != nil {
		return errors.Join(err, a.Close())
	}
	if a.limit() != nil && !e.asked("serve") {
		return errors.Join(do(a), a.Close()) // others can open it to read, as we did
	}
	other := func(ctx context.Context, req *control.Request, stdin io.Reader, stdout, stderr io.Writer) int {
		return run(ctx, req.Args, &env{
			Stdin: stdin, Stdout: stdout, Stderr: stderr, Dir: req.Dir,
			Getenv:   func(name string) string { return req.Env[name] },
			Terminal: req.Terminal, Width: req.Width, Color: req.Color, archive: a,
		})
	}
	srv, err := control.Listen(ctx, control.Address(a.Dir), other)
	if err != nil && a.limit() != nil {
		return errors.Join(do(a), a.Close()) // the file system may be one that nobody can write
	}
	if err != nil {
		// A file system without sockets is no reason not to work; only others must wait.
		fmt.Fprintf(e.Stderr, "backissue: other commands will have to wait for this one: %v\n", err)
		return errors.Join(do(a), a.Close())
	}
	return errors.Join(do(a), srv.Close(), a.Close())
}

// forward has the process that owns the archive carry the command line out.
func forward(ctx context.Context, e *env, dir string) (int, error) {
	req := &control.Request{Args: e.Args, Dir: e.Dir, Env: map[string]string{}, Terminal: e.Terminal, Width: e.Width, Color: e.Color}
	for _, name := range environment() {
		req.Env[name] = e.Getenv(name)
	}
	return control.Do(ctx, control.Address(dir), req, e.Stdin, e.Stdout, e.Stderr)
}
