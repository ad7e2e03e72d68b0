package record

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strconv"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/schemas"
)

// shape is what the schema declares of a value.
type shape struct {
	name  string // of the field, empty for an element of a list
	types jsonTypes
	// fields are what an object declares. Others pass as they are.
	fields []shape
	// items is what a list declares of its elements, nil for nothing.
	items *shape
}

// jsonTypes is a set of JSON's types. The empty set allows any value.
type jsonTypes uint8

const (
	isNull jsonTypes = 1 << iota
	isText
	isInteger
	isNumber
	isBoolean
	isObject
	isArray
)

var typeNames = map[string]jsonTypes{
	"null": isNull, "string": isText, "integer": isInteger, "number": isNumber | isInteger,
	"boolean": isBoolean, "object": isObject, "array": isArray,
}

// shapeOf returns what a schema declares of a field. Inside of bodies nothing is looked at: they
// are text, and nearly all of an answer.
func shapeOf(f schemas.Field) shape {
	s := shape{name: f.Name}
	for _, name := range f.Types {
		s.types |= typeNames[name]
	}
	if f.Name == "body" {
		return s
	}
	for _, inner := range f.Properties {
		s.fields = append(s.fields, shapeOf(inner))
	}
	if f.Items != nil {
		items := shapeOf(*f.Items)
		s.items = &items
	}
	return s
}

// typeOf returns the type of a value that is valid JSON.
func typeOf(v rawjson.Value) jsonTypes {
	switch v[0] {
	case '"':
		return isText
	case '{':
		return isObject
	case '[':
		return isArray
	case 't', 'f':
		return isBoolean
	case 'n':
		return isNull
	}
	if bytes.IndexByte(v, '.') < 0 && bytes.IndexByte(v, 'e') < 0 && bytes.IndexByte(v, 'E') < 0 {
		return isInteger
	}
	if f, err := strconv.ParseFloat(string(v), 64); err == nil && f == float64(int64(f)) {
		return isInteger
	}
	return isNumber
}

// fits reports whether a value, and all that is in it, has the type that is declared.
func (s *shape) fits(v rawjson.Value) bool {
	kind := typeOf(v)
	if s.types != 0 && s.types&kind == 0 {
		return false
	}
	if kind&(isObject|isArray) == 0 || s.fields == nil && s.items == nil {
		return true
	}
	_, ok := s.within(v, 0)
	return ok
}

// anything is the shape of what no schema declares.
var anything = &shape{}

// within reports whether the value that begins at i is as declared, and where it ends if so. It
// is on the path of every record, and relies on what rawjson promises of a value: valid JSON
// without white space.
func (s *shape) within(b []byte, i int) (end int, ok bool) {
	switch b[i] {
	case '"':
		return textEnd(b, i), s.allows(isText)
	case '{':
		if !s.allows(isObject) {
			return 0, false
		}
		at := 0
		for i++; b[i] != '}'; {
			if b[i] == ',' {
				i++
			}
			inner, value := s.member(b, i, &at)
			if i, ok = inner.within(b, value); !ok {
				return 0, false
			}
		}
		return i + 1, true
	case '[':
		if !s.allows(isArray) {
			return 0, false
		}
		inner := cmp.Or(s.items, anything)
		for i++; b[i] != ']'; {
			if b[i] == ',' {
				i++
			}
			if i, ok = inner.within(b, i); !ok {
				return 0, false
			}
		}
		return i + 1, true
	}
	end = i + 1
	for end < len(b) && b[end] != ',' && b[end] != '}' && b[end] != ']' {
		end++
	}
	return end, s.types == 0 || s.types&typeOf(b[i:end]) != 0
}

func (s *shape) allows(kind jsonTypes) bool { return s.types == 0 || s.types&kind != 0 }

