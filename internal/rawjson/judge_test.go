package rawjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// The judge is encoding/json: what it accepts and how it decodes, less what is documented
// to differ here (UTF-8 is checked, a byte order mark is skipped, U+0000 is left out).

const bom = "\uFEFF"

// member is a member of an object as the judge reads it.
type member struct {
	name  string
	value any
}

// judge decodes a document: objects as []member with unique names, the last one counting,
// numbers as they are written.
func judge(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := judgeNext(d)
	if err != nil {
		t.Fatalf("judge: %v in %q", err, text)
	}
	return v
}

func judgeNext(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := judgeNext(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		members := []member{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := judgeNext(d)
			if err != nil {
				return nil, err
			}
			m := member{without0(name.(string)), v}
			members = append(slices.DeleteFunc(members, func(o member) bool { return o.name == m.name }), m)
		}
		_, err = d.Token()
		return members, err
	}
	if s, ok := token.(string); ok {
		return without0(s), nil
	}
	return token, nil
}

func without0(s string) string { return strings.ReplaceAll(s, "\x00", "") }

// judgeShape reports whether the document is an object and, on a page, has a list of objects.
func judgeShape(doc any, page bool) bool {
	members, ok := doc.([]member)
	if !ok || !page {
		return ok
	}
	i := slices.IndexFunc(members, func(m member) bool { return m.name == "results" })
	if i < 0 {
		return false
	}
	rows, ok := members[i].value.([]any)
	return ok && !slices.ContainsFunc(rows, func(row any) bool { _, ok := row.([]member); return !ok })
}

// checkValue checks the promises of a Value and that it decodes to want.
func checkValue(t *testing.T, v Value, want any) {
	t.Helper()
	if !json.Valid(v) || !utf8.Valid(v) {
		t.Fatalf("value is not valid: %q", v)
	}
	if bytes.ContainsFunc(v, func(r rune) bool { return r < ' ' || lineBreak(r) }) {
		t.Fatalf("value has a forbidden character: %q", v)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, v); err != nil || !bytes.Equal(compact.Bytes(), v) {
		t.Fatalf("value has white space: %q", v)
	}
	if s := (&scanner{b: v}); s.value(0, 0) != len(v) || s.dirty {
		t.Fatalf("value is not clean: %q", v)
	}
	checkEscapes(t, v)
	if got := judge(t, v); !reflect.DeepEqual(got, want) {
		t.Fatalf("value %q decodes to %#v, want %#v", v, got, want)
	}
	if v.IsNull() != (want == nil) {
		t.Fatalf("IsNull of %q", v)
	}
	text, isText := v.Text()
	if wantText, ok := want.(string); ok != isText || text != wantText {
		t.Fatalf("Text of %q: %q, %v", v, text, isText)
	}
	elements := slices.Collect(v.Elements())
	list, _ := want.([]any)
	if len(elements) != len(list) {
		t.Fatalf("Elements of %q: %d, want %d", v, len(elements), len(list))
	}
	object, isObject := v.Object()
	if _, ok := want.([]member); ok != isObject {
		t.Fatalf("Object of %q: %v", v, isObject)
	}
	if isObject {
		checkNames(t, object, want.([]member))
	}
}

// checkEscapes checks that no escape in v stands for U+0000 or an unpaired surrogate.
func checkEscapes(t *testing.T, v Value) {
	t.Helper()
	for i := 0; i < len(v); i++ {
		if v[i] != '\\' {
			continue
		}
		if v[i+1] != 'u' {
			i++
			continue
		}
		r, n := codePoint(v, i)
		if r == 0 || r == utf8.RuneError || n == 0 {
			t.Fatalf("value has a forbidden escape: %q", v)
		}
		i += n - 1
	}
}

