package site

import (
	"strconv"
	"testing"
	"testing/synctest"

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
