package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strconv"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Programs that make builds, and the baselines, as seen from the repository's root.
const (
	tapProgram      = "bin/tap-confluence"
	floorProgram    = "bin/floor"
	profiledProgram = "bin/profiled"
	pythonProgram   = ".venv/acceptance/bench/bin/python"
	cdkProgram      = ".venv/acceptance/airbyte/bin/source-declarative-manifest"
	manifest        = "bench/manifest.yaml"
)

// files is a directory for what the tap is given.
type files struct{ dir string }

func (f files) path(name string) string { return filepath.Join(f.dir, name) }

// sub returns a directory below this one. It is made when something is written to it.
func (f files) sub(name string) files { return files{f.path(name)} }

func (f files) write(name string, v any) (string, error) {
	text, ok := v.([]byte)
	if !ok {
		var err error
		if text, err = json.Marshal(v); err != nil {
			return "", err
		}
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return "", err
	}
	return f.path(name), os.WriteFile(f.path(name), text, 0o600)
}

// settings are the tap's for a site of the benchmark. More overrides them.
func settings(url string, more map[string]any) map[string]any {
	s := map[string]any{
		"domain": "acme", "email": "bench@example.org", "api_token": "bench", "api_url": url,
		"requests_per_second": 0, "anchor_date": "2000-01-01", "log_level": "warning",
	}
	maps.Copy(s, more)
	return s
}

// configured is Airbyte's configured catalog of some streams, read in full.
func configured(names []string) map[string]any {
	var streams []any
	for _, name := range names {
		streams = append(streams, map[string]any{
			"stream":    map[string]any{"name": name, "json_schema": map[string]any{}, "supported_sync_modes": []string{"full_refresh"}},
			"sync_mode": "full_refresh", "destination_sync_mode": "append",
		})
	}
	return map[string]any{"streams": streams}
}

// cdk returns Airbyte's declarative CDK with the benchmark's own manifest.
func (f files) cdk(url string, streams []string) (program, error) {
	config, err := f.write("cdk-config.json", map[string]any{"url": url, "email": "bench@example.org", "api_token": "bench"})
	if err != nil {
		return program{}, err
	}
	catalog, err := f.write("cdk-catalog.json", configured(streams))
	if err != nil {
		return program{}, err
	}
	return program{name: "Airbyte's CDK", argv: []string{cdkProgram, "read", "--config", config, "--catalog", catalog, "--manifest-path", manifest}}, nil
}

// airbytePlain is plainState for Airbyte.
func airbytePlain() []any {
	var messages []any
	for _, name := range stream.Names() {
		messages = append(messages, map[string]any{"type": "STREAM", "stream": map[string]any{
			"stream_descriptor": map[string]any{"name": name},
			"stream_state":      map[string]any{"v": 2, "site": "acme.atlassian.net", "plain": true},
		}})
	}
	return messages
}

// run is one way of running the tap.
type run struct {
	streams  []string
	settings map[string]any // beside the usual ones
	plain    bool           // with every shortcut off
	airbyte  bool
	binary   string // empty for the tap itself
}

// tap writes what the tap needs for a run and returns the program.
func (f files) tap(name, url string, r run) (program, error) {
	p := program{name: name}
	prefix := strconv.FormatBool(r.airbyte) + "-"
	config, err := f.write(prefix+"config.json", settings(url, r.settings))
	if err != nil {
		return p, err
	}
	var discovered any = configured(r.streams)
	if !r.airbyte {
		if discovered, err = selected(kind{streams: r.streams}, catalog.Markdown(r.settings["body_format"] == "markdown")); err != nil {
			return p, err
		}
	}
	catalogFile, err := f.write(prefix+"catalog.json", discovered)
	if err != nil {
		return p, err
	}
	p.argv = []string{tapProgram}
	if r.binary != "" {
		p.argv[0] = r.binary
	}
	if r.airbyte {
		p.argv = append(p.argv, "read")
	}
	p.argv = append(p.argv, "--config", config, "--catalog", catalogFile)
	if r.plain {
		var state any = plainState()
		if r.airbyte {
			state = airbytePlain()
		}
		stateFile, err := f.write(prefix+"state.json", state)
		if err != nil {
			return p, err
		}
		p.argv = append(p.argv, "--state", stateFile)
	}
	return p, nil
}
