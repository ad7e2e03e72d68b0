package simconfluence

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestEveryLimitGivesEachRowOnce pages through lists of every sort with every limit.
func TestEveryLimitGivesEachRowOnce(t *testing.T) {
	s := New(Scaled(7, 60))
	page1 := string(s.appendID(nil, Page, 1))
	paths := []string{
		"/spaces", "/pages", "/pages?status=trashed", "/pages?sort=-modified-date", "/pages?sort=title", "/blogposts",
		"/attachments", "/attachments?sort=created-date", "/footer-comments?sort=-created-date", "/inline-comments?sort=modified-date",
		"/tasks", "/labels", "/labels?sort=-name", "/custom-content?type=" + s.CustomTypes()[0],
		"/pages/" + page1 + "/labels", "/pages/" + page1 + "/labels?sort=-name", "/pages/" + page1 + "/versions",
		"/pages/" + page1 + "/versions?sort=modified-date", "/spaces/" + string(s.appendID(nil, Space, 0)) + "/permissions",
		"/pages/" + string(s.appendID(nil, Page, 0)) + "/footer-comments", "/pages/" + string(s.appendID(nil, Page, 2)) + "/direct-children?sort=id",
		"/pages/" + string(s.appendID(nil, Page, 3)) + "/properties?sort=key",
	}
	for _, path := range paths {
		join := "?"
		if strings.Contains(path, "?") {
			join = "&"
		}
		want := allRows(t, s, stream.V2+path)
		if len(want) == 0 {
			t.Errorf("%s is empty", path)
		}
		for _, limit := range []int{1, 2, 7, 50, 250} {
			got := allRows(t, s, fmt.Sprintf("%s%s%slimit=%d", stream.V2, path, join, limit))
			if !slices.EqualFunc(got, want, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
				t.Errorf("%s by %d: %d rows, want %d the same", path, limit, len(got), len(want))
			}
		}
	}
	if v := s.Violations(); len(v) > 0 {
		t.Errorf("violations: %q", v)
	}
}

// TestPagesAreShortAndEmpty says that neither ends a list.
func TestPagesAreShortAndEmpty(t *testing.T) {
	short, empty := 0, 0
	for _, p := range listPages(t, New(Scaled(7, 3000)), stream.V2+"/pages?limit=25") {
		if p.Links.Next == "" {
			continue
		}
		if len(p.Results) == 0 {
			empty++
		} else if len(p.Results) < 25 {
			short++
		}
	}
	if short < 10 || empty < 2 {
		t.Errorf("%d short and %d empty pages with a next", short, empty)
	}
	for _, p := range listPages(t, New(Scaled(7, 20000)), stream.V2+"/pages?limit=250") {
		if len(p.Results) == 0 && p.Links.Next != "" {
			return
		}
	}
	t.Error("no page of 250 is empty on a large site")
}

// TestSorts checks that every documented order really is one, with the id between equals.
func TestSorts(t *testing.T) {
	s := New(Scaled(7, 150))
	modified := func(row map[string]any) string {
		v, _ := row["version"].(map[string]any)
		return instant(t, v["createdAt"])
	}
	created := func(row map[string]any) string { return instant(t, row["createdAt"]) }
	id := func(map[string]any) string { return "" }
	text := func(name string) func(map[string]any) string {
		return func(row map[string]any) string { return fmt.Sprint(row[name]) }
	}
	tests := []struct {
		path, sort string
		by         func(map[string]any) string
	}{
		{"/pages", "id", id},
		{"/pages", "created-date", created},
		{"/pages", "modified-date", modified},
		{"/blogposts", "id", id},
		{"/blogposts", "created-date", created},
		{"/blogposts", "modified-date", modified},
		{"/attachments", "created-date", created},
		{"/attachments", "modified-date", modified},
		{"/footer-comments", "modified-date", modified},
		{"/inline-comments", "modified-date", modified},
		{"/custom-content?type=" + s.CustomTypes()[0], "modified-date", modified},
		{"/custom-content?type=" + s.CustomTypes()[0], "id", id},
		{"/spaces", "id", id},
		{"/spaces", "key", text("key")},
		{"/labels", "name", text("name")},
		{"/pages/" + string(s.appendID(nil, Page, 0)) + "/footer-comments", "modified-date", modified},
		{"/pages/" + string(s.appendID(nil, Page, 3)) + "/properties", "key", text("key")},
		{"/pages/" + string(s.appendID(nil, Page, 0)) + "/labels", "name", text("name")},
	}
	for _, test := range tests {
		for _, minus := range []string{"", "-"} {
			join := "?"
			if strings.Contains(test.path, "?") {
				join = "&"
			}
			var keys []sortedRow
			for _, raw := range allRows(t, s, stream.V2+test.path+join+"limit=37&sort="+minus+test.sort) {
				row := decode(t, raw)
				n, err := strconv.ParseInt(strings.TrimPrefix(fmt.Sprint(row["id"]), "att"), 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				keys = append(keys, sortedRow{test.by(row), n})
			}
			if minus == "-" {
				slices.Reverse(keys)
			}
			if len(keys) < 2 && !strings.HasSuffix(test.path, "labels") || !slices.IsSortedFunc(keys, compareRows) {
				t.Errorf("%s sorted by %s%s: %d rows are not in order", test.path, minus, test.sort, len(keys))
			}
		}
	}
}

type sortedRow struct {
	key string
	id  int64
}

func compareRows(a, b sortedRow) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.id, b.id))
}

