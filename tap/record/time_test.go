package record_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/internal/timestamp"
	"github.com/tap-confluence/tap-confluence/tap/record"
)

// FuzzTime puts any JSON into a date's place: the record has the date in the one layout, or
// null and a warning, whichever of the ways of reading it was taken.
func FuzzTime(f *testing.F) {
	for _, v := range []string{
		`"2026-02-03T10:11:12.345Z"`, `"2026-02-03T10:11:12Z"`, `"2026-02-31T10:11:12.345Z"`, `"2026-02-03T10:11:60.345Z"`, `"0000-01-01T00:00:00.000Z"`,
		`"9999-12-31T23:59:59-23:59"`, `"\u0032026-02-03"`, `1770113472345`, `-62135596800001`, `253402300800000`, `1e12`, `null`, `{"a":[]}`, `"soon"`,
	} {
		f.Add([]byte(v))
	}
	var warnings int
	b, err := record.New(whole(f, "spaces"), false, func(_ string, args ...any) {
		if len(args) == 2 && args[1] == "createdAt" {
			warnings++
		}
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, v []byte) {
		row, err := rawjson.ParseObject([]byte(`{"id":"1","createdAt":` + string(v) + `}`))
		if err != nil {
			return
		}
		warnings = 0
		text, err := b.Append(nil, row, record.Source{})
		if err != nil {
			return // the value closed the object and named another id
		}
		var got struct {
			CreatedAt *string `json:"createdAt"`
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v in %s", v, err, text)
		}
		want, ok := expected(row.Get("createdAt"))
		switch null := row.Get("createdAt").IsNull(); {
		case !ok && (got.CreatedAt != nil || (warnings == 1) == null):
			t.Errorf("%s: %s with %d warnings, want null", v, text, warnings)
		case ok && (got.CreatedAt == nil || *got.CreatedAt != want || warnings != 0):
			t.Errorf("%s: %s with %d warnings, want %s", v, text, warnings, want)
		}
	})
}

// expected reads a date the plain way.
func expected(v rawjson.Value) (string, bool) {
	text, ok := v.Text()
	if at, err := timestamp.Parse(text); ok && err == nil {
		return timestamp.Format(at), true
	}
	if ok && strings.Trim(text, "0123456789") != "" { // not even a number of milliseconds, in quotes
		return "", false
	}
	if !ok {
		text = string(v)
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	at := time.UnixMilli(ms)
	return timestamp.Format(at), err == nil && timestamp.Fits(at)
}
