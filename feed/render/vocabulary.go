package render

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"

	"github.com/backissue/backissue/feed/markup"
)

// vocabulary decides which extension elements of one item, or of a feed, go out, and mends their values. Names in
// a namespace with rules of its own must keep them, or whole feeds are turned away by directories;
// what is in a namespace that nobody has rules for goes out as it came.
type vocabulary struct {
	channel bool // the elements are of a feed as a whole
	base    string
	once    map[string]bool // elements that stand once in an item, by prefixed name
}

// admit reports whether an element may go out.
func (v *vocabulary) admit(n *node) bool {
	n.space = knownSpace(n.space)
	prefix := standardPrefix(n.space)
	switch n.space {
	case nsITunes:
		if v.channel {
			return v.itunesChannel(n)
		}
		return v.itunes(n) && v.first(prefix, n)
	case nsMedia:
		if v.channel && (n.name == "content" || n.name == "group") {
			return false // a feed has no recording of its own
		}
		return v.media(n, true)
	case nsDC:
		n.attrs = nil
		switch n.name {
		case "publisher", "relation", "coverage", "identifier":
			return n.set(n.content())
		case "type", "format", "title", "description":
			return n.set(n.content()) && v.first(prefix, n)
		}
		return false
	case nsTerms:
		switch n.name {
		case "alternative", "accessRights", "license", "rightsHolder", "spatial", "temporal", "audience", "bibliographicCitation", "provenance":
			return n.content() != ""
		}
		return false
	case nsSlash:
		if v.channel {
			return false
		}
		n.attrs = nil
		switch n.name {
		case "comments":
			return n.set(count(n.content())) && v.first(prefix, n)
		case "section", "department":
			return n.set(n.content()) && v.first(prefix, n)
		}
		return false
	case nsThread:
		return !v.channel && v.thread(n) && v.first(prefix, n)
	case nsWellFormedWeb:
		if v.channel {
			return false
		}
		n.attrs = nil
		if n.name == "commentRSS" {
			n.name = "commentRss"
		}
		return (n.name == "commentRss" || n.name == "comment") && n.set(v.url(n.content())) && v.first(prefix, n)
	case nsFeedburner:
		if v.channel {
			return false
		}
		n.attrs = nil
		return (n.name == "origLink" || n.name == "origEnclosureLink") && n.set(v.url(n.content())) && v.first("feedburner", n)
	case nsCommons:
		n.attrs = nil
		return n.name == "license" && n.set(v.url(n.content()))
	case nsGeoRSS:
		n.attrs = nil
		return n.name == "point" && n.set(numbers(n.content(), 2)) || n.name == "featureName" && n.set(n.content())
	case nsGeo:
		n.attrs = nil
		return (n.name == "lat" || n.name == "long") && n.set(numbers(n.content(), 1))
	}
	return !ruled(n.space)
}

// first reports whether an element is the first of its name in this item.
func (v *vocabulary) first(prefix string, n *node) bool {
	name := prefix + ":" + n.name
	if v.once[name] {
		return false
	}
	v.once[name] = true
	return true
}

func (v *vocabulary) url(s string) string { return markup.URL(s, v.base) }

// picture returns the address of a picture as directories want it: http, a host with a dot, a path.
func (v *vocabulary) picture(s string) string {
	u := slashed(v.url(s))
	_, rest, ok := strings.Cut(u, "://")
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, ":")
	if !ok || !strings.HasPrefix(u, "http") || !strings.Contains(host, ".") || strings.Trim(host, domainLetters+".") != "" {
		return ""
	}
	return u
}

// itunes holds an element to Apple's rules.
func (v *vocabulary) itunes(n *node) bool {
	text := n.content()
	if n.name == "image" {
		n.kids = nil
		n.keep(func(name, value string) string {
			if name != "href" {
				return ""
			}
			return v.picture(value)
		})
		return len(n.attrs) > 0
	}
	n.attrs = nil
	switch n.name {
	case "author", "subtitle", "keywords":
		return n.set(cut(line(text), 250))
	case "title":
		return n.set(line(text))
	case "summary":
		return n.set(cut(strings.TrimSpace(markup.Text(text)), 3900))
	case "explicit":
		switch strings.ToLower(text) {
		case "true", "yes", "explicit":
			return n.set("true")
		case "false", "no", "clean":
			return n.set("false")
		}
	case "block":
		return strings.EqualFold(text, "yes") && n.set("yes")
	case "duration":
		return n.set(seconds(text))
	case "episode", "season":
		return n.set(positive(text))
	case "episodeType":
		text = strings.ToLower(text)
		return (text == "full" || text == "trailer" || text == "bonus") && n.set(text)
	}
	return false
}

