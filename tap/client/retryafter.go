package client

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// statedWait returns how long the answer asks to wait, and whether it says so: Retry-After
// (seconds, also with a fraction, or a date), else X-RateLimit-Reset (epoch seconds, or ISO
// time). Zero means at once. Values that make no sense (negative, unreadable, a reset that
// has passed) count as not said.
//
// Dates are compared with the answer's own Date header where there is one, so that a wrong
// local clock neither shortens nor stretches the wait. If the two clocks are more than a day
// apart, one of them is nonsense: of the two waits the shorter that is one counts.
func statedWait(h http.Header, now time.Time) (time.Duration, bool) {
	date := dateOf(h)
	if date.IsZero() {
		return waitFrom(h, now)
	}
	theirs, ok := waitFrom(h, date)
	if date.Sub(now).Abs() <= 24*time.Hour {
		return theirs, ok
	}
	ours, okToo := waitFrom(h, now)
	if !ok || okToo && ours > 0 && (ours < theirs || theirs == 0) {
		return ours, okToo
	}
	return theirs, ok
}

// waitFrom is statedWait by one clock.
func waitFrom(h http.Header, now time.Time) (time.Duration, bool) {
	if d, ok := parseRetryAfter(h.Get("Retry-After"), now); ok {
		return d, true
	}
	return parseReset(h.Get("X-RateLimit-Reset"), now)
}

// parseRetryAfter reads the value of a Retry-After header. A date in the past means at once.
func parseRetryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if d, ok := seconds(value); ok {
		return d, true
	}
	// ParseTime knows the three formats of HTTP: RFC 1123, RFC 850 and C's asctime.
	date, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return max(date.Sub(now), 0), true
}

// parseReset reads the value of an X-RateLimit-Reset header: the moment at which the limit
// is lifted.
func parseReset(value string, now time.Time) (time.Duration, bool) {
	at, ok := parseMoment(strings.TrimSpace(value))
	if !ok || !at.After(now) {
		return 0, false
	}
	return at.Sub(now), true
}

// parseMoment reads epoch seconds (or milliseconds, told by their size) or an ISO time with
// or without seconds and zone.
func parseMoment(value string) (time.Time, bool) {
	if epoch, err := strconv.ParseFloat(value, 64); err == nil {
		if epoch > 1e11 {
			epoch /= 1000
		}
		if !(epoch > 0 && epoch < 1e11) {
			return time.Time{}, false
		}
		return time.UnixMilli(int64(math.Ceil(epoch * 1000))), true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// seconds reads a number of seconds. What is too long for a Duration is cut to the longest
// one, about 292 years: never less than was asked.
func seconds(value string) (time.Duration, bool) {
	s, err := strconv.ParseFloat(value, 64)
	if math.IsInf(s, 1) && err != nil {
		err = nil // digits beyond a float64: very long, but readable
	}
	if err != nil || math.IsNaN(s) || s < 0 || strings.ContainsAny(value, "xXpP_iI") {
		return 0, false
	}
	if s >= float64(math.MaxInt64)/float64(time.Second) {
		return math.MaxInt64, true
	}
	return time.Duration(math.Ceil(s * float64(time.Second))), true
}
