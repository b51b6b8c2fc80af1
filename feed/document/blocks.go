package document

import (
	"slices"
	"strings"
	"time"
)

// parts are the blocks of an article.
type parts struct {
	teaser   []line
	images   []line
	body     []line
	spaced   bool // blank lines above the date have been kept
	date     time.Time
	dated    bool
	sections map[section][]line
	language string // as the headings and the word before the caption tell; empty where they do not
}

// divide finds the blocks. It fails for no text: what is no other block is body.
func (p *page) divide() parts {
	date, tail := p.tail()
	front, rest := p.lines[1:tail], p.lines[tail:]
	parts := parts{sections: make(map[section][]line)}
	if date > 0 {
		front = p.lines[1:date]
		parts.date, parts.dated = dateOf(p.lines[date].text)
	}
	parts.spaced = slices.ContainsFunc(front, func(l line) bool { return l.text == "" })
	front = p.cutTeaser(front, &parts)
	parts.cutImages(front)
	p.cutSections(rest, &parts)
	return parts
}

// tail returns the index of the date's line, 0 where there is none, and that of the first line of
// the sections.
func (p *page) tail() (date, sections int) {
	end := len(p.lines)
	for i, l := range p.lines[1:] {
		at := i + 1
		if _, ok := dateOf(l.text); !ok {
			continue
		}
		next := at + 1
		for next < end && p.lines[next].blank() {
			next++
		}
		if next == end {
			return at, end
		}
		if s, _ := p.opens(p.lines[next]); s != secNone {
			return at, next
		}
	}
	// Without a date the sections are those headings in capitals that no other heading follows.
	sections = end
	for at := end - 1; at > 0; at-- {
		heading, ok := headingOf(p.lines[at])
		if !ok {
			continue
		}
		if s, _ := sectionOf(heading); s == secNone || heading != strings.ToUpper(heading) {
			break
		}
		sections = at
	}
	return 0, sections
}

// cutTeaser takes the teaser off the front. Where its marks have been lost it is the first
// paragraph.
func (p *page) cutTeaser(front []line, parts *parts) []line {
	front = skipBlank(front)
	if p.form == bare {
		if len(front) == 0 || len(skipBlank(front[1:])) == 0 && !parts.dated {
			return front
		}
		if _, picture := captionOf(front[0]); picture {
			return front
		}
		parts.teaser = front[:1]
		return front[1:]
	}
	n := 0
	for n < len(front) {
		if _, ok := teaserOf(front[n]); !ok {
			break
		}
		n++
	}
	parts.teaser = front[:n]
	return front[n:]
}

// cutImages takes the pictures that follow the teaser off the front, and out of the body those that
// the form marks as such; the rest is the body.
func (parts *parts) cutImages(front []line) {
	front = skipBlank(front)
	for len(front) > 0 {
		if _, ok := captionOf(front[0]); !ok {
			break
		}
		word, _, _ := strings.Cut(front[0].text, ":")
		parts.language = captionWord(word)
		parts.images = append(parts.images, front[0])
		front = skipBlank(front[1:])
	}
	for _, l := range front {
		if l.picture() {
			parts.images = append(parts.images, l)
		} else {
			parts.body = append(parts.body, l)
		}
	}
}

// cutSections sorts the lines after the date. Sections of other names end the body rather than
// being lost.
func (p *page) cutSections(rest []line, parts *parts) {
	open := secNone
	for _, l := range rest {
		s, language := p.opens(l)
		if s != secNone {
			open = s
			if parts.sections[s] == nil {
				parts.sections[s] = []line{}
			}
			if language != "" {
				parts.language = language
			}
			continue
		}
		if _, other := headingOf(l); other {
			open = secNone
		}
		if open == secNone {
			parts.body = append(parts.body, l)
		} else {
			parts.sections[open] = append(parts.sections[open], l)
		}
	}
}

func skipBlank(lines []line) []line {
	for len(lines) > 0 && lines[0].blank() {
		lines = lines[1:]
	}
	return lines
}
