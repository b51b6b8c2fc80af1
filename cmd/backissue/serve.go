package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/store"
)

// demo is a dozen articles for a first look.
//
//go:embed demo/*.txt
var demo embed.FS

// defaultTitle is the title of an archive whose owner gives it none.
const defaultTitle = "backissue"

// drain is how long requests under way may take to finish when the server is told to stop.
const drain = 5 * time.Second

// server is what serve was asked to do.
type server struct {
	e       *env
	g       *globals
	listen  string
	base    string
	title   string
	demo    bool
	idle    bool
	deltas  bool
	verbose bool
	pushing pushing

	watching watching
}

func newServe(e *env, g *globals) *cobra.Command {
	s := &server{e: e, g: g}
	c := &cobra.Command{
		Use:   "serve [SOURCE…]",
		Short: "Serve the archive, and keep it up to date",
		Long: `Take in the sources that are named, then serve the archive over HTTP and visit
subscriptions when they are due, until interrupted.

A SOURCE is the address of a feed, or of a page that names one, which is subscribed to;
or a file: an article, a feed, a list of subscriptions (OPML), or a folder of them.

While it runs, every other command works as usual, from another terminal or from cron.`,
		Example: `  backissue serve --demo
  backissue serve https://example.org/feed.xml subscriptions.opml articles/
  backissue serve --listen :8080 --base-url https://feeds.example.org`,
	}
	f := c.Flags()
	f.StringVar(&s.listen, "listen", "", "address to listen on (BACKISSUE_LISTEN; default 127.0.0.1:8080)")
	f.StringVar(&s.base, "base-url", "", "public address of the archive, if it differs (BACKISSUE_BASE_URL)")
	f.StringVar(&s.title, "title", defaultTitle, "title of the archive")
	f.BoolVar(&s.demo, "demo", false, "serve a dozen articles for a first look; from a temporary archive unless --data is given")
	f.BoolVar(&s.idle, "no-fetch", false, "serve only; leave the visits to cron")
	f.BoolVar(&s.deltas, "deltas", false, "send only what is new to readers who ask for it (RFC 3229); some ask and cannot read the answer")
	f.BoolVarP(&s.verbose, "verbose", "v", false, "log every visit that brought something")
	s.pushing.register(c)
	s.watching.register(c)
	c.RunE = func(c *cobra.Command, args []string) error { return s.run(c.Context(), args) }
	return c
}

func (s *server) run(ctx context.Context, sources []string) error {
	if a := s.e.archive; a != nil {
		// Somebody else typed this; that it was not meant for us is all that we can tell them.
		if at := a.address.Load(); at != nil {
			return hinted{noArchive{fmt.Errorf("serve %s: %w", a.Dir, store.ErrInUse)}, "it is served already, at " + *at}
		}
		return exitError(exitBusy)
	}
	if s.demo && s.g.data == "" && s.e.Getenv("BACKISSUE_DATA") == "" {
		dir, err := os.MkdirTemp("", "backissue-demo-")
		if err != nil {
			return fmt.Errorf("make a temporary archive: %w", err)
		}
		defer os.RemoveAll(dir)
		s.g.data = dir
	}
	// A command that has the archive open for a moment is waited for, a server is not.
	for until := time.Now().Add(patience); ; {
		err := s.g.withArchive(ctx, s.e, func(a *archive) error { return s.serve(ctx, a, sources) })
		if err != exitError(exitBusy) {
			return err
		}
		if time.Now().After(until) {
			fmt.Fprintln(s.e.Stderr, "backissue: the archive is in use by a command that takes long; try again when it has ended")
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// serve is run as the owner of the archive.
func (s *server) serve(ctx context.Context, a *archive, sources []string) error {
	listener, base, public, err := s.open()
	if err != nil {
		return err
	}
	defer listener.Close()
	a.address.Store(&base)
	defer a.Scheduler.Fetch.CloseIdle() // connections are kept for a while, which would be left behind
	log := s.log()
	if err := s.pushing.begin(a, base, public, log); err != nil {
		return err
	}
	limited := a.limit() != nil
	switch {
	case limited && (s.demo || len(sources) > 0):
		fmt.Fprintln(s.e.Stderr, "backissue: nothing that was named is taken in")
	case !limited:
		if err := s.takeIn(ctx, a, sources); err != nil {
			return err
		}
	}
	o := web.Options{
		Archive: a.Store, BaseURL: base, Title: s.title, Version: release, Deltas: s.deltas, Hub: s.pushing.address(base), Hubs: s.pushing.pings, Log: log,
		Status: s.watching.shown(a, listener.Addr(), public, s.pushing.hub),
		Limited: func() (why, hint string) {
			if err := a.limit(); err != nil {
				return err.Error(), remedy(err)
			}
			return "", ""
		},
	}
	if !s.idle && !limited {
		o.Alive = a.Scheduler.Turned
	}
	h, err := web.New(o)
	if err != nil {
		return usageError{err}
	}
	if limited {
		s.pushing.hub, s.pushing.push = false, false // whose subscriptions would be written
	}
	h = s.pushing.mount(a, h, base, s.e.Getenv, log)
	stats, err := a.Stats(ctx)
	switch {
	case errors.Is(err, store.ErrDamaged) && !s.g.quiet:
		fmt.Fprintf(s.e.Stderr, "backissue: %v\n", err)
		fmt.Fprintf(s.e.Stdout, "serving what can be read at %s\n", base)
	case errors.Is(err, store.ErrDamaged):
	case err != nil:
		return err
	case !s.g.quiet:
		fmt.Fprintf(s.e.Stdout, "serving %s, %s and %s at %s\n", plural(stats.Articles, "article"),
			plural(stats.Tags, "tag"), plural(stats.Sources, "source"), base)
	}
	return s.work(ctx, a, web.Server(listener.Addr().String(), h, log), listener)
}

// work serves and fetches until the context ends or one of the two fails. Where the archive cannot be written
// any more, or what fetching needs is damaged, it goes on serving.
func (s *server) work(ctx context.Context, a *archive, srv *http.Server, l net.Listener) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			stop(fmt.Errorf("serve: %w", err))
		}
	})
	if a.limit() == nil {
		wg.Go(func() {
			if err := s.fetch(ctx, a); err != nil {
				stop(err)
			}
		})
	}
	<-ctx.Done()
	// Requests under way are finished; those that take too long are cut off.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if srv.Shutdown(last) != nil {
		srv.Close()
	}
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil // being told to stop is how serving ends
}

