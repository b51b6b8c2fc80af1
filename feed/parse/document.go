package parse

import (
	"fmt"
	"strings"

	"github.com/backissue/backissue/feed"
)

// reader reads one XML feed.
type reader struct {
	resolver
	text   string // the whole document, normalised
	url    string // its address
	mended *repairs
	most   int // items that are read

	atom     bool   // Atom's vocabulary, else RSS's
	cdf      bool   // that of CDF
	version  string // as the root says
	twice    bool   // some text may have been encoded twice
	itemName string // the name of an item's tag, as the root's prefix suggests

	scope scope  // at the root, and then inside the channel
	base  string // xml:base there, resolved
	lang  string // xml:lang there

	slim    slim
	src     feed.Source
	head    headFacts
	entries []entry

	articles []feed.Article
}

// entry is what the scan itself found in one item; gofeed's reading is added to it.
type entry struct {
	article    *feed.Article // the one of the same index
	start, end int           // place of the item's standard fields in the slim document
	base       string        // xml:base in force, else ""
	titleType  textType      // how the title is to be read
	sumType    textType      // how the summary is to be read
	rightsType textType

	contentBase string // xml:base of the content itself
	otherTitle  string // for want of a title
	otherAuthor string // for want of an author

	otherSummary string // HTML; for want of any text

	origin []feed.Element // what the feed that it was taken from said beyond the fields of an origin
}

// headFacts is what the scan found in the head and only the end can weigh.
type headFacts struct {
	titleType, subtitleType textType
	rightsType              textType
	period                  string // sy:updatePeriod
	frequency               string // sy:updateFrequency
	image, home             string // for want of another
	tries                   int    // how many elements may yet lack their end tag
	elements                int    // seen so far
	language, rights        string // from Dublin Core
}

// readXML reads RSS, Atom and CDF.
func readXML(text string, o Options, mended *repairs) (*Document, error) {
	r := &reader{text: expandEntities(text), url: o.URL, mended: mended, most: o.most()}
	root, ok := r.findRoot()
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrNotFeed, describe(text))
	}
	if r.base = o.URL; !hasScheme(r.base) {
		r.base = ""
	}
	if r.cdf {
		return r.readCDF(root), nil
	}
	noteReferences(text, mended)
	r.enter(root)
	r.twice, r.head.tries = mayBeTwice(r.text), maxUnclosed
	r.slim.begin(r.atom)
	n := min(strings.Count(r.text, "</"+r.itemName+">"), r.most)
	r.entries, r.articles = make([]entry, 0, n), make([]feed.Article, 0, n)
	r.walk(root)
	for i := range r.entries {
		r.entries[i].article = &r.articles[i]
	}
	doc := &Document{}
	if r.atom {
		r.joinAtom()
		doc.Format = "Atom " + r.version
	} else {
		r.joinRSS()
		doc.Format = "RSS " + r.version
	}
	doc.Source, doc.Articles = r.src, r.articles
	return doc, nil
}

// findRoot finds the tag that opens the feed, which need not be the document's first.
func (r *reader) findRoot() (tag, bool) {
	for i, n := 0, 0; n < maxRoot; n++ {
		t, ok := nextTag(r.text, i)
		if !ok {
			return tag{}, false
		}
		i = t.end
		if t.kind != startTag && n > 0 || !r.isRoot(&t) {
			continue
		}
		if n > 0 {
			r.mended.note("the feed was wrapped in something else")
		} else if i := strings.Index(r.text[:t.start], "<?xml"); i > 0 {
			r.mended.note("what stood before the XML declaration was passed over")
		}
		return t, true
	}
	return tag{}, false
}

// maxRoot is how many tags may come before the one that opens the feed.
const maxRoot = 4096

