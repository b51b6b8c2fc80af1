package markup

import (
	"slices"
	"strconv"
	"strings"
)

// maxDepth is how deep elements nest in clean HTML. Articles stay below 40; HTML parsers give up at
// 512 and some readers' much earlier.
const maxDepth = 100

// writer writes HTML that a parser reads back as the very tree that was written: it refuses every
// element in a place where a parser would move it, end another one for it or drop it.
type writer struct {
	out  []byte
	base string
	open []frame
}

type frame struct {
	name   string // as it came in
	el     *element
	silent bool // left out, together with its end tag
}

// attribute is an attribute that may stay, its value decoded.
type attribute struct {
	attr
	val string
}

// holder returns the element that holds what is written now; nil at the top.
func (w *writer) holder() *element {
	for i := len(w.open) - 1; i >= 0; i-- {
		if !w.open[i].silent {
			return w.open[i].el
		}
	}
	return nil
}

// text writes text. It reports false where a parser would move it out of a table.
func (w *writer) text(s string) bool {
	if h := w.holder(); h != nil && h.rules&tableRules != 0 && h.rules&cell == 0 {
		if strings.Trim(s, " \n\t\f") != "" {
			return false
		}
	}
	w.out = appendText(w.out, s)
	return true
}

// start writes a start tag, or takes note that an element is to be left out for want of anything
// that it could say. It reports false, and writes nothing, where the element may not stand.
func (w *writer) start(name string, el *element, attrs []attribute) bool {
	depth := len(w.open)
	if el.rules&table != 0 {
		depth += 4 // or its cells would be refused, and their text has no other place
	}
	if depth >= maxDepth || !w.fits(el) {
		return false
	}
	was := len(w.out)
	w.out = append(append(w.out, '<'), el.out...)
	n := w.attributes(el, attrs)
	silent := el.rules&needsAttrs != 0 && n == 0
	if silent {
		w.out = w.out[:was]
	} else {
		w.out = append(w.out, '>')
	}
	if el.rules&void == 0 {
		w.open = append(w.open, frame{name, el, silent})
	}
	return true
}

// end writes the end tag of the element opened last.
func (w *writer) end() {
	last := w.open[len(w.open)-1]
	w.open = w.open[:len(w.open)-1]
	if !last.silent {
		w.out = append(append(append(w.out, "</"...), last.el.out...), '>')
	}
}

// embedded writes a link to what a frame shows: a film, a map, a player.
func (w *writer) embedded(attrs []attribute) {
	var src, title string
	for _, a := range attrs {
		switch a.name {
		case "src":
			src = mediaURL(a.val, w.base)
		case "title":
			title = strings.TrimSpace(a.val)
		}
	}
	if title == "" {
		title = src
	}
	if src != "" && w.start("a", elements()["a"], []attribute{{attr{"href", target}, src}}) {
		w.text(title)
		w.end()
	}
}

func (w *writer) fits(el *element) bool {
	in := w.holder()
	if in != nil && in.rules&tableRules != 0 && in.rules&cell == 0 {
		switch {
		case in.rules&table != 0:
			return el.rules&(section|row) != 0
		case in.rules&section != 0:
			return el.rules&row != 0
		}
		return el.rules&cell != 0 && el.rules&section == 0
	}
	switch {
	case el.rules&(section|row|cell) != 0:
		return false
	case el.rules&item != 0:
		return in != nil && in.isList()
	case el.rules&term != 0:
		return in != nil && (in.out == "dl" || in.out == "div" && w.inList())
	case el.rules&part != 0:
		return in != nil && in.out == "ruby"
	case el.rules&alternative != 0:
		return in != nil && (in.rules&player != 0 || in.out == "picture")
	case el.rules&anchor != 0:
		return !slices.ContainsFunc(w.open, func(f frame) bool { return !f.silent && f.el.rules&anchor != 0 })
	case el.rules&block != 0:
		return w.fitsBlock(el)
	}
	return true
}

// inList reports whether the element that holds what is written now stands right in a <dl>.
func (w *writer) inList() bool {
	n := 0
	for i := len(w.open) - 1; i >= 0; i-- {
		if w.open[i].silent {
			continue
		}
		if n++; n == 2 {
			return w.open[i].el.out == "dl"
		}
	}
	return false
}

func (w *writer) fitsBlock(el *element) bool {
	for i := len(w.open) - 1; i >= 0; i-- {
		f := &w.open[i]
		switch {
		case f.silent:
		case f.el.rules&cell != 0:
			return true
		case f.el.rules&paragraph != 0, f.el.rules&heading != 0 && el.rules&heading != 0:
			return false
		}
	}
	return true
}

// attributes writes the attributes that hold something and returns how many of them carry the
// element (an image without an address is none, whatever its size).
func (w *writer) attributes(el *element, attrs []attribute) int {
	carrying := 0
	controls, woken := false, ""
	for _, a := range attrs {
		v, ok := w.value(a)
		if !ok {
			continue
		}
		if a.kind == lazy || a.kind == lazies {
			name := "src"
			if a.kind == lazies {
				name = "srcset"
			}
			if a.name = name; strings.Contains(woken, name+" ") || w.has(attrs, name) {
				continue
			}
			woken += name + " "
		}
		controls = controls || a.name == "controls"
		if el.rules&(void|anchor) == 0 || a.kind >= target {
			carrying++
		}
		w.out = append(append(append(w.out, ' '), a.name...), '=', '"')
		w.out = append(appendValue(w.out, v), '"')
	}
	if el.rules&player != 0 && !controls {
		w.out = append(w.out, ` controls=""`...)
	}
	return carrying
}

// has reports whether the attributes give a usable value for a name.
func (w *writer) has(attrs []attribute, name string) bool {
	for _, a := range attrs {
		if a.name == name {
			_, ok := w.value(a)
			return ok
		}
	}
	return false
}

// value returns an attribute's value as it goes out. It reports false for one that is not to.
func (w *writer) value(a attribute) (string, bool) {
	v := a.val
	switch a.kind {
	case number:
		n := strings.TrimSpace(v)
		percent := strings.HasSuffix(n, "%")
		n = strings.TrimSuffix(strings.TrimSuffix(n, "%"), "px")
		i, err := strconv.ParseUint(n, 10, 16)
		if err != nil {
			return "", false
		}
		if v = strconv.FormatUint(i, 10); percent {
			v += "%"
		}
	case flag:
		v = ""
	case target:
		v = URL(v, w.base)
		return v, v != ""
	case media, lazy:
		v = mediaURL(v, w.base)
		return v, v != ""
	case images, lazies:
		v = srcset(v, w.base)
		return v, v != ""
	}
	return v, true
}
