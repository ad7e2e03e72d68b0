package engine_test

import (
	"encoding/json"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// TestShortLookups: ids that one answer lacks are not taken for unknown, whatever its shape.
func TestShortLookups(t *testing.T) {
	t.Parallel()
	type spoil func(answer map[string]any) any
	cut := func(answer map[string]any) any { answer["results"] = answer["results"].([]any)[:1]; return answer }
	noList := func(map[string]any) any { return map[string]any{} }
	for name, spoils := range map[string][]spoil{ // of the first answers
		"cut":                {cut},
		"empty":              {func(answer map[string]any) any { answer["results"] = []any{}; return answer }},
		"no list":            {noList},
		"another list":       {func(map[string]any) any { return map[string]any{"results": map[string]any{}} }},
		"no list, then cut":  {noList, cut},
		"cut, then no list":  {cut, noList},
		"no list, and again": {noList, noList},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			virtual(t, shown(45, 30), func(t *testing.T, f *tapfixture.Fixture) {
				f = f.With(map[string]any{"extra_streams": "users"})
				good := reads(t, f, false, "users").run()
				if len(good.rows["users"]) < 3 {
					t.Fatalf("%d users", len(good.rows["users"]))
				}
				n := 0
				f.Site.SetFaults(simconfluence.On("/users-bulk", simconfluence.Times(len(spoils), simconfluence.Rewrite(func(body []byte) []byte {
					body, err := json.Marshal(spoils[n](tapfixture.Decode(t, body)))
					if err != nil {
						t.Error(err)
					}
					n++
					return body
				}))))
				r := reads(t, f, false, "users").run()
				for id := range good.rows["users"] {
					if r.rows["users"][id] == nil {
						t.Errorf("user %s is missing", id)
					}
				}
			})
		})
	}
}
