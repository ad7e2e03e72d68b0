package simconfluence

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/apifacts"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// A stream that the table of streams has and this package knows nothing of is answered all
// the same: up to three rows a parent, made of the item schema that the official documents
// give its route. So that adding a stream needs nothing here.

// kindOf returns the kind of item that a listing lists.
func kindOf(l *stream.Listing) (Kind, bool) {
	if l == stream.Groups {
		return Group, true
	}
	k, ok := segments[strings.TrimPrefix(l.Route, "/")]
	return k, ok
}

// generic returns the handler of a stream's route that the hand-made table lacks.
func (s *Site) generic(template string) handler {
	for i := range stream.All {
		st := &stream.All[i]
		if st.Route != template || st.Parent == nil {
			continue
		}
		k, ok := kindOf(st.Parent)
		op := s.facts.Operation(template)
		if !ok || op == nil || op.Item == "" {
			return nil
		}
		return func(rq *request) {
			if i, ok := rq.parentOf(k); ok {
				rq.list(rq.genericSub(k, i, op))
			}
		}
	}
	return nil
}

// genericSub is the list of made-up rows below an item.
func (s *Site) genericSub(k Kind, i int, op *apifacts.Operation) *list {
	h := mix(s.h(k, i, saltGeneric) ^ uint64(len(op.Path)))
	id := func(j int) int64 { return int64(i)*4 + int64(j) }
	return rows(draw(h, 4), "id", false, func(j int) sortKey { return sortKey{n: id(j)} }, id, func(b []byte, j int) []byte {
		return s.genericRow(b, op.Item, mix(h+uint64(j)), 0)
	})
}

// genericRow appends an object of a schema. A text that identifies is unlike any other's.
func (s *Site) genericRow(b []byte, schema string, h uint64, depth int) []byte {
	b = append(b, '{')
	first := true
	sch := s.facts.Schema(schema)
	if sch == nil {
		return append(b, '}')
	}
	for i := range sch.Fields {
		f := &sch.Fields[i]
		if f.Schema != "" && depth > 2 {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(append(append(b, '"'), f.Name...), `":`...)
		b = s.genericValue(b, f, mix(h+uint64(i)), depth)
	}
	return append(b, '}')
}

func (s *Site) genericValue(b []byte, f *apifacts.Field, h uint64, depth int) []byte {
	switch f.Type {
	case "integer":
		return strconv.AppendInt(b, int64(draw(h, 1000)), 10)
	case "number":
		return append(strconv.AppendInt(b, int64(draw(h, 1000)), 10), ".25"...)
	case "boolean":
		return strconv.AppendBool(b, h&1 == 0)
	case "object":
		if f.Schema == "" {
			return append(b, "{}"...)
		}
		return s.genericRow(b, f.Schema, h, depth+1)
	case "array":
		return append(b, "[]"...)
	case "any":
		return append(b, `{"any":[1,null]}`...)
	}
	switch {
	case len(f.Enum) > 0:
		return append(append(append(b, '"'), f.Enum[draw(h, len(f.Enum))]...), '"')
	case f.Format == "date-time":
		return appendTime(b, s.begin()+int64(draw(h, int(s.span()))))
	case strings.HasSuffix(strings.ToLower(f.Name), "id"):
		return append(strconv.AppendUint(append(b, '"'), h>>1, 10), '"')
	}
	return append(s.appendText(append(b, '"'), h, 2), '"')
}

// fieldText returns a top-level field of a row as text.
func fieldText(row []byte, field string) string {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(row, &fields); err != nil {
		panic(err) // our own text
	}
	var text string
	if json.Unmarshal(fields[field], &text) != nil {
		return string(fields[field])
	}
	return text
}
