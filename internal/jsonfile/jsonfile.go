// Package jsonfile decodes the JSON documents that people and clients hand to the tap
// (configuration, catalogs, state) and says where a broken one is broken.
package jsonfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"

	jsoniter "github.com/json-iterator/go"
)

// decoder keeps numbers as json.Number where the target is an any, so that no value
// beyond 2^53 changes on its way.
var decoder = jsoniter.Config{UseNumber: true, EscapeHTML: true, SortMapKeys: true, ValidateJsonRawMessage: true}.Froze()

// Decode decodes one whole JSON document into the value that into points to. Numbers that
// land in an any are json.Number. A byte order mark of UTF-8 is passed over.
//
// Errors begin with name, the document's file name as people know it, and give line and
// column, both counted from 1, columns in characters. They quote one character of the
// document at most, never a string value of it: configurations hold secrets.
func Decode(name string, data []byte, into any) error {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if err := text(data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := syntax(data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if decoder.Unmarshal(data, into) == nil {
		return nil
	}
	// The document is JSON but of another shape. The standard decoder says which field
	// is wrong without quoting its surroundings, as json-iterator does.
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, shape(data, err))
	}
	return nil
}

// text refuses documents that hold no JSON at all, with the likely reason.
func text(data []byte) error {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return errors.New("the file is empty")
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return errors.New("the file is written in UTF-16: save it as UTF-8")
	}
	return nil
}

// syntax reports where data stops being one JSON document.
func syntax(data []byte) error {
	if json.Valid(data) {
		return nil
	}
	var document json.RawMessage
	err := json.Unmarshal(data, &document)
	var broken *json.SyntaxError
	if !errors.As(err, &broken) {
		return err
	}
	at := broken.Offset
	if at < int64(len(data)) || !endsEarly(broken) {
		at-- // Offset counts the offending byte too, except at the document's end.
	}
	line, column := position(data, at)
	return fmt.Errorf("line %d, column %d: %w", line, column, err)
}

// endsEarly reports whether the document breaks off. The standard library has one text for it.
func endsEarly(err *json.SyntaxError) bool {
	return err.Error() == "unexpected end of JSON input"
}

// shape rewrites a type error of the standard decoder.
func shape(data []byte, err error) error {
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		return errors.New("the document cannot be read")
	}
	line, column := position(data, mismatch.Offset)
	field := mismatch.Field
	if field == "" {
		field = "the document"
	}
	return fmt.Errorf("line %d, column %d: %s must be %s", line, column, field, kind(mismatch))
}

// kind names the JSON type that a Go type is decoded from.
func kind(err *json.UnmarshalTypeError) string {
	switch err.Type.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	default:
		return "a whole number"
	}
}

// position turns a byte offset into a line and a column, both from 1.
func position(data []byte, offset int64) (line, column int) {
	before := data[:max(0, min(offset, int64(len(data))))]
	line = bytes.Count(before, []byte("\n")) + 1
	column = utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return line, column
}
