package document

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// form is how a text was passed on.
type form int

const (
	plain  form = iota // the layout as it is
	rows               // a table of a web proxy: "| text | |" or "text | |", the last row short of a cell
	menu               // lines of a gopher menu (RFC 1436 §3.8)
	indent             // a web proxy that indents by seven blanks and marks links as " (DIR) "
	bare               // a Gemini proxy: paragraphs on one line, no "#", ">" or "##", links often lost
)

// page is a text, line by line as it was displayed, whatever carried it.
type page struct {
	file        string
	form        form
	publication string // in front of " -- " in the title line
	headline    string // behind it
	lines       []line // from the title line on; of several blank lines in a row only one
}

// line is one line as it was displayed.
type line struct {
	text   string // without the form's framing and without white space around it
	number int    // in the file, from 1
	item   byte   // item type (RFC 1436 §3.8, "i" for text); 0 where the form does not tell
	target menuTarget
	cut    bool // a proxy cut it; it ends with "…"
}

// menuTarget is what a menu line leads to.
type menuTarget struct{ selector, host, port string }

func (l line) picture() bool { return l.item == 'I' || l.item == 'g' }

// link reports whether the form marks the line as a link.
func (l line) link() bool { return l.item != 0 && l.item != 'i' && !l.picture() }

// blank reports whether nothing is to be seen of the line.
func (l line) blank() bool { return strings.IndexFunc(l.text, visible) < 0 }

// visible tells characters with ink from those without, such as the braille blank that the layout
// uses to keep a blank line from being dropped.
func visible(r rune) bool {
	switch r {
	case '\u2800', '\u200b', '\u2060', '\ufeff', '\u00ad':
		return false
	}
	return !unicode.IsSpace(r)
}

// maxPreface is how many lines a proxy may put in front of the text.
const maxPreface = 8

// open finds the title line and takes the form's framing off all lines.
func open(file string, data []byte) (*page, error) {
	text := decode(data)
	raw := strings.Split(text, "\n")
	refused := &LayoutError{File: file, Line: firstLine(raw), Want: wantTitle, Got: kindOf(text)}
	if refused.Got == "" {
		for i, met := 0, 0; i < len(raw) && met < maxPreface; i++ {
			if strings.TrimSpace(raw[i]) == "" {
				continue
			}
			if p := start(raw[i:], met == 0); p != nil {
				p.file = file
				p.read(raw, i)
				return p, nil
			}
			met++
		}
		refused.Got = quote(raw[refused.Line-1])
	}
	return nil, refused
}

// wantTitle is what a file must begin with.
const wantTitle = `a title line "# NAME -- KICKER: TITLE"`

// start returns a page if the lines begin with a title line. The marks of the line may be missing,
// or there may be other lines before it, only where the publication is called like a host: prose
// has dashes, too.
func start(raw []string, first bool) *page {
	p := &page{form: formOf(raw)}
	m := titleLine.FindStringSubmatch(p.unwrap(raw[0]).text)
	if m == nil {
		return nil
	}
	marked, host := m[1] != "", hostName.MatchString(m[2])
	if !host && (!marked || !first) {
		return nil
	}
	if !marked {
		p.form = bare
	}
	p.publication, p.headline = m[2], strings.TrimSpace(m[3])
	return p
}

var indented = regexp.MustCompile(`^(       | \([A-Z]{3}\) )\S`)

// formOf tells the form by the title line and the next.
func formOf(raw []string) form {
	title := strings.TrimRightFunc(raw[0], unicode.IsSpace)
	switch {
	case strings.HasPrefix(title, "| ") || strings.HasSuffix(title, " | |"):
		return rows
	case strings.HasPrefix(title, "i# ") || strings.HasPrefix(title, "i") && strings.Contains(title, "\t"):
		return menu
	}
	for _, next := range raw[1:] {
		if strings.TrimSpace(next) != "" {
			if indented.MatchString(next) {
				return indent
			}
			break
		}
	}
	return plain
}

// read unwraps the lines from the title line on.
func (p *page) read(raw []string, first int) {
	raw = raw[first:]
	for len(raw) > 1 && strings.TrimSpace(raw[len(raw)-1]) == "" {
		raw = raw[:len(raw)-1]
	}
	for i, s := range raw {
		if p.form == menu && s == "." {
			break
		}
		if p.form == rows && i == len(raw)-1 {
			s = shortRow(s)
		}
		l := p.unwrap(s)
		l.number = first + i + 1
		if l.text == "" && p.lines[len(p.lines)-1].text == "" {
			continue
		}
		p.lines = append(p.lines, l)
	}
	for n := len(p.lines); n > 1 && (p.lines[n-1].text == "" || halfHeading(p.lines[n-1])); n-- {
		p.lines = p.lines[:n-1]
	}
}

// unwrap takes the form's framing off one line.
func (p *page) unwrap(raw string) line {
	var l line
	switch p.form {
	case rows:
		l.text = unwrapRow(raw)
	case menu:
		l = unwrapMenu(raw)
	case indent:
		l = unwrapIndent(raw)
	default:
		l.text = raw
	}
	l.text = strings.TrimSpace(l.text)
	l.cut = (p.form == rows || p.form == plain) && cut(l.text)
	return l
}

// unwrapRow takes exactly the row's own bars off: the text may hold others.
func unwrapRow(raw string) string {
	s := strings.TrimRightFunc(raw, unicode.IsSpace)
	s = strings.TrimPrefix(s, "| ")
	if s == "| |" || s == "|" {
		return ""
	}
	return strings.TrimSuffix(s, " | |")
}

// shortRow gives the last row the cell that it lacks.
func shortRow(raw string) string {
	s := strings.TrimRightFunc(raw, unicode.IsSpace)
	if strings.HasSuffix(s, " |") && !strings.HasSuffix(s, " | |") {
		return s + " |"
	}
	return raw
}

// unwrapMenu reads a menu line: item type and display string, selector, host and port, parted by
// tabs. Fields may be missing at the end.
func unwrapMenu(raw string) line {
	if raw == "" || raw[0] >= utf8.RuneSelf {
		return line{item: 'i', text: raw} // no menu line; better a text than none
	}
	fields := strings.Split(raw[1:], "\t")
	l := line{item: raw[0], text: fields[0]}
	for i, to := range []*string{&l.target.selector, &l.target.host, &l.target.port} {
		if i+1 < len(fields) {
			*to = strings.TrimSpace(fields[i+1])
		}
	}
	return l
}

// unwrapIndent reads a line of the indented form, in which a word stands for the item type.
func unwrapIndent(raw string) line {
	if !indented.MatchString(raw) || raw[1] != '(' {
		return line{item: 'i', text: raw}
	}
	l := line{item: '1', text: raw[7:]}
	switch raw[2:5] {
	case "IMG":
		l.item = 'I'
	case "TXT":
		l.item = '0'
	case "HTM":
		l.item = 'h'
	}
	return l
}

// cut reports whether a proxy has cut the line. The one that does so cuts what is longer than 80
// bytes to 79 bytes and "…"; a character that does not fit is left out, and once 83 bytes were
// seen. A line that ends with "…" at any other length was written so.
func cut(text string) bool {
	rest, ok := strings.CutSuffix(text, "…")
	return ok && minCut <= len(rest) && len(rest) <= 83
}

// minCut is the shortest that a cut leaves, in bytes.
const minCut = 79 - 3
