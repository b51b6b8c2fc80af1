package feed

import "time"

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
// or one boilerplate text may serve several articles.
func Resolve(articles []Article, policy Policy, m Memory) ([]ID, error) {
	known := make([]ID, len(articles))
	claimed := make(map[ID]bool, len(articles))
	by := make(map[ID]int, len(articles))
	var unknown []int
	for i := range articles {
		id, ok, err := m.Find(articles[i].keyAlias())
		switch {
		case err != nil:
			return nil, err
		case ok && !claimed[id]:
			known[i], claimed[id], by[id] = id, true, i
		case ok:
			// Both keys have been this article's. It is the one whose key went out.
			old, err := m.Load(id)
			if err != nil {
				return nil, err
			}
			other := i
			if old.keyAlias() == articles[i].keyAlias() {
				other = by[id]
				known[other], known[i], by[id] = 0, id, i
			}
			unknown = append(unknown, other)
		default:
			unknown = append(unknown, i)
		}
	}
	for _, i := range unknown {
		for _, name := range articles[i].leads() {
			id, ok, err := m.Find(name.at)
			if err != nil {
				return nil, err
			}
			if !ok || claimed[id] {
				continue
			}
			old, err := m.Load(id)
			if err != nil {
				return nil, err
			}
			if witnessed(name.as, old, &articles[i]) {
				known[i], claimed[id] = id, true
				break
			}
		}
	}
	return known, nil
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
	for _, name := range a.Aliases()[1:] {
		leads = append(leads, lead{name, name.Kind})
		if name.Kind == AliasGUID || name.Kind == AliasLink {
			leads = append(leads, lead{Alias{AliasKey, name.Value}, name.Kind})
		}
	}
	return leads
}

// witnessed reports whether more than the alias that led from next to old speaks for the two being
// one article. Equal titles alone do not where both are dated: "Weather report" comes every day. An
// equal date alone does not where it says no more than the day, nor against two different links.
func witnessed(kind AliasKind, old, next *Article) bool {
	link, home := NormalURL(next.Link), NormalURL(next.Origin.Home)
	title := agree(old.Title, next.Title)
	text := len(next.text()) >= minContent && agree(old.text(), next.text())
	sameDate := !old.Published.IsZero() && old.Published.Equal(next.Published)
	undated := old.Published.IsZero() || next.Published.IsZero()
	switch kind {
	case AliasLink:
		return link != home && (sameDate && (title || toTheMinute(next.Published)) || undated && title || text)
	case AliasEnclosure:
		return sameDate || undated && title
	case AliasContent:
		return sameDate || agree(NormalURL(old.Link), link)
	default:
		return agree(NormalURL(old.Link), link) || sameDate && (old.Link == "" || link == "")
	}
}

// toTheMinute reports whether a date says more than the day.
func toTheMinute(t time.Time) bool { return !t.Equal(t.UTC().Truncate(24 * time.Hour)) }

// agree reports whether two texts say the same, and say anything.
func agree(x, y string) bool {
	x, y = string(appendText(nil, x)), string(appendText(nil, y))
	return x != "" && x == y
}
