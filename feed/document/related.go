package document

import (
	"strings"

	"github.com/backissue/backissue/feed"
)

// entry is an article in a list of articles: ARTIKEL ZUM THEMA, or a whole page of them.
type entry struct {
	title  string // empty where the form has lost it
	teaser []string
}

func (e entry) related() feed.Related {
	kicker, title := splitHeadline(e.title)
	return feed.Related{
		Kicker: kicker,
		Title:  title,
		Teaser: strings.Join(strings.Fields(strings.Join(e.teaser, " ")), " "),
	}
}

// tagsAndRelated parts the tags: TAGS holds the article's own and then one for each related article.
// The number of related articles is found with the help of the tags, and parts them then.
func (p *page) tagsAndRelated(parts parts, links resolver) ([]feed.Tag, []feed.Related) {
	var names []string
	for _, l := range parts.sections[secTags] {
		if !l.blank() {
			names = append(names, l.text)
		}
	}
	var list []feed.Related
	for _, e := range p.relatedEntries(parts, names) {
		list = append(list, e.related())
	}
	linkRelated(list, parts.sections[secRelated], links)
	own := len(names) - len(list)
	if own <= 0 {
		own = len(names)
	}
	for i, name := range names[own:] {
		list[i].Tags = []string{name}
	}
	var tags []feed.Tag
	seen := make(map[string]bool)
	for _, name := range names[:own] {
		if key := feed.TagKey(name); !seen[key] {
			seen[key] = true
			tags = append(tags, feed.Tag{Term: name})
		}
	}
	return tags, list
}

// linkRelated adds the addresses, where the form marks titles as links.
func linkRelated(list []feed.Related, lines []line, links resolver) {
	i := 0
	for _, l := range lines {
		if l.link() && i < len(list) {
			list[i].Link = links.item(l)
			i++
		}
	}
}

// relatedEntries finds the related articles.
func (p *page) relatedEntries(parts parts, tags []string) []entry {
	lines := parts.sections[secRelated]
	if p.form == bare && p.lostLinks(parts) {
		return teasersOnly(lines)
	}
	least, most := relatedRange(tags)
	return p.entries(lines, least, most)
}

// lostLinks reports whether the form has lost the lines that are links: then the headings of
// authors and tags stand over nothing.
func (p *page) lostLinks(parts parts) bool {
	for _, s := range []section{secAuthors, secTags} {
		if lines, ok := parts.sections[s]; ok && len(skipBlank(lines)) == 0 {
			return true
		}
	}
	return false
}

func teasersOnly(lines []line) []entry {
	var list []entry
	for _, l := range lines {
		if !l.blank() {
			list = append(list, entry{teaser: []string{l.text}})
		}
	}
	return list
}

// relatedRange returns how many related articles the tags speak for. At least one tag is the
// article's own, and no own tag is there twice: whatever follows the first repetition, and the
// repetition itself, belongs to related articles. Without tags anything goes.
func relatedRange(tags []string) (least, most int) {
	seen := make(map[string]bool)
	for i, tag := range tags {
		key := feed.TagKey(tag)
		if seen[key] {
			return len(tags) - i, len(tags) - 1
		}
		seen[key] = true
	}
	if len(tags) == 0 {
		return 0, maxEntries
	}
	return 0, len(tags) - 1
}

// entries parts a list of articles into titles and teasers. Where the form marks links, these are
// the titles. Elsewhere the likeliest division is looked for.
func (p *page) entries(lines []line, least, most int) []entry {
	shown := make([]listLine, 0, len(lines))
	gap, linked, spaced := false, false, false
	for _, l := range lines {
		if l.blank() {
			gap = true
			continue
		}
		spaced = spaced || gap && len(shown) > 0
		shown = append(shown, listLine{line: l, gap: gap})
		gap, linked = false, linked || l.link()
	}
	title := func(i int) bool { return shown[i].link() }
	if !linked {
		d := division{lines: shown, spaced: spaced, bare: p.form == bare, least: least, most: most}
		titles := d.titles()
		title = func(i int) bool { return titles[i] }
	}
	var list []entry
	for i, l := range shown {
		switch {
		case title(i):
			list = append(list, entry{title: l.text})
		case len(list) > 0:
			last := &list[len(list)-1]
			last.teaser = append(last.teaser, l.text)
		}
	}
	return list
}
