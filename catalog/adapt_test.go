package catalog

import (
	"slices"
	"testing"
)

// TestAdapt takes over what a target needs, and keeps the tap's types.
func TestAdapt(t *testing.T) {
	ours := `{"type":"object","properties":{"id":{"type":"string","maxLength":255},"at":{"type":["null","string"],"format":"date-time"},` +
		`"in":{"type":["null","object"],"properties":{"n":{"type":["null","integer"]}}},"list":{"type":"array","items":{"type":"string"}}}}`
	for name, test := range map[string]struct {
		theirs, want string
		kept         []string
	}{
		"nothing":         {``, ours, nil},
		"the same":        {ours, ours, nil},
		"without types":   {`{"properties":{"id":{"maxLength":9},"at":{}}}`, ours, nil},
		"no type changed": {`{"properties":{"in":{"type":["object","null"],"properties":{"n":{"type":["integer","null"]}}}}}`, ours, nil},
		"for a target": {
			`{"properties":{"id":{"type":["string"],"maxLength":64},"at":{"type":["string","null"],"x-sql-datatype":"text"},"in":{"type":["null","object"],"properties":{"n":{"type":["null","integer"],"x-a":{"b":1}}}}}}`,
			`{"type":"object","properties":{"id":{"type":"string","maxLength":64},"at":{"type":["null","string"],"x-sql-datatype":"text"},` +
				`"in":{"type":["null","object"],"properties":{"n":{"type":["null","integer"],"x-a":{"b":1}}}},"list":{"type":"array","items":{"type":"string"}}}}`, nil,
		},
		"others": {
			`{"properties":{"id":{"type":"integer","maxLength":64},"at":{"type":["null","string"],"format":"date"},"in":{"type":["null","object"],"properties":{"n":{"type":"string"}}},` +
				`"list":{"type":"array","items":{"type":"object"}}}}`, ours, []string{"id", "at", "in.n", "list"},
		},
	} {
		var a adapter
		if got := a.adapt(nil, []byte(ours), []byte(test.theirs)); string(got) != test.want || !slices.Equal(a.kept, test.kept) {
			t.Errorf("%s: %s, kept %q; want %s, kept %q", name, got, a.kept, test.want, test.kept)
		}
	}
}
