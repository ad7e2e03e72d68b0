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
	for name, spoil := range map[string]func(answer map[string]any) any{
		"cut":          func(answer map[string]any) any { answer["results"] = answer["results"].([]any)[:1]; return answer },
		"empty":        func(answer map[string]any) any { answer["results"] = []any{}; return answer },
		"no list":      func(map[string]any) any { return map[string]any{} },
		"another list": func(map[string]any) any { return map[string]any{"results": map[string]any{}} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			virtual(t, shown(45, 30), func(t *testing.T, f *tapfixture.Fixture) {
				f = f.With(map[string]any{"extra_streams": "users"})
				good := reads(t, f, false, "users").run()
				if len(good.rows["users"]) < 3 {
					t.Fatalf("%d users", len(good.rows["users"]))
				}
				f.Site.SetFaults(simconfluence.On("/users-bulk", simconfluence.When(func(n int) bool { return n == 1 }, simconfluence.Rewrite(func(body []byte) []byte {
					body, err := json.Marshal(spoil(tapfixture.Decode(t, body)))
					if err != nil {
						t.Error(err)
					}
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
