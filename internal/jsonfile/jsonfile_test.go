package jsonfile

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	var got any
	document := "\xef\xbb\xbf {\"a\": [1, 9007199254740993, 2.5, null, true], \"ü\": \"x\"}\n"
	if err := Decode("f", []byte(document), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"a": []any{json.Number("1"), json.Number("9007199254740993"), json.Number("2.5"), nil, true},
		"ü": "x",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", got)
	}
}

type shaped struct {
	Name  string   `json:"name"`
	On    bool     `json:"on"`
	Items []string `json:"items"`
	Inner *struct {
		N int     `json:"n"`
		F float64 `json:"f"`
	} `json:"inner"`
}

func TestDecodeStruct(t *testing.T) {
	var got shaped
	if err := Decode("f", []byte(`{"name":"a","other":[{}],"items":null,"inner":{"n":3}}`), &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != "a" || got.Items != nil || got.Inner.N != 3 {
		t.Errorf("got %+v", got)
	}
}

func TestDecodeErrors(t *testing.T) {
	for document, want := range map[string]string{
		"":                            "c.json: the file is empty",
		" \n\t":                       "c.json: the file is empty",
		"\xff\xfe{\x00}\x00":          "c.json: the file is written in UTF-16",
		"{":                           "c.json: line 1, column 2: unexpected end",
		"{\n  \"a\": 1,\n}":           "c.json: line 3, column 1: invalid character '}'",
		"{\"a\": x}":                  "c.json: line 1, column 7: invalid character 'x'",
		"{\"ü\": \"ä\",\n\"é\" 1}":    "c.json: line 2, column 5: invalid character '1'",
		"{\"a\": \"b\nc\"}":           `c.json: line 1, column 9: invalid character '\n'`,
		"{}\n{}":                      "c.json: line 2, column 1: invalid character '{' after top-level value",
		"{\"a\":\n":                   "c.json: line 2, column 1: unexpected end",
		"[]":                          "c.json: line 1, column 2: the document must be an object",
		"{\"name\":\n [\"hush\"]}":    "name must be a string",
		"{\"on\": \"hush\"}":          "on must be true or false",
		"{\"items\": {\"k\":\"v\"}}":  "items must be an array",
		"{\"inner\": {\"n\": true}}":  "inner.n must be a whole number",
		"{\"inner\": {\"n\": 1.5}}":   "inner.n must be a whole number",
		"{\"inner\": {\"f\": 1e999}}": "inner.f must be a number",
		"{\"inner\": []}":             "inner must be an object",
	} {
		var into shaped
		err := Decode("c.json", []byte(document), &into)
		if err == nil {
			t.Errorf("%q: no error", document)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", document, err, want)
		}
		if strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: the error shows a value: %v", document, err)
		}
	}
}

// The two decoders that Decode uses agree on what is JSON.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"a":[1,2.5e3,"x\u00e9",null,true,{}]}`))
	f.Add([]byte("{\n\"a\":}"))
	f.Add([]byte("[[[[[["))
	f.Add([]byte("\xef\xbb\xbf1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got any
		err := Decode("f", data, &got)
		plain := []byte(strings.TrimPrefix(string(data), "\xef\xbb\xbf"))
		if (err == nil) != json.Valid(plain) {
			t.Fatalf("error %v, valid %v", err, json.Valid(plain))
		}
		if err != nil && !strings.HasPrefix(err.Error(), "f: ") {
			t.Fatalf("error without the name: %v", err)
		}
	})
}
