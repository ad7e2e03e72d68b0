package tapfixture

import "github.com/tap-confluence/tap-confluence/tap/stream"

// StreamsOf names the usual streams that need a listing.
func StreamsOf(l *stream.Listing) []string {
	var names []string
	for _, s := range stream.All {
		if s.Listing == l {
			names = append(names, s.Name)
		}
	}
	return names
}

// Select is a Singer catalog that selects streams by metadata, whole and in full.
func Select(names ...string) map[string]any {
	streams := make([]any, len(names))
	for i, name := range names {
		streams[i] = Entry(name, Meta(nil, "selected", true))
	}
	return map[string]any{"streams": streams}
}

// Entry is one stream of a Singer catalog.
func Entry(name string, metadata ...any) map[string]any {
	if metadata == nil {
		metadata = []any{}
	}
	return map[string]any{"tap_stream_id": name, "stream": name, "metadata": metadata}
}

// Meta is one entry of a Singer catalog's metadata: a path of field names, empty for the
// stream itself, and names with values.
func Meta(fields []string, pairs ...any) map[string]any {
	path := []string{}
	for _, field := range fields {
		path = append(path, "properties", field)
	}
	values := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			panic("tapfixture: metadata goes by names")
		}
		values[name] = pairs[i+1]
	}
	return map[string]any{"breadcrumb": path, "metadata": values}
}

// Selected is a stream and how it is read.
type Selected struct {
	Name        string
	Incremental bool `json:",omitzero"`
}

// Each selects streams, all in full or, where they can be, incrementally.
func Each(incremental bool, names ...string) []Selected {
	all := make([]Selected, len(names))
	for i, name := range names {
		all[i] = Selected{name, incremental && stream.Find(name).ReplicationKey != ""}
	}
	return all
}

// SingerCatalog is a Singer catalog that selects streams.
func SingerCatalog(streams ...Selected) map[string]any {
	entries := make([]any, len(streams))
	for i, s := range streams {
		pairs := []any{"selected", true}
		if s.Incremental {
			pairs = append(pairs, "replication-method", "INCREMENTAL", "replication-key", stream.Find(s.Name).ReplicationKey)
		}
		entries[i] = Entry(s.Name, Meta(nil, pairs...))
	}
	return map[string]any{"streams": entries}
}

// AirbyteCatalog is a configured Airbyte catalog that selects streams; sync is the id that all
// attempts of a sync have, 0 for a platform that gives none.
func AirbyteCatalog(sync int, streams ...Selected) map[string]any {
	entries := make([]any, len(streams))
	for i, s := range streams {
		mode, destination := "full_refresh", "overwrite"
		if s.Incremental {
			mode, destination = "incremental", "append_dedup"
		}
		entry := map[string]any{
			"stream":    map[string]any{"name": s.Name, "json_schema": map[string]any{}, "supported_sync_modes": []string{"full_refresh"}},
			"sync_mode": mode, "destination_sync_mode": destination, "cursor_field": nil, "primary_key": nil,
		}
		if sync > 0 {
			entry["sync_id"], entry["generation_id"], entry["minimum_generation_id"] = sync, sync, sync
		}
		entries[i] = entry
	}
	return map[string]any{"streams": entries}
}

// Configured is a configured Airbyte catalog that reads streams in a sync mode.
func Configured(mode string, names ...string) map[string]any {
	streams := make([]any, len(names))
	for i, name := range names {
		streams[i] = map[string]any{
			"stream":    map[string]any{"name": name, "json_schema": map[string]any{}, "supported_sync_modes": []string{"full_refresh"}},
			"sync_mode": mode, "destination_sync_mode": "append", "cursor_field": nil, "primary_key": nil,
		}
	}
	return map[string]any{"streams": streams}
}
