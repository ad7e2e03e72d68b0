package torture

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// entry is what tests need of a stream's state.
type entry struct {
	At         json.RawMessage `json:"at"`
	Done       json.RawMessage `json:"done"`
	Value      string          `json:"replication_key_value"`
	Partitions bool            `json:"-"`
}

// entry finds a stream's entry in the last state.
func (r *run) entry(m mode, name string) entry {
	var e entry
	if m.airbyte {
		for i := range slices.Backward(r.states) {
			if r.states[i].Stream == name {
				_ = json.Unmarshal(r.states[i].State, &e) // an empty entry will do
				break
			}
		}
		return e
	}
	var s struct {
		Bookmarks map[string]json.RawMessage `json:"bookmarks"`
	}
	if text := r.state(m); text != "" {
		_ = json.Unmarshal([]byte(text), &s)
		_ = json.Unmarshal(s.Bookmarks[name], &e)
	}
	return e
}

// endedEarly reports whether the whole run was ended by a reason that no stream owns.
func (r *run) endedEarly() bool {
	return !strings.Contains(r.log, " of the streams failed") && !slices.ContainsFunc(r.Errors(), func(e string) bool {
		return strings.Contains(e, " of the streams failed")
	})
}

// settle lets the time pass that the site asked for.
func settle(t *testing.T, _ *run) {
	t.Helper()
	<-time.After(3 * time.Hour)
}

// merge keeps the state as a protocol's client does: Singer's last one is the whole state,
// Airbyte's are kept stream by stream.
func merge(t *testing.T, m mode, before, last string) string {
	t.Helper()
	if !m.airbyte || before == "" {
		return last
	}
	kept := tapfixture.AirbyteStates(t, before)
	maps.Copy(kept, tapfixture.AirbyteStates(t, last))
	return tapfixture.AirbyteStateFile(kept)
}
