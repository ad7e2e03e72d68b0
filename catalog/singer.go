package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// singerEntry is a stream of a Singer catalog. The schema comes before the metadata, as
// Meltano's reader walks them in that order.
type singerEntry struct {
	ID       string           `json:"tap_stream_id"`
	Stream   string           `json:"stream"`
	Key      []string         `json:"key_properties"`
	Schema   json.RawMessage  `json:"schema"`
	Metadata []singerMetadata `json:"metadata"`
}

type singerMetadata struct {
	Breadcrumb []string `json:"breadcrumb"`
	Metadata   any      `json:"metadata"`
}

type rootMetadata struct {
	Inclusion         string   `json:"inclusion"`
	SelectedByDefault bool     `json:"selected-by-default"`
	Key               []string `json:"table-key-properties"`
	ReplicationKeys   []string `json:"valid-replication-keys,omitempty"`
}

type fieldMetadata struct {
	Inclusion         string `json:"inclusion"`
	SelectedByDefault bool   `json:"selected-by-default,omitempty"`
}

// Singer returns the catalog that `--discover` prints: all streams and fields, selected by
// default and read in full. It is indented, because Meltano reads it by lines of at most
// 64 KiB, and ends with a line break.
func Singer(opts ...Option) ([]byte, error) {
	o := gather(opts)
	var document struct {
		Streams []singerEntry `json:"streams"`
	}
	for _, s := range o.offered() {
		entry, err := singerEntryOf(s, o)
		if err != nil {
			return nil, err
		}
		document.Streams = append(document.Streams, entry)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return nil, fmt.Errorf("encoding the catalog: %w", err)
	}
	return out.Bytes(), nil
}

func singerEntryOf(s *stream.Stream, o options) (singerEntry, error) {
	schema, err := schemaOf(s, o)
	if err != nil {
		return singerEntry{}, err
	}
	root := rootMetadata{Inclusion: "available", SelectedByDefault: true, Key: s.Key}
	if s.ReplicationKey != "" {
		root.ReplicationKeys = []string{s.ReplicationKey}
	}
	metadata := []singerMetadata{{Breadcrumb: []string{}, Metadata: root}}
	for _, field := range fields(schema) {
		own := fieldMetadata{Inclusion: "available", SelectedByDefault: true}
		if automatic(s, field.name) {
			own = fieldMetadata{Inclusion: "automatic"}
		}
		path := breadcrumb(nil, field.name)
		metadata = append(metadata, singerMetadata{path, own})
		metadata = append(metadata, nestedMetadata(path, field.value)...)
	}
	return singerEntry{ID: s.Name, Stream: s.Name, Key: s.Key, Schema: schema, Metadata: metadata}, nil
}

// nestedMetadata makes the fields inside an object selectable. It does not enter lists, as
// the clients don't either.
func nestedMetadata(path []string, schema json.RawMessage) []singerMetadata {
	var metadata []singerMetadata
	for _, field := range fields(schema) {
		inner := breadcrumb(path, field.name)
		metadata = append(metadata, singerMetadata{inner, fieldMetadata{Inclusion: "available", SelectedByDefault: true}})
		metadata = append(metadata, nestedMetadata(inner, field.value)...)
	}
	return metadata
}

// breadcrumb returns the path of a field below that of its object.
func breadcrumb(path []string, field string) []string {
	return append(append(make([]string, 0, len(path)+2), path...), "properties", field)
}
