// Package timestamp reads the timestamps that the API and people write, and writes the one
// form that records and states have.
package timestamp

import (
	"fmt"
	"time"
)

// Layout is how timestamps are written: UTC, with milliseconds, always the same length.
const Layout = "2006-01-02T15:04:05.000Z"

// Format writes a time in Layout. What is below a millisecond is cut off.
func Format(t time.Time) string { return t.UTC().Format(Layout) }

// Text writes a time as Format does, and the zero time as empty text.
func Text(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return Format(t)
}

// Fits reports whether a time has a year of four digits in UTC, so that what Format writes of
// it can be read again.
func Fits(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 1 && year <= 9999
}

// Parse reads a date or a date-time, with or without fractions of a second and a zone;
// without a zone it is UTC. Times that do not fit Layout are errors. The error quotes at most
// 40 bytes of the text.
func Parse(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil && Fits(t) {
			return t.UTC(), nil
		}
	}
	if len(s) > 40 {
		s = s[:40] + "..."
	}
	return time.Time{}, fmt.Errorf("%q is not a date", s)
}
