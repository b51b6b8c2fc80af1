package render

import (
	"encoding/xml"
	"strconv"
	"strings"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/markup"
)

// rawElement is an extension element as it is written. Its name has its prefix in Local.
type rawElement struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Inner   string     `xml:",innerxml"`
}

// node is an extension element taken apart: namespaces are names, not prefixes, and texts are
// unescaped.
type node struct {
	space, name string
	prefix      string // as the publisher wrote it
	attrs       []nodeAttr
	kids        []node // a node without a name is text
	text        string
}

type nodeAttr struct{ space, prefix, name, value string }

// extra returns the extension elements of an article as they may go out: well-formed, under the
// prefixes of this document, and within the rules of the vocabularies that readers rely on.
func (e *entry) extra(spaces *namespaces) []rawElement {
	var list []rawElement
	timed := false
	for _, n := range e.nodes() {
		timed = timed || n.space == nsITunes && n.name == "duration"
		list = append(list, n.raw(spaces))
	}
	if s := e.duration(); s > 0 && !timed {
		n := node{space: nsITunes, name: "duration", kids: []node{{text: strconv.Itoa(s)}}}
		list = append(list, n.raw(spaces))
	}
	return list
}

// nodes returns the extension elements of an article that may go out.
func (e *entry) nodes() []node {
	var list []node
	rules := vocabulary{base: e.Link, once: make(map[string]bool)}
	for i := range e.Extra {
		if n, ok := parseElement(&e.Extra[i]); ok && rules.admit(&n) {
			list = append(list, rules.ungroup(n)...)
		}
	}
	return list
}

// duration returns how long the article's recording is, in seconds.
func (e *entry) duration() int {
	for _, enc := range e.Enclosures {
		if enc.Duration > 0 {
			return int(enc.Duration.Seconds() + 0.5)
		}
	}
	return 0
}

// maxNesting is how deep extension elements nest.
const maxNesting = 32

// parseElement takes an element apart. It reports false for one that is not well-formed, and for one
// that has no namespace or holds something without, which would be taken for the format's own; and
// for one that is or holds HTML or a drawing, whose scripts would run where the feed is opened.
func parseElement(x *feed.Element) (node, bool) {
	if !isURI(x.Space) || markup.Active(x.Space) || !isName(x.Name) {
		return node{}, false
	}
	var b strings.Builder
	b.WriteString("<x")
	if x.Space == nsAtom && x.Prefixes[""] == "" {
		b.WriteString(` xmlns="` + nsAtom + `"`) // its parts are of its own namespace
	}
	for prefix, space := range x.Prefixes {
		if prefix != "" && !isName(prefix) {
			return node{}, false
		}
		b.WriteString(" xmlns")
		if prefix != "" {
			b.WriteString(":" + prefix)
		}
		b.WriteString(`="`)
		xml.EscapeText(&b, []byte(space)) // writing to a strings.Builder cannot fail
		b.WriteString(`"`)
	}
	b.WriteString(">" + x.Inner + "</x>")
	d := xml.NewDecoder(strings.NewReader(b.String()))
	if _, err := d.Token(); err != nil {
		return node{}, false
	}
	n := node{space: x.Space, name: x.Name, prefix: prefixFor(x.Prefixes, x.Space)}
	for _, a := range x.Attrs {
		prefix, name, ok := strings.Cut(a.Name, ":")
		if !ok {
			prefix, name = "", a.Name
		}
		n.addAttr(xmlSpace(prefix, x.Prefixes), prefix, name, a.Value)
	}
	if !n.children(d, x.Prefixes, 0) {
		return node{}, false
	}
	_, err := d.Token()
	return n, err != nil // nothing may come after the end
}

// children reads up to the end tag of the element.
func (n *node) children(d *xml.Decoder, prefixes map[string]string, depth int) bool {
	if depth > maxNesting {
		return false
	}
	for {
		t, err := d.Token()
		if err != nil {
			return false
		}
		switch t := t.(type) {
		case xml.EndElement:
			return true
		case xml.CharData:
			n.kids = append(n.kids, node{text: markup.Legible(string(t))})
		case xml.StartElement:
			if !isName(t.Name.Local) || !isURI(t.Name.Space) || markup.Active(t.Name.Space) {
				return false
			}
			kid := node{space: t.Name.Space, name: t.Name.Local, prefix: prefixFor(prefixes, t.Name.Space)}
			for _, a := range t.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
					kid.addAttr(a.Name.Space, prefixFor(prefixes, a.Name.Space), a.Name.Local, a.Value)
				}
			}
			if !kid.children(d, prefixes, depth+1) {
				return false
			}
			n.kids = append(n.kids, kid)
		}
	}
}

