package parse_test

import (
	"testing"
	"time"

	"github.com/backissue/backissue/feed/parse"
)

func TestDate(t *testing.T) {
	for in, want := range map[string]string{
		// As the standards have it.
		"2024-01-02T03:04:05Z":            "2024-01-02T03:04:05Z",
		"2024-01-02T03:04:05.123+01:00":   "2024-01-02T02:04:05.123Z",
		"Tue, 02 Jan 2024 03:04:05 GMT":   "2024-01-02T03:04:05Z",
		"Tue, 02 Jan 2024 03:04:05 +0100": "2024-01-02T02:04:05Z",
		"02 Jan 24 03:04 UT":              "2024-01-02T03:04:00Z",
		"02 Jan 98 03:04 EST":             "1998-01-02T08:04:00Z",
		"2003-12":                         "2003-12-01T00:00:00Z",
		"2003":                            "2003-01-01T00:00:00Z",
		// Nearly so.
		"2024-01-02t03:04:05z":                     "2024-01-02T03:04:05Z",
		"2024-01-02 03:04:05":                      "2024-01-02T03:04:05Z",
		"2024-01-02T03:04:05,5Z":                   "2024-01-02T03:04:05.5Z",
		"2024-01-02T03:04:05+0100":                 "2024-01-02T02:04:05Z",
		"2024-01-02T03:04+01":                      "2024-01-02T02:04:00Z",
		"2024-01-02 03:04:05 -0700 PDT":            "2024-01-02T10:04:05Z",
		"2024/01/02 03:04:05":                      "2024-01-02T03:04:05Z",
		"20240102T030405Z":                         "2024-01-02T03:04:05Z",
		"20240102":                                 "2024-01-02T00:00:00Z",
		"20240102030405":                           "2024-01-02T03:04:05Z",
		"2024-002":                                 "2024-01-02T00:00:00Z",
		"2024-366":                                 "2024-12-31T00:00:00Z",
		"Mon, 02 Jan 2024 03:04:05 GMT":            "2024-01-02T03:04:05Z", // it was a Tuesday
		"2 January 2024":                           "2024-01-02T00:00:00Z",
		"January 2nd, 2024 3:04 pm":                "2024-01-02T15:04:00Z",
		"Jan 2, 2024, 12:04 a.m.":                  "2024-01-02T00:04:00Z",
		"Tuesday, January 2, 2024 03:04:05 PM EST": "2024-01-02T20:04:05Z",
		"Tue Jan  2 03:04:05 2024":                 "2024-01-02T03:04:05Z",
		"Tue Jan 02 2024 03:04:05 GMT+0100 (CET)":  "2024-01-02T02:04:05Z",
		"Tue, 2 Jan 2024 24:00:00 +0000":           "2024-01-03T00:00:00Z",
		"Tue, 02 Jan 2024 03:04:60 GMT":            "2024-01-02T03:05:00Z",
		"Tue,02 Jan 2024 3:4:5 GMT":                "2024-01-02T03:04:05Z",
		"02-Jan-2024 03:04":                        "2024-01-02T03:04:00Z",
		"\n  Tue, 02 Jan 2024\n 03:04:05 GMT\n":    "2024-01-02T03:04:05Z",
		"1704164645":                               "2024-01-02T03:04:05Z",
		"1704164645000":                            "2024-01-02T03:04:05Z",
		"Sept 2, 2024":                             "2024-09-02T00:00:00Z",
		// Zones.
		"Tue, 02 Jan 2024 03:04:05 PDT":  "2024-01-02T10:04:05Z",
		"Tue, 02 Jan 2024 03:04:05 CEST": "2024-01-02T01:04:05Z",
		"Tue, 02 Jan 2024 13:04:05 AEST": "2024-01-02T03:04:05Z",
		"Tue, 02 Jan 2024 08:34:05 IST":  "2024-01-02T03:04:05Z",
		"Tue, 02 Jan 2024 12:04:05 JST":  "2024-01-02T03:04:05Z",
		"Tue, 02 Jan 2024 06:04:05 MSK":  "2024-01-02T03:04:05Z",
		"Tue, 02 Jan 2024 03:04:05 Z":    "2024-01-02T03:04:05Z",
		"Tue, 02 Jan 2024 03:04:05":      "2024-01-02T03:04:05Z",
		// Other languages.
		"Di, 02 Jän 2024 03:04:05 MEZ":      "2024-01-02T02:04:05Z",
		"Dienstag, 5. März 2024, 03:04 Uhr": "2024-03-05T03:04:00Z",
		"05 Dez 2023":                       "2023-12-05T00:00:00Z",
		"mar. 02 janv. 2024 03:04:05 +0100": "2024-01-02T02:04:05Z",
		"2 août 2024 à 15h04":               "2024-08-02T15:04:00Z",
		"mar, 02 ene. 2024 03:04:05":        "2024-01-02T03:04:05Z",
		"2 de febrero de 2024":              "2024-02-02T00:00:00Z",
		"martedì 2 gennaio 2024":            "2024-01-02T00:00:00Z",
		"2 de março de 2024":                "2024-03-02T00:00:00Z",
		"di, 02 mrt 2024 03:04:05 +0100":    "2024-03-02T02:04:05Z",
		"2 października 2023 15:04":         "2023-10-02T15:04:00Z",
		"2 января 2024":                     "2024-01-02T00:00:00Z",
		"2024年1月2日 15:04":                   "2024-01-02T15:04:00Z",
		"2024년 1월 2일":                       "2024-01-02T00:00:00Z",
		"02.03.2024 15:04":                  "2024-03-02T15:04:00Z",
		"13/02/2024":                        "2024-02-13T00:00:00Z",
		"02/13/2024 15:04":                  "2024-02-13T15:04:00Z",
		"Fri, 11 Mar 2016 01:15:00 +3000":   "2016-03-11T01:15:00Z", // no such zone
		"Mon, 01 Jan 0001 00:00:00 +0100":   "0001-01-01T00:00:00Z", // the zero time: no date
		// No dates beyond doubt.
		"":                               "",
		"soon":                           "",
		"02/03/2024":                     "",
		"0":                              "",
		"Tue, 30 Feb 2024 03:04:05 GMT":  "",
		"2024-13-02":                     "",
		"Tue, 02 Jan 2024 25:04:05 GMT":  "",
		"Tue, 02 Jan 2024 03:04:05 XQZT": "",
		"0000-00-00 00:00:00":            "",
		"{{ date }}":                     "",
	} {
		got, ok := parse.ParseDate(in)
		s := ""
		if ok {
			s = got.Format(time.RFC3339Nano)
		}
		if s != want {
			t.Errorf("%q: %q, want %q", in, s, want)
		}
	}
}

// FuzzDate reads anything as a date.
func FuzzDate(f *testing.F) {
	for _, s := range []string{"Tue, 02 Jan 2024 03:04:05 GMT", "2024-01-02T03:04:05+01:00", "2 août 2024 à 15h04", "1704164645"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parse.ParseDate(s)
		if again, ok2 := parse.ParseDate(s); ok != ok2 || !got.Equal(again) {
			t.Errorf("%q was read in two ways", s)
		}
		if !ok {
			if !got.IsZero() {
				t.Errorf("%q: a date that is none", s)
			}
			return
		}
		if y := got.Year(); y < 0 || y > 10000 {
			t.Errorf("%q: the year %d", s, y)
		}
		// What was understood is understood the same way once it is written properly.
		if y := got.Year(); y >= 1000 && y <= 9999 {
			proper := got.Format(time.RFC3339Nano)
			if again, ok := parse.ParseDate(proper); !ok || !again.Equal(got) {
				t.Errorf("%q: %v is not read back", s, proper)
			}
		}
	})
}

func BenchmarkDate(b *testing.B) {
	for b.Loop() {
		if _, ok := parse.ParseDate("Tue, 02 Jan 2024 03:04:05 +0000"); !ok {
			b.Fatal("no date")
		}
	}
}
