package bolt

import (
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/backissue/backissue/feed"
)

// An article is looked for in what was received by the letters and digits of what it said: whatever stands
// between them there (markup, escapes, white space) does not matter.

const (
	minSign    = 6  // letters that tell something; fewer are in anything
	minPath    = 12 // and of the path of a link, which may stand without its host
	minRun     = 24 // and of a text
	maxRun     = 64 // of which so many are enough
	signWindow = 12 // by so many, or by all, they are looked up
)

// needles are the signs by which articles are known.
type needles struct {
	by      map[string][]string // by how they begin
	lengths []int               // of these beginnings
	all     bool                // of one there is no sign, so it may be in anything
}

// add adds the signs of an article.
func (n *needles) add(a *feed.Article) {
	before := n.count(a.GUID, minSign) + n.count(withoutScheme(a.Link), minSign) + n.count(a.Title, minSign)
	if u, err := url.Parse(a.Link); err == nil && a.Link != "" {
		before += n.count(u.RequestURI(), minPath)
	}
	for _, text := range []string{a.Content, a.Summary} {
		before += n.count(longestRun(text), minRun)
	}
	n.all = n.all || before == 0 && !a.Withdrawn
}

// count adds a sign if it says enough, and returns how many that were.
func (n *needles) count(s string, least int) int {
	sign := letters(s)
	if len(sign) < least {
		return 0
	}
	begin := sign[:min(signWindow, len(sign))]
	if n.by == nil {
		n.by = make(map[string][]string)
	}
	for _, have := range n.by[begin] {
		if have == sign {
			return 1
		}
	}
	n.by[begin] = append(n.by[begin], sign)
	for _, length := range n.lengths {
		if length == len(begin) {
			return 1
		}
	}
	n.lengths = append(n.lengths, len(begin))
	return 1
}

// hay is what was received, to be searched.
type hay struct {
	letters string
	unclear bool // it is in another encoding than UTF-8
}

func newHay(body []byte) *hay { return &hay{letters(string(body)), !utf8.Valid(body)} }

// in reports whether a sign is there, or may be.
func (n *needles) in(h *hay) bool {
	if n.all || h.unclear {
		return true
	}
	for _, length := range n.lengths {
		for i := 0; i+length <= len(h.letters); i++ {
			for _, sign := range n.by[h.letters[i:i+length]] {
				if strings.HasPrefix(h.letters[i:], sign) && whole(h.letters, i, i+len(sign)) {
					return true
				}
			}
		}
	}
	return false
}

// whole reports whether a sign in a text is not a part of it where it ends in a number: 7 is not in 70.
func whole(s string, from, to int) bool {
	return !(digitAt(s, from-1) && digitAt(s, from)) && !(digitAt(s, to-1) && digitAt(s, to))
}

func digitAt(s string, i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }

// letters returns the letters and the numbers of a text, in small ones, without its escapes.
func letters(s string) string {
	for range 2 { // markup in markup is escaped twice
		s = html.UnescapeString(s)
	}
	if strings.Contains(s, `\u`) {
		s = unescapeJSON(s)
	}
	if strings.Contains(s, "%") {
		s = escapeURL.ReplaceAllStringFunc(s, func(escaped string) string {
			plain, _ := url.PathUnescape(escaped) // which it is, by the expression
			return plain
		})
	}
	var b strings.Builder
	b.Grow(len(s))
	digit, apart := false, false // what came last is a digit; something stood behind it
	for _, r := range s {
		is := unicode.IsDigit(r)
		if !is && !unicode.IsLetter(r) {
			apart = true
			continue
		}
		if is && digit && apart {
			b.WriteByte(' ') // 1, 2 is not 12
		}
		b.WriteRune(unicode.ToLower(r))
		digit, apart = is, false
	}
	return b.String()
}

var escapeURL = regexp.MustCompile(`(?:%[0-9a-fA-F]{2})+`)

var escapeJSON = regexp.MustCompile(`(?:\\u[0-9a-fA-F]{4})+`)

// unescapeJSON replaces the escapes of JSON for letters.
func unescapeJSON(s string) string {
	return escapeJSON.ReplaceAllStringFunc(s, func(escaped string) string {
		if plain, err := strconv.Unquote(`"` + escaped + `"`); err == nil {
			return plain
		}
		return escaped // half of a pair, which no letter of a name is
	})
}

func withoutScheme(link string) string {
	if _, rest, ok := strings.Cut(link, "://"); ok {
		return rest
	}
	return link
}

// longestRun returns the longest part of a text between its markup.
func longestRun(text string) string {
	var longest string
	for text != "" {
		run, rest, _ := strings.Cut(text, "<")
		if len(run) > len(longest) {
			longest = run
		}
		_, text, _ = strings.Cut(rest, ">")
	}
	if len(longest) > 4*maxRun {
		longest = longest[:4*maxRun]
	}
	sign := letters(longest)
	for len(sign) > maxRun {
		_, size := utf8.DecodeLastRuneInString(sign)
		sign = sign[:len(sign)-size]
	}
	return sign
}
