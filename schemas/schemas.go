// Package schemas holds the JSON Schemas of the streams' records and of the settings.
//
// A stream's schema keeps to what every client of either protocol takes: draft 7 with type,
// properties, items, description and additionalProperties only; date-time as the one format,
// on timestamps at top level; maxLength on the primary key's text alone. Objects declare
// their properties. Every field may be null but those of the primary key.
// The schemas are what catalogs show, what records are written by and what tests hold
// against the facts of the official API.
package schemas

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
)

//go:embed *.json
var files embed.FS

const settings = "settings"

// Stream returns the schema of a stream's records as it stands in its file. The bytes are
// the caller's own. An unknown stream is an error.
func Stream(name string) ([]byte, error) {
	if name == settings {
		return nil, fmt.Errorf("no stream %q has a schema", name)
	}
	text, err := files.ReadFile(name + ".json")
	if err != nil {
		return nil, fmt.Errorf("no stream %q has a schema", name)
	}
	return text, nil
}

// Settings returns the schema of the settings as it stands in its file. The bytes are the
// caller's own.
func Settings() []byte {
	text, err := files.ReadFile(settings + ".json")
	if err != nil {
		panic("schemas: " + err.Error()) // the file is embedded
	}
	return text
}

// Field is one top-level field of a stream's records.
type Field struct {
	// Name is the field's name in records.
	Name string
	// Types are the JSON types that it takes, among them "null" unless it is of the key.
	Types []string
	// Format is "date-time" for a timestamp, else empty.
	Format string
	// Properties are the fields that an object declares, Items what a list declares of its
	// elements, nil for nothing.
	Properties []Field
	Items      *Field
}

// Fields lists the top-level fields of a stream's records in the order of its file: the key
// first, the links last. The list is shared and must not be written to. An unknown stream is
// an error.
func Fields(name string) ([]Field, error) {
	parsed, ok := fieldsOf()[name]
	if !ok {
		_, err := Stream(name)
		return nil, err
	}
	return parsed()
}

// fieldsOf returns what parses each stream's fields when they are first asked for, and only
// then: tests start thousands of syncs in one process.
var fieldsOf = sync.OnceValue(func() map[string]func() ([]Field, error) {
	all := map[string]func() ([]Field, error){}
	for _, name := range fileNames() {
		if name != settings {
			all[name] = sync.OnceValues(func() ([]Field, error) { return parse(name) })
		}
	}
	return all
})

// fileNames lists the embedded files without their ending, sorted.
func fileNames() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("schemas: " + err.Error()) // an embedded directory
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = strings.TrimSuffix(entry.Name(), ".json")
	}
	return names
}

func parse(name string) ([]Field, error) {
	text, err := Stream(name)
	if err != nil {
		return nil, err
	}
	var schema struct{ Properties fields }
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, fmt.Errorf("parsing the schema of %s: %w", name, err)
	}
	return schema.Properties, nil
}

// fields reads an object of properties in the order of the text.
type fields []Field

// UnmarshalJSON reads properties one by one, since a map would lose their order.
func (f *fields) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(errors.New("properties are not an object"), err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var p property
		if err := d.Decode(&p); err != nil {
			return fmt.Errorf("property %v: %w", name, err)
		}
		*f = append(*f, p.field(name.(string)))
	}
	return nil
}

// property is the schema of one field.
type property struct {
	Type       types
	Format     string
	Properties fields
	Items      *property
}

func (p *property) field(name string) Field {
	f := Field{Name: name, Types: p.Type, Format: p.Format, Properties: p.Properties}
	if p.Items != nil {
		items := p.Items.field("")
		f.Items = &items
	}
	return f
}

// types reads a type, which may be a name or a list of names.
type types []string

// UnmarshalJSON reads a name as a list of one.
func (t *types) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*t = types{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(t))
}
