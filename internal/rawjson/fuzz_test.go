package rawjson

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// seeds are answers like those of the API, and the corners of JSON.
func seeds() []string {
	return append([]string{
		`{"results":[{"id":"7001","status":"current","title":"Stand-up","spaceId":"33","parentId":null,"position":12,` +
			`"version":{"number":3,"message":"","minorEdit":false,"createdAt":"2026-02-03T10:11:12.345Z"},` +
			`"body":{"storage":{"representation":"storage","value":"<p class=\"x\">caf\u00e9\n<\/p>"}},"_links":{"webui":"/x"}},` +
			`{"id":"7002","title":"Grüße 漢字 😀","version":{"number":1}}],"_links":{"next":"/wiki/api/v2/pages?cursor=abc"}}`,
		"{\n  \"results\": [\n    {\"id\": \"1\", \"name\": \"team\"}\n  ],\n  \"start\": 0, \"size\": 1\n}\n",
		`{"id":"5","key":"tags","value":{"a":[1,2.5,-0,1e999,123456789012345678901234567890],"b":null,"c":[true,false]}}`,
		`{"results":[],"_links":{}}`,
		`{"errors":[{"status":400,"code":"INVALID_REQUEST_PARAMETER","title":"bad cursor","detail":null}]}`,
		`<!DOCTYPE html><html><body>Log in</body></html>`,
		"{\"results\":[{\"a\u2028\":\"\u0085x\u2029\",\"\\u0000b\":\"\\ud800\\u0000\\udc00\\ud83d\\ude00\"}]}",
		`{"results":null,"results":[{"a":1,"\u0061":2,"b":3,"":[[],{}]}],"r\u0065sults":[{"x":[{"y":{}}]}]}`,
		bom + `{"results":[{"k\"\\\/\b\f\n\r\t":""}]} `,
		"{\"results\":[{\"a\":\"\xff\"}]}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"tab\there\"}", `{"a":01}`, `{"a":NaN}`, `[1]`, ` `,
		`{"results":[1]}`, `{"results":{}}`,
	}, strings.Repeat(`{"results":[`, 40)+strings.Repeat(`]}`, 40))
}

func FuzzParsePage(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) { checkAgainstJudge(t, body, true) })
}

func FuzzParseObject(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) { checkAgainstJudge(t, body, false) })
}

func FuzzAppendString(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	f.Add("\x00\x01\x1f\x7f\u0080\u0085 \"\\ \xff\xed\xa0\x80 \u2027\u2028\u2029\u202a")
	f.Fuzz(func(t *testing.T, s string) {
		want := without0(string([]rune(s))) // each byte that is not UTF-8 becomes U+FFFD
		quoted := AppendString([]byte("x"), s)
		if quoted[0] != 'x' {
			t.Fatalf("what was there became %q", quoted)
		}
		checkValue(t, Value(quoted[1:]), want)
		if again := AppendQuoted([]byte("x"), Value(s)); s != "" && !bytes.Equal(again, quoted) {
			t.Fatalf("AppendQuoted %q, AppendString %q", again, quoted)
		}
		// Hand-made values are never trusted.
		v := Value(s)
		if text, ok := v.Text(); ok && !json.Valid(v) {
			t.Fatalf("Text of %q: %q", s, text)
		}
		if o, ok := v.Object(); ok && !json.Valid(v) {
			t.Fatalf("Object of %q: %q", s, o.Raw())
		}
		for e := range v.Elements() {
			if !json.Valid(e) {
				t.Fatalf("element of %q: %q", s, e)
			}
		}
	})
}
