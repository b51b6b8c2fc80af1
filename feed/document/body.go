package document

import (
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/backissue/backissue/feed"
)

// Paragraphs. Where a form has kept the blank lines, they part the paragraphs. Where it has lost
// them, the wrapping tells: a line on which the next line's first word would still have found room
// was not wrapped there, it was ended. A last line so full that the word would not have fitted
// cannot be told from a wrapped one; nothing in the text can.

// verse is the longest that the lines of a poem are, in characters; prose has longer ones.
const verse = 64

// block is a paragraph, a stanza or a subheading.
type block struct {
	tag  string // "p" or "h2"
	text string // lines of a stanza parted by "\n"
}

// content returns the body as HTML, and its dateline.
func (p *page) content(parts parts, t targets) (string, feed.Dateline) {
	var dateline feed.Dateline
	var b strings.Builder
	for i, block := range p.blocks(parts.body, parts.spaced) {
		if i == 0 && block.tag == "p" {
			dateline = datelineOf(block.text)
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("<" + block.tag + ">" + t.markUp(block.text) + "</" + block.tag + ">")
	}
	return b.String(), dateline
}

// summary returns the teaser as HTML.
func summary(teaser []line) string {
	var words []string
	for _, l := range teaser {
		text := l.text
		if t, ok := teaserOf(l); ok {
			text = t
		}
		words = append(words, strings.Fields(text)...)
	}
	if len(words) == 0 {
		return ""
	}
	return "<p>" + html.EscapeString(strings.Join(words, " ")) + "</p>"
}

// blocks parts the body at blank lines and subheadings, and what is between them by the form.
func (p *page) blocks(body []line, spaced bool) []block {
	var blocks []block
	var group []string
	var cut []bool
	room := wrapOf(body)
	flush := func() {
		switch {
		case len(group) == 0:
		case p.form == bare:
			for _, text := range group {
				blocks = append(blocks, block{"p", text})
			}
		case spaced:
			blocks = append(blocks, paragraph(group, isVerse(group, room)))
		default:
			blocks = append(blocks, unwrapped(group, cut)...)
		}
		group, cut = nil, nil
	}
	for _, l := range body {
		heading, ok := headingOf(l)
		switch {
		case l.blank():
			flush()
		case ok:
			flush()
			blocks = append(blocks, block{"h2", heading})
		default:
			group = append(group, l.text)
			cut = append(cut, l.cut)
		}
	}
	flush()
	return blocks
}

// paragraph joins lines, or keeps them as they are in a poem.
func paragraph(lines []string, poem bool) block {
	if poem {
		return block{"p", strings.Join(lines, "\n")}
	}
	return block{"p", strings.Join(strings.Fields(strings.Join(lines, " ")), " ")}
}

// unwrapped finds the paragraphs of lines between which blank lines have been lost.
func unwrapped(lines []string, cut []bool) []block {
	ends := paragraphEnds(lines, cut)
	var blocks []block
	prose := 0 // no poem begins before this line
	for from := 0; from < len(lines); {
		to, poem := from, false
		if from >= prose {
			if to, poem = verseEnd(lines, ends, from); !poem {
				prose = to
			}
		}
		if !poem {
			for to = from + 1; to < len(lines) && !ends[to-1]; {
				to++
			}
		}
		blocks = append(blocks, paragraph(lines[from:to], poem))
		from = to
	}
	return blocks
}

// paragraphEnds tells for each line whether a paragraph ends with it. Linked text is never parted,
// and neither is a line that was cut from the next: what is left of a cut line is full or nearly
// so, as the last line of a paragraph seldom is.
func paragraphEnds(lines []string, cut []bool) []bool {
	ends := make([]bool, len(lines))
	open := 0 // lines for which linked text has been open
	for i, text := range lines {
		if i+1 == len(lines) {
			ends[i] = true
			break
		}
		if openMark(text) {
			open = 1
		} else if open > 0 {
			if open++; closing(text) >= 0 || open > 3 {
				open = 0
			}
		}
		whole := overlong(text) || overlong(lines[i+1])
		ends[i] = whole || open == 0 && !cut[i] && fits(text, lines[i+1], width)
	}
	return ends
}

// fits reports whether the next line's first word would have found room on a line.
func fits(text, next string, room int) bool {
	word, _, _ := strings.Cut(next, " ")
	return utf8.RuneCountInString(text)+1+utf8.RuneCountInString(word) <= room
}

// overlong reports whether a line has not been wrapped although it could have been.
func overlong(text string) bool {
	n := 0
	for i := range text {
		if n++; n > width {
			return strings.Contains(text[:i], " ")
		}
	}
	return false
}

// verseEnd returns the index behind the short lines that follow from a line on, and whether they
// are a poem: at least three of them, few of which end where wrapping would have ended them.
func verseEnd(lines []string, ends []bool, from int) (to int, poem bool) {
	ended := 0
	for to = from; to < len(lines) && utf8.RuneCountInString(lines[to]) <= verse; to++ {
		if ends[to] {
			ended++
		}
	}
	last := to
	for last > from && !ends[last-1] {
		last-- // belongs to the paragraph that follows
	}
	if n := last - from; n >= 3 && 4*ended >= 3*n {
		return last, true
	}
	return to, false
}

// isVerse tells a stanza from a paragraph where blank lines have been kept: its lines are short, and
// most of them end although there was room for the next word.
func isVerse(lines []string, room int) bool {
	ended := 0
	for i, text := range lines {
		if utf8.RuneCountInString(text) > verse {
			return false
		}
		if i+1 < len(lines) && fits(text, lines[i+1], room) {
			ended++
		}
	}
	return len(lines) > 1 && 2*ended > len(lines)-1
}

// wrapOf returns where the lines of a body have been wrapped. Who writes by hand may wrap earlier
// than the layout does; but lines so short that nobody wraps prose there are a poem's.
func wrapOf(body []line) int {
	longest := 0
	for _, l := range body {
		longest = max(longest, utf8.RuneCountInString(l.text))
	}
	if longest < 56 || longest > width {
		return width
	}
	return longest
}

// datelinePattern is place, agency and a bar: "Moskau/Peking taz | ". The agency is in small letters
// or in capitals ("dpa/taz", "AFP"); the place may be missing.
var datelinePattern = regexp.MustCompile(`^(?:(\p{Lu}[^|\[\]]{0,58}?) )?(\p{Ll}[\p{Ll}\d/]{1,19}|\p{Lu}[\p{Lu}\d/]{1,19}) \| `)

// datelineOf returns what stands before the first sentence of a report.
func datelineOf(text string) feed.Dateline {
	m := datelinePattern.FindStringSubmatch(strings.ReplaceAll(text, "\n", " "))
	if m == nil || len(strings.FieldsFunc(m[1], unicode.IsSpace)) > 5 {
		return feed.Dateline{}
	}
	return feed.Dateline{Place: m[1], Agency: m[2]}
}