// fetch does all that writes to the archive, until the context ends or nothing can be written any more.
func (s *server) fetch(ctx context.Context, a *archive) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	var pushing, visiting error
	wg.Go(func() {
		if err := a.finishSearches(ctx); err != nil && ctx.Err() == nil {
			s.log().Error("saved search failed", "error", err)
		}
	})
	wg.Go(func() {
		if pushing = s.pushing.run(ctx); pushing != nil {
			cancel()
		}
	})
	if !s.idle {
		wg.Go(func() {
			defer cancel()
			if visiting = a.Scheduler.Run(ctx); visiting != nil {
				visiting = fmt.Errorf("visit sources: %w", visiting)
			}
		})
	}
	wg.Go(func() {
		select {
		case <-a.halted():
			cancel()
		case <-ctx.Done():
		}
	})
	wg.Wait()
	err := errors.Join(pushing, visiting)
	if errors.Is(err, store.ErrDamaged) {
		a.limited.CompareAndSwap(nil, &err)
	}
	why := a.limit()
	if why == nil {
		return err
	}
	s.log().Error("nothing is written any more, and no source is visited; what can be read is served", "error", why, "remedy", remedy(why))
	return nil
}

// open takes the port, so that a port which is taken is an error before anything is taken in, and
// returns the address at which readers reach the archive, and whether that is one which was given.
func (s *server) open() (l net.Listener, base string, public bool, err error) {
	address := s.listen
	if address == "" {
		address = s.e.Getenv("BACKISSUE_LISTEN")
	}
	if address == "" {
		address = "127.0.0.1:8080"
	}
	l, err = net.Listen("tcp", address)
	if err != nil {
		return nil, "", false, hinted{fmt.Errorf("listen on %s: %w", address, err), "choose another address with --listen HOST:PORT"}
	}
	if base = s.base; base == "" {
		base = s.e.Getenv("BACKISSUE_BASE_URL")
	}
	if public = base != ""; !public {
		at := l.Addr().(*net.TCPAddr)
		host := at.IP.String()
		if at.IP.IsUnspecified() {
			host = "127.0.0.1"
		}
		base = "http://" + net.JoinHostPort(host, fmt.Sprint(at.Port))
	}
	return l, base, public, nil
}

// takeIn takes in what was named on the command line. What is refused is said and holds nobody up.
func (s *server) takeIn(ctx context.Context, a *archive, sources []string) error {
	in := &intake{e: s.e, a: a, quiet: s.g.quiet}
	if s.demo {
		if err := in.demo(ctx); err != nil {
			return err
		}
	}
	var paths, addresses []string
	for _, source := range sources {
		if isURL(source) || !isThere(s.e.path(source)) && looksLikeHost(source) {
			addresses = append(addresses, source)
		} else {
			paths = append(paths, source)
		}
	}
	if err := in.take(ctx, paths, s.g.quiet); err != nil {
		return err
	}
	subscribeAll(ctx, s.e, a, addresses, subscribing{quiet: s.g.quiet})
	if len(paths) > 0 && !s.g.quiet {
		fmt.Fprintln(s.e.Stdout, in)
	}
	return context.Cause(ctx)
}

// demo takes in the articles that are built in.
func (in *intake) demo(ctx context.Context) error {
	names, err := demo.ReadDir("demo")
	if err != nil {
		return fmt.Errorf("read the demo: %w", err)
	}
	for _, n := range names {
		data, err := demo.ReadFile(path.Join("demo", n.Name()))
		if err == nil {
			err = in.one(ctx, n.Name(), data)
		}
		if err != nil {
			return fmt.Errorf("read the demo: %w", err)
		}
	}
	return in.flush(ctx)
}

func (s *server) log() *slog.Logger {
	level := slog.LevelWarn
	if s.verbose {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(s.e.Stderr, &slog.HandlerOptions{Level: level}))
}

var _ store.Reader = (*archive)(nil)
