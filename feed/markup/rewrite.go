package markup

import (
	"html"
	"strings"
)

// rewrite cleans HTML that is well-formed and made of allowed elements, in one pass. It reports
// false for everything else: whatever is the least doubtful is not for it.
func rewrite(s, base string) (string, bool) {
	w := writer{out: make([]byte, 0, len(s)+len(s)/16), base: base}
	r := reader{rest: s, w: &w}
	for r.rest != "" {
		if !r.next() {
			return "", false
		}
	}
	if len(w.open) > 0 {
		return "", false
	}
	if string(w.out) == s {
		return s, true
	}
	return string(w.out), true
}

// reader takes HTML apart from the front. Its methods report false for what it does not know.
type reader struct {
	rest  string
	w     *writer
	attrs []attribute
}

// next takes one tag, comment or run of text.
func (r *reader) next() bool {
	n := strings.IndexByte(r.rest, '<')
	if n < 0 {
		n = len(r.rest)
	}
	if n > 0 {
		run := r.rest[:n]
		r.rest = r.rest[n:]
		if strings.IndexByte(run, '&') >= 0 {
			run = Legible(html.UnescapeString(run))
		}
		return r.w.text(run)
	}
	if len(r.rest) < 3 {
		return false
	}
	switch c := r.rest[1]; {
	case isLetter(c):
		return r.startTag()
	case c == '/':
		return r.endTag()
	case strings.HasPrefix(r.rest, "<!--"):
		return r.comment()
	}
	return false
}

func (r *reader) comment() bool {
	body, rest, ok := strings.Cut(r.rest[len("<!--"):], "-->")
	if !ok || strings.Contains(body, "--") || strings.HasPrefix(body, ">") ||
		strings.HasPrefix(body, "->") || strings.HasSuffix(body, "-") {
		return false
	}
	r.rest = rest
	return true
}

func (r *reader) endTag() bool {
	r.rest = r.rest[2:]
	name := r.name()
	r.space()
	if !strings.HasPrefix(r.rest, ">") {
		return false
	}
	r.rest = r.rest[1:]
	if el := elements()[name]; el != nil && el.rules&void != 0 && name != "br" {
		return true // parsers pass over it
	}
	if len(r.w.open) == 0 || r.w.open[len(r.w.open)-1].name != name {
		return false
	}
	r.w.end()
	return true
}

func (r *reader) startTag() bool {
	r.rest = r.rest[1:]
	name := r.name()
	el := elements()[name]
	if name == "iframe" {
		el = frameElement()
	}
	if el == nil {
		return false
	}
	r.attrs = r.attrs[:0]
	for {
		spaced := r.space()
		switch {
		case strings.HasPrefix(r.rest, ">"):
			r.rest = r.rest[1:]
			if name == "iframe" {
				return r.frame()
			}
			return r.w.start(name, el, r.attrs)
		case strings.HasPrefix(r.rest, "/>"):
			r.rest = r.rest[2:]
			return el.rules&void != 0 && r.w.start(name, el, r.attrs)
		case !spaced || !r.attribute(el):
			return false
		}
	}
}

// frame takes the end tag of a frame that holds nothing else.
func (r *reader) frame() bool {
	r.space()
	rest, ok := strings.CutPrefix(r.rest, "</iframe>")
	if ok {
		r.rest = rest
		r.w.embedded(r.attrs)
	}
	return ok
}

// name takes a tag name and returns it in lower case; "" where there is none.
func (r *reader) name() string {
	n := 0
	for n < len(r.rest) && isAlnum(r.rest[n]) {
		n++
	}
	name := r.rest[:n]
	r.rest = r.rest[n:]
	return strings.ToLower(name)
}

func (r *reader) space() bool {
	n := 0
	for n < len(r.rest) && isSpace(r.rest[n]) {
		n++
	}
	r.rest = r.rest[n:]
	return n > 0
}

// attribute takes one attribute and keeps it if the element may have it.
func (r *reader) attribute(el *element) bool {
	n := 0
	for n < len(r.rest) && (isAlnum(r.rest[n]) || strings.IndexByte("-_:.@", r.rest[n]) >= 0) {
		n++
	}
	if n == 0 {
		return false
	}
	name := r.rest[:n]
	r.rest = r.rest[n:]
	r2 := *r
	r2.space()
	if !strings.HasPrefix(r2.rest, "=") {
		r.keep(el, name, "")
		return true
	}
	r.rest = r2.rest[1:]
	r.space()
	raw, ok := r.value()
	if !ok {
		return false
	}
	if strings.IndexByte(raw, '&') >= 0 {
		if raw, ok = decodeValue(raw); !ok {
			return false
		}
		raw = Legible(raw)
	}
	r.keep(el, name, raw)
	return true
}

func (r *reader) value() (string, bool) {
	if r.rest == "" {
		return "", false
	}
	if q := r.rest[0]; q == '"' || q == '\'' {
		n := strings.IndexByte(r.rest[1:], q)
		if n < 0 {
			return "", false
		}
		v := r.rest[1 : 1+n]
		r.rest = r.rest[n+2:]
		return v, true
	}
	n := strings.IndexAny(r.rest, " \t\n\f>\"'<=`")
	if n <= 0 || strings.IndexByte("\"'<=`", r.rest[n]) >= 0 {
		return "", false
	}
	v := r.rest[:n]
	r.rest = r.rest[n:]
	return v, true
}

func (r *reader) keep(el *element, name, val string) {
	for _, a := range el.attrs {
		if len(a.name) != len(name) || !strings.EqualFold(a.name, name) {
			continue
		}
		for _, had := range r.attrs {
			if had.name == a.name {
				return
			}
		}
		r.attrs = append(r.attrs, attribute{a, val})
		return
	}
}

// decodeValue decodes the character references of an attribute's value. There an ampersand before a
// name without a semicolon may stand for itself ("?a=1&copy=2"); where that takes more than a look
// at the next character, it reports false.
func decodeValue(s string) (string, bool) {
	var b strings.Builder
	for {
		n := strings.IndexByte(s, '&')
		if n < 0 {
			b.WriteString(s)
			return b.String(), true
		}
		b.WriteString(s[:n])
		s = s[n:]
		end := 1
		for end < len(s) && (isAlnum(s[end]) || s[end] == '#') {
			end++
		}
		switch {
		case end < len(s) && s[end] == ';':
			end++
			b.WriteString(html.UnescapeString(s[:end]))
		case end == 1, end < len(s) && s[end] == '=' && s[1] != '#':
			b.WriteString(s[:end])
		default:
			return "", false
		}
		s = s[end:]
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\f' }