// isRoot reports whether the tag opens a feed, and notes which kind.
func (r *reader) isRoot(t *tag) bool {
	sc := scope(nil).within(t.attrs)
	uri := ""
	if sp := sc.find(t.prefix()); sp != nil {
		uri = sp.uri
	}
	prefix := strings.TrimSuffix(t.name, t.local())
	r.itemName = prefix + "item"
	switch strings.ToLower(t.local()) {
	case "rss":
		r.version = strings.TrimSpace(t.attr("version"))
		if r.version == "" {
			r.version = "2.0"
		}
	case "rdf":
		r.itemName = "item"
		r.version = ""
		for _, b := range sc {
			switch b.space.uri {
			case nsRSS10:
				r.version = "1.0"
			case nsRSS09:
				r.version = "0.90"
			default:
				continue
			}
			if b.prefix != "" {
				r.itemName = b.prefix + ":item"
			}
		}
		if r.version == "" {
			r.version = "1.0"
			return strings.Contains(r.text[t.end:], "<item")
		}
	case "feed":
		r.atom, r.itemName = true, prefix+"entry"
		switch {
		case uri == nsAtom03, t.attr("version") == "0.3":
			r.version = "0.3"
		case uri == "" || strings.Contains(strings.ToLower(uri), "atom"):
			r.version = "1.0"
		default:
			r.atom = false
			return false
		}
	case "entry":
		if uri != nsAtom && uri != nsAtom03 {
			return false
		}
		r.atom, r.itemName, r.version = true, t.name, "1.0"
	case "channel":
		if r.cdf = isCDF(t); r.cdf {
			return true
		}
		r.version = "2.0"
		return strings.Contains(r.text[t.end:], "<item")
	default:
		return false
	}
	return true
}

// enter takes over what the root's or channel's tag binds for all that is inside.
func (r *reader) enter(t tag) {
	r.scope = r.scope.within(t.attrs)
	if t.kind == startTag && len(r.entries) == 0 {
		// The root's own namespace is the feed's, whatever it is.
		if sp := r.scope.find(t.prefix()); sp != nil && sp.kind == foreign {
			own := *sp
			own.kind = native
			r.scope = append(r.scope[:len(r.scope):len(r.scope)], binding{t.prefix(), &own})
		}
	}
	r.base = r.join(r.base, t.attr("xml:base"))
	if lang := t.attr("xml:lang"); lang != "" {
		r.lang = lang
	}
}

// xmlBase returns the base that xml:base gives, "" where there is only the feed's address.
func (r *reader) xmlBase(base string) string {
	if base == r.url {
		return ""
	}
	return base
}

// spaceOf returns the namespace of a name in a scope.
func (r *reader) spaceOf(name string, sc scope) *space {
	prefix := ""
	if i := strings.IndexByte(name, ':'); i >= 0 {
		prefix = name[:i]
	}
	sp := sc.find(prefix)
	if sp == nil {
		if prefix == "" {
			return &space{kind: native}
		}
		usual := usualSpace(prefix)
		r.mended.note(fmt.Sprintf("the namespace prefix %q was never declared; it was taken for %s", prefix, usual.uri))
		sp = &usual
		r.scope = append(r.scope[:len(r.scope):len(r.scope)], binding{prefix, sp})
	}
	if sp.kind == atomSpace && r.atom {
		return &space{sp.uri, native}
	}
	return sp
}

// walk goes through the document: the head's elements, and the items wherever they stand.
func (r *reader) walk(root tag) {
	i := root.end
	ended := root.kind == emptyTag
	if strings.EqualFold(root.local(), "entry") {
		i, ended = root.start, true // a document of one entry (RFC 4287 §2)
	}
	for {
		t, ok := nextTag(r.text, i)
		if !ok {
			break
		}
		i = t.end
		switch local := t.local(); {
		case t.kind == endTag:
			ended = ended || t.name == root.name
		case strings.EqualFold(local, "item") || strings.EqualFold(local, "entry"):
			if len(r.entries) >= r.most {
				r.mended.note(tooMany(r.most))
				return
			}
			if ended && t.start != root.start {
				r.mended.note("items behind the end of the feed were kept")
			}
			i = r.item(t)
		case !r.atom && strings.EqualFold(local, "channel"):
			r.enter(t)
		case ended:
			r.mended.note("what stood behind the end of the feed was left out")
		default:
			if r.head.elements++; r.head.elements > maxChildren {
				r.mended.note(fmt.Sprintf("the feed's head had more than %d elements; the rest was left out", maxChildren))
				continue
			}
			i = r.headElement(t)
		}
	}
	if !ended {
		r.mended.cutOff("the feed was cut off; its whole items were kept")
	}
}

