package markup

import (
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// URL returns a reference as an absolute URL made only of the characters that RFC 3986 allows
// (white space and letters beyond ASCII percent-encoded, the host in Punycode), resolved against
// base where it is relative. It returns "" for what cannot be made one, and for every scheme but
// http, https, mailto, tel, gopher, gemini, ftp and magnet.
func URL(ref, base string) string {
	ref = stripSpace(ref)
	if plainURL(ref) {
		return ref
	}
	scheme, rest, ok := cutScheme(ref)
	if !ok {
		return resolve(ref, base)
	}
	switch scheme {
	case "mailto", "tel", "magnet":
		if rest == "" {
			return ""
		}
		return scheme + ":" + encode(rest)
	case "http", "https", "gopher", "gemini", "ftp":
		return hierarchical(scheme, rest)
	}
	return ""
}

// stripSpace does to white space and control characters what browsers do: it goes from both ends,
// and tabs and line breaks from everywhere.
func stripSpace(s string) string {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' || r == '\u00a0' || r == '\ufeff' })
	if strings.ContainsAny(s, "\t\r\n") {
		s = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(s)
	}
	return s
}

// plainURL reports whether s is an http or https URL in which nothing is out of the ordinary.
func plainURL(s string) bool {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		if rest, ok = strings.CutPrefix(s, "http://"); !ok {
			return false
		}
	}
	n := 0
	for n < len(rest) && (isAlnum(rest[n]) || n > 0 && (rest[n] == '-' || rest[n] == '.') && rest[n-1] != rest[n]) {
		n++
	}
	if n == 0 || rest[n-1] == '.' || n < len(rest) && rest[n] != '/' {
		return false
	}
	for i := n; i < len(rest); i++ {
		if !isURLByte(rest[i]) || rest[i] == '#' {
			return false
		}
	}
	return true
}

func cutScheme(s string) (scheme, rest string, ok bool) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ':':
			return strings.ToLower(s[:i]), s[i+1:], i > 0
		case isLetter(c), i > 0 && (isAlnum(c) || c == '+' || c == '-' || c == '.'):
		default:
			return "", "", false
		}
	}
	return "", "", false
}

// hierarchical returns the URL of a scheme whose URLs have a host.
func hierarchical(scheme, rest string) string {
	rest = strings.TrimLeft(rest, `/\`)
	end := strings.IndexAny(rest, `/\?#`)
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	user := ""
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, authority = encode(strings.NewReplacer("@", "%40", "#", "%23").Replace(authority[:i]))+"@", authority[i+1:]
	}
	port := ""
	if i := strings.LastIndexByte(authority, ':'); i >= 0 {
		if n, err := strconv.ParseUint(authority[i+1:], 10, 16); err == nil {
			port = ":" + strconv.FormatUint(n, 10)
		} else if i+1 < len(authority) {
			return ""
		}
		authority = authority[:i]
	}
	h := host(authority)
	if h == "" {
		return ""
	}
	return scheme + "://" + user + h + port + encodeTail(tail)
}

// host returns a host name in ASCII, or "" for what is none. Literal IPv6 addresses are none here:
// they name nothing beyond the network that they were written in, and feed validators refuse them.
func host(s string) string {
	if strings.Contains(s, "%") {
		if u, err := url.PathUnescape(s); err == nil {
			s = u
		}
	}
	ascii := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 0x80:
			ascii = false
		case !isAlnum(c) && c != '.' && c != '-' && c != '_':
			return ""
		}
	}
	if !ascii || strings.Contains(strings.ToLower(s), "xn--") {
		a, err := idna.Lookup.ToASCII(s)
		if err != nil {
			return ""
		}
		// Some characters that no name may have pass the first time only.
		if again, err := idna.Lookup.ToASCII(a); err != nil || again != a {
			return ""
		}
		s = a
	}
	s = strings.TrimSuffix(s, ".") // the root, which every name is under
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") || len(s) > 253 {
		return ""
	}
	return s
}

// encodeTail encodes path, query and fragment.
func encodeTail(s string) string {
	path := s
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		path = s[:i]
	}
	if strings.Contains(path, `\`) {
		s = strings.ReplaceAll(path, `\`, "/") + s[len(path):]
	}
	return encode(s)
}

// encode percent-encodes what may not stand in a URL, a percent sign without two digits after it,
// and every number sign but the first.
func encode(s string) string {
	var out []byte
	from, fragment := 0, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%':
			if i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
				continue
			}
		case c == '#':
			if !fragment {
				fragment = true
				continue
			}
		case isURLByte(c):
			continue
		}
		out = append(append(out, s[from:i]...), '%', upperHex[c>>4], upperHex[c&15])
		from = i + 1
	}
	if from == 0 {
		return s
	}
	return string(append(out, s[from:]...))
}

func resolve(ref, base string) string {
	if ref == "" {
		return ""
	}
	if strings.HasPrefix(ref, "//") || strings.HasPrefix(ref, `\\`) {
		scheme, _, ok := cutScheme(base)
		if !ok || scheme != "http" {
			scheme = "https"
		}
		return hierarchical(scheme, ref)
	}
	if base == "" {
		return ""
	}
	b, err := url.Parse(URL(base, ""))
	if err != nil || b.Host == "" {
		return ""
	}
	if ref[0] == ':' {
		ref = "./" + ref
	}
	r, err := url.Parse(encodeTail(ref))
	if err != nil || r.IsAbs() {
		return ""
	}
	return URL(b.ResolveReference(r).String(), "")
}

const upperHex = "0123456789ABCDEF"

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isAlnum(c byte) bool  { return isLetter(c) || '0' <= c && c <= '9' }
func isHex(c byte) bool    { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

// isURLByte reports the characters of RFC 3986 §2 but for "%", "[" and "]".
func isURLByte(c byte) bool {
	switch c {
	case '-', '.', '_', '~', ':', '/', '?', '#', '@', '!', '$', '&', '\'', '(', ')', '*', '+', ',', ';', '=':
		return true
	}
	return isAlnum(c)
}

// srcset returns an image candidate list (HTML §4.8.4.2.1) with its URLs made absolute, and without
// the candidates that are none.
func srcset(list, base string) string {
	var kept []string
	for s := list; ; {
		s = strings.TrimLeft(s, " \t\n\r\f,")
		if s == "" {
			return strings.Join(kept, ", ")
		}
		n := strings.IndexAny(s, " \t\n\r\f")
		if n < 0 {
			n = len(s)
		}
		ref, desc := s[:n], ""
		s = s[n:]
		if bare := strings.TrimRight(ref, ","); bare != ref {
			ref = bare
		} else if n := strings.IndexByte(s, ','); n >= 0 {
			desc, s = s[:n], s[n+1:]
		} else {
			desc, s = s, ""
		}
		desc = strings.TrimSpace(desc)
		u := mediaURL(ref, base)
		if u == "" || !descriptor(desc) {
			continue
		}
		if strings.HasSuffix(u, ",") {
			u = u[:len(u)-1] + "%2C"
		}
		kept = append(kept, strings.TrimSpace(u+" "+desc))
	}
}

// descriptor reports whether s is a width or density descriptor, or nothing.
func descriptor(s string) bool {
	if s == "" {
		return true
	}
	if unit := s[len(s)-1]; unit != 'w' && unit != 'x' {
		return false
	}
	f, err := strconv.ParseFloat(s[:len(s)-1], 32)
	return err == nil && f > 0
}

// mediaURL is [URL] for what a reader loads by itself: only over http and https.
func mediaURL(ref, base string) string {
	u := URL(ref, base)
	if strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://") {
		return u
	}
	return ""
}
