package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/diff"
	"github.com/backissue/backissue/feed/markup"
)

// diffContext is how many unchanged paragraphs are shown on either side of a change.
const diffContext = 1

// newestRevision is what --diff without a number asks for.
const newestRevision = "newest"

// showChanges carries out show --diff.
func showChanges(e *env, all []feed.Article, which string, asJSON bool) error {
	revision := -1
	if which != newestRevision {
		n, err := strconv.ParseUint(which, 10, 31)
		if err != nil {
			return hinted{usageError{fmt.Errorf("%q is not the number of a revision", which)}, "see them all with: backissue show ID --revisions"}
		}
		revision = int(n)
	}
	old, new, err := pair(all, revision)
	switch {
	case err != nil:
		return err
	case asJSON:
		return showDiffJSON(e.Stdout, old, new)
	}
	showDiff(e, old, new)
	return nil
}

// pair returns the revision that --diff asks for and the one before it, of all revisions of an
// article. A negative number asks for the newest.
func pair(all []feed.Article, revision int) (old, new *feed.Article, err error) {
	newest := len(all) - 1
	if revision < 0 {
		revision = newest
	}
	switch {
	case newest == 0:
		return nil, nil, fmt.Errorf("article %s has never been changed", all[0].ID)
	case revision == 0 || revision > newest:
		return nil, nil, hinted{usageError{fmt.Errorf("article %s has no revision %d with one before it", all[0].ID, revision)},
			fmt.Sprintf("its revisions are 1 to %d; the first version is 0", newest)}
	}
	return &all[revision-1], &all[revision], nil
}

// marks are how what is removed and added is set off from the rest.
type marks struct {
	removed, removedEnd, added, addedEnd string
}

func marksFor(e *env) marks {
	if e.Color {
		return marks{"\x1b[31;9m", "\x1b[0m", "\x1b[32m", "\x1b[0m"}
	}
	return marks{"[-", "-]", "{+", "+}"}
}

// showDiff writes what changed between two revisions, for reading in a terminal.
func showDiff(e *env, old, new *feed.Article) {
	fmt.Fprintf(e.Stdout, "--- revision %d of %s\n+++ revision %d of %s\n", old.Revision, moment(old.Seen), new.Revision, moment(new.Seen))
	fields := diff.Between(old, new)
	if len(fields) == 0 {
		fmt.Fprintln(e.Stdout, "\nnothing that is shown here has changed")
	}
	m, width := marksFor(e), min(max(e.Width, 40), 78)
	for _, f := range fields {
		fmt.Fprintf(e.Stdout, "\n%s\n", f.Name)
		for _, h := range diff.Hunks(f.Lines, diffContext) {
			if h.Skipped > 0 {
				fmt.Fprintf(e.Stdout, "  … %s unchanged\n", plural(h.Skipped, "line"))
			}
			for _, l := range h.Lines {
				fmt.Fprintln(e.Stdout, m.line(l, width))
			}
		}
	}
}

// line writes a line of a difference with a sign in front that says whether it is new as a whole,
// gone, changed (~) or as it was.
func (m marks) line(l diff.Line, width int) string {
	sign := "  "
	if l.Changed() {
		sign = "~ "
	}
	if len(l) == 1 {
		sign = map[diff.Op]string{diff.Equal: "  ", diff.Removed: "- ", diff.Added: "+ "}[l[0].Op]
	}
	var b strings.Builder
	for _, r := range l {
		text := markup.Legible(r.Text)
		switch {
		case r.Op == diff.Removed && (len(l) > 1 || m.removed[0] == '\x1b'):
			text = m.removed + text + m.removedEnd
		case r.Op == diff.Added && (len(l) > 1 || m.added[0] == '\x1b'):
			text = m.added + text + m.addedEnd
		}
		b.WriteString(text)
	}
	return sign + wrap(b.String(), width-len(sign), "  ")
}

// shownDiff is the output of show --diff --json.
type shownDiff struct {
	ID     feed.ID      `json:"id"`
	From   int          `json:"from"`
	To     int          `json:"to"`
	Fields []shownField `json:"fields"`
}

type shownField struct {
	Name  string       `json:"field"`
	Lines [][]shownRun `json:"lines"`
}

type shownRun struct {
	Op   string `json:"op"`
	Text string `json:"text"`
}

func showDiffJSON(w io.Writer, old, new *feed.Article) error {
	out := shownDiff{ID: new.ID, From: old.Revision, To: new.Revision, Fields: []shownField{}}
	for _, f := range diff.Between(old, new) {
		field := shownField{Name: f.Name}
		for _, l := range f.Lines {
			field.Lines = append(field.Lines, each(l, func(r diff.Run) shownRun { return shownRun{r.Op.String(), r.Text} }))
		}
		out.Fields = append(out.Fields, field)
	}
	return writeJSON(w, out)
}
