package parse

import (
	"strings"
	"time"
	"unicode/utf8"
)

// parseDate reads a date as publishers write it: RFC 3339 and what is nearly that, RFC 822 in all
// its misspellings, the same in a dozen languages, and Unix time. It goes by what the parts are and
// not by layouts, so a missing, wrong or foreign weekday makes no difference.
//
// It reports false for what names no day beyond doubt. "02/03/2024" is such a case: half of the
// world means February. A date without a zone, or with one that does not exist, is read as UTC.
func parseDate(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if t, ok := unixTime(s); ok {
		return t, true
	}
	p := dateParser{rest: s}
	for p.rest != "" {
		if !p.step() {
			return time.Time{}, false
		}
	}
	return p.time()
}

// unixTime reads seconds or milliseconds since 1970.
func unixTime(s string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	if len(whole) < 9 || len(whole) > 13 || len(whole) == 12 || !digits(whole) || !digits(fraction) && fraction != "" {
		return time.Time{}, false
	}
	n := int64(0)
	for _, c := range whole {
		n = n*10 + int64(c-'0')
	}
	if len(whole) == 13 {
		return time.UnixMilli(n).UTC(), true
	}
	return time.Unix(n, 0).UTC(), len(whole) <= 10
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// dateParser collects the parts of a date in whatever order they come.
type dateParser struct {
	rest string

	year, month, day         int
	hour, minute, second, ns int
	hasTime, hasZone         bool
	zone                     int  // seconds east of UTC
	meridiem                 byte // 'a', 'p' or 0
	weak                     bool // the month may have been a weekday: French "mar." is both
}

// step reads one part of the date. It reports false where the text cannot be a date.
func (p *dateParser) step() bool {
	switch c := p.rest[0]; {
	case '0' <= c && c <= '9':
		return p.number()
	case (c == '+' || c == '-') && (p.hasTime || p.hasZone) && len(p.rest) > 1 && digits(p.rest[1:2]):
		return p.offset()
	case c == '(':
		_, p.rest, _ = strings.Cut(p.rest, ")")
		return true
	case c < utf8.RuneSelf && !('a' <= c|0x20 && c|0x20 <= 'z'):
		p.rest = p.rest[1:] // blanks, commas, dots, slashes
		return true
	}
	return p.word()
}

// run returns the length of the run of digits at the start of s and its value, if it fits.
func run(s string) (n, value int) {
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		if value < 1e8 {
			value = value*10 + int(s[n]-'0')
		}
		n++
	}
	return n, value
}

func (p *dateParser) number() bool {
	n, v := run(p.rest)
	after := p.rest[n:]
	switch {
	case n <= 2 && after != "" && (after[0] == ':' || after[0] == 'h' && len(after) > 1 && digits(after[1:2])) && !p.hasTime:
		return p.clock(n, v)
	case n == 4 && len(after) > 1 && strings.IndexByte("-/.", after[0]) >= 0 && p.year == 0:
		return p.yearFirst(v, after)
	case n <= 2 && len(after) > 1 && strings.IndexByte("-/.", after[0]) >= 0 && p.day == 0 && p.month == 0:
		if m, _ := run(after[1:]); m > 0 && m <= 2 {
			return p.dayOrMonthFirst(v, after)
		}
	case n == 8 && p.year == 0:
		p.year, p.month, p.day = atoi(p.rest[:4]), atoi(p.rest[4:6]), atoi(p.rest[6:8])
		p.rest = after
		return true
	case n == 14 && p.year == 0:
		p.year, p.month, p.day = atoi(p.rest[:4]), atoi(p.rest[4:6]), atoi(p.rest[6:8])
		return p.setClock(atoi(p.rest[8:10]), atoi(p.rest[10:12]), atoi(p.rest[12:14]), after)
	case (n == 4 || n == 6) && p.day > 0 && p.year > 0 && !p.hasTime:
		sec := 0
		if n == 6 {
			sec = atoi(p.rest[4:6])
		}
		return p.setClock(atoi(p.rest[:2]), atoi(p.rest[2:4]), sec, after)
	}
	return p.loneNumber(n, v, after)
}

