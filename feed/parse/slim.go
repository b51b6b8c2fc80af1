package parse

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/mmcdole/gofeed/atom"
	"github.com/mmcdole/gofeed/rss"
)

// slim is the document that gofeed gets to read: the standard fields of head and items, without
// namespaces, extensions and full texts, well-formed whatever they were taken from. Being small
// and plain, it takes gofeed a fraction of the time of the original.
type slim struct {
	head, items bytes.Buffer
	to          *bytes.Buffer // the one that is being written
	item        string        // name of an item's tag
	before      string        // what stands before the head
	after       string        // what stands after the items
}

func (s *slim) begin(atom bool) {
	s.to = &s.head
	s.item, s.before, s.after = "item", `<rss version="2.0"><channel>`, `</channel></rss>`
	if atom {
		s.item, s.before, s.after = "entry", `<feed>`, `</feed>`
	}
}

// beginItem directs what is written into a new item and returns its place.
func (s *slim) beginItem() int {
	s.to = &s.items
	start := s.items.Len()
	s.open(s.item)
	s.to.WriteByte('>')
	return start
}

// endItem ends the item that began at start, or takes it back, and returns its end.
func (s *slim) endItem(start int, keep bool) int {
	if keep {
		s.end(s.item)
	} else {
		s.items.Truncate(start)
	}
	s.to = &s.head
	return s.items.Len()
}

// document returns the whole document, or one with the given part of the items.
func (s *slim) document(head, items []byte) *bytes.Reader {
	doc := make([]byte, 0, len(s.before)+len(head)+len(items)+len(s.after))
	doc = append(doc, s.before...)
	doc = append(doc, head...)
	doc = append(doc, items...)
	return bytes.NewReader(append(doc, s.after...))
}

// text writes an element that holds the character data of inner, and reports whether that is
// markup.
func (s *slim) text(name, inner string) (isMarkup bool) {
	s.open(name)
	s.to.WriteByte('>')
	isMarkup = s.data(inner)
	s.end(name)
	return isMarkup
}

// data writes content as gofeed understands it the way it was meant. What is plain goes through
// as it is.
func (s *slim) data(inner string) (isMarkup bool) {
	lt := strings.IndexByte(inner, '<')
	if lt < 0 && !strings.Contains(inner, "]]>") {
		s.to.WriteString(inner)
		return false
	}
	inner = strings.TrimSpace(inner)
	if body, ok := strings.CutPrefix(inner, "<![CDATA["); ok && strings.Index(body, "]]>") == len(body)-3 {
		s.to.WriteString(inner)
		return false
	}
	text, isMarkup := characterData(inner)
	s.to.WriteString(escapeText(text))
	return isMarkup
}

// verbatim writes an element that holds an address. gofeed normalises every URL it can parse,
// which would change guids and links; none begins with a colon, so those it leaves alone.
func (s *slim) verbatim(name, inner string) {
	s.open(name)
	s.to.WriteString(">:")
	text, _ := characterData(inner)
	s.to.WriteString(escapeText(text))
	s.end(name)
}

// asWritten takes off what [slim.verbatim] put on.
func asWritten(s string) string { return strings.TrimSpace(strings.TrimPrefix(s, ":")) }

func (s *slim) open(name string) {
	s.to.WriteByte('<')
	s.to.WriteString(name)
}

func (s *slim) end(name string) {
	s.to.WriteString("</")
	s.to.WriteString(name)
	s.to.WriteByte('>')
}

// attr writes an attribute; nothing for an empty one.
func (s *slim) attr(name, value string) {
	if value == "" {
		return
	}
	s.to.WriteByte(' ')
	s.to.WriteString(name)
	s.to.WriteString(`="`)
	s.to.WriteString(escapeAttr(value))
	s.to.WriteByte('"')
}

// person writes an Atom person.
func (s *slim) person(name, inner string) {
	s.open(name)
	s.to.WriteByte('>')
	eachChild(inner, func(t tag, inner string) {
		switch local := strings.ToLower(t.local()); local {
		case "name", "email":
			s.text(local, inner)
		case "uri", "url", "homepage":
			s.verbatim("uri", inner)
		}
	})
	s.end(name)
}

// eachChild calls visit for the elements directly inside of inner.
func eachChild(inner string, visit func(t tag, inner string)) {
	for i, tries := 0, maxUnclosed; tries > 0; {
		t, ok := nextTag(inner, i)
		if !ok {
			return
		}
		i = t.end
		if t.kind == endTag {
			continue
		}
		content, next, ok := span(inner, t, "")
		if !ok {
			tries--
			continue
		}
		i = next
		visit(t, content)
	}
}

// typedRSS has gofeed read an RSS document. gofeed may panic; that is an error like any other.
func typedRSS(doc *bytes.Reader) (f *rss.Feed, err error) {
	defer recovered(&err)
	return (&rss.Parser{}).Parse(doc)
}

// typedAtom has gofeed read an Atom document.
func typedAtom(doc *bytes.Reader) (f *atom.Feed, err error) {
	defer recovered(&err)
	return (&atom.Parser{}).Parse(doc)
}

func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the parser failed: %v", p)
	}
}
