package markup

import (
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
)

// element says what becomes of an element that may stay.
type element struct {
	out   string // name under which it goes out
	rules rule
	attrs []attr
}

// rule is what an HTML parser does on its own accord at an element, so that the writer can refuse
// to put one where it would not stay.
type rule uint16

const (
	void        rule = 1 << iota // has no end tag
	block                        // its start tag ends an open <p>
	heading                      // ends an open heading
	paragraph                    // is ended by a block
	item                         // belongs into a list
	term                         // belongs into a <dl>
	part                         // belongs into a <ruby>
	alternative                  // belongs into a picture, audio or video element
	table
	section    // group of rows, or caption
	row        // belongs into a table or a group of rows
	cell       // belongs into a row
	anchor     // does not nest
	needsAttrs // says nothing without attributes
	player     // audio, video
	newline    // an HTML parser drops a line break right after its start tag
)

// tableRules are the rules of the elements that may hold nothing but parts of tables.
const tableRules = table | section | row

// isList reports whether the element is one that holds items.
func (e *element) isList() bool { return e.out == "ul" || e.out == "ol" }

// value is what an attribute may hold.
type value byte

const (
	text   value = iota
	number       // digits, perhaps with a percent sign
	flag         // nothing: it is there or not
	target       // URL of any allowed scheme
	media        // URL of something that a reader loads by itself
	images       // image candidate list
	lazy         // real address of a picture whose src waits for a script
	lazies       // the same for srcset
)

type attr struct {
	name string
	kind value
}

// elements is the whole vocabulary of clean HTML, by name as it comes in.
var elements = sync.OnceValue(func() map[string]*element {
	vocabulary := make(map[string]*element, 96)
	global := []attr{{"lang", text}, {"dir", text}}
	add := func(names string, rules rule, attrs ...attr) {
		for _, name := range strings.Fields(names) {
			in, out, renamed := strings.Cut(name, ">")
			if !renamed {
				out = in
			}
			vocabulary[in] = &element{out: out, rules: rules, attrs: attrs}
		}
	}
	with := func(attrs ...attr) []attr { return append(attrs, global...) }

	// Formatting elements have no attributes of their own: an HTML parser opens unclosed ones again in
	// every paragraph, and it is by their likeness that it stops.
	add("b code em i s strike>s small strong tt>code u", 0)
	add("kbd samp sub sup var cite mark dfn ruby picture bdi", 0, global...)
	add("span font>span big>span nobr>span bdo>span", needsAttrs, global...)
	add("abbr acronym>abbr", 0, with(attr{"title", text})...)
	add("time", 0, with(attr{"datetime", text})...)
	add("data", 0, with(attr{"value", text})...)
	add("q", 0, with(attr{"cite", target})...)
	add("ins del", 0, with(attr{"cite", target}, attr{"datetime", text})...)
	add("a", anchor|needsAttrs, with(attr{"href", target}, attr{"title", text})...)
	add("br wbr", void)
	add("img", void|needsAttrs, with(attr{"src", media}, attr{"srcset", images}, attr{"sizes", text},
		attr{"alt", text}, attr{"title", text}, attr{"width", number}, attr{"height", number},
		attr{"data-src", lazy}, attr{"data-lazy-src", lazy}, attr{"data-original", lazy},
		attr{"data-srcset", lazies}, attr{"data-lazy-srcset", lazies})...)
	add("source", void|alternative|needsAttrs, attr{"src", media}, attr{"srcset", images},
		attr{"sizes", text}, attr{"type", text}, attr{"media", text})
	add("audio", player, with(attr{"src", media}, attr{"controls", flag}, attr{"loop", flag})...)
	add("video", player, with(attr{"src", media}, attr{"controls", flag}, attr{"loop", flag},
		attr{"poster", media}, attr{"width", number}, attr{"height", number})...)
	add("rt rp", part, global...)

	add("p", block|paragraph, global...)
	add("h1 h2 h3 h4 h5 h6", block|heading, global...)
	add("div center>div form>div fieldset>div dialog>div address article aside dl dir>ul"+
		" figcaption figure footer header hgroup main nav section summary ul menu>ul", block, global...)
	add("pre listing>pre", block|newline, global...)
	add("hr", block|void)
	add("blockquote", block, with(attr{"cite", target})...)
	add("details", block, with(attr{"open", flag})...)
	add("ol", block, with(attr{"start", number}, attr{"reversed", flag}, attr{"type", text})...)
	add("li", block|item, with(attr{"value", number})...)
	add("dd dt", block|term, global...)
	add("table", block|table, global...)
	add("thead tbody tfoot", section, global...)
	add("caption", section|cell, global...)
	add("tr", row, global...)
	add("td th", cell, with(attr{"colspan", number}, attr{"rowspan", number}, attr{"scope", text})...)
	return vocabulary
})

// frameElement is what is read of a frame, which goes out as a link; see [writer.embedded].
var frameElement = sync.OnceValue(func() *element {
	return &element{out: "iframe", attrs: []attr{{"src", media}, {"title", text}}}
})

// policy is the same vocabulary for the sanitizer. It also lets frames through, with their address,
// which the writer turns into links. URLs are not its business: it refuses those with a blank.
var policy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	for name, e := range elements() {
		p.AllowNoAttrs().OnElements(name)
		for _, a := range e.attrs {
			p.AllowAttrs(a.name).OnElements(name)
		}
	}
	for _, a := range frameElement().attrs {
		p.AllowAttrs(a.name).OnElements(frameElement().out)
	}
	// What an <object> holds is there for those who cannot show it. The end tags of these are often
	// missing, and everything after them would be lost.
	p.AllowElementsContent("object", "frame", "frameset", "nostyle")
	return p
})
