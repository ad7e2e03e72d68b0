package rawjson

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestRejectsWhatIsNotJSON(t *testing.T) {
	for name, body := range map[string]string{
		"empty":              "",
		"only space":         " \n",
		"only a mark":        bom,
		"two marks":          bom + bom + "{}",
		"html":               "<!DOCTYPE html>\n<html><body>Log in</body></html>",
		"text":               "upstream connect error",
		"trailing bytes":     `{"results":[]}x`,
		"two documents":      `{"results":[]}{"results":[]}`,
		"trailing bracket":   `{"results":[]}}`,
		"trailing zero byte": "{\"results\":[]}\x00",
		"bad trailing space": "{\"results\":[]}\u00a0",
		"unclosed":           `{"results":[]`,
		"wrong bracket":      `{"results":[}}`,
		"wrong bracket deep": `{"results":[{"a":[{]}]}`,
		"comma at the end":   `{"results":[{"a":1,}]}`,
		"comma in a list":    `{"results":[{"a":[1,]}]}`,
		"comma after a row":  `{"results":[{},]}`,
		"only a comma":       `{"results":[,]}`,
		"no comma":           `{"results":[{"a":1 "b":2}]}`,
		"no colon":           `{"results":[{"a" 1}]}`,
		"no value":           `{"results":[{"a":}]}`,
		"name is a number":   `{"results":[{1:1}]}`,
		"name unquoted":      `{"results":[{a:1}]}`,
		"single quotes":      `{"results":[{'a':1}]}`,
		"comment":            `{"results":[/**/]}`,
		"invalid UTF-8":      "{\"results\":[{\"a\":\"\xff\"}]}",
		"overlong":           "{\"results\":[{\"a\":\"\xc0\xaf\"}]}",
		"overlong of three":  "{\"results\":[{\"a\":\"\xe0\x80\xaf\"}]}",
		"raw surrogate":      "{\"results\":[{\"a\":\"\xed\xa0\x80\"}]}",
		"beyond Unicode":     "{\"results\":[{\"a\":\"\xf4\x90\x80\x80\"}]}",
		"cut character":      "{\"results\":[{\"a\":\"\xe2\x80\"}]}",
		"lone continuation":  "{\"results\":[{\"a\":\"abc\x80def\"}]}",
		"invalid in a name":  "{\"results\":[{\"\xff\":1}]}",
		"invalid outside":    "{\"results\":\xff[]}",
		"line feed":          "{\"results\":[{\"a\":\"x\ny\"}]}",
		"line feed escaped":  "{\"results\":[{\"a\":\"x\\\ny\"}]}",
		"tab far inside":     "{\"results\":[{\"a\":\"0123456789abcdef\t\"}]}",
		"zero byte":          "{\"results\":[{\"a\":\"\x00\"}]}",
		"control in a name":  "{\"results\":[{\"a\x1f\":1}]}",
		"escape x":           `{"results":[{"a":"\x41"}]}`,
		"escape U":           `{"results":[{"a":"\U0041"}]}`,
		"short escape":       `{"results":[{"a":"\u12"}]}`,
		"bad digit":          `{"results":[{"a":"\u12g4"}]}`,
		"digit like":         `{"results":[{"a":"\u12` + "\x10" + `4"}]}`,
		"half a pair":        `{"results":[{"a":"\ud83d\u12"}]}`,
		"leading zero":       `{"results":[{"a":01}]}`,
		"leading zeros":      `{"results":[{"a":-00}]}`,
		"plus":               `{"results":[{"a":+1}]}`,
		"point first":        `{"results":[{"a":.5}]}`,
		"point last":         `{"results":[{"a":5.}]}`,
		"minus":              `{"results":[{"a":-}]}`,
		"minus word":         `{"results":[{"a":-Infinity}]}`,
		"exponent":           `{"results":[{"a":1e}]}`,
		"exponent sign":      `{"results":[{"a":1e+}]}`,
		"hex":                `{"results":[{"a":0x10}]}`,
		"not a number":       `{"results":[{"a":NaN}]}`,
		"capital":            `{"results":[{"a":True}]}`,
		"half a word":        `{"results":[{"a":nul}]}`,
		"too long a word":    `{"results":[{"a":nulll}]}`,
		"broken after shape": `{"results":null,"x":}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParsePage([]byte(body))
			checkSyntaxError(t, err, []byte(body))
			_, err = ParseObject([]byte(body))
			checkSyntaxError(t, err, []byte(body))
		})
	}
}

func TestRejectsEveryTruncation(t *testing.T) {
	for _, body := range []string{
		strings.TrimSpace(seeds()[0]),
		"{\"results\":[{\"a\":[-1.5e+10,true,false,null,\"\\ud83d\\ude00\u2028\"],\"b\":{}}]}",
	} {
		for end := range len(body) {
			_, err := ParsePage([]byte(body[:end]))
			checkSyntaxError(t, err, []byte(body[:end]))
			_, err = ParseObject([]byte(body[:end]))
			checkSyntaxError(t, err, []byte(body[:end]))
		}
	}
}

func TestRejectsAnotherShape(t *testing.T) {
	for name, tc := range map[string]struct{ body, problem string }{
		"list":              {`[{"id":"1"}]`, "a list instead of an object: `[{\"id\":\"1\"}]`"},
		"string":            {`"x"`, "a string instead of an object: `\"x\"`"},
		"null":              {`null`, "null instead of an object: `null`"},
		"no results":        {`{"message":"gone"}`, "no \"results\" in `{\"message\":\"gone\"}`"},
		"other case":        {`{"Results":[]}`, "no \"results\" in `{\"Results\":[]}`"},
		"results deeper":    {`{"a":{"results":[]}}`, "no \"results\" in `{\"a\":{\"results\":[]}}`"},
		"results null":      {`{"results":null}`, `"results" is null, not a list`},
		"results object":    {`{"results":{}}`, `"results" is an object, not a list`},
		"results false":     {`{"results":false}`, `"results" is a boolean, not a list`},
		"row null":          {`{"results":[{},null]}`, `element 2 of "results" is null, not an object`},
		"row number":        {`{"results":[7,{}]}`, `element 1 of "results" is a number, not an object`},
		"row list":          {`{"results":[[]]}`, `element 1 of "results" is a list, not an object`},
		"last results null": {`{"results":[{}],"results":null}`, `"results" is null, not a list`},
		"dirty":             {`{ "results" : [ null ] }`, `element 1 of "results" is null, not an object`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParsePage([]byte(tc.body))
			checkShapeError(t, err, []byte(tc.body))
			if want := "unexpected JSON: " + tc.problem; err.Error() != want {
				t.Errorf("error %q, want %q", err, want)
			}
			_, err = ParseObject([]byte(tc.body))
			if tc.body[0] != '{' {
				checkShapeError(t, err, []byte(tc.body))
			} else if err != nil {
				t.Errorf("as an object: %v", err)
			}
		})
	}
}

