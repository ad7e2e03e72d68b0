package engine_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// held is what a client has after a state: the state, and the rows before it.
type held struct {
	state string
	rows  rows
}

// heldAfter returns what a client has after some of a run's states, the first and the last among
// them.
func heldAfter(t *testing.T, r *run, before rows) []held {
	t.Helper()
	all := []held{}
	got := rows{}
	for name, keys := range before {
		got[name] = maps.Clone(keys)
	}
	for _, m := range r.messages {
		switch m.Type {
		case "RECORD":
			got.add(t, m)
		case "STATE":
			copied := rows{}
			for name, keys := range got {
				copied[name] = maps.Clone(keys)
			}
			all = append(all, held{string(m.State), copied})
		}
	}
	const most = 6
	var some []held
	for i := range min(most, len(all)) {
		some = append(some, all[i*(len(all)-1)/max(1, min(most, len(all))-1)])
	}
	return some
}

// deepMerged merges two states key by key, as Meltano does: what fresh says wins.
func deepMerged(t *testing.T, stored, fresh string) string {
	t.Helper()
	var states [2]map[string]any
	for i, text := range []string{stored, fresh} {
		if err := json.Unmarshal([]byte(text), &states[i]); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(merge(states[0], states[1]))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func merge(stored, fresh map[string]any) map[string]any {
	out := maps.Clone(stored)
	for name, value := range fresh {
		old, isObject := out[name].(map[string]any)
		if now, ok := value.(map[string]any); ok && isObject {
			value = merge(old, now)
		}
		out[name] = value
	}
	return out
}

// TestMergedPairs merges every pair of states of two successive runs, key by key and in both
// orders, and gives each to a further run: with what the client had before, no row is missing.
func TestMergedPairs(t *testing.T) {
	t.Parallel()
	o := tiny(61)
	o.CustomContent = 8
	virtual(t, o, func(t *testing.T, f *tapfixture.Fixture) {
		full := reads(t, f, false, "spaces", "space_labels", "page_labels")
		changing := reads(t, f, true, "pages", "page_versions", "custom_content", "tasks")
		full.streams = append(full.streams, changing.streams...)
		c := full.hasty()
		first := c.run()
		states := heldAfter(t, first, nil)
		second := c.run()
		states = append(states, heldAfter(t, second, states[len(states)-1].rows)...)
		if len(states) < 8 {
			t.Fatalf("only %d states to merge", len(states))
		}
		for i, a := range states {
			for j, b := range states {
				next := *c
				next.state, next.rows = deepMerged(t, a.state, b.state), states[max(i, j)].rows
				got := next.try(limit{})
				if got.status != 0 {
					t.Fatalf("states %d and %d merged: exit status %d\n%s", i, j, got.status, got.told())
				}
				union := rows{}
				for _, from := range []rows{next.rows, got.rows} {
					for name, keys := range from {
						if union[name] == nil {
							union[name] = map[string]json.RawMessage{}
						}
						maps.Copy(union[name], keys)
					}
				}
				if next.wantWhole(union); t.Failed() {
					t.Fatalf("states %d and %d of %d, merged:\n%s\n%s", i, j, len(states), a.state, b.state)
				}
			}
		}
	})
}
