package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
)

// sideBySide is how many addresses are subscribed to at once. Those of one host take turns anyway.
const sideBySide = 8

func newAdd(e *env, g *globals) *cobra.Command {
	var o subscribing
	var identity string
	var given accessFlags
	c := &cobra.Command{
		Use:   "add URL|FILE.opml…",
		Short: "Subscribe to feeds",
		Long: `Subscribe to the feed at an address, or to the best of the feeds that the page at that
address names, and take in what it holds. Of a list of subscriptions (OPML), subscribe to
every feed in it; they are visited at the next round, and its folders become tags.

What a publisher wants to see from subscribers (a password, a token, a cookie, a header) goes to
the host of the address alone, and is shown nowhere. Arguments can be seen by everybody on the
machine while the command runs, so secrets are read from files; "-" is standard input.

What is subscribed to already is not asked again: tags are added to those that it has, a policy
and what is given along replace the former ones, and what changed is said. --forget-access has
nothing given along from now on.`,
		Example: `  backissue add https://example.org/feed.xml
  backissue add --tag news --tag world example.org
  backissue add --user me --password-file secret.txt https://example.org/members.xml
  backissue add --forget-access https://example.org/members.xml
  backissue add --identity link https://example.org/new-guids-every-day.xml
  backissue add subscriptions.opml`,
		Args: cobra.MinimumNArgs(1),
	}
	c.Flags().StringArrayVar(&o.tags, "tag", nil, "file everything from there under this tag; may be repeated")
	c.Flags().BoolVar(&o.force, "force", false, "subscribe even if there is no feed at the address now")
	c.Flags().StringVar(&identity, "identity", feed.PolicyAuto.String(),
		"what tells its articles apart: auto, or guid, link or title alone, for a publisher who spoils the others")
	c.Flags().BoolVar(&o.forget, "forget-access", false, "forget what is given along to the address (password, token, cookie, headers, proxy)")
	given.register(c)
	for _, flag := range []string{"header", "header-file", "user", "password-file", "bearer-file", "cookie-file", "proxy", "proxy-file"} {
		c.MarkFlagsMutuallyExclusive("forget-access", flag)
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := checkTags(o.tags); err != nil {
			return err
		}
		return g.withArchive(c.Context(), e, func(a *archive) error {
			var ok bool
			if o.identity, ok = feed.ParsePolicy(identity); !ok {
				return hinted{usageError{fmt.Errorf("nothing is called %q that could tell articles apart", identity)}, "use auto, guid, link or title"}
			}
			o.quiet = g.quiet
			var addresses, lists []string
			for _, arg := range args {
				if !isURL(arg) && isThere(e.path(arg)) {
					lists = append(lists, arg)
				} else {
					addresses = append(addresses, arg)
				}
			}
			var err error
			if o.access, err = given.read(e, len(addresses) == 1 && len(lists) == 0); err != nil {
				return err
			}
			if len(lists) > 0 && o.access.Proxy != "" {
				return usageError{errors.New("a proxy is for the addresses that are given with it, and not for a list")}
			}
			failed := subscribeAll(c.Context(), e, a, addresses, o)
			if len(lists) > 0 {
				in := &intake{e: e, a: a, tags: o.tags, quiet: g.quiet}
				if err := in.take(c.Context(), lists, g.quiet); err != nil {
					return err
				}
				a.Scheduler.Wake()
				if err := in.report(g.quiet, false); err != nil {
					return err
				}
			}
			if err := context.Cause(c.Context()); err != nil {
				return err
			}
			if failed > 0 {
				return errReported
			}
			return nil
		})
	}
	return c
}

// subscribing says how to subscribe.
type subscribing struct {
	tags  []string
	force bool
	quiet bool
	// identity is what to trust to tell articles apart.
	identity feed.Policy
	access   feed.Access
	forget   bool // what was given along before
}

// subscribeAll subscribes to addresses, says what became of each in the order in which they were
// given, and returns how many failed.
func subscribeAll(ctx context.Context, e *env, a *archive, addresses []string, o subscribing) (failed int) {
	outcomes := make([]chan outcome, len(addresses))
	for i := range outcomes {
		outcomes[i] = make(chan outcome, 1)
	}
	turns := make(chan int)
	var wg sync.WaitGroup
	defer wg.Wait()
	for range min(sideBySide, len(addresses)) {
		wg.Go(func() {
			for i := range turns {
				outcomes[i] <- a.subscribe(ctx, addresses[i], o)
			}
		})
	}
	wg.Go(func() {
		defer close(turns)
		for i := range addresses {
			turns <- i
		}
	})
	bar := newProgress(e, o.quiet || len(addresses) < 2, "subscribing", len(addresses))
	var said []string
	for i := range outcomes {
		done := <-outcomes[i]
		bar.step(1)
		switch {
		case ctx.Err() != nil:
			failed++
		case done.err != nil:
			failed++
			said = append(said, "")
			fmt.Fprintf(e.Stderr, "backissue: %v\n", done.err)
		default:
			said = append(said, done.String()+done.changed)
		}
	}
	bar.end()
	for _, line := range said {
		if line != "" && !o.quiet {
			fmt.Fprintln(e.Stdout, line)
		}
	}
	return failed
}

// outcome is what became of a subscription.
type outcome struct {
	scheduler.Result
	changed string // lines about what is otherwise than before
	err     error
}

// subscribe subscribes to an address. Of what was subscribed to already it says what is different now.
func (a *archive) subscribe(ctx context.Context, address string, o subscribing) outcome {
	was, known := a.findSource(ctx, address)
	r, err := a.Scheduler.Add(ctx, scheduler.Subscription{URL: address, Tags: o.tags, Force: o.force, Identity: o.identity, Access: o.access})
	if err != nil || !r.Already {
		return outcome{r, "", err}
	}
	if known != nil || was.ID != r.Source.ID { // a page has named it
		if o.forget {
			err = a.SetAccess(ctx, r.Source.ID, feed.Access{})
		}
		return outcome{r, "", err}
	}
	now := r.Source
	if o.forget {
		now.Access = feed.Access{}
		err = a.SetAccess(ctx, now.ID, now.Access)
	}
	return outcome{r, changes(&was, &now), err}
}

// changes says what is otherwise with a source than before, a line each. Nothing of what is given along
// is in them.
func changes(was, now *feed.Source) string {
	var b strings.Builder
	var tags []string
	for _, tag := range now.Tags {
		if !slices.Contains(was.Tags, tag) {
			tags = append(tags, tag)
		}
	}
	if len(tags) > 0 {
		fmt.Fprintf(&b, "\n  now filed under %s too", strings.Join(tags, ", "))
	}
	if was.Identity != now.Identity {
		fmt.Fprintf(&b, "\n  articles are told apart by %s from now on, not by %s", now.Identity, was.Identity)
	}
	switch before, after := was.Access, now.Access; {
	case before.IsZero() && after.IsZero():
	case after.IsZero():
		b.WriteString("\n  nothing is given along any more")
	case before.IsZero():
		b.WriteString("\n  what you give along is sent from now on")
	case reflect.DeepEqual(before, after):
		b.WriteString("\n  what was given along before still is")
	default:
		b.WriteString("\n  what you give along takes the place of what was given along before")
	}
	if b.Len() == 0 {
		return "; nothing has changed"
	}
	return b.String()
}

// looksLikeHost reports whether what is no file may be an address without a scheme.
func looksLikeHost(s string) bool {
	host, _, _ := strings.Cut(s, "/")
	return strings.Contains(host, ".") && !strings.HasPrefix(s, ".") && !strings.HasPrefix(s, "/")
}
