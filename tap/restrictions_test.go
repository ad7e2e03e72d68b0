package tap_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// TestRestrictions reads who may see what of sites whose searches show less than there is: what is
// not shown is read plainly, and long lists to the end.
func TestRestrictions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(o *simconfluence.Options)
		said   string
		most   int // requests
	}{
		"as it is":          {most: 130},
		"no expansion":      {change: func(o *simconfluence.Options) { o.Quirks.NoExpansion = true }},
		"no sizes":          {change: func(o *simconfluence.Options) { o.Quirks.RestrictionsNoSize = true }},
		"no search":         {change: func(o *simconfluence.Options) { o.Quirks.SearchRefuses = []string{"id in"} }, said: "one by one"},
		"an index behind":   {change: func(o *simconfluence.Options) { o.Quirks.IndexLag = 24 * 365 * time.Hour }},
		"cursors refused":   {change: func(o *simconfluence.Options) { o.Quirks.SearchRefusesCursor = true }},
		"450 on one page":   {change: func(o *simconfluence.Options) { o.Restrictions, o.Users = 450, 600 }},
		"5,000 on one page": {change: func(o *simconfluence.Options) { o.Restrictions, o.Users = 5000, 5200 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := varied()
			o.BlogPosts = 120
			if test.change != nil {
				test.change(&o)
			}
			f := onDemand(t, o)
			f.Site.Reset()
			r := f.Singer(tapfixture.Select("content_restrictions"), nil).OK()
			tapfixture.Compare(t, "content_restrictions", r.Canonical("content_restrictions"), f.Expect("content_restrictions", tapfixture.Scope()))
			if !strings.Contains(r.Stderr, test.said) {
				t.Errorf("%q is not said: %s", test.said, r.Stderr)
			}
			if n := f.Site.Total(); test.most > 0 && n > test.most {
				t.Errorf("%d requests", n)
			}
			if strings.Contains(r.Stderr, "FAILED") || strings.Contains(r.Stderr, "lacks rows") {
				t.Errorf("an audit: %s", r.Stderr)
			}
		})
	}
}

// TestRestrictionsLie reads sites whose searches leave principals out, as an index that is behind
// does: the audit notices, and all are read plainly, in this run and in the next.
func TestRestrictionsLie(t *testing.T) {
	t.Parallel()
	for name, hide := range map[string]func(op, kind string) bool{
		"no people":      func(_, kind string) bool { return kind == "user" },
		"no groups":      func(_, kind string) bool { return kind == "group" },
		"nobody updates": func(op, _ string) bool { return op == "update" },
	} {
		for protocol, read := range readers() {
			t.Run(name+" "+protocol, func(t *testing.T) {
				t.Parallel()
				f := onDemand(t, varied()).With(map[string]any{"audit_samples": 1000})
				f.Site.SetFaults(simconfluence.On("/wiki/rest/api/content/search", simconfluence.Rewrite(emptied(t, hide))))
				names := []string{"content_restrictions"}
				r := read(f, names, nil).OK()
				want := f.Expect(names[0], tapfixture.Scope())
				tapfixture.Compare(t, names[0], upserted(t, r.Messages, names[0]), want)
				if log := r.Log(); !strings.Contains(log, "difference=") || !strings.Contains(log, "FAILED") {
					t.Errorf("the audit says nothing: %s", log)
				}
				state := map[string]func() string{"singer": r.LastState, "airbyte": r.LastStates}[protocol]()
				f.Site.Reset()
				next := read(f, names, state).OK()
				tapfixture.Compare(t, names[0], next.Canonical(names[0]), want)
				if n := f.Site.Requests()["/wiki/rest/api/content/search"]; n > 0 {
					t.Errorf("the next run trusts the search: %d requests", n)
				}
			})
		}
	}
}

// emptied takes the principals of some lists out of the answers of a search.
func emptied(t *testing.T, hide func(op, kind string) bool) func(body []byte) []byte {
	return func(body []byte) []byte {
		var answer map[string]any
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Error(err)
			return body
		}
		for _, row := range answer["results"].([]any) {
			blocks, _ := row.(map[string]any)["restrictions"].(map[string]any)
			for _, op := range []string{"read", "update"} {
				lists := blocks[op].(map[string]any)["restrictions"].(map[string]any)
				for _, kind := range []string{"user", "group"} {
					if list := lists[kind].(map[string]any); hide(op, kind) {
						list["results"], list["size"] = []any{}, 0
					}
				}
			}
		}
		body, err := json.Marshal(answer)
		if err != nil {
			t.Error(err)
		}
		return body
	}
}
