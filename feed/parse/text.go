package parse

import (
	"html"
	"strings"
	"unicode/utf8"
)

// unescape decodes the character and entity references of s, once. Only complete references
// count, with their semicolon: "?a=1&copy=2" is an address and no copyright sign.
func unescape(s string) string {
	i := strings.IndexByte(s, '&')
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i >= 0 {
		b.WriteString(s[:i])
		s = s[i:]
		n := writeRef(&b, s)
		s = s[n:]
		i = strings.IndexByte(s, '&')
	}
	b.WriteString(s)
	return b.String()
}

// writeRef writes what the reference at the start of s stands for, or its "&" alone where it is
// none, and returns how much of s that was.
func writeRef(b *strings.Builder, s string) int {
	switch {
	case strings.HasPrefix(s, "&lt;"):
		b.WriteByte('<')
		return 4
	case strings.HasPrefix(s, "&gt;"):
		b.WriteByte('>')
		return 4
	case strings.HasPrefix(s, "&amp;"):
		b.WriteByte('&')
		return 5
	case strings.HasPrefix(s, "&quot;"):
		b.WriteByte('"')
		return 6
	}
	if text, n := reference(s); n > 0 {
		b.WriteString(text)
		return n
	}
	b.WriteByte('&')
	return 1
}

// maxEntity is the length of the longest entity name of HTML with its "&" and ";".
const maxEntity = 34

// reference decodes the complete reference at the start of s and returns its length, 0 for none.
func reference(s string) (text string, n int) {
	end := strings.IndexByte(s[:min(len(s), maxEntity)], ';')
	if end < 2 {
		return "", 0
	}
	span := s[:end+1]
	if r, n := charRef(span); n > 0 {
		// HTML reads the C1 controls as windows-1252 (§13.2.5.80), and that is what is meant.
		if r >= 0x80 && r <= 0x9f {
			return html.UnescapeString(span), n
		}
		if r > utf8.MaxRune || 0xd800 <= r && r < 0xe000 || r == 0 {
			r = utf8.RuneError
		}
		if !legal(r) {
			return "", n
		}
		return string(r), n
	}
	for i := 1; i < end; i++ {
		if c := span[i]; !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9') {
			return "", 0
		}
	}
	text = html.UnescapeString(span)
	if text == span || strings.HasSuffix(text, ";") && text != ";" {
		return "", 0 // unknown, or known only without its last letters
	}
	return text, len(span)
}

// characterData returns the text of an element's content as XML means it: CDATA sections as they
// are, references decoded, comments and instructions left out. Markup in it stays as it is
// written, and markup is true: then the text is to be read as HTML.
func characterData(inner string) (text string, markup bool) {
	inner = strings.TrimSpace(inner)
	lt := strings.IndexByte(inner, '<')
	if lt < 0 {
		return unescape(inner), false
	}
	if body, ok := strings.CutPrefix(inner, "<![CDATA["); ok {
		if end := strings.Index(body, "]]>"); end == len(body)-3 {
			return body[:end], false
		}
	}
	if t, ok := nextTag(inner, lt); ok && t.end > 0 {
		return rawMarkup(inner), true
	}
	var b strings.Builder
	for inner != "" {
		text, section, rest := cutSection(inner)
		b.WriteString(unescape(text))
		b.WriteString(section)
		inner = rest
	}
	return b.String(), false
}

// cutSection splits s at its first CDATA section, comment or instruction: the text before it, what
// a section holds ("" for the others), and what comes after.
func cutSection(s string) (text, section, rest string) {
	i := strings.Index(s, "<")
	for i >= 0 {
		if i+1 < len(s) && (s[i+1] == '!' || s[i+1] == '?') {
			end, ok := skipMarkup(s, i)
			if body, isCDATA := strings.CutPrefix(s[i:end], "<![CDATA["); isCDATA {
				return s[:i], strings.TrimSuffix(body, "]]>"), s[end:]
			}
			if ok {
				return s[:i], "", s[end:]
			}
		}
		j := strings.IndexByte(s[i+1:], '<')
		if j < 0 {
			break
		}
		i += j + 1
	}
	return s, "", ""
}

