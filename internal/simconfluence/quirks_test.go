package simconfluence

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// quirky is a small site with one habit.
func quirky(q Quirks) *Site {
	o := small()
	o.Quirks = q
	return New(o)
}

// pageID is the id of a page by its ordinal.
func pageID(s *Site, i int) string { return string(s.appendID(nil, Page, i)) }

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
			if route == "" {
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

// TestTrashLiesNowhere says that what is trashed has no parent and no position.
func TestTrashLiesNowhere(t *testing.T) {
	s := New(small())
	rows := allRows(t, s, stream.V2+"/pages?status=trashed&status=deleted")
	for _, row := range rows {
		if !strings.Contains(string(row), `"parentType":null,"parentId":null`) || !strings.Contains(string(row), `"position":null`) {
			t.Errorf("%s", row)
		}
	}
	if len(rows) == 0 {
		t.Error("nothing is trashed")
	}
	both := len(allRows(t, s, stream.V2+"/pages?status=current&status=trashed"))
	s.SetQuirks(Quirks{EmptyTrash: true})
	if n := len(allRows(t, s, stream.V2+"/pages?status=trashed")); n != 0 {
		t.Errorf("%d rows in a trash that looks empty", n)
	}
	if n := len(allRows(t, s, stream.V2+"/pages?status=current&status=trashed")); n == 0 || n >= both {
		t.Errorf("%d rows, %d with the trash", n, both)
	}
	id := field(t, rows[0], "id")
	if got := get(t, s, stream.V2+"/pages/"+id+"?status=trashed"); got.status != 404 {
		t.Errorf("one of the trash: %d", got.status)
	}
	s.SetQuirks(Quirks{RefuseRepeated: true})
	for query, want := range map[string]int{"status=current&status=trashed": 400, "status=current,trashed": 200, "status=trashed": 200} {
		if got := get(t, s, stream.V2+"/pages?"+query); got.status != want {
			t.Errorf("%s: %d", query, got.status)
		}
	}
	s.SetQuirks(Quirks{RefuseMixedTrash: true})
	for query, want := range map[string]int{"status=current&status=trashed": 400, "status=current,trashed": 400, "status=current&status=archived": 200} {
		if got := get(t, s, stream.V2+"/pages?"+query); got.status != want {
			t.Errorf("%s: %d", query, got.status)
		}
	}
}

// TestParentTypes says that some rows leave the type of their parent out, and that the truth
// counts them as child pages.
func TestParentTypes(t *testing.T) {
	o := Scaled(7, 300)
	children := count(New(o), "child_pages", TruthOptions{})
	o.Quirks.NoParentTypes = true
	s := New(o)
	null, absent, told := 0, 0, 0
	for _, row := range allRows(t, s, stream.V2+"/pages?limit=250") {
		var page map[string]any
		if err := json.Unmarshal(row, &page); err != nil {
			t.Fatal(err)
		}
		if typ, ok := page["parentType"]; page["parentId"] == nil || typ != nil {
			told++
		} else if ok {
			null++
		} else {
			absent++
		}
	}
	if null == 0 || absent == 0 || told < 3*(null+absent) {
		t.Errorf("%d null, %d absent, %d told", null, absent, told)
	}
	if n := count(s, "child_pages", TruthOptions{}); n != children {
		t.Errorf("%d child pages, want %d", n, children)
	}
}

// TestPlacelessChildren says that children are lost behind a cursor where some have no position.
func TestPlacelessChildren(t *testing.T) {
	o := Scaled(7, 400)
	o.WideParent = 80
	s := New(o)
	route := stream.V2 + "/pages/" + pageID(s, 0) + "/direct-children"
	whole := len(allRows(t, s, route+"?limit=250"))
	if whole < 50 {
		t.Fatalf("only %d children", whole)
	}
	if n := len(allRows(t, s, route+"?limit=20&sort=id")); n != whole {
		t.Errorf("%d children by id, want %d", n, whole)
	}
	if n := len(allRows(t, s, route+"?limit=20")); n > 20 || n == 0 {
		t.Errorf("%d children by position, want the first page's", n)
	}
}

// TestNullPages says that replies may not say what they are on, and that the truth does.
func TestNullPages(t *testing.T) {
	for _, test := range []struct {
		q             Quirks
		plain, listed bool // null there
	}{{Quirks{}, false, false}, {Quirks{ReplyNullPage: true}, true, false}, {Quirks{SitewideNullPage: true}, false, true}} {
		s := quirky(test.q)
		nulls := func(rows []json.RawMessage) (n int) {
			for _, row := range rows {
				n += strings.Count(string(row), `"pageId":null`)
			}
			return n
		}
		if n := nulls(allRows(t, s, stream.V2+"/footer-comments?limit=250")); (n > 0) != test.listed {
			t.Errorf("%+v: %d nulls in the site-wide list", test.q, n)
		}
		plain := 0
		for row := range s.Truth("page_footer_comments", TruthOptions{}) {
			if field(t, row.Data, "pageId") != row.Parent {
				t.Errorf("truth: %s", row.Data)
			}
			plain += len(row.Key)
			plain += 1000 * nulls(allRows(t, s, stream.Path("/footer-comments/{id}/children", row.Key[0])))
		}
		if (plain > 1000) != test.plain {
			t.Errorf("%+v: %d", test.q, plain)
		}
	}
}

// TestBlocks says that combined reads can lack their blocks, or the rows in them.
func TestBlocks(t *testing.T) {
	for q, want := range map[string]string{"none": `"labels":`, "bare": `"results":`} {
		s := quirky(Quirks{NoBlocks: q == "none", BareBlocks: q == "bare"})
		got := get(t, s, stream.V2+"/pages/"+pageID(s, 1)+"?include-labels=true&include-versions=true")
		if decode(t, got.body)["id"] == nil || strings.Contains(string(got.body), want) {
			t.Errorf("%s: %s", q, got.body)
		}
		if q == "bare" && !strings.Contains(string(got.body), `"labels":{"meta":`) {
			t.Errorf("%s", got.body)
		}
	}
}

// TestUnrenderable says that one body can spoil whatever would hold it.
func TestUnrenderable(t *testing.T) {
	s := New(small())
	bad := ""
	for row := range s.Truth("pages", TruthOptions{Statuses: []string{current}}) {
		bad = row.Key[0]
	}
	s.SetQuirks(Quirks{Unrenderable: []string{bad}})
	for path, want := range map[string]int{
		"/pages?limit=250": 200, "/pages?limit=250&body-format=storage": 500, "/pages?limit=2&body-format=storage": 200,
		"/pages/" + bad: 200, "/pages/" + bad + "?body-format=storage": 500, "/pages/" + pageID(s, 0) + "?body-format=storage": 200,
		"/pages?id=" + bad + "&body-format=storage": 500, "/blogposts?body-format=storage": 200,
	} {
		if got := get(t, s, stream.V2+path); got.status != want {
			t.Errorf("%s: %d %.100s, want %d", path, got.status, got.body, want)
		}
	}
}

// TestDates says that answers carry the site's own time, faults included.
func TestDates(t *testing.T) {
	s := New(small())
	date := func() time.Time {
		t.Helper()
		at, err := http.ParseTime(get(t, s, stream.V2+"/pages").header.Get("Date"))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	if got := date(); !got.Equal(s.Now()) {
		t.Errorf("it is %v, answers say %v", s.Now(), got)
	}
	if err := s.Edit(Page, pageID(s, 0)); err != nil {
		t.Fatal(err)
	}
	s.SetFaults(Times(1, Status(503, "{}")))
	if got := date(); !got.Equal(s.Now()) || s.modified(Page, 0) != got.UnixMilli() {
		t.Errorf("it is %v, answers say %v", s.Now(), got)
	}
	s.SetQuirks(Quirks{DateOff: -time.Hour})
	if got := date(); !got.Equal(s.Now().Add(-time.Hour)) {
		t.Errorf("it is %v, answers say %v", s.Now(), got)
	}
	s.SetQuirks(Quirks{NoDate: true})
	for name, client := range clients(t, s) {
		got, err := fetch(t.Context(), client, aList)
		if err != nil || got.header.Get("Date") != "" {
			t.Errorf("%s: %v %v", name, got.header, err)
		}
	}
}

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

// TestSearchIsTricky says how the search differs from a listing.
func TestSearchIsTricky(t *testing.T) {
	s := New(Scaled(7, 900))
	ask := func(query string) (rows int, total, next string) {
		t.Helper()
		got := get(t, s, "/wiki/rest/api/search?"+query)
		if got.status != 200 {
			return 0, got.header.Get("Content-Type"), string(got.body)
		}
		v := decode(t, got.body)
		links, _ := v["_links"].(map[string]any)
		next, _ = links["next"].(string)
		results, _ := v["results"].([]any)
		return len(results), fmt.Sprint(v["totalSize"]), next
	}
	_, all, next := ask("cql=type%3Dpage&includeArchivedSpaces=true&limit=5")
	_, some, _ := ask("cql=type%3Dpage&limit=5")
	if all == some || strings.Contains(next, "includeArchived") || strings.Contains(next, "start") || next == "" {
		t.Errorf("%s with archived spaces, %s without; next is %s", all, some, next)
	}
	first := string(get(t, s, "/wiki/rest/api/search?cql=type%3Dpage&limit=5").body)
	if again := string(get(t, s, "/wiki/rest/api/search?cql=type%3Dpage&limit=5&start=100").body); again != first {
		t.Error("start counts for something")
	}
	short := 0
	for path := "/rest/api/search?limit=20&cql=type%3Dpage"; path != ""; {
		rows, _, next := ask(strings.TrimPrefix(path, "/rest/api/search?"))
		if next != "" && rows < 20 {
			short++
		}
		path = next
	}
	if short == 0 {
		t.Error("no page is short")
	}
	if n := len(searchRows(t, s, "type=page")); n == 0 {
		t.Error("nothing is found")
	}
	for q, cql := range map[*Quirks]string{
		{}: "type=page and status=archived", {SearchRefuses: []string{"NOT IN"}}: "type not in (page)",
	} {
		s.SetQuirks(*q)
		if got := get(t, s, "/wiki/rest/api/search?cql="+strings.ReplaceAll(cql, " ", "%20")); got.status != 400 {
			t.Errorf("%s: %d", cql, got.status)
		}
	}
	s.SetQuirks(Quirks{SearchRefusesCursor: true})
	if got := get(t, s, "/wiki"+next); got.status != 400 {
		t.Errorf("the second question: %d", got.status)
	}
	s.SetQuirks(Quirks{IndexLag: time.Hour})
	before := len(searchRows(t, s, "type=blogpost"))
	s.Create(BlogPost)
	if n := len(searchRows(t, s, "type=blogpost")); n != before {
		t.Errorf("found at once: %d after %d", n, before)
	}
	s.Advance(2 * time.Hour)
	if n := len(searchRows(t, s, "type=blogpost")); n > before+1 || n < before {
		t.Errorf("%d hits an hour later, %d before", n, before)
	}
}
