package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/store"
)

// forgetPage is how many articles are forgotten, brought back or listed at a time.
const forgetPage = 200

// fewHeadlines is how many articles a question names.
const fewHeadlines = 5

func newForget(e *env, g *globals) *cobra.Command {
	var o forgetting
	var list, asJSON bool
	var limit int
	c := &cobra.Command{
		Use:   "forget ID… | --source SOURCE | --tag TAG | --list",
		Short: "Take articles out: by number, of a source, under a tag",
		Long: `Take articles out: by their numbers, all that came from a source (whose subscription ends
with that), or all that are in the feed of a tag now. What is forgotten leaves every feed,
list and search; its page says so (410 Gone), the Atom feeds tell readers to drop it (RFC
6721), and it does not come back when its publisher brings it again.

Nothing is forgotten unasked: on a terminal what would go is shown first, and of more than
one article their number must be typed; elsewhere --yes is needed.

--undo brings back what was forgotten, until compact --purge has removed it for good. What
went out before cannot be called back: see docs/forget.md.`,
		Example: `  backissue forget 12
  backissue forget --tag advertisement
  backissue forget --source https://example.org/feed.xml --yes
  backissue forget --undo 12
  backissue forget --list`,
		Args: cobra.ArbitraryArgs,
	}
	c.Flags().StringVar(&o.source, "source", "", "all articles of a source, by its URL, name or number")
	c.Flags().StringVar(&o.tag, "tag", "", "all articles that are in the feed of a tag now")
	c.Flags().BoolVar(&o.undo, "undo", false, "bring back what was forgotten, as it was")
	c.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&list, "list", false, "list what is forgotten, the last first")
	c.Flags().BoolVar(&asJSON, "json", false, "with --list, print JSON")
	c.Flags().IntVar(&limit, "limit", 0, "with --list, how many at most; 0 for all")
	c.MarkFlagsMutuallyExclusive("source", "tag", "list")
	c.MarkFlagsMutuallyExclusive("undo", "list")
	c.MarkFlagsMutuallyExclusive("yes", "list")
	c.RunE = func(c *cobra.Command, args []string) error {
		err := o.take(args, list)
		switch {
		case err != nil:
		case (asJSON || limit != 0) && !list:
			err = usageError{errors.New("--json and --limit go with --list")}
		case limit < 0:
			err = usageError{errors.New("--limit must not be negative")}
		}
		if err != nil {
			return err
		}
		return g.withExisting(c.Context(), e, func(a *archive) error {
			switch {
			case list && asJSON:
				return a.forgottenJSON(c.Context(), e, limit)
			case list:
				return a.printForgotten(c.Context(), e, limit)
			case o.undo:
				return a.recall(c.Context(), e, g, &o)
			}
			return a.forget(c.Context(), e, g, &o)
		})
	}
	return c
}

// forgetting says what is to be forgotten, or brought back.
type forgetting struct {
	ids         []feed.ID
	source, tag string
	undo, yes   bool
}

// take reads the arguments.
func (o *forgetting) take(args []string, list bool) (err error) {
	if named := o.source != "" || o.tag != "" || list; named == (len(args) > 0) {
		return hinted{usageError{errors.New("name articles by their numbers, or --source, --tag or --list")}, "try: backissue forget --help"}
	}
	o.ids, err = parseIDs(args)
	return err
}

func parseIDs(args []string) ([]feed.ID, error) {
	ids := make([]feed.ID, len(args))
	for i, arg := range args {
		var ok bool
		if ids[i], ok = feed.ParseID(arg); !ok {
			return nil, hinted{usageError{fmt.Errorf("%q is not an article's number", arg)}, "the number stands in its address: /articles/ID"}
		}
	}
	return ids, nil
}

// victims is what is to be forgotten.
type victims struct {
	ids    []feed.ID    // where they were named
	ref    store.Ref    // or all that are in a feed now
	source *feed.Source // or whose feed that is
	what   string       // the feed, in words
	count  uint64
	first  []feed.Article
	failed error // of those named, which are not there
}

