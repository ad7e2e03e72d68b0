package client

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestOnce: a request that is asked once is sent once, whatever comes.
func TestOnce(t *testing.T) {
	for name, answer := range map[string]func() (*http.Response, error){
		"500": says(500, ""), "429": says(429, ""), "network": fails(errRefused), "bare 404": says(404, bare),
		"cut": says(200, `{"a":`), "shape": says(200, `[]`), "401": says(401, ""), "page": says(404, "<html>"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := moody(always(200, me), func(int) *http.Response { resp, _ := answer(); return resp })
				if name == "network" {
					site = &fakeSite{answer: func(n int, _ *http.Request) (*http.Response, error) {
						if n == 0 {
							return reply(200, me), nil
						}
						return nil, errRefused
					}}
				}
				c := probed(t, testConfig(), site)
				once := page1
				once.Once = true
				begin := time.Now()
				if _, err := c.Get(t.Context(), once); err == nil || time.Since(begin) > time.Second {
					t.Errorf("after %v: %v", time.Since(begin), err)
				}
				if n := len(site.attempts()); n != 2 {
					t.Errorf("sent %d times", n-1)
				}
			})
		})
	}
}

// TestPost: a body is sent with every attempt, and is never turned into a GET.
func TestPost(t *testing.T) {
	post := Request{Method: http.MethodPost, Path: "/wiki/api/v2/users-bulk", Body: []byte(`{"accountIds":["5b10"]}`)}
	synctest.Test(t, func(t *testing.T) {
		site := &fakeSite{answer: func(n int, req *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(req.Body)
			if req.Method != "POST" || string(body) != string(post.Body) || req.Header.Get("Content-Type") != "application/json" {
				t.Errorf("got %s %q %v", req.Method, body, req.Header)
			}
			switch n {
			case 0:
				return reply(503, "", "Retry-After", "1"), nil
			case 1:
				return nil, errRefused
			default:
				return reply(200, `{"results":[]}`), nil
			}
		}}
		c, _ := newTest(t, testConfig(), site, Options{})
		if _, err := c.Get(t.Context(), post); err != nil || len(site.attempts()) != 3 {
			t.Errorf("%d attempts: %v", len(site.attempts()), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		site := inTurn(says(302, "", "Location", "/wiki/elsewhere"))
		c, _ := newTest(t, testConfig(), site, Options{})
		_, err := c.Get(t.Context(), post)
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != KindRedirect || e.Method != "POST" || len(site.attempts()) != 1 {
			t.Errorf("%d attempts: %v", len(site.attempts()), err)
		}
	})
}

// TestRows: the iterator gives the rows of all pages, and ends with its loop or an error.
func TestRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := newTest(t, testConfig(), listing(1001, nil), Options{})
		var ids []string
		for rows, err := range c.Rows(t.Context(), page1, 250) {
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				id, _ := row.Get("id").Text()
				ids = append(ids, id)
			}
		}
		wantIDs(t, ids, 1001)

		site := listing(1001, nil)
		c, _ = newTest(t, testConfig(), site, Options{})
		for _, err := range c.Rows(t.Context(), page1, 250) {
			if err != nil {
				t.Error(err)
			}
			break
		}
		if n := len(site.attempts()); n != 1 || c.memory.free != maxMemory {
			t.Errorf("left after one page: %d requests, %d bytes still taken", n, maxMemory-c.memory.free)
		}

		broken := listing(1001, func(start, _ int) *http.Response {
			if start == 500 {
				return reply(403, "")
			}
			return nil
		})
		c, _ = newTest(t, testConfig(), broken, Options{})
		var kinds []Kind
		for _, err := range c.Rows(t.Context(), page1, 250) {
			kinds = append(kinds, KindOf(err))
		}
		if !slices.Equal(kinds, []Kind{KindOther, KindOther, KindForbidden}) {
			t.Errorf("got %v", kinds)
		}
	})
}
