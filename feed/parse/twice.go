package parse

import (
	"strings"
	"unicode/utf8"

	"github.com/backissue/backissue/feed"
)

// Some publishers take UTF-8 for ISO-8859-1 and encode it once more, so that "Köln" arrives as
// "KÃ¶ln". A text that consists of nothing but characters of ISO-8859-1, whose bytes are UTF-8 of
// more than ASCII, can hardly be anything else.

// mayBeTwice reports whether a document may hold such text; it does not where the two characters
// never stand side by side that the first letters beyond ASCII turn into.
func mayBeTwice(text string) bool {
	for rest := text; ; {
		i := strings.IndexByte(rest, 0xc3)
		if i < 0 || i+3 >= len(rest) {
			break
		}
		if rest[i+1] >= 0x82 && rest[i+2] == 0xc2 {
			return true
		}
		rest = rest[i+1:]
	}
	return strings.Contains(text, "\u00c2\u00a0") || strings.Contains(text, "\u00c2\u00a3")
}

// decodeTwice mends the texts of an article that were encoded twice.
func (r *reader) decodeTwice(a *feed.Article) {
	texts := []*string{&a.Title, &a.Summary, &a.Content}
	for i := range a.Tags {
		texts = append(texts, &a.Tags[i].Term, &a.Tags[i].Label)
	}
	for i := range a.Authors {
		texts = append(texts, &a.Authors[i].Name)
	}
	r.decodeTexts(texts...)
}

func (r *reader) decodeTexts(texts ...*string) {
	for _, s := range texts {
		if once, ok := encodedOnce(*s); ok {
			*s = clean(once)
			r.mended.note("text that had been encoded twice was decoded twice")
		}
	}
}

// encodedOnce takes one layer of UTF-8 off; false where there is only one.
func encodedOnce(s string) (string, bool) {
	var b strings.Builder
	high := false
	for _, c := range s {
		if c > 0xff {
			return "", false
		}
		high = high || c >= 0x80
		b.WriteByte(byte(c))
	}
	if !high || !utf8.ValidString(b.String()) {
		return "", false
	}
	return b.String(), true
}
