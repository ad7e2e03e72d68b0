package engine_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// What runs write, read back. There are millions of records, and the race detector makes
// parsing slow, so a record is found by what stands around it. Tests of the package tap read
// the same messages with encoding/json.

// event is a record or a state of either protocol.
type event struct {
	stream string // empty for Singer's state
	key    string // of a record, as rows has it
	record json.RawMessage
	state  json.RawMessage
}

// parseAll returns the records and states among whole lines.
func parseAll(t testing.TB, lines [][]byte) []event {
	t.Helper()
	events := make([]event, 0, len(lines))
	for _, line := range lines {
		if name, _, record := tapfixture.RecordIn(line); record != nil {
			events = append(events, event{stream: name, key: key(t, name, record), record: record})
			continue
		}
		m, err := rawjson.ParseObject(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			t.Fatalf("line %s: %v", line, err)
		}
		switch text(m.Get("type")) {
		case "RECORD":
			t.Fatalf("a record of a form that tests don't know: %s", line)
		case "STATE":
			if value := m.Get("value"); value != nil {
				events = append(events, event{state: json.RawMessage(value)})
				continue
			}
			st := m.Get("state")
			events = append(events, event{stream: airbyteName(st), state: json.RawMessage(st)})
		}
	}
	return events
}

// key is the key of a record as rows has it. The fields of the key come first in a record.
func key(t testing.TB, name string, record json.RawMessage) string {
	t.Helper()
	var key strings.Builder
	rest := record[1:]
	for _, k := range stream.Find(name).Key {
		value, is := bytes.CutPrefix(rest, []byte(`"`+k+`":`))
		end := bytes.IndexAny(value, ",}")
		if !is || end < 0 || bytes.IndexByte(value[:end], '\\') >= 0 {
			t.Fatalf("%s is not next in this record of %s: %s", k, name, record)
		}
		key.Write(value[:end])
		key.WriteByte(' ')
		rest = value[end+1:]
	}
	return key.String()
}

func text(v rawjson.Value) string {
	s, _ := v.Text()
	return s
}

// airbyteName is the stream that an Airbyte state is of.
func airbyteName(st rawjson.Value) string {
	return text(st.Member("stream").Member("stream_descriptor").Member("name"))
}

// rows gathers records by stream and key.
type rows map[string]map[string]json.RawMessage

func (r rows) add(e event) {
	if r[e.stream] == nil {
		r[e.stream] = map[string]json.RawMessage{}
	}
	r[e.stream][e.key] = e.record
}

// read takes the records of whole lines and the last state among them.
func (w *world) read(lines [][]byte, into rows, last []byte) (st []byte, records int) {
	w.t.Helper()
	streams := map[string]json.RawMessage{}
	if len(last) > 0 && last[0] == '[' {
		for s := range rawjson.Value(last).Elements() {
			streams[airbyteName(s)] = json.RawMessage(s)
		}
	}
	for _, e := range parseAll(w.t, lines) {
		switch {
		case e.record != nil:
			into.add(e)
			records++
		case e.stream == "":
			last = e.state
		default:
			streams[e.stream] = e.state
		}
	}
	if len(streams) > 0 {
		return listOf(w.t, streams), records
	}
	return last, records
}

// listOf is a state as an Airbyte client hands it back.
func listOf(t testing.TB, streams map[string]json.RawMessage) []byte {
	t.Helper()
	list := []json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(streams)) {
		list = append(list, streams[name])
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func wholeLines(b []byte) [][]byte {
	lines := bytes.SplitAfter(b, []byte("\n"))
	return slices.DeleteFunc(lines, func(l []byte) bool { return !bytes.HasSuffix(l, []byte("\n")) })
}

// bytesOf is the length of a run's output.
func bytesOf(lines [][]byte) int {
	n := 0
	for _, l := range lines {
		n += len(l)
	}
	return n
}
