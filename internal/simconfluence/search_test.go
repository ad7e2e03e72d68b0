package simconfluence

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

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
