package feed

import (
	"bytes"
	"strings"
	"time"
)

// Memory is what [Resolve] asks an archive about one source.
type Memory interface {
	// Find returns the article to which an alias leads: 0 and true where it leads to several, 0 and
	// false where it leads nowhere.
	Find(Alias) (ID, bool, error)
	// Load returns the newest revision of an article.
	Load(ID) (*Article, error)
}

// Resolve says which articles of one document are known: for each the ID of the article that it
// is, or 0 for a new one. No two articles of a document are the same one.
//
// An article is first known by its Key. Only one whose Key is unknown is looked for by its other
// names, since its publisher may have changed its guid; and then only among the articles that no
// other item of the document is, and only with a second witness, because one link, one enclosure
// or one boilerplate text may serve several articles. What counts as a witness is the policy's to
// say: [PolicyGUID] asks for the same guid, [PolicyLink] for the same link, [PolicyTitle] for title
// and day.
//
// A link that is the Key for want of a guid may turn out to serve one article after another, each
// alone in its document. Such an article is not the one that had the link before, and gets the Key
// that [Identify] would have given it had they met: Resolve changes its Key in articles.
//
// The same goes for a guid, but only if the archive knows several articles by it, since they once
// stood side by side. Then an item that carries it alone is the one that has its date or the opening of
// its text, or a new one. As long as the archive knows but one article by a guid, what carries it is
// that article, however much the publisher has rewritten and dated anew.
func Resolve(articles []Article, policy Policy, m Memory) ([]ID, error) {
	r := resolver{articles, policy, m, make([]ID, len(articles)), make(map[ID]int, len(articles)),
		make(map[int]string), make(map[int]bool)}
	unknown, err := r.byKey()
	if err != nil {
		return nil, err
	}
	// Those that much speaks for come first, lest another one take their place.
	for _, sure := range []bool{true, false} {
		if unknown, err = r.byName(unknown, sure); err != nil {
			return nil, err
		}
	}
	return r.known, nil
}

type resolver struct {
	articles []Article
	policy   Policy
	memory   Memory
	known    []ID
	by       map[ID]int     // which article of the document a known one is
	given    map[int]string // the Keys that articles had before this changed them
	shared   map[int]bool   // the articles whose Keys do not tell which of several they are
}

func (r *resolver) claim(i int, id ID) { r.known[i], r.by[id] = id, i }

func (r *resolver) rekey(i int, key string) {
	if _, ok := r.given[i]; !ok {
		r.given[i] = r.articles[i].Key
	}
	r.articles[i].Key = key
}

// yield takes back that an article is a known one. If that had changed its Key, which is the other's
// then, it gets its own again, or one that is nobody's.
func (r *resolver) yield(i int) error {
	r.known[i] = 0
	key, ok := r.given[i]
	if !ok {
		return nil
	}
	if id, err := r.findKey(key); err != nil {
		return err
	} else if id != 0 {
		key = r.articles[i].keyAgain(key, 1)
	}
	r.articles[i].Key = key
	return nil
}

// find returns the one article to which an alias leads, or 0.
func (r *resolver) find(name Alias) (ID, error) {
	id, _, err := r.memory.Find(name)
	return id, err
}

func (r *resolver) findKey(key string) (ID, error) { return r.find(Alias{AliasKey, NormalURL(key)}) }

// byKey finds the articles whose Keys are known, and returns the places of the others.
func (r *resolver) byKey() (unknown []int, err error) {
	for i := range r.articles {
		a := &r.articles[i]
		id, err := r.findKey(a.Key)
		switch {
		case err != nil:
		case strings.TrimSpace(r.policy.guid(a)) != "":
			id, err = r.byGUID(i, id)
		case id != 0 && r.policy.linkIsKey(a):
			id, err = r.byLink(i, id)
		}
		if err != nil {
			return nil, err
		}
		other, claimed := r.by[id]
		switch {
		case id == 0:
			unknown = append(unknown, i)
		case !claimed:
			r.claim(i, id)
		default:
			// Both keys have been this article's. It is the one whose key went out.
			old, err := r.memory.Load(id)
			if err != nil {
				return nil, err
			}
			loser := other
			if old.keyAlias() != a.keyAlias() {
				loser = i
			}
			if err := r.yield(loser); err != nil {
				return nil, err
			}
			if loser == other {
				r.claim(i, id)
			}
			unknown = append(unknown, loser)
		}
	}
	return unknown, nil
}

// byLink returns which article one is whose Key is its link: not the known one that has it, if all
// else speaks against that.
func (r *resolver) byLink(i int, id ID) (ID, error) {
	a := &r.articles[i]
	old, err := r.memory.Load(id)
	if err != nil || !another(old, a) {
		return id, err
	}
	r.rekey(i, a.keyOfShared(NormalURL(a.Link)))
	return r.findKey(a.Key)
}

