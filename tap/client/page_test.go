package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
)

// listing answers like a cursor listing of n rows, whose cursors are row numbers in base64
// dress. refuse may answer in its place.
func listing(n int, refuse func(start, limit int) *http.Response) *fakeSite {
	return &fakeSite{answer: func(_ int, req *http.Request) (*http.Response, error) {
		q := req.URL.Query()
		limit, _ := strconv.Atoi(q.Get("limit"))
		start, _ := strconv.Atoi(strings.TrimSuffix(q.Get("cursor"), "=="))
		if refuse != nil {
			if resp := refuse(start, limit); resp != nil {
				return resp, nil
			}
		}
		return reply(200, listingBody(start, min(start+limit, n), n)), nil
	}}
}

func listingBody(start, end, n int) string {
	rows := make([]string, 0, end-start)
	for i := start; i < end; i++ {
		rows = append(rows, fmt.Sprintf(`{"id":"%d"}`, i))
	}
	next := ""
	if end < n {
		next = fmt.Sprintf(`"next":"/wiki/api/v2/pages?cursor=%d==&limit=9",`, end)
	}
	return `{"results":[` + strings.Join(rows, ",") + `],"_links":{` + next + `"base":"https://acme.example/wiki"}}`
}

// readAllPages walks a Pager to its end.
func readAllPages(p *Pager) (ids []string, limits []int, err error) {
	for cursor := ""; ; {
		page, err := p.Page(context.Background(), cursor)
		if err != nil {
			return ids, limits, err
		}
		for _, row := range page.Rows {
			id, _ := row.Get("id").Text()
			ids = append(ids, id)
		}
		limits = append(limits, page.Limit)
		cursor = page.Next
		page.Release()
		if cursor == "" {
			return ids, limits, nil
		}
	}
}

func wantIDs(t *testing.T, ids []string, n int) {
	t.Helper()
	for i := range n {
		if i >= len(ids) || ids[i] != strconv.Itoa(i) {
			t.Fatalf("row %d of %d is missing or out of place", i, n)
		}
	}
	if len(ids) != n {
		t.Errorf("%d rows, want %d", len(ids), n)
	}
}

func TestPager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := listing(1001, nil)
		c, _ := newTest(t, testConfig(), site, Options{})
		req := Request{Path: "/wiki/api/v2/pages", Query: [][2]string{{"sort", "id"}}}
		ids, limits, err := readAllPages(c.Pager(req, 250))
		if err != nil || !slices.Equal(limits, []int{250, 250, 250, 250, 250}) {
			t.Errorf("limits %v: %v", limits, err)
		}
		wantIDs(t, ids, 1001)
		want := []string{"", "&cursor=250%3D%3D", "&cursor=500%3D%3D", "&cursor=750%3D%3D", "&cursor=1000%3D%3D"}
		for i, a := range site.attempts() {
			if a.url != "https://acme.example/wiki/api/v2/pages?sort=id&limit=250"+want[i] {
				t.Errorf("request %d: %s", i, a.url)
			}
		}
		if len(req.Query) != 1 {
			t.Error("the request was changed")
		}
	})
}

