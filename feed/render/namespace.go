package render

import (
	"encoding/xml"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	nsAtom    = "http://www.w3.org/2005/Atom"
	nsContent = "http://purl.org/rss/1.0/modules/content/"
	nsDC      = "http://purl.org/dc/elements/1.1/"
	nsHistory = "http://purl.org/syndication/history/1.0" // RFC 5005
	nsITunes  = "http://www.itunes.com/dtds/podcast-1.0.dtd"
	nsMedia   = "http://search.yahoo.com/mrss/"
	nsTerms   = "http://purl.org/dc/terms/"
	nsSlash   = "http://purl.org/rss/1.0/modules/slash/"
	nsThread  = "http://purl.org/syndication/thread/1.0" // RFC 4685
	nsGeoRSS  = "http://www.georss.org/georss"
	nsGeo     = "http://www.w3.org/2003/01/geo/wgs84_pos#"
	nsCommons = "http://backend.userland.com/creativeCommonsRssModule"

	nsTombstones    = "http://purl.org/atompub/tombstones/1.0" // RFC 6721
	nsWellFormedWeb = "http://wellformedweb.org/CommentAPI/"
	nsJSONFeed      = "https://jsonfeed.org/version/1.1" // its members go as text
	nsFeedburner    = "http://rssnamespace.org/feedburner/ext/1.0"
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
	case nsTerms:
		return "dcterms"
	case "https://podcastindex.org/namespace/1.0":
		return "podcast"
	case nsGeoRSS:
		return "georss"
	case nsGeo:
		return "geo"
	case nsThread:
		return "thr"
	case nsSlash:
		return "slash"
	case nsWellFormedWeb:
		return "wfw"
	case nsCommons:
		return "creativeCommons"
	case nsFeedburner:
		return "feedburner"
	case nsJSONFeed:
		return "jsonfeed"
	case "http://www.google.com/schemas/play-podcasts/1.0":
		return "googleplay"
	case "http://source.scripting.com/":
		return "source"
	}
	return ""
}

// ruledSpaces are the namespaces whose rules feed validators know, so that an element that breaks
// them makes the whole feed invalid. They are compared without case and last slash.
const ruledSpaces = `
http://www.bloglines.com/about/specs/fac-1.0
http://webns.net/mvcb/
http://purl.org/rss/1.0/
http://purl.org/rss/1.0/modules/aggregation/
http://purl.org/rss/1.0/modules/annotate/
http://purl.org/rss/1.0/modules/company
http://purl.org/rss/1.0/modules/content/
http://purl.org/rss/1.0/modules/email/
http://purl.org/rss/1.0/modules/event/
http://purl.org/rss/1.0/modules/image/
http://purl.org/rss/1.0/modules/link/
http://purl.org/rss/1.0/modules/reference/
http://purl.org/rss/1.0/modules/richequiv/
http://purl.org/rss/1.0/modules/rss091#
http://purl.org/rss/1.0/modules/search/
http://purl.org/rss/1.0/modules/servicestatus/
http://purl.org/rss/1.0/modules/slash/
http://purl.org/rss/1.0/modules/subscription/
http://purl.org/rss/1.0/modules/syndication/
http://purl.org/rss/1.0/modules/taxonomy/
http://purl.org/rss/1.0/modules/threading/
http://purl.org/rss/1.0/modules/wiki/
http://purl.org/net/rss1.1#
http://my.netscape.com/rdf/simple/0.9/
http://www.w3.org/2007/app
http://www.w3.org/2005/Atom
http://www.w3.org/1999/xhtml
http://www.w3.org/1999/xlink
http://www.w3.org/1999/02/22-rdf-syntax-ns#
http://www.w3.org/2000/01/rdf-schema#
http://www.w3.org/2000/svg
http://www.w3.org/1998/Math/MathML
http://www.w3.org/2003/01/geo/wgs84_pos#
http://www.w3.org/XML/1998/namespace
http://media.tangent.org/rss/1.0/
http://backend.userland.com/blogChannelModule
http://backend.userland.com/creativeCommonsRssModule
http://web.resource.org/cc/
http://www.microsoft.com/schemas/rss/core/2005
http://conversationsnetwork.org/rssNamespace-1.0/
http://my.theinfo.org/changed/1.0/rss/
http://purl.org/dc/elements/1.1/
http://purl.org/dc/terms/
http://purl.org/syndication/history/1.0
http://purl.org/syndication/thread/1.0
http://geourl.org/rss/module/
http://www.georss.org/georss
http://www.opengis.net/gml
http://www.opengis.net/kml/2.2
http://earth.google.com/kml/2.0
http://earth.google.com/kml/2.1
http://postneo.com/icbm
urn:atom-extension:indexing
http://www.itunes.com/dtds/podcast-1.0.dtd
http://rssnamespace.org/feedburner/ext/1.0
http://xmlns.com/foaf/0.1/
http://search.yahoo.com/mrss/
http://a9.com/-/spec/opensearchrss/1.0/
http://a9.com/-/spec/opensearch/1.1/
http://www.opml.org/spec2
http://hacks.benhammersley.com/rss/streaming/
http://feedsync.org/2007/feedsync
http://madskills.com/public/xml/rss/module/trackback/
http://wellformedweb.org/CommentAPI/
http://www.usemod.com/cgi-bin/mb.pl?ModWiki
http://schemas.xmlsoap.org/soap/envelope/
http://base.google.com/ns/1.0
http://openid.net/xmlns/1.0
http://feeds.archive.org/validator/
http://purl.org/atom/ns#
http://example.com/newformat#`

