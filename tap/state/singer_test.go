package state_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/tap/state"
)

// ours is the part of a Singer state that says whose it is.
const ours = `"tap_confluence":{"v":2,"site":"acme.atlassian.net","run":"","began":""}`

// TestSingerText is the state's text as documented.
func TestSingerText(t *testing.T) {
	t.Parallel()
	want := `{"bookmarks":{` +
		`"custom_content":{"run":"r1","progress":"at h key=17&list=all","replication_key":"modifiedAt","replication_key_value":"2026-01-01T00:00:00.000Z",` +
		`"plain":false,"audited":true,"scope":"s","partitions":{"ac:app:note":"2026-02-01T00:00:00.000Z"}},` +
		`"groups":{"run":"r1","progress":"done h","replication_key":"","replication_key_value":"","plain":true,"audited":false,"scope":"","partitions":{}}},` +
		`"tap_confluence":{"v":2,"site":"acme.atlassian.net","run":"r1","began":"2026-02-01T00:00:00.000Z"}}`
	s := holding(t, entries{
		"custom_content": {
			Run: "r1", Progress: "at h key=17&list=all", ReplicationKey: "modifiedAt", ReplicationKeyValue: january, Audited: true, Scope: "s",
			Partitions: map[string]string{"ac:app:note": february},
		},
		"groups": {Run: "r1", Progress: "done h", Plain: true},
	})
	if got := string(s.Singer()); got != want {
		t.Errorf("wrote\n%s\nwant\n%s", got, want)
	}
	if again := parsed(t, s.Singer()); string(again.Singer()) != want {
		t.Errorf("read back as\n%s", again.Singer())
	}
}

// TestParseSinger reads states of all kinds: our own, those of people and other programs.
func TestParseSinger(t *testing.T) {
	t.Parallel()
	bookmark := entries{"pages": {ReplicationKey: "modifiedAt", ReplicationKeyValue: "2026-01-01"}}
	plain := entries{"pages": {Plain: true}}
	const pages = `"pages":{"replication_key":"modifiedAt","replication_key_value":"2026-01-01"}`
	for _, test := range []struct {
		name, text string
		want       entries
		run        string
		warnings   []string
	}{
		{"nothing", "", nil, "", nil},
		{"white space", " \n", nil, "", nil},
		{"a byte order mark", "\xef\xbb\xbf\n", nil, "", nil},
		{"an empty object", " {} ", nil, "", nil},
		{"ours", `{"bookmarks":{` + pages + `},` + ours + `}`, bookmark, "", nil},
		{"ours behind a byte order mark", "\xef\xbb\xbf" + `{"bookmarks":{` + pages + `},` + ours + "}\r\n", bookmark, "", nil},
		{"of a sync under way", `{"bookmarks":{},"tap_confluence":{"v":2,"site":"acme.atlassian.net","run":"25cc74"}}`, nil, "25cc74", nil},
		{"the whole message", `{"type":"STATE","value":{"bookmarks":{"pages":{"plain":true}},` + ours + `}}`, plain, "", nil},
		{"written by hand", `{"bookmarks":{` + pages + `}}`, bookmark, "", nil},
		{
			"by hand, the rest does not count",
			`{"bookmarks":{"pages":{"replication_key":"modifiedAt","replication_key_value":"2026-01-01","run":"r1","progress":"done h","plain":true,"audited":true,"scope":"s","partitions":{"t":"2026-01-01"}}}}`,
			bookmark, "", nil,
		},
		{"unknown keys in an entry", `{"bookmarks":{"pages":{"plain":true,"new":{"a":[1]},"progress_markers":null}},` + ours + `}`, plain, "", nil},
		{"unknown keys beside", `{"bookmarks":{},"currently_syncing":"pages",` + ours + `}`, nil, "", nil},
		{"an entry that is null", `{"bookmarks":{"pages":null},` + ours + `}`, entries{"pages": {}}, "", nil},
		{
			"unknown streams", `{"bookmarks":{"page":{"x":[1, 2]},"boards":{"y":7}},` + ours + `}`, nil, "",
			[]string{`the state names the stream "boards", which does not exist`, `the state names the stream "page", which does not exist; the nearest is pages`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, warnings, err := state.ParseSinger([]byte(test.text), site, names)
			if err != nil {
				t.Fatal(err)
			}
			wantEntries(t, s, test.want)
			if s.Run != test.run || s.Site != site || !slices.Equal(warnings, test.warnings) {
				t.Errorf("run %q, site %q, warnings %q; want %q and %q", s.Run, s.Site, warnings, test.run, test.warnings)
			}
		})
	}
}

