package feed

import (
	"slices"
	"sort"
	"time"
)

// Window is what a feed held when its document last came, and what it had held before that and was
// missing from it.
type Window []Windowed

// Windowed is an article of a window.
type Windowed struct {
	ID     ID
	When   time.Time // the date by which it is ordered; zero for an article without one
	Missed int       // in how many documents, up to the last, it was missing
}

// Turn is what a document does to a feed's window.
type Turn struct {
	Window Window // from now on
	Gone   []ID   // what the publisher has taken out
	Came   []ID   // what is in the document and was not in the window: what is new, or has come back
	Gap    bool   // nothing is in common with the document before
	Since  time.Time
	Until  time.Time
}

// Next says what has become of a feed's window, given all the articles of its next document in that
// document's order.
//
// An article has gone when it is missing from two successive documents while older ones that were
// there before still are: else it may have reached the end of the window, which is nobody's doing.
// So nothing can be told of a document that is not ordered by date, where one tenth may be out of
// order; and nothing of one that lacks more than half of what the last one held, since that is an
// accident more often than a decision.
//
// There is a gap where no article of the last document is in this one and neither is empty: what was
// published between Since and Until may never have been seen.
func (w Window) Next(doc []Windowed) Turn {
	var turn Turn
	before := make(map[ID]int, len(w))
	last, still := 0, 0
	for _, a := range w {
		before[a.ID] = a.Missed
		if a.Missed == 0 {
			last++
			turn.Since = later(turn.Since, a.When)
		}
	}
	present := make(map[ID]bool, len(doc))
	for _, a := range doc {
		present[a.ID] = true
		missed, known := before[a.ID]
		if known && missed == 0 {
			still++
		}
		if !known {
			turn.Came = append(turn.Came, a.ID)
		}
		if !a.When.IsZero() && (turn.Until.IsZero() || a.When.Before(turn.Until)) {
			turn.Until = a.When
		}
		turn.Window = append(turn.Window, Windowed{ID: a.ID, When: a.When})
	}
	turn.Gap = last > 0 && len(doc) > 0 && still == 0
	if !turn.Gap {
		turn.Since, turn.Until = time.Time{}, time.Time{}
	}
	lacking := 2*still < last
	end, ordered := windowEnd(doc, func(id ID) bool { missed, known := before[id]; return known && missed == 0 })
	for _, a := range w {
		switch {
		case present[a.ID]:
		case a.Missed == 0:
			turn.Window = append(turn.Window, Windowed{a.ID, a.When, 1})
		case !lacking && ordered && a.When.After(end):
			turn.Gone = append(turn.Gone, a.ID)
		}
	}
	return turn
}

// windowEnd returns the date at which a document ends, as far as articles tell that were in the one
// before: what is dated later and missing has not fallen off its end. It reports false where there is
// no telling. An article that is out of order, such as one that is kept on top for years, says
// nothing; nor does a single one at the end of a long document.
func windowEnd(doc []Windowed, before func(ID) bool) (time.Time, bool) {
	if len(doc) < 2 {
		return time.Time{}, false
	}
	chain := longestFall(doc)
	if len(chain) < len(doc) {
		turned := slices.Clone(doc)
		slices.Reverse(turned)
		if rise := longestFall(turned); len(rise) > len(chain) {
			chain = rise
		}
	}
	if 10*len(chain) < 9*len(doc) {
		return time.Time{}, false
	}
	older := 1 + len(doc)/20
	for _, a := range slices.Backward(chain) {
		if before(a.ID) {
			if older--; older == 0 {
				return a.When, true
			}
		}
	}
	return time.Time{}, false
}

// longestFall returns the longest row of articles, not necessarily neighbours, of which none is
// dated later than the one before it. What has no date is in none.
func longestFall(doc []Windowed) []Windowed {
	tails := make([]int, 0, len(doc)) // where the best row of each length ends: with the latest date
	from := make([]int, len(doc))     // what stands before each article in its row
	for i, a := range doc {
		if a.When.IsZero() {
			continue
		}
		n := sort.Search(len(tails), func(n int) bool { return doc[tails[n]].When.Before(a.When) })
		from[i] = -1
		if n > 0 {
			from[i] = tails[n-1]
		}
		if n == len(tails) {
			tails = append(tails, i)
		} else {
			tails[n] = i
		}
	}
	row := make([]Windowed, len(tails))
	if len(tails) > 0 {
		i := tails[len(tails)-1]
		for n := range slices.Backward(row) {
			row[n] = doc[i]
			i = from[i]
		}
	}
	return row
}

// Rate returns how many articles an hour the window's last document speaks of; 0 where that cannot be
// told. The oldest tenth is left out, since a single old article would stretch the time.
func (w Window) Rate() float64 {
	var dates []time.Time
	for _, a := range w {
		if a.Missed == 0 && !a.When.IsZero() {
			dates = append(dates, a.When)
		}
	}
	slices.SortFunc(dates, time.Time.Compare)
	dates = dates[len(dates)/10:]
	if len(dates) < 2 {
		return 0
	}
	span := dates[len(dates)-1].Sub(dates[0])
	if span <= 0 {
		return 0
	}
	return float64(len(dates)-1) / span.Hours()
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
