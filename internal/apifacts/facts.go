// Package apifacts holds the facts of the official Confluence Cloud API that tests and the
// simulated site rely on: which parameters a route takes, which scopes it needs and which
// fields its answers have.
//
// facts.json is extracted from Atlassian's two OpenAPI documents by the extract tool below
// this directory, so that nobody's memory stands between the documents and the tests.
// observed.json is written by hand: it lists where real answers differ from the documents.
// Both hold names, types and limits only. The tap itself does not need this package.
package apifacts

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

//go:embed facts.json
var factsJSON []byte

//go:embed observed.json
var observedJSON []byte

// v2Prefix comes before the paths that version 2's own document writes.
const v2Prefix = "/wiki/api/v2"

// Facts is what the documents say, and what was observed beside them. It is read-only.
type Facts struct {
	// Sources are the documents that the facts come from.
	Sources []Source `json:"sources"`
	// Operations are those that read, by path.
	Operations []Operation `json:"operations"`
	// Schemas are the schemas of objects that the operations' answers are made of, by name.
	Schemas []Schema `json:"schemas"`
	// Observed is what real answers had and the documents lack.
	Observed Observed `json:"-"`

	schemas map[string]*Schema
}

// Source identifies one OpenAPI document.
type Source struct {
	// Name is v1 or v2.
	Name string `json:"name"`
	// Version is the document's info.version, which Atlassian hardly ever changes.
	Version string `json:"version"`
	// SHA256 is the hash of the document's bytes, in hex.
	SHA256 string `json:"sha256"`
}

// Operation is one GET operation.
type Operation struct {
	// Path is the full path. The first placeholder is always {id}; a second one keeps the
	// document's name.
	Path string `json:"path"`
	// Method is POST for an operation that sends what to read in a body; empty for GET.
	Method string `json:"method,omitempty"`
	// Deprecated is set where the document says so.
	Deprecated bool `json:"deprecated,omitempty"`
	// Scopes are the alternative sets of OAuth scopes: any one set will do.
	Scopes []ScopeSet `json:"scopes"`
	// Statuses are the documented HTTP statuses, ascending.
	Statuses []int `json:"statuses"`
	// Item is the schema of a row, if the answer is a list under "results".
	Item string `json:"item,omitempty"`
	// Object is the schema of the answer, if it isn't a list.
	Object string `json:"object,omitempty"`
	// Beside are the answer's further fields: those beside "results" in a list, those added
	// to Object's own otherwise.
	Beside []Field `json:"beside,omitempty"`
	// Params are the query parameters in the document's order.
	Params []Param `json:"params,omitempty"`
	// Body are the fields of the request's body.
	Body []Param `json:"body,omitempty"`
}

// ScopeSet is a set of OAuth scopes that an operation asks for together.
type ScopeSet struct {
	// State is Current or Beta. Version 1 has classic scopes as Current and granular ones
	// as Beta; version 2 has granular ones only.
	State string `json:"state"`
	// Names are the scopes.
	Names []string `json:"names"`
}

// Param is one query parameter.
type Param struct {
	Name string `json:"name"`
	// Type is string, integer, boolean or array; Items is the type of an array's values.
	Type  string `json:"type"`
	Items string `json:"items,omitempty"`
	// Enum lists the values that may be given, or none if all may.
	Enum []string `json:"enum,omitempty"`
	// Min and Max bound an integer.
	Min *int64 `json:"min,omitempty"`
	Max *int64 `json:"max,omitempty"`
	// Default is the value that counts when none is given, as a query string has it.
	Default string `json:"default,omitempty"`
	// MaxItems bounds an array; 0 is no bound.
	MaxItems int `json:"maxItems,omitempty"`
	// Required is set if the route refuses to work without it.
	Required bool `json:"required,omitempty"`
}

// Schema is the schema of an object. One that the document writes within another has the
// other's name, a dot and the field's name.
type Schema struct {
	Name   string  `json:"name"`
	Fields []Field `json:"fields"`
}

// Field is one field of an object.
type Field struct {
	Name string `json:"name"`
	// Type is string, integer, number, boolean, object, array or any.
	Type string `json:"type"`
	// Format is int32, int64, date-time or whatever else the document names.
	Format string `json:"format,omitempty"`
	// Enum lists the documented values. Real answers have others: see Observed.
	Enum []string `json:"enum,omitempty"`
	// Nullable is set where the document (or an observation) allows null.
	Nullable bool `json:"nullable,omitempty"`
	// Items is the type of an array's values.
	Items string `json:"items,omitempty"`
	// Schema names the schema of an object or of an array's objects; empty if free-form.
	Schema string `json:"schema,omitempty"`
}

// Load returns the facts. It parses them once, and panics if the embedded files are broken,
// which the tests rule out.
func Load() *Facts { return load() }

var load = sync.OnceValue(func() *Facts {
	f, err := parse(factsJSON, observedJSON)
	if err != nil {
		panic("apifacts: " + err.Error())
	}
	return f
})

func parse(facts, observed []byte) (*Facts, error) {
	f := &Facts{schemas: map[string]*Schema{}}
	if err := json.Unmarshal(facts, f); err != nil {
		return nil, fmt.Errorf("parsing facts.json: %w", err)
	}
	if err := json.Unmarshal(observed, &f.Observed); err != nil {
		return nil, fmt.Errorf("parsing observed.json: %w", err)
	}
	for i := range f.Schemas {
		f.schemas[f.Schemas[i].Name] = &f.Schemas[i]
	}
	return f, nil
}

// Operation returns the operation that a path belongs to, or nil. The path is a real one
// (/wiki/api/v2/pages/123/labels), or a template as the table of streams writes it, without
// the prefix of version 2 (/pages/{id}/labels).
func (f *Facts) Operation(path string) *Operation {
	if !strings.HasPrefix(path, "/wiki/") {
		path = v2Prefix + path
	}
	for i := range f.Operations {
		if matches(f.Operations[i].Path, path) {
			return &f.Operations[i]
		}
	}
	return nil
}

// matches reports whether the path fits the template. A placeholder takes one segment that is
// not empty; no two documented routes fit the same path of numbers and names.
func matches(template, path string) bool {
	for {
		want, moreWant, wantOK := strings.Cut(template, "/")
		got, moreGot, gotOK := strings.Cut(path, "/")
		if want != got && (!strings.HasPrefix(want, "{") || got == "") {
			return false
		}
		if !wantOK || !gotOK {
			return wantOK == gotOK
		}
		template, path = moreWant, moreGot
	}
}

// Schema returns the documented schema of that name, or nil.
func (f *Facts) Schema(name string) *Schema { return f.schemas[name] }

// Field returns the field of that name, or nil.
func (s *Schema) Field(name string) *Field {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return &s.Fields[i]
		}
	}
	return nil
}

// Param returns the query parameter of that name, or nil.
func (o *Operation) Param(name string) *Param {
	for i := range o.Params {
		if o.Params[i].Name == name {
			return &o.Params[i]
		}
	}
	return nil
}