// TestPassedOn passes on the entries of streams that the tap does not know.
func TestPassedOn(t *testing.T) {
	t.Parallel()
	s, _, err := state.ParseSinger([]byte(`{"bookmarks":{"boards":{"x":[1,2]}},`+ours+`}`), site, names)
	if err != nil {
		t.Fatal(err)
	}
	s = s.Clone()
	s.Begin(state.Sync{Run: "r2"}, []state.Start{{Name: "groups"}})
	s.End(false)
	if got := string(s.Singer()); !strings.Contains(got, `"boards":{"x":[1,2]}`) || !strings.Contains(got, `"groups":{`) {
		t.Errorf("wrote %s", got)
	}
}

// damaged are entries that somebody broke, and what is said of them.
var damaged = map[string]string{
	`7`:                                  "entry",
	`[]`:                                 "entry",
	`{"progress":7}`:                     "entry",
	`{"progress":"finished"}`:            `progress is unreadable: "finished"`,
	`{"progress":"at h began=x"}`:        `progress holds no position: "x" is not a date`,
	`{"run":7}`:                          "entry",
	`{"plain":"yes"}`:                    "entry",
	`{"replication_key_value":"x"}`:      `replication_key_value is not a date: "x"`,
	`{"replication_key_value":7}`:        "entry",
	`{"partitions":{"ac:a:note":"x"}}`:   `the partition of "ac:a:note" is not a date: "x"`,
	`{"partitions":["ac:a:note"]}`:       "entry",
	`{"partitions":{"a":"x","b":"y"}}`:   `"a" is not a date: "x"; the partition of "b"`,
	`{"progress":"x","scope":{"a":"b"}}`: "entry",
	`{"replication_key_value":"` + strings.Repeat("9", 300) + `"}`: "9...",
	`{"progress":"` + strings.Repeat("9", 300) + `"}`:              "9...",
}

