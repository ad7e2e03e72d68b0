package simconfluence

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestErrorShapes says that the words are in every shape, and that JSON stays JSON.
func TestErrorShapes(t *testing.T) {
	if n := len(ErrorShapes()); n != 12 {
		t.Errorf("%d shapes", n)
	}
	const words = `The "IP" address has been rejected`
	for _, e := range ErrorShapes() {
		s := New(small())
		s.SetFaults(e.Fault(403, words))
		got := get(t, s, stream.V2+"/pages")
		if got.status != 403 || got.header.Get("Content-Type") != e.ContentType {
			t.Errorf("%s: %d %s", e.Name, got.status, got.header.Get("Content-Type"))
		}
		text := string(got.body)
		if strings.HasPrefix(e.ContentType, "application/") {
			text = fmt.Sprint(decode(t, got.body))
		}
		if !strings.Contains(text, words) {
			t.Errorf("%s: %s", e.Name, got.body)
		}
	}
}

// TestNamedFaults says what the ready-made faults answer.
func TestNamedFaults(t *testing.T) {
	s := New(Options{Groups: 5, Pages: 5, AllVisible: true})
	var p page
	if err := json.Unmarshal(get(t, s, "/wiki/api/v2/pages?limit=2").body, &p); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		fault  Fault
		path   string
		status int
		has    string
	}{
		"401":            {Unauthenticated(), "/wiki/api/v2/pages", 401, "Unauthorized"},
		"edge":           {EdgeNotFound(), "/wiki/api/v2/pages", 404, "<html>"},
		"bare":           {BareNotFound(), "/wiki/api/v2/pages", 404, `"title":"Not Found","detail":null`},
		"cursor":         {RefuseCursor(), p.Links.Next, 400, "Expected type is Cursor."},
		"no cursor":      {RefuseCursor(), "/wiki/api/v2/pages", 200, "results"},
		"who":            {WhoAmI(410), userCurrent, 410, "Gone"},
		"who else":       {WhoAmI(410), "/wiki/api/v2/pages", 200, "results"},
		"denied":         {Denied(LoginNoRights), "/wiki/api/v2/pages", 403, "Not allowed"},
		"first row only": {FirstRowOnly(), "/wiki/rest/api/group?start=2&limit=3", 200, `"next":"/rest/api/group?start=3"`},
	} {
		s.SetFaults(test.fault)
		if got := get(t, s, test.path); got.status != test.status || !strings.Contains(string(got.body), test.has) {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	s.SetFaults(FirstRowOnly())
	if err := json.Unmarshal(get(t, s, "/wiki/rest/api/group?start=2&limit=3").body, &p); err != nil || len(p.Results) != 1 {
		t.Errorf("%d rows, %v", len(p.Results), err)
	}
}
