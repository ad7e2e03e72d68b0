package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/nearest"
	"github.com/tap-confluence/tap-confluence/internal/timestamp"
)

// ParseSinger reads a Singer state. An empty text and {} give an empty state. The site is the host
// that the state has to belong to, and names are the streams that the tap has. It returns warnings, a
// line each. A text that is not a state, or is of another site or version, or damaged, is an *Error.
//
// Another tap or a person may have written the state: it has bookmarks, but not the tap's envelope.
// Then only the bookmarks count.
func ParseSinger(data []byte, site string, names []string) (*State, []string, error) {
	s := New(site)
	top, err := singerObject(data)
	if err != nil {
		return nil, nil, err
	}
	if len(top) == 0 {
		return s, nil, nil
	}
	var bookmarks map[string]json.RawMessage
	if raw, ok := top["bookmarks"]; !ok {
		if top["stream"] != nil || top["global"] != nil || top["state"] != nil {
			return nil, nil, problem(airbytes)
		}
		return nil, nil, problem("it has no bookmarks")
	} else if err := json.Unmarshal(raw, &bookmarks); err != nil || bookmarks == nil {
		return nil, nil, problem("its bookmarks are not an object")
	}
	ours, err := s.openEnvelope(top["tap_confluence"])
	if err != nil {
		return nil, nil, err
	}
	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(bookmarks)) {
		if !slices.Contains(names, name) {
			s.passed[name] = bookmarks[name]
			warnings = append(warnings, unknownStream(name, names))
			continue
		}
		e, err := singerEntry(bookmarks[name], ours)
		if err != nil {
			return nil, nil, problem("the entry of stream %q is damaged: %v", name, err)
		}
		s.entries[name] = e
	}
	return s, warnings, nil
}

// airbytes is the problem of an Airbyte state in a Singer sync.
const airbytes = "it is Airbyte's, which `tap-confluence read` takes; Singer's is an object with bookmarks"

// singerObject returns the members of a state, or of the STATE message that holds it.
func singerObject(data []byte) (map[string]json.RawMessage, error) {
	data, err := clean(data)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil || top == nil {
		switch {
		case bytes.HasPrefix(data, []byte("[")):
			return nil, problem(airbytes)
		case severalLines(data):
			return nil, problem("it holds several lines; keep the last one only")
		}
		return nil, problem("it is not a JSON object")
	}
	if value, ok := top["value"]; ok && string(top["type"]) == `"STATE"` {
		return singerObject(value)
	}
	return top, nil
}

// openEnvelope reads the envelope of a Singer state, and reports whether there is one.
func (s *State) openEnvelope(raw json.RawMessage) (ours bool, err error) {
	if raw == nil {
		return false, nil
	}
	var own *envelope
	if err := json.Unmarshal(raw, &own); err != nil || own == nil {
		return false, problem("its tap_confluence part is damaged")
	}
	if err := own.check(s.Site); err != nil {
		return false, err
	}
	if s.Began, err = moment(own.Began); err != nil {
		return false, problem("its tap_confluence part is damaged: began: %v", err)
	}
	s.Run = own.Run
	return true, nil
}

// singerEntry reads an entry. If another program wrote it, only the bookmark counts.
func singerEntry(raw json.RawMessage, ours bool) (Entry, error) {
	if ours {
		return parseEntry(raw)
	}
	var foreign struct {
		Key   string `json:"replication_key"`
		Value string `json:"replication_key_value"`
	}
	if err := json.Unmarshal(raw, &foreign); err != nil {
		return Entry{}, fmt.Errorf("reading it: %w", err)
	}
	e := Entry{ReplicationKey: foreign.Key, ReplicationKeyValue: foreign.Value}.clone()
	return e, e.check()
}

// unknownStream is the warning for an entry of a stream that the tap does not have.
func unknownStream(name string, names []string) string {
	text := "the state names the stream " + clip(name) + ", which does not exist"
	if near := nearest.Name(name, names); near != "" {
		text += "; the nearest is " + near
	}
	return text
}

// Singer writes the state as the value of a STATE message.
func (s *State) Singer() []byte {
	var b strings.Builder
	bookmarks := make(map[string]json.RawMessage, len(s.entries)+len(s.passed))
	maps.Copy(bookmarks, s.passed)
	for name, e := range s.entries {
		bookmarks[name] = marshal(e.clone())
	}
	b.WriteString(`{"bookmarks":`)
	b.Write(marshal(bookmarks))
	b.WriteString(`,"tap_confluence":`)
	b.Write(marshal(envelope{V: Version, Site: s.Site, Run: s.Run, Began: timestamp.Text(s.Began)}))
	b.WriteString("}")
	return []byte(b.String())
}
