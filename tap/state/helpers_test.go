package state_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/state"
)

const site = "acme.atlassian.net"

// names are the streams that the tap of these tests has.
var names = []string{"pages", "tasks", "custom_content", "groups"}

// entries are those of a state, by stream.
type entries map[string]state.Entry

// holding returns a state of the sync r1 with entries.
func holding(t *testing.T, all entries) *state.State {
	t.Helper()
	if all == nil {
		all = entries{}
	}
	text, err := json.Marshal(map[string]any{
		"bookmarks":      all,
		"tap_confluence": map[string]any{"v": state.Version, "site": site, "run": "r1", "began": "2026-02-01T00:00:00.000Z"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, text)
}

// parsed reads a Singer state that has nothing to be warned of.
func parsed(t *testing.T, text []byte) *state.State {
	t.Helper()
	s, warnings, err := state.ParseSinger(text, site, names)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("reading %s: warnings %q, error %v", text, warnings, err)
	}
	return s
}

// wantEntries fails the test where a state has other entries.
func wantEntries(t *testing.T, s *state.State, want entries) {
	t.Helper()
	for _, name := range names {
		e, ok := want[name]
		if s.Has(name) != ok {
			t.Errorf("%s: has an entry: %v, want %v", name, s.Has(name), ok)
		}
		if e.Partitions == nil {
			e.Partitions = map[string]string{}
		}
		if got := s.Entry(name); !reflect.DeepEqual(got, e) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, e)
		}
	}
}

// at is a time of these tests.
func at(t *testing.T, text string) time.Time {
	t.Helper()
	when, err := timestamp.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// proof is the right to finish a stream.
func proof(t *testing.T) state.Proof {
	t.Helper()
	p, err := state.Evidence{Ended: true, Account: state.Proven(true)}.Prove()
	if err != nil {
		t.Fatal(err)
	}
	return p
}
