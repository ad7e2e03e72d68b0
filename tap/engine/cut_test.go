package engine_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// TestCutBetweenStates has a client keep states of different moments of the streams of one walk. The
// run that goes on leaves out nothing, whatever the sort keys on the way were, and costs no more than
// going on from the older states.
func TestCutBetweenStates(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(nth int, rows []any){
		"in order": func(int, []any) {},
		"the last row of some pages is of the future": func(nth int, rows []any) {
			if nth%3 == 1 {
				rows[len(rows)-1].(map[string]any)["createdAt"] = "2080-01-01T00:00:00.000Z"
			}
		},
		"the rows of some pages show no key": func(nth int, rows []any) {
			for _, row := range rows {
				if nth%4 == 3 {
					delete(row.(map[string]any), "createdAt")
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := shown(42, 60)
			o.Attachments = 120
			virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
				nth := map[string]int{} // pages by their first row
				f.Site.SetFaults(simconfluence.On("/attachments", simconfluence.Rewrite(func(body []byte) []byte {
					page := tapfixture.Decode(t, body)
					list, ok := page["results"].([]any)
					if !ok || len(list) == 0 {
						return body
					}
					id, _ := list[0].(map[string]any)["id"].(string)
					if _, seen := nth[id]; !seen {
						nth[id] = len(nth)
					}
					spoil(nth[id], list)
					body, err := json.Marshal(page)
					if err != nil {
						t.Error(err)
					}
					return body
				})))
				begin := func() *client {
					return mode{airbyte: true}.client(t, f.With(map[string]any{"page_size": 5}), "attachments", "attachment_labels", "attachment_content_properties")
				}
				whole := begin().hasty().try(limit{})
				states := statesOf(whole)
				for _, ahead := range []string{"attachments", "attachment_labels"} {
					for i := 20; i < len(states)-10; i += 8 { // the last ones tell of the end
						// Of the other streams the client has what came up to some states before.
						kept := slices.Clone(whole.messages[:states[i-10]+1])
						for _, m := range whole.messages[len(kept) : states[i]+1] {
							if m.Stream == ahead {
								kept = append(kept, m)
							}
						}
						c := begin()
						c.keep(kept)
						r := c.run()
						if c.wantExactly(c.rows); t.Failed() {
							t.Fatalf("%s ahead at state %d of %d", ahead, i, len(states))
						}
						c = begin()
						c.keep(whole.messages[:states[i-10]+1])
						if n, most := total(r.requests), total(c.run().requests); n > most {
							t.Fatalf("%d requests, where %d are needed with the older states alone", n, most)
						}
					}
				}
			})
		})
	}
}

// statesOf returns where the states of a run are among its messages.
func statesOf(r *run) []int {
	var at []int
	for i, m := range r.messages {
		if m.Type == "STATE" {
			at = append(at, i)
		}
	}
	return at
}