// TestUnusableSinger refuses states, with one line that says why and what to do.
func TestUnusableSinger(t *testing.T) {
	t.Parallel()
	refused := map[string]string{
		`nonsense`: "not a JSON object", `{"bookmarks":{`: "not a JSON object", `7`: "not a JSON object", `null`: "not a JSON object",
		`[{"type":"STREAM"}]`: "it is Airbyte's, which `tap-confluence read` takes",
		`{"type":"STREAM","stream":{"stream_descriptor":{"name":"pages"}}}`: "it is Airbyte's",
		`{"type":"STATE","state":{"type":"STREAM"}}`:                        "it is Airbyte's",
		"\xff\xfe{\x00}\x00":                           "UTF-16; save it as UTF-8",
		"{\"bookmarks\":{}}\n\n{\"bookmarks\":{}}":     "it holds several lines; keep the last one only",
		"{\"bookmarks\":{}}\n{\"bookmarks\":{}}\n":     "it holds several lines; keep the last one only",
		"{\"bookmarks\":{}}\r\n{\"bookmarks\":{}}\r\n": "it holds several lines; keep the last one only",
		`{"cursor":1}`:       "no bookmarks",
		`{"bookmarks":7}`:    "bookmarks are not an object",
		`{"bookmarks":null}`: "bookmarks are not an object",
		`{"bookmarks":{"pages":{"at":{"walk":"9f3c21","n":6000}}},"tap_confluence":{"v":1,"site":"acme.atlassian.net","open":true}}`: "its format 1 is no longer read (this version knows 2)",
		`{"bookmarks":{},"tap_confluence":{"v":3,"site":"acme.atlassian.net"}}`:                                                      "a newer version of tap-confluence wrote it (format 3, this one knows 2)",
		`{"bookmarks":{},"tap_confluence":{"site":"acme.atlassian.net"}}`:                                                            "its format 0 is no longer read",
		`{"bookmarks":{},"tap_confluence":{"v":2,"site":"other.atlassian.net"}}`:                                                     `it belongs to the site "other.atlassian.net", not "acme.atlassian.net"; if renamed, edit "site" in it`,
		`{"bookmarks":{},"tap_confluence":{"v":2}}`:                                                                                  `belongs to the site ""`,
		`{"bookmarks":{},"tap_confluence":{"v":2,"site":"acme.atlassian.net","began":"x"}}`:                                          "damaged: began",
		`{"bookmarks":{},"tap_confluence":7}`:                                                                                        "tap_confluence part is damaged",
		`{"bookmarks":{},"tap_confluence":null}`:                                                                                     "tap_confluence part is damaged",
		`{"type":"STATE","value":{"cursor":1}}`:                                                                                      "no bookmarks",
		`{"type":"STATE","value":null}`:                                                                                              "not a JSON object",
		// Of a foreign state only the bookmark is looked at.
		`{"bookmarks":{"pages":{"replication_key_value":"x"}}}`: `the entry of stream "pages" is damaged: replication_key_value is not a date: "x"`,
		`{"bookmarks":{"pages":{"replication_key_value":7}}}`:   `the entry of stream "pages" is damaged`,
	}
	for entry, says := range damaged {
		refused[`{"bookmarks":{"pages":`+entry+`},`+ours+`}`] = says
	}
	for text, says := range refused {
		s, _, err := state.ParseSinger([]byte(text), site, names)
		wantProblem(t, text, s, err, says)
	}
}

// wantProblem fails the test unless an error says in one short line that a state can't be used,
// why, and what to do.
func wantProblem(t *testing.T, text string, s *state.State, err error, says string) {
	t.Helper()
	if _, ok := errors.AsType[*state.Error](err); !ok || s != nil {
		t.Errorf("%s: read as %+v, error %v; want one about %s", text, s, err, says)
		return
	}
	line := err.Error()
	helps := strings.Contains(line, "start again without --state") || strings.Contains(line, `edit "site"`)
	if !strings.Contains(line, says) || strings.Contains(line, "\n") || len(line) > 400 || !strings.Contains(line, "the state can't be used: ") || !helps {
		t.Errorf("%s:\nerror %s\nwant %s", text, line, says)
	}
}

// FuzzParseSinger reads anything: a state that is taken reads back the same from what is
// written of it.
func FuzzParseSinger(f *testing.F) {
	f.Add([]byte(`{"bookmarks":{"pages":{"run":"r","progress":"at h key=5&cursor=e&fresh=1"},"x":{}},"tap_confluence":{"v":2,"site":"acme.atlassian.net","run":"r","began":"2026-01-01"}}`))
	f.Add([]byte(`{"type":"STATE","value":{"bookmarks":{"pages":{"replication_key_value":"2026-01-01"}}}}`))
	f.Add([]byte(`{"bookmarks":{"groups":{"progress":"done h"},"custom_content":{"partitions":{"t":"2026-01-01"}}},` + ours + `}`))
	for entry := range damaged {
		f.Add(fmt.Append(nil, `{"bookmarks":{"pages":`, entry, `},`, ours, `}`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, _, err := state.ParseSinger(data, site, names)
		if err != nil {
			wantProblem(t, string(data), s, err, "")
			return
		}
		written := s.Singer()
		again, _, err := state.ParseSinger(written, site, names)
		if err != nil {
			t.Fatalf("what was written can't be read: %v in %s", err, written)
		}
		if string(again.Singer()) != string(written) {
			t.Errorf("written again as\n%s\nwas\n%s", again.Singer(), written)
		}
	})
}
