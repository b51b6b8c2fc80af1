package document

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/backissue/backissue/feed"
)

// The rules of this file decide which guid goes out and are frozen: another answer would show every
// reader old articles as new.

// namespace is the UUID namespace of texts (RFC 9562 §5.5), itself the version 5 UUID of
// "urn:backissue:text" in the URL namespace.
var namespace = feed.UUID{0xb0, 0x68, 0xb1, 0x96, 0x52, 0x8a, 0x5e, 0x35, 0xa0, 0x4c, 0xd5, 0x71, 0xbb, 0xba, 0x24, 0x44}

// guid returns the article's identity: a UUID of what every form of a text has in common, the
// publication, the day and the beginning of the headline.
//
// The page's own address is not in the text. Authors, links and tags are lost by some forms, the
// end of a long headline by another, blank lines by most; one spells umlauts out. So the headline
// counts as far as the shortest cut leaves it, by its letters and digits alone, umlauts spelled
// out. Two articles of one day whose long headlines differ only behind that are taken for one;
// undated texts with one headline are, too.
func (p *page) guid(date time.Time) string {
	day := ""
	if !date.IsZero() {
		day = date.Format(time.DateOnly)
	}
	return namespace.In("article", feed.TagKey(p.publication), day, p.lasting()).String()
}

// minLasting is how much of a headline counts however long the publication's name is, in bytes.
const minLasting = 16

// lasting returns what is the same of a headline in every form. The umlauts come first: spelled out
// they have as many bytes as before, so that the cut falls on the same place.
func (p *page) lasting() string {
	headline := spellOut.Replace(norm.NFC.String(p.headline))
	room := max(minCut-len("# "+p.publication+" -- "), minLasting)
	if len(headline) > room {
		for !utf8.RuneStart(headline[room]) {
			room--
		}
		headline = headline[:room]
	}
	letters := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, headline)
	if letters == "" {
		return headline
	}
	return letters
}

// spellOut writes umlauts the way of the proxy that has no others.
var spellOut = strings.NewReplacer(
	"ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "ß", "ss",
)

// source returns the publication. One that is called like its host has its gopher server for an
// address; any other has a UUID of its name, however that is spelled.
func (p *page) source(language string) feed.Source {
	s := feed.Source{Title: p.publication, Language: language}
	if hostName.MatchString(p.publication) {
		host := strings.ToLower(p.publication)
		s.URL, s.Home = "gopher://"+host+"/", "https://"+host+"/"
	} else {
		s.URL = namespace.In("publication", feed.TagKey(p.publication)).String()
	}
	return s
}

// language returns the text's language as far as the layout tells: by the headings of the sections
// or the word before a caption, else by the publication that the layout comes from.
func (p *page) language(parts parts) string {
	if parts.language == "" && strings.EqualFold(p.publication, "taz.de") {
		return "de"
	}
	return parts.language
}
