package state_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/state"
)

const site = "acme.atlassian.net"

func known(name string) bool {
	return slices.Contains([]string{"pages", "tasks", "custom_content", "groups"}, name)
}

// full has everything that entries can hold.
func full() map[string]state.Entry {
	return map[string]state.Entry{
		"pages": {
			At:             &state.Position{Walk: "9f3c21", For: "7d1e", List: 2, N: 6000, After: "5734401", Cursor: "eyJ+/=", High: "2026-11-02T00:00:00.000Z"},
			ReplicationKey: "modifiedAt", ReplicationKeyValue: "2026-11-01T12:00:19.000Z", Plain: true,
		},
		"tasks": {ReplicationKey: "updatedAt", ReplicationKeyValue: "2026-11-01T12:00:19.000Z", Seen: "2026-11-01T12:00:19.000Z"},
		"custom_content": {
			ReplicationKey: "modifiedAt",
			Partitions: []state.Partition{{
				Context:        state.PartitionContext{Type: "ac:app:thing"},
				ReplicationKey: "modifiedAt", ReplicationKeyValue: "2026-11-01T12:00:19.000Z",
			}},
		},
		"groups": {Done: &state.Done{}, Version: 1793581445678},
	}
}

// TestSingerText is the state's text as documented, which older states have to be read by.
func TestSingerText(t *testing.T) {
	t.Parallel()
	s := &state.State{
		Site: site, Open: true, Entries: full(),
		Passed: map[string]json.RawMessage{"foreign": json.RawMessage(`{"a":1}`)},
	}
	want := `{"bookmarks":{` +
		`"custom_content":{"replication_key":"modifiedAt","partitions":[{"context":{"type":"ac:app:thing"},"replication_key":"modifiedAt","replication_key_value":"2026-11-01T12:00:19.000Z"}]},` +
		`"foreign":{"a":1},` +
		`"groups":{"done":true,"version":1793581445678},` +
		`"pages":{"at":{"walk":"9f3c21","for":"7d1e","list":2,"n":6000,"after":"5734401","cursor":"eyJ+/=","high":"2026-11-02T00:00:00.000Z"},"replication_key":"modifiedAt","replication_key_value":"2026-11-01T12:00:19.000Z","plain":true},` +
		`"tasks":{"replication_key":"updatedAt","replication_key_value":"2026-11-01T12:00:19.000Z","seen":"2026-11-01T12:00:19.000Z"}},` +
		`"tap_confluence":{"v":1,"site":"acme.atlassian.net","open":true}}`
	if got := string(s.Singer()); got != want {
		t.Errorf("wrote\n%s\nwant\n%s", got, want)
	}
	again, err := state.ParseSinger(s.Singer(), site, known)
	if err != nil || !reflect.DeepEqual(again, s) {
		t.Errorf("read back as %+v, error %v", again, err)
	}
}

// TestAirbyteText is the same for one stream's state.
func TestAirbyteText(t *testing.T) {
	t.Parallel()
	s := &state.State{Site: site, Entries: full(), Passed: map[string]json.RawMessage{}}
	s.Entries["groups"] = state.Entry{Done: &state.Done{SyncID: new(int64(17))}}
	var list []string
	for name := range s.Entries {
		list = append(list, fmt.Sprintf(`{"type":"STREAM","stream":{"stream_descriptor":{"name":%q,"namespace":null},"stream_state":%s}}`, name, s.Airbyte(name)))
	}
	again, warnings, err := state.ParseAirbyte([]byte("["+strings.Join(list, ",")+"]"), site, known)
	if err != nil || len(warnings) > 0 || !reflect.DeepEqual(again, s) {
		t.Errorf("read back as %+v, warnings %q, error %v", again, warnings, err)
	}
	if got, want := string(s.Airbyte("groups")), `{"v":1,"site":"acme.atlassian.net","done":17}`; got != want {
		t.Errorf("wrote %s, want %s", got, want)
	}
}