// loneNumber takes a number for a year, a month or a day, by its length, its unit or its place.
func (p *dateParser) loneNumber(n, v int, after string) bool {
	p.rest = after
	switch unit, size := utf8.DecodeRuneInString(after); unit {
	case '年', '년':
		p.year, p.rest = v, after[size:]
		return true
	case '月', '월':
		p.month, p.rest = v, after[size:]
		return true
	case '日', '일':
		p.day, p.rest = v, after[size:]
		return true
	}
	switch {
	case n == 4 && p.year == 0:
		p.year = v
	case n <= 2 && p.day == 0:
		p.day = v
		for _, ordinal := range []string{"st", "nd", "rd", "th", "er", "º", "ª"} {
			if rest, ok := strings.CutPrefix(p.rest, ordinal); ok {
				p.rest = rest
				break
			}
		}
	case n == 2 && p.year == 0:
		p.year = fullYear(v)
	case n <= 2 && p.hasTime && p.hasZone:
		// What follows a zone says nothing new.
	default:
		return false
	}
	return true
}

// fullYear gives a year of two digits its century (RFC 5322 §4.3).
func fullYear(v int) int {
	if v < 50 {
		return 2000 + v
	}
	return 1900 + v
}

// yearFirst reads 2024-01-02, 2024/1/2, 2024-01, 2024-Jan-02 and the day of the year 2024-002.
func (p *dateParser) yearFirst(year int, after string) bool {
	p.year, p.rest = year, after[1:]
	n, v := run(p.rest)
	switch n {
	case 1, 2:
		p.month, p.rest = v, p.rest[n:]
	case 3:
		p.month, p.day, p.rest = 1, v, p.rest[3:]
		return v >= 1 && v <= 366
	case 4:
		p.month, p.day, p.rest = v/100, v%100, p.rest[4:]
		return true
	default:
		return true
	}
	if len(p.rest) > 1 && p.rest[0] == after[0] {
		if n, v = run(p.rest[1:]); n == 1 || n == 2 {
			p.day, p.rest = v, p.rest[1+n:]
		}
	} else if p.rest == "" {
		p.day = 1
	}
	return true
}

// dayOrMonthFirst reads 31.12.2024 and, where there is no doubt, 12/31/2024 and 31/12/2024.
func (p *dateParser) dayOrMonthFirst(first int, after string) bool {
	sep := after[0]
	n, second := run(after[1:])
	p.rest = after[1+n:]
	switch {
	case sep == '.' || first > 12 || first == second:
		p.day, p.month = first, second
	case second > 12:
		p.month, p.day = first, second
	default:
		return false
	}
	if p.year == 0 && len(p.rest) > 1 && p.rest[0] == sep {
		n, v := run(p.rest[1:])
		switch n {
		case 2:
			v = fullYear(v)
		case 4:
		default:
			return false
		}
		p.year, p.rest = v, p.rest[1+n:]
	}
	return true
}

// clock reads 15:04, 15:04:05, 15:04:05.999 and 15h04.
func (p *dateParser) clock(n, hour int) bool {
	rest := p.rest[n+1:]
	n, minute := run(rest)
	if n == 0 || n > 2 {
		return false
	}
	rest = rest[n:]
	second := 0
	if len(rest) > 1 && rest[0] == ':' {
		if n, second = run(rest[1:]); n == 0 || n > 2 {
			return false
		}
		rest = rest[1+n:]
	}
	return p.setClock(hour, minute, second, rest)
}

