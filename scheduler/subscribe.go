package scheduler

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
)

// maxCandidates is how many feeds that a page names are tried before it is given up.
const maxCandidates = 5

// Subscription is a wish to follow a feed.
type Subscription struct {
	URL   string   // a feed or a page that names one, as the owner typed it
	Tags  []string // under which to file what comes
	Title string   // until the feed says its own
	Home  string   // likewise
	// Identity is what to trust to tell the feed's articles apart; the zero value is right for nearly
	// all, and leaves a source that is known already as it is.
	Identity feed.Policy
	// Access is what the owner gives along, to the host of URL and to no other.
	Access feed.Access
	// NoFetch stores the subscription as it is, to be visited for the first time when a round comes
	// by. It is meant for lists of subscriptions.
	NoFetch bool
	// Force stores the subscription even if the first visit fails.
	Force bool
}

// Result says what became of a [Subscription].
type Result struct {
	Source  feed.Source // that is followed now
	Already bool        // it was before; what is new are its tags at most
	Page    string      // the page that named the feed; empty where the feed itself was given
	Others  []feed.Link // other feeds that the page names
	Added   int         // articles that came with the first visit
	Problem string      // why the first visit failed; only with Force
}

// String returns the result as lines for people.
func (r Result) String() string {
	var b strings.Builder
	switch name := r.Source.DisplayTitle(); {
	case r.Already:
		fmt.Fprintf(&b, "already subscribed to %s", name)
	case r.Problem != "":
		fmt.Fprintf(&b, "subscribed to %s, though %s", name, r.Problem)
	case r.Source.Fetch.Checked.IsZero():
		fmt.Fprintf(&b, "subscribed to %s", name)
	default:
		fmt.Fprintf(&b, "subscribed to %s (%d new)", name, r.Added)
	}
	if r.Source.Fetch.History.Wanted && !r.Already {
		b.WriteString("\n  its older articles are fetched in the next rounds, or now with: backissue fetch --history " + r.Source.Name)
	}
	if r.Page != "" {
		fmt.Fprintf(&b, "\n  chose %s, which %s names", r.Source.URL, r.Page)
	}
	for _, l := range r.Others {
		fmt.Fprintf(&b, "\n  it also names %s", l.Href)
		if l.Title != "" {
			fmt.Fprintf(&b, " (%s)", l.Title)
		}
	}
	return b.String()
}

// Subscribe follows a feed: Add, with a first visit that has to succeed.
func (s *Scheduler) Subscribe(ctx context.Context, url string, tags []string, title string) (Result, error) {
	return s.Add(ctx, Subscription{URL: url, Tags: tags, Title: title})
}

// Add follows the feed at an address, or the best one of those that the page at that address names,
// and takes in what it holds. An address that leads to no feed is refused, with the reason: a typing
// error must not become a subscription that is dead from the start. To be subscribed already is no
// error.
func (s *Scheduler) Add(ctx context.Context, want Subscription) (Result, error) {
	ctx, cancel := context.WithCancel(ctx) // whose end releases what was fetched
	defer cancel()
	addresses, err := addresses(want.URL)
	if err != nil {
		return Result{}, fmt.Errorf("subscribe to %q: %w", want.URL, err)
	}
	for _, address := range addresses {
		if known, err := s.Store.SourceByURL(ctx, address); err == nil && known.Subscribed {
			return s.follow(ctx, want.known(address), Result{})
		}
	}
	if want.NoFetch || s.refuses(ctx, addresses[0]) {
		return s.follow(ctx, s.wished(addresses[0], want), Result{})
	}
	f, err := s.find(ctx, addresses, &want)
	switch {
	case err == nil:
		return s.begin(ctx, want, f)
	case ctx.Err() == nil && want.Force:
		src := s.wished(addresses[0], want)
		src.Fetch.Checked, src.Fetch.Problem, src.Fetch.Failures, src.Fetch.Status = src.Added, problem(err), 1, status(err)
		src.Fetch.Tally = spent(src.Fetch.Tally, nil, err, src.Added)
		plan(&src, answer{at: src.Added, err: err})
		return s.follow(ctx, src, Result{Problem: src.Fetch.Problem})
	}
	return Result{}, fmt.Errorf("subscribe to %q: %w", want.URL, err)
}