// TestParseSinger reads states of all kinds: our own, those of people and other programs.
func TestParseSinger(t *testing.T) {
	t.Parallel()
	const ours = `"tap_confluence":{"v":1,"site":"acme.atlassian.net"}`
	bookmark := state.Entry{ReplicationKey: "modifiedAt", ReplicationKeyValue: "2026-01-01"}
	for _, test := range []struct {
		name, text string
		want       map[string]state.Entry
		passed     string
		open       bool
	}{
		{"nothing", "", nil, "", false},
		{"white space", " \n", nil, "", false},
		{"an empty object", " {} ", nil, "", false},
		{"ours", `{"bookmarks":{"pages":{"replication_key":"modifiedAt","replication_key_value":"2026-01-01"}},` + ours + `}`, map[string]state.Entry{"pages": bookmark}, "", false},
		{"ours, open", `{"bookmarks":{},"tap_confluence":{"v":1,"site":"acme.atlassian.net","open":true}}`, nil, "", true},
		{"the whole message", `{"type":"STATE","value":{"bookmarks":{"pages":{"plain":true}},` + ours + `}}`, map[string]state.Entry{"pages": {Plain: true}}, "", false},
		{"written by hand", `{"bookmarks":{"pages":{"replication_key":"modifiedAt","replication_key_value":"2026-01-01"}}}`, map[string]state.Entry{"pages": bookmark}, "", false},
		{"by hand, the rest does not count", `{"bookmarks":{"pages":{"replication_key":"modifiedAt","replication_key_value":"2026-01-01","done":true,"plain":true,"at":{"walk":"x","n":3}}}}`,
			map[string]state.Entry{"pages": bookmark}, "", false},
		{"unknown keys in an entry", `{"bookmarks":{"pages":{"plain":true,"new":{"a":[1]},"progress_markers":null}},` + ours + `}`, map[string]state.Entry{"pages": {Plain: true}}, "", false},
		{"unknown keys beside", `{"bookmarks":{},"currently_syncing":"pages",` + ours + `}`, nil, "", false},
		{"unknown streams", `{"bookmarks":{"boards":{"x":[1, 2]}},` + ours + `}`, nil, `{"x":[1, 2]}`, false},
		{"an entry that is null", `{"bookmarks":{"pages":null},` + ours + `}`, map[string]state.Entry{"pages": {}}, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, err := state.ParseSinger([]byte(test.text), site, known)
			if err != nil {
				t.Fatal(err)
			}
			if test.want == nil {
				test.want = map[string]state.Entry{}
			}
			if !reflect.DeepEqual(s.Entries, test.want) || s.Open != test.open || s.Site != site {
				t.Errorf("read %+v, want %+v, open %v", s, test.want, test.open)
			}
			if got := string(s.Passed["boards"]); got != test.passed {
				t.Errorf("passed on %s, want %s", got, test.passed)
			}
		})
	}
}

// damaged are entries that somebody broke, and what is said of them.
var damaged = map[string]string{
	`7`:                              "pages",
	`[]`:                             "pages",
	`{"at":7}`:                       "pages",
	`{"at":{"walk":"a","n":-1}}`:     "n and list not below 0",
	`{"at":{"walk":"a","list":-1}}`:  "n and list not below 0",
	`{"at":{"n":1}}`:                 "needs a walk",
	`{"at":{"walk":"a","n":"many"}}`: "pages",
	`{"at":{"walk":"a","high":"x"}}`: `high that is not a date: "x"`,
	`{"done":"yes"}`:                 "neither true nor a sync's id",
	`{"done":false}`:                 "neither true nor a sync's id",
	`{"replication_key_value":"x"}`:  `replication_key_value is not a date: "x"`,
	`{"replication_key_value":7}`:    "pages",
	`{"seen":"x"}`:                   `seen is not a date: "x"`,
	`{"partitions":[{"context":{"type":"t"}}]}`:                    `partition of "t" has no date`,
	`{"version":"new"}`:                                            "pages",
	`{"replication_key_value":"` + strings.Repeat("9", 300) + `"}`: "9...",
}

// TestUnusableSinger refuses states, with one line that says why and what to do.
func TestUnusableSinger(t *testing.T) {
	t.Parallel()
	refused := map[string]string{
		`nonsense`: "not a JSON object", `{"bookmarks":{`: "not a JSON object", `7`: "not a JSON object", `null`: "not a JSON object",
		`[{"type":"STREAM"}]`: "Airbyte",
		`{"cursor":1}`:        "no bookmarks",
		`{"bookmarks":7}`:     "bookmarks are not an object",
		`{"bookmarks":{},"tap_confluence":{"v":2,"site":"acme.atlassian.net"}}`:  "newer version of tap-confluence wrote it (format 2",
		`{"bookmarks":{},"tap_confluence":{"v":0,"site":"acme.atlassian.net"}}`:  "format number is 0",
		`{"bookmarks":{},"tap_confluence":{"site":"acme.atlassian.net"}}`:        "format number is 0",
		`{"bookmarks":{},"tap_confluence":{"v":1,"site":"other.atlassian.net"}}`: `"other.atlassian.net", this run reads "acme.atlassian.net"`,
		`{"bookmarks":{},"tap_confluence":{"v":1}}`:                              `belongs to the site ""`,
		`{"bookmarks":{},"tap_confluence":7}`:                                    "damaged",
		`{"bookmarks":{},"tap_confluence":null}`:                                 "damaged",
		`{"type":"STATE","value":{"cursor":1}}`:                                  "no bookmarks",
	}
	for entry, says := range damaged {
		refused[`{"bookmarks":{"pages":`+entry+`},"tap_confluence":{"v":1,"site":"acme.atlassian.net"}}`] = says
	}
	for text, says := range refused {
		s, err := state.ParseSinger([]byte(text), site, known)
		wantProblem(t, text, s, err, says)
	}
}

