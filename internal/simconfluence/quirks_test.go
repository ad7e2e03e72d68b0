package simconfluence

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
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

// TestBinnedComments says that site-wide lists can show comments on what is in the trash.
func TestBinnedComments(t *testing.T) {
	without := allRows(t, quirky(Quirks{}), stream.V2+"/footer-comments?limit=250")
	with := allRows(t, quirky(Quirks{BinnedComments: true}), stream.V2+"/footer-comments?limit=250")
	if len(with) <= len(without) {
		t.Errorf("%d rows, %d without those of the trash", len(with), len(without))
	}
}

// TestNoTaskSpaces says that tasks can name no space.
func TestNoTaskSpaces(t *testing.T) {
	for _, q := range []Quirks{{}, {NoTaskSpaces: true}} {
		for _, row := range allRows(t, quirky(q), stream.V2+"/tasks?limit=250") {
			if has := decode(t, row)["spaceId"] != nil; has == q.NoTaskSpaces {
				t.Fatalf("%+v: %s", q, row)
			}
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
