// Package publish writes what an archive shows over HTTP as plain files, for any web server to serve.
//
// It is a reader of the site like any other, who asks for every document that may have changed since
// the last time and keeps the answers: so the files are what the server would have sent, byte for
// byte. What that is follows from the archive's own records of what has changed; a document that has
// not is neither rendered nor looked at.
package publish

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/store"
)

// Options say what is published and where.
type Options struct {
	Archive store.Reader // required
	// Site is the handler that shows the archive ([web.New]), made for the address at which the folder
	// will be served; required.
	Site http.Handler
	Dir  string // the folder; made if it is not there
	// Address and Title are what Site was made with, and Version the program's. Where one of them has
	// changed since the last time, every document is looked at.
	Address, Title, Version string
	Whole                   bool // look at every document, whatever the folder says of the last time
	Overwrite               bool // publish into a folder that holds something else
	// Progress, if not nil, hears after each document how many have been looked at. It is called by
	// several goroutines.
	Progress func(looked int)
}

// Report says what was done.
type Report struct {
	Looked  int   `json:"looked"`  // documents that may have changed
	Written int   `json:"written"` // files that did, their compressed forms included
	Removed int   `json:"removed"` // files of what is no longer there
	Bytes   int64 `json:"bytes"`   // written
}

// Publish brings the folder up to what the archive shows. Each file is replaced in one step, and only
// if its bytes have changed. Articles are written before the documents that lead to them, and the
// note of how far the folder has come last of all: cut off anywhere, it is finished the next time.
// The error of a document names it and holds up no other. A folder that holds something else, and was
// never published to, is left alone: [ErrForeign]. No two calls may have one folder at a time.
func Publish(ctx context.Context, o Options) (Report, error) {
	began := time.Now()
	identity, err := o.Archive.Identity(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("publish: %w", err)
	}
	address, err := url.Parse(o.Address)
	if err != nil {
		return Report{}, fmt.Errorf("publish: %w", err)
	}
	// Asked for by its whole address, a document cannot be taken for another one that begins like it.
	p := &publisher{Options: o, prefix: strings.TrimRight(address.EscapedPath(), "/")}
	had, err := readState(o.Dir)
	if err == nil && had.Archive == "" {
		err = claim(o.Dir, o.Overwrite)
	}
	if err != nil {
		return Report{}, err
	}
	p.next = state{
		Format: stateFormat, Archive: hex.EncodeToString(identity[:]), Address: o.Address, Title: o.Title, Version: o.Version,
	}
	if !o.Whole && had.same(&p.next) {
		p.had = had
		p.next.progress = had.progress
	} else if err := (&state{Archive: p.next.Archive, Address: o.Address, Title: o.Title}).write(o.Dir); err != nil {
		return Report{}, err // so that the folder is known for ours if this is cut off
	}
	if had.cutOff() {
		err = sweep(o.Dir, began)
	}
	err = errors.Join(err, p.run(ctx))
	report := Report{
		Looked: int(p.looked.Load()), Written: int(p.written.Load()), Removed: int(p.removed.Load()), Bytes: p.bytes.Load(),
	}
	if err := errors.Join(err, context.Cause(ctx)); err != nil {
		return report, err
	}
	if p.next.progress.equal(&had.progress) && p.had.Format != 0 && !p.had.Underway {
		return report, nil
	}
	flush()
	return report, p.next.write(o.Dir)
}

// publisher is a folder while it is brought up to date.
type publisher struct {
	Options
	prefix string // the path of the address, escaped
	had    state  // what the folder held before; zero where everything is to be looked at
	next   state
	// rewritten says that pages of earlier changes have others on them, since an article that they name
	// was withdrawn or is back.
	rewritten bool

	looked, written, removed, bytes atomic.Int64

	mu   sync.Mutex
	errs []error
}

