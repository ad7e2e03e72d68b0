package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/jsonfile"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// flag is a boolean of a catalog: true, false, either as a string, or not given.
type flag struct{ given, value bool }

// UnmarshalJSON takes any JSON; what is no boolean counts as not given.
func (f *flag) UnmarshalJSON(data []byte) error {
	*f = flagOf(data)
	return nil
}

func flagOf(raw json.RawMessage) flag {
	switch strings.ToLower(strings.Trim(string(raw), `"`)) {
	case "true":
		return flag{given: true, value: true}
	case "false":
		return flag{given: true}
	default:
		return flag{}
	}
}

// first returns the first flag that is given.
func first(flags ...flag) flag {
	for _, f := range flags {
		if f.given {
			return f
		}
	}
	return flag{}
}

// choice is a stream's entry in a catalog that a user or Meltano has edited.
type choice struct {
	ID                string          `json:"tap_stream_id"`
	Stream            json.RawMessage `json:"stream"`
	JSONSchema        json.RawMessage `json:"json_schema"`
	Selected          flag            `json:"selected"`
	Schema            json.RawMessage `json:"schema"`
	Key               json.RawMessage `json:"key_properties"`
	ReplicationMethod string          `json:"replication_method"`
	ReplicationKey    string          `json:"replication_key"`
	Metadata          []struct {
		Breadcrumb []string       `json:"breadcrumb"`
		Metadata   choiceMetadata `json:"metadata"`
	} `json:"metadata"`
}

type choiceMetadata struct {
	Inclusion         string `json:"inclusion"`
	Selected          flag   `json:"selected"`
	SelectedByDefault flag   `json:"selected-by-default"`
	ReplicationMethod string `json:"replication-method"`
	ReplicationKey    string `json:"replication-key"`
	// Key is any JSON.
	Key json.RawMessage `json:"table-key-properties"`
}

// selected decides as the Meltano SDK does; legacy is the mark of a catalog without
// metadata.
func (m choiceMetadata) selected(legacy flag) flag {
	switch m.Inclusion {
	case "unsupported":
		return flag{given: true}
	case "automatic":
		return flag{given: true, value: true}
	}
	return first(m.Selected, m.SelectedByDefault, legacy)
}

// ErrAirbyte says that a catalog which should be one of Singer is one of Airbyte.
var ErrAirbyte = errors.New("the catalog is one of Airbyte: use `tap-confluence read --config ... --catalog ...`")

// ParseSinger reads a Singer catalog (`--catalog`, or `--properties` with the selection
// inside the schemas) and returns the selected streams in the table's order. Warnings are
// lines for the log. Errors name all that is wrong with the catalog; unknown streams among
// them are an *UnknownStreamError. A catalog that selects nothing is an error; one of Airbyte is
// ErrAirbyte.
func ParseSinger(data []byte, opts ...Option) ([]Selection, []string, error) {
	var document struct {
		Streams []choice `json:"streams"`
	}
	if err := jsonfile.Decode("the catalog", data, &document); err != nil {
		return nil, nil, err
	}
	if slices.ContainsFunc(document.Streams, choice.isAirbyte) {
		return nil, nil, ErrAirbyte
	}
	if document.Streams == nil {
		return nil, nil, errors.New(`the catalog has no list "streams": write one with --discover, or leave it out`)
	}
	p := &singerParser{options: gather(opts), old: slices.ContainsFunc(document.Streams, choice.marked)}
	for _, entry := range document.Streams {
		p.stream(entry)
	}
	p.tellFullOnly()
	if err := p.err(); err != nil {
		return nil, p.warnings, err
	}
	if len(p.selections) == 0 {
		return nil, p.warnings, errors.New(`no stream is selected in the catalog: set "selected": true in a stream's metadata`)
	}
	inTableOrder(p.selections)
	return p.selections, p.warnings, nil
}

