package tap

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"github.com/tap-confluence/tap-confluence/schemas"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// capabilities are what the tap can do, by the names that Meltano has for it.
var capabilities = []string{"about", "catalog", "discover", "properties", "state", "test", "activate-version"}

var description = fmt.Sprintf("Extracts a Confluence Cloud site: %d streams, for Singer and Airbyte.", len(stream.All))

// about describes the program for people and tools.
func about(format string) ([]byte, error) {
	switch format {
	case "json":
		return aboutJSON()
	case "markdown":
		return aboutMarkdown()
	case "text", "":
		text := fmt.Sprintf("Name: %s\nDescription: %s\nVersion: %s\nCapabilities: %s\n", Name, description, Version(), strings.Join(capabilities, ", "))
		return []byte(text), nil
	}
	return nil, usage("--format %q: give text, json or markdown", format)
}

func aboutJSON() ([]byte, error) {
	doc := struct {
		Name                    string          `json:"name"`
		Description             string          `json:"description"`
		Version                 string          `json:"version"`
		SDKVersion              *string         `json:"sdk_version"`
		SupportedPythonVersions []string        `json:"supported_python_versions"`
		Capabilities            []string        `json:"capabilities"`
		Settings                json.RawMessage `json:"settings"`
	}{Name, description, Version(), nil, []string{}, capabilities, schemas.Settings()}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		return nil, fmt.Errorf("describing the program: %w", err)
	}
	return b.Bytes(), nil
}

func aboutMarkdown() ([]byte, error) {
	settings, err := SettingsTable()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# `%s`\n\n%s\n\nVersion %s.\n\n## Capabilities\n\n", Name, description, Version())
	for _, c := range capabilities {
		fmt.Fprintf(&b, "* `%s`\n", c)
	}
	fmt.Fprintf(&b, "\n## Settings\n\n%s\n## Streams\n\n%s", settings, StreamsTable())
	return []byte(b.String()), nil
}

// SettingsTable returns the settings as a Markdown table, in the order of their schema.
func SettingsTable() (string, error) {
	var schema struct {
		Required   []string
		Properties map[string]struct {
			Type        any
			Description string
			Default     json.RawMessage
			Order       int
		}
	}
	if err := json.Unmarshal(schemas.Settings(), &schema); err != nil {
		return "", fmt.Errorf("reading the settings' schema: %w", err)
	}
	names := make([]string, 0, len(schema.Properties))
	for name := range schema.Properties {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool { return schema.Properties[names[i]].Order < schema.Properties[names[j]].Order })
	var b strings.Builder
	b.WriteString("| Setting | Required | Default | Description |\n|---|---|---|---|\n")
	for _, name := range names {
		s := schema.Properties[name]
		required := ""
		for _, r := range schema.Required {
			if r == name {
				required = "yes"
			}
		}
		def := ""
		if s.Default != nil {
			def = "`" + string(s.Default) + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, required, def, strings.ReplaceAll(s.Description, "|", "\\|"))
	}
	return b.String(), nil
}

// StreamsTable returns the streams as a Markdown table, with the scopes that a token needs
// to read each of them.
func StreamsTable() string {
	var b strings.Builder
	b.WriteString("| Stream | Records | Key | Incremental by | Scopes |\n|---|---|---|---|---|\n")
	for i := range stream.All {
		s := &stream.All[i]
		incremental := ""
		if s.ReplicationKey != "" {
			incremental = code(s.ReplicationKey)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", code(s.Name), s.Doc, codes(s.Key, ", "), incremental, scopes(s))
	}
	return b.String()
}

// scopes lists what a token needs: the scopes of the listing and, for a child stream that
// its parents' rows don't hold, those of its own route. The groups' route is of version 1
// of the API, where the scopes are alternatives.
func scopes(s *stream.Stream) string {
	if strings.HasPrefix(s.Listing.Route, "/wiki/") {
		return codes(s.Listing.Scopes, " or ")
	}
	needed := append([]string(nil), s.Listing.Scopes...)
	if s.IsChild() && s.Derive != stream.ChildOf {
		for _, scope := range s.Scopes {
			if scope != s.Listing.Scopes[0] {
				needed = append(needed, scope)
			}
		}
	}
	return codes(needed, ", ")
}

func code(s string) string { return "`" + s + "`" }

func codes(list []string, between string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = code(s)
	}
	return strings.Join(quoted, between)
}
