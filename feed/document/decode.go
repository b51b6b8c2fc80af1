package document

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	utf "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// decode returns a file's text: UTF-8 or UTF-16 by its byte order mark, else UTF-8, or
// windows-1252 where the bytes are no UTF-8 (RFC 1436 speaks of Latin-1). Lines end with "\n".
func decode(data []byte) string {
	text := string(data)
	marked, _, err := transform.String(utf.BOMOverride(transform.Nop), text)
	switch {
	case err == nil && utf8.ValidString(marked):
		text = marked
	case mostlyUTF8(text):
		text = strings.ToValidUTF8(text, "\ufffd")
	default:
		// Windows-1252 has a character for every byte, so this cannot fail.
		text, _ = charmap.Windows1252.NewDecoder().String(text)
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	return strings.Map(printable, text)
}

// mostlyUTF8 tells a text in UTF-8 with a few broken bytes from one in another charset.
func mostlyUTF8(text string) bool {
	good, bad := 0, 0
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case n > 1:
			good++
		case r == utf8.RuneError:
			bad++
		}
		i += n
	}
	return good > bad
}

// printable drops what has no business in a text and could not be said in XML either. NUL stays,
// as the mark of a file that is no text.
func printable(r rune) rune {
	switch {
	case r == '\n', r == '\t', r == 0:
		return r
	case unicode.IsControl(r), r == '\ufffe', r == '\uffff', r == '\ufeff':
		return -1
	}
	return r
}

// kindOf names a kind of file that is none of this package's; it returns "" for text.
func kindOf(text string) string {
	s := strings.TrimSpace(text)
	lower := strings.ToLower(s[:min(len(s), 256)])
	switch {
	case strings.ContainsRune(s, 0):
		return "binary data"
	case s == "":
		return "an empty file"
	case strings.HasPrefix(lower, "<!doctype html"), strings.HasPrefix(lower, "<html"):
		return "an HTML page"
	case strings.HasPrefix(lower, "<"):
		return "XML"
	case strings.IndexAny(lower, "{[") == 0 && json.Valid([]byte(s)):
		return "JSON"
	}
	return ""
}

// firstLine returns the number of the first line that holds something, or 1.
func firstLine(raw []string) int {
	for i, s := range raw {
		if strings.TrimSpace(s) != "" {
			return i + 1
		}
	}
	return 1
}

// quote shows the beginning of a line.
func quote(s string) string {
	const most = 60
	s = strings.TrimSpace(s)
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