// refuses reports whether the server of an address has asked to be left alone for now, so that a first
// visit has to wait.
func (s *Scheduler) refuses(ctx context.Context, address string) bool {
	now := s.now()
	s.recall(ctx, hostOf(address))
	_, closed := s.hosts.closed(hostOf(address), now)
	known, err := s.Store.SourceByURL(ctx, address)
	return closed || err == nil && refusedUntil(&known).After(now)
}

// known returns what the wish says of a source that is there already.
func (w *Subscription) known(address string) feed.Source {
	return feed.Source{URL: address, Tags: w.Tags, Identity: w.Identity, Access: w.accessTo(address)}
}

// accessTo returns what is given along to an address: where it is that of a feed which a page on
// another host names, only the proxy.
func (w *Subscription) accessTo(address string) feed.Access {
	typed, err := addresses(w.URL)
	if err == nil && sameOrigin(typed[0], address) {
		return w.Access
	}
	return feed.Access{Proxy: w.Access.Proxy}
}

// secret reports whether something is given along that must not go out in the clear because https fails
// for once.
func (w *Subscription) secret() bool {
	a := w.Access
	a.Proxy = ""
	return !a.IsZero()
}

// wished returns a new source as the owner describes it, due now.
func (s *Scheduler) wished(address string, want Subscription) feed.Source {
	now := s.now()
	return feed.Source{
		URL: address, Title: want.Title, Home: want.Home, Tags: want.Tags, Identity: want.Identity, Added: now,
		Access: want.accessTo(address),
		Fetch:  feed.FetchState{Due: now},
	}
}

// begin saves the first articles and then the subscription: what was saved is due only later, so
// that no round comes in between.
func (s *Scheduler) begin(ctx context.Context, want Subscription, f *found) (Result, error) {
	r := Result{Page: f.page, Others: f.others}
	if f.doc == nil { // it is known
		return s.follow(ctx, want.known(f.address), r)
	}
	src, err := s.Store.SourceByURL(ctx, f.address)
	if errors.Is(err, store.ErrNotFound) {
		src, err = s.wished(f.address, want), nil
	}
	already := src.Subscribed
	if err != nil {
		return Result{}, fmt.Errorf("subscribe to %q: %w", want.URL, err)
	}
	src.Subscribed = true
	src.Fetch.Tally = spent(src.Fetch.Tally, f.res, nil, s.now())
	e := s.took(ctx, src, f.doc, f.res)
	if e.Outcome == Failed {
		return Result{}, fmt.Errorf("subscribe to %q: %w", want.URL, e.Err)
	}
	r.Added = e.Added
	if !already {
		if err := s.want(ctx, &e.Source, &e.Source); err != nil {
			return Result{}, fmt.Errorf("subscribe to %q: %w", want.URL, err)
		}
	}
	r, err = s.follow(ctx, want.known(f.address), r)
	r.Already = already
	s.hear(e)
	if err == nil && r.Source.Fetch.History.Wanted {
		s.walks.add(r.Source.ID)
	}
	return r, err
}

// follow stores the subscription itself.
func (s *Scheduler) follow(ctx context.Context, src feed.Source, r Result) (Result, error) {
	got, err := s.Store.Subscribe(ctx, src)
	if err != nil {
		return Result{}, err
	}
	r.Source, r.Already = got[0].Source, !got[0].New
	s.wake.ring()
	return r, nil
}

// found is a feed that was looked for.
type found struct {
	address string
	res     *fetch.Response
	doc     *parse.Document // nil if the feed is subscribed to already and was not fetched
	page    string
	others  []feed.Link
}

// find fetches the first of the addresses that answers at all, and returns the feed there, or the
// best one that the page there names.
func (s *Scheduler) find(ctx context.Context, addresses []string, want *Subscription) (*found, error) {
	var first error
	for _, address := range addresses {
		res, err := s.Fetch.Get(ctx, fetch.Request{URL: address, Trusted: true, FollowNow: true, Access: want.accessTo(address)})
		if err == nil {
			return s.look(ctx, address, res, want)
		}
		if first == nil {
			first = err
		}
		if !unreachable(err) || want.secret() {
			break
		}
	}
	return nil, first
}

