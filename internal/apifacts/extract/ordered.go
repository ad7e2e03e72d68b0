package main

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// ordered is a JSON object that keeps the order of its fields, so that the facts come in
// the order in which the documents are written.
type ordered[V any] struct {
	names  []string
	values map[string]V
}

// UnmarshalJSON reads an object; null is an empty one.
func (o *ordered[V]) UnmarshalJSON(data []byte) error {
	o.values = map[string]V{}
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var v V
		if err := d.Decode(&v); err != nil {
			return fmt.Errorf("reading %v: %w", name, err)
		}
		o.names = append(o.names, name.(string))
		o.values[name.(string)] = v
	}
	return nil
}
