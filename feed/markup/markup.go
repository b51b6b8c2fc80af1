// Package markup makes foreign HTML safe to show, or turns it into plain text.
package markup

import (
	"strings"
)

// Clean returns HTML that is safe to hand on: balanced, every URL absolute (resolved against base
// where base is one), without scripts, event handlers, forms, styles, or URLs of other schemes than
// http, https, mailto and the like. Cleaning what is clean changes nothing.
//
// What it returns any HTML5 parser reads without a parse error, and it holds no character that XML
// forbids. Embedded frames become links to what they show, and pictures that wait for a script get
// their real address. HTML that no parser would take (elements nested hundreds deep) comes back as
// its text.
func Clean(html, base string) string {
	html = Legible(html)
	if !strings.ContainsAny(html, "<>&") {
		return html
	}
	// Most HTML is well-formed and wants no more than attributes taken off. What is not goes through
	// a sanitizer and an HTML parser, and out by the same writer.
	if clean, ok := rewrite(html, base); ok {
		return clean
	}
	if clean, ok := repair(html, base); ok {
		return clean
	}
	return FromText(Text(html))
}

// FromText returns plain text as HTML: escaped, its paragraphs (apart by blank lines) in <p>, its
// other line breaks as <br>.
func FromText(text string) string {
	text = Legible(text)
	var out []byte
	open := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			if open {
				out = append(out, "</p>\n"...)
			}
			open = false
			continue
		case open:
			out = append(out, "<br>\n"...)
		default:
			out = append(out, "<p>"...)
		}
		open = true
		out = appendText(out, line)
	}
	if open {
		out = append(out, "</p>"...)
	}
	return strings.TrimSuffix(string(out), "\n")
}
