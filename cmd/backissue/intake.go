package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/document"
	"github.com/backissue/backissue/feed/opml"
	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/exchange"
)

// maxFile is the size up to which files are read: more is no article and no feed.
const maxFile = 256 << 20

// shareFiles is how many files are saved together. Each is taken in wholly or not at all all the
// same; they only share the wait for the disk.
const shareFiles = 128

// intake takes files into the archive: articles, feeds and lists of subscriptions.
type intake struct {
	e       *env
	a       *archive
	base    string      // what relative links of articles are resolved against
	source  feed.Source // the source that feed files belong to; zero: the one they name themselves
	tags    []string    // under which new subscriptions are filed
	quiet   bool        // no progress is shown
	bar     *progress
	waiting []store.Batch
	names   []string // of the files that the waiting batches come from

	Added, Revised, Same, Subscribed, Failed int
}

// refusal says why a file did not come in.
func (in *intake) refusal(name string, err error) {
	in.Failed++
	if strings.Contains(err.Error(), name) {
		fmt.Fprintf(in.e.Stderr, "backissue: %v\n", err)
		return
	}
	fmt.Fprintf(in.e.Stderr, "backissue: %s: %v\n", name, err)
}

// shareBytes is how much of their content may wait in memory.
const shareBytes = 32 << 20

// files returns the files that a path names: itself, or what a folder holds at any depth that looks
// like an article, a feed or a list.
func files(path string) ([]string, error) {
	var names []string
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a link to a folder is as good as the folder
	}
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case p != path && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir() && (p == path || slices.Contains(knownEndings(), strings.ToLower(filepath.Ext(p)))):
			names = append(names, p)
		}
		return nil
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s holds no file that ends in %s", path, strings.Join(knownEndings(), " "))
	}
	return names, err
}

// knownEndings are what files in a folder must end in to be taken in.
func knownEndings() []string {
	return []string{".txt", ".menu", ".gopher", ".xml", ".rss", ".atom", ".rdf", ".json", ".opml"}
}

// take takes in files and folders. A file that is refused is reported and holds nobody up; the error
// is for what stops everything.
func (in *intake) take(ctx context.Context, paths []string, quiet bool) error {
	var names []string
	for _, p := range paths {
		found, err := files(in.e.path(p))
		if err != nil {
			in.refusal(p, err)
		}
		names = append(names, found...)
	}
	if len(names) > 1 {
		in.bar = newProgress(in.e, quiet, "taking in", len(names))
	}
	defer in.bar.end()
	size := 0
	for _, name := range names {
		if err := context.Cause(ctx); err != nil {
			return errors.Join(in.flush(ctx), err)
		}
		data, err := readFile(name)
		if err == nil {
			err = in.one(ctx, name, data)
		}
		if err != nil {
			in.refusal(name, err)
		}
		in.bar.step(1)
		size += len(data)
		if len(in.waiting) >= shareFiles || size >= shareBytes {
			size = 0
			if err := in.flush(ctx); err != nil {
				return err
			}
		}
	}
	return in.flush(ctx)
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(name, f)
}

func readAll(name string, r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d MiB", name, maxFile>>20)
	}
	return data, err
}

// one takes in one file, or has it wait to be saved with others.
func (in *intake) one(ctx context.Context, name string, data []byte) error {
	switch kind(name, data) {
	case "export":
		return errors.New("an export of an archive is imported alone, into an empty one")
	case "list":
		return in.list(ctx, data)
	case "feed":
		return in.feed(name, data)
	}
	source, articles, err := readArticles(name, data, in.base)
	if err != nil {
		return err
	}
	source.Tags = in.tags
	in.wait(name, data, in.base, store.Batch{Source: source, Articles: articles})
	return nil
}

// readArticles reads a file in which an article stands as text, or a feed. Relative addresses in it are
// resolved against base.
func readArticles(name string, data []byte, base string) (feed.Source, []feed.Article, error) {
	if kind(name, data) == "feed" {
		d, err := parse.Feed(data, parse.Options{URL: base, Whole: true})
		if err != nil {
			return feed.Source{}, nil, err
		}
		return d.Source, d.Articles, nil
	}
	d, err := document.Text(name, data, document.Options{Base: base})
	if err != nil {
		return feed.Source{}, nil, err
	}
	return d.Source, feed.Identify([]feed.Article{d.Article}, d.Source.Home, feed.PolicyAuto), nil
}

