package feed

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The rules of this file decide which guid goes out, so they are frozen: changing what [Identify]
// answers for a document it has once been given would show every subscriber old articles as new.

// Identify gives every article of one document its Key, the identity within its source and the
// guid that goes out. It returns the articles with plain repetitions left out (the same guid, link
// and title twice in one document; the one updated last stays, in the first one's place). With
// [PolicyAuto]:
//
//   - A guid that one article carries is the Key, verbatim.
//   - A guid that several different articles carry tells nobody apart: the Key is a UUID of guid and
//     link (or, with one link for all, of guid and title), whatever the order of the items.
//   - Without a guid, the link is the Key if no other item has it and it is not the site's home.
//   - Without either, the Key is a UUID of what changes least: the enclosure's address, or the title
//     with the publication date, or the text.
//
// [PolicyGUID] makes the same Keys; it is [Resolve] that trusts nothing but the guid. [PolicyLink] goes
// on as if there were no guids, and [PolicyTitle] makes every Key a UUID of title and day.
func Identify(articles []Article, home string, policy Policy) []Article {
	articles = dropRepeats(articles, policy)
	guids := make(map[string]int, len(articles))
	links := make(map[string]int, len(articles))
	for i := range articles {
		guids[policy.guid(&articles[i])]++
		links[NormalURL(articles[i].Link)]++
	}
	// What is still shared differs only in its text (a feed of bare descriptions, say). The oldest
	// has the key, so that those which come later do not take it.
	times := make(map[string]int, len(articles))
	taken := make(map[string]bool, len(articles))
	for _, i := range oldestFirst(articles) {
		a := &articles[i]
		base := policy.key(a, guids, links, home)
		a.Key = base
		for taken[NormalURL(a.Key)] {
			times[base]++
			a.Key = uuid("again", base, a.Title, a.Summary, a.Content, strconv.Itoa(times[base]))
		}
		taken[NormalURL(a.Key)] = true
	}
	return articles
}

// oldestFirst returns the places of the articles in an order that does not depend on theirs, unless
// they are alike.
func oldestFirst(articles []Article) []int {
	places := make([]int, len(articles))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(i, j int) int {
		a, b := &articles[i], &articles[j]
		return cmp.Or(a.Published.Compare(b.Published), a.Updated.Compare(b.Updated),
			cmp.Compare(a.Title, b.Title), cmp.Compare(a.Summary, b.Summary), cmp.Compare(a.Content, b.Content))
	})
	return places
}

// guid returns the article's guid if the policy trusts it.
func (p Policy) guid(a *Article) string {
	if p == PolicyLink || p == PolicyTitle {
		return ""
	}
	return a.GUID
}

func (p Policy) key(a *Article, guids, links map[string]int, home string) string {
	link, guid := NormalURL(a.Link), p.guid(a)
	shared := link == "" || links[link] > 1
	switch {
	case p == PolicyTitle && a.Title != "":
		return uuid("title+day", a.Title, day(a.Published))
	case p == PolicyTitle:
		return uuid("text", "", day(a.Published), a.Summary, a.Content)
	case strings.TrimSpace(guid) != "" && guids[guid] == 1:
		return guid
	case strings.TrimSpace(guid) != "" && !shared:
		return uuid("guid+link", guid, link)
	case strings.TrimSpace(guid) != "":
		return uuid("guid+title", guid, link, a.Title, day(a.Published))
	case !shared && link != NormalURL(home):
		return a.Link
	}
	return a.keyOfShared(link)
}

// keyOfShared returns the Key of an article that has neither a guid nor a link of its own.
func (a *Article) keyOfShared(link string) string {
	switch {
	case len(a.Enclosures) > 0 && a.Enclosures[0].URL != "":
		return uuid("enclosure", NormalURL(a.Enclosures[0].URL), a.Title)
	case a.Title != "":
		return uuid("title", link, a.Title, day(a.Published))
	}
	return uuid("text", link, day(a.Published), a.Summary, a.Content)
}