// isAirbyte reports whether the entry is a configured or discovered stream of Airbyte.
func (c choice) isAirbyte() bool {
	return strings.HasPrefix(string(c.Stream), "{") || c.JSONSchema != nil
}

// legacy is the entry's selection outside of metadata, as the first taps had it.
func (c choice) legacy() flag {
	return first(c.Selected, flagOf(get(members(c.Schema), "selected")))
}

// marked reports whether the entry is of that old form and selected.
func (c choice) marked() bool { return len(c.Metadata) == 0 && c.legacy().value }

// name is the stream's identity.
func (c choice) name() string {
	if c.ID != "" {
		return c.ID
	}
	var name string
	_ = json.Unmarshal(c.Stream, &name) // anything else is an entry without a name
	return name
}

// singerParser gathers selections. In an old catalog, one that marks streams outside of
// metadata, a stream without a mark is not selected.
type singerParser struct {
	findings
	options    options
	old        bool
	selections []Selection
}

func (p *singerParser) stream(entry choice) {
	name := entry.name()
	known := stream.Find(name)
	paths := make(map[string]choiceMetadata, len(entry.Metadata))
	for _, m := range entry.Metadata {
		paths[pathKey(m.Breadcrumb)] = m.Metadata
	}
	selected := paths[pathKey(nil)].selected(entry.legacy())
	if !selected.given {
		selected.value = len(entry.Metadata) == 0 && !p.old
	}
	switch {
	case name == "":
		p.fail("a stream has no tap_stream_id")
	case p.repeated(name):
	case known == nil && selected.value:
		p.unknown = append(p.unknown, name)
	case known == nil:
		p.warn("unknown stream %q in the catalog%s (not selected, ignored)", name, hint(name))
	case selected.value && !p.options.offers(known):
		p.locked = append(p.locked, name)
	case selected.value:
		p.add(known, entry, paths)
	}
}

// add selects a stream with the fields that are left.
func (p *singerParser) add(s *stream.Stream, entry choice, paths map[string]choiceMetadata) {
	schema, err := schemaOf(s, p.options)
	if err != nil {
		p.errs = append(p.errs, err)
		return
	}
	f := fieldParser{stream: s, paths: paths}
	removed := f.removed(nil, schema, entry.Schema)
	for _, m := range entry.Metadata {
		f.check(schema, m.Breadcrumb, m.Metadata)
	}
	if len(f.unknown) > 0 {
		p.warn("%s: the catalog names fields that the stream does not have: %s (ignored)", s.Name, some(f.unknown))
	}
	if len(f.absent) > 0 {
		p.warn("%s: fields that the catalog's schema lacks are skipped: %s; run discovery again", s.Name, some(f.absent))
	}
	if len(f.inList) > 0 {
		p.warn("%s: single fields inside lists can't be deselected: %s are emitted", s.Name, some(f.inList))
	}
	var a adapter
	schema = a.adapt(nil, schema, inOneLine(entry.Schema))
	if len(a.kept) > 0 {
		p.warn("%s: the tap's types stay where the catalog has others: %s", s.Name, some(a.kept))
	}
	for _, raw := range []json.RawMessage{entry.Key, paths[pathKey(nil)].Key} {
		var key []string
		if json.Unmarshal(raw, &key) == nil && key != nil && !slices.Equal(key, s.Key) {
			p.warn("%s: the tap's key stays, where the catalog has another: %s", s.Name, strings.Join(s.Key, ", "))
			break
		}
	}
	p.selections = append(p.selections, Selection{
		Stream: s, Incremental: p.incremental(s, entry, paths[pathKey(nil)]),
		Removed: removed, Schema: prune(schema, removed), Markdown: p.options.markdown,
	})
}

