package simconfluence

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// small is a site that is small and has every nasty case.
func small() Options { return Scaled(7, 60) }

// reply is what a request got.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// get asks the site for a path.
func get(t *testing.T, h http.Handler, path string) reply {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = "acme.atlassian.net"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.Bytes()}
}

// decode decodes an answer without losing digits.
func decode(t *testing.T, body []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("decoding %.200q: %v", body, err)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("more after the answer: %.200q", body)
	}
	return v
}

// page is one page of a list.
type page struct {
	Results []json.RawMessage `json:"results"`
	Links   struct {
		Next string `json:"next"`
		Base string `json:"base"`
	} `json:"_links"`
}

// listPages reads a list to its end by the cursor of next, and returns the pages.
func listPages(t *testing.T, h http.Handler, path string) []page {
	t.Helper()
	var pages []page
	seen := map[string]bool{}
	for {
		got := get(t, h, path)
		if got.status != http.StatusOK {
			t.Fatalf("GET %s: %d %s", path, got.status, got.body)
		}
		var p page
		if err := json.Unmarshal(got.body, &p); err != nil {
			t.Fatalf("GET %s: %v in %.300q", path, err, got.body)
		}
		pages = append(pages, p)
		if p.Links.Next == "" {
			return pages
		}
		if seen[p.Links.Next] {
			t.Fatalf("GET %s: the cursor repeats", path)
		}
		seen[p.Links.Next] = true
		if _, err := url.Parse(p.Links.Next); err != nil {
			t.Fatal(err)
		}
		path = p.Links.Next
	}
}

// allRows returns the rows of a list.
func allRows(t *testing.T, h http.Handler, path string) []json.RawMessage {
	t.Helper()
	var rows []json.RawMessage
	for _, p := range listPages(t, h, path) {
		rows = append(rows, p.Results...)
	}
	return rows
}

// field returns a field of a row as text.
func field(t *testing.T, row json.RawMessage, name string) string {
	t.Helper()
	return fieldText(row, name)
}

// with adds a query to a path of the table of streams.
func with(route, id, query string) string {
	path := stream.Path(route, id)
	if query != "" {
		path += "?" + query
	}
	return path
}

// queryOf writes fixed parameters as a query.
func queryOf(params [][2]string, more ...string) string {
	var parts []string
	for _, p := range params {
		parts = append(parts, p[0]+"="+p[1])
	}
	return strings.Join(append(parts, more...), "&")
}
