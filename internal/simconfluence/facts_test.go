package simconfluence

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/apifacts"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// conforms checks an answer against the official documents and what was observed beyond them.
func conforms(t *testing.T, s *Site, path string) {
	t.Helper()
	got := get(t, s, path)
	if got.status != 200 {
		t.Errorf("GET %s: %d %s", path, got.status, got.body)
		return
	}
	facts := apifacts.Load()
	route, _, _ := strings.Cut(path, "?")
	op := facts.Operation(route)
	if op == nil {
		t.Fatalf("%s is no documented route", route)
	}
	if err := facts.CheckAnswer(op, decode(t, got.body), facts.Observed.Allows); err != nil {
		t.Errorf("GET %s: %v", path, err)
	}
}

// TestAnswersFitTheDocuments asks every route about every item of a small site.
func TestAnswersFitTheDocuments(t *testing.T) {
	s := New(small())
	for _, l := range stream.EveryListing() {
		if l.Of != nil || l == stream.AuditLog { // see TestAuditFits
			continue
		}
		if l.Offset {
			conforms(t, s, l.Route+"?"+queryOf(l.Query, "limit=200"))
			continue
		}
		query := queryOf(l.Query, "limit=250")
		if l.Statuses != nil {
			query += "&status=" + strings.Join(l.Statuses, ",")
		}
		if l.Typed {
			query += "&type=" + s.CustomTypes()[0]
		}
		conforms(t, s, with(l.Route, "", query))
		if l.Body {
			conforms(t, s, with(l.Route, "", query+"&body-format=storage"))
			conforms(t, s, with(l.Route, "", query+"&body-format=atlas_doc_format"))
		}
		for _, row := range listing(t, s, l) {
			if l.Item == "" {
				break
			}
			itemFits(t, s, l, row)
		}
	}
	for _, st := range stream.Every() {
		if st.Route == "" || st.Parent.Of != nil {
			continue
		}
		for _, parent := range listing(t, s, st.Parent) {
			conforms(t, s, with(st.Route, field(t, parent, "id"), queryOf(st.Query, "limit=200")))
		}
	}
}

// itemFits asks for one item and what belongs to it beyond the streams.
func itemFits(t *testing.T, s *Site, l *stream.Listing, row json.RawMessage) {
	t.Helper()
	id := field(t, row, "id")
	query := "include-labels=true&include-properties=true&include-versions=true&include-permissions=true&include-operations=true"
	conforms(t, s, with(l.Item, id, query))
	switch l {
	case stream.Pages:
		for _, route := range []string{"/pages/{id}/attachments", "/pages/{id}/children", "/pages/{id}/custom-content?type=" + s.CustomTypes()[0]} {
			conforms(t, s, stream.Path(route, id))
		}
	case stream.BlogPosts:
		conforms(t, s, stream.Path("/blogposts/{id}/attachments", id))
	case stream.Attachments:
		conforms(t, s, stream.Path("/attachments/{id}/footer-comments", id))
	case stream.CustomContent:
		for _, sub := range []string{"attachments", "labels", "properties", "footer-comments", "versions"} {
			conforms(t, s, stream.Path("/custom-content/{id}/"+sub, id))
		}
	case stream.FooterComments, stream.InlineComments:
		for _, sub := range []string{"/children?body-format=storage", "/versions"} {
			conforms(t, s, stream.Path(l.Item+sub, id))
		}
	case stream.Spaces:
		for _, sub := range []string{"/pages?body-format=storage", "/blogposts", "/custom-content?type=" + s.CustomTypes()[1]} {
			conforms(t, s, stream.Path(l.Item+sub, id))
		}
	}
}

// TestLabelRoutesFit asks the routes by label.
func TestLabelRoutesFit(t *testing.T) {
	s := New(small())
	conforms(t, s, stream.Path("/labels", "")+"?limit=250&prefix=my,global")
	for _, row := range allRows(t, s, stream.Path("/labels?limit=250", "")) {
		for _, k := range []string{"pages", "blogposts", "attachments"} {
			conforms(t, s, stream.Path("/labels/{id}/"+k+"?limit=250", field(t, row, "id")))
		}
	}
	conforms(t, s, "/wiki/rest/api/user/current")
}