func TestErrorsSayWhatIsWrong(t *testing.T) {
	long := strings.Repeat("y", 50)
	for _, tc := range []struct{ body, want string }{
		{"", "not valid JSON: it is empty (byte 0)"},
		{"\n<html>\t<p>\x1b[31m", "not valid JSON: it is HTML or XML: `<html> <p>.[31m` (byte 1)"},
		{`{"a":` + long, "not valid JSON: expected a value, found `" + long[:40] + "...` (byte 5)"},
		{bom + `{"a":1]`, "not valid JSON: expected ',' or '}', found `]` (byte 9)"},
		{`{"a":[1}`, "not valid JSON: expected ',' or ']', found `}` (byte 7)"},
		{`{"a":"x`, "not valid JSON: ends inside of a string (byte 7)"},
		{`{"a"`, "not valid JSON: ends where ':' should follow (byte 4)"},
		{`{"a":tru`, "not valid JSON: ends where a value should follow (byte 8)"},
		{"{\"a\":\"\x07\"}", "not valid JSON: control character U+0007 in a string (byte 6)"},
		{"{\"a\":\"\xff\"}", "not valid JSON: invalid UTF-8 (byte 6)"},
		{`{"a":"\q"}`, "not valid JSON: unknown escape `\\q\"}` (byte 6)"},
		{`{"a":"\u00zz"}`, "not valid JSON: bad escape `\\u00zz` (byte 6)"},
		{"{} x\u2028\u202e", "not valid JSON: more follows the document: `x..` (byte 3)"},
		{strings.Repeat(`{"a":`, 10_001), "not valid JSON: nested deeper than 10,000 levels (byte 50000)"},
	} {
		_, err := ParseObject([]byte(tc.body))
		if err == nil || err.Error() != tc.want {
			t.Errorf("%.60q:\n got %v\nwant %s", tc.body, err, tc.want)
		}
	}
}