// victims finds what is to be forgotten.
func (a *archive) victims(ctx context.Context, o *forgetting) (v victims, err error) {
	switch {
	case o.source != "":
		s, err := a.findSource(ctx, o.source)
		if err != nil {
			return v, err
		}
		v.source, v.ref, v.what = &s, store.Ref{Kind: store.Source, Name: s.Name}, "from "+s.DisplayTitle()
	case o.tag != "":
		f, err := a.Named(ctx, store.Tag, o.tag)
		if err != nil {
			return v, hinted{fmt.Errorf("tag %q: %w", o.tag, err), "see what there is with: backissue tags"}
		}
		v.ref, v.what = f.Ref, fmt.Sprintf("under the tag %q", f.Title)
	default:
		return v, a.named(ctx, o.ids, &v)
	}
	f, err := a.Feed(ctx, v.ref)
	if err != nil {
		return v, err
	}
	page, err := a.Articles(ctx, store.Query{Ref: v.ref, Limit: fewHeadlines})
	v.count, v.first = f.Articles, page.Articles
	return v, err
}

// named looks articles up that are named by their numbers.
func (a *archive) named(ctx context.Context, ids []feed.ID, v *victims) error {
	for _, id := range ids {
		article, err := a.Article(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			v.failed = errors.Join(v.failed, fmt.Errorf("forget %w", err))
			continue
		case err != nil:
			return err
		case article.Withdrawn:
			continue
		}
		v.ids = append(v.ids, id)
		if v.count++; len(v.first) < fewHeadlines {
			v.first = append(v.first, article)
		}
	}
	return nil
}

// forget forgets what it is asked to, once it is sure.
func (a *archive) forget(ctx context.Context, e *env, g *globals, o *forgetting) error {
	v, err := a.victims(ctx, o)
	if err != nil {
		return err
	}
	subscribed := v.source != nil && v.source.Subscribed
	if v.count == 0 && !subscribed {
		if v.failed == nil && !g.quiet {
			fmt.Fprintln(e.Stdout, "nothing to forget")
		}
		return v.failed
	}
	if err := v.confirm(e, o.yes, subscribed); err != nil {
		return err
	}
	if subscribed {
		s, err := a.Unsubscribe(ctx, v.source.ID)
		if err != nil {
			return err
		}
		a.heard(scheduler.Event{Source: s}) // so that its hub is left
		if !g.quiet {
			fmt.Fprintf(e.Stdout, "no longer subscribed to %s\n", s.DisplayTitle())
		}
	}
	if v.ids != nil || v.ref == (store.Ref{}) {
		if err := a.Withdraw(ctx, v.ids...); err != nil {
			return errors.Join(v.failed, err)
		}
		a.tell(e, g, "forgotten", v.first, v.count)
		return v.failed
	}
	n, err := a.forgetFeed(ctx, e, g, &v)
	if err == nil {
		a.tell(e, g, "forgotten", v.first, n)
	}
	return err
}

// tell says what became of articles, of which the first are given.
func (a *archive) tell(e *env, g *globals, became string, first []feed.Article, count uint64) {
	if g.quiet {
		return
	}
	if uint64(len(first)) == count {
		for i := range first {
			fmt.Fprintf(e.Stdout, "article %s %s: %s\n", first[i].ID, became, headline(&first[i]))
		}
		return
	}
	fmt.Fprintf(e.Stdout, "%s %s\n", plural(count, "article"), became)
}

// headline is what an article is called in a list.
func headline(a *feed.Article) string {
	switch h := a.Headline(); {
	case a.Purged:
		return "(removed for good)"
	case h == "":
		return "(without a title)"
	default:
		return h
	}
}

// forgetFeed forgets all that is in a feed, a page at a time, whatever comes in meanwhile.
func (a *archive) forgetFeed(ctx context.Context, e *env, g *globals, v *victims) (n uint64, err error) {
	bar := newProgress(e, g.quiet, "forgetting", int(v.count))
	defer bar.end()
	q := store.Query{Ref: v.ref, Limit: forgetPage}
	for {
		page, err := a.Articles(ctx, q)
		if err != nil {
			return n, err
		}
		ids := make([]feed.ID, len(page.Articles))
		for i := range page.Articles {
			ids[i] = page.Articles[i].ID
		}
		if err := a.Withdraw(ctx, ids...); err != nil {
			return n, err
		}
		n += uint64(len(ids))
		bar.step(len(ids))
		if q.Before = page.Next; page.Next.IsZero() {
			return n, nil
		}
	}
}

