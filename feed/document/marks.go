package document

import (
	"html"
	"regexp"
	"strconv"
	"strings"
)

// linkMark is the beginning of linked text: "[1][" and, after the text, "]".
var linkMark = regexp.MustCompile(`\[(\d{1,4})\]\[`)

// maxMark is how far behind its beginning, in bytes, the end of linked text is looked for.
const maxMark = 1000

// markUp returns a text as HTML: marks as links, line ends as <br>. Marks without a target become
// plain text.
func (t targets) markUp(text string) string {
	var b strings.Builder
	for text != "" {
		m := linkMark.FindStringSubmatchIndex(text)
		if m == nil {
			break
		}
		b.WriteString(escape(text[:m[0]]))
		number, _ := strconv.Atoi(text[m[2]:m[3]]) // digits by the pattern
		text = text[m[1]:]
		end := closing(text)
		if end < 0 {
			continue // the end has been lost: what follows is plain text
		}
		linked := linkMark.ReplaceAllString(text[:end], "[")
		text = text[end+1:]
		entry := t.byNumber[number]
		if entry == nil || strings.TrimSpace(linked) == "" {
			b.WriteString(escape(linked))
			continue
		}
		if entry.text == "" {
			entry.text = strings.Join(strings.Fields(linked), " ")
		}
		b.WriteString(`<a href="` + html.EscapeString(entry.href) + `">` + escape(linked) + `</a>`)
	}
	b.WriteString(escape(text))
	return b.String()
}

// closing returns the index of the bracket that closes a text, brackets inside it left out, or -1.
func closing(text string) int {
	depth := 0
	for i := 0; i < min(len(text), maxMark); i++ {
		switch text[i] {
		case '[':
			depth++
		case ']':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}

// openMark reports whether linked text begins in a line and does not end there.
func openMark(text string) bool {
	all := linkMark.FindAllStringIndex(text, -1)
	return len(all) > 0 && closing(text[all[len(all)-1][1]:]) < 0
}

func escape(text string) string {
	return strings.ReplaceAll(html.EscapeString(text), "\n", "<br>\n")
}
