// Package record makes a stream's records of the API's rows: every declared field in the
// schema's order, null where the API left it out, and nothing else.
package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/tap-confluence/tap-confluence/catalog"
	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/schemas"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Source is what a record needs that its row doesn't hold.
type Source struct {
	// ParentID and ParentTitle are of the parent that the row was read for, empty for a
	// listing's own row.
	ParentID, ParentTitle string
	// Derived reports whether the row is the parent's own, or a part of it, so that it holds fields
	// that are none of the stream's.
	Derived bool
}

// Builder makes the records of one stream. It may be used by one goroutine at a time.
type Builder struct {
	stream *stream.Stream
	fields []field
	index  map[string]int // of the fields by name
	// values are the row's, by field; members say which field each of its members is.
	values  []rawjson.Value
	members []member
	schema  *jsonschema.Schema // nil unless records are validated
	// unconverted counts the bodies that could not be written as Markdown.
	unconverted int
	warn        func(msg string, args ...any)
}

// source says where a field's value comes from.
type source int

const (
	fromRow    source = iota // as the API has it
	fromParent               // the parent's id
	fromEntity               // {id, title} of the parent
	fromChange               // version.createdAt
	asText                   // any JSON, as text
	asTime                   // a timestamp, in one layout
	fromInside               // a value that lies deeper in the row
	asHash                   // a hash of the row, which has no key
	asMarkdown               // a body in storage format, as Markdown
)

type field struct {
	name string
	// removed reports whether records are to be without the field.
	removed bool
	prefix  []byte // `"name":`, with a comma before all but the first
	source  source
	key     bool
	inside  catalog.Fields
	// derived is what the field is called in the parent's row, where that differs.
	derived string
	// constant is the value of a field that the parent's row lacks.
	constant string
	// lifted says where a value from inside lies.
	lifted stream.Lifted
	// shape is what the schema declares of the value.
	shape shape
}

// New returns the builder of a selected stream. With validate, every record is checked
// against its schema. warn is called for what is dropped; it may be called often.
func New(sel catalog.Selection, validate bool, warn func(msg string, args ...any)) (*Builder, error) {
	declared, err := schemas.Fields(sel.Stream.Name)
	if err != nil {
		return nil, err
	}
	b := &Builder{stream: sel.Stream, index: map[string]int{}, values: make([]rawjson.Value, len(declared)), warn: warn}
	written := false
	for i, d := range declared {
		b.index[d.Name] = i
		f := field{
			name: d.Name, key: slices.Contains(sel.Stream.Key, d.Name), removed: sel.Removed.Whole(d.Name),
			inside: without(sel.Removed.Inside(d.Name), secondSpellings[d.Name]), source: b.sourceOf(d, sel.Markdown), shape: shapeOf(d),
		}
		if !f.removed {
			if written {
				f.prefix = append(f.prefix, ',')
			}
			written = true
			f.prefix = append(rawjson.AppendString(f.prefix, d.Name), ':')
		}
		f.derived, f.constant = sel.Stream.Renamed[d.Name], sel.Stream.Constant[d.Name]
		if i := slices.IndexFunc(sel.Stream.Lifted, func(l stream.Lifted) bool { return l.Field == d.Name }); i >= 0 {
			f.lifted = sel.Stream.Lifted[i]
		}
		b.fields = append(b.fields, f)
	}
	if validate {
		b.schema, err = compile(sel)
	}
	return b, err
}

// secondSpellings are what the API sends twice, under an older name beside the one that
// schemas declare. Some databases take both for the same column.
var secondSpellings = catalog.Fields{"properties": {"inline-marker-ref": nil, "inline-original-selection": nil}}

// without returns what is removed inside a field with more beside it.
func without(removed, more catalog.Fields) catalog.Fields {
	if more == nil {
		return removed
	}
	all := maps.Clone(more)
	maps.Copy(all, removed)
	return all
}

func (b *Builder) sourceOf(d schemas.Field, markdown bool) source {
	s := b.stream
	switch {
	case d.Name == "body" && markdown:
		return asMarkdown
	case d.Name == s.ParentField && s.IsChild():
		return fromParent
	case d.Name == s.Entity && s.Entity != "":
		return fromEntity
	case s.Hashed != nil && slices.Contains(s.Key, d.Name):
		return asHash
	case slices.ContainsFunc(s.Lifted, func(l stream.Lifted) bool { return l.Field == d.Name }):
		return fromInside
	case d.Name == s.ReplicationKey && len(s.Changed) > 1:
		return fromChange
	case slices.Contains(s.Text, d.Name):
		return asText
	case d.Format == "date-time":
		return asTime
	}
	return fromRow
}