// unreachable reports whether the other scheme may do better.
func unreachable(err error) bool {
	var e *fetch.Error
	return errors.As(err, &e) && (e.Class == fetch.ClassConnect || e.Class == fetch.ClassTLS || e.Class == fetch.ClassTimeout)
}

func (s *Scheduler) look(ctx context.Context, address string, res *fetch.Response, want *Subscription) (*found, error) {
	doc, err := read(res, s.policy(ctx, address, want.Identity))
	if err == nil {
		return &found{address: address, res: res, doc: doc}, nil
	}
	links := parse.Discover(res.Body, res.URL)
	res.Release()
	if len(links) == 0 {
		return nil, fmt.Errorf("%w, and it names no feed", err)
	}
	for i, l := range links[:min(len(links), maxCandidates)] {
		f, failure := s.candidate(ctx, address, l.Href, want)
		switch {
		case ctx.Err() != nil:
			return nil, failure
		case failure == nil:
			f.page, f.others = address, append(links[:i:i], links[i+1:]...)
			return f, nil
		case i == 0:
			err = fmt.Errorf("the page names the feed %q, but: %w", l.Href, failure)
		}
	}
	return nil, err
}

// candidate fetches a feed that a page names. The page's own host was named by the owner, any other
// was not.
func (s *Scheduler) candidate(ctx context.Context, page, href string, want *Subscription) (*found, error) {
	address, err := normal(href)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", href, err)
	}
	if known, err := s.Store.SourceByURL(ctx, address); err == nil && known.Subscribed {
		return &found{address: address}, nil
	}
	res, err := s.Fetch.Get(ctx, fetch.Request{
		URL: address, Trusted: hostOf(address) == hostOf(page), FollowNow: true, Access: want.accessTo(address),
	})
	if err != nil {
		return nil, err
	}
	doc, err := read(res, s.policy(ctx, address, want.Identity))
	if err != nil {
		res.Release() // or the next candidate waits for it
		return nil, err
	}
	return &found{address: address, res: res, doc: doc}, nil
}

// policy returns what to read a feed by: the owner's wish or, where there is none, what was the policy
// when the feed was followed before.
func (s *Scheduler) policy(ctx context.Context, address string, wish feed.Policy) feed.Policy {
	if known, err := s.Store.SourceByURL(ctx, address); err == nil && wish == feed.PolicyAuto {
		return known.Identity
	}
	return wish
}

// addresses returns what the owner may have meant by what he typed, best first. Without a scheme it
// is https, and http where that does not answer; on the owner's own machines it is http.
func addresses(typed string) ([]string, error) {
	s := strings.TrimSpace(typed)
	for _, scheme := range []string{"feed:", "feeds:", "itpc:", "pcast:", "podcast:"} {
		if rest, ok := cutPrefixFold(s, scheme); ok {
			s = strings.TrimPrefix(rest, "//")
			break
		}
	}
	if scheme, _, ok := strings.Cut(s, "://"); ok && !strings.ContainsAny(scheme, "/?#.:") {
		address, err := normal(s)
		return []string{address}, err
	}
	if s == "" || strings.ContainsAny(s, " \t\r\n") || strings.HasPrefix(s, "/") || strings.HasPrefix(s, ".") {
		return nil, errors.New("not a web address")
	}
	secure, err := normal("https://" + s)
	if err != nil {
		return nil, err
	}
	plain, err := normal("http://" + s)
	if err != nil || own(plain) {
		return []string{plain}, err
	}
	return []string{secure, plain}, nil
}

// normal returns the form in which an address is stored.
func normal(s string) (string, error) {
	u, err := fetch.ParseURL(s)
	if err != nil {
		return "", err
	}
	u.Host = strings.ToLower(u.Host)
	if port := u.Port(); port == "" || u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
		u.Host = strings.TrimSuffix(strings.TrimSuffix(u.Host, port), ":")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String(), nil
}

// own reports whether an address is one of the owner's own network, where there are no certificates.
func own(address string) bool {
	h := hostOf(address)
	if ip, err := netip.ParseAddr(h); err == nil {
		return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
	}
	return !strings.Contains(h, ".") || strings.HasSuffix(h, ".localhost") || strings.HasSuffix(h, ".local")
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}
