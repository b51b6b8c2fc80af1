package document

import (
	"regexp"
	"strings"
)

// The text layout. It is that of a newspaper's articles on gopher, and simple enough to be written
// by hand:
//
//	# The Slow Reader -- Lighthouses: The last keeper of Skerry Point
//
//	> For forty years she trimmed the lamp. Now a relay does it, and she
//	> writes down what the relay does not see.
//
//	Picture: The tower in winter
//
//	Skerry Point slr | Paragraphs are wrapped at 75 characters and parted by
//	blank lines. [1][A link] is a number and the text that is linked, in
//	brackets; the text may run over the end of a line.
//
//	## A subheading
//
//	Lines that are short and not wrapped
//	are kept as they are:
//	a poem, an address.
//
//	11 Sep 2023
//
//	## LINKS
//
//	[1] https://example.org/lamps
//
//	## AUTHORS
//
//	Ada Quill
//
//	## TAGS
//
//	Lighthouses
//	Archives
//	Weather
//
//	## RELATED ARTICLES
//
//	Log books: What the wind wrote
//
//	A hundred years of weather in one cupboard.
//
// The blocks come in this order, and only the title line must be there:
//
//   - The title line: "# ", the name of the publication, " -- ", and the headline. A headline with
//     ": " in it is a kicker and a title, parted at the first ": ".
//   - The teaser, each line with "> " in front.
//   - Pictures, one line each: "Bild: " or "Picture: " and the caption.
//   - The body. A dateline, place and agency before " | ", may open it. "## " makes a subheading.
//   - The date, day month year on a line of its own, months in English or German, short or long
//     ("3 Oct 2025", "3. Oktober 2025"), or as 2025-10-03.
//   - The sections, each with a heading in capitals, "## LINKS", "## AUTOREN" or "## AUTHORS",
//     "## TAGS", "## ARTIKEL ZUM THEMA" or "## RELATED ARTICLES". A heading in the body may have the
//     same words: a section is what comes after the date.
//
// In LINKS each line has a number and a target. AUTHORS and TAGS have one name to a line. TAGS hold
// the article's own tags and after them one tag for each related article, in the same order: above,
// "Weather" belongs to the log books. Where there are no more tags than related articles, all of them
// are the article's own.
//
// Files of this layout come in several forms, depending on who passed them on, and what the form
// has lost has to be found again from the layout; see the files rows.go (forms), blocks.go (blocks), body.go (paragraphs), division.go (titles and
// teasers) and identity.go (the guid).

// width is where the layout wraps its lines, in characters.
const width = 75

// section is a block after the date.
type section int

const (
	secNone section = iota
	secLinks
	secAuthors
	secTags
	secRelated
)

// sectionOf returns the section that a heading opens, and the language of the heading where the
// word tells.
func sectionOf(heading string) (section, string) {
	switch strings.ToUpper(strings.TrimSpace(heading)) {
	case "LINKS":
		return secLinks, ""
	case "TAGS":
		return secTags, ""
	case "AUTOREN", "AUTORINNEN", "AUTOR:INNEN", "AUTOR", "AUTORIN":
		return secAuthors, "de"
	case "AUTHORS", "AUTHOR":
		return secAuthors, "en"
	case "ARTIKEL ZUM THEMA", "ZUM THEMA":
		return secRelated, "de"
	case "RELATED ARTICLES", "RELATED":
		return secRelated, "en"
	}
	return secNone, ""
}

// headingOf returns the text of a line that is a subheading or opens a section.
func headingOf(l line) (string, bool) {
	heading, ok := strings.CutPrefix(l.text, "## ")
	return strings.TrimSpace(heading), ok && strings.TrimSpace(heading) != ""
}

// halfHeading reports whether a text breaks off inside the heading of a section.
func halfHeading(l line) bool {
	if !strings.HasPrefix(l.text, "#") {
		return false
	}
	for _, whole := range []string{"LINKS", "AUTOREN", "AUTHORS", "TAGS", "ARTIKEL ZUM THEMA", "RELATED ARTICLES"} {
		if whole = "## " + whole; l.text != whole && strings.HasPrefix(whole, l.text) {
			return true
		}
	}
	return false
}

// opens returns the section that a line opens.
func (p *page) opens(l line) (section, string) {
	heading, ok := headingOf(l)
	if !ok && p.form == bare {
		heading, ok = l.text, true
	}
	if !ok {
		return secNone, ""
	}
	return sectionOf(heading)
}

// teaserOf returns the text of a teaser's line.
func teaserOf(l line) (string, bool) {
	text, ok := strings.CutPrefix(l.text, ">")
	return strings.TrimSpace(text), ok
}

// captionWord returns the language of a word that stands in front of captions, or "".
func captionWord(word string) string {
	switch word {
	case "Bild":
		return "de"
	case "Picture", "Image":
		return "en"
	}
	return ""
}

// captionOf returns the caption of a picture.
func captionOf(l line) (string, bool) {
	label, caption, ok := strings.Cut(l.text, ": ")
	if ok && captionWord(label) != "" {
		return strings.TrimSpace(caption), true
	}
	return l.text, l.picture()
}

var (
	// titleLine is the first line; what stands in front of " -- " names the publication.
	titleLine = regexp.MustCompile(`^(# +)?(\S.{0,79}?) -- (\S.*)$`)
	// hostName is a publication that is called like its host (RFC 1123 §2.1).
	hostName = regexp.MustCompile(`(?i)^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$`)
)

// splitHeadline parts kicker and title. A colon without a blank after it parts nothing
// ("Migrant:innen"), and of several the first counts: a title may hold a colon, too.
func splitHeadline(headline string) (kicker, title string) {
	kicker, title, ok := strings.Cut(headline, ": ")
	if title = strings.TrimSpace(title); ok && title != "" {
		return strings.TrimSpace(kicker), title
	}
	return "", headline
}
