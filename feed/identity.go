package feed

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The rules of this file decide which guid goes out, so they are frozen: changing what [Identify]
// answers for a document it has once been given would show every subscriber old articles as new.

// Identify gives every article of one document its Key, the identity within its source and the
// guid that goes out. It returns the articles with repetitions left out: the same guid, link and
// title twice in one document, unless both date and text say that they are two articles. Different
// dates alone do not, nor do different texts: those are one article and its edit, of which the one
// updated last stays, in the first one's place. With [PolicyAuto]:
//
//   - A guid that one article carries is the Key, verbatim.
//   - A guid that several different articles carry tells nobody apart: the Key is a UUID of guid and
//     link (or, with one link for all, of guid, title and day), whatever the order of the items. Of
//     those that differ in nothing of this but the time, the oldest has that Key, and the others have
//     UUIDs with the time in full. No such Key depends on the text, which may be edited.
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
	taken := make(map[string]*Article, len(articles))
	for _, i := range oldestFirst(articles) {
		a := &articles[i]
		base := policy.key(a, guids, links, home)
		a.Key = base
		if first := taken[NormalURL(base)]; first != nil && policy.heading(a).guid != "" && policy.heading(a) == policy.heading(first) {
			a.Key = a.keyOfTime()
		}
		for taken[NormalURL(a.Key)] != nil {
			times[base]++
			a.Key = a.keyAgain(base, times[base])
		}
		taken[NormalURL(a.Key)] = a
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
	slices.SortStableFunc(places, func(i, j int) int { return byAge(&articles[i], &articles[j]) })
	return places
}

