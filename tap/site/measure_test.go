package site

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestSizeOfOffsetLists finds the exact end of lists that tell no total, with few requests.
func TestSizeOfOffsetLists(t *testing.T) {
	t.Parallel()
	const most = 1700
	for n, requests := range map[int]int{0: 1, 1: 1, 199: 1, 200: 3, 201: 3, 399: 3, 400: 3, 450: 4, 1600: 8, most: 7} {
		synctest.Test(t, func(t *testing.T) {
			answers := map[string][]string{}
			for start := range 4 * most {
				var rows []string
				for i := start; i < min(start+stream.Groups.MaxLimit, n); i++ {
					rows = append(rows, `{"id":"g`+strconv.Itoa(i)+`"}`)
				}
				answers[stream.Groups.Route+"?start="+strconv.Itoa(start)] = []string{list("", rows...)}
			}
			s, f, _ := opened(t, nil, answers)
			size, err := s.Size(t.Context(), Measure{Listing: stream.Groups}, Spaces{}, nil)
			if err != nil || size.Rows != n || size.Unknown != "" {
				t.Errorf("%d rows: got %+v, %v", n, size, err)
			}
			if asked := f.count(stream.Groups.Route); asked > requests {
				t.Errorf("%d rows: %d requests", n, asked)
			}
		})
	}
}

// TestSizeOfChanges counts what changed without asking for bodies. A site that refuses the order is asked
// once, since nothing depends on the count.
func TestSizeOfChanges(t *testing.T) {
	t.Parallel()
	const route, name = "/wiki/api/v2/footer-comments", "/footer-comments?sort=-modified-date"
	comment := func(at string) string { return `{"id":"1","version":{"createdAt":"` + at + `"}}` }
	for _, tt := range []struct {
		answer string
		rows   int
		fails  bool
	}{
		{list("", comment("2026-03-02T00:00:00.000Z"), comment("2026-03-01T00:00:00.000Z"), comment("2026-02-01T00:00:00.000Z")), 2, false},
		{`500 {}`, 0, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, f, _ := opened(t, nil, map[string][]string{name: {tt.answer}})
			req := client.Request{Path: route, Query: [][2]string{{"body-format", "storage"}, {"sort", "-modified-date"}}, Ahead: true}
			size, err := s.Size(t.Context(), Measure{
				Listing: stream.FooterComments, Lists: []client.Request{req}, Since: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
			}, Spaces{}, nil)
			if err != nil || size.Rows != tt.rows || (size.Unknown != "") != tt.fails {
				t.Errorf("got %+v, %v", size, err)
			}
			if n := f.count(name); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}
