package render

import (
	"encoding/xml"
	"strconv"
	"strings"
)

const (
	nsAtom    = "http://www.w3.org/2005/Atom"
	nsContent = "http://purl.org/rss/1.0/modules/content/"
	nsDC      = "http://purl.org/dc/elements/1.1/"
	nsHistory = "http://purl.org/syndication/history/1.0" // RFC 5005
	nsITunes  = "http://www.itunes.com/dtds/podcast-1.0.dtd"
	nsMedia   = "http://search.yahoo.com/mrss/"
)

// standardPrefix returns the prefix under which everyone knows a namespace; some readers know
// nothing else. It returns "" for those without one.
func standardPrefix(space string) string {
	switch space {
	case nsAtom:
		return "atom"
	case nsContent:
		return "content"
	case nsDC:
		return "dc"
	case nsHistory:
		return "fh"
	case nsITunes:
		return "itunes"
	case nsMedia:
		return "media"
	case "http://purl.org/dc/terms/":
		return "dcterms"
	case "https://podcastindex.org/namespace/1.0":
		return "podcast"
	case "http://www.georss.org/georss":
		return "georss"
	case "http://www.w3.org/2003/01/geo/wgs84_pos#":
		return "geo"
	case "http://purl.org/syndication/thread/1.0":
		return "thr"
	case "http://purl.org/rss/1.0/modules/slash/":
		return "slash"
	case "http://wellformedweb.org/CommentAPI/":
		return "wfw"
	case "http://backend.userland.com/creativeCommonsRssModule":
		return "creativeCommons"
	case "http://www.google.com/schemas/play-podcasts/1.0":
		return "googleplay"
	case "http://source.scripting.com/":
		return "source"
	}
	return ""
}

// namespaces hands out the prefixes of one document and remembers them for its root.
type namespaces struct {
	own      string // the root declares it by itself
	order    []string
	prefixOf map[string]string
	taken    map[string]bool
}

// newNamespaces returns the prefixes of a document whose root declares one namespace by itself.
func newNamespaces(own string) *namespaces {
	n := &namespaces{own: own, prefixOf: make(map[string]string), taken: map[string]bool{"xml": true, "xmlns": true}}
	n.taken[standardPrefix(own)] = true
	n.prefixOf[own] = standardPrefix(own)
	return n
}

// prefix returns the prefix of a namespace: the one that everyone knows, or the one wished for, or
// another where that is taken.
func (n *namespaces) prefix(space, wish string) string {
	if p, ok := n.prefixOf[space]; ok {
		return p
	}
	p := standardPrefix(space)
	if p == "" {
		p = wish
		if !isName(p) || n.taken[p] || reservedPrefix(p) {
			for i := 1; ; i++ {
				if p = "ns" + strconv.Itoa(i); !n.taken[p] {
					break
				}
			}
		}
	}
	n.prefixOf[space], n.taken[p] = p, true
	n.order = append(n.order, space)
	return p
}

// declarations returns the attributes that declare the prefixes handed out so far.
func (n *namespaces) declarations() []xml.Attr {
	var list []xml.Attr
	for _, space := range n.order {
		list = append(list, xml.Attr{Name: xml.Name{Local: "xmlns:" + n.prefixOf[space]}, Value: space})
	}
	return list
}

// reservedPrefix reports whether a prefix belongs to a namespace that everyone knows by it.
func reservedPrefix(p string) bool {
	switch p {
	case "atom", "content", "dc", "dcterms", "fh", "itunes", "media", "podcast", "georss", "geo", "thr",
		"slash", "wfw", "creativeCommons", "googleplay", "source", "rdf", "sy", "admin", "xhtml", "svg",
		"feedburner", "cc", "g", "opensearch", "gml", "foaf", "taxo", "app":
		return true
	}
	return false
}

// isName reports whether s is an XML name without a colon, of the letters that need no table.
func isName(s string) bool {
	for i, r := range s {
		letter := 'a' <= r|0x20 && r|0x20 <= 'z' && r < 0x80 || r == '_'
		if !letter && (i == 0 || !('0' <= r && r <= '9') && r != '-' && r != '.') {
			return false
		}
	}
	return s != "" && !strings.HasPrefix(strings.ToLower(s), "xml")
}
