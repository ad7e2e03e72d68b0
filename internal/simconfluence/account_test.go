package simconfluence

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestLostAccount says what each route answers to credentials that the site forgot.
func TestLostAccount(t *testing.T) {
	s := New(small())
	const v2, v1 = `{"errors":[{"status":404,"code":"NOT_FOUND","title":"Not Found","detail":null}]}`, `"statusCode":403`
	routes := map[string]string{
		"/wiki/api/v2/spaces": v2, "/wiki/api/v2/pages?limit=5": v2, "/wiki/api/v2/pages/" + pageID(s, 0): v2, "/wiki/api/v2/tasks": v2,
		"/wiki/api/v2/pages/" + pageID(s, 0) + "/labels": v2, "/wiki/rest/api/group": v1, userCurrent: "caller cannot access Confluence",
		"/wiki/rest/api/search?cql=type=page": notPermitted,
	}
	ask := func(lost bool) {
		t.Helper()
		for path, want := range routes {
			got := get(t, s, path)
			if has := strings.Contains(string(got.body), want); has != lost || (got.status == 200) == lost {
				t.Errorf("GET %s, lost %v: %d %.200s", path, lost, got.status, got.body)
			}
			if got.header.Get("X-Seraph-LoginReason") != "" {
				t.Errorf("GET %s: a header gives it away", path)
			}
		}
	}
	ask(false)
	s.LoseAccountAfter(len(routes))
	ask(false)
	ask(true)
	s.RestoreAccount()
	ask(false)
	s.LoseAccountAfter(1)
	s.RestoreAccount()
	ask(false)
	s.LoseAccountAfter(len(routes))
	s.SetModeAfter(2*len(routes), Normal)
	ask(false)
	ask(true)
	ask(false)
	s.LoseAccount()
	ask(true)
}

// TestPublicRows says that a dead token on an open site shows some rows and no header.
func TestPublicRows(t *testing.T) {
	s := New(Scaled(7, 400))
	whole := map[string]int{}
	routes := []string{"/spaces", "/pages", "/blogposts", "/attachments", "/footer-comments", "/inline-comments", "/tasks"}
	for _, route := range routes {
		whole[route] = len(allRows(t, s, stream.V2+route))
	}
	for mode, me := range map[Mode]string{Public: `"type":"anonymous"`, PublicDenied: "caller cannot access"} {
		s.SetMode(mode)
		for _, route := range routes {
			got := get(t, s, stream.V2+route)
			n := len(allRows(t, s, stream.V2+route))
			if n == 0 || n >= whole[route] || got.header.Get("X-Seraph-LoginReason") != "" {
				t.Errorf("%s: %d of %d rows, %v", route, n, whole[route], got.header)
			}
		}
		if got := get(t, s, userCurrent); !strings.Contains(string(got.body), me) {
			t.Errorf("mode %d, the current user: %d %s", mode, got.status, got.body)
		}
		if got := get(t, s, "/wiki/rest/api/group"); got.status != 403 {
			t.Errorf("groups: %d", got.status)
		}
		for i, status := range map[int]int{0: 200, 1: 404} { // the homepages of the first two spaces
			if got := get(t, s, stream.V2+"/pages/"+pageID(s, i)+"/labels"); got.status != status {
				t.Errorf("labels of page %d: %d, want %d", i, got.status, status)
			}
		}
	}
}

// TestOverload says that a site under load recovers by itself.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(small())
		s.Overload(time.Minute)
		for path, status := range map[string]int{"/wiki/api/v2/pages": 404, userCurrent: 403} {
			got := get(t, s, path)
			if got.status != status || got.header.Get("X-Cache") != "Error from cloudfront" {
				t.Errorf("%s: %d %v", path, got.status, got.header)
			}
		}
		<-time.After(time.Minute)
		if got := get(t, s, "/wiki/api/v2/pages"); got.status != 200 {
			t.Errorf("a minute later: %d", got.status)
		}
	})
}

// TestNotFoundNames says that every genuine 404 names what isn't there.
func TestNotFoundNames(t *testing.T) {
	s := New(small())
	words := map[string]bool{}
	for i := range stream.All {
		st := &stream.All[i]
		for _, route := range []string{st.Route, st.Replies, st.Labelled, st.Listing.Item} {
			if route == "" || strings.HasPrefix(route, "/wiki/") { // version 1 has words of its own
				continue
			}
			got := get(t, s, stream.Path(route, "424242"))
			var e struct{ Errors []apiError }
			if json.Unmarshal(got.body, &e) != nil || got.status != 404 || len(e.Errors) != 1 {
				t.Fatalf("%s: %d %s", route, got.status, got.body)
			}
			text := e.Errors[0].Title
			if e.Errors[0].Detail != nil {
				text += *e.Errors[0].Detail
			}
			if !strings.Contains(text, "[424242]") {
				t.Errorf("%s: %q names nothing", route, text)
			}
			words[strings.Fields(text)[0]] = true
		}
	}
	if len(words) < 4 {
		t.Errorf("only these wordings: %v", words)
	}
}

// TestSeesNothing says that an account may see no space at all.
func TestSeesNothing(t *testing.T) {
	s := quirky(Quirks{SeesNothing: true})
	for _, route := range []string{"/spaces", "/pages", "/attachments", "/tasks", "/footer-comments"} {
		if n := len(allRows(t, s, stream.V2+route)); n != 0 {
			t.Errorf("%s: %d rows", route, n)
		}
	}
	if got := get(t, s, userCurrent); got.status != 200 {
		t.Errorf("the current user: %d", got.status)
	}
	if n := len(offsetRows(t, s, "/wiki/rest/api/group", 200)); n == 0 {
		t.Error("no groups")
	}
}
