package markup

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// repair cleans HTML of any kind: the sanitizer takes off what may not stay, an HTML5 parser makes
// a tree of the rest as a browser would, and the writer writes that. It reports false for HTML that
// the parser refuses.
func repair(s, base string) (string, bool) {
	s = policy().Sanitize(s)
	if explosive(s) {
		return "", false
	}
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(s), body)
	if err != nil {
		return "", false
	}
	w := writer{out: make([]byte, 0, len(s)), base: base}
	for _, n := range nodes {
		w.node(n)
	}
	return string(w.out), true
}

// node writes a node and what it holds. An element that may not stand where it is goes, and what it
// holds stays.
func (w *writer) node(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		w.text(Legible(n.Data))
		return
	case html.ElementNode:
	default:
		return
	}
	if n.DataAtom == atom.Iframe {
		w.embedded(attributes(n, frameElement()))
		return
	}
	started := w.element(n)
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.node(c)
	}
	if started {
		w.end()
	}
}

// element writes the start tag of a node's element and reports whether an end tag is wanted.
func (w *writer) element(n *html.Node) bool {
	el := elements()[n.Data]
	if el == nil {
		return false
	}
	attrs := attributes(n, el)
	ok := w.start(n.Data, el, attrs)
	if !ok && el.rules&(item|term) != 0 {
		ok = w.start("div", elements()["div"], attrs[:0])
	}
	if ok && el.rules&newline != 0 && n.FirstChild != nil && strings.HasPrefix(n.FirstChild.Data, "\n") {
		w.out = append(w.out, '\n')
	}
	return ok && el.rules&void == 0
}

// attributes returns the attributes of a node that its element may have.
func attributes(n *html.Node, el *element) []attribute {
	attrs := make([]attribute, 0, len(n.Attr))
	for _, a := range n.Attr {
		for _, allowed := range el.attrs {
			if a.Key == allowed.name && a.Namespace == "" {
				attrs = append(attrs, attribute{allowed, Legible(a.Val)})
			}
		}
	}
	return attrs
}

// maxReopened bounds how many elements a parser may have to open again for HTML of a size that is
// read anyway, so that a few kilobytes of unclosed tags cannot become gigabytes.
const maxReopened = 100_000

// explosive reports whether unclosed formatting elements, which an HTML parser opens again in every
// paragraph, would multiply. It reads what the sanitizer wrote, so tags are easy to find.
func explosive(s string) bool {
	open, cost := make(map[string]int), 0
	total := 0
	for {
		_, rest, ok := strings.Cut(s, "<")
		if !ok {
			return false
		}
		s = rest
		closing := strings.HasPrefix(s, "/")
		name := strings.TrimPrefix(s, "/")
		if n := strings.IndexAny(name, " />"); n >= 0 {
			name = name[:n]
		}
		switch name {
		case "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u":
			if closing && open[name] > 0 {
				open[name]--
				total--
			} else if !closing {
				open[name]++
				total++
			}
		default:
			if cost += min(total, 3*14); cost > maxReopened {
				return true
			}
		}
	}
}
