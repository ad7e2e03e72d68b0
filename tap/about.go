package tap

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/schemas"
	"github.com/tap-confluence/tap-confluence/tap/config"
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

// aboutMarkdown prints what Meltano's SDK prints for its taps, and the streams after it.
func aboutMarkdown() ([]byte, error) {
	settings, err := config.Settings()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# `%s`\n\n%s\n\nVersion %s.\n\n## Capabilities\n\n", Name, description, Version())
	for _, c := range capabilities {
		fmt.Fprintf(&b, "- `%s`\n", c)
	}
	b.WriteString("\n## Settings\n\n| Setting | Required | Default | Description |\n|:--------|:--------:|:-------:|:------------|\n")
	for _, s := range settings {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", s.Name, python(s.Required), python(s.Default), s.Description)
	}
	fmt.Fprintf(&b, "\nA full list of supported settings and capabilities is available by running: `%s --about`\n\n## Streams\n\n%s\nThe setting `extra_streams` adds these:\n\n%s", Name, StreamsTable(), ExtraStreamsTable())
	return []byte(b.String()), nil
}

// python writes a setting's value as the SDK does, which is written in Python.
func python(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = fmt.Sprintf("'%v'", item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return fmt.Sprint(v)
}

// SettingsTable returns the settings as a Markdown table, in the order of their schema.
func SettingsTable() (string, error) {
	settings, err := config.Settings()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| Setting | Required | Default | Description |\n|---|---|---|---|\n")
	for _, s := range settings {
		required, def := "", ""
		if s.Required {
			required = "yes"
		}
		if s.Default != nil {
			text, err := json.Marshal(s.Default)
			if err != nil {
				return "", fmt.Errorf("writing a default: %w", err)
			}
			def = code(string(text))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code(s.Name), required, def, strings.ReplaceAll(s.Description, "|", "\\|"))
	}
	return b.String(), nil
}

// StreamsTable returns the usual streams as a Markdown table, with the scopes that a token needs
// to read each of them.
func StreamsTable() string {
	return streamsTable(slices.DeleteFunc(stream.Every(), (*stream.Stream).IsExtra))
}

// ExtraStreamsTable does the same for the streams that the setting extra_streams adds.
func ExtraStreamsTable() string {
	return streamsTable(slices.DeleteFunc(stream.Every(), func(s *stream.Stream) bool { return !s.IsExtra() }))
}

func streamsTable(streams []*stream.Stream) string {
	var b strings.Builder
	b.WriteString("| Stream | Records | Key | Incremental by | Granular scope | Classic scope |\n|---|---|---|---|---|---|\n")
	for _, s := range streams {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", code(s.Name), s.Doc, codes(s.Key), code(s.ReplicationKey), scopes(s))
	}
	return b.String()
}

// ScopesTable returns the same scopes of all streams as a Markdown table the other way round:
// which streams each is needed for.
func ScopesTable() string {
	var rows []string
	streams := map[string][]string{}
	for _, s := range stream.Every() {
		row := scopes(s)
		if streams[row] == nil {
			rows = append(rows, row)
		}
		streams[row] = append(streams[row], s.Name)
	}
	var b strings.Builder
	b.WriteString("| Granular scope | Classic scope | Streams |\n|---|---|---|\n")
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s | %s |\n", row, codes(streams[row]))
	}
	return b.String()
}

// scopes returns the cells of what a token needs: the granular scopes of the listing and, for a
// child stream that its parents' rows don't hold, of its own route; and the classic scopes that
// routes of version 1 of the API take instead. Version 2 takes none.
func scopes(s *stream.Stream) string {
	routes := [][]string{s.Listing.Scopes}
	if s.Listing.Bulk != nil {
		routes = append(routes, s.Listing.Bulk.Scopes)
	}
	if s.Node != nil {
		routes = append(routes, s.Node.Scopes)
	}
	if s.IsChild() && s.Derive != stream.ChildOf {
		routes = append(routes, s.Scopes)
	}
	var granular, classic []string
	everywhere := true
	for _, route := range routes {
		old := slices.DeleteFunc(slices.Clone(route), isGranular)
		granular = append(granular, slices.DeleteFunc(slices.Clone(route), func(scope string) bool { return !isGranular(scope) })...)
		classic = append(classic, old...)
		everywhere = everywhere && len(old) > 0
	}
	if !everywhere {
		return codes(sorted(granular)) + " | none"
	}
	return codes(sorted(granular)) + " | " + codes(sorted(classic))
}

// isGranular reports whether a scope is one of the newer kind: read:page:confluence.
func isGranular(scope string) bool { return strings.Count(scope, ":") == 2 }

// sorted returns the texts of a list in order, each once.
func sorted(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// code returns text as code, nothing as nothing.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func codes(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = code(s)
	}
	return strings.Join(quoted, ", ")
}