// confirm makes sure that somebody wants this.
func (v *victims) confirm(e *env, yes, subscribed bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s would be forgotten", plural(v.count, "article"))
	if v.what != "" {
		b.WriteString(" " + v.what)
	}
	if subscribed {
		b.WriteString(", and the subscription would end")
	}
	for i := range v.first {
		b.WriteString("\n  " + v.first[i].ID.String() + "  " + headline(&v.first[i]))
	}
	if v.count > uint64(len(v.first)) {
		b.WriteString("\n  …")
	}
	return confirm(e, yes, b.String(), "Forget", v.count)
}

// confirm asks whether something is to be done that is told in words, and, where it is done to several, asks
// for their number too. Where nobody can be asked it is an error that names --yes.
func confirm(e *env, yes bool, told, do string, count uint64) error {
	if yes {
		return nil
	}
	if !e.Terminal {
		fmt.Fprintln(e.Stderr, "backissue: "+told)
		return hinted{usageError{errors.New("nothing is changed without being asked for, and there is no terminal to ask at")},
			"if you are sure, say so with: --yes"}
	}
	in := bufio.NewReader(e.Stdin)
	fmt.Fprintf(e.Stderr, "%s\n%s? [y/N] ", told, do)
	if said := answer(in); !strings.EqualFold(said, "y") && !strings.EqualFold(said, "yes") {
		return usageError{errors.New("nothing is changed")}
	}
	if count > 1 {
		fmt.Fprintf(e.Stderr, "To be sure, type how many: ")
		if answer(in) != strconv.FormatUint(count, 10) {
			return usageError{fmt.Errorf("it is %d; nothing is changed", count)}
		}
	}
	return nil
}

// answer reads a line.
func answer(in *bufio.Reader) string {
	s, err := in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "" // which is no answer
	}
	return strings.TrimSpace(s)
}

// recall brings back what was forgotten.
func (a *archive) recall(ctx context.Context, e *env, g *globals, o *forgetting) error {
	var first []feed.Article
	var n, purged uint64
	back := func(ids []feed.ID) error {
		var there []feed.ID
		for _, id := range ids {
			switch article, err := a.Article(ctx, id); {
			case errors.Is(err, store.ErrNotFound) && len(o.ids) > 0:
				there = append(there, id) // which will be said
			case err != nil:
				return err
			case article.Purged && len(o.ids) == 0:
				purged++
			case article.Withdrawn:
				there = append(there, id)
			}
		}
		failed := a.Restore(ctx, there...)
		for _, id := range there {
			article, err := a.Article(ctx, id)
			if err != nil || article.Withdrawn {
				continue // said in failed
			}
			if n++; len(first) < fewHeadlines {
				first = append(first, article)
			}
		}
		return failed
	}
	var failed error
	var s *feed.Source
	if len(o.ids) > 0 {
		failed = back(o.ids)
	} else {
		v, err := a.victims(ctx, o)
		if err != nil {
			return err
		}
		s, failed = v.source, a.eachForgotten(ctx, v.ref, back)
	}
	a.tell(e, g, "brought back", first, n)
	if purged > 0 && !g.quiet {
		fmt.Fprintf(e.Stdout, "%s removed for good and cannot be brought back\n", plural(purged, "article"))
	}
	if s != nil && !s.Subscribed && !g.quiet {
		fmt.Fprintf(e.Stdout, "to subscribe again: backissue add %s\n", s.PublicURL())
	}
	if errors.Is(failed, store.ErrPurged) {
		failed = hinted{failed, "its text is no longer in the archive; a backup from before may have it"}
	}
	return failed
}

// eachForgotten calls f with the articles that were forgotten while they were in a feed, some at a time.
func (a *archive) eachForgotten(ctx context.Context, ref store.Ref, f func([]feed.ID) error) error {
	seen := make(map[feed.ID]bool)
	end, err := a.Feed(ctx, ref)
	if err != nil {
		return err
	}
	for from := uint64(0); from < end.Length; { // what is brought back enters the log behind that
		page, err := a.Log(ctx, ref, from, int(min(forgetPage, end.Length-from)))
		if err != nil || len(page) == 0 {
			return err
		}
		from += uint64(len(page))
		var ids []feed.ID
		for i := range page {
			if id := page[i].ID; page[i].Withdrawn && !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
		if err := f(ids); err != nil {
			return err
		}
	}
	return nil
}
