package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/tap"
	"github.com/tap-confluence/tap-confluence/tap/state"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// kind is one way of running the tap whose requests are counted.
type kind struct {
	name        string
	streams     []string // nil for all
	incremental bool
	state       func(last []byte) []byte // the state it starts with, given the one before
	before      func(*simconfluence.Site) error
}

// scaledSite is a site with everything on it, for requests to be counted.
func scaledSite(seed int64, pages int) *simconfluence.Site {
	o := simconfluence.Scaled(seed, pages)
	o.AllVisible, o.BodyBytes = true, 500
	return simconfluence.New(o)
}

// withIncremental names the streams that can be read incrementally.
func withIncremental() []string {
	var names []string
	for i := range stream.All {
		if stream.All[i].ReplicationKey != "" {
			names = append(names, stream.All[i].Name)
		}
	}
	return names
}

// edited returns a change of one page in a hundred.
func edited(pages int) func(*simconfluence.Site) error {
	return func(s *simconfluence.Site) error { return editPages(s, pages/100) }
}

// same is the state that the run before ended with.
func same(last []byte) []byte { return last }

// noShortcuts is a state with every shortcut off, whatever came before.
func noShortcuts([]byte) []byte { return plainState() }

// requestsByRoute counts the requests of several kinds of sync on one site, by route.
func requestsByRoute(ctx context.Context, pages int, seed int64) (string, error) {
	labels := []string{"page_labels", "blog_post_labels", "attachment_labels"}
	kinds := []kind{
		{name: "all, full"},
		{name: "all, one request per parent and stream", state: noShortcuts},
		{name: "labels alone", streams: labels},
		{name: "labels alone, one per parent", streams: labels, state: noShortcuts},
		{name: "incremental, first", streams: withIncremental(), incremental: true},
		{name: "incremental, unchanged", streams: withIncremental(), incremental: true, state: same},
		{name: "incremental, 1% of pages edited", streams: withIncremental(), incremental: true, state: same, before: edited(pages)},
	}
	counts, err := countRequests(ctx, scaledSite(seed, pages), kinds, func(string) {})
	if err != nil {
		return "", err
	}
	return routeTable(kinds, counts), nil
}

// countRequests runs several kinds of sync on a site, one after another, and counts the
// requests of each by route.
func countRequests(ctx context.Context, site *simconfluence.Site, kinds []kind, say func(string)) ([]map[string]int, error) {
	server := httptest.NewServer(site)
	defer server.Close()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var last []byte
	counts := make([]map[string]int, len(kinds))
	for i, k := range kinds {
		if k.before != nil {
			if err := k.before(site); err != nil {
				return nil, err
			}
		}
		site.Reset()
		var start []byte
		if k.state != nil {
			start = k.state(last)
		}
		state, err := runTap(ctx, dir, server.URL, k, start)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
		last, counts[i] = state, site.Requests()
		say(k.name)
	}
	return counts, nil
}

// runTap runs the tap in this process and returns its last state.
func runTap(ctx context.Context, dir, url string, s kind, state []byte) ([]byte, error) {
	config, err := json.Marshal(settings(url, map[string]any{"concurrency": 16}))
	if err != nil {
		return nil, err
	}
	args := []string{"--config", filepath.Join(dir, "config.json"), "--catalog", filepath.Join(dir, "catalog.json")}
	files := map[string][]byte{"config.json": config, "catalog.json": nil}
	if files["catalog.json"], err = selected(s); err != nil {
		return nil, err
	}
	if state != nil {
		files["state.json"] = state
		args = append(args, "--state", filepath.Join(dir, "state.json"))
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return nil, err
		}
	}
	out, log := &lastState{}, &bytes.Buffer{}
	if status := tap.Run(ctx, args, nil, out, log); status != 0 {
		return nil, fmt.Errorf("exit status %d: %s", status, log)
	}
	return out.state, nil
}

// selected is the discovered catalog with some streams selected.
func selected(s kind, opts ...catalog.Option) ([]byte, error) {
	text, err := catalog.Singer(opts...)
	if err != nil {
		return nil, err
	}
	var c map[string][]map[string]any
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, err
	}
	for _, st := range c["streams"] {
		root := st["metadata"].([]any)[0].(map[string]any)["metadata"].(map[string]any)
		root["selected"] = s.streams == nil || slices.Contains(s.streams, st["tap_stream_id"].(string))
		if s.incremental && root["valid-replication-keys"] != nil {
			root["replication-method"] = "INCREMENTAL"
		}
	}
	return json.Marshal(c)
}

// plainState makes every stream use its plain route: one request per parent and stream.
func plainState() []byte {
	s := state.New("acme.atlassian.net")
	for _, name := range stream.Names() {
		s.Distrust(name)
	}
	return s.Singer()
}

// editPages makes new versions of the first pages that take one.
func editPages(site *simconfluence.Site, n int) error {
	var ids []string
	for row := range site.Truth("pages", simconfluence.TruthOptions{}) {
		if ids = append(ids, row.Key[0]); len(ids) == n {
			break
		}
	}
	for _, id := range ids {
		if err := site.Edit(simconfluence.Page, id); err != nil {
			return err
		}
	}
	return nil
}

// lastState takes Singer messages and keeps the value of the last STATE.
type lastState struct{ state []byte }

func (w *lastState) Write(p []byte) (int, error) {
	const start = `{"type":"STATE","value":`
	if i := bytes.LastIndex(p, []byte(start)); i >= 0 && (i == 0 || p[i-1] == '\n') {
		w.state = bytes.Clone(bytes.TrimSuffix(bytes.TrimSpace(p[i+len(start):]), []byte("}")))
	}
	return len(p), nil
}

// routeTable prints a column a sync and a row a route.
func routeTable(syncs []kind, counts []map[string]int) string {
	routes := map[string]bool{}
	for _, c := range counts {
		for route := range c {
			routes[route] = true
		}
	}
	var b strings.Builder
	b.WriteString("| route |")
	for _, s := range syncs {
		b.WriteString(" " + s.name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(syncs)) + "\n")
	totals := make([]int, len(syncs))
	for _, route := range slices.Sorted(maps.Keys(routes)) {
		fmt.Fprintf(&b, "| `%s` |", route)
		for i, c := range counts {
			totals[i] += c[route]
			fmt.Fprintf(&b, " %d |", c[route])
		}
		b.WriteString("\n")
	}
	b.WriteString("| **all** |")
	for _, n := range totals {
		fmt.Fprintf(&b, " **%d** |", n)
	}
	return b.String() + "\n"
}
