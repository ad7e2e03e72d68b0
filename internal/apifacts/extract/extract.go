package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/apifacts"
)

// v2Segments are the first segments of the paths of version 2 that are taken: everything
// that the tap's streams hang below, so that a further stream needs no new extraction.
var v2Segments = []string{
	"spaces", "pages", "blogposts", "attachments", "custom-content",
	"footer-comments", "inline-comments", "comments", "labels", "tasks",
	"space-roles", "space-role-mode", "users-bulk",
}

// v2Trees are the first segments of what the page tree is made of besides pages. Of each kind
// the item and its children are taken.
var v2Trees = []string{"folders", "whiteboards", "databases", "embeds"}

// takeV2 reports whether a path of version 2 is taken.
func takeV2(path string) (depth, bool) {
	parts := strings.Split(path, "/")
	if slices.Contains(v2Trees, parts[1]) {
		return deep, len(parts) == 3 || parts[len(parts)-1] == "direct-children"
	}
	return deep, slices.Contains(v2Segments, parts[1])
}

// v2Posts are the POST operations that are taken: they read, and send what to read in a body.
var v2Posts = []string{"/users-bulk"}

// depth says how far the schemas of an answer are followed.
type depth int

const (
	none    depth = iota // parameters and scopes only
	shallow              // the answer's own fields, not the objects in them
	deep                 // everything
)

// v1Paths are the paths of version 1 that are taken. The restrictions by operation are given
// a shape that no answer has: those of one operation are what each of them is like.
var v1Paths = map[string]depth{
	"/wiki/rest/api/audit":                                               deep,
	"/wiki/rest/api/content/search":                                      none,
	"/wiki/rest/api/content/{id}/restriction/byOperation":                none,
	"/wiki/rest/api/content/{id}/restriction/byOperation/{operationKey}": deep,
	"/wiki/rest/api/group":                                               deep,
	"/wiki/rest/api/group/by-id":                                         deep,
	"/wiki/rest/api/group/{groupId}/membersByGroupId":                    deep,
	"/wiki/rest/api/search":                                              none,
	"/wiki/rest/api/search/user":                                         deep,
	"/wiki/rest/api/user/current":                                        shallow,
}

// heavy are schemas of version 1 that drag most of the document along, which nobody needs:
// they are named and not followed.
var heavy = []string{"Content", "Space", "UserDetails"}

