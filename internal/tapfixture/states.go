package tapfixture

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
)

// streamState is one element of Airbyte's state file.
type streamState struct {
	Type   string `json:"type"`
	Stream struct {
		Descriptor descriptor      `json:"stream_descriptor"`
		State      json.RawMessage `json:"stream_state"`
	} `json:"stream"`
}

// AirbyteStates takes the text of an Airbyte state file apart, by stream. Empty text has none.
func AirbyteStates(t testing.TB, text string) map[string]json.RawMessage {
	t.Helper()
	states := map[string]json.RawMessage{}
	if text == "" {
		return states
	}
	var all []streamState
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		states[s.Stream.Descriptor.Name] = s.Stream.State
	}
	return states
}

// AirbyteStateFile puts an Airbyte state file together, empty for no states.
func AirbyteStateFile(states map[string]json.RawMessage) string {
	if len(states) == 0 {
		return ""
	}
	all := make([]streamState, 0, len(states))
	for _, name := range slices.Sorted(maps.Keys(states)) {
		s := streamState{Type: "STREAM"}
		s.Stream.Descriptor.Name, s.Stream.State = name, states[name]
		all = append(all, s)
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // states are JSON that was parsed
	}
	return string(text)
}