func TestAcceptsWhatTheJudgeAccepts(t *testing.T) {
	many := make([]string, 200)
	for i := range many {
		many[i] = fmt.Sprintf(`"field%d":%d`, i%150, i)
	}
	for _, body := range append(seeds(),
		`{}`, ` { } `, "\r\n\t {\"results\" : [ ] }\r\n",
		`{"results":[{"n":1e999,"m":-0,"i":9007199254740993,"j":0.10,"k":1E+5,"l":-1.5e-7}]}`,
		`{"results":[{"":1,"a":{"":{}},"":2}]}`,
		`{"results":[{`+strings.Join(many, ",")+`}]}`,
		`{"results":[{`+strings.Join(many[:150], ",")+`}]}`,
		`{"results":[{`+strings.Join(many[:60], ",")+`,"\u0066ield3":"x"}]}`,
		`{"results":[{"a":"\ud800","b":"\udc00\ud800","c":"\ud83d\ude00","d":"\ud83d\ud83d\ude00","e":"\ufffd","f":"\\u0000"}]}`,
		`{"results":[{"a":"\ud83d\u0000\ude00","b\u0000":1,"b":2,"c":{"x":1,"x\u0000":2}}]}`,
		"{\"results\u2028\":1,\"results\":[{\"\u0085\":\"\u0084\u0085\u0086\u2027\u2028\u2029\u202a\"}]}",
		`{"results\u0000":[{"a":1}]}`,
		"{\"results\":[{\"del\":\"\x7f\u0080\u009f\u00a0\u00ff\u07ff\u0800\u0fff\ud7ff\ue000\uffff\U00010000\U0010ffff\"}]}",
		string(listing(3, 100, storage)), string(listing(3, 100, cyrillic)),
	) {
		checkAgainstJudge(t, []byte(body), true)
		checkAgainstJudge(t, []byte(body), false)
	}
}

// Every kind of mistake and of rewriting must be seen at each place of the eight bytes that
// are looked at together, and near a string's end.
func TestStringsAtEveryAlignment(t *testing.T) {
	for _, what := range []string{
		`\"`, `\\`, `\n`, `\u0041`, `\u0000`, `\ud800`, `\ud83d\ude00`, `\u2028`, `\x`, `\u00`, "\x01", "\x1f", "\x00", "\n",
		" ", "!", "\x7f", "é", "\u0085", "\u0086", "\u2028", "\u2029", "漢", "😀", "\xff", "\x80", "\xc3", "\xe2\x80", "\xf0\x9f\x98",
	} {
		for before := range 18 {
			for after := range 10 {
				text := strings.Repeat("a", before) + what + strings.Repeat("z", after)
				checkAgainstJudge(t, []byte(`{"results":[{"k":"`+text+`"}]}`), true)
				checkAgainstJudge(t, []byte(`{"`+text+`":1}`), false)
			}
		}
	}
}

func TestNesting(t *testing.T) {
	nested := func(left, right string, n int) string {
		return `{"results":[{"a":` + strings.Repeat(left, n) + `1` + strings.Repeat(right, n) + `}]}`
	}
	for _, tc := range []struct {
		left, right string
		levels      int
	}{
		{"[", "]", 1}, {`{"a":`, "}", 1}, {`[{"a":`, "}]", 2}, {`{"a":1,"b":[[`, "]]}", 3}, {`[[],`, `,{}]`, 1},
	} {
		for _, n := range []int{1, 61, 62, 63, 64, 65, 127, 128, 129, 200} {
			checkAgainstJudge(t, []byte(nested(tc.left, tc.right, n)), true)
			// One bracket wrong, at the innermost and the outermost place.
			body := nested(tc.left, tc.right, n)
			for _, i := range []int{strings.LastIndex(body, "1") + 1, len(body) - 4} {
				wrong := []byte(body)
				wrong[i] ^= '}' ^ ']'
				_, err := ParsePage(wrong)
				checkSyntaxError(t, err, wrong)
			}
		}
		most := (maxDepth - 3) / tc.levels // below the document, results and the row
		if strings.Contains(tc.left, "[]") {
			most-- // the empty list is a level, too
		}
		if _, err := ParsePage([]byte(nested(tc.left, tc.right, most))); err != nil {
			t.Errorf("%d levels: %v", maxDepth, err)
		}
		_, err := ParsePage([]byte(nested(tc.left, tc.right, most+1)))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(syntax.Problem, "nested deeper than 10,000") {
			t.Errorf("more than %d levels: %v", maxDepth, err)
		}
	}
}