// instant is a time as text that sorts.
func instant(t *testing.T, v any) string {
	t.Helper()
	at, err := time.Parse(time.RFC3339, fmt.Sprint(v))
	if err != nil {
		t.Fatal(err)
	}
	return at.Format("2006-01-02T15:04:05.000")
}

// TestTimesAreShared says that orders by time have ties, and that ids aren't in that order.
func TestTimesAreShared(t *testing.T) {
	s := New(Scaled(7, 400))
	seen := map[int64]int{}
	disorder := 0
	for i := range s.n[Page] {
		seen[s.modified(Page, i)]++
		if i > 0 && s.created(Page, i) < s.created(Page, i-1) {
			disorder++
		}
	}
	if len(seen) > 380 || disorder < 10 {
		t.Errorf("%d times for 400 pages, %d pages older than the one before", len(seen), disorder)
	}
}

// TestCursorsSurviveChanges inserts and deletes between two pages of a list: what was
// there all the time comes once.
func TestCursorsSurviveChanges(t *testing.T) {
	s := New(Scaled(7, 60))
	before := map[string]int{}
	for row := range s.Truth("pages", TruthOptions{}) {
		before[row.Key[0]] = 0
	}
	path := stream.V2 + "/pages?limit=7"
	for first := true; path != ""; first = false {
		var p page
		if err := json.Unmarshal(get(t, s, path).body, &p); err != nil {
			t.Fatal(err)
		}
		for _, row := range p.Results {
			before[field(t, row, "id")]++
		}
		if first {
			s.Create(Page)
			for _, row := range p.Results[5:] { // the cursor's own row among them
				if err := s.Delete(Page, field(t, row, "id")); err != nil {
					t.Fatal(err)
				}
			}
		}
		path = p.Links.Next
	}
	for id, n := range before {
		if n != 1 {
			t.Errorf("page %s came %d times", id, n)
		}
	}
}

// TestNextLink says how the next page is named: with /wiki, without the gateway, in the
// body and, but for permissions, in the Link header, with base.
func TestNextLink(t *testing.T) {
	s := New(small())
	space := string(s.appendID(nil, Space, 0))
	for path, linked := range map[string]bool{
		"/wiki/api/v2/pages?limit=2&body-format=storage":                                     true,
		"/ex/confluence/" + s.CloudID() + "/wiki/api/v2/pages?limit=2":                       true,
		"/wiki/api/v2/spaces/" + space + "/permissions?limit=2":                              false,
		"/wiki/api/v2/inline-comments?limit=2&sort=created-date&unknown-parameter=of%20mine": true,
	} {
		got := get(t, s, path)
		var p page
		if err := json.Unmarshal(got.body, &p); err != nil {
			t.Fatal(err)
		}
		next, err := url.Parse(p.Links.Next)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(next.Path, "/wiki/api/v2/") || next.Query().Get("limit") != "2" || next.Query().Get("cursor") == "" {
			t.Errorf("%s: next is %q", path, p.Links.Next)
		}
		if p.Links.Base != "http://acme.atlassian.net/wiki" {
			t.Errorf("base is %q", p.Links.Base)
		}
		link := got.header.Get("Link")
		if linked != strings.Contains(link, "<"+p.Links.Next+`>; rel="next"`) || linked != strings.Contains(link, `rel="base"`) {
			t.Errorf("%s: Link is %q", path, link)
		}
		if strings.HasPrefix(link, "<https://developer.atlassian.com") != strings.Contains(path, "inline") {
			t.Errorf("%s: Link is %q", path, link)
		}
	}
	last := get(t, s, "/wiki/api/v2/spaces?limit=250").header.Get("Link")
	if last != `<http://acme.atlassian.net/wiki>; rel="base"` {
		t.Errorf("Link of a last page is %q", last)
	}
}

// TestGroupsSkip says that too large a limit loses groups, as on a real site.
func TestGroupsSkip(t *testing.T) {
	s := New(Options{Groups: 450, Quirks: Quirks{GroupNext: true}})
	if n := len(offsetRows(t, s, "/wiki/rest/api/group", 200)); n != 450 {
		t.Errorf("%d groups by 200", n)
	}
	rows, path := 0, "/rest/api/group?limit=250"
	for path != "" {
		var p page
		if err := json.Unmarshal(get(t, s, "/wiki"+path).body, &p); err != nil {
			t.Fatal(err)
		}
		rows += len(p.Results)
		path = p.Links.Next
	}
	if rows != 400 {
		t.Errorf("%d groups by following next with limit=250, want 400 of 450", rows)
	}
}
