package schemas_test

import (
	"github.com/tap-confluence/tap-confluence/internal/apifacts"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// extra are streams that have a schema and no entry in the table of streams yet. An entry
// here is to go when the table gets one.
var extra = []extraStream{
	{
		Stream: stream.Stream{Name: "audit_records", Key: []string{"id"}, ReplicationKey: "createdAt"},
		lists:  []string{"/wiki/rest/api/audit"},
		own:    []apifacts.Field{text("id"), {Name: "createdAt", Type: "string", Format: "date-time"}},
	},
}

// extraStream is a stream and what its rows are made of.
type extraStream struct {
	stream.Stream
	lists  []string         // routes that list its rows
	object string           // route of one row
	own    []apifacts.Field // fields that the tap makes
}

func text(name string) apifacts.Field { return apifacts.Field{Name: name, Type: "string"} }

// allStreams are the streams of the table and the extra ones.
func allStreams() []stream.Stream {
	var all []stream.Stream
	for _, s := range stream.Every() {
		all = append(all, *s)
	}
	for i := range extra {
		all = append(all, extra[i].Stream)
	}
	return all
}

// fields are the fields that the facts and the tap give an extra stream's rows.
func (e *extraStream) fields(c *comparison) union {
	c.t.Helper()
	u := union{}
	for _, route := range e.lists {
		op := c.facts.Operation(route)
		if op == nil || op.Item == "" {
			c.t.Fatalf("%s: the facts have no list %s", e.Name, route)
		}
		u.add(c.facts.Known(op.Item))
	}
	if e.object != "" {
		op := c.facts.Operation(e.object)
		u.add(c.facts.Known(op.Object))
		u.add(op.Beside)
	}
	u.add(e.own)
	return u
}
