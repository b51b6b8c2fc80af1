package markup

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// Text returns HTML as plain text for a terminal or a text-only field: paragraphs apart by blank
// lines, entities decoded, no line wrapped, link targets left out. Items of lists begin with "- "
// or their number, the cells of a table's row are apart by " | ", and a picture is its alternative
// text in brackets.
func Text(source string) string {
	if !strings.ContainsAny(source, "<&") {
		return strings.Join(strings.Fields(Legible(source)), " ")
	}
	z := html.NewTokenizer(strings.NewReader(source))
	var t typesetter
	for {
		switch z.Next() {
		case html.ErrorToken:
			return strings.TrimSpace(t.out.String())
		case html.TextToken:
			if t.hidden == "" {
				t.text(Legible(string(z.Text())))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			t.start(string(name), z, more)
		case html.EndTagToken:
			name, _ := z.TagName()
			t.end(string(name))
		}
	}
}

// typesetter writes plain text. White space is written when something comes after it.
type typesetter struct {
	out    strings.Builder
	breaks int  // line breaks due: 2 make a blank line
	blank  bool // a blank is due
	pre    int
	hidden string // element whose text is not shown
	lists  []int  // open lists: the last number of an ordered one, -1 for others
	cells  int    // cells so far in this row
	marked bool   // right behind the mark of a list's item
}

func (t *typesetter) start(name string, z *html.Tokenizer, more bool) {
	switch name {
	case "script", "style", "title", "iframe", "noscript", "noembed", "noframes":
		t.hidden = name
	case "br":
		t.breaks++
		t.blank = false
	case "img":
		if alt := strings.Join(strings.Fields(altText(z, more)), " "); alt != "" {
			t.text("[" + alt + "]")
		}
	case "ul", "ol", "menu", "dir":
		n := -1
		if name == "ol" {
			n = 0
		}
		t.apart(2 - min(len(t.lists), 1))
		t.lists = append(t.lists, n)
	case "li":
		t.item()
	case "pre", "listing":
		t.apart(2)
		t.pre++
	case "td", "th":
		if t.cells++; t.cells > 1 {
			t.write(" | ")
			t.blank = false
		}
	case "tr":
		t.cells = 0
		t.apart(1)
	default:
		t.apart(gap(name))
	}
}

func (t *typesetter) end(name string) {
	switch name {
	case t.hidden:
		t.hidden = ""
	case "ul", "ol", "menu", "dir":
		if n := len(t.lists); n > 0 {
			t.lists = t.lists[:n-1]
		}
		t.apart(2 - min(len(t.lists), 1))
	case "pre", "listing":
		t.pre = max(0, t.pre-1)
		t.apart(2)
	case "li", "tr":
		t.apart(1)
	case "br", "img", "td", "th":
	default:
		t.apart(gap(name))
	}
}

// gap returns how many line breaks stand before and after an element.
func gap(name string) int {
	switch name {
	case "p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "dl", "figure", "table", "hr",
		"article", "section", "aside", "details", "form", "fieldset":
		return 2
	case "div", "dt", "dd", "figcaption", "caption", "summary", "address", "header", "footer", "main",
		"nav", "hgroup", "center", "thead", "tbody", "tfoot", "option", "legend":
		return 1
	}
	return 0
}

// apart asks for at least n line breaks before what comes next.
func (t *typesetter) apart(n int) {
	if n > 0 && !t.marked {
		t.breaks = max(t.breaks, n)
		t.blank = false
	}
}

func (t *typesetter) item() {
	t.marked = false
	t.apart(1)
	mark := "- "
	if n := len(t.lists); n > 0 {
		if t.lists[n-1] >= 0 {
			t.lists[n-1]++
			mark = strconv.Itoa(t.lists[n-1]) + ". "
		}
		mark = strings.Repeat("  ", min(n, 20)-1) + mark
	}
	t.write(mark)
	t.marked = true
}

func (t *typesetter) text(s string) {
	if t.pre > 0 {
		t.write(s)
		return
	}
	for s != "" {
		n := strings.IndexFunc(s, isBlank)
		if n < 0 {
			n = len(s)
		}
		if n > 0 {
			t.write(s[:n])
		}
		if s = s[n:]; s == "" {
			return
		}
		t.blank = t.breaks == 0 && !t.marked
		s = strings.TrimLeftFunc(s, isBlank)
	}
}

// write writes s after the white space that is due.
func (t *typesetter) write(s string) {
	switch {
	case t.out.Len() == 0:
	case t.breaks > 0:
		t.out.WriteString("\n\n"[:min(t.breaks, 2)])
	case t.blank:
		t.out.WriteByte(' ')
	}
	t.breaks, t.blank, t.marked = 0, false, false
	t.out.WriteString(s)
}

func isBlank(r rune) bool {
	return r == ' ' || r == '\n' || r == '\t' || r == '\f' || r == '\r' || r == '\u00a0'
}

func altText(z *html.Tokenizer, more bool) string {
	for more {
		var key, val []byte
		key, val, more = z.TagAttr()
		if string(key) == "alt" {
			return Legible(string(val))
		}
	}
	return ""
}
