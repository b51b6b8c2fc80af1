package parse

import (
	"html"
	"net/url"
	"strings"
)

// resolver makes addresses absolute (RFC 3986 §5). It remembers the base it used last, since all
// of a feed's addresses mostly share one.
type resolver struct {
	base   string
	parsed *url.URL
}

// absolute returns ref resolved against base. What is absolute already, or cannot be resolved,
// comes back as it is written, without white space around it.
func (r *resolver) absolute(base, ref string) string {
	ref = strings.TrimSpace(ref)
	if base == "" || ref == "" || hasScheme(ref) {
		return ref
	}
	if base != r.base || r.parsed == nil {
		u, err := url.Parse(base)
		if err != nil || !u.IsAbs() {
			return ref
		}
		r.base, r.parsed = base, u
	}
	u, err := url.Parse(ref)
	if err != nil {
		return ref
	}
	return r.parsed.ResolveReference(u).String()
}

// join returns the base that holds inside of an element with that xml:base.
func (r *resolver) join(outer, inner string) string {
	if inner = strings.TrimSpace(inner); inner == "" {
		return outer
	}
	return r.absolute(outer, inner)
}

// hasScheme reports whether a reference begins with a scheme (RFC 3986 §3.1).
func hasScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z':
		case i > 0 && (c == ':'):
			return true
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return false
}

// resolveHTML returns HTML with the relative addresses of its links and media made absolute. All
// else stays as it is, byte for byte.
func (r *resolver) resolveHTML(s, base string) string {
	if base == "" || !strings.Contains(s, "=") || !hasScheme(base) {
		return s
	}
	var b strings.Builder
	done := 0
	for i := 0; ; {
		j := strings.IndexByte(s[i:], '=')
		if j < 0 {
			break
		}
		i += j
		from, to, list := addressAt(s, i)
		i++
		if from < 0 {
			continue
		}
		value := s[from:to]
		resolved := value
		if list {
			resolved = r.resolveSet(value, base)
		} else if v := unescape(value); !hasScheme(strings.TrimSpace(v)) && strings.TrimSpace(v) != "" {
			resolved = html.EscapeString(r.absolute(base, v))
		}
		if resolved != value {
			b.WriteString(s[done:from])
			b.WriteString(resolved)
			done = to
		}
		i = to
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

// addressAt looks at the "=" at i: if it stands in a tag between the name of an attribute that
// holds an address and a quoted value, it returns where that value lies, else from is -1. list
// says that the attribute is a srcset.
func addressAt(s string, i int) (from, to int, list bool) {
	n := i
	for n > 0 && 'a' <= s[n-1]|0x20 && s[n-1]|0x20 <= 'z' {
		n--
	}
	if n == i || n == 0 || !strings.ContainsRune(" \t\r\n\"'", rune(s[n-1])) {
		return -1, 0, false
	}
	switch name := s[n:i]; len(name) {
	case 3:
		if !strings.EqualFold(name, "src") {
			return -1, 0, false
		}
	case 4:
		if !strings.EqualFold(name, "href") && !strings.EqualFold(name, "cite") {
			return -1, 0, false
		}
	case 6:
		if list = strings.EqualFold(name, "srcset"); !list && !strings.EqualFold(name, "poster") {
			return -1, 0, false
		}
	default:
		return -1, 0, false
	}
	from = i + 1
	if from >= len(s) || s[from] != '"' && s[from] != '\'' {
		return -1, 0, false
	}
	end := strings.IndexByte(s[from+1:], s[from])
	if end < 0 {
		return -1, 0, false
	}
	from, to = from+1, from+1+end
	if !list && (strings.HasPrefix(s[from:], "https://") || strings.HasPrefix(s[from:], "http://")) {
		return from, to, false
	}
	// Only now is it worth knowing whether this is a tag at all, or text about one.
	start := max(0, n-maxTag)
	open := strings.LastIndexByte(s[start:n], '<')
	if open < 0 || !attrBegins(s[start+open:to+1], n-start-open) {
		return -1, 0, false
	}
	return from, to, list
}

// maxTag is how far, in bytes, an attribute may stand from the beginning of its tag.
const maxTag = 4096

// attrBegins reports whether an attribute of the tag at the start of s begins at i.
func attrBegins(s string, i int) bool {
	if !nameStart(s[1]) || closing(s, 1) >= 0 && closing(s, 1) < i {
		return false
	}
	at := 1
	for at < len(s) && nameByte(s[at]) {
		at++
	}
	for rest := s[at:]; ; {
		_, _, after, ok := nextAttr(rest)
		if !ok {
			return false
		}
		for !nameStart(rest[0]) {
			rest = rest[1:]
		}
		if at := len(s) - len(rest); at >= i {
			return at == i
		}
		rest = after
	}
}

// resolveSet resolves the addresses of a srcset attribute (HTML §4.8.4.2.1).
func (r *resolver) resolveSet(raw, base string) string {
	set := unescape(raw)
	var b strings.Builder
	changed := false
	for rest := set; ; {
		lead := len(rest) - len(strings.TrimLeft(rest, " \t\r\n,"))
		b.WriteString(rest[:lead])
		rest = rest[lead:]
		if rest == "" {
			break
		}
		n := strings.IndexAny(rest, " \t\r\n")
		if n < 0 {
			n = len(rest)
		}
		address := rest[:n]
		tail := ""
		if bare := strings.TrimRight(address, ","); bare != address {
			address, tail = bare, address[len(bare):]
		}
		full := r.absolute(base, address)
		changed = changed || full != address
		b.WriteString(full)
		b.WriteString(tail)
		rest = rest[n:]
		if tail == "" { // the descriptors go up to the next comma
			n = strings.IndexByte(rest, ',')
			if n < 0 {
				n = len(rest)
			}
			b.WriteString(rest[:n])
			rest = rest[n:]
		}
	}
	if !changed {
		return raw
	}
	return html.EscapeString(b.String())
}
