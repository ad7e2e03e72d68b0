package tapfixture

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