func (n *node) addAttr(space, prefix, name, value string) {
	switch {
	case !isName(name) || markup.Active(space) || markup.Runs(value):
		return
	case space == nsXML || space == "xml":
		if value = languageTag(value); name != "lang" || value == "" {
			return
		}
		space = nsXML
	case space != "" && !isURI(space):
		return
	}
	for _, had := range n.attrs {
		if had.name == name && had.space == space {
			return
		}
	}
	n.attrs = append(n.attrs, nodeAttr{space, prefix, name, markup.Legible(value)})
}

// nsXML is the namespace of what XML itself defines. xml:lang is all that is kept of it; a base would
// be taken for that of addresses that are absolute already.
const nsXML = "http://www.w3.org/XML/1998/namespace"

// xmlSpace returns the namespace of a prefixed attribute; an unbound prefix has none that isURI
// would take.
func xmlSpace(prefix string, prefixes map[string]string) string {
	switch {
	case prefix == "":
		return ""
	case prefix == "xml":
		return nsXML
	case prefixes[prefix] != "":
		return prefixes[prefix]
	}
	return "unbound"
}

func prefixFor(prefixes map[string]string, space string) string {
	best := ""
	for p, s := range prefixes {
		if s == space && p != "" && (best == "" || p < best) {
			best = p
		}
	}
	return best
}

// isURI reports whether a namespace is named by something that a feed may declare.
func isURI(s string) bool {
	return s != "" && s != nsXML && s != "http://www.w3.org/2000/xmlns/" && absoluteIRI(s) == s
}

// raw returns the element under the prefixes of a document.
func (n *node) raw(spaces *namespaces) rawElement {
	x := rawElement{XMLName: xml.Name{Local: spaces.qualified(n.space, n.prefix, n.name)}}
	for _, a := range n.attrs {
		x.Attrs = append(x.Attrs, xml.Attr{Name: xml.Name{Local: spaces.qualified(a.space, a.prefix, a.name)}, Value: a.value})
	}
	var b strings.Builder
	n.inner(&b, spaces)
	x.Inner = b.String()
	return x
}

func (n *node) inner(b *strings.Builder, spaces *namespaces) {
	for i := range n.kids {
		kid := &n.kids[i]
		if kid.name == "" {
			b.WriteString(escape(kid.text))
			continue
		}
		name := spaces.qualified(kid.space, kid.prefix, kid.name)
		b.WriteString("<" + name)
		for _, a := range kid.attrs {
			value := strings.NewReplacer(`"`, "&quot;", "\n", "&#xA;", "\t", "&#x9;").Replace(escape(a.value))
			b.WriteString(" " + spaces.qualified(a.space, a.prefix, a.name) + `="` + value + `"`)
		}
		b.WriteString(">")
		kid.inner(b, spaces)
		b.WriteString("</" + name + ">")
	}
}

// content returns the text of an element.
func (n *node) content() string {
	var b strings.Builder
	for i := range n.kids {
		b.WriteString(n.kids[i].text)
	}
	return strings.TrimSpace(b.String())
}

// allText returns the text of an element and of all that is within.
func (n *node) allText() string {
	text := n.text
	for i := range n.kids {
		text += n.kids[i].allText()
	}
	return text
}

// set makes the element hold this text and nothing else.
func (n *node) set(text string) bool {
	n.kids = []node{{text: text}}
	return text != ""
}

func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if a.name == name && a.space == "" {
			return strings.TrimSpace(a.value)
		}
	}
	return ""
}

// keep drops every attribute for which fix returns "", and sets the others to what it returns.
func (n *node) keep(fix func(name, value string) string) {
	kept := n.attrs[:0]
	for _, a := range n.attrs {
		if a.space != "" {
			continue
		}
		if a.value = fix(a.name, strings.TrimSpace(a.value)); a.value != "" {
			kept = append(kept, a)
		}
	}
	n.attrs = kept
}
