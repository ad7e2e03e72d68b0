package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// airbyteMessage is one element of Airbyte's state file, or the STATE message that holds it.
type airbyteMessage struct {
	State  *airbyteMessage `json:"state"`
	Type   string          `json:"type"`
	Stream *airbyteStream  `json:"stream"`
	Global *struct {
		StreamStates []airbyteStream `json:"stream_states"`
	} `json:"global"`
}

type airbyteStream struct {
	Descriptor struct {
		Name string `json:"name"`
	} `json:"stream_descriptor"`
	State json.RawMessage `json:"stream_state"`
}

// airbyteEntry is a stream_state: an entry with its version and site.
type airbyteEntry struct {
	V    int    `json:"v"`
	Site string `json:"site"`
	Entry
}

// ParseAirbyte reads Airbyte's state file: a list of STREAM (or GLOBAL) states, or one of them. The
// site is the host that the state has to belong to, and names are the streams that the tap has.
//
// It returns warnings, a line each. A stream state of another connector is a warning, and the stream
// starts over: people swap images on a connection. A state of this tap is an *Error if it is of
// another site or version, or damaged.
func ParseAirbyte(data []byte, site string, names []string) (*State, []string, error) {
	s := New(site)
	data, err := clean(data)
	if err != nil {
		return nil, nil, err
	}
	if len(data) == 0 || string(data) == "{}" || string(data) == "null" {
		return s, nil, nil
	}
	streams, warnings, err := airbyteStreams(data)
	if err != nil {
		return nil, nil, err
	}
	for _, st := range streams {
		name := st.Descriptor.Name
		if !slices.Contains(names, name) {
			warnings = append(warnings, unknownStream(name, names))
			continue
		}
		warning, err := s.addAirbyte(name, st.State, site)
		if err != nil {
			return nil, nil, err
		}
		if warning != "" {
			warnings = append(warnings, warning)
		}
	}
	return s, warnings, nil
}

// airbyteStreams returns the stream states of a file, and a warning for each element that holds none.
func airbyteStreams(data []byte) (streams []airbyteStream, warnings []string, err error) {
	if data[0] == '{' {
		if bytes.Contains(data, []byte(`"bookmarks"`)) && !bytes.Contains(data, []byte(`"stream"`)) {
			return nil, nil, problem("it is Singer's, which a run without the word read takes")
		}
		if severalLines(data) {
			return nil, nil, problem("it holds several lines; write them as one list, such as with `jq -s .`")
		}
		data = slices.Concat([]byte("["), data, []byte("]"))
	}
	var list []airbyteMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, nil, problem("it is not a list of Airbyte states")
	}
	for _, m := range list {
		if m.State != nil {
			m = *m.State
		}
		switch {
		case m.Stream != nil:
			streams = append(streams, *m.Stream)
		case m.Global != nil:
			streams = append(streams, m.Global.StreamStates...)
		default:
			warnings = append(warnings, "the state holds an element that names no stream; it is ignored")
		}
	}
	return streams, warnings, nil
}

func (s *State) addAirbyte(name string, raw json.RawMessage, site string) (warning string, err error) {
	foreign := fmt.Sprintf("the state of stream %q is not tap-confluence's; the stream starts over", name)
	var fields map[string]json.RawMessage
	err = json.Unmarshal(raw, &fields)
	switch {
	case err != nil:
		return foreign, nil //nolint:nilerr // not ours, and told as a warning
	case len(fields) == 0:
		return "", nil
	case fields["v"] == nil || fields["site"] == nil:
		return foreign, nil
	}
	var own struct {
		V    int    `json:"v"`
		Site string `json:"site"`
	}
	if err := json.Unmarshal(raw, &own); err != nil {
		return "", problem("the state of stream %q is damaged", name)
	}
	if err := (&envelope{V: own.V, Site: own.Site}).check(site); err != nil {
		return "", fmt.Errorf("stream %q: %w", name, err)
	}
	e, err := parseEntry(raw)
	if err != nil {
		return "", problem("the state of stream %q is damaged: %v", name, err)
	}
	s.entries[name] = e
	return "", nil
}

// Airbyte writes one stream's entry as a stream_state.
func (s *State) Airbyte(name string) []byte {
	return marshal(airbyteEntry{Version, s.Site, s.Entry(name)})
}
