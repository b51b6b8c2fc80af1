package parse

import (
	"strings"

	"github.com/backissue/backissue/feed"
)

// The Channel Definition Format (W3C NOTE-CDFsubmit, 1997) is what came before RSS. Its names are
// upper case by custom and its addresses and dates are attributes:
//
//	<CHANNEL HREF="…" BASE="…"><TITLE>…</TITLE><ABSTRACT>…</ABSTRACT><ITEM HREF="…" LASTMOD="…">…</ITEM></CHANNEL>

// isCDF reports whether the tag opens a channel of CDF rather than a channel of RSS that has lost
// its root.
func isCDF(t *tag) bool {
	return strings.EqualFold(t.name, "channel") && (t.name == "CHANNEL" || attrFold(t, "href") != "")
}

// attrFold returns the value of an attribute whose name may be in any case.
func attrFold(t *tag, name string) string {
	for rest := t.attrs; ; {
		n, value, after, ok := nextAttr(rest)
		if !ok {
			return ""
		}
		if strings.EqualFold(n, name) {
			return unescape(value)
		}
		rest = after
	}
}

// readCDF reads the channel that root opens, and the channels inside of it as if they were one.
func (r *reader) readCDF(root tag) *Document {
	if base := attrFold(&root, "base"); base != "" {
		r.base = r.join(r.base, base)
	}
	r.src.Home = clean(r.absolute(r.base, attrFold(&root, "href")))
	for i := root.end; ; {
		t, ok := nextTag(r.text, i)
		if !ok {
			r.mended.cutOff("the feed was cut off; its whole items were kept")
			break
		}
		i = t.end
		local := strings.ToLower(t.local())
		if t.kind == endTag {
			if sameName(t.name, root.name) {
				break
			}
			continue
		}
		if local == "channel" {
			continue
		}
		inner, next, ok := span(r.text, t, root.name)
		if !ok {
			r.mended.cutOff("the last item was cut off and was left out")
			break
		}
		i = next
		text, _ := characterData(inner)
		switch local {
		case "item":
			if len(r.articles) >= r.most {
				r.mended.note(tooMany(r.most))
				continue
			}
			r.articles = append(r.articles, r.cdfItem(&t, inner))
		case "title":
			r.src.Title = clean(plainText(text, unsaid))
		case "abstract":
			r.src.Description = clean(plainText(text, unsaid))
		case "logo":
			r.src.Image = clean(r.absolute(r.base, attrFold(&t, "href")))
		default:
			r.src.Extra = append(r.src.Extra, extension(&element{tag: t, inner: inner, space: &space{}, scope: r.scope}))
		}
	}
	return &Document{Format: "CDF", Source: r.src, Articles: r.articles}
}

// cdfItem reads the item that t opens.
func (r *reader) cdfItem(t *tag, inner string) feed.Article {
	a := feed.Article{Link: clean(r.absolute(r.base, attrFold(t, "href"))), Language: r.lang}
	r.date(&a.Updated, escapeText(attrFold(t, "lastmod")))
	eachChild(inner, func(t tag, inner string) {
		text, _ := characterData(inner)
		switch strings.ToLower(t.local()) {
		case "title":
			a.Title = clean(plainText(text, unsaid))
		case "abstract":
			if !looksHTML(text) {
				text = escapeText(text)
			}
			a.Summary = strings.TrimSpace(r.resolveHTML(clean(text), firstText(a.Link, r.base)))
		case "a": // the address as HTML has it
			if a.Link == "" {
				a.Link = clean(r.absolute(r.base, attrFold(&t, "href")))
			}
		default:
			a.Extra = append(a.Extra, extension(&element{tag: t, inner: inner, space: &space{}, scope: r.scope}))
		}
	})
	return a
}
