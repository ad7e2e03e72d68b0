package client

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestPageDate: a page carries the site's time, or none.
func TestPageDate(t *testing.T) {
	for value, want := range map[string]time.Time{
		"Sun, 01 Feb 2026 10:11:12 GMT":     time.Date(2026, 2, 1, 10, 11, 12, 0, time.UTC),
		"Sunday, 01-Feb-26 10:11:12 GMT":    time.Date(2026, 2, 1, 10, 11, 12, 0, time.UTC),
		"":                                  {},
		"2026-02-01T10:11:12Z":              {},
		"yesterday":                         {},
		"Sun, 99 Feb 2026 10:11:12 GMT":     {},
		"\x00\xff" + strings.Repeat("9", 9): {},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := newTest(t, testConfig(), inTurn(says(200, `{"results":[]}`, "Date", value)), Options{})
			page, err := c.Pager(page1, 250).Page(t.Context(), "")
			if err != nil || !page.Date().Equal(want) {
				t.Errorf("%q: %v, %v", value, page.Date(), err)
			}
			page.Release()
		})
	}
}

// TestOddHeaders: whatever stands in the headers that the client reads, a good answer's rows
// come, after a wait that is no longer than the longest allowed.
func TestOddHeaders(t *testing.T) {
	odd := []string{
		"", " ", "0", "-1", "1e308", "NaN", "Infinity", "9999999999999999999999", "0x10", "1.5.2", "soon", "\x00", "\xff\xfe",
		"Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 00 Jan 0000 00:00:00 GMT",
		"text/html", "text/html; charset=\"", "application/json; a=b; a=c", ";;;", `"`, "<", ">", "<>; rel=next", "<?>; rel",
		`<x>; rel="next`, "<x>,,,<y>", "OK", "AUTHORISATION_FAILED", "true", strings.Repeat("9", 10_000),
	}
	for _, name := range []string{"Date", "Retry-After", "X-RateLimit-Reset", "X-RateLimit-NearLimit", "Content-Type", "X-Seraph-LoginReason"} {
		for _, value := range odd {
			for _, status := range []int{200, 429, 503} {
				synctest.Test(t, func(t *testing.T) {
					site := inTurn(says(status, listingBody(0, 2, 2), name, value), says(200, listingBody(0, 2, 2)))
					c, _ := newTest(t, testConfig(), site, Options{})
					begin := time.Now()
					page, err := c.Pager(page1, 250).Page(t.Context(), "")
					if took := time.Since(begin); took > time.Hour {
						t.Errorf("%s %q with %d: took %v", name, value, status, took)
					}
					if KindOf(err) == KindRateLimit && status != 200 {
						return // asked to wait for longer than is allowed
					}
					if err != nil || len(page.Rows) != 2 || page.Next != "" {
						t.Errorf("%s %q with %d: %+v, %v", name, value, status, page, err)
					}
				})
			}
		}
	}
}

// TestOddLinks: a Link header that leads nowhere ends no listing in silence, and never leads
// elsewhere.
func TestOddLinks(t *testing.T) {
	for value, want := range map[string]string{
		"": "", "nonsense": "", "<x>": "", `<x>; rel="prev"`: "", "<>; rel=next": "",
		"<?cursor=a>; rel=next":                                "a",
		`<https://evil.example/?cursor=b>; rel=next`:           "b",
		`</x?limit=1>; rel="next"`:                             "malformed",
		`<?cursor=>; rel=next`:                                 "malformed",
		`<?cursor=%zz>; rel=next`:                              "malformed",
		"<?cursor=" + strings.Repeat("a", 9000) + ">;rel=next": "malformed",
	} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := newTest(t, testConfig(), inTurn(says(200, `{"results":[]}`, "Link", value)), Options{})
			page, err := c.Pager(page1, 250).Page(t.Context(), "")
			switch {
			case want == "malformed":
				if KindOf(err) != KindMalformed {
					t.Errorf("%.40s: %v", value, err)
				}
			case err != nil || page.Next != want:
				t.Errorf("%.40s: %+v, %v", value, page, err)
			}
		})
	}
}

// TestOddDates: of two clocks that are days apart, the sensible one says how long to wait.
func TestOddDates(t *testing.T) {
	now := time.Date(2026, 2, 1, 10, 0, 0, 0, time.UTC)
	const in90 = "Sun, 01 Feb 2026 10:01:30 GMT"
	for name, tt := range map[string]struct {
		date, after string
		now         time.Time
		want        time.Duration
	}{
		"both right":          {"Sun, 01 Feb 2026 10:00:00 GMT", in90, now, 90 * time.Second},
		"local minutes ahead": {"Sun, 01 Feb 2026 10:00:00 GMT", in90, now.Add(5 * time.Minute), 90 * time.Second},
		"local years back":    {"Sun, 01 Feb 2026 10:00:00 GMT", in90, time.Unix(0, 0), 90 * time.Second},
		"local years ahead":   {"Sun, 01 Feb 2026 10:00:00 GMT", in90, now.AddDate(9, 0, 0), 90 * time.Second},
		"Date years back":     {"Thu, 01 Jan 1970 00:00:00 GMT", in90, now, 90 * time.Second},
		"Date years ahead":    {"Fri, 31 Dec 9999 23:59:59 GMT", in90, now, 90 * time.Second},
		"seconds":             {"Thu, 01 Jan 1970 00:00:00 GMT", "90", now, 90 * time.Second},
	} {
		h := http.Header{"Date": {tt.date}, "Retry-After": {tt.after}}
		if got, ok := statedWait(h, tt.now); !ok || got != tt.want {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
}