// kind tells what a file is by its first character, and where that says nothing by its name.
func kind(name string, data []byte) string {
	head := string(data[:min(len(data), 4096)])
	trimmed := strings.TrimLeft(head, "\ufeff \t\r\n")
	markup := strings.HasPrefix(trimmed, "<")
	switch {
	case exchange.Is(data):
		return "export"
	case markup && (strings.Contains(head, "<opml") || strings.Contains(head, "<OPML")):
		return "list"
	case markup, strings.HasPrefix(trimmed, "{"), strings.HasPrefix(head, "\x1f\x8b"):
		return "feed"
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".opml":
		return "list"
	case ".xml", ".rss", ".atom", ".rdf", ".json":
		return "feed"
	}
	return "text"
}

// feed takes in a feed file like what a visit to the feed would have brought.
func (in *intake) feed(name string, data []byte) error {
	base := ""
	if in.source.URL != "" {
		base = in.source.PublicURL()
	}
	source, articles, err := readArticles(name, data, base)
	if err != nil {
		return err
	}
	if in.source.URL != "" {
		source.ID, source.URL = in.source.ID, in.source.URL
	} else {
		source.URL = feedAddress(name, &source)
	}
	source.Tags = in.tags
	in.wait(name, data, base, store.Batch{Source: source, Articles: articles})
	return nil
}

// feedAddress returns the address by which a feed file's source is known: the one that the feed
// gives as its own, or a name made of its site and title, so that the same feed is the same source
// wherever the file lies; or at last of the file's name. It goes out with the articles, so it says
// nothing of where the file lies.
func feedAddress(name string, s *feed.Source) string {
	for _, l := range s.Links {
		if l.Rel == "self" && (strings.HasPrefix(l.Href, "http://") || strings.HasPrefix(l.Href, "https://")) {
			return l.Href
		}
	}
	if u, err := url.Parse(s.Home); err == nil && u.Host != "" && s.Title != "" {
		return "urn:backissue:feed:" + feed.Slug(u.Host+u.Path) + ":" + feed.Slug(s.Title)
	}
	return "urn:backissue:feed:file:" + feed.Slug(filepath.Base(name))
}

// list adds the subscriptions of an OPML file. They are visited at the next round.
func (in *intake) list(ctx context.Context, data []byte) error {
	outlines, err := opml.Read(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if len(outlines) == 0 {
		return errors.New("the list names no feed")
	}
	wants := make([]scheduler.Subscription, len(outlines))
	for i, o := range outlines {
		wants[i] = scheduler.Subscription{
			URL: o.URL, Title: o.Title, Home: o.Home, Tags: slices.Concat(in.tags, o.Tags), NoFetch: true,
		}
	}
	var bar *progress
	if in.bar == nil {
		bar = newProgress(in.e, in.quiet, "subscribing", len(wants))
		defer bar.end()
	}
	n := 0
	return in.a.Scheduler.FollowAll(ctx, wants, func(l scheduler.Listed) {
		if l.Err != nil {
			in.refusal(wants[n].URL, l.Err)
		}
		if l.New {
			in.Subscribed++
		}
		n++
		bar.step(1)
	})
}

// wait has a batch wait to be saved with others. Of where the file lies nothing is kept.
func (in *intake) wait(name string, data []byte, base string, b store.Batch) {
	b.Seen = time.Now()
	b.Capture = &store.Capture{
		URL: filepath.Base(name), At: b.Seen, ContentType: mime.TypeByExtension(filepath.Ext(name)), Base: base, Body: data,
	}
	in.waiting = append(in.waiting, b)
	in.names = append(in.names, name)
}

// flush saves what waits.
func (in *intake) flush(ctx context.Context) error {
	if len(in.waiting) == 0 {
		return nil
	}
	// Saving takes moments; being told to stop is no reason to refuse what has been read.
	saved, err := in.a.Save(context.WithoutCancel(ctx), in.waiting...)
	for i, s := range saved {
		in.Added += len(s.Added)
		in.Revised += len(s.Revised)
		in.Same += s.Same
		if s.Err != nil {
			in.refusal(in.names[i], s.Err)
		}
	}
	in.waiting, in.names = nil, nil
	if errors.Is(err, store.ErrDamaged) {
		return err
	}
	return nil
}

// String sums up for people.
func (in *intake) String() string {
	var parts []string
	for _, p := range []struct {
		n    int
		text string
	}{{in.Added, "new"}, {in.Revised, "revised"}, {in.Same, "known"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprint(p.n, " ", p.text))
		}
	}
	sum := "no articles"
	if len(parts) > 0 {
		sum = "articles: " + strings.Join(parts, ", ")
	}
	if in.Subscribed > 0 {
		sum += "; " + plural(in.Subscribed, "new subscription")
	}
	if in.Failed > 0 {
		sum += "; " + plural(in.Failed, "refusal")
	}
	return sum
}
