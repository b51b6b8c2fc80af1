package markup

import "strings"

// Runs reports whether a reference is one that a browser runs, or shows as a document of its own
// making, rather than fetches: javascript, vbscript, data and the like, however spelled. No such
// address leaves an archive, pictures included: a data URL may be a drawing that holds a script.
func Runs(ref string) bool {
	// Browsers pass over line breaks and tabs, and over controls in front; others over more of them.
	ref = strings.Map(func(r rune) rune {
		if r <= ' ' || r == '\u00a0' || r == '\ufeff' || 0x7f <= r && r < 0xa0 {
			return -1
		}
		return r
	}, ref)
	scheme, _, ok := cutScheme(ref)
	if !ok {
		return false
	}
	switch scheme {
	case "javascript", "vbscript", "livescript", "mocha", "data", "blob", "filesystem", "view-source", "jar", "feed":
		return true
	}
	return false
}

// Active reports whether the elements of an XML namespace are HTML, SVG or MathML, which a browser
// gives life to wherever they stand in an XML document: a script in the extension of a feed runs
// when somebody opens the feed.
func Active(space string) bool {
	switch strings.TrimRight(strings.TrimSpace(space), "/") {
	case "http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML":
		return true
	}
	return false
}
