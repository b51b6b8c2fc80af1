package feed

import "time"

// Visit is what [Flood] looks at: a document, and what its source is known to bring.
type Visit struct {
	Now  time.Time // when the document came
	Last time.Time // when the one before came
	Most int       // the most new articles that a visit has brought so far
	Rate float64   // articles an hour in the source's window; see [Window.Rate]

	Articles []Incoming
}

// Incoming is an article of a document, as far as [Flood] looks at it.
type Incoming struct {
	Change Change
	When   time.Time // the date by which it is ordered
	// Moved is how much later the article is dated than it was; 0 for a new one.
	Moved time.Duration
}

// The figures of Flood: a visit may always bring a page of articles, and four times what the source
// has been known for.
const (
	floodLeast   = 25
	floodTimes   = 4
	floodSlack   = 2 * 24 * time.Hour // articles come out that much after their date
	redatedLeast = 10
	redatedBy    = 24 * time.Hour
)

// Flood says which articles of a document came in a flood, so that they are better held back from
// the live feeds until somebody has looked: what a publisher does who moves to another system.
//
//   - New articles that are older than the last visit have not just been written. More of them than
//     usual are a flood of old articles.
//   - New articles that are not, but more than usual and more than the source's rate predicts for the
//     time since the last visit, are a flood of new ones.
//   - Known articles that are dated later by more than a day, at least ten of them and half of all
//     that are known, have been dated anew.
//
// It must not be asked about the first document of a source, in which everything is new.
func Flood(v Visit) []bool {
	held := make([]bool, len(v.Articles))
	since := v.Last.Add(-floodSlack)
	usual := max(floodLeast, floodTimes*v.Most)
	predicted := floodTimes * v.Rate * max(0, v.Now.Sub(v.Last).Hours())
	var known int
	var old, fresh, redated []int
	for i, a := range v.Articles {
		switch {
		case a.Change == Added && a.When.Before(since):
			old = append(old, i)
		case a.Change == Added:
			fresh = append(fresh, i)
		default:
			known++
			if a.Change == Revised && a.Moved > redatedBy {
				redated = append(redated, i)
			}
		}
	}
	hold := func(these []int, flood bool) {
		for _, i := range these {
			held[i] = held[i] || flood
		}
	}
	hold(old, len(old) > usual)
	hold(fresh, len(fresh) > usual && float64(len(fresh)) > predicted)
	hold(redated, len(redated) >= redatedLeast && 2*len(redated) >= known)
	return held
}
