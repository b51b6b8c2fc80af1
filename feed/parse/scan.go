package parse

import "strings"

// The scanner of this file finds tags in text that may be anything from XML to garbage. It never
// allocates for what it passes over and reads every byte a bounded number of times, so that no
// document can cost more than its length.

// tag is one start, end or empty-element tag.
type tag struct {
	start, end int    // text[start:end] is the tag with its brackets
	name       string // as written, with its prefix
	attrs      string // what stands between the name and the closing bracket
	kind       tagKind
}

type tagKind byte

const (
	startTag tagKind = iota
	endTag
	emptyTag
)

func (t *tag) prefix() string {
	if i := strings.IndexByte(t.name, ':'); i >= 0 {
		return t.name[:i]
	}
	return ""
}

func (t *tag) local() string { return t.name[strings.IndexByte(t.name, ':')+1:] }

// nextTag finds the next tag at or after i. Comments, CDATA sections, processing instructions and
// declarations are passed over, a "<" that opens nothing is text. It reports false at the end of
// the text, also where the last tag, comment or section is cut off.
func nextTag(s string, i int) (tag, bool) {
	for {
		j := strings.IndexByte(s[i:], '<')
		if j < 0 {
			return tag{}, false
		}
		i += j
		if i+1 >= len(s) {
			return tag{}, false
		}
		switch c := s[i+1]; {
		case nameStart(c):
			return readTag(s, i, i+1)
		case c == '/':
			if i+2 < len(s) && nameStart(s[i+2]) {
				return readTag(s, i, i+2)
			}
			i += 2
		case c == '!' || c == '?':
			end, ok := skipMarkup(s, i)
			if !ok {
				return tag{}, false
			}
			i = end
		default:
			i++
		}
	}
}

// skipMarkup passes over the comment, section, instruction or declaration that begins at i.
func skipMarkup(s string, i int) (int, bool) {
	rest := s[i:]
	var end int
	switch {
	case strings.HasPrefix(rest, "<!--"):
		if end = strings.Index(rest[4:], "-->"); end >= 0 {
			return i + 4 + end + 3, true
		}
	case strings.HasPrefix(rest, "<![CDATA["):
		if end = strings.Index(rest, "]]>"); end >= 0 {
			return i + end + 3, true
		}
	case strings.HasPrefix(rest, "<?"):
		if end = strings.IndexByte(rest, '>'); end >= 0 {
			return i + end + 1, true
		}
	case len(rest) > 9 && strings.EqualFold(rest[:9], "<!doctype"):
		return skipDoctype(s, i)
	default:
		if end = strings.IndexByte(rest, '>'); end >= 0 {
			return i + end + 1, true
		}
	}
	return len(s), false
}

// skipDoctype passes over a document type declaration with its internal subset.
func skipDoctype(s string, i int) (int, bool) {
	subset := false
	for i++; i < len(s); {
		switch s[i] {
		case '[':
			subset = true
		case ']':
			subset = false
		case '>':
			if !subset {
				return i + 1, true
			}
		case '"', '\'':
			if j := strings.IndexByte(s[i+1:], s[i]); j >= 0 {
				i += j + 1
			}
		case '<':
			if strings.HasPrefix(s[i:], "<!--") {
				j := strings.Index(s[i:], "-->")
				if j < 0 {
					return len(s), false
				}
				i += j + 2
			} else if !subset {
				return i, true // never closed; what follows is the document
			}
		}
		i++
	}
	return len(s), false
}

// readTag reads the tag that begins at start and whose name begins at i.
func readTag(s string, start, i int) (tag, bool) {
	t := tag{start: start}
	if s[i-1] == '/' {
		t.kind = endTag
	}
	n := i
	for n < len(s) && nameByte(s[n]) {
		n++
	}
	t.name = s[i:n]
	end := closing(s, n)
	if end < 0 {
		return tag{}, false
	}
	t.attrs, t.end = s[n:end], end+1
	if t.kind == startTag && strings.HasSuffix(t.attrs, "/") {
		t.kind, t.attrs = emptyTag, t.attrs[:len(t.attrs)-1]
	}
	return t, true
}

