package feed

import (
	"slices"
	"strings"
	"time"
)

// TwinName is a name by which the same article may be met in another source: its link, or a guid
// that is meant to be one in all the world. Names of one host are kept together.
type TwinName struct {
	Host string
	Name string
}

// TwinNames returns the names by which to look for an article among those of other sources. There
// are none for an article that has only its site's home for a link and a guid of its own feed.
func TwinNames(a *Article) []TwinName {
	var names []TwinName
	if link := twinLink(a.Link, a.Origin.Home); link != "" {
		names = append(names, TwinName{nameHost(link), link})
	}
	if guid := worldwide(a.GUID, a.Origin.Home); guid != "" && (len(names) == 0 || names[0].Name != guid) {
		names = append(names, TwinName{nameHost(guid), guid})
	}
	return names
}

// Twins reports whether two articles of different sources, which have a name in common, are the same
// article. A link needs a witness, since it may lead to a page of many articles: the title, the
// text, or a date to the minute. A guid needs the title or the link.
func Twins(elder, younger *Article) bool {
	link := twinLink(younger.Link, younger.Origin.Home)
	sameLink := link != "" && link == twinLink(elder.Link, elder.Origin.Home)
	guid := worldwide(younger.GUID, younger.Origin.Home)
	sameGUID := guid != "" && guid == worldwide(elder.GUID, elder.Origin.Home)
	title := sameWords(elder.Title, younger.Title)
	switch {
	case sameGUID && (title || sameLink):
		return true
	case !sameLink:
		return false
	}
	dated := !younger.Published.IsZero() && younger.Published.Equal(elder.Published) &&
		!younger.Published.Equal(younger.Published.UTC().Truncate(24*time.Hour))
	return title || dated || len(younger.text()) >= twinText && sameWords(elder.text(), younger.text())
}

// twinText is how much text, in bytes, must agree to be a witness.
const twinText = 120

func sameWords(x, y string) bool {
	words := strings.Fields(x)
	return len(words) > 0 && slices.Equal(words, strings.Fields(y))
}

// twinLink returns a link in the form in which it is the same in every source, or "" for one that
// leads to the site's home.
func twinLink(link, home string) string {
	s := NormalURL(link)
	if !strings.HasPrefix(s, "//") {
		return ""
	}
	if i := strings.IndexByte(s, '#'); i >= 0 && !strings.HasPrefix(s[i:], "#!") && !strings.HasPrefix(s[i:], "#/") {
		s = s[:i]
	}
	if path, query, ok := strings.Cut(s, "?"); ok {
		kept := slices.DeleteFunc(strings.Split(query, "&"), tracking)
		if s = strings.TrimSuffix(path, "/"); len(kept) > 0 {
			s += "?" + strings.Join(kept, "&")
		}
	}
	s = strings.TrimSuffix(s, "/")
	if strings.IndexByte(s[2:], '/') < 0 && strings.IndexByte(s, '?') < 0 || s == NormalURL(home) {
		return ""
	}
	return s
}

// tracking reports whether a parameter of a link only tells its site how a reader came there.
func tracking(parameter string) bool {
	name, _, _ := strings.Cut(parameter, "=")
	return name == "" || tracks(name) || refers(name)
}

// worldwide returns a guid in its normal form if it is of a kind that no two publishers give by
// chance, and "" for any other: "1" is one in its own feed only.
func worldwide(guid, home string) string {
	guid = strings.TrimSpace(guid)
	if !AbsoluteIRI(guid) {
		return ""
	}
	scheme, _, _ := strings.Cut(guid, ":")
	switch strings.ToLower(scheme) {
	case "http", "https":
		return twinLink(guid, home)
	case "tag", "urn":
		return guid
	}
	return ""
}

// nameHost returns the host in a name (of the tagging entity, RFC 4151 §2.1), or its scheme.
func nameHost(name string) string {
	if rest, ok := strings.CutPrefix(name, "//"); ok {
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			return rest[:i]
		}
		return rest
	}
	scheme, rest, _ := strings.Cut(name, ":")
	if host, _, ok := strings.Cut(rest, ","); ok && strings.EqualFold(scheme, "tag") {
		return host
	}
	return scheme
}
