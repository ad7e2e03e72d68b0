package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// State is a whole state: the entries that a run knows and what it passes on untouched.
type State struct {
	// Site is the site that the state belongs to: the normalised domain.
	Site string
	// Open says that the run which wrote the state (Singer) had not ended.
	Open bool
	// Entries holds the entries of known streams.
	Entries map[string]Entry
	// Passed are entries of streams that this tap doesn't know, as they came.
	Passed map[string]json.RawMessage
}

// Error says why a state can't be used, and what to do.
type Error struct {
	Problem string
}

// Error returns the problem as one line.
func (e *Error) Error() string { return "the state can't be used: " + e.Problem }

const remedy = "; give the state of this site and version, or start again without --state"

func problem(format string, args ...any) error {
	return &Error{fmt.Sprintf(format, args...) + remedy}
}

// envelope is what the tap keeps beside the bookmarks of a Singer state.
type envelope struct {
	V    int    `json:"v"`
	Site string `json:"site"`
	Open bool   `json:"open,omitempty"`
}

// ParseSinger reads a Singer state for a site; empty and {} are no state. Known says which
// stream names the tap has. It returns an *Error for a state that is not a state, is
// another site's, newer or damaged.
//
// A state that another tap or a person wrote (bookmarks, but no envelope of ours) counts
// with its replication_key_value alone.
func ParseSinger(data []byte, site string, known func(string) bool) (*State, error) {
	s := &State{Site: site, Entries: map[string]Entry{}, Passed: map[string]json.RawMessage{}}
	if len(bytes.TrimSpace(data)) == 0 {
		return s, nil
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil || top == nil {
		if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
			return nil, problem("it is a list, as Airbyte writes it; Singer's is an object with bookmarks")
		}
		return nil, problem("it is not a JSON object")
	}
	if value, ok := top["value"]; ok && string(top["type"]) == `"STATE"` {
		return ParseSinger(value, site, known)
	}
	if len(top) == 0 {
		return s, nil
	}
	var bookmarks map[string]json.RawMessage
	if raw, ok := top["bookmarks"]; !ok {
		return nil, problem("it has no bookmarks")
	} else if err := json.Unmarshal(raw, &bookmarks); err != nil {
		return nil, problem("its bookmarks are not an object")
	}
	var ours *envelope
	if raw, ok := top["tap_confluence"]; ok {
		if err := json.Unmarshal(raw, &ours); err != nil || ours == nil {
			return nil, problem("its tap_confluence part is damaged")
		}
		if err := ours.check(site); err != nil {
			return nil, err
		}
		s.Open = ours.Open
	}
	for name, raw := range bookmarks {
		if !known(name) {
			s.Passed[name] = raw
			continue
		}
		e, err := parseEntry(raw)
		if err != nil {
			return nil, problem("the entry of stream %q is damaged: %v", name, err)
		}
		if ours == nil {
			e = Entry{ReplicationKey: e.ReplicationKey, ReplicationKeyValue: e.ReplicationKeyValue}
		}
		s.Entries[name] = e
	}
	return s, nil
}

func (e *envelope) check(site string) error {
	if e.V > Version {
		return problem("a newer version of tap-confluence wrote it (format %d, this one knows %d)", e.V, Version)
	}
	if e.V < 1 {
		return problem("its format number is %d", e.V)
	}
	if e.Site != site {
		return problem("it belongs to the site %s, this run reads %s", clip(e.Site), clip(site))
	}
	return nil
}

func parseEntry(raw json.RawMessage) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(raw, &e); err != nil {
		return Entry{}, fmt.Errorf("reading it: %w", err)
	}
	return e, e.check()
}

// Singer writes the state as the value of a STATE message.
func (s *State) Singer() []byte {
	bookmarks := make(map[string]json.RawMessage, len(s.Entries)+len(s.Passed))
	maps.Copy(bookmarks, s.Passed)
	for name, e := range s.Entries {
		bookmarks[name] = marshal(e)
	}
	return marshal(map[string]any{
		"bookmarks":      bookmarks,
		"tap_confluence": envelope{Version, s.Site, s.Open},
	})
}

// airbyteMessage is one element of Airbyte's state file.
type airbyteMessage struct {
	Type   string         `json:"type"`
	Stream *airbyteStream `json:"stream"`
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

// airbyteEntry is a stream_state: an entry that says whose it is.
type airbyteEntry struct {
	V    int    `json:"v"`
	Site string `json:"site"`
	Entry
}

// ParseAirbyte reads Airbyte's state file: a list of STREAM (or GLOBAL) states, or one of
// them. A stream state whose shape is not ours is a warning, and the stream starts over
// (people swap images on a connection); ours from another site, newer or damaged is an
// *Error.
func ParseAirbyte(data []byte, site string, known func(string) bool) (*State, []string, error) {
	s := &State{Site: site, Entries: map[string]Entry{}, Passed: map[string]json.RawMessage{}}
	data = bytes.TrimSpace(data)
	if len(data) == 0 || string(data) == "{}" || string(data) == "null" {
		return s, nil, nil
	}
	var list []airbyteMessage
	if data[0] == '{' {
		data = slices.Concat([]byte("["), data, []byte("]"))
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, nil, problem("it is not a list of Airbyte states")
	}
	var streams []airbyteStream
	var warnings []string
	for _, m := range list {
		switch {
		case m.Stream != nil:
			streams = append(streams, *m.Stream)
		case m.Global != nil:
			streams = append(streams, m.Global.StreamStates...)
		default:
			warnings = append(warnings, "the state holds an element that names no stream; it is ignored")
		}
	}
	for _, st := range streams {
		name := st.Descriptor.Name
		if !known(name) {
			warnings = append(warnings, fmt.Sprintf("the state names the stream %s, which does not exist; it is ignored", clip(name)))
			continue
		}
		w, err := s.addAirbyte(name, st.State, site)
		if err != nil {
			return nil, nil, err
		}
		if w != "" {
			warnings = append(warnings, w)
		}
	}
	return s, warnings, nil
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
	var own envelope
	if err := json.Unmarshal(raw, &own); err != nil {
		return "", problem("the state of stream %q is damaged", name)
	}
	if err := own.check(site); err != nil {
		return "", fmt.Errorf("stream %q: %w", name, err)
	}
	e, err := parseEntry(raw)
	if err != nil {
		return "", problem("the state of stream %q is damaged: %v", name, err)
	}
	s.Entries[name] = e
	return "", nil
}

// Airbyte writes one stream's entry as a stream_state.
func (s *State) Airbyte(name string) []byte {
	return marshal(airbyteEntry{Version, s.Site, s.Entries[name]})
}

// marshal can't fail: the types hold no channels, functions or cycles.
func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("writing a state: %v", err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
