package engine_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// TestShortAnswers: one answer that shows only the row that is known, or none, ends no list that
// pages by offset.
func TestShortAnswers(t *testing.T) {
	t.Parallel()
	o := shown(45, 30)
	o.Groups = 430
	for name, test := range map[string]struct {
		route string
		n     int // the answer that is cut
		keep  int // to so many rows
	}{
		"groups, none at first": {"/wiki/rest/api/group", 1, 0}, "groups, the row that is known": {"/wiki/rest/api/group", 2, 1},
		"group_members, none at first": {"/wiki/rest/api/group/{id}/membersByGroupId", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
				stream, _, _ := strings.Cut(name, ",")
				f = f.With(map[string]any{"extra_streams": "group_members"})
				f.Site.SetFaults(simconfluence.On(test.route, simconfluence.When(func(n int) bool { return n == test.n }, simconfluence.Rewrite(func(body []byte) []byte {
					page := tapfixture.Decode(t, body)
					page["results"] = page["results"].([]any)[:test.keep]
					body, _ = json.Marshal(page)
					return body
				}))))
				c := reads(t, f, false, stream)
				c.run()
				c.wantWhole(c.rows)
			})
		})
	}
}

// TestShortRestrictions: the same of lists of who alone may do something.
func TestShortRestrictions(t *testing.T) {
	t.Parallel()
	o := shown(45, 30)
	o.Restrictions, o.Users = 450, 600
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		cut := map[string]bool{}
		f.Site.SetFaults(simconfluence.Where(func(r *http.Request) bool {
			start := r.URL.Query().Get("start")
			first := start != "" && start != "0" && !cut[r.URL.Path]
			cut[r.URL.Path] = cut[r.URL.Path] || first
			return first
		}, simconfluence.Rewrite(func(body []byte) []byte {
			answer := tapfixture.Decode(t, body)
			for _, list := range answer["restrictions"].(map[string]any) {
				if list, ok := list.(map[string]any); ok {
					rows, _ := list["results"].([]any)
					list["results"] = rows[:min(1, len(rows))]
				}
			}
			body, _ = json.Marshal(answer)
			return body
		})))
		c := reads(t, f.With(map[string]any{"extra_streams": "content_restrictions"}), false, "content_restrictions")
		c.run()
		c.wantWhole(c.rows)
		if len(cut) == 0 {
			t.Error("nothing was cut")
		}
	})
}
