package document

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	dayFirst = regexp.MustCompile(`^(\d{1,2})\.? (\p{L}{3,9})\.? (\d{4})$`)
	isoDate  = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
)

// dateOf reads a line that holds a date and nothing else. The layout knows no hours, so the time is
// the day's midnight in UTC.
func dateOf(text string) (time.Time, bool) {
	if len(text) < len("1 May 2014") || len(text) > len("30. September 2026") {
		return time.Time{}, false
	}
	if isoDate.MatchString(text) {
		t, err := time.Parse(time.DateOnly, text)
		return t, err == nil
	}
	m := dayFirst.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, false
	}
	day, _ := strconv.Atoi(m[1]) // digits by the pattern
	year, _ := strconv.Atoi(m[3])
	month := monthOf(m[2])
	t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	return t, month != 0 && t.Day() == day && t.Month() == month
}

// monthOf returns the month that a name stands for, in English or German, whole or in the usual
// abbreviations, also with its umlaut spelled out; 0 for any other word.
func monthOf(name string) time.Month {
	switch strings.ToLower(name) {
	case "jan", "january", "januar", "jänner", "jaenner":
		return time.January
	case "feb", "february", "februar":
		return time.February
	case "mar", "march", "mär", "mrz", "märz", "maerz":
		return time.March
	case "apr", "april":
		return time.April
	case "may", "mai":
		return time.May
	case "jun", "june", "juni":
		return time.June
	case "jul", "july", "juli":
		return time.July
	case "aug", "august":
		return time.August
	case "sep", "sept", "september":
		return time.September
	case "oct", "october", "okt", "oktober":
		return time.October
	case "nov", "november":
		return time.November
	case "dec", "december", "dez", "dezember":
		return time.December
	}
	return 0
}
