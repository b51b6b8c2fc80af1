package feed

import (
	"bytes"
	"html"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The essence of a text is what a reader has of it: the words, what is struck out or put in, the
// addresses of links that show, and of pictures and other media. All else is how a publisher's
// program happened to write it that day. See [Fingerprint] for the whole rule.

// Marks in an essence. They are control characters, which no other part of one contains.
const (
	markLink   = 1
	markMedia  = 2
	markStruck = 3
	markPut    = 4
)

// maxCounter is how long, in bytes, the text of a link to the comments may be to count as a counter.
const maxCounter = 80

// essence builds the essence of a text in one pass.
type essence struct {
	to    []byte
	start int  // where this text begins in to
	blank bool // white space is due before the next word
	link  int  // where the open link begins in to; -1 for none
	inner int  // where the text of the open link begins
	count bool // the open link leads to the comments
}

// appendText appends the essence of plain text: white space and the shape of quotation marks mean
// nothing.
func appendText(to []byte, s string) []byte {
	e := essence{to: to, start: len(to), link: -1}
	e.words(s, false)
	return e.to
}

// appendHTML appends the essence of an HTML text.
func appendHTML(to []byte, s string) []byte {
	e := essence{to: to, start: len(to), link: -1}
	e.words(s, true)
	return e.to
}

// words goes from one character that means something to the next, and copies what lies between.
func (e *essence) words(s string, markup bool) {
	for i := 0; i < len(s); {
		from := i
		for i < len(s) && !special(s[i]) {
			i++
		}
		if i > from {
			e.space()
			e.to = append(e.to, s[from:i]...)
		}
		if i == len(s) {
			return
		}
		switch c := s[i]; {
		case c <= ' ':
			e.blank = true
			i++
		case c == '<' && markup:
			i = e.tag(s, i)
		case c == '&' && markup:
			r, n := entity(s[i:])
			e.rune(r)
			i += n
		case c < utf8.RuneSelf:
			e.space()
			e.to = append(e.to, c)
			i++
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			e.rune(r)
			i += n
		}
	}
}

// special reports whether a byte may begin something other than itself. The lead bytes are those of
// the characters that [essence.rune] folds.
func special(c byte) bool {
	return c <= ' ' || c == '<' || c == '&' || c == 0xc2 || c == 0xe2 || c == 0xef
}

func (e *essence) space() {
	if e.blank && len(e.to) > e.start {
		e.to = append(e.to, ' ')
	}
	e.blank = false
}

// rune appends a character. Publishers' programs turn quotation marks and dots from the typewriter's
// into the printer's and back, and put invisible characters where a line may break.
func (e *essence) rune(r rune) {
	switch r {
	case ' ', '\t', '\n', '\r', '\f', '\v', '\u00a0', '\u2002', '\u2003', '\u2009', '\u202f':
		e.blank = true
		return
	case '\u00ad', '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff':
		return
	case '‘', '’':
		r = '\''
	case '“', '”':
		r = '"'
	}
	e.space()
	if r == '…' {
		e.to = append(e.to, "..."...)
		return
	}
	e.to = utf8.AppendRune(e.to, max(r, ' '))
}

// entity reads a character reference, and returns how long it is. An ampersand that begins none is
// itself.
func entity(s string) (rune, int) {
	end := strings.IndexByte(s[:min(len(s), 34)], ';')
	if end < 2 {
		return '&', 1
	}
	name := s[1:end]
	if name[0] == '#' {
		digits, base := name[1:], 10
		if len(digits) > 1 && digits[0]|0x20 == 'x' {
			digits, base = digits[1:], 16
		}
		n, err := strconv.ParseUint(digits, base, 21)
		switch {
		case err != nil:
			return '&', 1
		case n >= 0x80 && n < 0xa0: // of Windows-1252, as browsers read them
			r, _ := utf8.DecodeRuneInString(html.UnescapeString(s[:end+1]))
			return r, end + 1
		}
		return rune(n), end + 1
	}
	switch name {
	case "amp":
		return '&', end + 1
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "quot", "ldquo", "rdquo":
		return '"', end + 1
	case "apos", "lsquo", "rsquo":
		return '\'', end + 1
	case "nbsp":
		return ' ', end + 1
	}
	if r, n := utf8.DecodeRuneInString(html.UnescapeString(s[:end+1])); n > 0 && r != '&' {
		return r, end + 1
	}
	return '&', 1
}

// tag takes in the tag or comment at s[i], and returns where it ends. A "<" that begins neither is
// itself.
func (e *essence) tag(s string, i int) int {
	rest := s[i+1:]
	if strings.HasPrefix(rest, "!--") {
		return after(s, i+4, "-->")
	}
	closing := strings.HasPrefix(rest, "/")
	if closing {
		rest = rest[1:]
	}
	n := 0
	for n < len(rest) && (letter(rest[n]) || n > 0 && rest[n] >= '0' && rest[n] <= '9') {
		n++
	}
	if n == 0 {
		if rest != "" && (rest[0] == '!' || rest[0] == '?') {
			return after(s, i+1, ">")
		}
		e.space()
		e.to = append(e.to, '<')
		return i + 1
	}
	name, attrs := rest[:n], rest[n:]
	end := tagEnd(attrs)
	next := len(s) - len(attrs) + end
	attrs = attrs[:end]
	switch kind := elementOf(name); {
	case kind == elementInline:
	case kind == elementHidden && !closing && !strings.HasSuffix(attrs, "/>"):
		return skipElement(s, next, name)
	case kind == elementLink:
		e.closeLink()
		if !closing {
			e.openLink(attrs)
		}
	case kind == elementMedia || kind == elementFrame:
		if !closing {
			e.media(name, attrs, kind == elementFrame)
		}
	case kind == elementStruck:
		e.space()
		e.to = append(e.to, markStruck)
	case kind == elementPut:
		e.space()
		e.to = append(e.to, markPut)
	default:
		e.blank = true
	}
	return next
}

// after returns the place behind the next occurrence of what ends something, or the end.
func after(s string, i int, end string) int {
	if i < len(s) {
		if k := strings.Index(s[i:], end); k >= 0 {
			return i + k + len(end)
		}
	}
	return len(s)
}

// tagEnd returns the length of a tag's attributes with the ">" that ends them. A ">" in quotation
// marks ends none.
func tagEnd(s string) int {
	for i := 0; i < len(s); {
		k := strings.IndexAny(s[i:], `>"'`)
		if k < 0 {
			return len(s)
		}
		i += k + 1
		if s[i-1] == '>' {
			return i
		}
		k = strings.IndexByte(s[i:], s[i-1])
		if k < 0 { // a stray quotation mark
			if k = strings.IndexByte(s[i:], '>'); k < 0 {
				return len(s)
			}
		}
		i += k
		if s[i] == '>' {
			return i + 1
		}
		i++
	}
	return len(s)
}

// skipElement returns the place behind the end tag of an element whose text is not shown.
func skipElement(s string, i int, name string) int {
	for i < len(s) {
		k := strings.Index(s[i:], "</")
		if k < 0 {
			break
		}
		i += k + 2
		if len(s)-i >= len(name) && strings.EqualFold(s[i:i+len(name)], name) {
			return after(s, i, ">")
		}
	}
	return len(s)
}

type element byte

const (
	elementBlock  element = iota // separates words
	elementInline                // does not
	elementHidden
	elementLink
	elementMedia
	elementFrame
	elementStruck
	elementPut
)

func elementOf(name string) element {
	var low [12]byte
	if len(name) > len(low) {
		return elementBlock
	}
	for i := range len(name) {
		low[i] = name[i] | 0x20&(name[i]>>1) // letters to lower case, digits as they are
	}
	switch string(low[:len(name)]) {
	case "span", "b", "i", "em", "strong", "u", "font", "small", "big", "sub", "sup", "code", "tt", "kbd", "samp",
		"var", "abbr", "acronym", "cite", "dfn", "q", "mark", "time", "wbr", "bdi", "bdo", "label", "data", "nobr", "ruby":
		return elementInline
	case "script", "style", "noscript", "template":
		return elementHidden
	case "a":
		return elementLink
	case "img", "audio", "video", "source":
		return elementMedia
	case "iframe", "embed", "object":
		return elementFrame
	case "del", "s", "strike":
		return elementStruck
	case "ins":
		return elementPut
	}
	return elementBlock
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// openLink takes in a link. Until its end it is not known whether it shows.
func (e *essence) openLink(attrs string) {
	var href string
	eachAttr(attrs, func(name, value string) {
		if strings.EqualFold(name, "href") {
			href = unescaped(value)
		}
	})
	if href == "" {
		return
	}
	e.link = len(e.to)
	e.space()
	_, anchor, _ := strings.Cut(href, "#")
	e.count = anchor == "comments" || anchor == "respond" || anchor == "disqus_thread"
	e.to = append(e.to, markLink)
	e.to = appendAddress(e.to, href)
	e.to = append(e.to, markLink)
	e.inner = len(e.to)
}

// closeLink ends the open link. One that shows nothing (a button of a script's) and one that counts
// the comments are left out.
func (e *essence) closeLink() {
	if e.link < 0 {
		return
	}
	shown := len(e.to) - e.inner
	if shown == 0 || e.count && shown <= maxCounter {
		e.to = e.to[:e.link]
		e.blank = true
	}
	e.link = -1
}

// media takes in a picture, a recording or a frame.
func (e *essence) media(name, attrs string, frame bool) {
	var src, lazy string
	pixel := false
	eachAttr(attrs, func(name, value string) {
		switch strings.ToLower(name) {
		case "src", "data":
			src = value
		case "data-src", "data-lazy-src", "data-original":
			lazy = value
		case "width", "height":
			pixel = pixel || value == "0" || value == "1" || value == "1px" || value == "0px"
		case "style":
			pixel = pixel || strings.Contains(value, "display:none") || strings.Contains(value, "display: none")
		}
	})
	if lazy != "" {
		src = lazy // in whose place a script finds it; what stands in src is to fill the place
	}
	if src == "" || pixel {
		return
	}
	e.space()
	e.to = append(e.to, markMedia)
	if src = unescaped(src); frame {
		src, _, _ = strings.Cut(src, "?")
		e.to = append(e.to, NormalURL(src)...)
	} else {
		e.to = appendMedia(e.to, src)
	}
	e.to = append(e.to, markMedia)
}

// unescaped returns an attribute's value with its character references read.
func unescaped(s string) string {
	if strings.IndexByte(s, '&') >= 0 {
		s = html.UnescapeString(s)
	}
	return s
}

// eachAttr calls do for every attribute of a tag that has a value.
func eachAttr(s string, do func(name, value string)) {
	for {
		eq := strings.IndexByte(s, '=')
		if eq < 0 {
			return
		}
		name := strings.TrimRight(s[:eq], " \t\r\n")
		if i := strings.LastIndexAny(name, " \t\r\n\"'/"); i >= 0 {
			name = name[i+1:]
		}
		s = strings.TrimLeft(s[eq+1:], " \t\r\n")
		if s == "" {
			return
		}
		var value string
		switch q := s[0]; q {
		case '"', '\'':
			end := strings.IndexByte(s[1:], q)
			if end < 0 {
				return
			}
			value, s = s[1:1+end], s[end+2:]
		default:
			end := strings.IndexAny(s, " \t\r\n>")
			if end < 0 {
				end = len(s)
			}
			value, s = s[:end], s[end:]
		}
		do(name, strings.TrimSpace(value))
	}
}

// excerpt reports whether the essence of a summary is no more than the beginning of a text's, as
// publishers' programs make it: cut off with dots, and whatever invitation to read on follows them.
func excerpt(summary, text []byte) bool {
	i, k := 0, 0
	for {
		i, k = skipMarks(summary, i), skipMarks(text, k)
		switch {
		case i == len(summary):
			return true
		case k < len(text) && summary[i] == text[k]:
			i, k = i+1, k+1
		default:
			rest := bytes.TrimLeft(summary[i:], "[( ")
			return i >= minName && bytes.HasPrefix(rest, []byte("..."))
		}
	}
}

// skipMarks returns the place of the next letter of a word in an essence.
func skipMarks(s []byte, i int) int {
	for i < len(s) {
		switch s[i] {
		case ' ', markStruck, markPut:
			i++
		case markLink, markMedia:
			end := bytes.IndexByte(s[i+1:], s[i])
			if end < 0 {
				return len(s)
			}
			i += end + 2
		default:
			return i
		}
	}
	return i
}
