package parse

import (
	"strings"

	"github.com/backissue/backissue/feed"
)

// maxDepth is how deep the elements inside an extension may be nested; what lies deeper is left out.
const maxDepth = 64

// extension returns an element that has no field of its own, as it is kept.
func extension(e *element) feed.Element {
	x := feed.Element{Space: e.space.uri, Name: e.local()}
	w := rebuilder{scope: e.scope, element: &x}
	for rest := e.attrs; ; {
		name, value, after, ok := nextAttr(rest)
		if !ok {
			break
		}
		rest = after
		if name == "xmlns" || strings.HasPrefix(name, "xmlns:") || strings.HasSuffix(name, ":") {
			continue
		}
		if prefix, _, ok := strings.Cut(name, ":"); ok {
			w.use(prefix)
		}
		x.Attrs = append(x.Attrs, feed.Attr{Name: name, Value: clean(unescape(value))})
	}
	x.Inner = w.rebuild(e.inner)
	return x
}

// rebuilder writes the content of an element anew as well-formed XML and notes which prefixes it
// needs.
type rebuilder struct {
	scope   scope
	element *feed.Element
	out     strings.Builder
	open    []openElement
	local   scope // bindings declared inside, which need no outer one
}

// openElement is an element whose end tag is to come.
type openElement struct {
	name  string
	outer int // how many local bindings held outside of it
}

// use notes that a prefix is used.
func (w *rebuilder) use(prefix string) {
	if prefix == "xml" || w.local.find(prefix) != nil {
		return
	}
	sp := w.scope.find(prefix)
	if sp == nil {
		if prefix == "" {
			return
		}
		usual := usualSpace(prefix)
		sp = &usual
	}
	if prefix == "" && (sp.uri == "" || sp.kind == native) {
		return
	}
	if w.element.Prefixes == nil {
		w.element.Prefixes = make(map[string]string, 1)
	}
	w.element.Prefixes[prefix] = sp.uri
}

// rebuild returns inner as well-formed XML: what is so already comes back as it is but for
// references to entities of HTML, which become the characters.
func (w *rebuilder) rebuild(inner string) string {
	if !strings.ContainsAny(inner, "<&>") {
		return inner
	}
	i := 0
	for {
		t, ok := nextTag(inner, i)
		if !ok {
			break
		}
		w.text(inner[i:t.start])
		i = t.end
		if t.kind == endTag {
			w.end(t.name)
		} else if !w.start(&t) {
			_, i, _ = span(inner, t, "")
		}
	}
	w.text(inner[i:])
	for len(w.open) > 0 {
		w.end(w.open[len(w.open)-1].name)
	}
	return w.out.String()
}

// start writes a start tag. It reports false for an element that may not be kept.
func (w *rebuilder) start(t *tag) bool {
	if len(w.open) >= maxDepth || !goodName(t.name) {
		return t.kind == emptyTag
	}
	outer := len(w.local)
	w.local = w.local.within(t.attrs)
	if prefix := t.prefix(); prefix != "" || w.scope != nil {
		w.use(prefix)
	}
	w.out.WriteByte('<')
	w.out.WriteString(t.name)
	var seen []string
	for rest := t.attrs; ; {
		name, value, after, ok := nextAttr(rest)
		if !ok {
			break
		}
		rest = after
		if !goodName(name) || contains(seen, name) {
			continue
		}
		if seen = append(seen, name); len(seen) > maxAttrs {
			break
		}
		if prefix, _, ok := strings.Cut(name, ":"); ok && prefix != "xmlns" {
			w.use(prefix)
		}
		w.out.WriteByte(' ')
		w.out.WriteString(name)
		w.out.WriteString(`="`)
		w.out.WriteString(escapeAttr(clean(unescape(value))))
		w.out.WriteByte('"')
	}
	if t.kind == emptyTag {
		w.out.WriteByte('/')
		w.local = w.local[:outer]
	} else {
		w.open = append(w.open, openElement{t.name, outer})
	}
	w.out.WriteByte('>')
	return true
}

// maxAttrs bounds the attributes of one element.
const maxAttrs = 64

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

// end closes the innermost open element of that name, and whatever is open inside it. An end tag
// that closes nothing is left out.
func (w *rebuilder) end(name string) {
	at := len(w.open) - 1
	for at >= 0 && !sameName(w.open[at].name, name) {
		at--
	}
	if at < 0 {
		return
	}
	for i := len(w.open) - 1; i >= at; i-- {
		w.out.WriteString("</")
		w.out.WriteString(w.open[i].name)
		w.out.WriteByte('>')
	}
	w.local = w.local[:w.open[at].outer]
	w.open = w.open[:at]
}

// text writes character data. CDATA sections become escaped text, comments are left out.
func (w *rebuilder) text(s string) {
	for s != "" {
		text, section, rest := cutSection(s)
		w.out.WriteString(escapeText(clean(unescape(text))))
		w.out.WriteString(escapeText(section))
		s = rest
	}
}

func escapeAttr(s string) string {
	s = escapeText(s)
	if !strings.ContainsAny(s, "\"\n\t\r") {
		return s
	}
	return strings.NewReplacer(`"`, "&quot;", "\n", "&#10;", "\t", "&#9;", "\r", "&#13;").Replace(s)
}

// goodName reports whether a name can stand in XML with namespaces: at most one colon, and that
// inside.
func goodName(name string) bool {
	prefix, local, ok := strings.Cut(name, ":")
	if !ok {
		return asciiName(name)
	}
	return asciiName(prefix) && asciiName(local)
}

func asciiName(s string) bool {
	for i := 0; i < len(s); i++ {
		if !nameByte(s[i]) || s[i] == ':' || s[i] >= 0x80 {
			return false
		}
	}
	return s != "" && nameStart(s[0])
}
