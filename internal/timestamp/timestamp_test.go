package timestamp

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"2026-01-02T03:04:05.678Z":       "2026-01-02T03:04:05.678Z",
		"2026-01-02T03:04:05Z":           "2026-01-02T03:04:05.000Z",
		"2026-01-02T03:04:05.6789Z":      "2026-01-02T03:04:05.678Z",
		"2026-01-02T03:04:05.678+02:00":  "2026-01-02T01:04:05.678Z",
		"2026-01-02T03:04:05.1":          "2026-01-02T03:04:05.100Z",
		"2026-01-02 03:04:05":            "2026-01-02T03:04:05.000Z",
		"2026-01-02":                     "2026-01-02T00:00:00.000Z",
		"2024-02-29":                     "2024-02-29T00:00:00.000Z",
		"0001-01-01T00:00:00Z":           "0001-01-01T00:00:00.000Z",
		"9999-12-31T23:59:59.999Z":       "9999-12-31T23:59:59.999Z",
		"2023-02-29":                     "",
		"2026-01-02T24:00:00Z":           "",
		"0000-06-01":                     "",
		"0001-01-01T00:00:00+01:00":      "", // the year 0 in UTC
		"9999-12-31T23:30:00-01:00":      "", // the year 10000 in UTC
		"10000-01-01T00:00:00Z":          "",
		"2026-01-02T03:04Z":              "",
		"1767323045678":                  "",
		"now":                            "",
		"":                               "",
		"2026-01-02T03:04:05Z\n":         "",
		"2026-01-02T03:04:05Z and so on": "",
	} {
		at, err := Parse(text)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q: %v, want an error", text, at)
		case want == "":
			if !at.IsZero() || !strings.Contains(err.Error(), "is not a date") {
				t.Errorf("%q: %v, %v", text, at, err)
			}
		case err != nil || Format(at) != want:
			t.Errorf("%q: %v, %v; want %s", text, at, err, want)
		}
	}
	if _, err := Parse(strings.Repeat("7", 5000)); err == nil || len(err.Error()) > 100 {
		t.Errorf("a long text: %v", err)
	}
}

// FuzzParse: what is read can be written, and reads the same again, to the millisecond.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"2026-02-03T10:11:12.345Z", "2026-02-03T10:11:12Z", "2026-02-03T10:11:12.345678901+05:30", "2026-02-03 10:11:12",
		"2026-02-03", "0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2024-02-29T24:60:60Z", "1770113472345", "2026-02-03T10:11:12,5Z",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := Parse(s)
		if err != nil {
			if !at.IsZero() || len(err.Error()) > 250 {
				t.Fatalf("%q: %v, %v", s, at, err)
			}
			return
		}
		text := Format(at)
		again, err := Parse(text)
		if len(text) != len(Layout) || err != nil || !again.Equal(at.Truncate(time.Millisecond)) || at.Location() != time.UTC {
			t.Fatalf("%q: read as %v, written as %q, read again as %v, %v", s, at, text, again, err)
		}
	})
}

func TestText(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.FixedZone("", 3600))
	if got := Text(at); got != "2026-01-02T02:04:05.678Z" {
		t.Errorf("%s is %q", at, got)
	}
	if got := Text(time.Time{}); got != "" {
		t.Errorf("the zero time is %q", got)
	}
}
