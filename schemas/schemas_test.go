package schemas_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/tap-confluence/tap-confluence/schemas"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// node is a schema with everything that the dialect knows, and what else it has.
type node struct {
	Schema               string `json:"$schema"`
	Type                 any
	Description          string
	Format               string
	MaxLength            int
	Properties           map[string]*node
	Items                *node
	AdditionalProperties any
}

func parse(t *testing.T, name string) *node {
	t.Helper()
	text, err := schemas.Stream(name)
	if err != nil {
		t.Fatal(err)
	}
	n := new(node)
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields() // no enum, required, $ref, anyOf, pattern, ...
	if err := d.Decode(n); err != nil {
		t.Fatalf("%s: not in the dialect: %v", name, err)
	}
	return n
}

func fieldsOf(t *testing.T, name string) []schemas.Field {
	t.Helper()
	fields, err := schemas.Fields(name)
	if err != nil {
		t.Fatal(err)
	}
	return fields
}

func find(fields []schemas.Field, name string) *schemas.Field {
	i := slices.IndexFunc(fields, func(f schemas.Field) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return &fields[i]
}

func TestEveryStreamHasASchemaAndEverySchemaAStream(t *testing.T) {
	want := []string{"settings"}
	for _, s := range stream.Every() {
		want = append(want, s.Name)
	}
	slices.Sort(want)
	if got := schemas.FileNames(); !slices.Equal(got, want) {
		t.Errorf("schema files %v, want %v", got, want)
	}
}

func TestUnknownStream(t *testing.T) {
	for _, name := range []string{"", "nonsense", "settings", "../schemas/pages", "pages.json"} {
		if _, err := schemas.Stream(name); err == nil {
			t.Errorf("Stream(%q) gives a schema", name)
		}
		if _, err := schemas.Fields(name); err == nil {
			t.Errorf("Fields(%q) gives fields", name)
		}
	}
}

func TestSettings(t *testing.T) {
	var s struct{ Properties map[string]any }
	if err := json.Unmarshal(schemas.Settings(), &s); err != nil {
		t.Fatal(err)
	}
	if s.Properties["domain"] == nil {
		t.Error("no setting named domain")
	}
}

func TestCallersOwnTheBytes(t *testing.T) {
	mine, err := schemas.Stream("pages")
	if err != nil {
		t.Fatal(err)
	}
	clear(mine)
	parse(t, "pages")
}

// TestDialect holds every schema to what all clients take, at every depth.
func TestDialect(t *testing.T) {
	for _, s := range stream.Every() {
		t.Run(s.Name, func(t *testing.T) {
			root := parse(t, s.Name)
			if root.Schema != "http://json-schema.org/draft-07/schema#" {
				t.Errorf("$schema is %q", root.Schema)
			}
			if root.Type != "object" || root.AdditionalProperties != true || root.Description != "" {
				t.Error("the root is not a plain object open to more properties")
			}
			length := 0
			for name, property := range root.Properties {
				checkDialect(t, name, property, slices.Contains(s.Key, name), true)
				length += property.MaxLength
			}
			if length > maxKey {
				t.Errorf("the key's texts have %d characters together, more than %d", length, maxKey)
			}
		})
	}
}

// maxText is the length of one text in a primary key, and maxKey that of all of them
// together: MySQL indexes 3072 bytes, with four for each character.
const (
	maxText = 255
	maxKey  = 3072 / 4
)

func checkDialect(t *testing.T, at string, n *node, key, top bool) {
	t.Helper()
	typ, nullable := typeOf(n)
	if nullable == key {
		t.Errorf("%s: nullable is %v; all fields but the key's are", at, nullable)
	}
	if !slices.Contains([]string{"string", "integer", "boolean", "object", "array"}, typ) {
		t.Errorf("%s: type is %v", at, n.Type)
	}
	if len(n.Description) < 5 || strings.TrimSpace(n.Description) != n.Description || !strings.HasSuffix(n.Description, ".") {
		t.Errorf("%s: description is %q", at, n.Description)
	}
	if text := key && typ == "string"; text != (n.MaxLength > 0) || n.MaxLength > maxText {
		t.Errorf("%s: maxLength is %d; text of the key has one of at most %d, nothing else has", at, n.MaxLength, maxText)
	}
	if typ == "object" && len(n.Properties) == 0 {
		t.Errorf("%s: an object of no shape", at)
	}
	if n.Format != "" && (n.Format != "date-time" || typ != "string" || !top) {
		t.Errorf("%s: format %q", at, n.Format)
	}
	if n.Schema != "" {
		t.Errorf("%s: nested $schema", at)
	}
	if (typ == "array") != (n.Items != nil) {
		t.Errorf("%s: items and type do not go together", at)
	}
	if (typ == "object") != (n.AdditionalProperties == true) || typ != "object" && n.Properties != nil {
		t.Errorf("%s: an object, and nothing else, is open to more properties", at)
	}
	if n.Items != nil {
		checkDialect(t, at+"[]", n.Items, false, false)
	}
	for name, property := range n.Properties {
		checkDialect(t, at+"."+name, property, false, false)
	}
}

// typeOf reads a type in one of the two spellings that the dialect has: "T" or ["null", "T"].
func typeOf(n *node) (name string, nullable bool) {
	switch t := n.Type.(type) {
	case string:
		return t, false
	case []any:
		if len(t) == 2 && t[0] == "null" {
			name, _ = t[1].(string)
			return name, true
		}
	}
	return "", false
}

// TestFieldsOfTheTable holds the schemas to what the table of streams says.
func TestFieldsOfTheTable(t *testing.T) {
	for _, s := range stream.Every() {
		t.Run(s.Name, func(t *testing.T) {
			fields := fieldsOf(t, s.Name)
			want := func(name, typ, format string) {
				t.Helper()
				f := find(fields, name)
				if f == nil {
					t.Errorf("field %s is missing", name)
				} else if !slices.Contains(f.Types, typ) || f.Format != format {
					t.Errorf("field %s is %v %s, want %s %s", name, f.Types, f.Format, typ, format)
				}
			}
			for i, key := range s.Key {
				typ := "string"
				if key == "number" {
					typ = "integer"
				}
				want(key, typ, "")
				if fields[i].Name != key {
					t.Errorf("field %d is %s, want the key's %s", i, fields[i].Name, key)
				}
			}
			if s.ReplicationKey != "" {
				want(s.ReplicationKey, "string", "date-time")
			}
			if s.ParentField != "" {
				want(s.ParentField, "string", "")
			}
			if s.Entity != "" {
				want(s.Entity, "object", "")
			}
			if s.Body {
				want("body", "object", "")
			}
			for _, name := range s.Text {
				want(name, "string", "")
			}
		})
	}
}

// TestFieldNames guards against names that a database folds into one column, and against
// links anywhere but at the end.
func TestFieldNames(t *testing.T) {
	plain := regexp.MustCompile(`^[a-z][A-Za-z]*$`)
	for _, s := range stream.Every() {
		seen := map[string]string{}
		fields := fieldsOf(t, s.Name)
		for i, f := range fields {
			if f.Name == "_links" && i == len(fields)-1 {
				continue
			}
			if !plain.MatchString(f.Name) {
				t.Errorf("%s: field %q", s.Name, f.Name)
			}
			if other, ok := seen[strings.ToLower(f.Name)]; ok {
				t.Errorf("%s: fields %s and %s are the same in lower case", s.Name, other, f.Name)
			}
			seen[strings.ToLower(f.Name)] = f.Name
		}
	}
}

// TestFieldsAreInFileOrder checks Fields against a schema whose order is known.
func TestFieldsAreInFileOrder(t *testing.T) {
	want := []schemas.Field{
		{Name: "pageId", Types: []string{"string"}},
		{Name: "number", Types: []string{"integer"}},
		{Name: "createdAt", Types: []string{"null", "string"}, Format: "date-time"},
		{Name: "message", Types: []string{"null", "string"}},
		{Name: "minorEdit", Types: []string{"null", "boolean"}},
		{Name: "authorId", Types: []string{"null", "string"}},
		{Name: "page", Types: []string{"null", "object"}},
	}
	got := fieldsOf(t, "page_versions")
	same := func(a, b schemas.Field) bool {
		return a.Name == b.Name && slices.Equal(a.Types, b.Types) && a.Format == b.Format
	}
	if !slices.EqualFunc(got, want, same) {
		t.Errorf("fields of page_versions are\n%v, want\n%v", got, want)
	}
}

// TestCompile compiles the schemas as each kind of client does, whatever draft it takes them
// for, and checks a record of nothing but a key.
func TestCompile(t *testing.T) {
	for _, draft := range []*jsonschema.Draft{jsonschema.Draft4, jsonschema.Draft7, jsonschema.Draft2020} {
		for _, s := range stream.Every() {
			schema := compile(t, draft, s.Name)
			record := map[string]any{}
			for _, f := range fieldsOf(t, s.Name) {
				record[f.Name] = nil
			}
			for _, key := range s.Key {
				if schema.Validate(record) == nil {
					t.Errorf("%s, %v: a record without its key's %s is valid", s.Name, draft, key)
				}
				record[key] = map[bool]any{true: json.Number("1"), false: "1"}[key == "number"]
			}
			record["newInConfluence"] = true
			if err := schema.Validate(record); err != nil {
				t.Errorf("%s, %v: a record with its key is not valid: %v", s.Name, draft, err)
			}
		}
	}
}

func compile(t *testing.T, draft *jsonschema.Draft, name string) *jsonschema.Schema {
	t.Helper()
	text, err := schemas.Stream(name)
	if err != nil {
		t.Fatal(err)
	}
	var plain map[string]any
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	delete(plain, "$schema") // it would overrule the draft
	if text, err = json.Marshal(plain); err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.Draft = draft
	compiler.AssertFormat = true
	if err := compiler.AddResource(name, strings.NewReader(string(text))); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		t.Fatalf("%s, %v: %v", name, draft, err)
	}
	return schema
}