func TestTooLong(t *testing.T) {
	_, err := ParseObject(make([]byte, maxSize+1)) // never touched, so it takes no memory
	if want := "not valid JSON: longer than 512 MiB (byte 536870912)"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestRowsAreSlicesOfTheBody(t *testing.T) {
	body := []byte(`{"results":[{"id":"1","v":9007199254740993},{"id":"2","id":"3"}],"_links":{"next":"/x"}}`)
	page, err := ParsePage(body)
	if err != nil {
		t.Fatal(err)
	}
	id := page.Rows[0].Get("id")
	if at := strings.Index(string(body), `"1"`); &id[0] != &body[at] || cap(id) != len(id) {
		t.Error("the value is a copy, or can be appended to in place")
	}
	if got := string(page.Rows[0].Get("v")); got != "9007199254740993" {
		t.Errorf("number %s", got)
	}
	if got := string(page.Rows[1].Raw()); got != `{"id":"2","id":"3"}` {
		t.Errorf("raw row %s", got)
	}
	if got, _ := page.Rows[1].Get("id").Text(); got != "3" || page.Rows[1].Len() != 1 {
		t.Errorf("repeated member: %s, %d members", got, page.Rows[1].Len())
	}
	if got := page.Rows[0].Get("ID"); got != nil {
		t.Errorf("absent member: %s", got)
	}
	links, _ := page.Top.Get("_links").Object()
	if next, ok := links.Get("next").Text(); !ok || next != "/x" {
		t.Errorf("next %q, %v", next, ok)
	}
	if page.Top.Len() != 1 {
		t.Errorf("%d members at the top, want the links alone", page.Top.Len())
	}
}

func TestAsText(t *testing.T) {
	for value, want := range map[string]string{
		`"7"`: "7", `7`: "7", `-7`: "-7", `9007199254740993`: "9007199254740993", `"\u0041"`: "A",
		``: "", `null`: "", `true`: "", `{"a":1}`: "", `[7]`: "",
	} {
		if got := Value(value).AsText(); got != want {
			t.Errorf("%s is %q, want %q", value, got, want)
		}
	}
}

func TestCleaning(t *testing.T) {
	for _, tc := range []struct{ body, want string }{
		{"\n{ \"a\" :\t[ 1 , { } ] }\n", `{"a":[1,{}]}`},
		{`{"a":"\ud800x\u0000\udc00\u0000"}`, "{\"a\":\"\uFFFDx\uFFFD\"}"},
		{"{\"a\":\"\u0085\u2028\u2029 \\u2028\"}", `{"a":"\u0085\u2028\u2029 \u2028"}`},
		{`{"\u0000":"\\u0000"}`, `{"":"\\u0000"}`},
		{`{"a":"\u0000 \" \/ \\ \ud83d\ude00 ü 😀"}`, `{"a":" \" \/ \\ \ud83d\ude00 ü 😀"}`},
	} {
		o, err := ParseObject([]byte(tc.body))
		if err != nil || string(o.Raw()) != tc.want {
			t.Errorf("%q: %s, %v; want %s", tc.body, o.Raw(), err, tc.want)
		}
	}
}

// Space around a document is no reason to copy it.
func TestSpaceAroundIsLeftAlone(t *testing.T) {
	body := []byte("\r\n {\"a\":1}\n")
	o, err := ParseObject(body)
	if err != nil || string(o.Raw()) != `{"a":1}` || &o.Raw()[0] != &body[3] {
		t.Errorf("%q, %v", o.Raw(), err)
	}
}

func TestZeroValues(t *testing.T) {
	var o Object
	if o.Len() != 0 || o.Raw() != nil || o.Get("a") != nil {
		t.Error("the zero Object has something")
	}
	for name := range o.Fields() {
		t.Errorf("the zero Object has a member %q", name)
	}
	var v Value
	_, isText := v.Text()
	_, isObject := v.Object()
	if !v.IsNull() || isText || isObject || slices.Collect(v.Elements()) != nil {
		t.Error("the absent value is something")
	}
	if got := string(AppendQuoted([]byte("x:"), nil)); got != "x:null" {
		t.Errorf("absent value quoted: %s", got)
	}
	if got := string(AppendQuoted(nil, Value("null"))); got != `"null"` {
		t.Errorf("null quoted: %s", got)
	}
}

func TestAppendString(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"", `""`},
		{"<p class=\"x\">a/b & c</p>", `"<p class=\"x\">a/b & c</p>"`},
		{"\b\f\n\r\t\x01\x1f\x7f\\", `"\b\f\n\r\t\u0001\u001f` + "\x7f" + `\\"`},
		{"a\x00b", `"ab"`},
		{"é\u0085\u2028\u2029漢😀", `"é\u0085\u2028\u2029漢😀"`},
		{"a\xffb\xed\xa0\x80", "\"a\uFFFDb\uFFFD\uFFFD\uFFFD\""},
	} {
		if got := string(AppendString([]byte("x:"), tc.text)); got != "x:"+tc.want {
			t.Errorf("%q: %s, want %s", tc.text, got, tc.want)
		}
	}
	got := string(AppendQuoted(nil, Value(`{"a":"\n\"\\","b":[1]}`)))
	if want := `"{\"a\":\"\\n\\\"\\\\\",\"b\":[1]}"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestObjects indexes lists of objects, and nothing else.
func TestObjects(t *testing.T) {
	for _, test := range []struct {
		text, want string // the ids
		ok         bool
	}{
		{`[]`, "", true},
		{`[{"id":1}]`, "1", true},
		{`[{"id":1,"x":[{"id":7}]},{"id":2},{},{"id":3,"id":4}]`, "1 2  4", true},
		{`[{"id":1},7]`, "", false},
		{`[null]`, "", false},
		{`{"id":1}`, "", false},
		{`null`, "", false},
		{``, "", false},
		{`[{"id":1}`, "", false},
		{`[{"id":1}]x`, "", false},
	} {
		rows, ok := Value(test.text).Objects()
		ids := make([]string, len(rows))
		for i, row := range rows {
			ids[i] = string(row.Get("id"))
		}
		if got := strings.Join(ids, " "); got != test.want || ok != test.ok {
			t.Errorf("%s: %q, %v", test.text, got, ok)
		}
	}
}

func TestHandMadeValuesAreChecked(t *testing.T) {
	for _, v := range []Value{
		Value(`"a"b`), Value(`"a`), Value(`"`), Value(`"\x"`), Value(`{"a":1`), Value(`{"a":1}x`), Value(`{]`), Value(` {}`), Value(`12`),
	} {
		if text, ok := v.Text(); ok {
			t.Errorf("%s: text %q", v, text)
		}
		if o, ok := v.Object(); ok {
			t.Errorf("%s: object %s", v, o.Raw())
		}
	}
	if got := slices.Collect(Value(`[1,{"a":]`).Elements()); len(got) != 1 || string(got[0]) != "1" {
		t.Errorf("elements %s", got)
	}
	if got := slices.Collect(Value(`[1 2]`).Elements()); len(got) != 1 || string(got[0]) != "1" {
		t.Errorf("elements %s", got)
	}
}

func TestIterationStops(t *testing.T) {
	o, err := ParseObject([]byte(`{"a":[1,2,3],"b":2}`))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range o.Fields() {
		n++
		break
	}
	for range o.Get("a").Elements() {
		n++
		break
	}
	if n != 2 {
		t.Errorf("%d rounds, want 2", n)
	}
}

func TestAllocations(t *testing.T) {
	body := listing(250, 2000, storage)
	allocs := testing.AllocsPerRun(20, func() {
		if _, err := ParsePage(body); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 20 {
		t.Errorf("%v allocations for a page", allocs)
	}
}
