package engine

import (
	"encoding/json"
	"testing"
)

func recordsOf(pairs ...string) records {
	r := records{}
	for i := 0; i < len(pairs); i += 2 {
		r[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return r
}

// TestLacks: a shortcut may know more than the plain route, never less and nothing else.
func TestLacks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name            string
		shortcut, plain records
		want            string
	}{
		{"both empty", nil, nil, ""},
		{"equal", recordsOf("1 ", `{"id":"1"}`), recordsOf("1 ", `{"id":"1"}`), ""},
		{"other order and spaces", recordsOf("1 ", `{"a":1,"b":[1,2]}`), recordsOf("1 ", `{ "b": [1, 2], "a": 1 }`), ""},
		{"a row more", recordsOf("1 ", `{}`, "2 ", `{}`), recordsOf("1 ", `{}`), ""},
		{"a row less", recordsOf("1 ", `{}`), recordsOf("1 ", `{}`, "2 ", `{}`), "no row 2 "},
		{"no rows", nil, recordsOf("7 ", `{}`), "no row 7 "},
		{"the first of several rows", nil, recordsOf("9 ", `{}`, "7 ", `{}`), "no row 7 "},
		{"another value", recordsOf("1 ", `{"a":1}`), recordsOf("1 ", `{"a":2}`), "another .a in row 1 "},
		{"another type", recordsOf("1 ", `{"a":"1"}`), recordsOf("1 ", `{"a":1}`), "another .a in row 1 "},
		{"digits beyond 2^53", recordsOf("1 ", `{"a":9007199254740993}`), recordsOf("1 ", `{"a":9007199254740992}`), "another .a in row 1 "},
		{"null where the plain route has a value", recordsOf("1 ", `{"a":null}`), recordsOf("1 ", `{"a":0}`), "another .a in row 1 "},
		{"a value where the plain route has null", recordsOf("1 ", `{"a":0}`), recordsOf("1 ", `{"a":null}`), ""},
		{"a field less", recordsOf("1 ", `{}`), recordsOf("1 ", `{"a":false}`), "another .a in row 1 "},
		{"a field more", recordsOf("1 ", `{"a":1,"b":2}`), recordsOf("1 ", `{"a":1}`), ""},
		{"deep down", recordsOf("1 ", `{"a":{"b":{"c":1}}}`), recordsOf("1 ", `{"a":{"b":{"c":2}}}`), "another .a.b.c in row 1 "},
		{"an object for a text", recordsOf("1 ", `{"a":"x"}`), recordsOf("1 ", `{"a":{}}`), "another .a in row 1 "},
		{"a shorter list", recordsOf("1 ", `{"a":[1]}`), recordsOf("1 ", `{"a":[1,2]}`), "another .a in row 1 "},
		{"a list in another order", recordsOf("1 ", `{"a":[2,1]}`), recordsOf("1 ", `{"a":[1,2]}`), "another .a in row 1 "},
		{"JSON as text with other escapes", recordsOf("1 ", `{"value":"{\"a\": \"é\"}"}`), recordsOf("1 ", `{"value":"{\"a\":\"\\u00e9\"}"}`), ""},
		{"other JSON as text", recordsOf("1 ", `{"value":"[1]"}`), recordsOf("1 ", `{"value":"[1,2]"}`), "another .value in row 1 "},
		{
			"what no schema knows",
			recordsOf("1 ", `{"version":{"number":3}}`), recordsOf("1 ", `{"version":{"number":3,"ncsStepVersion":"9","contributorIds":["x"]}}`), "",
		},
		{"text beside such a field", recordsOf("1 ", `{"version":{"number":3}}`), recordsOf("1 ", `{"version":{"number":4,"ncsStepVersion":"9"}}`), "another .version.number in row 1 "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := lacks(tt.shortcut, tt.plain); got != tt.want {
				t.Errorf("lacks = %q, want %q", got, tt.want)
			}
		})
	}
}

// TestAlike: only what two readings have in common, and alike in both directions, is proof.
func TestAlike(t *testing.T) {
	t.Parallel()
	before := recordsOf("same ", `{"a":1}`, "edited ", `{"a":1}`, "deleted ", `{}`, "filled ", `{"a":null}`, "emptied ", `{"a":1}`)
	after := recordsOf("same ", `{ "a": 1 }`, "edited ", `{"a":2}`, "created ", `{}`, "filled ", `{"a":1}`, "emptied ", `{"a":null}`)
	got := alike(before, after)
	if len(got) != 1 || got["same "] == nil {
		t.Errorf("alike = %q, want the row that is the same only", got)
	}
}
