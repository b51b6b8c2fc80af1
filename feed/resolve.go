package feed

import (
	"bytes"
	"strings"
	"time"
)

// Memory is what [Resolve] asks an archive about one source.
type Memory interface {
	// Find returns the article to which an alias leads; false where it leads nowhere or to several.
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
func Resolve(articles []Article, policy Policy, m Memory) ([]ID, error) {
	r := resolver{articles, policy, m, make([]ID, len(articles)), make(map[ID]int, len(articles))}
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
	by       map[ID]int // which article of the document a known one is
}

func (r *resolver) claim(i int, id ID) { r.known[i], r.by[id] = id, i }

// byKey finds the articles whose Keys are known, and returns the places of the others.
func (r *resolver) byKey() (unknown []int, err error) {
	for i := range r.articles {
		a := &r.articles[i]
		id, ok, err := r.memory.Find(a.keyAlias())
		if err != nil {
			return nil, err
		}
		if ok && r.policy.linkIsKey(a) {
			old, err := r.memory.Load(id)
			if err != nil {
				return nil, err
			}
			if another(old, a) {
				a.Key = a.keyOfShared(NormalURL(a.Link))
				if id, ok, err = r.memory.Find(a.keyAlias()); err != nil {
					return nil, err
				}
			}
		}
		other, claimed := r.by[id]
		switch {
		case !ok:
			unknown = append(unknown, i)
		case !claimed:
			r.claim(i, id)
		default:
			// Both keys have been this article's. It is the one whose key went out.
			old, err := r.memory.Load(id)
			if err != nil {
				return nil, err
			}
			if old.keyAlias() != a.keyAlias() {
				other = i
			} else {
				r.known[other] = 0
				r.claim(i, id)
			}
			unknown = append(unknown, other)
		}
	}
	return unknown, nil
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
		id, err := r.find(&r.articles[i], sure)
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

func (r *resolver) find(a *Article, sure bool) (ID, error) {
	for _, name := range a.leads() {
		id, ok, err := r.memory.Find(name.at)
		if err != nil {
			return 0, err
		}
		if _, claimed := r.by[id]; !ok || claimed {
			continue
		}
		old, err := r.memory.Load(id)
		if err != nil {
			return 0, err
		}
		if r.policy.witnessed(name.as, old, a) && (!sure || old.Published.Equal(a.Published) || agree(old.Title, a.Title)) {
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