// TestPagerOddPages: short, empty and overlong pages are not the end; links to elsewhere
// give nothing but their cursor, and circles are noticed.
func TestPagerOddPages(t *testing.T) {
	page := func(next string, ids ...string) string {
		rows := make([]string, 0, len(ids))
		for _, id := range ids {
			rows = append(rows, `{"id":"`+id+`"}`)
		}
		if next != "" {
			next = `"next":"` + next + `"`
		}
		return `{"results":[` + strings.Join(rows, ",") + `],"_links":{` + next + `}}`
	}
	tests := []struct {
		name  string
		pages map[string]string // cursor: body
		rows  int
		kind  Kind
		text  string
	}{
		{"short and empty pages", map[string]string{"": page("/x?cursor=a", "0"), "a": page("/x?cursor=b"), "b": page("", "1")}, 2, KindOther, ""},
		{"longer than asked", map[string]string{"": page("/x?cursor=a", "0", "1", "2"), "a": page("", "3")}, 4, KindOther, ""},
		{"elsewhere", map[string]string{"": page("https://u:p@evil.example/y?cursor=a&limit=9999", "0"), "a": page("", "1")}, 2, KindOther, ""},
		{"plain http", map[string]string{"": page("http://acme.example/y?limit=1&cursor=a", "0"), "a": page("", "1")}, 2, KindOther, ""},
		{"same cursor again", map[string]string{"": page("/x?cursor=a", "0"), "a": page("/x?cursor=a", "1")}, 1, KindMalformed, "in a circle"},
		{"circle", map[string]string{"": page("/x?cursor=a"), "a": page("/x?cursor=b"), "b": page("/x?cursor=c"), "c": page("/x?cursor=a")}, 0, KindMalformed, "in a circle"},
		{"no cursor", map[string]string{"": page("/x?limit=1", "0")}, 0, KindMalformed, "no cursor"},
		{"cursor refused", map[string]string{"": page("/x?cursor=z", "0")}, 1, KindCursor, "from its start"},
		{"row without shape", map[string]string{"": `{"results":[null]}`}, 0, KindMalformed, "unexpected JSON"},
		{"no results", map[string]string{"": `{"_links":{}}`}, 0, KindMalformed, "unexpected JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := &fakeSite{answer: func(_ int, req *http.Request) (*http.Response, error) {
					if body, ok := tt.pages[req.URL.Query().Get("cursor")]; ok {
						return reply(200, body), nil
					}
					return reply(400, `{"errors":[{"title":"this cursor is not valid"}]}`), nil
				}}
				c, _ := newTest(t, testConfig(), site, Options{})
				ids, _, err := readAllPages(c.Pager(page1, 2))
				if len(ids) != tt.rows || KindOf(err) != tt.kind || tt.text != "" && !strings.Contains(err.Error(), tt.text) {
					t.Errorf("%d rows, %v: %v", len(ids), KindOf(err), err)
				}
				for _, a := range site.attempts() {
					if u, _ := url.Parse(a.url); u.Host != "acme.example" || u.Scheme != "https" || u.Query().Get("limit") != "2" {
						t.Errorf("sent %s", a.url)
					}
				}
				if c.memory.free != maxMemory {
					t.Errorf("%d bytes are still taken", maxMemory-c.memory.free)
				}
			})
		})
	}
}

// TestPagerShrinks: a page that the site can't give is asked for in halves with the same
// cursor, and the limit climbs back.
func TestPagerShrinks(t *testing.T) {
	tooLarge := func() *http.Response { r := reply(200, ""); r.ContentLength = maxBody + 1; return r }
	for name, refusal := range map[string]func() *http.Response{
		"500":   func() *http.Response { return reply(500, "") },
		"504":   func() *http.Response { return reply(504, "") },
		"64 MB": tooLarge,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// Row 300 can't be read together with more than 60 others.
				site := listing(5000, func(start, limit int) *http.Response {
					if start <= 300 && start+limit > 300 && limit > 61 {
						return refusal()
					}
					return nil
				})
				c, log := newTest(t, testConfig(), site, Options{})
				ids, limits, err := readAllPages(c.Pager(page1, 250))
				if err != nil {
					t.Fatal(err)
				}
				wantIDs(t, ids, 5000)
				if slices.Min(limits) != 31 {
					t.Errorf("limits %v", limits)
				}
				if limits[len(limits)-1] != 250 {
					t.Errorf("the limit has not climbed back: %v", limits)
				}
				if !strings.Contains(log.String(), "asking for fewer rows") {
					t.Error("nothing about it in the log")
				}
			})
		})
	}
}

// TestPagerGivesUp: a row that can't be read at all is an error that names the request.
func TestPagerGivesUp(t *testing.T) {
	tests := []struct {
		name    string
		refusal func() *http.Response
		kind    Kind
		most    int // requests
	}{
		{"too large", func() *http.Response { r := reply(200, ""); r.ContentLength = maxBody + 1; return r }, KindTooLarge, 8},
		{"always 500", func() *http.Response { return reply(500, "") }, KindServer, 7*3 + 9},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := listing(10, func(int, int) *http.Response { return tt.refusal() })
				c, _ := newTest(t, testConfig(), site, Options{})
				_, err := c.Pager(page1, 250).Page(t.Context(), "7==")
				if KindOf(err) != tt.kind || !strings.Contains(err.Error(), "limit=1&cursor=7%3D%3D") {
					t.Errorf("got %v: %v", KindOf(err), err)
				}
				if n := len(site.attempts()); n != tt.most {
					t.Errorf("%d requests, want %d", n, tt.most)
				}
			})
		})
	}
}