func (p *dateParser) setClock(hour, minute, second int, rest string) bool {
	p.hour, p.minute, p.second, p.hasTime = hour, minute, second, true
	if len(rest) > 1 && (rest[0] == '.' || rest[0] == ',') {
		if n, _ := run(rest[1:]); n > 0 {
			scale := int(time.Second)
			for _, c := range rest[1 : 1+min(n, 9)] {
				scale /= 10
				p.ns += int(c-'0') * scale
			}
			rest = rest[1+n:]
		}
	}
	p.rest = rest
	return hour <= 24 && minute < 60 && second <= 60
}

// offset reads +0100, +01:00, +01, +100 and -5.
func (p *dateParser) offset() bool {
	sign := 1
	if p.rest[0] == '-' {
		sign = -1
	}
	n, v := run(p.rest[1:])
	rest := p.rest[1+n:]
	hours, mins := v, 0
	switch {
	case n == 3 || n == 4:
		hours, mins = v/100, v%100
	case n <= 2 && len(rest) > 2 && rest[0] == ':' && digits(rest[1:3]):
		mins, rest = atoi(rest[1:3]), rest[3:]
	case n > 4:
		return false
	}
	p.rest = rest
	if hours > 15 || mins > 59 {
		return true // there is no such zone: a date without one
	}
	if !p.hasZone || p.zone == 0 {
		p.zone, p.hasZone = sign*(hours*3600+mins*60), true
	}
	return true
}

// word reads a name: of a month, a zone, a half of the day. Other words (weekdays, "at", "de",
// "Uhr") say nothing, but after the time one in capitals is a zone, and an unknown zone is no
// ground for a guess.
func (p *dateParser) word() bool {
	n := 0
	for n < len(p.rest) {
		c := p.rest[n]
		if c < utf8.RuneSelf && !('a' <= c|0x20 && c|0x20 <= 'z') {
			break
		}
		n += utf8Len(p.rest[n:])
	}
	word := p.rest[:n]
	p.rest = p.rest[n:]
	if strings.EqualFold(word, "a") || strings.EqualFold(word, "p") {
		if rest, ok := cutFold(p.rest, ".m."); ok && p.hasTime { // a.m.
			p.meridiem, p.rest = word[0]|0x20, rest
			return true
		}
	}
	switch strings.ToLower(word) {
	case "am", "오전", "上午", "午前":
		p.meridiem = 'a'
		return true
	case "pm", "오후", "下午", "午後":
		p.meridiem = 'p'
		return true
	case "t":
		return true
	}
	if p.month == 0 || p.weak {
		if m := monthNamed(word); m > 0 {
			p.weak = p.day == 0 && p.year == 0 && len(word) == 3 && strings.EqualFold(word, "mar")
			p.month = m
			return true
		}
	}
	if !p.hasTime || p.hasZone {
		return true
	}
	if zone, ok := zoneNamed(word); ok {
		p.zone, p.hasZone = zone, true
		return true
	}
	return len(word) < 2 || word != strings.ToUpper(word) || word == strings.ToLower(word)
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func utf8Len(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	return n
}

func atoi(s string) int {
	_, v := run(s)
	return v
}

// time puts the parts together.
func (p *dateParser) time() (time.Time, bool) {
	if p.year != 0 && p.month == 0 && p.day == 0 && !p.hasTime {
		p.month, p.day = 1, 1
	}
	if p.month < 1 || p.month > 12 || p.day < 1 || p.year < 1 {
		return time.Time{}, false
	}
	if p.year == 1 {
		return time.Time{}, true // how programs say that there is no date
	}
	switch {
	case p.meridiem == 'p' && p.hour < 12:
		p.hour += 12
	case p.meridiem == 'a' && p.hour == 12:
		p.hour = 0
	}
	day := time.Date(p.year, time.Month(p.month), p.day, 0, 0, 0, 0, time.UTC)
	if p.day <= 31 && day.Day() != p.day { // 30 February; not the day of the year, which is larger
		return time.Time{}, false
	}
	return time.Date(p.year, time.Month(p.month), p.day, p.hour, p.minute, p.second, p.ns, time.UTC).
		Add(-time.Duration(p.zone) * time.Second), true
}
