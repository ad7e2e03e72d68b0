package simconfluence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// principals is what version 1 says of one operation.
type principals struct {
	Restrictions struct {
		User struct {
			Results     []struct{ AccountID string }
			Size, Limit int
		}
		Group struct {
			Results     []struct{ ID string }
			Size, Limit int
		}
	}
}

// TestRestrictions reads who may do what by all three routes.
func TestRestrictions(t *testing.T) {
	o := Scaled(7, 200)
	o.Restrictions = 5000
	s := New(o)
	truth := map[string]int{}
	for row := range s.Truth("content_restrictions", TruthOptions{}) {
		truth[row.Key[0]+" "+row.Key[1]+" "+row.Key[2]]++
	}
	big, nested := "", 0
	check := func(id, op string, p principals) {
		t.Helper()
		u, g := p.Restrictions.User, p.Restrictions.Group
		if want := truth[id+" "+op+" user"]; len(u.Results) != min(want, 100) || u.Size != len(u.Results) || u.Limit != 100 {
			t.Errorf("%s, %s: %d users, want %d", id, op, len(u.Results), want)
		} else if want > 100 {
			big = id
		}
		if want := truth[id+" "+op+" group"]; len(g.Results) != want || g.Size != want {
			t.Errorf("%s, %s: %d groups, want %d", id, op, len(g.Results), want)
		}
	}
	for _, route := range []string{"/pages", "/blogposts"} {
		for _, row := range allRows(t, s, stream.V2+route) {
			id := field(t, row, "id")
			var by map[string]principals
			if err := json.Unmarshal(get(t, s, "/wiki/rest/api/content/"+id+"/restriction/byOperation").body, &by); err != nil {
				t.Fatal(err)
			}
			for _, op := range restrictable {
				check(id, op, by[op])
				if parent := field(t, row, "parentId"); truth[id+" "+op+" user"] > 0 && truth[parent+" "+op+" user"] > 0 {
					nested++
				}
			}
		}
	}
	if big == "" || nested == 0 || len(truth) < 20 {
		t.Fatalf("page of many %q, %d below restricted ones, %d lists", big, nested, len(truth))
	}
	const one = "/wiki/rest/api/content/{id}/restriction/byOperation/read"
	seen := map[string]bool{}
	for start := 0; start < 5100; start += 100 {
		got := get(t, s, fmt.Sprintf("%s?start=%d&limit=100", strings.ReplaceAll(one, "{id}", big), start))
		if start == 0 {
			answers(t, one, got)
		}
		var p principals
		if err := json.Unmarshal(got.body, &p); err != nil {
			t.Fatal(err)
		}
		for _, u := range p.Restrictions.User.Results {
			seen[u.AccountID] = true
		}
	}
	if len(seen) != 5000 {
		t.Errorf("%d accounts may read the page of many", len(seen))
	}
	bulkRestrictions(t, s, check)
	for path, want := range map[string]int{
		"/wiki/rest/api/content/1/restriction/byOperation": 404, "/wiki/rest/api/content/1/restriction/byOperation/read": 404,
		"/wiki/rest/api/content/" + big + "/restriction/byOperation/delete": 404,
	} {
		if got := get(t, s, path); got.status != want || !strings.HasSuffix(path, "delete") && !strings.Contains(string(got.body), "id=1}") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	s.SetQuirks(Quirks{RestrictionsNoSize: true})
	if got := get(t, s, strings.ReplaceAll(one, "{id}", big)); bytes.Contains(got.body, []byte(`"size"`)) {
		t.Errorf("size is told: %.200s", got.body)
	}
}

// bulkRestrictions reads restrictions by search.
func bulkRestrictions(t *testing.T, s *Site, check func(id, op string, p principals)) {
	t.Helper()
	query := "cql=" + url.QueryEscape("type in (page,blogpost)") + "&expand=" +
		"restrictions.read.restrictions.user,restrictions.read.restrictions.group,restrictions.update.restrictions.user,restrictions.update.restrictions.group"
	hits := 0
	for path := "/wiki/rest/api/content/search?limit=100&" + query; path != ""; {
		var p struct {
			Results []struct {
				ID, Type     string
				Restrictions map[string]json.RawMessage
			}
			Links struct{ Next string } `json:"_links"`
		}
		if err := json.Unmarshal(get(t, s, path).body, &p); err != nil {
			t.Fatal(err)
		}
		for _, hit := range p.Results {
			hits++
			for _, op := range restrictable {
				var who principals
				if err := json.Unmarshal(hit.Restrictions[op], &who); err != nil {
					t.Fatalf("%s %s: %v", hit.ID, op, err)
				}
				check(hit.ID, op, who)
			}
		}
		if path = ""; p.Links.Next != "" {
			path = "/wiki" + p.Links.Next + "&expand=" + strings.SplitN(query, "&expand=", 2)[1]
		}
	}
	if hits < 50 {
		t.Errorf("%d hits", hits)
	}
	s.SetQuirks(Quirks{NoExpansion: true})
	if got := get(t, s, "/wiki/rest/api/content/search?limit=50&"+query); bytes.Count(got.body, []byte(`"restrictions":{"read"`)) >= 40 {
		t.Error("every hit has its restrictions")
	}
	s.SetQuirks(Quirks{})
}
