package schemas_test

import (
	"maps"
	"path"
	"slices"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/apifacts"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// exception is a place where a schema is not as the API has it, on purpose.
type exception struct {
	// place is a pattern of a stream and the path of a field.
	place  string
	reason string
}

// missing lists what the API has and a schema leaves out.
var missing = []exception{
	{"*_versions.*.body", "every old body of every page would be many times the site"},
	{"*.version.page", "only in the versions block of a combined read, whose schema is the same"},
	{"*.version.blogpost", "likewise"},
	{"*.version.attachment", "likewise"},
	{"*_comments.body.view", "only a single comment can be asked for that format"},
	{"*_comments.operations", "only a single comment can be asked for that block: no list has it"},
	{"*_comments.likes", "likewise"},
	{"*_comments.versions", "likewise"},
	{"*_footer_comments.properties", "likewise"},
	{"*_inline_comments.properties.inline-marker-ref", "a second spelling, which some databases take for the same column"},
	{"*_inline_comments.properties.inline-original-selection", "likewise"},
	{"*._expandable", "names what else could be asked for; no value of the site"},
	{"*.operations", "what the reader may do with it: null or absent unless asked for"},
	{"*.username", "no site has given it since names became private"},
	{"*.userKey", "likewise"},
	{"*.details", "only there if asked for, and empty since details became private"},
	{"*.personalSpace", "only there if asked for"},
	{"*_inline_comments.properties.results", "only a single comment can be asked for its content properties"},
	{"*_inline_comments.properties.meta", "likewise"},
	{"*_inline_comments.properties._links", "likewise"},
}

// added lists what a schema has and the API's documents leave open.
var added = []exception{
	{"*_links.self", "version 1 names no links of groups and users; live answers have this one"},
}

// retyped lists fields of another type than the API's.
var retyped = []exception{
	{"*_properties.value", "any JSON, written as JSON text because a column has one type"},
}

// TestAgainstTheFacts compares every schema with the facts of the API, both ways and at
// every depth: what a row can have is declared, and what is declared a row can have. Left
// over are the tap's own fields and the exceptions, of which none may be idle.
func TestAgainstTheFacts(t *testing.T) {
	c := comparison{t: t, facts: apifacts.Load(), used: map[string]bool{}}
	for _, s := range stream.Every() {
		fields := c.rows(s)
		for _, own := range ownFields(s) {
			if fields[own.Name] == nil {
				fields[own.Name] = []apifacts.Field{own}
			}
		}
		c.object(s.Name, parse(t, s.Name).Properties, fields, true)
	}
	for _, e := range slices.Concat(missing, added, retyped) {
		if !c.used[e.place] {
			t.Errorf("the exception for %s (%s) is not needed", e.place, e.reason)
		}
	}
}

func text(name string) apifacts.Field { return apifacts.Field{Name: name, Type: "string"} }

// ownFields are the fields that the tap adds to the API's rows.
func ownFields(s *stream.Stream) []apifacts.Field {
	var own []apifacts.Field
	if s.ParentField != "" {
		own = append(own, apifacts.Field{Name: s.ParentField, Type: "string"})
	}
	for _, l := range s.Lifted {
		f := apifacts.Field{Name: l.Field, Type: "string"}
		if l.Time {
			f.Format = "date-time"
		}
		own = append(own, f)
	}
	if s.Hashed != nil {
		own = append(own, text(s.Key[0]))
	}
	if s.ReplicationKey == "modifiedAt" {
		own = append(own, apifacts.Field{Name: "modifiedAt", Type: "string", Format: "date-time"})
	}
	return own
}

// union holds the fields of one or more API schemas, by name.
type union map[string][]apifacts.Field

func (u union) add(fields []apifacts.Field) {
	for _, f := range fields {
		u[f.Name] = append(u[f.Name], f)
	}
}

type comparison struct {
	t     *testing.T
	facts *apifacts.Facts
	used  map[string]bool // places of exceptions that were needed
}

// made are the fields of rows that the tap makes of several parts of an answer.
var made = map[string][]apifacts.Field{
	"content_restrictions": {
		text("operation"), text("principalType"), text("principalId"), text("contentType"),
		{Name: "user", Type: "object", Schema: "v1.User"}, {Name: "group", Type: "object", Schema: "Group"},
	},
}

// rows collects the fields of every route that can give a stream's rows.
func (c *comparison) rows(s *stream.Stream) union {
	c.t.Helper()
	if made[s.Name] != nil {
		fields := union{}
		fields.add(made[s.Name])
		return fields
	}
	if s.Node != nil {
		op := c.facts.Operation(s.Node.Item)
		fields := union{}
		fields.add(c.facts.Known(op.Object))
		fields.add(op.Beside)
		return fields
	}
	routes := []string{s.Route, s.Replies}
	if !s.IsChild() {
		if s.Listing.Bulk != nil {
			routes = append(routes, s.Listing.Bulk.Route)
		} else {
			routes = append(routes, s.Listing.Route)
		}
	}
	if s.Name == "child_pages" {
		routes = append(routes, "/pages/{id}/children") // the older route, which rows derived from pages are like
	}
	fields := union{}
	for _, route := range routes {
		if route == "" {
			continue
		}
		op := c.facts.Operation(route)
		if op == nil || op.Item == "" {
			c.t.Errorf("%s: the facts have no list %s", s.Name, route)
			continue
		}
		fields.add(c.facts.Known(op.Item))
	}
	if s.Include != "" {
		fields.add(c.block(s))
	}
	return fields
}

// block finds the documented fields of the rows in the parent's combined read.
func (c *comparison) block(s *stream.Stream) []apifacts.Field {
	c.t.Helper()
	op := c.facts.Operation(s.Parent.Item)
	if op == nil || op.Param("include-"+s.Include) == nil {
		c.t.Errorf("%s: %s takes no include-%s", s.Name, s.Parent.Item, s.Include)
		return nil
	}
	block := c.facts.Schema(op.Object).Field(s.Include)
	if block == nil {
		c.t.Errorf("%s: %s has no %s", s.Name, op.Object, s.Include)
		return nil
	}
	return c.facts.Schema(c.facts.Schema(block.Schema).Field("results").Schema).Fields
}

// object compares the fields of an object.
func (c *comparison) object(at string, declared map[string]*node, fields union, top bool) {
	c.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if declared[name] == nil && !c.excepted(missing, at+"."+name) {
			c.t.Errorf("%s.%s: the API has it, the schema doesn't", at, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		if fields[name] == nil && c.excepted(added, at+"."+name) {
			continue
		}
		if fields[name] == nil {
			c.t.Errorf("%s.%s: the schema has it, the API doesn't", at, name)
			continue
		}
		c.field(at+"."+name, declared[name], fields[name], top)
	}
}

// field compares one field with all that the API's schemas say about it.
func (c *comparison) field(at string, declared *node, fields []apifacts.Field, top bool) {
	c.t.Helper()
	typ, _ := typeOf(declared)
	inner := union{}
	for _, f := range fields {
		if f.Type != typ && !c.excepted(retyped, at) {
			c.t.Errorf("%s: type is %s, the API's is %s", at, typ, f.Type)
		}
		if top && f.Type == "string" && (f.Format == "date-time") != (declared.Format == "date-time") {
			c.t.Errorf("%s: format is %q, the API's is %q", at, declared.Format, f.Format)
		}
		if f.Type == "array" {
			if item, _ := typeOf(declared.Items); item != f.Items {
				c.t.Errorf("%s: items are %s, the API's are %s", at, item, f.Items)
			}
		}
		if f.Type == "object" && f.Schema != "" {
			inner.add(c.facts.Known(f.Schema))
		}
	}
	c.object(at, declared.Properties, inner, false)
}

// excepted reports whether a table of exceptions covers the place.
func (c *comparison) excepted(table []exception, place string) bool {
	for _, e := range table {
		if ok, err := path.Match(e.place, place); err != nil {
			c.t.Fatal(err)
		} else if ok {
			c.used[e.place] = true
			return true
		}
	}
	return false
}