var ruledByLoose = sync.OnceValue(func() map[string]string {
	spaces := make(map[string]string, 80)
	for space := range strings.FieldsSeq(ruledSpaces) {
		spaces[loose(space)] = space
	}
	return spaces
})

// loose returns a namespace without what is mistyped most: case, and what follows the last letter.
func loose(space string) string {
	return strings.ToLower(strings.TrimRightFunc(space, func(r rune) bool { return !isWord(r) }))
}

// knownSpace returns the namespace that is meant, in its right spelling.
func knownSpace(space string) string {
	if known, ok := ruledByLoose()[loose(space)]; ok {
		return known
	}
	return space
}

// ruled reports whether a namespace in its right spelling has rules that validators know.
func ruled(space string) bool {
	known, ok := ruledByLoose()[loose(space)]
	return ok && known == space
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
	if own != nsAtom { // which is the default namespace where it is the document's own
		n.prefixOf[own] = standardPrefix(own)
	}
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

// qualified returns a name with the prefix of its namespace, as it stands in a tag.
func (n *namespaces) qualified(space, wish, name string) string {
	switch space {
	case "":
		return name
	case nsAtom:
		if n.own == nsAtom {
			return name
		}
	case "xml", nsXML:
		return "xml:" + name
	}
	return n.prefix(space, wish) + ":" + name
}

// declarations returns the attributes that declare the prefixes handed out so far.
func (n *namespaces) declarations() []xml.Attr {
	var list []xml.Attr
	for _, space := range n.order {
		list = append(list, xml.Attr{Name: xml.Name{Local: "xmlns:" + n.prefixOf[space]}, Value: space})
	}
	return list
}

// reservedPrefixes belong to namespaces that everyone knows by them.
const reservedPrefixes = ` access admin ag annotate app atom audio blogChannel cc cf company content
 conversationsNetwork cp creativeCommons dc dcterms email ev feedburner fh foaf g geo georss geourl gml
 googleplay icbm image indexing itunes jsonfeed kml20 kml21 kml22 l mathml media openid opensearch opensearch10
 opml podcast rdf rdfs ref reqv rss090 rss091 rss1 rss11 search slash soap source ss str sub svg sx sy
 taxo thr trackback wfw wiki xhtml xlink xrd xrds `

func reservedPrefix(p string) bool {
	return slices.Contains(strings.Fields(reservedPrefixes), p)
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
