package feed_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
)

// doc returns a document of articles with these numbers, an hour apart in the order of the numbers;
// those below 0 are without a date.
func doc(ids ...int) []feed.Windowed {
	articles := make([]feed.Windowed, len(ids))
	for i, id := range ids {
		articles[i] = feed.Windowed{ID: feed.ID(max(id, -id))}
		if id > 0 {
			articles[i].When = time.Date(2026, 3, 1, id, 0, 0, 0, time.UTC)
		}
	}
	return articles
}

func span(from, to int, without ...int) (ids []int) {
	for n := from; n >= to; n-- {
		if !slices.Contains(without, n) {
			ids = append(ids, n)
		}
	}
	return ids
}

func TestWindow(t *testing.T) {
	pinned := func(ids []int) []feed.Windowed {
		d := doc(append([]int{1000}, ids...)...)
		d[0].When = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
		return d
	}
	upwards := func(ids []int) []feed.Windowed { slices.Reverse(ids); return doc(ids...) }
	for name, test := range map[string]struct {
		documents [][]feed.Windowed
		want      string // of the last: what has gone, what came, whether there is a gap
	}{
		"the first":                        {[][]feed.Windowed{doc(3, 2, 1)}, "[] [3 2 1] false"},
		"missing once":                     {[][]feed.Windowed{doc(4, 3, 2, 1), doc(4, 2, 1)}, "[] [] false"},
		"missing twice":                    {[][]feed.Windowed{doc(4, 3, 2, 1), doc(4, 2, 1), doc(4, 2, 1)}, "[3] [] false"},
		"missing three times, told once":   {[][]feed.Windowed{doc(4, 3, 2, 1), doc(4, 2, 1), doc(4, 2, 1), doc(4, 2, 1)}, "[] [] false"},
		"back in between":                  {[][]feed.Windowed{doc(4, 3, 2, 1), doc(4, 2, 1), doc(4, 3, 2, 1), doc(4, 2, 1)}, "[] [] false"},
		"back after it had gone":           {[][]feed.Windowed{doc(4, 3, 2, 1), doc(4, 2, 1), doc(4, 2, 1), doc(4, 3, 2, 1)}, "[] [3] false"},
		"off the end":                      {[][]feed.Windowed{doc(3, 2, 1), doc(4, 3, 2), doc(5, 4, 3)}, "[] [5] false"},
		"oldest first":                     {[][]feed.Windowed{upwards(span(20, 1)), upwards(span(20, 1, 7)), upwards(span(20, 1, 7))}, "[7] [] false"},
		"off the end beneath a pinned one": {[][]feed.Windowed{pinned(span(20, 1)), pinned(span(20, 3)), pinned(span(20, 3))}, "[] [] false"},
		"out of the middle beneath it":     {[][]feed.Windowed{pinned(span(20, 1)), pinned(span(20, 1, 9)), pinned(span(20, 1, 9))}, "[9] [] false"},
		"not in the order of dates":        {[][]feed.Windowed{doc(1, 5, 2, 4, 3), doc(1, 5, 4, 3), doc(1, 5, 4, 3)}, "[] [] false"},
		"without dates":                    {[][]feed.Windowed{doc(-4, -3, -2, -1), doc(-4, -2, -1), doc(-4, -2, -1)}, "[] [] false"},
		"more than half are missing":       {[][]feed.Windowed{doc(span(10, 1)...), doc(5, 3, 1)}, "[] [] false"},
		"and then another":                 {[][]feed.Windowed{doc(span(10, 1)...), doc(span(10, 1, 9)...), doc(2, 1)}, "[] [] false"},
		"cut short at the old end twice":   {[][]feed.Windowed{doc(span(10, 1)...), doc(10, 9, 8), doc(10, 9, 8)}, "[] [] false"},
		"nothing in common":                {[][]feed.Windowed{doc(3, 2, 1), doc(9, 8, 7)}, "[] [9 8 7] true 3 7"},
		"after an empty one":               {[][]feed.Windowed{doc(3, 2, 1), doc(), doc(9, 8, 7)}, "[] [9 8 7] false"},
		"empty":                            {[][]feed.Windowed{doc(3, 2, 1), doc()}, "[] [] false"},
		"empty twice":                      {[][]feed.Windowed{doc(3, 2, 1), doc(), doc()}, "[] [] false"},
	} {
		t.Run(name, func(t *testing.T) {
			var w feed.Window
			var turn feed.Turn
			for _, d := range test.documents {
				before := slices.Clone(d)
				turn = w.Next(d)
				w = turn.Window
				if !slices.Equal(before, d) {
					t.Error("the document was changed")
				}
			}
			got := fmt.Sprint(turn.Gone, turn.Came, turn.Gap)
			if turn.Gap {
				got += fmt.Sprint(" ", turn.Since.Hour(), turn.Until.Hour())
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestWindowStaysSmall has a feed show other articles each time.
func TestWindowStaysSmall(t *testing.T) {
	var w feed.Window
	for n := range 50 {
		w = w.Next(doc(span(10*n+10, 10*n+1)...)).Window
	}
	if len(w) != 20 {
		t.Errorf("the window holds %d articles, want those of two documents", len(w))
	}
}

func TestRate(t *testing.T) {
	if got := feed.Window(doc(span(20, 1)...)).Rate(); got != 1 {
		t.Errorf("an article an hour: %v", got)
	}
	old := doc(span(20, 1)...)
	old[19].When = old[19].When.AddDate(-10, 0, 0)
	if got := feed.Window(old).Rate(); got != 1 {
		t.Errorf("with an old one: %v", got)
	}
	for name, w := range map[string]feed.Window{"none": nil, "one": doc(1), "no dates": doc(-1, -2), "one date": doc(1, 1, 1)} {
		if got := w.Rate(); got != 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}
