package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// setting is one property of schemas/settings.json.
type setting struct {
	Type    string   `json:"type"`
	Enum    []string `json:"enum"`
	Items   *setting `json:"items"`
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
	byName map[string]*setting
	schema *jsonschema.Schema
}

// schemaURL names the schema in the validator. It is absolute, or the validator would make
// a path of this machine of it.
const schemaURL = "tap-confluence:///settings.json"

func loadSettings() (*settings, error) {
	var document struct {
		Properties map[string]*setting `json:"properties"`
	}
	if err := json.Unmarshal(schemas.Settings(), &document); err != nil {
		return nil, fmt.Errorf("decoding the settings' schema: %w", err)
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
	return &settings{byName: document.Properties, schema: schema}, nil
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