// member returns what is declared of the member whose name begins at i, and where its value
// begins. Members nearly always come in the order of the schema.
func (s *shape) member(b []byte, i int, at *int) (inner *shape, value int) {
	if *at < len(s.fields) {
		name := s.fields[*at].name
		if end := i + 1 + len(name); end < len(b) && b[end] == '"' && string(b[i+1:end]) == name {
			*at++
			return &s.fields[*at-1], end + 2
		}
	}
	end := textEnd(b, i)
	return cmp.Or(s.field(b[i+1:end-1], at), anything), end + 1
}

// textEnd returns where the string ends that begins at i.
func textEnd(b []byte, i int) int {
	for from := i + 1; ; {
		end := from + bytes.IndexByte(b[from:], '"')
		slashes := 0
		for b[end-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return end + 1
		}
		from = end + 1
	}
}

// field returns the declared field of a name, nil for none, looking first where the member
// before points to.
func (s *shape) field(name []byte, at *int) *shape {
	if *at < len(s.fields) && s.fields[*at].name == string(name) {
		*at++
		return &s.fields[*at-1]
	}
	for i := range s.fields {
		if s.fields[i].name == string(name) {
			*at = i + 1
			return &s.fields[i]
		}
	}
	return nil
}

// declared returns a value as its field is declared. The API's own nearly always is. Text that
// is a number, and so on, is written as what it says; what would lose something is null.
func (b *Builder) declared(f *field, v rawjson.Value) rawjson.Value {
	if v.IsNull() || f.shape.fits(v) {
		return v
	}
	out, whole := f.shape.convert(nil, v)
	if !whole {
		b.warn("the API sent a value of another type than declared; it is null", "field", f.name)
	}
	return out
}

// convert appends a value as it is declared, and reports whether nothing of it was lost.
func (s *shape) convert(dst []byte, v rawjson.Value) (_ []byte, whole bool) {
	kind := typeOf(v)
	if s.types != 0 && s.types&kind == 0 {
		return s.scalar(dst, v, kind)
	}
	whole = true
	switch {
	case kind == isObject && s.fields != nil:
		o, _ := v.Object()
		at := 0
		dst = append(dst, '{')
		for name, inner := range o.Fields() {
			dst = append(rawjson.AppendString(separated(dst), name), ':')
			var ok bool
			dst, ok = cmp.Or(s.field([]byte(name), &at), anything).convert(dst, inner)
			whole = whole && ok
		}
		return append(dst, '}'), whole
	case kind == isArray && s.items != nil:
		dst = append(dst, '[')
		for inner := range v.Elements() {
			var ok bool
			dst, ok = s.items.convert(separated(dst), inner)
			whole = whole && ok
		}
		return append(dst, ']'), whole
	}
	return append(dst, v...), true
}

// separated appends a comma behind what stands before in the same object or list.
func separated(dst []byte) []byte {
	if last := dst[len(dst)-1]; last == '{' || last == '[' {
		return dst
	}
	return append(dst, ',')
}

// scalar appends a value of one type as another one, or null where that would lose something.
func (s *shape) scalar(dst []byte, v rawjson.Value, kind jsonTypes) (_ []byte, whole bool) {
	if s.types&isText != 0 && kind&(isInteger|isNumber|isBoolean) != 0 {
		return append(append(append(dst, '"'), v...), '"'), true
	}
	if text, ok := v.Text(); ok {
		switch number := isJSONNumber(text); {
		case number && s.types&typeOf(rawjson.Value(text)) != 0,
			s.types&isBoolean != 0 && (text == "true" || text == "false"):
			return append(dst, text...), true
		}
	}
	return append(dst, "null"...), false
}

// isJSONNumber reports whether text is a number as JSON writes it, and nothing beside it.
func isJSONNumber(text string) bool {
	isDigit := func(c byte) bool { return c >= '0' && c <= '9' }
	return text != "" && (text[0] == '-' || isDigit(text[0])) && isDigit(text[len(text)-1]) && json.Valid([]byte(text))
}
