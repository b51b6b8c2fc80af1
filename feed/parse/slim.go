package parse

import (
	"fmt"
	"io"
	"strings"

	"github.com/mmcdole/gofeed/atom"
	"github.com/mmcdole/gofeed/rss"
)

// writer is a string in the making that can be taken back.
type writer struct{ buf []byte }

func (w *writer) put(c byte)     { w.buf = append(w.buf, c) }
func (w *writer) add(s string)   { w.buf = append(w.buf, s...) }
func (w *writer) Len() int       { return len(w.buf) }
func (w *writer) Truncate(n int) { w.buf = w.buf[:n] }
func (w *writer) String() string { return string(w.buf) }

// slim is the document that gofeed gets to read: the standard fields of head and items, without
// namespaces, extensions and full texts, well-formed whatever they were taken from. Being small
// and plain, it takes gofeed a fraction of the time of the original.
type slim struct {
	head, items writer
	to          *writer // the one that is being written
	item        string  // name of an item's tag
	before      string  // what stands before the head
	after       string  // what stands after the items
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
	s.to.put('>')
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
func (s *slim) document(head, items string) io.Reader {
	return io.MultiReader(strings.NewReader(s.before), strings.NewReader(head), strings.NewReader(items),
		strings.NewReader(s.after))
}

// text writes an element that holds the character data of inner, and reports whether that is
// markup.
func (s *slim) text(name, inner string) (isMarkup bool) {
	s.open(name)
	s.to.put('>')
	isMarkup = s.data(inner)
	s.end(name)
	return isMarkup
}

// data writes content as gofeed understands it the way it was meant. What is plain goes through
// as it is.
func (s *slim) data(inner string) (isMarkup bool) {
	lt := strings.IndexByte(inner, '<')
	if lt < 0 && !strings.Contains(inner, "]]>") {
		s.to.add(inner)
		return false
	}
	inner = strings.TrimSpace(inner)
	if body, ok := strings.CutPrefix(inner, "<![CDATA["); ok && strings.Index(body, "]]>") == len(body)-3 {
		s.to.add(inner)
		return false
	}
	text, isMarkup := characterData(inner)
	s.to.add(escapeText(text))
	return isMarkup
}

// verbatim writes an element that holds an address. gofeed normalises every URL it can parse,
// which would change guids and links; none begins with a colon, so those it leaves alone.
func (s *slim) verbatim(name, inner string) {
	s.open(name)
	s.to.add(">:")
	text, _ := characterData(inner)
	s.to.add(escapeText(text))
	s.end(name)
}

// asWritten takes off what [slim.verbatim] put on.
func asWritten(s string) string { return strings.TrimSpace(strings.TrimPrefix(s, ":")) }

func (s *slim) open(name string) {
	s.to.put('<')
	s.to.add(name)
}

func (s *slim) end(name string) {
	s.to.add("</")
	s.to.add(name)
	s.to.put('>')
}

// attr writes an attribute; nothing for an empty one.
func (s *slim) attr(name, value string) {
	if value == "" {
		return
	}
	s.to.put(' ')
	s.to.add(name)
	s.to.add(`="`)
	s.to.add(escapeAttr(value))
	s.to.put('"')
}

// person writes an Atom person.
func (s *slim) person(name, inner string) {
	s.open(name)
	s.to.put('>')
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

// eachChild calls visit for the elements directly inside of inner, and reports whether all of them
// have their end.
func eachChild(inner string, visit func(t tag, inner string)) (closed bool) {
	tries := maxUnclosed
	for i := 0; tries > 0; {
		t, ok := nextTag(inner, i)
		if !ok {
			break
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
	return tries == maxUnclosed
}

// typedRSS has gofeed read an RSS document. gofeed may panic; that is an error like any other.
func typedRSS(doc io.Reader) (f *rss.Feed, err error) {
	defer recovered(&err)
	return (&rss.Parser{}).Parse(doc)
}

// typedAtom has gofeed read an Atom document.
func typedAtom(doc io.Reader) (f *atom.Feed, err error) {
	defer recovered(&err)
	return (&atom.Parser{}).Parse(doc)
}

func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the parser failed: %v", p)
	}
}
