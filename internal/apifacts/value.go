package apifacts

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Kind says in which way a value deviates from its schema.
type Kind string

// The kinds of deviation.
const (
	// Null: null where the document has no nullable.
	Null Kind = "null"
	// Unknown: a field that the document doesn't have.
	Unknown Kind = "unknown field"
	// Value: a string outside the documented enum.
	Value Kind = "value outside the enum"
	// Type: a value of another type than documented. Nothing allows that.
	Type Kind = "wrong type"
)

// Deviation is one place where a value is not as the document has it.
type Deviation struct { //nolint:errname // it is a finding first, and an error where it is refused
	// At is where it stands in the value, such as results[3].version.number.
	At string
	// Schema and Field are the documented place.
	Schema, Field string
	// Kind is the way in which it deviates.
	Kind Kind
	// Got is the value found.
	Got any
	// Want is the documented type or enum, if there is one.
	Want string
}

// Error says where and what the deviation is.
func (d *Deviation) Error() string {
	got, err := json.Marshal(d.Got)
	if err != nil {
		got = fmt.Appendf(nil, "%T", d.Got)
	}
	if len(got) > 60 {
		got = append(got[:60:60], "..."...)
	}
	text := fmt.Sprintf("%s (%s.%s): %s: %s", d.At, d.Schema, d.Field, d.Kind, got)
	if d.Want != "" {
		text += ", want " + d.Want
	}
	return text
}

// Allow reports whether a deviation is all right, because it is known of real answers or
// because the caller wants it. A nil Allow allows none.
type Allow func(*Deviation) bool

// CheckValue checks a value, decoded from JSON with json.Number, against the schema of that
// name: every field is known, not null, of its type and within its enum, at every depth.
// Fields may be missing: the documents require almost none. What allow doesn't allow is
// joined into the error; with f.Observed.Allows the value may be as real answers are.
func (f *Facts) CheckValue(schema string, v any, allow Allow) error {
	if f.Schema(schema) == nil {
		return fmt.Errorf("no schema %q", schema)
	}
	c := checker{facts: f, allow: allow}
	c.object("", Field{Type: "object", Schema: schema}, schema, v)
	return errors.Join(c.problems...)
}

// CheckAnswer checks the whole 200 answer of an operation in the same way.
func (f *Facts) CheckAnswer(o *Operation, v any, allow Allow) error {
	c := checker{facts: f, allow: allow, beside: o.Beside}
	switch {
	case o.Object != "":
		c.object("", Field{Type: "object", Schema: o.Object}, o.Object, v)
	case o.Item != "":
		rows := Field{Name: "results", Type: "array", Items: "object", Schema: o.Item}
		c.fields("", o.Path, slices.Concat([]Field{rows}, o.Beside), nil, v)
	default:
		return fmt.Errorf("the shape of %s is not among the facts", o.Path)
	}
	return errors.Join(c.problems...)
}

// checker walks a value and collects its deviations.
type checker struct {
	facts    *Facts
	allow    Allow
	beside   []Field // fields added to the outermost object
	problems []error
}

func (c *checker) report(d *Deviation) {
	if c.allow == nil || d.Kind == Type || !c.allow(d) {
		c.problems = append(c.problems, d)
	}
}

// object checks v against the schema that the field names, if it names one. owner is where
// deviations of the object as a whole belong.
func (c *checker) object(at string, field Field, owner string, v any) {
	if field.Schema == "" {
		if _, ok := v.(map[string]any); !ok {
			c.report(&Deviation{At: at, Schema: owner, Field: field.Name, Kind: Type, Got: v, Want: "object"})
		}
		return
	}
	fields := c.facts.Schema(field.Schema).Fields
	var beside []Field
	if at == "" {
		beside = c.beside
	}
	c.fields(at, field.Schema, fields, beside, v)
}

// fields checks an object against a list of fields. Where beside adds to a field that has a
// schema of its own, both together are what may stand in it.
func (c *checker) fields(at, schema string, fields, beside []Field, v any) {
	object, ok := v.(map[string]any)
	if !ok {
		c.report(&Deviation{At: at, Schema: schema, Kind: Type, Got: v, Want: "object"})
		return
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		where := strings.TrimPrefix(at+"."+name, ".")
		has := func(f Field) bool { return f.Name == name }
		i, j := slices.IndexFunc(fields, has), slices.IndexFunc(beside, has)
		switch {
		case i >= 0 && j >= 0 && fields[i].Schema != "" && beside[j].Schema != "":
			both := slices.Concat(c.facts.Schema(fields[i].Schema).Fields, c.facts.Schema(beside[j].Schema).Fields)
			c.fields(where, fields[i].Schema, both, nil, object[name])
		case i >= 0:
			c.value(where, schema, fields[i], object[name])
		case j >= 0:
			c.value(where, schema, beside[j], object[name])
		default:
			c.unknown(where, schema, name, object[name])
		}
	}
}

// unknown reports a field that the documents lack; one that was observed has its type.
func (c *checker) unknown(at, schema, name string, v any) {
	c.report(&Deviation{At: at, Schema: schema, Field: name, Kind: Unknown, Got: v})
	if extra := c.facts.Observed.Schema(schema).Field(name); extra != nil {
		c.value(at, schema, *extra, v)
	}
}

// value checks one field's value.
func (c *checker) value(at, schema string, field Field, v any) {
	if v == nil {
		if !field.Nullable && field.Type != "any" {
			c.report(&Deviation{At: at, Schema: schema, Field: field.Name, Kind: Null, Want: field.Type})
		}
		return
	}
	switch field.Type {
	case "object":
		c.object(at, field, schema, v)
		return
	case "array":
		c.array(at, schema, field, v)
		return
	}
	if !hasType(v, field.Type) {
		c.report(&Deviation{At: at, Schema: schema, Field: field.Name, Kind: Type, Got: v, Want: field.Type})
		return
	}
	if s, ok := v.(string); ok && field.Format == "date-time" {
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			c.report(&Deviation{At: at, Schema: schema, Field: field.Name, Kind: Type, Got: v, Want: "date-time"})
		}
	}
	if s, ok := v.(string); ok && len(field.Enum) > 0 && !slices.Contains(field.Enum, s) {
		c.report(&Deviation{At: at, Schema: schema, Field: field.Name, Kind: Value, Got: v, Want: strings.Join(field.Enum, ", ")})
	}
}

func (c *checker) array(at, schema string, field Field, v any) {
	values, ok := v.([]any)
	if !ok {
		c.report(&Deviation{At: at, Schema: schema, Field: field.Name, Kind: Type, Got: v, Want: "array"})
		return
	}
	item := Field{Name: field.Name, Type: field.Items, Format: field.Format, Enum: field.Enum, Schema: field.Schema}
	for i, element := range values {
		c.value(fmt.Sprintf("%s[%d]", at, i), schema, item, element)
	}
}

// hasType reports whether a decoded scalar is of the type. A number with a fraction or an
// exponent is no integer, as the strictest clients see it.
func hasType(v any, typ string) bool {
	switch typ {
	case "any":
		return true
	case "string":
		_, ok := v.(string)
		return ok
	case "boolean":
		_, ok := v.(bool)
		return ok
	case "number", "integer":
		n, ok := v.(json.Number)
		return ok && (typ == "number" || !strings.ContainsAny(n.String(), ".eE"))
	}
	return false
}
