package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/jsonfile"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// airbyteStream is a stream of an AirbyteCatalog.
type airbyteStream struct {
	Name                string          `json:"name"`
	JSONSchema          json.RawMessage `json:"json_schema"`
	SyncModes           []string        `json:"supported_sync_modes"`
	SourceDefinedCursor bool            `json:"source_defined_cursor,omitempty"`
	DefaultCursor       []string        `json:"default_cursor_field,omitempty"`
	PrimaryKey          [][]string      `json:"source_defined_primary_key"`
	Resumable           bool            `json:"is_resumable"`
}

const (
	fullRefresh = "full_refresh"
	incremental = "incremental"
)

// Airbyte returns the object of the CATALOG message of `discover` in one line, without a
// line break. It has no namespaces.
func Airbyte(opts ...Option) ([]byte, error) {
	o := gather(opts)
	var document struct {
		Streams []airbyteStream `json:"streams"`
	}
	for _, s := range o.offered() {
		entry, err := airbyteStreamOf(s, o)
		if err != nil {
			return nil, err
		}
		document.Streams = append(document.Streams, entry)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return nil, fmt.Errorf("encoding the catalog: %w", err)
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

func airbyteStreamOf(s *stream.Stream, o options) (airbyteStream, error) {
	schema, err := schemaOf(s, o)
	if err != nil {
		return airbyteStream{}, err
	}
	entry := airbyteStream{
		Name: s.Name, JSONSchema: typed(schema), SyncModes: []string{fullRefresh}, Resumable: true,
	}
	for _, field := range s.Key {
		entry.PrimaryKey = append(entry.PrimaryKey, []string{field})
	}
	if s.ReplicationKey != "" {
		entry.SyncModes = append(entry.SyncModes, incremental)
		entry.SourceDefinedCursor = true
		entry.DefaultCursor = []string{s.ReplicationKey}
	}
	return entry, nil
}

// configured is a stream of a ConfiguredAirbyteCatalog. Clients write null for what they
// leave out, and fields that are not listed here concern the destination.
type configured struct {
	Stream              json.RawMessage `json:"stream"`
	SyncMode            string          `json:"sync_mode"`
	DestinationSyncMode string          `json:"destination_sync_mode"`
	Cursor              []string        `json:"cursor_field"`
	SyncID              *int64          `json:"sync_id"`
	// Fields of entries in catalogs of other kinds.
	ID         string          `json:"tap_stream_id"`
	JSONSchema json.RawMessage `json:"json_schema"`
}

// name is the stream's name, empty if the entry has none.
func (c configured) name() string {
	var s struct {
		Name string `json:"name"`
	}
	_ = json.Unmarshal(c.Stream, &s) // anything else is an entry without a name
	return s.Name
}

// ParseAirbyte reads the configured catalog of `read` and returns its streams in the
// table's order. Warnings are lines for the log. Errors name all that is wrong with the
// catalog; unknown streams among them are an *UnknownStreamError.
//
// A catalog without streams is fine: there is nothing to read.
func ParseAirbyte(data []byte, opts ...Option) ([]Selection, []string, error) {
	var document struct {
		Streams *[]configured `json:"streams"`
	}
	if err := jsonfile.Decode("the catalog", data, &document); err != nil {
		return nil, nil, err
	}
	if document.Streams == nil {
		return nil, nil, errors.New(`the catalog has no list "streams": read takes a configured Airbyte catalog`)
	}
	if err := otherKind(*document.Streams); err != nil {
		return nil, nil, err
	}
	p := airbyteParser{options: gather(opts)}
	for _, entry := range *document.Streams {
		p.stream(entry)
	}
	p.tellFullOnly()
	if err := p.err(); err != nil {
		return nil, p.warnings, err
	}
	inTableOrder(p.selections)
	return p.selections, p.warnings, nil
}

// otherKind recognises catalogs that are not configured ones.
func otherKind(streams []configured) error {
	for _, entry := range streams {
		switch {
		case entry.ID != "":
			return errors.New("the catalog is one of Singer: leave out the word read")
		case entry.Stream == nil && entry.JSONSchema != nil:
			return errors.New("the catalog is one that discover prints: read takes a configured one")
		}
	}
	return nil
}

// airbyteParser gathers selections.
type airbyteParser struct {
	findings
	options    options
	selections []Selection
}

func (p *airbyteParser) stream(entry configured) {
	name := entry.name()
	if name == "" {
		p.fail("a stream has no name")
		return
	}
	p.modes(name, entry)
	known := stream.Find(name)
	switch {
	case p.repeated(name):
	case known == nil:
		p.unknown = append(p.unknown, name)
	case !p.options.offers(known):
		p.locked = append(p.locked, name)
	default:
		p.add(known, entry)
	}
}

// modes checks the two sync modes. The destination's is not ours to act on, but a wrong
// one shows that the catalog is broken.
func (p *airbyteParser) modes(name string, entry configured) {
	if modes := []string{fullRefresh, incremental}; !slices.Contains(modes, entry.SyncMode) {
		p.fail("stream %q: sync_mode %q must be one of %s", name, entry.SyncMode, strings.Join(modes, ", "))
	}
	modes := []string{"append", "overwrite", "append_dedup", "update", "soft_delete"}
	if entry.DestinationSyncMode != "" && !slices.Contains(modes, entry.DestinationSyncMode) {
		p.fail("stream %q: destination_sync_mode %q must be one of %s", name, entry.DestinationSyncMode, strings.Join(modes, ", "))
	}
}

func (p *airbyteParser) add(s *stream.Stream, entry configured) {
	selection, err := selectStream(s, nil, p.options)
	if err != nil {
		p.errs = append(p.errs, err)
		return
	}
	selection.SyncID = entry.SyncID
	selection.Incremental = entry.SyncMode == incremental && s.ReplicationKey != ""
	switch {
	case entry.SyncMode == incremental && !selection.Incremental:
		p.fullOnly = append(p.fullOnly, s.Name)
	case selection.Incremental && len(entry.Cursor) > 0 && !slices.Equal(entry.Cursor, []string{s.ReplicationKey}):
		p.warn("%s: cursor_field %q is not possible; the stream's own cursor is used: %s",
			s.Name, strings.Join(entry.Cursor, "."), s.ReplicationKey)
	}
	p.selections = append(p.selections, selection)
}