func dropRepeats(articles []Article, policy Policy) []Article {
	type same struct{ guid, link, title, published string }
	at := make(map[same]int, len(articles))
	kept := articles[:0:len(articles)]
	for _, a := range articles {
		k := same{policy.guid(&a), a.Link, a.Title, ""}
		if k.guid == "" {
			k.published = a.Published.String() + a.Summary + a.Content
		}
		if i, ok := at[k]; ok {
			if a.Updated.After(kept[i].Updated) {
				kept[i] = a
			}
			continue
		}
		at[k] = len(kept)
		kept = append(kept, a)
	}
	return kept
}

// AliasKind says what about an article an [Alias] names. The letters are stored; never renumber.
type AliasKind byte

// Kinds of alias, strongest first.
const (
	AliasKey       AliasKind = 'k' // the Key in its normal form: scheme and trailing slash left out
	AliasGUID      AliasKind = 'g' // a guid that is not the Key since several articles carry it
	AliasLink      AliasKind = 'l' // the link in its normal form, without parameters that track readers
	AliasEnclosure AliasKind = 'e' // the first enclosure's address
	AliasDate      AliasKind = 'd' // the publication date, with the title where it says only the day
	AliasContent   AliasKind = 'c' // title and text
)

// Alias is a name by which an article of a source can be met again after its publisher changed
// its guid.
type Alias struct {
	Kind  AliasKind
	Value string
}

// minContent is how much text, in bytes, must agree to be a witness of identity, and minName how much
// is a name by which to look for one.
const (
	minContent = 120
	minName    = 40
)

func (a *Article) keyAlias() Alias { return Alias{AliasKey, NormalURL(a.Key)} }

// Aliases returns every name of the article, strongest first.
func (a *Article) Aliases() []Alias {
	names := make([]Alias, 0, 5)
	k := a.keyAlias()
	names = append(names, k)
	if a.GUID != "" && a.GUID != a.Key {
		names = append(names, Alias{AliasGUID, NormalURL(a.GUID)})
	}
	if l := linkName(a.Link); l != "" && l != k.Value {
		names = append(names, Alias{AliasLink, l})
	}
	if len(a.Enclosures) > 0 && a.Enclosures[0].URL != "" {
		names = append(names, Alias{AliasEnclosure, NormalURL(a.Enclosures[0].URL)})
	}
	switch {
	case toTheMinute(a.Published):
		names = append(names, Alias{AliasDate, a.Published.UTC().Format(time.RFC3339)})
	case !a.Published.IsZero() && a.Title != "":
		names = append(names, Alias{AliasDate, day(a.Published) + "\n" + a.Title})
	}
	if text := a.text(); len(text) >= minName {
		names = append(names, Alias{AliasContent, a.Title + "\n" + text})
	}
	return names
}

func (a *Article) text() string {
	if a.Content != "" {
		return a.Content
	}
	return a.Summary
}

// NormalURL returns the form in which two addresses of one thing are equal: without scheme (http
// or https), "www.", default port, fragment of its own, or trailing slash, host in lower case.
// What is no http address comes back as it is, without white space around it.
func NormalURL(s string) string {
	s = strings.TrimSpace(s)
	rest, ok := cutSchemeFold(s, "https://")
	port := ":443"
	if !ok {
		if rest, ok = cutSchemeFold(s, "http://"); !ok {
			return s
		}
		port = ":80"
	}
	host, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	host = strings.TrimSuffix(strings.ToLower(host), port)
	host = strings.TrimPrefix(host, "www.")
	return "//" + host + strings.TrimSuffix(path, "/")
}

func cutSchemeFold(s, scheme string) (string, bool) {
	if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
		return s[len(scheme):], true
	}
	return s, false
}

// namespace is the UUID namespace of every identifier made here (RFC 4122 §4.3), itself the
// version 5 UUID of "urn:backissue:key" in the URL namespace.
var namespace = [16]byte{0x15, 0x11, 0x49, 0x77, 0x89, 0x16, 0x5c, 0xde, 0xa2, 0x50, 0xde, 0x56, 0x5f, 0xc4, 0x57, 0x34}

// uuid returns "urn:uuid:" and the version 5 UUID of the parts. The rule named first keeps the
// parts of one rule from meeting those of another.
func uuid(rule string, parts ...string) string {
	h := sha1.New()
	h.Write(namespace[:])
	h.Write([]byte(rule))
	for _, p := range parts {
		h.Write([]byte{0})
		h.Write([]byte(p))
	}
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	x := hex.EncodeToString(u)
	return "urn:uuid:" + x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}
