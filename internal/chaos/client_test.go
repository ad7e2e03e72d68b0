package chaos

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// given is a state that a run was given, or rather where it came from: a run and how many of its
// messages the client had received when it came. Several, if states were merged: the first won.
type given []origin

type origin struct {
	run *played
	at  int // index of the STATE message
}

// names reports whether the state has an entry for a stream (Singer).
func (o origin) names(name string) bool {
	var state struct{ Bookmarks map[string]json.RawMessage }
	if err := json.Unmarshal(o.run.messages[o.at].State, &state); err != nil {
		panic(err) // what the program wrote was parsed before
	}
	return state.Bookmarks[name] != nil
}

// stateFor returns the state that a run is given, as text, and its origins by stream: under
// Singer they are the same for all.
func (p *player) stateFor(ref stateRef, job int) (text string, from map[string]given) {
	switch ref.Take {
	case "last":
		for _, r := range slices.Backward(p.runs) {
			if r.spec.Job == job {
				text, from = p.stateAfter(r, len(r.messages), ref.Lag)
				break
			}
		}
	case "shared":
		if n := len(p.runs); n > 0 {
			text, from = p.stateAfter(p.runs[n-1], len(p.runs[n-1].messages), ref.Lag)
		}
	case "old":
		if len(p.runs) > 0 {
			r := p.runs[ref.From%len(p.runs)]
			var lines []int
			for i, m := range r.messages {
				if m.Type == "STATE" {
					lines = append(lines, i)
				}
			}
			upTo := len(r.messages)
			if len(lines) > 0 {
				upTo = lines[int(ref.Line%uint32(len(lines)))] + 1
			}
			text, from = p.stateAfter(r, upTo, ref.Lag)
		}
	}
	if ref.Onto == nil {
		return text, from
	}
	stored, before := p.stateFor(*ref.Onto, job)
	switch {
	case stored == "":
		return text, from
	case text == "":
		return stored, before
	}
	both := map[string]given{}
	for _, name := range p.history.streams {
		both[name] = slices.Concat(from[name], before[name])
	}
	return merged(stored, text), both
}

// stateAfter returns what a client holds after so many messages of a run: its last state, or
// what it gave to the run.
func (p *player) stateAfter(r *played, upTo int, lag uint32) (string, map[string]given) {
	if p.trial.Airbyte {
		return p.airbyteState(r, upTo, lag)
	}
	for i := upTo - 1; i >= 0; i-- {
		if r.messages[i].Type == "STATE" {
			from := map[string]given{}
			for _, name := range p.history.streams {
				from[name] = given{{r, i}}
			}
			return string(r.messages[i].State), from
		}
	}
	return r.stateText, r.given
}

// airbyteState keeps states stream by stream, as the platform does: each when the target has stored
// what came before it.
func (p *player) airbyteState(r *played, upTo int, lag uint32) (string, map[string]given) {
	kept := maps.Clone(r.states)
	from := maps.Clone(r.given)
	if kept == nil {
		kept = map[string]json.RawMessage{}
	}
	if from == nil {
		from = map[string]given{}
	}
	for n, name := range p.history.streams {
		var told []int
		for i, m := range r.messages[:upTo] {
			if m.Type == "STATE" && m.Stream == name {
				told = append(told, i)
			}
		}
		if lag>>(n%16)&1 == 1 {
			told = told[:max(0, len(told)-int(lag>>16)%4-1)]
		}
		if len(told) > 0 {
			at := told[len(told)-1]
			kept[name], from[name] = r.messages[at].State, given{{r, at}}
		}
	}
	return tapfixture.AirbyteStateFile(kept), from
}

// merged is what Meltano makes of a stored state and a new one: objects are merged key by key,
// everything else of the new one replaces what was stored.
func merged(stored, fresh string) string {
	var a, b any
	for text, into := range map[string]*any{stored: &a, fresh: &b} {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(into); err != nil {
			panic(err) // what the program wrote was parsed before
		}
	}
	text, err := json.Marshal(deepMerge(a, b))
	if err != nil {
		panic(err) // it was JSON
	}
	return string(text)
}

func deepMerge(stored, fresh any) any {
	a, isObject := stored.(map[string]any)
	b, alsoObject := fresh.(map[string]any)
	if !isObject || !alsoObject {
		return fresh
	}
	all := maps.Clone(a)
	for name, value := range b {
		if old, ok := all[name]; ok {
			value = deepMerge(old, value)
		}
		all[name] = value
	}
	return all
}
