package document

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// listLine is a line of a list of articles.
type listLine struct {
	line
	gap bool // a blank line stands before it
}

// division finds out which lines of a list are titles. Each line and each pair of neighbours is
// judged by what the layout says of it, in points, and the labelling that collects most is taken
// (the Viterbi algorithm); so no single sign decides, and none is needed:
//
//   - A title is one line however long, of the form "KICKER: TITLE", and no sentence.
//   - A teaser is wrapped: a line on which the next word would have fitted ends it.
//   - A teaser ends with a sentence, and has seldom more than four lines or none.
//   - Kept blank lines stand between title and teaser and never inside a teaser.
//   - There are as many titles as the tags speak for.
type division struct {
	lines       []listLine
	spaced      bool // blank lines have been kept
	bare        bool // a teaser is one line
	least, most int  // titles that the tags speak for
}

// Points. Signs that can fail cost little, breaches of the layout much.
const (
	fitting  = 2
	unlikely = -3
	breach   = -8
)

// Bounds of the search: beyond, titles are not counted, and everything is still linear in the
// number of lines.
const (
	maxEntries = 40
	maxLines   = 2000
	tallest    = 5 // lines of a teaser that are told apart; more are as good as that
)

// place is a state of the search at a line: how many titles there have been, and how many lines
// of a teaser since the last; 0 is the title itself.
type place struct{ count, height int }

// titles returns for each line whether it is a title.
func (d *division) titles() []bool {
	n := len(d.lines)
	titles := make([]bool, n)
	if n == 0 {
		return titles
	}
	counted := maxEntries
	if n > maxLines {
		counted = 1
	}
	points := newTable(counted)
	points.set(place{1, 0}, d.title(0))
	steps := make([]table, n) // where the best way into each place came from, as an index
	for i := 1; i < n; i++ {
		next, from := newTable(counted), newTable(counted)
		points.each(func(at place, got int) {
			next.offer(place{min(at.count+1, counted), 0}, got+d.title(i)+d.newTitle(i, at.height), from, points.index(at))
			next.offer(place{at.count, min(at.height+1, tallest)}, got+d.teaser(i, at.height), from, points.index(at))
		})
		points, steps[i] = next, from
	}
	at := d.best(points, counted)
	for i := n - 1; i >= 0; i-- {
		titles[i] = at.height == 0
		if i > 0 {
			at = steps[i].place(steps[i].cells[steps[i].index(at)])
		}
	}
	return titles
}

// best returns the place at the last line with most points.
func (d *division) best(points table, counted int) place {
	best, most := place{1, 0}, none
	points.each(func(at place, got int) {
		last := d.lines[len(d.lines)-1]
		switch {
		case at.height == 0:
			got--
		case !sentence(last.text) && !last.cut:
			got += unlikely
		}
		if counted > 1 && (at.count < d.least || at.count > d.most) {
			got += unlikely
		}
		if got > most {
			best, most = at, got
		}
	})
	return best
}

// title judges a line as a title by itself.
func (d *division) title(i int) int {
	l, points := d.lines[i], 0
	if _, title := splitHeadline(l.text); title != l.text {
		points += fitting
	} else {
		points += unlikely
	}
	if first, _ := utf8.DecodeRuneInString(l.text); unicode.IsLower(first) {
		points += unlikely
	}
	if strings.HasSuffix(l.text, ".") {
		points += unlikely
	}
	if overlong(l.text) && !d.bare {
		points += fitting
	}
	return points
}

// newTitle judges a line as a title after a teaser of so many lines.
func (d *division) newTitle(i, height int) int {
	before, l, points := d.lines[i-1], d.lines[i], 0
	if d.spaced && !l.gap && height > 0 {
		points += breach
	}
	if height == 0 {
		return points - fitting
	}
	if !before.cut {
		if !sentence(before.text) {
			points += unlikely
		}
		if !d.spaced && !d.bare && !fits(before.text, l.text, width) {
			points--
		}
	}
	return points
}

// teaser judges a line as the next of a teaser that has so many.
func (d *division) teaser(i, height int) int {
	before, l, points := d.lines[i-1], d.lines[i], 0
	if height >= 4 {
		points--
	}
	if !d.bare && !d.spaced && overlong(l.text) {
		points += breach
	}
	if height == 0 {
		return points
	}
	switch {
	case d.bare, d.spaced && l.gap:
		points += breach
	case !d.spaced && !before.cut && fits(before.text, l.text, width):
		points += breach
	}
	return points
}

// sentence reports whether a line ends as a sentence does, quotation marks and brackets aside.
func sentence(text string) bool {
	text = strings.TrimRight(text, "“”\"’'»«)]")
	last, _ := utf8.DecodeLastRuneInString(text)
	return strings.ContainsRune(".?!…", last)
}

// table holds a number for each place.
type table struct {
	counted int
	cells   []int
}

// none marks a place that no way leads to.
const none = -1 << 30

func newTable(counted int) table {
	t := table{counted, make([]int, (counted+1)*(tallest+1))}
	for i := range t.cells {
		t.cells[i] = none
	}
	return t
}

func (t table) index(at place) int       { return at.count*(tallest+1) + at.height }
func (t table) place(index int) place    { return place{index / (tallest + 1), index % (tallest + 1)} }
func (t table) set(at place, points int) { t.cells[t.index(at)] = points }
func (t table) each(f func(place, int)) {
	for i, points := range t.cells {
		if points != none {
			f(t.place(i), points)
		}
	}
}

// offer takes a way into a place if it is the best so far, and notes in from where it came from.
func (t table) offer(at place, points int, from table, origin int) {
	if i := t.index(at); points > t.cells[i] {
		t.cells[i], from.cells[i] = points, origin
	}
}