// TestPagerDoesNotShrink for what has nothing to do with the page's size.
func TestPagerDoesNotShrink(t *testing.T) {
	for name, answer := range map[string]func() (*http.Response, error){
		"503": says(503, ""), "501": says(501, ""), "429": says(429, ""), "403": says(403, ""), "network": fails(errRefused),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := inTurn(answer)
				c, _ := newTest(t, testConfig(), site, Options{})
				if _, err := c.Pager(page1, 250).Page(t.Context(), ""); err == nil {
					t.Error("no error")
				}
				for _, a := range site.attempts() {
					if !strings.Contains(a.url, "limit=250") {
						t.Errorf("sent %s", a.url)
					}
				}
			})
		})
	}
}

// TestPageSizePatience: a limit that fails whenever it is raised is raised less and less often.
func TestPageSizePatience(t *testing.T) {
	s := newPageSize(250, 1)
	raises := 0
	for range 400 {
		if s.now > 125 {
			s.halve()
			raises++
			continue
		}
		s.worked()
	}
	if raises < 3 || raises > 12 {
		t.Errorf("tried the full limit %d times in 400 pages", raises)
	}
}

func TestOffsetPages(t *testing.T) {
	key := func(o rawjson.Object) string { id, _ := o.Get("id").Text(); return id }
	tests := []struct {
		name     string
		list     func(request int) []string // the site's list as it is at that request
		limit    int
		cap      int  // the site gives at most that many rows
		nextLies bool // the site always says that there is more
		silent   bool // the site never says that there is more
		bare     bool // the site says nothing of size and limit
		cut      int  // the answer to that request, from 1 on, shows its first row only
		want     int  // rows, from 0 on
		requests int
		kind     Kind
	}{
		{name: "one page", list: upTo(3), limit: 200, want: 3, requests: 2},
		{name: "empty", list: upTo(0), limit: 200, requests: 2},
		{name: "several pages", list: upTo(25), limit: 10, want: 25, requests: 4},
		{name: "exact end", list: upTo(19), limit: 10, want: 19, requests: 4},
		{name: "limit of one", list: upTo(4), limit: 1, want: 4, requests: 5},
		{name: "capped", list: upTo(25), limit: 200, cap: 5, want: 25, requests: 8},
		{name: "next for ever", list: upTo(19), limit: 10, nextLies: true, want: 19, requests: 7},
		{name: "no next", list: upTo(430), limit: 200, silent: true, want: 430, requests: 4},
		{name: "no next at the limit", list: upTo(200), limit: 200, silent: true, want: 200, requests: 3},
		{name: "only the overlapping row, with next", list: upTo(12), limit: 200, cap: 1, want: 12, requests: 25},
		{name: "one row at a time, no next", list: upTo(6), limit: 200, cap: 1, silent: true, want: 6, requests: 13},
		{name: "next for ever, empty", list: upTo(0), limit: 10, nextLies: true, requests: 4},
		{name: "one page, of unknown size", list: upTo(3), limit: 200, bare: true, want: 3, requests: 3},
		{name: "one answer is cut", list: upTo(430), limit: 200, cut: 2, silent: true, want: 430, requests: 5},
		{name: "the first answer is cut", list: upTo(430), limit: 200, cut: 1, silent: true, want: 430, requests: 5},
		{name: "one answer is cut, of unknown size", list: upTo(430), limit: 200, cut: 2, silent: true, bare: true, want: 430, requests: 6},
		{name: "row gone before", list: func(n int) []string {
			all := upTo(30)(0)
			if n > 0 {
				all = append(all[:2:2], all[3:]...) // what comes after has moved up
			}
			return all
		}, limit: 10, want: 30, requests: 7},
		{name: "row added before", list: func(n int) []string {
			if n > 0 {
				return append([]string{"30"}, upTo(30)(0)...)
			}
			return upTo(30)(0)
		}, limit: 10, want: 31, requests: 7},
		{name: "end gone", list: func(n int) []string { return upTo(20 - min(n, 1)*15)(0) }, limit: 10, want: 10, requests: 4},
		{name: "never still", list: func(n int) []string { return upTo(1000)(0)[n:] }, limit: 10, want: -1, requests: 6, kind: KindMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := &fakeSite{answer: func(n int, req *http.Request) (*http.Response, error) {
					all := tt.list(n)
					if start, _ := strconv.Atoi(req.URL.Query().Get("start")); n == tt.cut-1 {
						all = all[:min(start+1, len(all))]
					}
					return offsetReply(all, req.URL.Query(), tt.cap, tt.nextLies, tt.silent, tt.bare), nil
				}}
				c, _ := newTest(t, testConfig(), site, Options{})
				given := map[string]int{}
				err := c.OffsetPages(t.Context(), OffsetList{Request: Request{Path: "/wiki/rest/api/group"}, Limit: tt.limit, Key: key}, func(rows []rawjson.Object, _ time.Time) error {
					for _, row := range rows {
						given[key(row)]++
					}
					return nil
				})
				if KindOf(err) != tt.kind || (err != nil) != (tt.kind != KindOther) {
					t.Fatalf("got %v: %v", KindOf(err), err)
				}
				for i := range tt.want {
					if given[strconv.Itoa(i)] != 1 {
						t.Errorf("row %d was given %d times", i, given[strconv.Itoa(i)])
					}
				}
				if tt.want >= 0 && len(given) != tt.want {
					t.Errorf("%d rows, want %d", len(given), tt.want)
				}
				if n := len(site.attempts()); n != tt.requests {
					t.Errorf("%d requests, want %d", n, tt.requests)
				}
				if c.memory.free != maxMemory {
					t.Errorf("%d bytes are still taken", maxMemory-c.memory.free)
				}
			})
		})
	}
}

