package feed

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// TagKey returns what tells one tag from another: the spelling after Unicode NFKC and full case
// folding, with runs of white space as one blank and without a leading "#". Two spellings are the
// same tag exactly when their keys are equal. The key of a spelling that holds nothing is "", and so
// is one that would be over 1000 bytes long, since that is a text that got into the wrong place.
func TagKey(spelling string) string {
	if len(spelling) > maxSpelling {
		return ""
	}
	key, ok := asciiTagKey(spelling)
	if !ok {
		key = foldedTagKey(spelling)
	}
	if len(key) > maxTag {
		return ""
	}
	return key
}

func foldedTagKey(spelling string) string {
	// Folding can undo the composed form and composing can bring back what folds, so normalise on
	// both sides; the result is stable (Unicode 15, definition 146 of caseless matching).
	s := norm.NFKC.String(spelling)
	s = strings.Map(cherokee, cases.Fold().String(s))
	s = norm.NFKC.String(s)
	return bareTag(s)
}

// cherokee folds the letters of Cherokee as Unicode has it, to the capital ones, of which package cases
// makes small ones and of small ones capital ones.
func cherokee(r rune) rune {
	switch {
	case '\u13f8' <= r && r <= '\u13fd':
		return r - 8
	case '\uab70' <= r && r <= '\uabbf':
		return r - '\uab70' + '\u13a0'
	}
	return r
}

// maxTag bounds a key, in bytes, and maxSpelling what is looked at to make one: a spelling may hold
// much that is not in its key.
const (
	maxTag      = 1000
	maxSpelling = 4 * maxTag
)

// TagSpelling returns the spelling as it is shown: white space tidied and a leading "#" taken off,
// everything else as written.
func TagSpelling(spelling string) string { return bareTag(norm.NFC.String(spelling)) }

func bareTag(s string) string {
	s = strings.Join(strings.FieldsFunc(s, blank), " ")
	for strings.HasPrefix(s, "#") {
		s = strings.TrimPrefix(s[1:], " ")
	}
	return s
}

// asciiTagKey is [TagKey] for the plain spellings that make up most of what comes in.
func asciiTagKey(s string) (string, bool) {
	lower := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 0x80 || c < 0x20 || c == 0x7f:
			return "", false
		case c == '#' && i == 0, c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' '):
			return "", false
		case 'A' <= c && c <= 'Z':
			lower = false
		}
	}
	if lower {
		return s, true
	}
	return strings.ToLower(s), true
}

// blank reports what counts as white space in tags and names: Unicode's own idea of it, and the
// characters that only look empty (zero width space, word joiner, byte order mark, braille blank).
func blank(r rune) bool {
	switch r {
	case '\u200b', '\u2060', '\ufeff', '\u2800', '\u00ad':
		return true
	}
	return unicode.IsSpace(r) || unicode.IsControl(r)
}

// maxSlug bounds a URL name in runes, so that even a title mistaken for a tag gives a usable path, and
// maxSlugBytes so that it can be the name of a file.
const (
	maxSlug      = 80
	maxSlugBytes = 200
)

// Slug returns the URL name that a text suggests: its letters, marks and digits of every script in
// lower case, everything else as single hyphens. Different texts may suggest the same name; the
// store keeps them apart. It returns "" for a text without letters and digits.
func Slug(text string) string {
	var b strings.Builder
	gap, n := false, 0
	for _, r := range strings.ToLower(norm.NFKC.String(text)) {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r) {
			gap = true
			continue
		}
		if n >= maxSlug && gap || n >= 2*maxSlug || b.Len() >= maxSlugBytes {
			break // end with a whole word where words are short enough
		}
		if gap && b.Len() > 0 {
			b.WriteByte('-')
			n++
		}
		gap = false
		b.WriteRune(r)
		n++
	}
	return norm.NFC.String(b.String())
}
