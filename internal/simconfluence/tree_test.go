package simconfluence

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// TestTree walks up from every page, and down from every node.
func TestTree(t *testing.T) {
	s := New(Scaled(7, 600))
	routes := map[string]string{"folder": "/folders/{id}", "whiteboard": "/whiteboards/{id}", "database": "/databases/{id}", "embed": "/embeds/{id}"}
	streams := map[string]string{"folder": "folders", "whiteboard": "whiteboards", "database": "databases", "embed": "embeds"}
	met := map[string]string{}
	chains := map[string]int{}
	for _, row := range allRows(t, s, stream.V2+"/pages?limit=250") {
		typ, id, chain := field(t, row, "parentType"), field(t, row, "parentId"), "page"
		for id != "" && typ != "page" {
			chain += "<" + typ
			path := stream.Path(routes[typ], id)
			got := get(t, s, path)
			if met[id] == "" {
				answers(t, routes[typ], got)
			}
			if got.status != 200 {
				break
			}
			met[id] = typ
			typ, id = field(t, got.body, "parentType"), field(t, got.body, "parentId")
		}
		if strings.Contains(chain, "<") {
			chains[chain]++
		}
	}
	for _, want := range []string{"page<folder<folder", "page<database<whiteboard<folder", "page<embed<database"} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(chains)), func(c string) bool { return strings.HasPrefix(c, want) }) {
			t.Errorf("no %s in %v", want, chains)
		}
	}
	for typ, name := range streams {
		all, some := map[string]bool{}, 0
		for row := range s.Truth(name, TruthOptions{}) {
			all[row.Key[0]] = true
			if got := get(t, s, stream.Path(routes[typ], row.Key[0])); string(got.body) != string(row.Data) {
				t.Errorf("truth %s\nroute %s", row.Data, got.body)
			}
		}
		for row := range s.Truth(name, TruthOptions{Unsearched: true}) {
			if some++; met[row.Key[0]] != typ {
				t.Errorf("%s %s was not met", typ, row.Key[0])
			}
		}
		hits := 0
		for _, path := range []string{"/wiki/rest/api/search?includeArchivedSpaces=true&limit=250&cql=type%3D" + typ} {
			for path != "" {
				var p struct {
					Results []struct{ Content struct{ ID string } }
					Links   struct{ Next string } `json:"_links"`
				}
				if err := json.Unmarshal(get(t, s, path).body, &p); err != nil {
					t.Fatal(err)
				}
				for _, hit := range p.Results {
					if hits++; !all[hit.Content.ID] {
						t.Errorf("the search finds %s %s", typ, hit.Content.ID)
					}
				}
				if path = ""; p.Links.Next != "" {
					path = "/wiki" + p.Links.Next + "&includeArchivedSpaces=true"
				}
			}
		}
		if hits != len(all) || some == 0 || some > len(all) {
			t.Errorf("%s: truth has %d, %d of them met; a search finds %d", name, len(all), some, hits)
		}
	}
	downward(t, s, routes)
}

// downward checks that what lies below something names it as its parent.
func downward(t *testing.T, s *Site, routes map[string]string) {
	t.Helper()
	below := 0
	for typ, route := range routes {
		for row := range s.Truth(map[string]string{"folder": "folders", "whiteboard": "whiteboards", "database": "databases", "embed": "embeds"}[typ], TruthOptions{}) {
			path := stream.Path(route+"/direct-children", row.Key[0])
			answers(t, route+"/direct-children", get(t, s, path))
			for _, child := range allRows(t, s, path+"?sort=id") {
				below++
				item := routes[field(t, child, "type")]
				if item == "" {
					item = "/pages/{id}"
				}
				got := get(t, s, stream.Path(item, field(t, child, "id")))
				if got.status != 200 || field(t, got.body, "parentId") != row.Key[0] || field(t, got.body, "parentType") != typ {
					t.Errorf("%s below %s %s: %d %.200s", child, typ, row.Key[0], got.status, got.body)
				}
			}
		}
	}
	if below < 20 {
		t.Errorf("only %d below nodes", below)
	}
	for _, route := range routes {
		if got := get(t, s, stream.Path(route, "77")); got.status != 404 || !strings.Contains(string(got.body), "[77]") {
			t.Errorf("%s: %d %s", route, got.status, got.body)
		}
	}
}
