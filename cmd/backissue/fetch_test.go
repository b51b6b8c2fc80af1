package main

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/backissue/backissue/scheduler"
)

// A list that is written piece by piece is the list that is written at once.
func TestListInPieces(t *testing.T) {
	for n := range 3 {
		visits := make([]visit, 0, n)
		var pieces, whole strings.Builder
		list := jsonList{w: &pieces}
		for i := range n {
			v := visit{Name: strings.Repeat("<&>", i), Outcome: string(scheduler.Changed), Added: i}
			visits = append(visits, v)
			list.add(v)
		}
		if err := errors.Join(list.end(), writeJSON(&whole, visits)); err != nil {
			t.Fatal(err)
		}
		if pieces.String() != whole.String() {
			t.Errorf("%d visits are\n%s, want\n%s", n, pieces.String(), whole.String())
		}
	}
}

func TestListThatNobodyReads(t *testing.T) {
	cut := &closed{}
	list := jsonList{w: cut}
	list.add(visit{})
	list.add(visit{})
	if err := list.end(); !errors.Is(err, iotest.ErrTimeout) || cut.writes != 1 {
		t.Errorf("%v after %d attempts", err, cut.writes)
	}
}

// closed is where nobody reads any more.
type closed struct{ writes int }

func (c *closed) Write([]byte) (int, error) {
	c.writes++
	return 0, iotest.ErrTimeout
}

func TestSummaryCountsAllVisits(t *testing.T) {
	r := &scheduler.Report{Unchanged: 20_000, Changed: 3, Failed: 1, Added: 5, Gaps: 2}
	want := "20004 visits: 5 new, 0 revised; 20000 unchanged, 1 failed; something was missed at 2 sources"
	if got := summary(r); got != want {
		t.Errorf("the summary is %q, want %q", got, want)
	}
}
