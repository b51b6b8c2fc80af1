package diff

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff/lcs"
)

// What is beyond these is not looked into. The search for what two lists have in common is bounded
// by itself: it gives up after some fifty differences on either end and takes the rest as changed.
const (
	largest  = 2 << 20 // bytes of both texts; larger ones are compared by paragraphs alone
	lengthy  = 100_000 // lines of both; of more, all between the first and the last change is changed
	most     = 4000    // paragraphs of a changed stretch; where there are more, they are not paired
	longest  = 20_000  // words of a paragraph; one that has more is replaced as a whole
	farthest = 12      // paragraphs that are passed over to find the one that became of another
	alike    = 0.45    // share of words in common from which on a paragraph is another's new version
)

// Text compares two plain texts, paragraph by paragraph and word by word. A paragraph is a line; empty
// ones and white space at either end of a line do not count.
func Text(old, new string) []Line {
	changed := rewritten
	if len(old)+len(new) > largest {
		changed = replaced
	}
	return compare(paragraphs(old), paragraphs(new), changed)
}

// Values compares two lists of values, of which each is the same or not. Empty ones do not count.
func Values(old, new []string) []Line {
	return compare(whole(old), whole(new), replaced)
}

func paragraphs(text string) []string {
	var lines []string
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

func whole(values []string) []string {
	var lines []string
	for _, v := range values {
		if v = strings.Join(strings.Fields(v), " "); v != "" {
			lines = append(lines, v)
		}
	}
	return lines
}

// compare finds the lines that both sides have, and leaves the stretches between them to changed.
func compare(before, after []string, changed func(before, after []string) []Line) []Line {
	var lines []Line
	at := 0
	for _, d := range differences(before, after) {
		for _, l := range before[at:d.Start] {
			lines = append(lines, Line{{Equal, l}})
		}
		lines = append(lines, changed(before[d.Start:d.End], after[d.ReplStart:d.ReplEnd])...)
		at = d.End
	}
	for _, l := range before[at:] {
		lines = append(lines, Line{{Equal, l}})
	}
	return lines
}

func differences(before, after []string) []lcs.Diff {
	if len(before)+len(after) <= lengthy {
		return lcs.DiffLines(before, after)
	}
	shorter := min(len(before), len(after))
	start := 0
	for start < shorter && before[start] == after[start] {
		start++
	}
	end := 0
	for end < shorter-start && before[len(before)-1-end] == after[len(after)-1-end] {
		end++
	}
	return []lcs.Diff{{Start: start, End: len(before) - end, ReplStart: start, ReplEnd: len(after) - end}}
}

// replaced is the change of values.
func replaced(before, after []string) []Line {
	var lines []Line
	for _, l := range before {
		lines = append(lines, Line{{Removed, l}})
	}
	for _, l := range after {
		lines = append(lines, Line{{Added, l}})
	}
	return lines
}

// rewritten is the change of paragraphs: those that became others are compared with them by words.
func rewritten(before, after []string) []Line {
	if len(before)+len(after) > most {
		return replaced(before, after)
	}
	olds, news := bags(before), bags(after)
	var lines []Line
	at := 0
	for i := range before {
		j := match(olds[i], news[at:min(len(news), at+farthest)])
		if j < 0 && len(before) == 1 && len(after) == 1 && len(olds[i].tokens)+len(news[0].tokens) < 80 {
			j = 0 // short lines, such as titles, are compared however little they have in common
		}
		if j < 0 {
			lines = append(lines, Line{{Removed, before[i]}})
			continue
		}
		lines = append(lines, replaced(nil, after[at:at+j])...)
		lines = append(lines, byWords(olds[i].tokens, news[at+j].tokens))
		at += j + 1
	}
	return append(lines, replaced(nil, after[at:])...)
}

// bag is a paragraph with the words that it has.
type bag struct {
	tokens []string
	words  map[string]int
	size   int
}

func bags(lines []string) []bag {
	list := make([]bag, len(lines))
	for i, l := range lines {
		b := bag{tokens: tokens(l), words: make(map[string]int)}
		for _, t := range b.tokens {
			if r, _ := utf8.DecodeRuneInString(t); isWord(r) {
				b.words[t]++
				b.size++
			}
		}
		list[i] = b
	}
	return list
}

// match returns the first of the candidates that is enough like a paragraph, or -1.
func match(old bag, candidates []bag) int {
	if len(old.tokens) > longest {
		return -1
	}
	for i, c := range candidates {
		if len(c.tokens) > longest {
			continue
		}
		common := 0
		for w, n := range old.words {
			common += min(n, c.words[w])
		}
		if total := old.size + c.size; total > 0 && 2*float64(common) >= alike*float64(total) {
			return i
		}
	}
	return -1
}

// byWords compares two paragraphs. White space that is all there is between two changes is taken
// into them, since nobody wants to read every second word.
func byWords(before, after []string) Line {
	var line lineBuilder
	at := 0
	for _, d := range lcs.DiffLines(before, after) {
		kept := strings.Join(before[at:d.Start], "")
		if at > 0 && strings.TrimSpace(kept) == "" {
			line.removed.WriteString(kept)
			line.added.WriteString(kept)
		} else {
			line.equal(kept)
		}
		line.removed.WriteString(strings.Join(before[d.Start:d.End], ""))
		line.added.WriteString(strings.Join(after[d.ReplStart:d.ReplEnd], ""))
		at = d.End
	}
	line.equal(strings.Join(before[at:], ""))
	line.flush()
	return line.runs
}

// lineBuilder gathers changes until something equal comes.
type lineBuilder struct {
	runs           Line
	removed, added strings.Builder
}

func (b *lineBuilder) equal(text string) {
	if text == "" {
		return
	}
	b.flush()
	b.put(Equal, text)
}

func (b *lineBuilder) flush() {
	if b.removed.String() == b.added.String() {
		b.put(Equal, b.removed.String())
	} else {
		b.put(Removed, b.removed.String())
		b.put(Added, b.added.String())
	}
	b.removed.Reset()
	b.added.Reset()
}

func (b *lineBuilder) put(op Op, text string) {
	switch last := len(b.runs) - 1; {
	case text == "":
	case last >= 0 && b.runs[last].Op == op:
		b.runs[last].Text += text
	default:
		b.runs = append(b.runs, Run{op, text})
	}
}

// tokens cuts a text into words, stretches of white space and single other characters. Scripts that
// are written without blanks are cut into characters.
func tokens(text string) []string {
	var list []string
	start, kind := 0, other
	for i, r := range text {
		k := kindOf(r)
		if i > 0 && (k != kind || k == other) {
			list = append(list, text[start:i])
			start = i
		}
		kind = k
	}
	if start < len(text) {
		list = append(list, text[start:])
	}
	return list
}

// Kinds of characters.
const (
	other = iota // each a token of its own
	word
	blank
)

func kindOf(r rune) int {
	switch {
	case unicode.IsSpace(r):
		return blank
	case isWord(r) && !unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		return word
	}
	return other
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }
