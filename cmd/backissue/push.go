package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/scheduler/push"
	"github.com/backissue/backissue/store"
)

// Paths below the base URL at which the archive speaks WebSub.
const (
	hubPath  = "/hub"
	pushPath = "/push/"
)

// callbackTimeout is how long a subscriber may take to answer the hub.
const callbackTimeout = 10 * time.Second

// pushing is what serve was asked to do about WebSub.
type pushing struct {
	hub, push    bool
	reachPrivate bool
	pings        []string         // hubs of others that are told what is new
	asked        *cobra.Command   // knows which flags were given
	teller       *push.Hub        // nil where nobody is told
	hearer       *push.Subscriber // nil where nothing is heard
	pinger       *push.Pinger     // nil where there are no such hubs
}

func (p *pushing) register(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&p.hub, "hub", false, "tell WebSub subscribers at once what is new (default: where --base-url is given)")
	f.BoolVar(&p.push, "push", false, "have sources tell at once what is new, where they name a WebSub hub (default: where --base-url is given)")
	f.BoolVar(&p.reachPrivate, "hub-allow-private", false, "let the hub deliver to private addresses; for tests and networks at home")
	f.StringArrayVar(&p.pings, "ping-hub", nil, "tell this WebSub hub of somebody else's what is new, and name it in the feeds; may be repeated; needs --base-url")
	p.asked = c
}

// begin decides what was not said, and has what visits find heard from now on. Hubs and their subscribers
// must be able to reach one another, of which a base URL is a sign.
func (p *pushing) begin(a *archive, base string, public bool, log *slog.Logger) error {
	for _, hub := range p.pings {
		if _, err := fetch.ParseURL(hub); err != nil {
			return usageError{fmt.Errorf("a hub to ping: %w", err)}
		}
	}
	if len(p.pings) > 0 {
		if !public {
			return hinted{usageError{errors.New("a hub cannot fetch feeds that have no public address")}, "say where they are with --base-url https://…"}
		}
		p.pinger = &push.Pinger{
			Store: a.Store, Fetch: a.Scheduler.Fetch, Hubs: p.pings, Log: log,
			Topics: func(ref store.Ref) []string { return web.Topics(base, ref) },
		}
	}
	if !p.asked.Flags().Changed("hub") {
		p.hub = public
	}
	if !p.asked.Flags().Changed("push") {
		p.push = public
	}
	if p.push {
		p.hearer = &push.Subscriber{
			Store: a.Store, Scheduler: a.Scheduler, Fetch: a.Scheduler.Fetch, Callback: strings.TrimRight(base, "/") + pushPath, Log: log,
		}
		a.hears.Store(p.hearer)
	}
	return nil
}

// address returns the hub's address, "" for none.
func (p *pushing) address(base string) string {
	if !p.hub {
		return ""
	}
	return strings.TrimRight(base, "/") + hubPath
}

// mount puts hub and callbacks beside the site.
func (p *pushing) mount(a *archive, site http.Handler, base string, getenv func(string) string, log *slog.Logger) http.Handler {
	base = strings.TrimRight(base, "/")
	if p.hub {
		p.teller = &push.Hub{
			Store: a.Store, Site: site, Address: p.address(base), Log: log,
			Topic: func(address string) (store.Ref, string, bool) { return web.Topic(base, address) },
			Fetch: &fetch.Client{
				UserAgent: fetch.UserAgent(release), Timeout: callbackTimeout, AllowPrivate: p.reachPrivate,
				Allow: strings.Fields(getenv("BACKISSUE_ALLOW")), Log: log,
			},
		}
	}
	prefix := ""
	if u, err := url.Parse(base); err == nil {
		prefix = u.Path
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A proxy in front may have cut the base's path off, or not.
		path := r.URL.Path
		if prefix != "" {
			if rest, ok := strings.CutPrefix(path, prefix+"/"); ok {
				path = "/" + rest
			}
		}
		switch {
		case p.teller != nil && path == hubPath:
			p.teller.ServeHTTP(w, r)
		case p.hearer != nil && strings.HasPrefix(path, pushPath):
			p.hearer.ServeHTTP(w, r)
		default:
			site.ServeHTTP(w, r)
		}
	})
}

// run speaks with hubs and subscribers until ctx ends.
func (p *pushing) run(ctx context.Context) error {
	var wg sync.WaitGroup
	var hub, sub, ping error
	if p.teller != nil {
		defer p.teller.Fetch.CloseIdle()
		wg.Go(func() { hub = p.teller.Run(ctx) })
	}
	if p.hearer != nil {
		wg.Go(func() { sub = p.hearer.Run(ctx) })
	}
	if p.pinger != nil {
		wg.Go(func() { ping = p.pinger.Run(ctx) })
	}
	wg.Wait()
	if err := errors.Join(hub, sub, ping); err != nil {
		return fmt.Errorf("push: %w", err)
	}
	return nil
}
