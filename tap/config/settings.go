package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/tap-confluence/tap-confluence/internal/nearest"
	"github.com/tap-confluence/tap-confluence/schemas"
)

// aliases are names that other Confluence connectors have for our settings.
var aliases = map[string]string{
	"domain_name": "domain",
	"num_workers": "concurrency",
	"base_url":    "api_url",
	"start_date":  "anchor_date",
}

// Setting is one property of schemas/settings.json. Items has no name.
type Setting struct {
	Name        string `json:"-"`
	Required    bool   `json:"-"`
	Description string `json:"description"`

	Type    string   `json:"type"`
	Enum    []string `json:"enum"`
	Items   *Setting `json:"items"`
	Default any      `json:"default"`
	Minimum *float64 `json:"minimum"`
	Maximum *float64 `json:"maximum"`
	Pattern string   `json:"pattern"`
	Form    string   `json:"pattern_descriptor"`
	Secret  bool     `json:"airbyte_secret"`
	Order   int      `json:"order"`
}

// settings is schemas/settings.json, decoded and compiled.
type settings struct {
	byName map[string]*Setting
	schema *jsonschema.Schema
}

// schemaURL names the schema in the validator. It is absolute, or the validator would make
// a path of this machine of it.
const schemaURL = "tap-confluence:///settings.json"

// Settings returns all settings in the order of their schema.
func Settings() ([]*Setting, error) {
	byName, err := decodeSettings()
	byOrder := func(a, b *Setting) int { return a.Order - b.Order }
	return slices.SortedFunc(maps.Values(byName), byOrder), err
}

// decodeSettings returns all settings by name.
func decodeSettings() (map[string]*Setting, error) {
	var schema struct {
		Required   []string            `json:"required"`
		Properties map[string]*Setting `json:"properties"`
	}
	if err := json.Unmarshal(schemas.Settings(), &schema); err != nil {
		return nil, fmt.Errorf("decoding the settings' schema: %w", err)
	}
	for name, s := range schema.Properties {
		s.Name, s.Required = name, slices.Contains(schema.Required, name)
	}
	return schema.Properties, nil
}

func loadSettings() (*settings, error) {
	byName, err := decodeSettings()
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.LoadURL = func(string) (io.ReadCloser, error) {
		return nil, errors.New("references to other documents are not followed")
	}
	if err := compiler.AddResource(schemaURL, strings.NewReader(string(schemas.Settings()))); err != nil {
		return nil, fmt.Errorf("decoding the settings' schema: %w", err)
	}
	schema, err := compiler.Compile(schemaURL)
	if err != nil {
		return nil, fmt.Errorf("compiling the settings' schema: %w", err)
	}
	return &settings{byName: byName, schema: schema}, nil
}

// order is the setting's place among messages; what is not a setting comes first.
func (s *settings) order(name string) int {
	if known := s.byName[name]; known != nil {
		return known.Order
	}
	return -1
}

// nearest returns the known name or alias that an unknown one probably stands for, or "".
func (s *settings) nearest(name string) string {
	return nearest.Name(name, s.names())
}

// names lists settings and aliases, sorted.
func (s *settings) names() []string {
	var names []string
	for name := range s.byName {
		names = append(names, name)
	}
	for alias := range aliases {
		names = append(names, alias)
	}
	slices.Sort(names)
	return names
}
