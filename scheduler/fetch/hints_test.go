package fetch_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/backissue/backissue/scheduler/fetch"
)

const (
	day  = 24 * time.Hour
	year = 366 * day
)

func header(fields ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	return h
}

func TestFreshness(t *testing.T) {
	now := time.Date(2026, 2, 3, 10, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		h    http.Header
		want time.Duration
	}{
		{header(), 0},
		{header("Cache-Control", "max-age=3600"), time.Hour},
		{header("Cache-Control", `public, Max-Age = "3600"`), time.Hour},
		{header("Cache-Control", "public", "Cache-Control", "max-age=60"), time.Minute},
		{header("Cache-Control", "max-age=3600", "Age", "600"), 50 * time.Minute},
		{header("Cache-Control", "max-age=3600", "Age", "6000"), 0},
		{header("Cache-Control", "max-age=3600", "Age", "old"), time.Hour},
		{header("Cache-Control", "max-age=3600, no-cache"), 0},
		{header("Cache-Control", "no-store"), 0},
		{header("Cache-Control", "max-age=-1"), 0},
		{header("Cache-Control", "s-maxage=3600"), 0},
		{header("Cache-Control", "max-age=99999999999999999999"), year},
		{header("Cache-Control", "max-age=0", "Expires", "Tue, 03 Feb 2026 12:00:00 GMT"), 0},
		{header("Expires", "Tue, 03 Feb 2026 12:00:00 GMT"), 2 * time.Hour},
		{header("Expires", "Tue, 03 Feb 2026 12:00:00 GMT", "Date", "Tue, 03 Feb 2026 11:59:00 GMT"), time.Minute},
		{header("Expires", "Tue, 03 Feb 2026 09:00:00 GMT"), 0},
		{header("Expires", "Tue, 03 Feb 2999 09:00:00 GMT"), year},
		{header("Expires", "0"), 0},
	} {
		if got := fetch.Freshness(test.h, now); got != test.want {
			t.Errorf("%v is fresh for %v, want %v", test.h, got, test.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 2, 3, 10, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		h    http.Header
		want time.Duration
	}{
		{header(), 0},
		{header("Retry-After", "120"), 2 * time.Minute},
		{header("Retry-After", " 604800 "), 7 * day},
		{header("Retry-After", "99999999999999999999"), year},
		{header("Retry-After", "-5"), 0},
		{header("Retry-After", "soon"), 0},
		{header("Retry-After", "Wed, 04 Feb 2026 10:00:00 GMT"), day},
		{header("Retry-After", "Wednesday, 04-Feb-26 10:00:00 GMT"), day},
		{header("Retry-After", "Wed, 04 Feb 2026 10:00:00 GMT", "Date", "Wed, 04 Feb 2026 09:00:00 GMT"), time.Hour},
		{header("Retry-After", "Mon, 02 Feb 2026 10:00:00 GMT"), 0},
	} {
		if got := fetch.RetryAfter(test.h, now); got != test.want {
			t.Errorf("%v asks for %v, want %v", test.h, got, test.want)
		}
	}
}

func FuzzHints(f *testing.F) {
	f.Add("max-age=3600, public", "60", "Tue, 03 Feb 2026 12:00:00 GMT", "Tue, 03 Feb 2026 11:00:00 GMT", "120")
	f.Add(`private="set-cookie", max-age="1"`, "-1", "0", "", "Wednesday, 04-Feb-26 10:00:00 GMT")
	f.Add("max-age=99999999999999999999", "99999999999999999999", "Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "99999999999999999999")
	now := time.Date(2026, 2, 3, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, control, age, expires, date, retry string) {
		h := header("Cache-Control", control, "Age", age, "Expires", expires, "Date", date, "Retry-After", retry)
		for _, d := range []time.Duration{fetch.Freshness(h, now), fetch.RetryAfter(h, now)} {
			if d < 0 || d > year {
				t.Errorf("%v means %v", h, d)
			}
		}
	})
}