func wantProblem(t *testing.T, text string, s *state.State, err error, says string) {
	t.Helper()
	if _, ok := errors.AsType[*state.Error](err); !ok {
		t.Errorf("%s: read as %+v, error %v; want one about %s", text, s, err, says)
		return
	}
	line := err.Error()
	if !strings.Contains(line, says) || strings.Contains(line, "\n") || len(line) > 400 ||
		!strings.Contains(line, "the state can't be used: ") || !strings.Contains(line, "start again without --state") {
		t.Errorf("%s:\nerror %s\nwant %s", text, line, says)
	}
}

// TestParseAirbyte reads the platform's state files; what is not ours starts over.
func TestParseAirbyte(t *testing.T) {
	t.Parallel()
	stream := func(name, value string) string {
		return `{"type":"STREAM","stream":{"stream_descriptor":{"name":"` + name + `"},"stream_state":` + value + `}}`
	}
	const ours = `{"v":1,"site":"acme.atlassian.net","plain":true,"new":1}`
	plain := map[string]state.Entry{"pages": {Plain: true}}
	for _, test := range []struct {
		name, text string
		want       map[string]state.Entry
		warning    string
	}{
		{"nothing", "", nil, ""}, {"an empty list", "[]", nil, ""}, {"an empty object", "{}", nil, ""}, {"null", "null", nil, ""},
		{"ours", "[" + stream("pages", ours) + "]", plain, ""},
		{"one without a list", stream("pages", ours), plain, ""},
		{"global", `[{"type":"GLOBAL","global":{"shared_state":{},"stream_states":[{"stream_descriptor":{"name":"pages"},"stream_state":` + ours + `}]}}]`, plain, ""},
		{"no state of a stream", "[" + stream("pages", "{}") + "," + stream("tasks", "null") + "]", nil, ""},
		{"another program's", "[" + stream("pages", `{"cursor":"2026-01-01"}`) + "]", nil, `stream "pages" is not tap-confluence's`},
		{"of another shape", "[" + stream("pages", `"2026-01-01"`) + "]", nil, `stream "pages" is not tap-confluence's`},
		{"without its site", "[" + stream("pages", `{"v":1}`) + "]", nil, `stream "pages" is not tap-confluence's`},
		{"an unknown stream", "[" + stream("boards", ours) + "," + stream("pages", ours) + "]", plain, `"boards", which does not exist`},
		{"legacy", `[{"type":"LEGACY","data":{"pages":{}}}]`, nil, "names no stream"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, warnings, err := state.ParseAirbyte([]byte(test.text), site, known)
			if err != nil {
				t.Fatal(err)
			}
			if test.want == nil {
				test.want = map[string]state.Entry{}
			}
			if !reflect.DeepEqual(s.Entries, test.want) || s.Site != site {
				t.Errorf("read %+v, want %+v", s, test.want)
			}
			if all := strings.Join(warnings, "\n"); (test.warning == "") != (len(warnings) == 0) || len(warnings) > 1 || !strings.Contains(all, test.warning) {
				t.Errorf("warnings %q, want one about %q", warnings, test.warning)
			}
		})
	}
}