func byAge(a, b *Article) int {
	return cmp.Or(a.Published.Compare(b.Published), a.Updated.Compare(b.Updated),
		cmp.Compare(a.Title, b.Title), cmp.Compare(a.Summary, b.Summary), cmp.Compare(a.Content, b.Content))
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
		return a.keyOfLink()
	case strings.TrimSpace(guid) != "":
		return a.keyOfDay()
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

// keyOfLink returns the Key of an article whose guid others carry, but not with its link.
func (a *Article) keyOfLink() string { return uuid("guid+link", a.GUID, NormalURL(a.Link)) }

// keyOfDay returns the Key of an article whose guid and link others carry.
func (a *Article) keyOfDay() string {
	return uuid("guid+title", a.GUID, NormalURL(a.Link), a.Title, day(a.Published))
}

// keyOfTime returns the Key of an article whose keyOfDay an older one has.
func (a *Article) keyOfTime() string {
	return uuid("guid+title+time", a.GUID, NormalURL(a.Link), a.Title, a.Published.UTC().Format("2006-01-02T15:04:05.000000Z"))
}

// keyAgain returns a Key for an article from which n others have taken base and what was made of it.
func (a *Article) keyAgain(base string, n int) string {
	return uuid("again", base, a.Title, a.Summary, a.Content, strconv.Itoa(n))
}

// heading is what two items of a document have in common of which one may repeat the other.
type heading struct{ guid, link, title, rest string }

func (p Policy) heading(a *Article) heading {
	h := heading{p.guid(a), a.Link, a.Title, ""}
	if h.guid == "" {
		h.rest = a.Published.String() + a.Summary + a.Content
	}
	return h
}

// sharedHeadings returns the places of the items with one heading, for each that several have.
func sharedHeadings(articles []Article, policy Policy) [][]int {
	first := make(map[heading]int, len(articles))
	others := make(map[int][]int)
	for i := range articles {
		h := policy.heading(&articles[i])
		if at, ok := first[h]; ok {
			others[at] = append(others[at], i)
		} else {
			first[h] = i
		}
	}
	var shared [][]int
	for at, places := range others {
		shared = append(shared, append([]int{at}, places...))
	}
	return shared
}

// dropRepeats leaves out the items that say of an article what another item has said.
func dropRepeats(articles []Article, policy Policy) []Article {
	shared := sharedHeadings(articles, policy)
	if len(shared) == 0 {
		return articles
	}
	repeats := make([]bool, len(articles))
	for _, places := range shared {
		groups := [][]int{places}
		if policy.guid(&articles[places[0]]) != "" {
			groups = apart(articles, places)
		}
		for _, group := range groups {
			stays := group[0]
			for _, i := range group {
				repeats[i] = true
				a := &articles[i]
				if a.Updated.After(articles[stays].Updated) && (len(groups) == 1 || !a.Published.IsZero()) {
					stays = i
				}
			}
			at := slices.Min(group)
			articles[at], articles[stays], repeats[at] = articles[stays], articles[at], false
		}
	}
	kept := articles[:0]
	for i := range articles {
		if !repeats[i] {
			kept = append(kept, articles[i])
		}
	}
	return kept
}

// apart groups the items at these places by the articles that they are. Those of one date or with one
// opening are one article, and so is with the oldest what has no date or no text to tell it from the
// others. If all are one article, they keep their order; else each group has its oldest first and those
// without a date last, so that nothing depends on the order of the document.
func apart(articles []Article, places []int) [][]int {
	sorted := slices.Clone(places)
	slices.SortStableFunc(sorted, func(i, j int) int {
		a, b := &articles[i], &articles[j]
		if undated := a.Published.IsZero(); undated != b.Published.IsZero() {
			if undated {
				return 1
			}
			return -1
		}
		return byAge(a, b)
	})
	root, told := unite(articles, sorted)
	oldest := max(0, slices.Index(told, true))
	groups := make(map[int][]int)
	var roots []int
	for n, i := range sorted {
		r := root[n]
		if !told[r] {
			r = root[oldest]
		}
		if groups[r] == nil {
			roots = append(roots, r)
		}
		groups[r] = append(groups[r], i)
	}
	if len(roots) == 1 {
		return [][]int{places}
	}
	parts := make([][]int, len(roots))
	for k, r := range roots {
		parts[k] = groups[r]
	}
	return parts
}

// unite returns for each of the items one that stands for all with which it has date or opening in
// common, directly or by way of others, and whether the items for which one stands have both.
func unite(articles []Article, places []int) (root []int, told []bool) {
	parent := make([]int, len(places))
	find := func(n int) int {
		for parent[n] != n {
			parent[n] = parent[parent[n]]
			n = parent[n]
		}
		return n
	}
	told, root = make([]bool, len(places)), make([]int, len(places))
	dates, openings := map[int64]int{}, map[string]int{}
	for n, i := range places {
		parent[n] = n
		text, dated := opening(articles[i].text()), !articles[i].Published.IsZero()
		told[n] = text != "" && dated
		if text != "" {
			if same, ok := openings[text]; ok {
				parent[find(n)] = find(same)
			}
			openings[text] = n
		}
		if dated {
			date := articles[i].Published.UnixMicro()
			if same, ok := dates[date]; ok {
				parent[find(n)] = find(same)
			}
			dates[date] = n
		}
	}
	for n := range places {
		root[n] = find(n)
		told[root[n]] = told[root[n]] || told[n]
	}
	return root, told
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

// dateAlias returns the name that the date makes; without a value if it says too little for one.
func (a *Article) dateAlias() Alias {
	switch {
	case toTheMinute(a.Published):
		return Alias{AliasDate, a.Published.UTC().Format(time.RFC3339)}
	case !a.Published.IsZero() && a.Title != "":
		return Alias{AliasDate, day(a.Published) + "\n" + a.Title}
	}
	return Alias{Kind: AliasDate}
}

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
	if d := a.dateAlias(); d.Value != "" {
		names = append(names, d)
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

// namespace is the UUID namespace of every identifier made here (RFC 9562 §5.5), itself the
// version 5 UUID of "urn:backissue:key" in the URL namespace.
var namespace = UUID{0x15, 0x11, 0x49, 0x77, 0x89, 0x16, 0x5c, 0xde, 0xa2, 0x50, 0xde, 0x56, 0x5f, 0xc4, 0x57, 0x34}

// uuid returns the identifier of the parts as a URN. The rule named first keeps the parts of one rule
// from meeting those of another.
func uuid(rule string, parts ...string) string {
	return namespace.In(append([]string{rule}, parts...)...).String()
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}
