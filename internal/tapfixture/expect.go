package tapfixture

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/schemas"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// Scope is what a sync with the default settings reads.
func Scope() simconfluence.TruthOptions {
	return simconfluence.TruthOptions{Statuses: []string{stream.Current, stream.Archived}, BodyFormat: "storage"}
}

// Expect returns the records that a stream must give, by key, each as canonical text. They
// are made of the site's truth with the standard library alone, by other means than the
// program's.
func (f *Fixture) Expect(name string, o simconfluence.TruthOptions) map[string]string {
	f.t.Helper()
	records := map[string]string{}
	for row := range f.Site.Truth(name, o) {
		record := Expected(f.t, name, row)
		if hashed(stream.Find(name)) {
			row.Key = []string{fmt.Sprint(record["id"])} // the site has none
		}
		records[strings.Join(row.Key, "/")] = Canonical(f.t, name, record)
	}
	return records
}

// Expected returns the record that a stream must give for one row of the site's truth.
func Expected(t testing.TB, name string, row simconfluence.Row) map[string]any {
	t.Helper()
	fields, err := schemas.Fields(name)
	if err != nil {
		t.Fatal(err)
	}
	return expected(t, stream.Find(name), fields, Decode(t, row.Data), row.Parent)
}

// expected makes the record of one row of a stream's plain route.
func expected(t testing.TB, st *stream.Stream, fields []schemas.Field, row map[string]any, parent string) map[string]any {
	t.Helper()
	record := map[string]any{}
	for _, field := range fields {
		value, given := row[field.Name]
		value = clean(value)
		switch {
		case field.Name == st.ParentField && value == nil && parent != "":
			value = parent
		case hashed(st) && field.Name == "id":
			value = hash(t, st, row)
		case hashed(st) && field.Name == "createdAt":
			ms, err := strconv.ParseInt(fmt.Sprint(row["creationDate"]), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			value = date(t, time.UnixMilli(ms).UTC().Format(time.RFC3339Nano))
		case hashed(st) && field.Name == "creationDate":
			value = json.Number(fmt.Sprint(value))
		case field.Name == "principalType" || field.Name == "principalId":
			if whole, ok := row["principal"].(map[string]any); ok {
				value = whole[field.Name]
			}
			if kind, ok := value.(string); ok && field.Name == "principalType" {
				value = strings.ToLower(kind)
			}
		case field.Name == "modifiedAt":
			version, _ := row["version"].(map[string]any)
			value = date(t, version["createdAt"])
		case field.Name == st.Entity && st.Entity != "":
			whole, _ := value.(map[string]any)
			value = map[string]any{"id": whole["id"], "title": whole["title"]}
		case slices.Contains(st.Text, field.Name):
			value = nil
			if given {
				value = text(t, clean(row[field.Name]))
			}
		case field.Format == "date-time":
			value = date(t, value)
		case field.Name == "properties":
			if object, ok := value.(map[string]any); ok { // second spellings of what is beside them
				delete(object, "inline-marker-ref")
				delete(object, "inline-original-selection")
			}
		}
		record[field.Name] = value
	}
	return record
}

func hashed(st *stream.Stream) bool { return st.Hashed != nil }

// hash is the key of a row without one.
func hash(t testing.TB, st *stream.Stream, row map[string]any) string {
	t.Helper()
	var at func(v any, path []string) any
	at = func(v any, path []string) any {
		switch v := v.(type) {
		case nil:
			return ""
		case []any:
			list := []any{}
			for _, e := range v {
				list = append(list, at(e, path))
			}
			return list
		case map[string]any:
			return at(v[path[0]], path[1:])
		default:
			return fmt.Sprint(v)
		}
	}
	var values []any
	for _, path := range st.Hashed {
		values = append(values, at(row[path[0]], path[1:]))
	}
	data, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

// clean takes U+0000 out of all text. Halves of surrogate pairs became U+FFFD when the row
// was decoded.
func clean(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, "\x00", "")
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = clean(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			out[strings.ReplaceAll(name, "\x00", "")] = clean(value)
		}
		return out
	}
	return v
}

// date rewrites a timestamp as records have it.
func date(t testing.TB, v any) any {
	t.Helper()
	s, ok := v.(string)
	if !ok {
		return nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatalf("the site has a date that is none: %v", err)
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}

// text encodes a value with the names of objects in order.
func text(t testing.TB, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Canonical encodes a record so that equal ones give equal text: names in order, JSON that
// is carried as text included.
func Canonical(t testing.TB, name string, record map[string]any) string {
	t.Helper()
	record = maps.Clone(record)
	for _, field := range stream.Find(name).Text {
		if s, ok := record[field].(string); ok {
			record[field] = text(t, DecodeAny(t, []byte(s)))
		}
	}
	return text(t, record)
}

// CheckRows fails the test where the run's records of streams are not the site's rows,
// field by field. With no names it checks all streams.
func (f *Fixture) CheckRows(r *Result, o simconfluence.TruthOptions, names ...string) {
	f.t.Helper()
	if names == nil {
		names = stream.Names()
	}
	for _, name := range names {
		Compare(f.t, name, r.Canonical(name), f.Expect(name, o))
	}
}

// Compare fails the test where two sets of records differ, and shows the first differences.
func Compare(t testing.TB, name string, got, want map[string]string) {
	t.Helper()
	const most = 3
	var problems []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if record, ok := got[key]; !ok {
			problems = append(problems, fmt.Sprintf("%s: record %s is missing", name, key))
		} else if record != want[key] {
			at := difference(record, want[key])
			problems = append(problems, fmt.Sprintf("%s: record %s differs\n got ...%.300s\nwant ...%.300s", name, key, record[at:], want[key][at:]))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[key]; !ok {
			problems = append(problems, fmt.Sprintf("%s: record %s is one too many", name, key))
		}
	}
	if len(problems) > 0 {
		t.Errorf("%s: %d records, want %d; %d differences\n%s", name, len(got), len(want), len(problems),
			strings.Join(problems[:min(most, len(problems))], "\n"))
	}
}

// difference returns where two texts begin to differ, and some text before.
func difference(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return max(0, n-60)
}
