package state_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/state"
)

// streamState is one element of the platform's state file.
func streamState(name, value string) string {
	return fmt.Sprintf(`{"type":"STREAM","stream":{"stream_descriptor":{"name":%q,"namespace":null},"stream_state":%s}}`, name, value)
}

// TestAirbyteText is the text of one stream's state as documented.
func TestAirbyteText(t *testing.T) {
	t.Parallel()
	all := entries{
		"groups": {Run: "17", Progress: "done h"},
		"custom_content": {
			Run: "17", Progress: "at h list=all", ReplicationKey: "modifiedAt", ReplicationKeyValue: january, Plain: true, Audited: true, Scope: "s",
			Partitions: map[string]string{"ac:app:note": february},
		},
	}
	s := holding(t, all)
	if got, want := string(s.Airbyte("groups")), `{"v":2,"site":"acme.atlassian.net","run":"17","progress":"done h","replication_key":"","replication_key_value":"",`+
		`"plain":false,"audited":false,"scope":"","partitions":{}}`; got != want {
		t.Errorf("wrote\n%s\nwant\n%s", got, want)
	}
	again, warnings, err := state.ParseAirbyte([]byte("["+streamState("groups", string(s.Airbyte("groups")))+","+streamState("custom_content", string(s.Airbyte("custom_content")))+"]"), site, names)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("warnings %q, error %v", warnings, err)
	}
	wantEntries(t, again, all)
}

// TestParseAirbyte reads the platform's state files; what is not ours starts over.
func TestParseAirbyte(t *testing.T) {
	t.Parallel()
	const own = `{"v":2,"site":"acme.atlassian.net","plain":true,"new":1}`
	plain := entries{"pages": {Plain: true}}
	for _, test := range []struct {
		name, text string
		want       entries
		warning    string
	}{
		{"nothing", "", nil, ""}, {"an empty list", "[]", nil, ""}, {"an empty object", "{}", nil, ""}, {"null", "null", nil, ""},
		{"a byte order mark", "\xef\xbb\xbf [" + streamState("pages", own) + "]\n", plain, ""},
		{"ours", "[" + streamState("pages", own) + "]", plain, ""},
		{"messages", `[{"type":"STATE","state":` + streamState("pages", own) + "}]", plain, ""},
		{"one without a list", streamState("pages", own), plain, ""},
		{"global", `[{"type":"GLOBAL","global":{"shared_state":{},"stream_states":[{"stream_descriptor":{"name":"pages"},"stream_state":` + own + `}]}}]`, plain, ""},
		{"no state of a stream", "[" + streamState("pages", "{}") + "," + streamState("tasks", "null") + "]", nil, ""},
		{"another program's", "[" + streamState("pages", `{"cursor":"2026-01-01"}`) + "]", nil, `the state of stream "pages" is not tap-confluence's; the stream starts over`},
		{"of another shape", "[" + streamState("pages", `"2026-01-01"`) + "]", nil, `stream "pages" is not tap-confluence's`},
		{"without its site", "[" + streamState("pages", `{"v":2}`) + "]", nil, `stream "pages" is not tap-confluence's`},
		{"an unknown stream", "[" + streamState("boards", own) + "," + streamState("pages", own) + "]", plain, `"boards", which does not exist`},
		{"a stream with a slip", "[" + streamState("taks", own) + "]", nil, `"taks", which does not exist; the nearest is tasks`},
		{"legacy", `[{"type":"LEGACY","data":{"pages":{}}}]`, nil, "names no stream"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, warnings, err := state.ParseAirbyte([]byte(test.text), site, names)
			if err != nil {
				t.Fatal(err)
			}
			wantEntries(t, s, test.want)
			if all := strings.Join(warnings, "\n"); (test.warning == "") != (len(warnings) == 0) || len(warnings) > 1 || !strings.Contains(all, test.warning) {
				t.Errorf("warnings %q, want one about %q", warnings, test.warning)
			}
		})
	}
}

// TestUnusableAirbyte refuses states that are ours and can't be used, whatever else the file
// holds.
func TestUnusableAirbyte(t *testing.T) {
	t.Parallel()
	refused := map[string]string{
		`{"v":3,"site":"acme.atlassian.net"}`:             "newer version",
		`{"v":1,"site":"acme.atlassian.net","done":17}`:   "its format 1 is no longer read",
		`{"v":2,"site":"other.atlassian.net"}`:            `it belongs to the site "other.atlassian.net", not "acme.atlassian.net"; if renamed, edit "site" in it`,
		`{"v":"2","site":"acme.atlassian.net"}`:           "damaged",
		`{"v":2,"site":{"host":"acme.atlassian.net"}}`:    "damaged",
		`{"v":2,"site":"acme.atlassian.net","v":2,"v":9}`: "newer version",
	}
	for entry, says := range damaged {
		if rest, ok := strings.CutPrefix(entry, "{"); ok {
			refused[`{"v":2,"site":"acme.atlassian.net",`+rest] = strings.Replace(says, "entry", "damaged", 1)
		}
	}
	for text, says := range refused {
		s, _, err := state.ParseAirbyte([]byte("["+streamState("tasks", `{}`)+","+streamState("pages", text)+"]"), site, names)
		wantProblem(t, text, s, err, says)
		if err != nil && !strings.Contains(err.Error(), `stream "pages"`) {
			t.Errorf("%s: the error names no stream: %v", text, err)
		}
	}
	for _, text := range []string{"nonsense", "[", "7", `["a"]`, `"x"`} {
		s, _, err := state.ParseAirbyte([]byte(text), site, names)
		wantProblem(t, text, s, err, "not a list of Airbyte states")
	}
	s, _, err := state.ParseAirbyte([]byte(`{"bookmarks":{},`+ours+`}`), site, names)
	wantProblem(t, "Singer's", s, err, "it is Singer's, which a run without the word read takes")
	for text, says := range map[string]string{
		streamState("pages", "{}") + "\n" + streamState("tasks", "{}"): "it holds several lines; write them as one list",
		"\xff\xfe[\x00]\x00": "UTF-16; save it as UTF-8",
	} {
		s, _, err := state.ParseAirbyte([]byte(text), site, names)
		wantProblem(t, text, s, err, says)
	}
}

// FuzzParseAirbyte reads anything, as FuzzParseSinger does.
func FuzzParseAirbyte(f *testing.F) {
	f.Add([]byte("[" + streamState("pages", `{"v":2,"site":"acme.atlassian.net","progress":"at h list=all"}`) + "]"))
	f.Add([]byte(`{"type":"GLOBAL","global":{"stream_states":[{"stream_descriptor":{"name":"groups"},"stream_state":{"v":2,"site":"acme.atlassian.net","run":"3","progress":"done h"}}]}}`))
	f.Add([]byte("[" + streamState("pages", `{"cursor":1}`) + ",7]"))
	for entry := range damaged {
		f.Add([]byte("[" + streamState("pages", entry) + "]"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, _, err := state.ParseAirbyte(data, site, names)
		if err != nil {
			wantProblem(t, string(data), s, err, "")
			return
		}
		for _, name := range names {
			if !s.Has(name) {
				continue
			}
			written := string(s.Airbyte(name))
			again, warnings, err := state.ParseAirbyte([]byte(streamState(name, written)), site, names)
			if err != nil || len(warnings) > 0 {
				t.Fatalf("what was written can't be read: %v %q in %s", err, warnings, written)
			}
			if string(again.Airbyte(name)) != written {
				t.Errorf("written again as\n%s\nwas\n%s", again.Airbyte(name), written)
			}
		}
	})
}
