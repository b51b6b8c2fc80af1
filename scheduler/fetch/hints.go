package fetch

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxHint bounds every span of time that a server may name; it keeps sums from overflowing.
const maxHint = 366 * 24 * time.Hour

// maxValidator is the length up to which a validator is remembered: one that fills a request's
// header would be answered with 431 for ever.
const maxValidator = 4 << 10

// validator returns a validator if it can be sent back, byte for byte, and nothing otherwise.
func validator(v string) string {
	if len(v) > maxValidator {
		return ""
	}
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return ""
		}
	}
	return v
}

// freshness returns how long an answer says that it stays good (RFC 9111 §4.2.1), what it has
// spent in caches taken off; 0 where it does not say so or says that it must not be kept.
func freshness(h http.Header, now time.Time) time.Duration {
	age := time.Duration(-1)
	for _, d := range strings.Split(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "no-cache", "no-store":
			return 0
		case "max-age":
			age = max(age, seconds(strings.Trim(strings.TrimSpace(value), `"`)))
		}
	}
	if age >= 0 {
		return max(0, age-max(0, seconds(h.Get("Age"))))
	}
	expires, err := http.ParseTime(h.Get("Expires"))
	if err != nil {
		return 0
	}
	return min(maxHint, max(0, expires.Sub(sent(h, now))))
}

// retryAfter returns how long the server asks to be left alone (RFC 9110 §10.2.3), from now on; 0
// where it does not.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if d := seconds(v); d >= 0 {
		return d
	}
	t, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return min(maxHint, max(0, t.Sub(sent(h, now))))
}

// sent returns when the answer left the server, by the server's own clock where it tells: what
// counts in a date that it gives is the distance, whatever its clock shows.
func sent(h http.Header, now time.Time) time.Time {
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		return t
	}
	return now
}

// seconds reads a number of seconds; -1 for anything else.
func seconds(s string) time.Duration {
	s = strings.TrimSpace(s)
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return -1
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > int64(maxHint/time.Second) {
		return maxHint
	}
	return time.Duration(n) * time.Second
}