// checkNames checks that o has just the members of want, in order.
func checkNames(t *testing.T, o Object, want []member) {
	t.Helper()
	if o.Len() != len(want) {
		t.Fatalf("%q: %d members, want %d", o.Raw(), o.Len(), len(want))
	}
	i := 0
	for name, v := range o.Fields() {
		raw, same := o.At(i)
		if name != want[i].name || string(raw) != name || !bytes.Equal(same, v) || !bytes.Equal(o.Get(name), v) {
			t.Fatalf("%q: member %d is %q, want %q", o.Raw(), i, name, want[i].name)
		}
		if text := o.Raw(); len(text) > 0 && !bytes.Equal(text.Member(name), v) {
			t.Fatalf("%q: member %q is %q, want %q", text, name, text.Member(name), v)
		}
		i++
	}
}

// checkObject checks o and all of its values.
func checkObject(t *testing.T, o Object, want []member) {
	t.Helper()
	checkNames(t, o, want)
	checkValue(t, o.Raw(), want)
	for i, m := range want {
		_, v := o.At(i)
		checkValue(t, v, m.value)
	}
}

// used is a page that has held another answer before.
func used(t *testing.T) *Page {
	t.Helper()
	p, err := ParsePage([]byte("{\"results\":[{\"a\":1,\"\\u0062\":2},{\"\\u0063\":\"\u2028\"}],\"x\":1}"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// checkTop checks the members of a page's document beside its rows.
func checkTop(t *testing.T, top Object, want []member) {
	t.Helper()
	checkNames(t, top, want)
	for i, m := range want {
		_, v := top.At(i)
		checkValue(t, v, m.value)
	}
	if len(top.Raw()) != 0 {
		t.Fatalf("a page's top has the text %q", top.Raw())
	}
}

// checkAgainstJudge parses body and compares with encoding/json.
func checkAgainstJudge(t *testing.T, body []byte, page bool) {
	t.Helper()
	before := bytes.Clone(body)
	var top Object
	var rows []Object
	var err error
	if page {
		p := used(t)
		err = p.Parse(body)
		top, rows = p.Top, p.Rows
	} else {
		top, err = ParseObject(body)
	}
	if !bytes.Equal(before, body) {
		t.Fatalf("%q was changed to %q", before, body)
	}
	text := bytes.TrimPrefix(body, []byte(bom))
	if !json.Valid(text) || !utf8.Valid(text) {
		checkSyntaxError(t, err, body)
		return
	}
	doc := judge(t, text)
	if !judgeShape(doc, page) {
		checkShapeError(t, err, body)
		return
	}
	if err != nil {
		t.Fatalf("%q was rejected: %v", body, err)
	}
	members := doc.([]member)
	if !page {
		checkObject(t, top, members)
		return
	}
	i := slices.IndexFunc(members, func(m member) bool { return m.name == "results" })
	want := members[i].value.([]any)
	checkTop(t, top, slices.Delete(members, i, i+1))
	if len(rows) != len(want) {
		t.Fatalf("%q: %d rows, want %d", body, len(rows), len(want))
	}
	for i, row := range rows {
		checkObject(t, row, want[i].([]member))
	}
}

func checkSyntaxError(t *testing.T, err error, body []byte) {
	t.Helper()
	var syntax *SyntaxError
	if !errors.As(err, &syntax) {
		t.Fatalf("%q: error %v, want a SyntaxError", body, err)
	}
	if syntax.Offset < 0 || syntax.Offset > len(body) {
		t.Fatalf("%q: offset %d", body, syntax.Offset)
	}
	checkMessage(t, err)
}

func checkShapeError(t *testing.T, err error, body []byte) {
	t.Helper()
	if _, ok := errors.AsType[*ShapeError](err); !ok {
		t.Fatalf("%q: error %v, want a ShapeError", body, err)
	}
	checkMessage(t, err)
}

// checkMessage checks that a message is one short line that can be printed.
func checkMessage(t *testing.T, err error) {
	t.Helper()
	message := err.Error()
	if n := utf8.RuneCountInString(message); n > 140 {
		t.Fatalf("message of %d characters: %q", n, message)
	}
	for _, r := range message {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			t.Fatalf("message has %U: %q", r, message)
		}
	}
}
