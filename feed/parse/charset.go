package parse

import (
	"strings"

	"github.com/wlynxg/chardet"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
)

const (
	// guessedFrom is how many bytes a guess at an encoding is made from at most.
	guessedFrom = 256 << 10
	// sureOfGuess is how sure of itself a guess must be, from 0 to 1, to be believed, and likelyGuess
	// where most letters lie beyond ASCII, as in no language that is written in Latin ones.
	sureOfGuess, likelyGuess = 0.9, 0.7
)

// guessEncoding guesses the encoding of bytes that are not UTF-8 and of which nothing says what
// they are. It returns nil where nobody can tell; then windows-1252 is the likeliest.
//
// The guess rests on the letters' frequencies, which tell scripts apart but hardly the languages of
// one script. So it counts only for what is not written in Latin letters: German in windows-1252 is
// taken for Turkish in windows-1254.
func guessEncoding(data []byte) (enc encoding.Encoding, name string) {
	text, foreign := textOf(data[:min(len(data), guessedFrom)])
	guess := chardet.Detect(text)
	if guess.Confidence <= likelyGuess || guess.Confidence <= sureOfGuess && !foreign {
		return nil, ""
	}
	label := strings.ToLower(guess.Encoding)
	switch label {
	case "cp949", "uhc":
		label = "euc-kr"
	case "gb2312", "hz-gb-2312":
		label = "gb18030"
	case "cp932", "shift_jisx0213":
		label = "shift_jis"
	case "johab", "euc-tw":
		return nil, "" // nothing here can read them
	}
	enc, name = charset.Lookup(label)
	if enc == nil || latin(name) {
		return nil, ""
	}
	return enc, name
}

// latin reports whether an encoding is one of the Latin script, or none of the old ones.
func latin(name string) bool {
	switch name {
	case "windows-1250", "windows-1252", "windows-1254", "windows-1257", "windows-1258", "macintosh",
		"iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-10", "iso-8859-13", "iso-8859-14", "iso-8859-15", "iso-8859-16":
		return true
	}
	return strings.HasPrefix(name, "utf-") || name == "replacement" || name == "x-user-defined"
}

// textOf returns the bytes without tags, which say nothing of the encoding and make all letters but
// ASCII's look rare, and reports whether more than half of the letters are others still.
func textOf(data []byte) (text []byte, foreign bool) {
	text = make([]byte, 0, len(data))
	ascii, other, inTag := 0, 0, false
	for _, c := range data {
		switch {
		case inTag:
			inTag = c != '>'
			continue
		case c == '<':
			inTag, c = true, ' '
		case c >= 0x80:
			other++
		case 'a' <= c|0x20 && c|0x20 <= 'z':
			ascii++
		}
		text = append(text, c)
	}
	return text, other > ascii
}