// rawMarkup returns content that holds elements as the HTML it is: as written, its CDATA sections
// turned into escaped text.
func rawMarkup(inner string) string {
	if !strings.Contains(inner, "<![CDATA[") {
		return inner
	}
	var b strings.Builder
	for {
		i := strings.Index(inner, "<![CDATA[")
		if i < 0 {
			b.WriteString(inner)
			return b.String()
		}
		b.WriteString(inner[:i])
		body, rest, _ := strings.Cut(inner[i+9:], "]]>")
		b.WriteString(escapeText(body))
		inner = rest
	}
}

// escapeText returns text as XML or HTML.
func escapeText(s string) string {
	if !strings.ContainsAny(s, "&<>") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// oneLine returns s with runs of white space as one blank and none at either end.
func oneLine(s string) string {
	s = strings.TrimSpace(s)
	if !strings.ContainsAny(s, "\n\t\r") && !strings.Contains(s, "  ") {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return r == ' ' || r == '\n' || r == '\t' || r == '\r'
	}), " ")
}

// textType is how the text of a title or summary is to be read (RFC 4287 §3.1.1).
type textType byte

const (
	unsaid textType = iota // RSS, and Atom without a type: text, unless it is evidently not
	plain                  // type="text"
	markup                 // type="html" or "xhtml"
)

// plainText returns a title or the like as plain text on one line.
//
// Of markup the tags go and the references are decoded. What claims to be text stays. Where
// nothing is said, tags go only where they evidently are some (an element of HTML that is closed,
// that is void, or that has attributes), so that "Why <b> is bad" and "if a<b" stay what they
// are; references are decoded once more where a whole one is left ("AT&amp;amp;T" in the feed).
func plainText(s string, typ textType) string {
	if typ == plain || !strings.ContainsAny(s, "<&") {
		return oneLine(s)
	}
	if typ == markup || evidentMarkup(s) {
		s = stripTags(s)
	}
	return clean(oneLine(strings.ReplaceAll(unescape(s), "\u00a0", " ")))
}

// evidentMarkup reports whether text holds elements of HTML beyond doubt.
func evidentMarkup(s string) bool {
	s = s[:min(len(s), maxTitle)]
	for i := 0; ; {
		t, ok := nextTag(s, i)
		if !ok {
			return false
		}
		i = t.end
		name := strings.ToLower(t.name)
		switch {
		case t.kind == endTag:
		case voidElement(name):
			return true
		case !inlineElement(name):
		case strings.Contains(t.attrs, "="), t.kind == emptyTag:
			return true
		default:
			if _, _, closed := span(s, t, ""); closed {
				return true
			}
		}
	}
}

// maxTitle is how much of a text, in bytes, is searched for markup.
const maxTitle = 4096

func voidElement(name string) bool {
	switch name {
	case "br", "img", "wbr", "hr":
		return true
	}
	return false
}

// inlineElement names the elements that publishers leave in titles and summaries.
func inlineElement(name string) bool {
	switch name {
	case "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "blink", "center", "cite", "code", "del",
		"dfn", "div", "em", "font", "h1", "h2", "h3", "h4", "h5", "h6", "i", "ins", "kbd", "mark",
		"p", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u",
		"var", "ul", "ol", "li", "blockquote", "pre", "table":
		return true
	}
	return false
}

// stripTags takes the tags out of HTML. Elements that stand apart leave a blank.
func stripTags(s string) string {
	var b strings.Builder
	i := 0
	for {
		t, ok := nextTag(s, i)
		if !ok {
			break
		}
		b.WriteString(withoutComments(s[i:t.start]))
		switch strings.ToLower(t.name) {
		case "br", "p", "div", "li", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "td", "tr":
			b.WriteByte(' ')
		}
		i = t.end
	}
	b.WriteString(withoutComments(s[i:]))
	return b.String()
}

func withoutComments(s string) string {
	if !strings.Contains(s, "<!--") {
		return s
	}
	var b strings.Builder
	for s != "" {
		before, after, _ := strings.Cut(s, "<!--")
		b.WriteString(before)
		_, s, _ = strings.Cut(after, "-->")
	}
	return b.String()
}

// looksHTML reports whether text of no stated type is HTML: it is if an element of HTML is opened
// and closed in it.
func looksHTML(s string) bool {
	return strings.Contains(s, "</") && evidentMarkup(s) || strings.Contains(s, "<br") || strings.Contains(s, "<img ")
}
