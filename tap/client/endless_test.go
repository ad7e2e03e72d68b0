package client

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

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
		c, err := New(cfg, Options{Transport: &fakeSite{answer: func(n int, _ *http.Request) (*http.Response, error) {
			if n >= test.empty {
				return reply(http.StatusOK, `{"results":[{"id":"1"}]}`), nil
			}
			return reply(http.StatusOK, fmt.Sprintf(`{"results":[],"_links":{"next":"/x?cursor=c%d"}}`, n)), nil
		}}})
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
