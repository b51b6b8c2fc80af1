package document

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/backissue/backissue/feed"
)

// resolver makes absolute URLs of what the layout links to: paths, selectors and URLs.
type resolver struct {
	base *url.URL // nil where the publication has no known address
	host string   // the publication's, in lower case; empty where unknown
}

func newResolver(publication, base string) (resolver, error) {
	var r resolver
	if hostName.MatchString(publication) {
		r.host = strings.ToLower(publication)
		r.base = &url.URL{Scheme: "https", Host: r.host, Path: "/"}
	}
	if base == "" {
		return r, nil
	}
	u, err := parseBase(base)
	if err != nil {
		return r, err
	}
	r.base, r.host = u, strings.ToLower(u.Hostname())
	return r, nil
}

// target returns the absolute URL of a target, or "" where there is none that a reader could open.
func (r resolver) target(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 4 && strings.EqualFold(s[:4], "url:") {
		s = s[4:] // the selector of a link out of gopher space
	}
	if s == "" || strings.IndexFunc(s, func(c rune) bool { return c == '\ufffd' || !visible(c) }) >= 0 {
		return ""
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return ""
	case u.IsAbs():
		return openable(u)
	case r.base == nil:
		return ""
	case r.base.Scheme == "gopher" && u.Host != "":
		u.Scheme = "https" // "//host/path" is how web pages link
		return openable(u)
	case r.base.Scheme == "gopher":
		return gopherURL(r.base.Host, itemOf(r.base), s)
	}
	return openable(r.base.ResolveReference(u))
}

// openable returns the URL if it is of a kind that links in a text may have.
func openable(u *url.URL) string {
	switch u.Scheme {
	case "http", "https", "gopher", "gemini", "ftp":
		if u.Host == "" {
			return ""
		}
	case "mailto":
		if u.Opaque == "" {
			return ""
		}
	default:
		return ""
	}
	return escapeURL(u.String())
}

// escapeURL encodes what may stand in no URL (RFC 3986 §2) and is let through in queries.
func escapeURL(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// itemOf returns the item type in a gopher URL (RFC 4266 §2.1), "1" where it has none.
func itemOf(u *url.URL) string {
	if len(u.Path) > 1 {
		return u.Path[1:2]
	}
	return "1"
}

// gopherURL returns the URL of a selector (RFC 4266 §2.1).
func gopherURL(host, item, selector string) string {
	if !strings.HasPrefix(selector, "/") {
		selector = "/" + selector
	}
	selector = strings.NewReplacer("?", "%3F", "#", "%23").Replace(selector)
	u, err := url.Parse("gopher://" + host + "/" + item + selector)
	if err != nil {
		return ""
	}
	return escapeURL(u.String())
}

// item returns the absolute URL of what a menu line leads to, or "".
func (r resolver) item(l line) string {
	to := l.target
	if to.selector == "" {
		return ""
	}
	switch host := strings.ToLower(to.host); {
	case host == r.host, !hostName.MatchString(host), strings.HasPrefix(to.selector, "URL:"):
		// Servers of one machine write any host or none at all.
		return r.target(to.selector)
	case to.port == "" || to.port == "70":
		return gopherURL(host, string(rune(l.item)), to.selector)
	default:
		if _, err := strconv.ParseUint(to.port, 10, 16); err != nil {
			return ""
		}
		return gopherURL(host+":"+to.port, string(rune(l.item)), to.selector)
	}
}

// target is what a numbered mark in the text leads to.
type target struct {
	href string
	text string // what is linked in the text; empty until it has been met there
}

// targets are the entries of LINKS.
type targets struct {
	byNumber map[int]*target
	order    []*target
}

var linkEntry = regexp.MustCompile(`^\[(\d{1,4})\]\s*(.+)$`)

// targets reads LINKS. An entry that a proxy has cut leads nowhere and is left out.
func (r resolver) targets(lines []line) targets {
	t := targets{byNumber: make(map[int]*target)}
	for _, l := range lines {
		m := linkEntry.FindStringSubmatch(l.text)
		if m == nil || l.cut {
			continue
		}
		n, _ := strconv.Atoi(m[1]) // digits by the pattern
		href := r.item(l)
		if href == "" {
			href = r.target(m[2])
		}
		if href != "" && t.byNumber[n] == nil {
			entry := &target{href: href}
			t.byNumber[n] = entry
			t.order = append(t.order, entry)
		}
	}
	return t
}

// list returns the links of the text, in the order of LINKS.
func (t targets) list() []feed.Link {
	var links []feed.Link
	seen := make(map[string]bool)
	for _, entry := range t.order {
		if !seen[entry.href] {
			seen[entry.href] = true
			links = append(links, feed.Link{Href: entry.href, Rel: "related", Title: entry.text})
		}
	}
	return links
}
