package engine_test

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// held is what a client holds after some pieces of a sync: the states that it kept, and
// only those records that came before them. A client may throw away everything that came
// after the last state that it got, so only that much counts.
type held struct {
	t       testing.TB
	rows    rows
	singer  json.RawMessage            // Singer's last state
	streams map[string]json.RawMessage // Airbyte's last STATE of each stream
	states  int                        // states that were kept in all
}

func newHeld(t testing.TB) *held {
	return &held{t: t, rows: rows{}, streams: map[string]json.RawMessage{}}
}

// state is what the next piece is given.
func (h *held) state() []byte {
	if len(h.streams) == 0 {
		return h.singer
	}
	list := []json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(h.streams)) {
		list = append(list, h.streams[name])
	}
	text, err := json.Marshal(list)
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

// take keeps the records and states of a piece.
func (h *held) take(lines [][]byte) { h.takeUntil(parseAll(h.t, lines), nil) }

// takeUntil keeps the records and states of a piece. Under Airbyte, where states are told
// and kept stream by stream, most bounds how many states of a stream are kept.
func (h *held) takeUntil(messages []event, most map[string]int) {
	waiting := map[string][]event{}
	kept := map[string]int{}
	for _, m := range messages {
		if limit, bounded := most[m.stream]; bounded && kept[m.stream] >= limit {
			continue
		}
		if m.record != nil {
			waiting[m.stream] = append(waiting[m.stream], m)
			continue
		}
		kept[m.stream]++
		h.states++
		if m.stream == "" {
			h.singer = m.state
			for _, list := range waiting {
				h.keep(list)
			}
			clear(waiting)
			continue
		}
		h.streams[m.stream] = m.state
		h.keep(waiting[m.stream])
		delete(waiting, m.stream)
	}
}

func (h *held) keep(records []event) {
	for _, m := range records {
		if h.rows[m.stream] == nil {
			h.rows[m.stream] = map[string]json.RawMessage{}
		}
		h.rows[m.stream][m.key] = m.record
	}
}

// mixed draws how many states of each stream a client kept of a piece.
func mixed(rnd *rand.Rand, messages []event) map[string]int {
	n := map[string]int{}
	for _, m := range messages {
		if m.state != nil {
			n[m.stream]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n)) {
		n[name] = rnd.IntN(n[name] + 1)
	}
	return n
}

// event is a record or a state of either protocol.
type event struct {
	stream string // empty for Singer's state
	key    string // of a record, as rows has it
	record json.RawMessage
	state  json.RawMessage
}

// recorded is the event of a record.
func recorded(t testing.TB, name string, record json.RawMessage) event {
	t.Helper()
	one := rows{}
	one.add(t, name, record)
	for key := range one[name] {
		return event{stream: name, key: key, record: record}
	}
	return event{}
}

// parseAll returns the records and states among whole lines.
func parseAll(t testing.TB, lines [][]byte) []event {
	t.Helper()
	events := make([]event, 0, len(lines))
	for _, line := range lines {
		var m message
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("line %s: %v", line, err)
		}
		switch {
		case m.Type == "RECORD" && m.Stream != "":
			events = append(events, recorded(t, m.Stream, m.Record))
		case m.Type == "RECORD":
			var r recordIn
			if err := json.Unmarshal(m.Record, &r); err != nil {
				t.Fatal(err)
			}
			events = append(events, recorded(t, r.Stream, r.Data))
		case m.Type == "STATE" && m.Value != nil:
			events = append(events, event{state: m.Value})
		case m.Type == "STATE":
			events = append(events, event{stream: airbyteName(m.State), state: m.State})
		}
	}
	return events
}

// bytesOf is the length of a run's output.
func bytesOf(lines [][]byte) int {
	n := 0
	for _, l := range lines {
		n += len(l)
	}
	return n
}
