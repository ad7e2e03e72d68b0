// Package state reads and writes what a sync remembers between runs: one entry per stream,
// the same in both protocols, enough on its own. docs/state.md shows examples.
//
// entry.go and progress.go say what is remembered, transition.go holds every way in which it
// changes, state.go, singer.go and airbyte.go read and write it.
package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// Version is the version of the state's format. States of any other version are refused.
const Version = 2

// State is a whole state: the entries that a run knows and what it passes on untouched.
type State struct {
	// Site is the host of the site that the state belongs to.
	Site string
	// Run names the sync under way (Singer), empty if the last one came to its end.
	Run string
	// Began is when that sync began.
	Began time.Time

	entries map[string]Entry
	passed  map[string]json.RawMessage // of streams that this tap doesn't know
}

// New returns the state of a site that nothing was read of.
func New(site string) *State {
	return &State{Site: site, entries: map[string]Entry{}, passed: map[string]json.RawMessage{}}
}

// Entry returns a copy of a stream's entry, the zero entry if there is none.
func (s *State) Entry(name string) Entry { return s.entries[name].clone() }

// Has reports whether the state holds an entry of the stream.
func (s *State) Has(name string) bool {
	_, ok := s.entries[name]
	return ok
}

func (s *State) put(name string, e Entry) { s.entries[name] = e }

// Clone returns a copy that shares nothing with s.
func (s *State) Clone() *State {
	c := New(s.Site)
	c.Run, c.Began = s.Run, s.Began
	for name, e := range s.entries {
		c.entries[name] = e.clone()
	}
	maps.Copy(c.passed, s.passed)
	return c
}

// Error says why a state can't be used, and what to do.
type Error struct {
	Problem string
}

// Error returns the problem as one line.
func (e *Error) Error() string { return "the state can't be used: " + e.Problem }

// remedy ends every problem that another file solves.
const remedy = "; give the state of this site and version, or start again without --state"

func problem(format string, args ...any) error {
	return &Error{fmt.Sprintf(format, args...) + remedy}
}

// clean returns a state's text without white space and the mark that some editors put before it.
func clean(data []byte) ([]byte, error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, problem("it is written in UTF-16; save it as UTF-8")
	}
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(data), []byte("\xef\xbb\xbf"))), nil
}

// severalLines reports whether a text that is no JSON holds one object after another.
func severalLines(data []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(data))
	var first, second map[string]json.RawMessage
	return dec.Decode(&first) == nil && dec.Decode(&second) == nil
}

// envelope says whose a state is.
type envelope struct {
	V     int    `json:"v"`
	Site  string `json:"site"`
	Run   string `json:"run"`
	Began string `json:"began"`
}

// check refuses what is of another version or site.
func (e *envelope) check(site string) error {
	switch {
	case e.V > Version:
		return problem("a newer version of tap-confluence wrote it (format %d, this one knows %d)", e.V, Version)
	case e.V < Version:
		return problem("its format %d is no longer read (this version knows %d)", e.V, Version)
	case e.Site != site:
		return &Error{fmt.Sprintf("it belongs to the site %s, this run reads %s; if the site was renamed, edit \"site\" in the state to keep its bookmarks",
			clip(e.Site), clip(site))}
	}
	return nil
}

func parseEntry(raw json.RawMessage) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(raw, &e); err != nil {
		return Entry{}, fmt.Errorf("reading it: %w", err)
	}
	return e.clone(), e.check()
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