// incremental reads the replication method. Metadata goes before the entry's own fields.
func (p *singerParser) incremental(s *stream.Stream, entry choice, root choiceMetadata) bool {
	method, key := root.ReplicationMethod, root.ReplicationKey
	if method == "" {
		method = entry.ReplicationMethod
	}
	if key == "" {
		key = entry.ReplicationKey
	}
	switch strings.ToUpper(method) {
	case "INCREMENTAL":
	case "", "FULL_TABLE":
		if method == "" && key != "" {
			p.warn(`%s: replication-key without "replication-method": "INCREMENTAL" has no effect; the stream is read in full`, s.Name)
		}
		return false
	default:
		p.fail("%s: replication-method %q is not supported: use FULL_TABLE or INCREMENTAL", s.Name, method)
		return false
	}
	if s.ReplicationKey == "" {
		p.fullOnly = append(p.fullOnly, s.Name)
		return false
	}
	if key != "" && key != s.ReplicationKey {
		p.fail("%s: replication-key %q is not possible: the stream's is %q", s.Name, key, s.ReplicationKey)
	}
	return true
}

// fieldParser compares the fields of one stream with those of its entry.
type fieldParser struct {
	stream *stream.Stream
	paths  map[string]choiceMetadata
	// unknown, absent and inList are paths that a warning is due for: not in our schema,
	// not in the catalog's, deselected inside a list.
	unknown, absent, inList []string
}

// removed returns the deselected fields of an object. The catalog's schema of it may be
// missing; if it declares fields, one that it does not declare is not wanted.
func (f *fieldParser) removed(path []string, schema, listed json.RawMessage) Fields {
	var removed Fields
	remove := func(name string, inside Fields) {
		if removed == nil {
			removed = Fields{}
		}
		removed[name] = inside
	}
	theirs := fields(listed)
	for _, field := range fields(schema) {
		inner := breadcrumb(path, field.name)
		if len(path) == 0 && automatic(f.stream, field.name) {
			continue
		}
		their := get(theirs, field.name)
		chosen := f.paths[pathKey(inner)].selected(flagOf(get(members(their), "selected")))
		switch {
		case chosen.given && !chosen.value:
			remove(field.name, nil)
		case len(theirs) > 0 && their == nil:
			f.absent = append(f.absent, dotted(inner))
			remove(field.name, nil)
		default:
			if inside := f.removed(inner, field.value, their); inside != nil {
				remove(field.name, inside)
			}
		}
	}
	f.listUnknown(path, schema, theirs)
	return removed
}

// listUnknown notes the fields of the catalog's schema that ours does not have.
func (f *fieldParser) listUnknown(path []string, schema json.RawMessage, theirs []member) {
	ours := fields(schema)
	for _, their := range theirs {
		// An object without declared fields is open: whatever is listed in it may come.
		if len(ours) > 0 && get(ours, their.name) == nil {
			f.note(&f.unknown, breadcrumb(path, their.name))
		}
	}
}

// check notes a metadata entry that has no effect.
func (f *fieldParser) check(schema json.RawMessage, path []string, m choiceMetadata) {
	at := schema
	for i, step := range path {
		if i%2 == 0 && step == "items" {
			if m.Selected.given && !m.Selected.value {
				f.note(&f.inList, path)
			}
			return
		}
		if at = get(members(at), step); at == nil {
			f.note(&f.unknown, path)
			return
		}
	}
}

func (f *fieldParser) note(list *[]string, path []string) {
	if name := dotted(path); !slices.Contains(*list, name) {
		*list = append(*list, name)
	}
}

// pathKey makes a map's key of a breadcrumb.
func pathKey(path []string) string { return strings.Join(path, "\x00") }

// dotted writes a breadcrumb as people do: version.number.
func dotted(path []string) string {
	var names []string
	for i, step := range path {
		if i%2 == 1 {
			names = append(names, step)
		}
	}
	if names == nil {
		return strings.Join(path, ".")
	}
	return strings.Join(names, ".")
}

// some lists names, the first ten of many.
func some(names []string) string {
	const most = 10
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