// child reads the element that t opens in an item or head that ends where stop does. tries counts
// the elements that may yet lack their end tag.
func (r *reader) child(t tag, sc scope, stop string, tries *int) (e element, next int) {
	e = element{tag: t, scope: sc.within(t.attrs)}
	e.space = r.spaceOf(t.name, e.scope)
	ok := false
	if *tries > 0 {
		e.inner, next, ok = span(r.text, t, stop)
	}
	if !ok {
		// A search that has gone far counts for many.
		*tries -= 1 + max(0, next-t.end)/farSearch
		r.mended.note(fmt.Sprintf("the element %q was not closed", t.name))
		// What it was to hold can only be the text up to the next tag.
		end := strings.IndexByte(r.text[t.end:], '<')
		if end < 0 {
			end = len(r.text) - t.end
		}
		e.inner, next = r.text[t.end:t.end+end], t.end+end
	}
	return e, next
}

// maxUnclosed is how many elements of an item may lack their end tag before no more are looked
// for. Every search costs a pass over the item.
const maxUnclosed = 16

// farSearch is how many bytes of a search in vain count for another element.
const farSearch = 256 << 10

// maxChildren bounds the elements of one item and of the head, and whatever is listed in one place.
const maxChildren = 2000

func (r *reader) headElement(t tag) (next int) {
	e, next := r.child(t, r.scope, r.itemName, &r.head.tries)
	if e.space.uri == nsTombstones {
		return next // it says that an entry is gone from the feed, as the feed does without it
	}
	if r.atom {
		r.atomHead(&e)
	} else {
		r.rssHead(&e)
	}
	return next
}

// item reads the item that t opens and returns where to read on.
func (r *reader) item(t tag) (next int) {
	sc := r.scope.within(t.attrs)
	if sp := r.spaceOf(t.name, sc); sp.kind != native {
		_, next, _ = span(r.text, t, r.itemName)
		return next
	}
	r.articles = append(r.articles, feed.Article{})
	r.entries = append(r.entries, entry{article: &r.articles[len(r.articles)-1]})
	e := &r.entries[len(r.entries)-1]
	e.base = r.join(r.base, t.attr("xml:base"))
	e.article.Language = r.lang
	if t.attrs != "" {
		if lang := t.attr("xml:lang"); lang != "" {
			e.article.Language = lang
		}
		e.article.GUID = strings.TrimSpace(r.about(&t, sc))
	}
	e.start = r.slim.beginItem()
	next, whole := r.children(e, t, sc)
	e.end = r.slim.endItem(e.start, whole)
	if !whole {
		r.entries = r.entries[:len(r.entries)-1]
		r.articles = r.articles[:len(r.articles)-1]
	}
	return next
}

// about returns the rdf:about of an RSS 1.0 item, which is its id.
func (r *reader) about(t *tag, sc scope) string {
	if !strings.Contains(t.attrs, "about") {
		return ""
	}
	for rest := t.attrs; ; {
		name, value, after, ok := nextAttr(rest)
		if !ok {
			return ""
		}
		if prefix, ok := strings.CutSuffix(name, ":about"); ok {
			if sp := sc.find(prefix); prefix == "rdf" || sp != nil && sp.kind == rdfSpace {
				return unescape(value)
			}
		}
		rest = after
	}
}

// children reads the children of an item. whole is false where the document ends within.
func (r *reader) children(e *entry, t tag, sc scope) (next int, whole bool) {
	if t.kind == emptyTag {
		return t.end, true
	}
	i, tries, n := t.end, maxUnclosed, 0
	for {
		u, ok := nextTag(r.text, i)
		if !ok {
			r.mended.cutOff("the last item was cut off and was left out")
			return len(r.text), false
		}
		if u.kind == endTag {
			switch {
			case sameName(u.name, t.name):
				return u.end, true
			case strings.EqualFold(u.local(), "channel") || strings.EqualFold(u.local(), "rss") ||
				strings.EqualFold(u.local(), "rdf") || strings.EqualFold(u.local(), "feed"):
				r.mended.note("an item was not closed")
				return u.start, true
			}
			r.mended.note(fmt.Sprintf("a stray end tag %q was left out", u.name))
			i = u.end
			continue
		}
		if u.name == t.name {
			r.mended.note("an item was not closed")
			return u.start, true
		}
		var el element
		el, i = r.child(u, sc, t.name, &tries)
		if n++; n > maxChildren {
			r.mended.note(fmt.Sprintf("an item had more than %d elements; the rest was left out", maxChildren))
			continue
		}
		if r.atom {
			r.atomChild(e, &el)
		} else {
			r.rssChild(e, &el)
		}
	}
}

// keep adds an element that has no field of its own.
func (e *entry) keep(el *element) {
	e.article.Extra = append(e.article.Extra, extension(el))
}
