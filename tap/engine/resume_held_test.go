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
	return listOf(h.t, h.streams)
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
		h.rows.add(m)
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
