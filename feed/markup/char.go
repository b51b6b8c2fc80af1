package markup

import (
	"strings"
	"unicode/utf8"
)

// Legible returns text without what XML 1.0 (§2.2) forbids and HTML calls a parse error: control
// characters, noncharacters and bytes that are not UTF-8. The C1 controls, which in practice are
// Windows characters behind a wrong label, become what was meant. Line ends become "\n".
func Legible(s string) string {
	i := 0
	for ; i < len(s); i++ {
		c := s[i]
		if c < 0x20 && c != '\n' && c != '\t' || c == 0x7f || c >= 0x80 && suspect(s, i) {
			break
		}
	}
	if i == len(s) && utf8.ValidString(s) {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	var b strings.Builder
	b.Grow(len(s))
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd") {
			continue // a byte that is not UTF-8
		}
		if r = legible(r); r >= 0 {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// suspect reports whether a character that [legible] would change may start at s[i].
func suspect(s string, i int) bool {
	switch c := s[i]; c {
	case 0xc2:
		return i+1 < len(s) && s[i+1] < 0xa0
	case 0xef:
		return i+2 < len(s) && (s[i+1] == 0xb7 || s[i+1] == 0xbf && s[i+2] >= 0xbe)
	default:
		return c >= 0xf0 && i+3 < len(s) && s[i+2] == 0xbf && s[i+3] >= 0xbe
	}
}

func legible(r rune) rune {
	switch {
	case r == '\r':
		return '\n'
	case r < 0x20 && r != '\n' && r != '\t', r == 0x7f, r&0xfffe == 0xfffe, 0xfdd0 <= r && r <= 0xfdef:
		return -1
	case 0x80 <= r && r < 0xa0:
		return windows1252[r-0x80]
	}
	return r
}

// windows1252 says what the bytes 0x80 to 0x9f stand for (WHATWG encoding standard, which leaves
// five as controls; those are dropped).
var windows1252 = [32]rune{
	'€', -1, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', -1, 'Ž', -1,
	-1, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', -1, 'ž', 'Ÿ',
}

// appendText appends text with the characters escaped that mean something between tags.
func appendText(to []byte, s string) []byte { return appendEscaped(to, s, false) }

// appendValue appends text with the characters escaped that mean something in a quoted attribute.
func appendValue(to []byte, s string) []byte { return appendEscaped(to, s, true) }

func appendEscaped(to []byte, s string, quoted bool) []byte {
	from := 0
	for i := 0; i < len(s); i++ {
		var ref string
		switch s[i] {
		case '&':
			ref = "&amp;"
		case '<':
			ref = "&lt;"
		case '>':
			ref = "&gt;"
		case '"':
			if !quoted {
				continue
			}
			ref = "&quot;"
		default:
			continue
		}
		to = append(append(to, s[from:i]...), ref...)
		from = i + 1
	}
	return append(to, s[from:]...)
}