// run looks at everything that may have changed, what others lead to first.
func (p *publisher) run(ctx context.Context) error {
	changed, err := p.touched(ctx)
	if err != nil {
		return err
	}
	stats, err := p.Archive.Stats(ctx)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	p.next.Changes = stats.Changes
	if len(changed) == 0 && stats.Changes == p.had.Changes && p.had.Format != 0 {
		return nil
	}
	if p.had.Format != 0 && !p.had.Underway {
		underway := p.had
		underway.Underway = true
		if err := underway.write(p.Dir); err != nil {
			return err
		}
	}
	steps := []func(context.Context, chan<- []string) error{
		func(ctx context.Context, paths chan<- []string) error {
			return p.articles(ctx, changed, stats.Changes, paths)
		},
		func(_ context.Context, paths chan<- []string) error { return p.sealed(changed, paths) },
		func(_ context.Context, paths chan<- []string) error { return live(changed, paths) },
		func(ctx context.Context, paths chan<- []string) error { return p.lists(ctx, stats, paths) },
	}
	for _, step := range steps {
		if err := p.each(ctx, step); err != nil {
			return err
		}
	}
	return errors.Join(p.errs...)
}

// each writes the documents whose paths a step names: those named together one after the other up to
// the first that fails, and several such series at once.
func (p *publisher) each(ctx context.Context, step func(context.Context, chan<- []string) error) error {
	paths := make(chan []string, 64)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for series := range paths {
				p.documents(ctx, series)
			}
		})
	}
	err := step(ctx, paths)
	close(paths)
	workers.Wait()
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return context.Cause(ctx)
}

// documents writes documents until one fails or ctx ends; the rest is for the next time.
func (p *publisher) documents(ctx context.Context, paths []string) {
	for _, path := range paths {
		if ctx.Err() != nil {
			return
		}
		err := p.document(ctx, path)
		if n := p.looked.Add(1); p.Progress != nil {
			p.Progress(int(n))
		}
		if err != nil {
			p.failed(fmt.Errorf("publish %s: %w", path, err))
			return
		}
	}
}

// maxErrors is how many documents that could not be written are told by name.
const maxErrors = 20

func (p *publisher) failed(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case len(p.errs) < maxErrors:
		p.errs = append(p.errs, err)
	case len(p.errs) == maxErrors:
		p.errs = append(p.errs, errors.New("publish: and others"))
	}
}

// pageOfFeeds is how many records are read at a time.
const pageOfFeeds = 1000

// touched returns the feeds that have changed since the last time. What changes from here on is for
// the next time, though it may be written already.
func (p *publisher) touched(ctx context.Context) ([]store.Feed, error) {
	at := make(map[store.Ref]int)
	var feeds []store.Feed
	for {
		page, err := p.Archive.Touched(ctx, p.next.Commit, pageOfFeeds)
		if err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
		if len(page) == 0 {
			return feeds, nil
		}
		p.next.Commit = page[len(page)-1].Touched
		for _, f := range page {
			if i, again := at[f.Ref]; again {
				feeds[i] = f
				continue
			}
			at[f.Ref] = len(feeds)
			feeds = append(feeds, f)
		}
	}
}

// sealed names the archive documents that are new. Those that are there are never written again; of a
// feed that has ended all are named, since the site has none of them any more. The page of each comes
// last and those of a feed come in their order, so that where there is a page all that is older is
// there as well.
func (p *publisher) sealed(feeds []store.Feed, paths chan<- []string) error {
	extensions := slices.Clone(web.Extensions())
	slices.Reverse(extensions)
	for i := range feeds {
		f := &feeds[i]
		k := f.Sealed
		for k > 0 && !(p.had.Format != 0 && !f.Ended && p.isThere(web.ArchivePath(f.Ref, k-1))) {
			k--
		}
		var series []string
		for ; k < f.Sealed; k++ {
			for _, ext := range extensions {
				series = append(series, web.ArchivePath(f.Ref, k)+ext)
			}
		}
		paths <- series
	}
	return nil
}

// live names the documents of the feeds as they are now.
func live(feeds []store.Feed, paths chan<- []string) error {
	for i := range feeds {
		for _, ext := range web.Extensions() {
			paths <- []string{web.FeedPath(feeds[i].Ref) + ext}
		}
	}
	return nil
}

// lists names what lists other documents, and what belongs to the site as a whole.
func (p *publisher) lists(ctx context.Context, stats store.Stats, paths chan<- []string) error {
	all, err := web.ListPaths(ctx, p.Archive)
	if err != nil {
		return err
	}
	since := p.had.Changes
	if p.rewritten {
		since = 0
	}
	all = append(all, web.ChangesPaths(since, stats)...)
	if p.had.Format == 0 {
		all = append(all, web.StaticPaths()...)
	}
	for _, path := range append(all, "/feeds.opml", "/") {
		paths <- []string{path}
	}
	return nil
}