// TestUnusableAirbyte refuses states that are ours and can't be used, whatever else the
// file holds.
func TestUnusableAirbyte(t *testing.T) {
	t.Parallel()
	refused := map[string]string{
		`{"v":2,"site":"acme.atlassian.net"}`:   "newer version",
		`{"v":0,"site":"acme.atlassian.net"}`:   "format number is 0",
		`{"v":1,"site":"other.atlassian.net"}`:  `belongs to the site "other.atlassian.net"`,
		`{"v":"1","site":"acme.atlassian.net"}`: "damaged",
	}
	for entry, says := range damaged {
		if rest, ok := strings.CutPrefix(entry, "{"); ok {
			refused[`{"v":1,"site":"acme.atlassian.net",`+rest] = says
		}
	}
	for text, says := range refused {
		file := `[{"type":"STREAM","stream":{"stream_descriptor":{"name":"pages"},"stream_state":` + text + `}}]`
		s, _, err := state.ParseAirbyte([]byte(file), site, known)
		wantProblem(t, text, s, err, says)
		if err != nil && !strings.Contains(err.Error(), `stream "pages"`) {
			t.Errorf("%s: the error names no stream: %v", text, err)
		}
	}
	for _, text := range []string{"nonsense", "[", "7", `["a"]`, `"x"`} {
		s, _, err := state.ParseAirbyte([]byte(text), site, known)
		wantProblem(t, text, s, err, "not a list of Airbyte states")
	}
}

// TestDone says when a finished read counts: in the same sync, and never without an id.
func TestDone(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		done *state.Done
		id   *int64
		want bool
	}{
		{nil, nil, false}, {nil, new(int64(1)), false}, {&state.Done{}, nil, false}, {&state.Done{}, new(int64(1)), false},
		{&state.Done{SyncID: new(int64(1))}, nil, false}, {&state.Done{SyncID: new(int64(1))}, new(int64(2)), false}, {&state.Done{SyncID: new(int64(1))}, new(int64(1)), true},
		{&state.Done{SyncID: new(int64(0))}, new(int64(0)), true},
	} {
		if got := test.done.Equal(test.id); got != test.want {
			t.Errorf("%+v, sync %v: %v", test.done, test.id, got)
		}
	}
}

// FuzzParseSinger reads anything: a state that is taken reads back the same from what is
// written of it.
func FuzzParseSinger(f *testing.F) {
	f.Add([]byte(`{"bookmarks":{"pages":{"at":{"walk":"9f3c21","for":"7d1e","n":6000,"after":"5","cursor":"e"}},"x":{}},"tap_confluence":{"v":1,"site":"acme.atlassian.net","open":true}}`))
	f.Add([]byte(`{"type":"STATE","value":{"bookmarks":{"pages":{"replication_key_value":"2026-01-01"}}}}`))
	f.Add([]byte(`{"bookmarks":{"groups":{"done":7},"tasks":{"seen":"2026-01-01"},"custom_content":{"partitions":[{"context":{"type":"t"},"replication_key_value":"2026-01-01"}]}},"tap_confluence":{"v":1,"site":"acme.atlassian.net"}}`))
	for entry := range damaged {
		f.Add([]byte(`{"bookmarks":{"pages":` + entry + `},"tap_confluence":{"v":1,"site":"acme.atlassian.net"}}`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := state.ParseSinger(data, site, known)
		if err != nil {
			wantProblem(t, string(data), s, err, "")
			return
		}
		written := s.Singer()
		again, err := state.ParseSinger(written, site, known)
		if err != nil {
			t.Fatalf("what was written can't be read: %v in %s", err, written)
		}
		if string(again.Singer()) != string(written) {
			t.Errorf("written again as\n%s\nwas\n%s", again.Singer(), written)
		}
	})
}

// FuzzParseAirbyte does the same for the platform's files.
func FuzzParseAirbyte(f *testing.F) {
	f.Add([]byte(`[{"type":"STREAM","stream":{"stream_descriptor":{"name":"pages"},"stream_state":{"v":1,"site":"acme.atlassian.net","at":{"walk":"a","n":1}}}}]`))
	f.Add([]byte(`{"type":"GLOBAL","global":{"stream_states":[{"stream_descriptor":{"name":"groups"},"stream_state":{"v":1,"site":"acme.atlassian.net","done":3}}]}}`))
	f.Add([]byte(`[{"type":"STREAM","stream":{"stream_descriptor":{"name":"pages"},"stream_state":{"cursor":1}}},7]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, _, err := state.ParseAirbyte(data, site, known)
		if err != nil {
			wantProblem(t, string(data), s, err, "")
			return
		}
		for name := range s.Entries {
			written := s.Airbyte(name)
			file := fmt.Sprintf(`[{"stream":{"stream_descriptor":{"name":%q},"stream_state":%s}}]`, name, written)
			again, warnings, err := state.ParseAirbyte([]byte(file), site, known)
			if err != nil || len(warnings) > 0 {
				t.Fatalf("what was written can't be read: %v %q in %s", err, warnings, file)
			}
			if string(again.Airbyte(name)) != string(written) {
				t.Errorf("written again as\n%s\nwas\n%s", again.Airbyte(name), written)
			}
		}
	})
}
