package catalog

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// adapter takes over what a catalog changes in a stream's schema for a target: another maxLength,
// no format, and keywords that begin with x-, such as x-sql-datatype. None of them changes what a
// record may hold.
type adapter struct {
	// kept are fields whose type or format in the catalog is another: the tap's stays.
	kept []string
}

// adapt returns the schema of a field, or of a stream, as a catalog has it. What the catalog does
// not give a type to, it does not change.
func (a *adapter) adapt(path []string, ours, theirs json.RawMessage) json.RawMessage {
	their := members(theirs)
	if len(their) == 0 {
		return ours
	}
	var list []member
	for _, m := range members(ours) {
		switch m.name {
		case "properties":
			m.value = a.adaptFields(path, m.value, get(their, "properties"))
		case "items":
			m.value = a.adapt(path, m.value, get(their, "items"))
		}
		list = append(list, m)
	}
	if theirType := get(their, "type"); theirType == nil || len(path) == 0 {
		return object(list)
	} else if !sameType(theirType, get(list, "type")) || another(their, list, "format") {
		a.kept = append(a.kept, dotted(path))
		return object(list)
	}
	if get(their, "format") == nil {
		list = slices.DeleteFunc(list, func(m member) bool { return m.name == "format" })
	}
	for _, m := range their {
		if m.name == "maxLength" || strings.HasPrefix(m.name, "x-") {
			list = with(list, m)
		}
	}
	return object(list)
}

func (a *adapter) adaptFields(path []string, ours, theirs json.RawMessage) json.RawMessage {
	list, their := members(ours), members(theirs)
	for i, m := range list {
		list[i].value = a.adapt(breadcrumb(path, m.name), m.value, get(their, m.name))
	}
	return object(list)
}

// with returns an object's members with one more, or with another value of one that there is.
func with(list []member, m member) []member {
	if i := slices.IndexFunc(list, func(own member) bool { return own.name == m.name }); i >= 0 {
		list[i] = m
		return list
	}
	return append(list, m)
}

// another reports whether a schema has a keyword that the other lacks, or has otherwise.
func another(theirs, ours []member, keyword string) bool {
	their := get(theirs, keyword)
	return their != nil && string(their) != string(get(ours, keyword))
}

// sameType compares the types of two schemas, in whatever order each names them.
func sameType(a, b json.RawMessage) bool { return maps.Equal(typesOf(a), typesOf(b)) }

// typesOf returns the types that a schema's type names: one as text, or a list.
func typesOf(raw json.RawMessage) map[string]bool {
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		list = []string{strings.Trim(string(raw), `"`)}
	}
	types := map[string]bool{}
	for _, name := range list {
		types[name] = true
	}
	return types
}
