package document

import "fmt"

// checkArticle refuses pages in the layout that are no articles: the lists of a tag or department,
// and what has nothing below its title.
func (p *page) checkArticle(parts parts) error {
	refuse := func(got string) error {
		return &LayoutError{File: p.file, Line: p.lines[0].number, Want: "an article", Got: got}
	}
	if len(parts.teaser) > 0 && p.form != bare || len(parts.images) > 0 || parts.dated || len(parts.sections) > 0 {
		return nil
	}
	text := append(append([]line(nil), parts.teaser...), parts.body...)
	if len(skipBlank(text)) == 0 {
		return refuse("nothing below the title line")
	}
	if n := p.indexEntries(text); n > 0 {
		return refuse("an index page of " + count(n, "article"))
	}
	return nil
}

// indexEntries returns how many articles a page lists, or 0 for an article. A list shows by its
// links, which an article has in its sections alone; where links are not marked, by its name, which
// is no "KICKER: TITLE", and by titles and teasers that take turns without a fault. Where titles
// have been lost with the links, a page without kicker and date is taken for a list.
func (p *page) indexEntries(text []line) int {
	links := 0
	for _, l := range text {
		if l.link() {
			links++
		}
	}
	if links > 0 {
		return links
	}
	if kicker, _ := splitHeadline(p.headline); kicker != "" {
		return 0
	}
	if p.form == bare {
		return len(teasersOnly(text))
	}
	list := p.entries(text, 0, maxEntries)
	for _, e := range list {
		if kicker, _ := splitHeadline(e.title); kicker == "" || len(e.teaser) == 0 || !sentence(e.teaser[len(e.teaser)-1]) {
			return 0
		}
	}
	if len(list) < 2 {
		return 0
	}
	return len(list)
}

func count(n int, noun string) string {
	if n == 1 {
		return "one " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
