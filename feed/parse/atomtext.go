package parse

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/backissue/backissue/feed"
)

// construct writes a text construct (RFC 4287 §3.1) and returns how it is to be read. gofeed gets
// it without its type, and so decodes it once and leaves it alone otherwise.
func (r *reader) construct(name string, el *element) textType {
	typ := constructType(el)
	binary := isBinary(el.attr("type"))
	if binary || strings.EqualFold(el.attr("mode"), "base64") {
		if text, ok := fromBase64(el.inner); ok {
			el.inner = escapeText(text)
			if binary {
				typ = markup // as it was not sent as text
			}
		}
	}
	switch {
	case typ != markup:
	case strings.Contains(strings.ToLower(el.attr("type")), "xhtml"):
		if body, ok := inlineMarkup(el.inner); ok {
			el.inner = escapeText(body)
		}
	case strings.IndexByte(el.inner, '<') >= 0:
		el.inner = withoutDiv(el.inner)
	}
	if r.slim.text(name, el.inner) {
		return markup
	}
	return typ
}

func constructType(el *element) textType {
	switch typ := strings.ToLower(strings.TrimSpace(el.attr("type"))); {
	case strings.HasSuffix(typ, "html"), strings.HasPrefix(typ, "application/xhtml"):
		return markup
	case typ == "text":
		return plain
	}
	return unsaid
}

// isBinary reports whether a type is one whose content stands there as base64 (RFC 4287 §4.1.3.3).
// Atom 0.3 said mode="base64" instead.
func isBinary(typ string) bool {
	typ, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(typ)), ";")
	switch {
	case !strings.Contains(typ, "/"), strings.HasPrefix(typ, "text/"):
		return false
	}
	return !strings.HasSuffix(typ, "/xml") && !strings.HasSuffix(typ, "+xml") && !strings.HasSuffix(typ, "/html") &&
		!strings.HasSuffix(typ, "/json")
}

// inlineMarkup returns content that holds elements as the HTML it is. What it has escaped was meant
// to be read, so it stays escaped. It reports false where there is no element.
func inlineMarkup(inner string) (string, bool) {
	if _, ok := nextTag(inner, 0); !ok {
		return "", false
	}
	return rawMarkup(withoutDiv(inner)), true
}

// withoutDiv takes off the div that XHTML content is wrapped in (RFC 4287 §3.1.1.3), and the prefix
// of XHTML where its elements have one.
func withoutDiv(inner string) string {
	body := strings.TrimSpace(inner)
	t, ok := nextTag(body, 0)
	if !ok || strings.TrimSpace(withoutComments(body[:t.start])) != "" {
		return inner
	}
	prefix := t.prefix()
	if strings.EqualFold(t.local(), "div") {
		if content, next, ok := span(body, t, ""); ok && strings.TrimSpace(body[next:]) == "" {
			body = strings.TrimSpace(content)
		}
	}
	if prefix != "" {
		body = strings.ReplaceAll(body, "<"+prefix+":", "<")
		body = strings.ReplaceAll(body, "</"+prefix+":", "</")
	}
	return body
}

// atomContent takes the content of an entry (RFC 4287 §4.1.3) as HTML. What cannot be that is kept
// as it is.
func (r *reader) atomContent(e *entry, el *element) {
	a := e.article
	typ, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(el.attr("type"))), ";")
	mode := strings.ToLower(el.attr("mode"))
	if src := el.attr("src"); src != "" {
		r.outOfLine(e, el, typ, src)
		if strings.TrimSpace(el.inner) == "" {
			return
		}
	}
	if a.Content != "" {
		e.keep(el)
		return
	}
	content, ok := contentHTML(el.inner, typ, mode)
	if !ok {
		e.keep(el)
		return
	}
	a.Content = content
	e.contentBase = r.elementBase(e, el)
	if lang := el.attr("xml:lang"); lang != "" {
		a.Language = lang
	}
}

// contentHTML returns content of a media type as HTML; false for what is no text.
func contentHTML(inner, typ, mode string) (string, bool) {
	if mode == "base64" {
		text, ok := fromBase64(inner)
		if !ok || !strings.HasPrefix(typ, "text/") && typ != "" {
			return "", false
		}
		inner = escapeText(text)
	}
	switch typ {
	case "xhtml", "application/xhtml+xml":
		if text, ok := inlineMarkup(inner); ok {
			return text, true
		}
		fallthrough
	case "html", "text/html":
		text, _ := characterData(withoutDiv(inner))
		return text, true
	case "application/octet-stream":
		return fromBase64(inner)
	}
	switch {
	case strings.HasSuffix(typ, "/xml"), strings.HasSuffix(typ, "+xml"):
		return rawMarkup(strings.TrimSpace(inner)), true
	case typ != "text" && !strings.Contains(typ, "/"): // nothing, or no type at all
		text, isMarkup := characterData(inner)
		if isMarkup || looksHTML(text) {
			return text, true
		}
		return escapeText(text), true
	case typ == "text", strings.HasPrefix(typ, "text/"):
		text, isMarkup := characterData(inner)
		if isMarkup || mode == "escaped" && looksHTML(text) {
			return text, true
		}
		return escapeText(text), true
	}
	return "", false
}

// fromBase64 returns the text that stands there as base64; false for what is no text.
func fromBase64(inner string) (string, bool) {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(inner), ""))
	if err != nil || !utf8.Valid(raw) || hasIllegal(string(raw)) {
		return "", false
	}
	return string(raw), true
}

// outOfLine files content that lies elsewhere: media as an enclosure, a page as a link.
func (r *reader) outOfLine(e *entry, el *element, typ, src string) {
	src = clean(r.absolute(r.join(e.base, el.attr("xml:base")), src))
	if typ == "" || strings.HasPrefix(typ, "text/") || strings.HasSuffix(typ, "html") || strings.HasSuffix(typ, "xml") {
		e.article.Links = append(e.article.Links, feed.Link{Href: src, Type: clean(typ)})
		return
	}
	addEnclosure(e.article, feed.Enclosure{URL: src, Type: clean(typ)})
}