// byGUID returns which article one with a guid is, if its Key leads to id. Where that Key may be
// another article's, it looks at date and text, and at the Keys that this one would have had beside
// that other. An article that it does not know gets a Key that no known one has.
func (r *resolver) byGUID(i int, id ID) (ID, error) {
	a := &r.articles[i]
	shared, err := r.keyIsShared(a, id)
	if err != nil || !shared {
		return id, err
	}
	r.shared[i] = true
	dated, err := r.find(a.dateAlias())
	if err != nil || id != 0 && (id == dated || a.Published.IsZero()) {
		return id, err
	}
	keys := []string{a.keyOfLink(), a.keyOfDay(), a.keyOfTime()}
	have := make([]ID, len(keys))
	for k, key := range keys {
		if have[k], err = r.findKey(key); err != nil {
			return 0, err
		}
		if have[k] != 0 && have[k] == dated {
			r.rekey(i, key)
			return dated, nil
		}
	}
	var met *Article // which has the Key and is another
	if id != 0 {
		if met, err = r.memory.Load(id); err != nil || !distinct(met, a) {
			return id, err
		}
	}
	for k, key := range keys {
		if have[k] == 0 || have[k] == id {
			continue
		}
		old, err := r.memory.Load(have[k])
		if err != nil {
			return 0, err
		}
		if matches(old, a) {
			r.rekey(i, key)
			return have[k], nil
		}
	}
	if met != nil {
		r.rekey(i, a.keyBeside(met, keys, have))
	}
	return 0, nil
}

// keyIsShared reports whether several articles may have the Key that a trusted guid has made, and
// that leads to id. A guid, or a guid and link, that a document has shown at several articles leads
// to more than the one that has the Key.
func (r *resolver) keyIsShared(a *Article, id ID) (bool, error) {
	name := Alias{AliasGUID, NormalURL(a.GUID)}
	switch a.Key {
	case a.GUID:
	case a.keyOfLink():
		name = Alias{AliasLink, linkName(a.Link)}
	default:
		return true, nil
	}
	other, ok, err := r.memory.Find(name)
	return ok && (other == 0 || id != 0 && other != id), err
}

// keyBeside returns the first of its possible Keys that is nobody's, for a new article that has a
// guid in common with a known one.
func (a *Article) keyBeside(met *Article, keys []string, have []ID) string {
	for k, key := range keys {
		if have[k] == 0 && (k > 0 || a.Link != "" && NormalURL(a.Link) != NormalURL(met.Link)) {
			return key
		}
	}
	return a.keyAgain(keys[len(keys)-1], 1)
}

// distinct reports whether two articles with one guid are two: dated differently, and with texts that
// begin with different words.
func distinct(x, y *Article) bool {
	if x.Published.IsZero() || y.Published.IsZero() || x.Published.Equal(y.Published) {
		return false
	}
	ox, oy := opening(x.text()), opening(y.text())
	return ox != "" && oy != "" && ox != oy
}

// matches reports whether date or text speak for two articles with one guid being one.
func matches(x, y *Article) bool {
	return !x.Published.IsZero() && x.Published.Equal(y.Published) || alike(x.text(), y.text())
}

// linkIsKey reports whether the article's Key is its link, and only for want of a guid.
func (p Policy) linkIsKey(a *Article) bool {
	return p != PolicyLink && p != PolicyTitle && strings.TrimSpace(a.GUID) == "" && a.Link != "" && a.Key == a.Link
}

// another reports whether everything but the link speaks against the two being one article.
func another(old, next *Article) bool {
	return !old.Published.IsZero() && !next.Published.IsZero() && !old.Published.Equal(next.Published) &&
		old.Title != "" && next.Title != "" && !agree(old.Title, next.Title) &&
		next.text() != "" && !alike(old.text(), next.text())
}

// byName looks for articles by their other names, and returns the places of those that it has not
// found.
func (r *resolver) byName(places []int, sure bool) (unknown []int, err error) {
	for _, i := range places {
		id, err := r.named(i, sure)
		switch {
		case err != nil:
			return nil, err
		case id != 0:
			r.claim(i, id)
		default:
			unknown = append(unknown, i)
		}
	}
	return unknown, nil
}

// named returns the known article that the article has a name in common with and a witness for.
func (r *resolver) named(i int, sure bool) (ID, error) {
	a := &r.articles[i]
	for _, name := range a.leads() {
		id, err := r.find(name.at)
		if err != nil {
			return 0, err
		}
		if _, claimed := r.by[id]; id == 0 || claimed {
			continue
		}
		old, err := r.memory.Load(id)
		if err != nil {
			return 0, err
		}
		if r.shared[i] && distinct(old, a) || !r.policy.witnessed(name.as, old, a) {
			continue
		}
		same := agree(old.Title, a.Title)
		if r.shared[i] { // whose titles say no more than their guid
			same = alike(old.text(), a.text())
		}
		if !sure || same || old.Published.Equal(a.Published) {
			return id, nil
		}
	}
	return 0, nil
}

// lead is a name to look an article up by, and what the name is to the article that is looked for.
type lead struct {
	at Alias
	as AliasKind
}

