package site

import (
	"testing"
	"testing/synctest"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestGone says what proves that an item is gone: one answer that shows a known item and not this
// one, or the item's own words. A bare 404 proves nothing.
func TestGone(t *testing.T) {
	t.Parallel()
	const (
		both     = "/pages?id=17,18&status=current&status=archived"
		only     = "/pages?id=17&status=current&status=archived"
		own      = "/pages/17"
		archived = own + "?status=archived"
		trashed  = own + "?status=trashed"
		named    = `404 {"errors":[{"status":404,"title":"Cannot find a page with id [17]"}]}`
		bare     = `404 {"errors":[{"status":404,"title":"Not Found"}]}`
	)
	live := []string{stream.Current, stream.Archived}
	page := Item{Listing: stream.Pages, ID: "17", Status: stream.Current, Beside: "18"}
	alone := page
	alone.Beside = ""
	attachment := Item{Listing: stream.Attachments, ID: "att17", Status: stream.Current, Beside: "att18"}
	comment := Item{Listing: stream.FooterComments, ID: "17"}
	label := Item{Listing: stream.Labels, ID: "17", Beside: "18"}
	space := Item{Listing: stream.Spaces, ID: "17", Status: stream.Current, Beside: "18"}
	for _, test := range []struct {
		name     string
		item     Item
		statuses []string
		answers  map[string][]string
		gone     bool
		doubt    client.Kind // of the error, KindOther for none
	}{
		{"the list shows the known one only", page, live, map[string][]string{both: {list("", `{"id":"18"}`)}}, true, client.KindOther},
		{"the list shows both", page, live, map[string][]string{both: {list("", `{"id":"18"}`, `{"id":"17"}`)}}, false, client.KindOther},
		{"both, on two pages", page, live, map[string][]string{both: {list("x", `{"id":"18"}`)}, both + "&cursor=x": {list("", `{"id":"17"}`)}}, false, client.KindOther},
		{"the list shows neither, the item has words", page, live, map[string][]string{both: {list("")}, own: {named}, archived: {named}}, true, client.KindOther},
		{"the list shows neither, the item is there", page, live, map[string][]string{both: {list("")}, own: {`{"id":"17","status":"current"}`}}, false, client.KindOther},
		{"the list shows neither, the item answers a bare 404", page, live, map[string][]string{both: {list("")}, own: {bare}}, false, client.KindVague},
		{"the list can't be had", page, live, map[string][]string{both: {"500 {}"}}, false, client.KindServer},
		{"the list breaks off behind the known one", page, live, map[string][]string{both: {list("x", `{"id":"18"}`)}, both + "&cursor=x": {"500 {}"}}, false, client.KindServer},
		{"the list shows it alone", alone, live, map[string][]string{only: {list("", `{"id":"17"}`)}}, false, client.KindOther},
		{"nothing known beside it", alone, live, map[string][]string{only: {list("")}, own: {named}, archived: {named}}, true, client.KindOther},
		{"archived meanwhile", alone, live, map[string][]string{only: {list("")}, own: {named}, archived: {`{"id":"17","status":"archived"}`}}, false, client.KindOther},
		{"archived meanwhile, which nobody wants", alone, live[:1], map[string][]string{only[:len(only)-len("&status=archived")]: {list("")}, own: {named}}, true, client.KindOther},
		{"taken out of the trash while its statuses are asked for", alone, live, map[string][]string{only: {list("")}, own: {named, `{"id":"17","status":"current"}`}, archived: {named}}, false, client.KindOther},
		{"words, but not as to whether it is archived", alone, live, map[string][]string{only: {list("")}, own: {named}, archived: {"500 {}"}}, false, client.KindServer},
		{"a bare 404 of the item", alone, live, map[string][]string{only: {list("")}, own: {bare}}, false, client.KindVague},
		{"words on another item", alone, live, map[string][]string{only: {list("")}, own: {`404 {"message":"Cannot find a page with id [171]"}`}}, false, client.KindVague},
		{"a path is no word", alone, live, map[string][]string{only: {list("")}, own: {`404 {"status":404,"error":"Not Found","path":"/wiki/api/v2/pages/17"}`}}, false, client.KindVague},
		{"it is in the trash", alone, live, map[string][]string{only: {list("")}, own: {`{"id":"17","status":"trashed"}`}}, true, client.KindOther},
		{"the trash is read", alone, []string{stream.Trashed}, map[string][]string{"/pages?id=17&status=trashed": {list("")}, own: {`{"id":"17","status":"trashed"}`}}, false, client.KindOther},
		{
			"trashed meanwhile, and the trash is read", alone, []string{stream.Current, stream.Archived, stream.Trashed},
			map[string][]string{only + "&status=trashed": {list("")}, own: {named}, archived: {named}, trashed: {`{"id":"17","status":"trashed"}`}}, false, client.KindOther,
		},
		{"it does not say its status", alone, live, map[string][]string{only: {list("")}, own: {`{"id":"17"}`}}, false, client.KindOther},
		{"the item can't be had", alone, live, map[string][]string{only: {list("")}, own: {"500 {}"}}, false, client.KindServer},
		{"the item may not be read", alone, live, map[string][]string{only: {list("")}, own: {`403 {"message":"no"}`}}, false, client.KindForbidden},
		{"taken out of the archive meanwhile", Item{Listing: stream.Pages, ID: "17", Status: stream.Archived}, live, map[string][]string{only: {list("")}, own: {`{"id":"17","status":"current"}`}}, false, client.KindOther},
		{"of attachments no list takes ids", attachment, live, map[string][]string{"/attachments/att17": {`404 {"title":"attachment att17 is not there"}`}}, true, client.KindOther},
		{"an attachment in the trash", attachment, live, map[string][]string{"/attachments/att17": {`{"id":"att17","status":"trashed"}`}}, true, client.KindOther},
		{"an attachment that is there, and every status counts", attachment, nil, map[string][]string{"/attachments/att17": {`{"id":"att17","status":"trashed"}`}}, false, client.KindOther},
		{"a comment", comment, nil, map[string][]string{"/footer-comments/17": {`404 {"detail":"no comment 17"}`}}, true, client.KindOther},
		{"a comment that is there", comment, nil, map[string][]string{"/footer-comments/17": {`{"id":"17","status":"historical"}`}}, false, client.KindOther},
		{"a label", label, nil, map[string][]string{"/labels?label-id=17,18": {list("", `{"id":"18"}`)}}, true, client.KindOther},
		{"a label of which the list shows nothing", label, nil, map[string][]string{"/labels?label-id=17,18": {list("")}}, false, client.KindOther},
		{"a space", space, nil, map[string][]string{"/spaces?description-format=plain&include-icon=true&ids=17,18": {list("", `{"id":"18"}`)}}, true, client.KindOther},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, _, _ := opened(t, nil, test.answers)
				gone, err := s.Gone(t.Context(), test.item, test.statuses)
				if gone != test.gone {
					t.Errorf("gone: %v", gone)
				}
				if client.KindOf(err) != test.doubt || (err == nil) != (test.doubt == client.KindOther) {
					t.Errorf("doubt %v, want %v", err, test.doubt)
				}
			})
		})
	}
}
