package feed

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
func Resolve(articles []Article, m Memory) ([]ID, error) {
	known := make([]ID, len(articles))
	claimed := make(map[ID]bool, len(articles))
	var unknown []int
	for i := range articles {
		id, ok, err := m.Find(articles[i].keyAlias())
		switch {
		case err != nil:
			return nil, err
		case ok && !claimed[id]:
			known[i], claimed[id] = id, true
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
// one article. Equal titles alone do not where both are dated: "Weather report" comes every day.
func witnessed(kind AliasKind, old, next *Article) bool {
	if !old.Published.IsZero() && old.Published.Equal(next.Published) {
		return true
	}
	undated := old.Published.IsZero() || next.Published.IsZero()
	switch kind {
	case AliasLink:
		return undated && agree(old.Title, next.Title) ||
			len(next.text()) >= minContent && agree(old.text(), next.text())
	case AliasEnclosure:
		return undated && agree(old.Title, next.Title)
	default:
		return agree(NormalURL(old.Link), NormalURL(next.Link))
	}
}

// agree reports whether two texts say the same, and say anything.
func agree(x, y string) bool {
	x, y = tidy(x), tidy(y)
	return x != "" && x == y
}