// Append appends the record of a row as a JSON object. A row without its key is an error,
// and so is a record that is not valid where records are validated.
func (b *Builder) Append(dst []byte, row rawjson.Object, from Source) ([]byte, error) {
	start := len(dst)
	b.sort(row, from)
	dst = append(dst, '{')
	for i := range b.fields {
		f := &b.fields[i]
		if f.removed {
			continue
		}
		dst = append(dst, f.prefix...)
		before := len(dst)
		dst = b.value(dst, f, b.values[i], row, from)
		if f.key && string(dst[before:]) == "null" {
			return dst, fmt.Errorf("a row of %s has no %s", b.stream.Name, f.name)
		}
	}
	dst = append(dst, '}')
	if b.schema != nil {
		if err := b.validate(dst[start:]); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// expandable names what else a row of version 1 could be asked for. It is no value of the site, and
// no schema has it.
const expandable = "_expandable"

// sort puts the row's values in the order of the fields. Members that no schema knows are
// dropped, with a warning.
func (b *Builder) sort(row rawjson.Object, from Source) {
	clear(b.values)
	for i := range row.Len() {
		name, v := row.At(i)
		switch m := b.member(i, name); {
		case m.field >= 0:
			b.values[m.field] = v
		case !from.Derived && m.name != expandable:
			b.warn("the API sent a field that no schema knows; it is dropped", "field", m.name)
		}
	}
}

// member says which field a member of a row is, -1 for none.
type member struct {
	name  string
	field int
}

// member returns what a row's member i is. Rows of one listing nearly always agree, so that the
// last row's is looked at first.
func (b *Builder) member(i int, name []byte) *member {
	if i == len(b.members) {
		b.members = append(b.members, member{field: -1})
	}
	m := &b.members[i]
	if m.name == string(name) {
		return m
	}
	if at, known := b.index[string(name)]; known {
		*m = member{b.fields[at].name, at}
	} else {
		*m = member{string(name), -1}
	}
	return m
}

func (b *Builder) value(dst []byte, f *field, v rawjson.Value, row rawjson.Object, from Source) []byte {
	switch f.source {
	case fromParent:
		if from.ParentID != "" {
			return rawjson.AppendString(dst, from.ParentID)
		}
	case fromEntity:
		return appendEntity(dst, b.declared(f, v), from, f.inside)
	case asHash:
		return rawjson.AppendString(dst, Hash(b.stream, row))
	case fromInside:
		if f.lifted.Time {
			return b.appendTime(dst, f.name, row.Inside(f.lifted.Path))
		}
		return appendLifted(dst, f.lifted, b.declared(f, row.Inside(f.lifted.Path)))
	case fromChange:
		return b.appendTime(dst, f.name, row.Inside(b.stream.Changed))
	case asText:
		if v == nil {
			return append(dst, "null"...)
		}
		return rawjson.AppendQuoted(dst, v)
	case asTime:
		return b.appendTime(dst, f.name, v)
	case asMarkdown:
		return b.appendMarkdown(dst, v, f.inside)
	}
	if from.Derived && f.derived != "" {
		v = row.Get(f.derived)
	}
	v = b.declared(f, v)
	switch {
	case from.Derived && f.constant != "":
		return rawjson.AppendString(dst, f.constant)
	case v.IsNull():
		if f.name == b.stream.ParentField && from.ParentID != "" {
			return rawjson.AppendString(dst, from.ParentID)
		}
		return append(dst, "null"...)
	case f.inside != nil:
		return appendPruned(dst, v, f.inside)
	}
	return append(dst, v...)
}

// appendLifted appends a value that lies deeper in the row.
func appendLifted(dst []byte, l stream.Lifted, v rawjson.Value) []byte {
	if text, ok := v.Text(); ok && l.Lower {
		return rawjson.AppendString(dst, strings.ToLower(text))
	}
	if v == nil {
		return append(dst, "null"...)
	}
	return append(dst, v...)
}

// appendEntity appends {id, title} of a version's parent, without what is removed; the route's
// own values win, since the title may have been another one then.
func appendEntity(dst []byte, v rawjson.Value, from Source, removed catalog.Fields) []byte {
	dst = append(dst, '{')
	if !removed.Whole("id") {
		dst = appendOr(append(dst, `"id":`...), v.Member("id"), from.ParentID)
	}
	if !removed.Whole("title") {
		if !removed.Whole("id") {
			dst = append(dst, ',')
		}
		dst = appendOr(append(dst, `"title":`...), v.Member("title"), from.ParentTitle)
	}
	return append(dst, '}')
}

func appendOr(dst []byte, v rawjson.Value, text string) []byte {
	if v.IsNull() {
		return rawjson.AppendString(dst, text)
	}
	return append(dst, v...)
}

// appendPruned appends an object without its removed fields.
func appendPruned(dst []byte, v rawjson.Value, removed catalog.Fields) []byte {
	o, ok := v.Object()
	if !ok {
		return append(dst, v...)
	}
	dst = append(dst, '{')
	first := true
	for name, v := range o.Fields() {
		if removed.Whole(name) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(rawjson.AppendString(dst, name), ':')
		if inside := removed.Inside(name); inside != nil {
			dst = appendPruned(dst, v, inside)
		} else {
			dst = append(dst, v...)
		}
	}
	return append(dst, '}')
}

// compile compiles a stream's schema for validate.
func compile(sel catalog.Selection) (*jsonschema.Schema, error) {
	id := "tap-confluence:///" + sel.Stream.Name + ".json"
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft7
	c.AssertFormat = true
	c.LoadURL = nil
	if err := c.AddResource(id, bytes.NewReader(sel.Schema)); err != nil {
		return nil, fmt.Errorf("reading the schema of %s: %w", sel.Stream.Name, err)
	}
	return c.Compile(id)
}

// validate checks a record against its schema.
func (b *Builder) validate(record []byte) error {
	d := json.NewDecoder(bytes.NewReader(record))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return fmt.Errorf("reading a record of %s back: %w", b.stream.Name, err)
	}
	if err := b.schema.Validate(v); err != nil {
		return fmt.Errorf("a record of %s does not keep to its schema: %w", b.stream.Name, err)
	}
	return nil
}
