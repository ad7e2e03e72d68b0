package client

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// emptyPages is a list of so many pages without a row, then one that has some and is the last.
type emptyPages struct{ left int }

func (e *emptyPages) RoundTrip(*http.Request) (*http.Response, error) {
	if e.left == 0 {
		return reply(http.StatusOK, `{"results":[{"id":"1"}]}`), nil
	}
	e.left--
	return reply(http.StatusOK, `{"results":[],"_links":{"next":"/x?cursor=c`+strconv.Itoa(e.left)+`"}}`), nil
}

// TestEmptyPages reads a list of which the account may see nothing for thousands of pages,
// and one that has no end.
func TestEmptyPages(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		empty int // pages without a row, before one that has some and is the last
		ends  bool
	}{{mostEmpty, true}, {mostEmpty + 1, false}} {
		cfg := testConfig()
		cfg.RequestsPerSecond = 0
		c, err := New(cfg, Options{Transport: &emptyPages{left: test.empty}})
		if err != nil {
			t.Fatal(err)
		}
		pager, cursor := c.Pager(Request{Path: "/wiki/api/v2/pages"}, 250), ""
		for err = nil; err == nil; {
			var page *Page
			if page, err = pager.Page(t.Context(), cursor); err == nil {
				page.Release()
				if cursor = page.Next; cursor == "" {
					break
				}
			}
		}
		if ended := err == nil; ended != test.ends || !ended && (KindOf(err) != KindMalformed || !strings.Contains(err.Error(), "does not end")) {
			t.Errorf("after %d empty pages: %v", test.empty, err)
		}
	}
}
