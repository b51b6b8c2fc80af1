package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// standing is what the archive knows about an article beyond what its publisher said.
type standing struct {
	store.Standing
	id        feed.ID
	source    string // name of the source, as release wants it
	revisions int
	twins     []twin
	withdrawn time.Time // zero where it is not
	purged    bool
}

// twin is the same article from another source.
type twin struct {
	id     feed.ID
	source string // title of the source, for people
}

// standing looks up the standing of an article of which all revisions are given.
func (a *archive) standing(ctx context.Context, all []feed.Article) (*standing, error) {
	known, err := a.Standing(ctx, all[0].ID)
	if err != nil {
		return nil, err
	}
	source, err := a.Source(ctx, all[0].Source)
	if err != nil {
		return nil, err
	}
	st := &standing{Standing: known, id: all[0].ID, source: source.Name, revisions: len(all)}
	if newest := &all[len(all)-1]; newest.Withdrawn {
		st.withdrawn, st.purged = newest.Seen, newest.Purged
	}
	for _, id := range known.Twins {
		other, err := a.Article(ctx, id)
		if err != nil {
			return nil, err
		}
		from, err := a.Source(ctx, other.Source)
		if err != nil {
			return nil, err
		}
		st.twins = append(st.twins, twin{id, from.DisplayTitle()})
	}
	return st, nil
}

// notes say what is worth knowing about the standing, each in a line.
func (st *standing) notes() []string {
	var notes []string
	switch {
	case st.purged:
		notes = append(notes, "Forgotten by the archive's owner on "+moment(st.withdrawn)+", and removed for good since")
	case !st.withdrawn.IsZero():
		notes = append(notes, "Forgotten by the archive's owner on "+moment(st.withdrawn)+"; to bring it back: backissue forget --undo "+st.id.String())
	}
	if !st.Gone.IsZero() {
		notes = append(notes, "Withdrawn by its publisher; gone from the feed since "+moment(st.Gone))
	}
	switch {
	case st.Held && st.Live > 0:
		notes = append(notes, "The newest revision is held back from the live feeds; to let it in: backissue release "+st.source)
	case st.Held:
		notes = append(notes, "Held back from the live feeds; to let it in: backissue release "+st.source)
	case st.Back:
		notes = append(notes, "A back issue: it came from the publisher's archive and is in no live feed")
	}
	if len(st.twins) > 0 {
		var from []string
		for _, t := range st.twins {
			from = append(from, fmt.Sprintf("%s (no. %s)", t.source, t.id))
		}
		notes = append(notes, "Also from "+strings.Join(from, ", "))
	}
	if st.revisions > 1 {
		notes = append(notes, fmt.Sprintf("%d versions; what changed last: backissue show %s --diff", st.revisions, st.id))
	}
	return notes
}
