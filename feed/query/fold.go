package query

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// fold returns the words of a text, each with a blank in front and the last with one behind, in lower
// case and without accents. What stands between words (punctuation, symbols) is not there. A text
// without words is one blank.
func fold(text string) string {
	if !norm.NFC.IsNormalString(text) {
		text = norm.NFC.String(text)
	}
	f := folder{to: append(make([]byte, 0, len(text)+len(text)/16+2), ' ')}
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			f.ascii(c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if whole := norm.NFKD.PropertiesString(text[i:]).Decomposition(); whole != nil {
			for len(whole) > 0 {
				part, size := utf8.DecodeRune(whole)
				f.rune(part)
				whole = whole[size:]
			}
		} else {
			f.rune(r)
		}
		i += n
	}
	f.end()
	return string(f.to)
}

// folder writes words. A blank is the last thing written exactly when no word is open.
type folder struct{ to []byte }

// end ends the open word.
func (f *folder) end() {
	if f.to[len(f.to)-1] != ' ' {
		f.to = append(f.to, ' ')
	}
}

func (f *folder) ascii(c byte) {
	switch {
	case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
		f.to = append(f.to, c)
	case 'A' <= c && c <= 'Z':
		f.to = append(f.to, c|0x20)
	default:
		f.end()
	}
}

func (f *folder) rune(r rune) {
	switch {
	case r < utf8.RuneSelf:
		f.ascii(byte(r))
	case isAccent(r) || unfolded(r):
	case separate(r):
		f.end()
		f.to = utf8.AppendRune(f.to, r)
		f.end()
	case unicode.IsLetter(r):
		f.letter(unicode.ToLower(r))
	case unicode.IsMark(r), unicode.IsNumber(r):
		f.to = utf8.AppendRune(f.to, r)
	default:
		f.end()
	}
}

// letter writes a letter of the lower case, and one that no decomposition knows as the letters that
// people type in its place.
func (f *folder) letter(r rune) {
	switch r {
	case 'ß':
		f.to = append(f.to, "ss"...)
	case 'æ':
		f.to = append(f.to, "ae"...)
	case 'œ':
		f.to = append(f.to, "oe"...)
	case 'ø':
		f.to = append(f.to, 'o')
	case 'đ':
		f.to = append(f.to, 'd')
	case 'ħ':
		f.to = append(f.to, 'h')
	case 'ı':
		f.to = append(f.to, 'i')
	case 'ł':
		f.to = append(f.to, 'l')
	case 'ς':
		f.to = append(f.to, "σ"...)
	default:
		f.to = utf8.AppendRune(f.to, r)
	}
}

// isAccent reports whether a mark is one that people leave out when they search: the combining
// accents, the points of Hebrew and the vowel signs of Arabic. Marks without which a word is another
// one, as those of the scripts of India, are none.
func isAccent(r rune) bool {
	switch {
	case r >= 0x0300 && r <= 0x036f, r >= 0x1ab0 && r <= 0x1aff, r >= 0x1dc0 && r <= 0x1dff,
		r >= 0x20d0 && r <= 0x20ff, r >= 0xfe20 && r <= 0xfe2f:
		return true
	case r >= 0x0591 && r <= 0x05c7, r >= 0x064b && r <= 0x065f, r == 0x0670, r == 0x0640:
		return unicode.IsMark(r) || r == 0x0640
	}
	return false
}

// unfolded reports whether a character is invisible, and stands in words without parting them.
func unfolded(r rune) bool {
	switch r {
	case '\u00ad', '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff':
		return true
	}
	return false
}

// separate reports whether a letter is of a script that is written without blanks between words.
func separate(r rune) bool {
	return r >= 0x0e00 && unicode.IsLetter(r) &&
		unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
