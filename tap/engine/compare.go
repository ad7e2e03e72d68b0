package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/method"
)

// extras are fields that answers hold though the API's schemas don't know them; routes
// differ in them.
var extras = []string{"ncsStepVersion", "contributorIds"}

// records are a parent's records by key.
type records map[string]json.RawMessage

// keyed builds a record and its key, without writing it; the caller holds the lock under which
// records are made.
func (o *output) keyed(it method.Item) (key string, record json.RawMessage, err error) {
	text, err := o.build.Append(nil, it.Row, it.From)
	if err != nil {
		return "", nil, err
	}
	var b strings.Builder
	for _, name := range o.stream.Key {
		b.Write(rawjson.Value(text).Member(name))
		b.WriteByte(' ')
	}
	return b.String(), text, nil
}

// collect adds the records of items to those collected so far, without writing them.
func (o *output) collect(into records, items []method.Item) error {
	o.writing.Lock()
	defer o.writing.Unlock()
	for _, it := range items {
		key, record, err := o.keyed(it)
		if err != nil {
			return noRecord(err)
		}
		into[key] = record
	}
	return nil
}

// alike are the records that two reads have in common.
func alike(a, b records) records {
	out := records{}
	for key, record := range a {
		if other, ok := b[key]; ok && differs("", decode(record), decode(other)) == "" && differs("", decode(other), decode(record)) == "" {
			out[key] = record
		}
	}
	return out
}

// lacks describes the first thing that the plain records hold and a shortcut's do not, empty for
// none. A shortcut's row may hold more fields than the plain one, never fewer.
func lacks(shortcut, plain records) string {
	keys := make([]string, 0, len(plain))
	for key := range plain {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		record, ok := shortcut[key]
		if !ok {
			return "no row " + key
		}
		if at := differs("", decode(record), decode(plain[key])); at != "" {
			return fmt.Sprintf("another %s in row %s", at, key)
		}
	}
	return ""
}

// adds names a row that every one of some reads by a shortcut has and no plain one, empty for none.
func adds(shortcut, plain []records) string {
	for _, key := range slices.Sorted(maps.Keys(shortcut[0])) {
		has := func(r records) bool { _, ok := r[key]; return ok }
		if !slices.ContainsFunc(plain, has) && !slices.ContainsFunc(shortcut, func(r records) bool { return !has(r) }) {
			return "a row more " + key
		}
	}
	return ""
}

func decode(text json.RawMessage) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	_ = d.Decode(&v) // it was built or read as JSON before
	return v
}

// means reports whether two values mean the same. Text that is JSON, as values of properties are,
// may be spelled in several ways.
func means(a, b any) bool {
	x, isText := a.(string)
	y, alsoText := b.(string)
	if !isText || !alsoText || x == y || !json.Valid([]byte(x)) || !json.Valid([]byte(y)) {
		return reflect.DeepEqual(a, b)
	}
	return reflect.DeepEqual(decode(json.RawMessage(x)), decode(json.RawMessage(y)))
}

// differs names the first place where the plain value is not in the shortcut's.
func differs(at string, shortcut, plain any) string {
	object, ok := plain.(map[string]any)
	if !ok {
		if plain == nil || means(shortcut, plain) {
			return ""
		}
		return at
	}
	other, ok := shortcut.(map[string]any)
	if !ok {
		return at
	}
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if slices.Contains(extras, name) {
			continue
		}
		if d := differs(at+"."+name, other[name], object[name]); d != "" {
			return d
		}
	}
	return ""
}
