// Package state reads and writes what a sync remembers between runs. A sync is one reading of
// everything that is selected; if it is interrupted, several runs share it. A state has one entry per
// stream, the same in both protocols, and each entry is complete on its own. docs/state.md shows
// examples.
//
// A stream's bookmark is the time from which the next incremental run reads changes. Its position is
// how far an interrupted sync got with it. A probe is the question to the site whose account this is;
// positions enter the state only behind one.
//
// Files use each other from top to bottom: airbyte.go and singer.go (how each protocol writes a state),
// transition.go (every change of a state), state.go, entry.go, progress.go.
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

// State is a whole state: the entries of known streams, and those that the tap passes on untouched.
type State struct {
	// Site is the host of the site that the state belongs to.
	Site string
	// Run names the sync under way, empty if the last one came to its end. Singer only: under Airbyte
	// each entry names its own.
	Run string
	// Began is when that sync began, zero if unknown.
	Began time.Time

	entries map[string]Entry
	passed  map[string]json.RawMessage // of streams that this tap doesn't know
}

// New returns the empty state of a site, named by its host.
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
	// Problem continues the sentence "the state can't be used: ".
	Problem string
}

// Error returns the problem as one line.
func (e *Error) Error() string { return "the state can't be used: " + e.Problem }

// remedy ends the text of every problem that another state file solves.
const remedy = "; give the state of this site and version, or start again without --state"

func problem(format string, args ...any) error {
	return &Error{fmt.Sprintf(format, args...) + remedy}
}

// clean returns a state's text without surrounding white space and without a byte order mark.
func clean(data []byte) ([]byte, error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, problem("it is written in UTF-16; save it as UTF-8")
	}
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(data), []byte("\xef\xbb\xbf"))), nil
}

// severalLines reports whether a text that is not one JSON value begins with two JSON objects.
func severalLines(data []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(data))
	var first, second map[string]json.RawMessage
	return dec.Decode(&first) == nil && dec.Decode(&second) == nil
}

// envelope says which site and sync a state belongs to.
type envelope struct {
	V     int    `json:"v"`
	Site  string `json:"site"`
	Run   string `json:"run"`
	Began string `json:"began"`
}

// check returns an *Error for a state of another version or of another site.
func (e *envelope) check(site string) error {
	switch {
	case e.V > Version:
		return problem("a newer version of tap-confluence wrote it (format %d, this one knows %d)", e.V, Version)
	case e.V < Version:
		return problem("its format %d is no longer read (this version knows %d)", e.V, Version)
	case e.Site != site:
		return &Error{fmt.Sprintf(`it belongs to the site %s, not %s; if renamed, edit "site" in it`, clip(e.Site), clip(site))}
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
