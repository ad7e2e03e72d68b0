package client

import (
	"math"
	"net/http"
	"testing"
	"time"
)

func TestStatedWait(t *testing.T) {
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	const unsaid = -1
	tests := []struct {
		name  string
		pairs []string
		want  time.Duration
	}{
		{"seconds", []string{"Retry-After", "120"}, 2 * time.Minute},
		{"fraction", []string{"Retry-After", "1.5"}, 1500 * time.Millisecond},
		{"padded", []string{"Retry-After", " 7 "}, 7 * time.Second},
		{"zero", []string{"Retry-After", "0"}, 0},
		{"two hours", []string{"Retry-After", "7200"}, 2 * time.Hour},
		{"for ever", []string{"Retry-After", "9999999999999999"}, math.MaxInt64},
		{"beyond numbers", []string{"Retry-After", "1" + string(make400zeros())}, math.MaxInt64},
		{"RFC 1123", []string{"Retry-After", "Mon, 02 Nov 2026 12:00:30 GMT"}, 30 * time.Second},
		{"RFC 850", []string{"Retry-After", "Monday, 02-Nov-26 12:00:30 GMT"}, 30 * time.Second},
		{"asctime", []string{"Retry-After", "Mon Nov  2 12:00:30 2026"}, 30 * time.Second},
		{"date in the past", []string{"Retry-After", "Mon, 02 Nov 2026 11:59:30 GMT"}, 0},
		{"by the site's clock", []string{"Retry-After", "Mon, 02 Nov 2026 15:00:30 GMT", "Date", "Mon, 02 Nov 2026 15:00:00 GMT"}, 30 * time.Second},
		{"negative", []string{"Retry-After", "-5"}, unsaid},
		{"nonsense", []string{"Retry-After", "soon"}, unsaid},
		{"not a number", []string{"Retry-After", "NaN"}, unsaid},
		{"infinite", []string{"Retry-After", "inf"}, unsaid},
		{"hexadecimal", []string{"Retry-After", "0x10"}, unsaid},
		{"absent", nil, unsaid},
		{"nonsense, but a reset", []string{"Retry-After", "soon", "X-RateLimit-Reset", "2026-11-02T12:00:40Z"}, 40 * time.Second},
		{"Retry-After before reset", []string{"Retry-After", "5", "X-RateLimit-Reset", "2026-11-02T12:00:40Z"}, 5 * time.Second},
		{"reset ISO", []string{"X-RateLimit-Reset", "2026-11-02T12:01:00.250Z"}, time.Minute + 250*time.Millisecond},
		{"reset ISO without seconds", []string{"X-RateLimit-Reset", "2026-11-02T12:05Z"}, 5 * time.Minute},
		{"reset ISO with zone", []string{"X-RateLimit-Reset", "2026-11-02T14:05+02:00"}, 5 * time.Minute},
		{"reset ISO without zone", []string{"X-RateLimit-Reset", "2026-11-02T12:05:00"}, 5 * time.Minute},
		{"reset epoch", []string{"X-RateLimit-Reset", "1793620860"}, time.Minute},
		{"reset epoch with fraction", []string{"X-RateLimit-Reset", "1793620800.5"}, 500 * time.Millisecond},
		{"reset epoch milliseconds", []string{"X-RateLimit-Reset", "1793620860000"}, time.Minute},
		{"reset in the past", []string{"X-RateLimit-Reset", "1793620799"}, unsaid},
		{"reset now", []string{"X-RateLimit-Reset", "1793620800"}, unsaid},
		{"reset by the site's clock", []string{"X-RateLimit-Reset", "1793620860", "Date", "Mon, 02 Nov 2026 12:00:50 GMT"}, 10 * time.Second},
		{"reset nonsense", []string{"X-RateLimit-Reset", "-3"}, unsaid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			for i := 0; i < len(tt.pairs); i += 2 {
				h.Set(tt.pairs[i], tt.pairs[i+1])
			}
			got, ok := statedWait(h, now)
			if !ok {
				got = unsaid
			}
			if got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func make400zeros() []byte {
	zeros := make([]byte, 400)
	for i := range zeros {
		zeros[i] = '0'
	}
	return zeros
}

// FuzzStatedWait: no header makes a wait negative.
func FuzzStatedWait(f *testing.F) {
	for _, s := range []string{"120", "1.5", "-1", "1e400", "Mon, 02 Nov 2026 12:00:30 GMT", "2026-11-02T12:05Z", "1793620860", "0x1p-2"} {
		f.Add(s, s, s)
	}
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, after, reset, date string) {
		h := http.Header{"Retry-After": {after}, "X-Ratelimit-Reset": {reset}, "Date": {date}}
		if d, ok := statedWait(h, now); d < 0 || !ok && d != 0 {
			t.Errorf("%v, %v", d, ok)
		}
	})
}
