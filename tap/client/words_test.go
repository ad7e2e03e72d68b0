package client

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

// TestSiteWords: the site's words are found in every shape that Atlassian's services,
// gateways and proxies were seen to give them.
func TestSiteWords(t *testing.T) {
	for name, tt := range map[string]struct{ body, want string }{
		"v2 title":              {`{"errors":[{"status":404,"code":"NOT_FOUND","title":"Cannot find a page","detail":null}]}`, "Cannot find a page"},
		"v2 title and detail":   {`{"errors":[{"title":"Bad request","detail":"limit is too big"}]}`, "Bad request: limit is too big"},
		"v2 several":            {`{"errors":[{"title":"A"},{"title":"B"},{"title":"A"}]}`, "A; B"},
		"errors with messages":  {`{"errors":[{"message":"CQL: no field status"}]}`, "CQL: no field status"},
		"errors as texts":       {`{"errors":["one","two"]}`, "one; two"},
		"errors by field":       {`{"errorMessages":[],"errors":{"limit":"too big","cql":"bad"}}`, "cql: bad; limit: too big"},
		"error messages":        {`{"errorMessages":["The IP address has been rejected"],"errors":{}}`, "The IP address has been rejected"},
		"error object":          {`{"error":{"code":429,"message":"Too many"}}`, "Too many"},
		"v1 message":            {`{"statusCode":403,"message":"not permitted","reason":"Forbidden"}`, "not permitted; Forbidden"},
		"v1 data":               {`{"statusCode":400,"data":{"errors":[{"message":{"key":"x.y","translation":"Could not parse cql"}}]},"message":"BadRequestException"}`, "Could not parse cql; BadRequestException"},
		"gateway":               {`{"code":401,"message":"Unauthorized; scope does not match"}`, "Unauthorized; scope does not match"},
		"spring":                {`{"timestamp":"now","status":404,"error":"Not Found","message":"Nothing here","path":"/wiki/x/7"}`, "Nothing here"},
		"spring without words":  {`{"timestamp":"now","status":404,"error":"Not Found","path":"/wiki/x/7"}`, "Not Found"},
		"problem":               {`{"type":"about:blank","title":"Not allowed","status":405,"detail":"GET is not for this","instance":"/x/7"}`, "Not allowed: GET is not for this"},
		"oauth":                 {`{"error":"invalid_token","error_description":"The token has expired"}`, "The token has expired"},
		"plain text":            {"Too many requests to database\n", "Too many requests to database"},
		"JSON text":             {`"no"`, "no"},
		"page":                  {"<!DOCTYPE html><HTML><head><Title lang=en>\n Site&nbsp;unavailable &amp; gone </TITLE>", "Site unavailable & gone"},
		"page without a title":  {"<html>x", ""},
		"page cut in its title": {"<html><title>x", ""},
		"empty":                 {"", ""},
		"nothing known":         {`{"a":1,"path":"/x"}`, ""},
		"other types":           {`{"errors":7,"message":[1,{"a":2}],"title":{},"error":null}`, ""},
		"cut":                   {`{"errors":[{"title":"A"`, ""},
	} {
		page := strings.HasPrefix(tt.body, "<")
		if got := clean(strings.Join(siteWords([]byte(tt.body), page), "; ")); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

// TestNames: an id counts only as a whole token of the site's words, and not in a path.
func TestNames(t *testing.T) {
	for _, tt := range []struct {
		body, id string
		want     bool
	}{
		{`{"errors":[{"title":"Cannot find a page with id [123]","detail":null}]}`, "123", true},
		{`{"errors":[{"title":"Not Found","detail":"Could not find page with id 123."}]}`, "123", true},
		{`{"message":"Content with id: 123 not found"}`, "123", true},
		{`{"message":"Cannot find [page] entity with id=123"}`, "123", true},
		{`{"message":"no group 5b2f-77-aa"}`, "5b2f-77-aa", true},
		{`{"message":"no group 5b2f-77-aa"}`, "77", false},
		{`{"message":"Cannot find a page with id [1234]"}`, "123", false},
		{`{"message":"Cannot find a page with id [0123]"}`, "123", false},
		{`{"message":"Cannot find a page with id [1234], nor 123"}`, "123", true},
		{`{"message":"null for uri: https://acme.example/wiki/api/v2/pages/123"}`, "123", false},
		{`{"message":"No endpoint GET /wiki/api/v2/pages/123/labels."}`, "123", false},
		{`{"status":404,"error":"Not Found","path":"/wiki/api/v2/pages/123"}`, "123", false},
		{`{"errors":[{"status":404,"code":"NOT_FOUND","title":"Not Found","detail":null}]}`, "404", false},
		{`{"message":"Content 123 not found"}`, "", false},
		{`{"message":"` + strings.Repeat("long words ", 100) + `123"}`, "123", true},
	} {
		e := &Error{words: strings.Join(siteWords([]byte(tt.body), false), "\n")}
		if got := e.Names(tt.id); got != tt.want {
			t.Errorf("%s names %q: %v", tt.body, tt.id, got)
		}
	}
}

// TestNotFound: a 404 is a word on the item only if it names what was asked for.
func TestNotFound(t *testing.T) {
	const named, bare = `{"errors":[{"title":"Cannot find a page with id [123]"}]}`, `{"errors":[{"title":"Not Found","detail":null}]}`
	for _, tt := range []struct {
		req  Request
		body string
		want Kind
	}{
		{Request{Path: "/wiki/api/v2/pages/123/labels"}, named, KindNotFound},
		{Request{Path: "/wiki/api/v2/pages/123/labels"}, bare, KindVague},
		{Request{Path: "/wiki/api/v2/pages/99/labels"}, named, KindVague},
		{Request{Path: "/wiki/api/v2/pages", Query: [][2]string{{"id", "99,123"}}}, named, KindNotFound},
		{Request{Path: "/wiki/api/v2/pages", Query: [][2]string{{"space-id", "123"}}}, named, KindNotFound},
		{Request{Path: "/wiki/api/v2/pages", Query: [][2]string{{"limit", "123"}}}, named, KindVague},
		{Request{Path: "/wiki/rest/api/group/5b-2f/membersByGroupId"}, `{"message":"no group 5b-2f"}`, KindNotFound},
		{Request{Path: "/wiki/api/v2/pages/123"}, "Not Found", KindVague},
		{Request{Path: "/wiki/api/v2/pages/123"}, "", KindVague},
		{Request{Path: "/wiki/api/v2/pages/2"}, `{"message":"v2 has nothing of the kind"}`, KindVague},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := newTest(t, testConfig(), inTurn(says(404, tt.body)), Options{})
			_, err := c.Get(t.Context(), tt.req)
			if KindOf(err) != tt.want {
				t.Errorf("%s, %s: %v", tt.req.target(), tt.body, err)
			}
			if e, ok := errors.AsType[*Error](err); !ok || e.Status != 404 {
				t.Errorf("status of %v", err)
			}
		})
	}
}