// leads returns the names by which an article may be known that is not known by its Key. Whether a
// guid or a link makes the Key depends on what else stood in a document, so either is looked for
// as what it is and as the Key that it may have been.
func (a *Article) leads() []lead {
	key := a.keyAlias().Value
	leads := []lead{{Alias{AliasGUID, key}, AliasGUID}, {Alias{AliasLink, key}, AliasLink}}
	both := func(kind AliasKind, value string) {
		leads = append(leads, lead{Alias{kind, value}, kind}, lead{Alias{AliasKey, value}, kind})
	}
	for _, name := range a.Aliases()[1:] {
		switch name.Kind {
		case AliasGUID:
			both(AliasGUID, name.Value)
		case AliasLink:
			both(AliasLink, name.Value)
			if tracked := NormalURL(a.Link); tracked != name.Value {
				both(AliasLink, tracked)
			}
		default:
			leads = append(leads, lead{name, name.Kind})
		}
	}
	return leads
}

// witnessed reports whether the policy takes two articles for one, to which an alias led.
func (p Policy) witnessed(kind AliasKind, old, next *Article) bool {
	switch {
	case p == PolicyGUID && strings.TrimSpace(next.GUID) != "":
		return NormalURL(old.GUID) == NormalURL(next.GUID) && witnessed(kind, old, next)
	case p == PolicyLink && next.Link != "":
		return agree(linkName(old.Link), linkName(next.Link)) && (next.Key == next.Link || agree(old.Title, next.Title))
	case p == PolicyTitle && next.Title != "":
		return agree(old.Title, next.Title) && day(old.Published) == day(next.Published)
	}
	return witnessed(kind, old, next)
}

// witnessed reports whether more than the alias that led from next to old speaks for the two being
// one article. Equal titles alone do not where both are dated: "Weather report" comes every day. An
// equal date alone does not where it says no more than the day, nor against two different links.
func witnessed(kind AliasKind, old, next *Article) bool {
	link, home := linkName(next.Link), linkName(next.Origin.Home)
	sameLink := agree(linkName(old.Link), link)
	title := agree(old.Title, next.Title)
	text := func() bool { return len(next.text()) >= minContent && sameText(old.text(), next.text()) }
	sameDate := !old.Published.IsZero() && old.Published.Equal(next.Published)
	undated := old.Published.IsZero() || next.Published.IsZero()
	switch kind {
	case AliasLink:
		return link != home && (sameDate && (title || toTheMinute(next.Published)) || undated && title || text())
	case AliasEnclosure:
		return sameDate || undated && title
	case AliasDate:
		return slug(link) != "" && slug(link) == slug(linkName(old.Link)) || text() ||
			toTheMinute(next.Published) && (title && link != home || alike(old.text(), next.text()) || mute(old) && mute(next))
	case AliasContent:
		return sameDate || sameLink
	default:
		return sameLink || sameDate && (old.Link == "" || link == "")
	}
}

// mute reports whether an article says nothing at all, so that nothing but its date is left to know
// it by.
func mute(a *Article) bool {
	text := appendHTML(nil, a.text())
	return a.Title == "" && skipMarks(text, 0) == len(text)
}

// slug returns the last part of a link's path if it is long enough to name an article.
func slug(link string) string {
	link, _, _ = strings.Cut(link, "?")
	if s := link[strings.LastIndexByte(link, '/')+1:]; len(s) >= 12 && strings.Count(link, "/") > 2 {
		return s
	}
	return ""
}

// toTheMinute reports whether a date says more than the day.
func toTheMinute(t time.Time) bool { return !t.Equal(t.UTC().Truncate(24 * time.Hour)) }

// agree reports whether two plain texts say the same, and say anything.
func agree(x, y string) bool {
	if x == "" || y == "" {
		return false
	}
	ex, ey := appendText(nil, x), appendText(nil, y)
	return len(ex) > 0 && bytes.Equal(ex, ey)
}

// sameText reports whether two HTML texts say the same, and say anything.
func sameText(x, y string) bool {
	n, whole := common(x, y)
	return n > 0 && whole
}

// alike reports whether two HTML texts begin with the same words.
func alike(x, y string) bool {
	n, whole := common(x, y)
	return n >= minContent || n > 0 && whole
}

// opening returns what two texts have in common if and only if they are [alike]: the first letters of
// the words of an HTML text. Of one without words it returns what there is to see.
func opening(text string) string {
	essence := appendHTML(nil, text)
	letters := make([]byte, 0, minContent)
	for i := skipMarks(essence, 0); i < len(essence) && len(letters) < minContent; i = skipMarks(essence, i+1) {
		letters = append(letters, essence[i])
	}
	if len(letters) == 0 {
		return string(essence)
	}
	return string(letters)
}

// common returns how many letters of their words two HTML texts have in common at their beginning,
// and whether that is all of both.
func common(x, y string) (n int, whole bool) {
	if x == "" || y == "" {
		return 0, false
	}
	ex, ey := appendHTML(nil, x), appendHTML(nil, y)
	i, k := skipMarks(ex, 0), skipMarks(ey, 0)
	for i < len(ex) && k < len(ey) && ex[i] == ey[k] {
		n++
		i, k = skipMarks(ex, i+1), skipMarks(ey, k+1)
	}
	return n, i == len(ex) && k == len(ey)
}