// closing returns the place of the ">" that ends the tag whose attributes begin at i, or -1. A ">"
// in a quoted value does not count, unless the quotation never ends.
func closing(s string, i int) int {
	from := i
	for {
		j := strings.IndexAny(s[i:min(len(s), i+64)], ">\"'")
		if j < 0 {
			if i+64 >= len(s) {
				return -1
			}
			i += 64
			continue
		}
		i += j
		if s[i] == '>' {
			return i
		}
		if before := strings.TrimRight(s[from:i], " \t\r\n"); !strings.HasSuffix(before, "=") {
			i++ // a stray quote
			continue
		}
		k := strings.IndexByte(s[i+1:], s[i])
		if k < 0 {
			j = strings.IndexByte(s[i:], '>')
			if j < 0 {
				return -1
			}
			return i + j
		}
		i += k + 2
		from = i
	}
}

func nameStart(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c == ':' || c >= 0x80
}

func nameByte(c byte) bool {
	return nameStart(c) || '0' <= c && c <= '9' || c == '-' || c == '.'
}

// element is one child of an item or of a feed's head.
type element struct {
	tag
	inner string // what stands between its tags
	space *space // its namespace
	scope scope  // the namespace bindings that its content sees
}

// attr returns the value of the attribute of that name, unescaped.
func (t *tag) attr(name string) string {
	v, _ := t.lookup(name)
	return v
}

func (t *tag) lookup(name string) (string, bool) {
	if !strings.Contains(t.attrs, name) {
		return "", false
	}
	for rest := t.attrs; ; {
		n, v, after, ok := nextAttr(rest)
		if !ok {
			return "", false
		}
		if n == name {
			return unescape(v), true
		}
		rest = after
	}
}

// nextAttr reads the first attribute of s: its name, its value as it stands between the quotes,
// and what comes after.
func nextAttr(s string) (name, value, rest string, ok bool) {
	i := 0
	for i < len(s) && !nameStart(s[i]) {
		i++
	}
	n := i
	for n < len(s) && nameByte(s[n]) {
		n++
	}
	if n == i {
		return "", "", "", false
	}
	name = s[i:n]
	after := strings.TrimLeft(s[n:], " \t\r\n")
	if after == "" || after[0] != '=' {
		return name, name, s[n:], true // HTML's way of saying true
	}
	after = strings.TrimLeft(after[1:], " \t\r\n")
	if after != "" && (after[0] == '"' || after[0] == '\'') {
		if j := strings.IndexByte(after[1:], after[0]); j >= 0 {
			return name, after[1 : j+1], after[j+2:], true
		}
		return name, after[1:], "", true
	}
	if j := strings.IndexAny(after, " \t\r\n"); j >= 0 {
		return name, after[:j], after[j:], true
	}
	return name, after, "", true
}

// span finds the end of the element that t opens: what stands inside, and where to read on. Only
// tags of the element's own name count, so that markup inside, balanced or not, does no harm.
// It reports false where the end tag is missing before stop opens or closes, or the text ends.
func span(s string, t tag, stop string) (inner string, next int, ok bool) {
	if t.kind == emptyTag {
		return "", t.end, true
	}
	// Most elements hold text and nothing else.
	if j := strings.IndexByte(s[t.end:], '<'); j >= 0 {
		i := t.end + j
		n := i + 2 + len(t.name)
		if n < len(s) && s[i+1] == '/' && s[n] == '>' && s[i+2:n] == t.name {
			return s[t.end:i], n + 1, true
		}
	}
	depth := 1
	for i := t.end; ; {
		u, ok := nextTag(s, i)
		if !ok {
			return "", len(s), false
		}
		switch {
		case sameName(u.name, t.name):
			if u.kind == startTag {
				depth++
			} else if u.kind == endTag {
				if depth--; depth == 0 {
					return s[t.end:u.start], u.end, true
				}
			}
		case u.name == stop:
			return "", u.start, false
		}
		i = u.end
	}
}

func sameName(a, b string) bool { return a == b || len(a) == len(b) && strings.EqualFold(a, b) }