// extract makes the facts from the two documents.
func extract(v1, v2 []byte) (*apifacts.Facts, error) {
	facts := &apifacts.Facts{}
	theirs := map[string]bool{} // names that version 2 has for schemas
	if doc, _, err := read("v2", v2); err == nil {
		for name := range doc.Components.Schemas {
			theirs[name] = true
		}
	}
	for _, source := range []struct {
		name string
		data []byte
		take func(path string) (depth, bool)
	}{
		{"v1", v1, func(path string) (depth, bool) { d, ok := v1Paths[path]; return d, ok }},
		{"v2", v2, takeV2},
	} {
		doc, identity, err := read(source.name, source.data)
		if err != nil {
			return nil, err
		}
		e := extractor{doc: doc, facts: facts, done: map[string]bool{}}
		if source.name == "v1" {
			e.theirs, e.heavy = theirs, heavy
		}
		if err := e.all(source.take); err != nil {
			return nil, fmt.Errorf("extracting from the %s document: %w", source.name, err)
		}
		facts.Sources = append(facts.Sources, identity)
	}
	slices.SortFunc(facts.Operations, func(a, b apifacts.Operation) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(facts.Schemas, func(a, b apifacts.Schema) int { return strings.Compare(a.Name, b.Name) })
	return facts, nil
}

// extractor adds one document's facts.
type extractor struct {
	doc   *document
	facts *apifacts.Facts
	done  map[string]bool // names of schemas that are added or being added
	depth depth           // of the operation in hand

	theirs map[string]bool // names that the other document has for schemas of its own
	heavy  []string        // names of schemas that are not followed
}

// resolve follows a reference. A schema that has a namesake in the other document is named
// after its own.
func (e *extractor) resolve(s *schema) (*schema, string, error) {
	s, name, err := e.doc.resolve(s)
	if e.theirs[name] {
		name = "v1." + name
	}
	return s, name, err
}

func (e *extractor) all(take func(string) (depth, bool)) error {
	base, err := e.doc.base()
	if err != nil {
		return err
	}
	seen := map[string]string{}
	for _, path := range e.doc.Paths.names {
		get := e.doc.Paths.values[path].Get
		method := ""
		if get == nil && slices.Contains(v2Posts, path) {
			get, method = e.doc.Paths.values[path].Post, "POST"
		}
		d, ok := take(path)
		if get == nil || !ok {
			continue
		}
		e.depth = d
		op, err := e.operation(normalise(withBase(base, path)), get)
		if err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		op.Method = method
		if other := seen[op.Path]; other != "" {
			return fmt.Errorf("%s and %s are the same path", path, other)
		}
		seen[op.Path] = path
		e.facts.Operations = append(e.facts.Operations, op)
	}
	return nil
}

// withBase joins the server's path and an operation's; version 1 writes the whole path.
func withBase(base, path string) string {
	if strings.HasPrefix(path, "/wiki/") {
		return path
	}
	return base + path
}

// normalise names a path's first placeholder {id}.
func normalise(path string) string {
	before, rest, ok := strings.Cut(path, "{")
	if !ok {
		return path
	}
	_, after, _ := strings.Cut(rest, "}")
	return before + "{id}" + after
}

func (e *extractor) operation(path string, get *operation) (apifacts.Operation, error) {
	op := apifacts.Operation{Path: path, Deprecated: get.Deprecated, Statuses: []int{}}
	for _, s := range get.Scopes {
		op.Scopes = append(op.Scopes, apifacts.ScopeSet{State: s.State, Names: s.Scopes})
	}
	for _, status := range slices.Sorted(maps.Keys(get.Responses)) {
		n, err := strconv.Atoi(status)
		if err != nil {
			return op, fmt.Errorf("status %q: %w", status, err)
		}
		op.Statuses = append(op.Statuses, n)
	}
	if err := e.params(&op, get); err != nil {
		return op, err
	}
	answer := get.Responses["200"].Content["application/json"].Schema
	if answer == nil || e.depth == none {
		return op, nil
	}
	if err := e.answer(&op, answer); err != nil {
		return op, fmt.Errorf("answer: %w", err)
	}
	return op, nil
}

// params reads the query parameters, and the fields of a body as if they were some.
func (e *extractor) params(op *apifacts.Operation, get *operation) error {
	for _, p := range get.Parameters {
		p, err := e.doc.parameter(p)
		if err != nil {
			return err
		}
		if p.In != "query" {
			continue
		}
		param, err := e.param(p)
		if err != nil {
			return fmt.Errorf("parameter %q: %w", p.Name, err)
		}
		op.Params = append(op.Params, param)
	}
	body, err := e.doc.body(get.Body)
	if err != nil || body == nil {
		return err
	}
	for _, name := range body.Properties.names {
		field := parameter{Name: name, Required: slices.Contains(body.Required, name), Schema: *body.Properties.values[name]}
		param, err := e.param(field)
		if err != nil {
			return fmt.Errorf("field %q of the body: %w", name, err)
		}
		op.Body = append(op.Body, param)
	}
	return nil
}

// param reads a query parameter. Some sort parameters are malformed, a string that has
// items: the items' enum is meant to be the string's.
func (e *extractor) param(p parameter) (apifacts.Param, error) {
	s, _, err := e.doc.resolve(&p.Schema)
	if err != nil {
		return apifacts.Param{}, err
	}
	out := apifacts.Param{
		Name: p.Name, Type: s.Type, Enum: values(s), Min: s.Minimum, Max: s.Maximum,
		Default: text(s.Default), MaxItems: s.MaxItems, Required: p.Required,
	}
	if s.Items != nil {
		items, _, err := e.doc.resolve(s.Items)
		if err != nil {
			return out, err
		}
		out.Enum = values(items)
		if s.Type == "array" {
			out.Items, out.Min, out.Max = items.Type, items.Minimum, items.Maximum
		}
	}
	return out, nil
}

// text is a default value as a query string has it.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// values lists an enum.
func values(s *schema) []string {
	var all []string
	for _, v := range s.Enum {
		if v != nil {
			all = append(all, *v)
		}
	}
	return all
}

// answer reads the shape of a 200 answer: a list of rows under "results"; a schema; or a
// schema to which the operation adds fields (allOf).
func (e *extractor) answer(op *apifacts.Operation, s *schema) error {
	if len(s.AllOf) > 0 {
		return e.merged(op, s.AllOf)
	}
	s, name, err := e.resolve(s)
	if err != nil {
		return err
	}
	results := s.Properties.values["results"]
	if results == nil || results.Items == nil {
		if name == "" {
			name = op.Path
		}
		op.Object = name
		return e.schema(name, s)
	}
	fields, err := e.fields(op.Path, s)
	if err != nil {
		return err
	}
	for _, f := range fields {
		if f.Name == "results" {
			op.Item = f.Schema
		} else {
			op.Beside = append(op.Beside, f)
		}
	}
	return nil
}

func (e *extractor) merged(op *apifacts.Operation, parts []*schema) error {
	for _, part := range parts {
		s, name, err := e.resolve(part)
		if err != nil {
			return err
		}
		if name != "" {
			op.Object = name
			if err := e.schema(name, s); err != nil {
				return err
			}
			continue
		}
		// Every single item's answer has the site's address among its links.
		fields, err := e.fields("answer", s)
		if err != nil {
			return err
		}
		op.Beside = append(op.Beside, fields...)
	}
	return nil
}

// schema adds an object's schema and those that its fields refer to.
func (e *extractor) schema(name string, s *schema) error {
	if e.done[name] {
		return nil
	}
	e.done[name] = true
	fields, err := e.fields(name, s)
	if err != nil {
		return fmt.Errorf("schema %s: %w", name, err)
	}
	e.facts.Schemas = append(e.facts.Schemas, apifacts.Schema{Name: name, Fields: fields})
	return nil
}

func (e *extractor) fields(owner string, s *schema) ([]apifacts.Field, error) {
	fields := []apifacts.Field{}
	for _, name := range s.Properties.names {
		f, err := e.field(owner, name, s.Properties.values[name])
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", name, err)
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func (e *extractor) field(owner, name string, s *schema) (apifacts.Field, error) {
	nullable := s.Nullable
	s, ref, err := e.resolve(s)
	if err != nil {
		return apifacts.Field{}, err
	}
	f := apifacts.Field{
		Name: name, Type: kind(s), Format: format(s), Enum: values(s), Nullable: nullable || s.Nullable,
	}
	if ref == "" {
		ref = owner + "." + name
	}
	if f.Type == "array" && s.Items != nil {
		item, err := e.field(owner, name, s.Items)
		if err != nil {
			return f, err
		}
		f.Items, f.Format, f.Enum, f.Schema = item.Type, item.Format, item.Enum, item.Schema
	}
	if f.Type == "object" && len(s.Properties.names) > 0 && e.depth == deep && !slices.Contains(e.heavy, ref) {
		f.Schema = ref
		return f, e.schema(ref, s)
	}
	return f, nil
}

// kind is the type of a field's values. Some ids are written as a format without a type.
func kind(s *schema) string {
	switch {
	case s.Type != "":
		return s.Type
	case s.Format == "string":
		return "string"
	case len(s.Properties.names) > 0:
		return "object"
	}
	return "any"
}

// format is the format of a field's values; one that only repeats the type says nothing.
func format(s *schema) string {
	if s.Format == kind(s) {
		return ""
	}
	return s.Format
}
