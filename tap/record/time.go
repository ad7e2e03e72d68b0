package record

import (
	"strconv"
	"strings"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/internal/timestamp"
)

// appendTime appends a timestamp in the one layout that records have. The API sends it so
// nearly always; then its text is taken as it is. What is no date becomes null.
func (b *Builder) appendTime(dst []byte, field string, v rawjson.Value) []byte {
	if v.IsNull() {
		return append(dst, "null"...)
	}
	if isCanonical(v) {
		return append(dst, v...)
	}
	text := Timestamp(v)
	if text == "" {
		b.warn("the API sent a date that is none; it is left out", "field", field)
		return append(dst, "null"...)
	}
	return append(append(append(dst, '"'), text...), '"')
}

// Timestamp returns a date in the layout that records and states have, empty for what is none.
// As text, such dates are in the order of time.
func Timestamp(v rawjson.Value) string {
	if isCanonical(v) {
		return string(v[1 : len(v)-1])
	}
	t, ok := Time(v)
	if !ok {
		return ""
	}
	return timestamp.Format(t)
}

// Time reads a date as text, or as a number of milliseconds since 1970, as the API has
// been seen to send for some items.
func Time(v rawjson.Value) (time.Time, bool) {
	text, ok := v.Text()
	if ok && !isDigits(text) {
		t, err := timestamp.Parse(text)
		return t, err == nil
	}
	if !ok {
		text = string(v)
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	t := time.UnixMilli(ms)
	return t, err == nil && timestamp.Fits(t)
}

// isDigits reports whether a text is a number, as some answers have milliseconds.
func isDigits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// isCanonical reports whether a value is "2006-01-02T15:04:05.000Z" with digits in the digits'
// places and a day and hour that exist.
func isCanonical(v rawjson.Value) bool {
	const form = `"0000-00-00T00:00:00.000Z"`
	if len(v) != len(form) {
		return false
	}
	for i := range form {
		if form[i] == '0' {
			if v[i] < '0' || v[i] > '9' {
				return false
			}
		} else if v[i] != form[i] {
			return false
		}
	}
	two := func(i int) int { return int(v[i]-'0')*10 + int(v[i+1]-'0') }
	month, day := two(6), two(9)
	// Days above the 28th are left to the parser, which knows the calendar.
	return string(v[1:5]) != "0000" && month >= 1 && month <= 12 && day >= 1 && day <= 28 &&
		two(12) <= 23 && two(15) <= 59 && two(18) <= 59
}
