package parse

import "strings"

// Namespaces that the reader knows. An element is told by these and never by its prefix.
const (
	nsAtom    = "http://www.w3.org/2005/Atom"
	nsAtom03  = "http://purl.org/atom/ns#"
	nsRDF     = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	nsRSS10   = "http://purl.org/rss/1.0/"
	nsRSS09   = "http://my.netscape.com/rdf/simple/0.9/"
	nsContent = "http://purl.org/rss/1.0/modules/content/"
	nsDC      = "http://purl.org/dc/elements/1.1/"
	nsDCTerms = "http://purl.org/dc/terms/"
	nsSY      = "http://purl.org/rss/1.0/modules/syndication/"
	nsMedia   = "http://search.yahoo.com/mrss/"
	nsITunes  = "http://www.itunes.com/dtds/podcast-1.0.dtd"
	nsXHTML   = "http://www.w3.org/1999/xhtml"
	nsXML     = "http://www.w3.org/XML/1998/namespace"

	nsTombstones = "http://purl.org/atompub/tombstones/1.0" // RFC 6721
)

// space is a namespace as the reader uses it.
type space struct {
	uri  string
	kind spaceKind
}

type spaceKind byte

const (
	foreign spaceKind = iota
	native            // the feed's own vocabulary
	atomSpace
	dcSpace
	dcTermsSpace
	contentSpace
	mediaSpace
	itunesSpace
	sySpace
	xhtmlSpace
	rdfSpace
)

// knownSpace returns the namespace of that URI, in the spelling that readers of feeds know.
// Publishers vary case, scheme and the last slash.
func knownSpace(uri string) space {
	uri = strings.TrimSpace(uri)
	bare := strings.ToLower(strings.TrimSuffix(uri, "/"))
	if rest, ok := strings.CutPrefix(bare, "https:"); ok {
		bare = "http:" + rest
	}
	switch bare {
	case "http://www.w3.org/2005/atom":
		return space{nsAtom, atomSpace}
	case "http://purl.org/atom/ns#":
		return space{nsAtom03, atomSpace}
	case "http://www.w3.org/1999/02/22-rdf-syntax-ns#":
		return space{nsRDF, rdfSpace}
	case "http://purl.org/rss/1.0":
		return space{nsRSS10, native}
	case "http://my.netscape.com/rdf/simple/0.9", "http://channel.netscape.com/rdf/simple/0.9":
		return space{nsRSS09, native}
	case "http://purl.org/rss/1.0/modules/content":
		return space{nsContent, contentSpace}
	case "http://purl.org/dc/elements/1.1", "http://purl.org/dc/elements/1.0":
		return space{nsDC, dcSpace}
	case "http://purl.org/dc/terms":
		return space{nsDCTerms, dcTermsSpace}
	case "http://purl.org/rss/1.0/modules/syndication":
		return space{nsSY, sySpace}
	case "http://search.yahoo.com/mrss":
		return space{nsMedia, mediaSpace}
	case "http://www.itunes.com/dtds/podcast-1.0.dtd", "http://example.com/dtds/podcast-1.0.dtd":
		return space{nsITunes, itunesSpace}
	case "http://www.w3.org/1999/xhtml":
		return space{nsXHTML, xhtmlSpace}
	}
	return space{uri, foreign}
}

// usualSpace returns the namespace that a prefix stands for by custom, for feeds that forgot to
// declare it.
func usualSpace(prefix string) space {
	uri := ""
	switch prefix {
	case "atom", "a10":
		uri = nsAtom
	case "content":
		uri = nsContent
	case "dc":
		uri = nsDC
	case "dcterms":
		uri = nsDCTerms
	case "sy":
		uri = nsSY
	case "media":
		uri = nsMedia
	case "itunes":
		uri = nsITunes
	case "xhtml":
		uri = nsXHTML
	case "rdf":
		uri = nsRDF
	case "rss":
		uri = nsRSS10
	case "xml":
		return space{nsXML, foreign}
	case "slash":
		uri = "http://purl.org/rss/1.0/modules/slash/"
	case "wfw":
		uri = "http://wellformedweb.org/CommentAPI/"
	case "thr":
		uri = "http://purl.org/syndication/thread/1.0"
	case "georss":
		uri = "http://www.georss.org/georss"
	case "geo":
		uri = "http://www.w3.org/2003/01/geo/wgs84_pos#"
	case "feedburner":
		uri = "http://rssnamespace.org/feedburner/ext/1.0"
	case "podcast":
		uri = "https://podcastindex.org/namespace/1.0"
	case "googleplay":
		uri = "http://www.google.com/schemas/play-podcasts/1.0"
	case "fh":
		uri = "http://purl.org/syndication/history/1.0"
	case "creativeCommons":
		uri = "http://backend.userland.com/creativeCommonsRssModule"
	default:
		// Something has to stand here, and it must not be mistaken for anything else.
		return space{"urn:undeclared-prefix:" + prefix, foreign}
	}
	return knownSpace(uri)
}

// binding binds a prefix ("" for the default namespace) to a namespace.
type binding struct {
	prefix string
	space  *space
}

// scope is the namespace bindings that hold at a place, innermost last. Appending to a scope never
// changes another.
type scope []binding

// maxBindings bounds a scope: every name of the document is looked up in it.
const maxBindings = 256

// within returns the scope inside of an element with these attributes.
func (sc scope) within(attrs string) scope {
	if !strings.Contains(attrs, "xmlns") {
		return sc
	}
	inner := sc[:len(sc):len(sc)]
	for rest := attrs; ; {
		name, value, after, ok := nextAttr(rest)
		if !ok || len(inner) >= maxBindings {
			return inner
		}
		rest = after
		prefix, isPrefix := strings.CutPrefix(name, "xmlns:")
		if isPrefix || name == "xmlns" {
			if !isPrefix {
				prefix = ""
			}
			sp := knownSpace(unescape(value))
			inner = append(inner, binding{prefix, &sp})
		}
	}
}

// find returns the namespace that the prefix is bound to, or nil.
func (sc scope) find(prefix string) *space {
	for i := len(sc) - 1; i >= 0; i-- {
		if sc[i].prefix == prefix {
			return sc[i].space
		}
	}
	return nil
}