func upTo(n int) func(int) []string {
	return func(int) []string {
		ids := make([]string, n)
		for i := range ids {
			ids[i] = strconv.Itoa(i)
		}
		return ids
	}
}

func offsetReply(all []string, q url.Values, most int, nextLies, silent, bare bool) *http.Response {
	start, _ := strconv.Atoi(q.Get("start"))
	limit, _ := strconv.Atoi(q.Get("limit"))
	if most > 0 {
		limit = min(limit, most)
	}
	from := min(start, len(all))
	end := min(from+limit, len(all))
	var rows []string
	for _, id := range all[from:end] {
		rows = append(rows, `{"id":"`+id+`"}`)
	}
	next, size := "", ""
	if !silent && (end < len(all) || nextLies) {
		next = `"next":"/rest/api/group?start=99",`
	}
	if !bare {
		size = fmt.Sprintf(`"start":%d,"limit":%d,"size":%d,`, start, limit, len(rows))
	}
	return reply(200, `{"results":[`+strings.Join(rows, ",")+`],`+size+`"_links":{`+next+`"base":"b"}}`)
}

// TestOffsetPagesWithin reads a list that lies in the answer, and takes no other shape for an empty one.
func TestOffsetPagesWithin(t *testing.T) {
	for body, want := range map[string]Kind{
		`{"a":{"b":{"results":[{"id":"1"},{"id":"2"}],"size":2,"limit":9}}}`: KindOther,
		`{"a":{"b":{"results":[],"size":0,"limit":9}}}`:                      KindOther,
		`{"a":{"b":{"size":0,"limit":9}}}`:                                   KindMalformed,
		`{"a":{"c":{"results":[]}}}`:                                         KindMalformed,
		`{"a":{"b":{"results":[7]}}}`:                                        KindMalformed,
		`{"results":[]}`:                                                     KindMalformed,
	} {
		t.Run(body, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := newTest(t, testConfig(), &fakeSite{answer: func(_ int, req *http.Request) (*http.Response, error) {
					if req.URL.Query().Get("start") == "1" {
						return reply(200, strings.Replace(body, `{"id":"1"},`, "", 1)), nil
					}
					return reply(200, body), nil
				}}, Options{})
				rows := 0
				list := OffsetList{Request: page1, Limit: 9, Within: []string{"a", "b"}}
				list.Key = func(row rawjson.Object) string { id, _ := row.Get("id").Text(); return id }
				err := c.OffsetPages(t.Context(), list, func(page []rawjson.Object, _ time.Time) error {
					rows += len(page)
					return nil
				})
				if KindOf(err) != want || (err == nil) != (want == KindOther) || rows != strings.Count(body, `"id"`) {
					t.Errorf("%d rows, error %v", rows, err)
				}
			})
		})
	}
}

func TestOffsetPagesPassesErrorsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := newTest(t, testConfig(), inTurn(says(200, `{"results":[{"id":"1"}]}`)), Options{})
		full := fmt.Errorf("disk full")
		err := c.OffsetPages(t.Context(), OffsetList{Request: page1, Limit: 10, Key: func(rawjson.Object) string { return "" }}, func([]rawjson.Object, time.Time) error { return full })
		if err != full { //nolint:errorlint // the very error
			t.Errorf("got %v", err)
		}
		c, _ = newTest(t, testConfig(), inTurn(says(403, "")), Options{})
		err = c.OffsetPages(t.Context(), OffsetList{Request: page1, Limit: 10}, nil)
		if KindOf(err) != KindForbidden {
			t.Errorf("got %v", err)
		}
	})
}