// media holds an element to the rules of Media RSS 1.5.1.
func (v *vocabulary) media(n *node, top bool) bool {
	text := n.content()
	switch n.name {
	case "group", "content":
		kids := n.kids[:0]
		single := make(map[string]bool)
		for _, kid := range n.kids {
			kid.space = knownSpace(kid.space)
			if kid.space != nsMedia || kid.name == "group" || kid.name == "content" && n.name == "content" || single[kid.name] {
				continue
			}
			if v.media(&kid, false) {
				single[kid.name] = singleMedia(kid.name)
				kids = append(kids, kid)
			}
		}
		n.kids = kids
		n.keep(v.mediaAttr)
		if n.name == "group" {
			n.attrs = nil
		}
		return n.attr("url") != "" || len(kids) > 0
	case "thumbnail", "player":
		n.kids = nil
		n.keep(func(name, value string) string {
			switch name {
			case "url", "width", "height":
				return v.mediaAttr(name, value)
			}
			return ""
		})
		return n.attr("url") != ""
	case "title", "description":
		if top && !v.first("media", n) {
			return false
		}
		if strings.ContainsAny(text, "<&") {
			text = markup.Text(text)
		}
		n.attrs = nil
		return n.set(strings.TrimSpace(text))
	case "credit":
		n.keep(func(name, value string) string {
			if name == "role" && slices.Contains([]string{"author", "photographer", "producer", "editor", "artist",
				"actor", "director", "composer", "performer", "illustrator", "reporter", "publishing company"}, value) {
				return value
			}
			return ""
		})
		return n.set(line(text))
	case "copyright":
		if top && !v.first("media", n) {
			return false
		}
		n.keep(func(name, value string) string {
			if name != "url" {
				return ""
			}
			return v.url(value)
		})
		return n.set(line(text))
	case "keywords":
		n.attrs = nil
		return n.set(line(text))
	case "category":
		n.keep(func(name, value string) string {
			switch name {
			case "label":
				return line(value)
			case "scheme":
				return absoluteIRI(value)
			}
			return ""
		})
		return n.set(line(text))
	case "rating":
		n.attrs = nil
		return (text == "adult" || text == "nonadult") && n.set(text)
	case "restriction":
		return v.restriction(n, text)
	}
	return false
}

// singleMedia reports the elements that stand once in an item, a group or a file.
func singleMedia(name string) bool {
	return name == "title" || name == "description" || name == "copyright"
}

// ungroup returns what a media:group holds where it is none: a group has one thing in several forms.
func (v *vocabulary) ungroup(n node) []node {
	if n.space != nsMedia || n.name != "group" {
		return []node{n}
	}
	forms := 0
	for _, kid := range n.kids {
		if kid.name == "content" {
			forms++
		}
	}
	if forms > 1 {
		return []node{n}
	}
	return slices.DeleteFunc(n.kids, func(kid node) bool {
		return singleMedia(kid.name) && !v.first("media", &kid)
	})
}

func (v *vocabulary) mediaAttr(name, value string) string {
	switch name {
	case "url":
		return v.url(value)
	case "width", "height", "fileSize":
		return positive(value)
	case "channels":
		return count(value)
	case "duration", "bitrate", "framerate", "samplingrate":
		if f, err := strconv.ParseFloat(value, 64); err == nil && f >= 0 && strings.Trim(value, "0123456789.") == "" {
			return value
		}
	case "type":
		return mediaType(value, "", "")
	case "lang":
		return languageTag(value)
	case "isDefault":
		if value == "true" || value == "false" {
			return value
		}
	case "medium":
		if slices.Contains([]string{"image", "audio", "video", "document", "executable"}, value) {
			return value
		}
	case "expression":
		if slices.Contains([]string{"sample", "full", "nonstop"}, value) {
			return value
		}
	}
	return ""
}

// restriction lets through where something may be seen.
func (v *vocabulary) restriction(n *node, text string) bool {
	rel := n.attr("relationship")
	if n.attr("type") != "country" || rel != "allow" && rel != "deny" {
		return false
	}
	for _, c := range strings.Fields(text) {
		if r, err := language.ParseRegion(c); err != nil || !r.IsCountry() || len(c) != 2 {
			return false
		}
	}
	n.keep(func(name, value string) string {
		if name == "type" || name == "relationship" {
			return value
		}
		return ""
	})
	return n.set(line(text))
}

// thread holds an element to RFC 4685.
func (v *vocabulary) thread(n *node) bool {
	switch n.name {
	case "total":
		n.attrs = nil
		return n.set(count(n.content()))
	case "in-reply-to":
		n.kids = nil
		n.keep(func(name, value string) string {
			switch name {
			case "ref":
				return absoluteIRI(value)
			case "href", "source":
				return v.url(value)
			case "type":
				return mediaType(value, "", "")
			}
			return ""
		})
		return n.attr("ref") != ""
	}
	return false
}

// positive returns a whole number above zero in its plain form, or "".
func positive(s string) string {
	if s = count(s); s == "0" {
		return ""
	}
	return s
}

// count returns a whole number in its plain form, or "".
func count(s string) string {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 63)
	if err != nil {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// numbers returns n decimal numbers, or "".
func numbers(s string, n int) string {
	fields := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\t' })
	if len(fields) != n {
		return ""
	}
	for _, f := range fields {
		if x, err := strconv.ParseFloat(f, 64); err != nil || x < -180 || x > 180 || strings.Trim(f, "+-.0123456789") != "" {
			return ""
		}
	}
	return strings.Join(fields, " ")
}

// seconds returns a duration given as seconds, or minutes and seconds, or hours, minutes and
// seconds, in whole seconds; "" for anything else.
func seconds(s string) string {
	parts := strings.Split(strings.TrimSpace(s), ":")
	if len(parts) > 3 {
		return ""
	}
	total := 0
	for i, p := range parts {
		if i == len(parts)-1 {
			p, _, _ = strings.Cut(p, ".")
		}
		n, err := strconv.ParseUint(strings.TrimSpace(p), 10, 24)
		if err != nil {
			return ""
		}
		total = total*60 + int(n)
	}
	if total == 0 {
		return ""
	}
	return strconv.Itoa(total)
}
