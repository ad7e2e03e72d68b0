package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	jsoniter "github.com/json-iterator/go"

	"github.com/tap-confluence/tap-confluence/schemas"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// member is one member of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// schemaOf returns a stream's schema in one line, as the options have it.
func schemaOf(s *stream.Stream, o options) (json.RawMessage, error) {
	data, err := schemas.Stream(s.Name)
	if err != nil {
		return nil, fmt.Errorf("reading the schema of %s: %w", s.Name, err)
	}
	schema := withoutDraft(inOneLine(data))
	if o.markdown {
		return withMarkdown(schema), nil
	}
	return schema, nil
}

// inOneLine returns valid JSON without white space between its parts.
func inOneLine(raw json.RawMessage) json.RawMessage {
	var line bytes.Buffer
	_ = json.Compact(&line, raw) // it is valid
	return line.Bytes()
}

// withoutDraft returns a schema that doesn't say which draft it follows: some targets refuse any
// but one, and it keeps to what all of them have in common.
func withoutDraft(schema json.RawMessage) json.RawMessage {
	return object(slices.DeleteFunc(members(schema), func(m member) bool { return m.name == "$schema" }))
}

const (
	markdownText = "Body as Markdown (CommonMark with tables, task lists and strikethrough of GFM), made of the storage format."
	storageText  = "Body in Confluence's storage format (XHTML); filled if it can't be converted to Markdown."
)

// withMarkdown returns the schema for bodies as Markdown: in place of the formats that the API
// gives, body declares markdown and storage. A schema without bodies stays as it is.
func withMarkdown(schema json.RawMessage) json.RawMessage {
	return within(schema, "properties", func(properties json.RawMessage) json.RawMessage {
		return within(properties, "body", func(body json.RawMessage) json.RawMessage {
			return within(body, "properties", func(formats json.RawMessage) json.RawMessage {
				storage := get(members(formats), "storage")
				return object([]member{{"markdown", described(storage, markdownText)}, {"storage", described(storage, storageText)}})
			})
		})
	})
}

// within returns an object with one of its members changed, if it has that.
func within(raw json.RawMessage, name string, change func(json.RawMessage) json.RawMessage) json.RawMessage {
	list := members(raw)
	for i, m := range list {
		if m.name == name {
			list[i].value = change(m.value)
			return object(list)
		}
	}
	return raw
}

// described returns a schema with another description.
func described(schema json.RawMessage, text string) json.RawMessage {
	return within(schema, "description", func(json.RawMessage) json.RawMessage {
		quoted, _ := json.Marshal(text) // a string always can be
		return quoted
	})
}

// members returns an object's members in order, or nil for any other value. The text must
// be valid JSON.
func members(raw json.RawMessage) []member {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	it := jsoniter.ConfigDefault.BorrowIterator(raw)
	defer jsoniter.ConfigDefault.ReturnIterator(it)
	var list []member
	it.ReadObjectCB(func(it *jsoniter.Iterator, name string) bool {
		list = append(list, member{name, it.SkipAndReturnBytes()})
		return true
	})
	return list
}

// get returns the member of that name, or nil.
func get(list []member, name string) json.RawMessage {
	for _, m := range list {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// object writes members as a JSON object.
func object(list []member) json.RawMessage {
	raw := []byte{'{'}
	for i, m := range list {
		if i > 0 {
			raw = append(raw, ',')
		}
		name, _ := json.Marshal(m.name) // a string always can be
		raw = append(append(append(raw, name...), ':'), m.value...)
	}
	return append(raw, '}')
}

// fields returns the properties that an object's schema declares, in order.
func fields(schema json.RawMessage) []member { return members(get(members(schema), "properties")) }

// prune returns the schema without the removed fields.
func prune(schema json.RawMessage, removed Fields) json.RawMessage {
	if len(removed) == 0 {
		return schema
	}
	list := members(schema)
	for i, m := range list {
		if m.name == "properties" {
			list[i].value = pruneFields(m.value, removed)
		}
	}
	return object(list)
}

func pruneFields(properties json.RawMessage, removed Fields) json.RawMessage {
	list := slices.DeleteFunc(members(properties), func(m member) bool { return removed.Whole(m.name) })
	for i, m := range list {
		list[i].value = prune(m.value, removed.Inside(m.name))
	}
	return object(list)
}

// typed returns the schema with Airbyte's own type beside every date-time, without which
// some destinations make a column of text of it.
func typed(schema json.RawMessage) json.RawMessage {
	var list []member
	for _, m := range members(schema) {
		switch m.name {
		case "items":
			m.value = typed(m.value)
		case "properties":
			inner := members(m.value)
			for i := range inner {
				inner[i].value = typed(inner[i].value)
			}
			m.value = object(inner)
		}
		list = append(list, m)
		if m.name == "format" && string(m.value) == `"date-time"` {
			list = append(list, member{"airbyte_type", json.RawMessage(`"timestamp_with_timezone"`)})
		}
	}
	return object(list)
}
