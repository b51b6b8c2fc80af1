package diff

// Hunk is a stretch of lines around changes, behind unchanged ones that are left out.
type Hunk struct {
	Skipped int // unchanged lines that stand before Lines and are not shown
	Lines   []Line
}

// Hunks leaves out of lines what is farther than context lines from every change. The last hunk has
// no lines where unchanged ones come at the end.
func Hunks(lines []Line, context int) []Hunk {
	near := make([]bool, len(lines))
	for i, l := range lines {
		if l.Changed() {
			for j := max(0, i-context); j < min(len(lines), i+context+1); j++ {
				near[j] = true
			}
		}
	}
	var hunks []Hunk
	skipped := 0
	for i, l := range lines {
		if !near[i] {
			skipped++
			continue
		}
		if len(hunks) == 0 || skipped > 0 {
			hunks = append(hunks, Hunk{Skipped: skipped})
			skipped = 0
		}
		last := &hunks[len(hunks)-1]
		last.Lines = append(last.Lines, l)
	}
	if skipped > 0 {
		hunks = append(hunks, Hunk{Skipped: skipped})
	}
	return hunks
}
