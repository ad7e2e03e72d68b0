package client

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
)

func TestNextCursor(t *testing.T) {
	const path = "/wiki/api/v2/pages?"
	body := func(next string) string { return `{"results":[],"_links":{"next":` + next + `,"base":"b"}}` }
	tests := []struct {
		name, body string
		links      []string
		want       string
		err        error
	}{
		{name: "last page", body: `{"results":[],"_links":{"base":"b"}}`},
		{name: "no links at all", body: `{"results":[]}`},
		{name: "null", body: body(`null`)},
		{name: "empty", body: body(`""`)},
		{name: "links not an object", body: `{"results":[],"_links":"x"}`},
		{name: "padding unescaped", body: body(`"` + path + `limit=2&cursor=eyJpZCI6MX0="`), want: "eyJpZCI6MX0="},
		{name: "padding escaped", body: body(`"` + path + `cursor=eyJpZCI6MX0%3D&limit=2"`), want: "eyJpZCI6MX0="},
		{name: "not last", body: body(`"` + path + `cursor=YWI==&limit=2&body-format=storage"`), want: "YWI=="},
		{name: "plus and slash unescaped", body: body(`"` + path + `cursor=a+b/c"`), want: "a+b/c"},
		{name: "plus and slash escaped", body: body(`"` + path + `cursor=a%2Bb%2Fc"`), want: "a+b/c"},
		{name: "escaped in JSON", body: body(`"\/wiki\/api\/v2\/pages?limit=2\u0026cursor=abc"`), want: "abc"},
		{name: "another host", body: body(`"https://u:p@evil.example/x?cursor=abc#y"`), want: "abc"},
		{name: "other names with cursor", body: body(`"` + path + `xcursor=1&cursor=2"`), want: "2"},
		{name: "without cursor", body: body(`"` + path + `limit=2"`), err: errNextNoCursor},
		{name: "without query", body: body(`"/wiki/api/v2/pages"`), err: errNextNoCursor},
		{name: "cursor empty", body: body(`"` + path + `cursor=&limit=1"`), err: errNextNoCursor},
		{name: "cursor badly escaped", body: body(`"` + path + `cursor=%zz"`), err: errNextNoCursor},
		{name: "cursor in the fragment", body: body(`"/wiki#?cursor=a"`), err: errNextNoCursor},
		{name: "a number", body: body(`7`), err: errNextNotText},
		{name: "100 kB", body: body(`"` + path + `cursor=` + strings.Repeat("a", 100<<10) + `"`), err: errNextTooLong},
		{name: "header", body: `{"results":[]}`, links: []string{`</wiki/api/v2/pages?cursor=abc%3D>; rel="next", <https://acme.example/wiki>; rel="base"`}, want: "abc="},
		{name: "header with base alone", body: `{"results":[]}`, links: []string{`<https://acme.example/wiki>; rel="base"`}},
		{name: "deprecation first", body: `{"results":[]}`, links: []string{`<https://dev.example/#C-1>; rel="deprecation", </x?cursor=q>; rel="next"`}, want: "q"},
		{name: "several headers", body: `{"results":[]}`, links: []string{`<b>; rel="base"`, `</x?cursor=q>; rel=next`}, want: "q"},
		{name: "body before header", body: body(`"/x?cursor=body"`), links: []string{`</x?cursor=header>; rel="next"`}, want: "body"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			page, err := rawjson.ParsePage([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			got, err := nextCursor(page.Top, http.Header{"Link": tt.links})
			if got != tt.want || !errors.Is(err, tt.err) || err != nil && KindOf(err) != KindMalformed {
				t.Errorf("got %q, %v; want %q, %v", got, err, tt.want, tt.err)
			}
			if err != nil && strings.Contains(err.Error(), "evil") {
				t.Errorf("the error repeats the link: %v", err)
			}
		})
	}
}

func TestLinkNext(t *testing.T) {
	for header, want := range map[string]string{
		`</a>; rel=next`:                       "/a",
		`</a>; rel="prev next"`:                "/a",
		`</a>;rel="NEXT"`:                      "/a",
		`</a>; title="x, <y>; rel=next"`:       "",
		`</a>; title="q\"; rel=next"; rel=up`:  "",
		`</a,b;c>; rel="next"`:                 "/a,b;c",
		`</a>; rel=up; rel=next`:               "", // only the first rel counts
		`</a>; rel=up, </b>; x; rel = "next" `: "/b",
		`</a>; rel`:                            "",
		`</a`:                                  "",
		`</a>,,</b>; rel=next`:                 "/b",
		``:                                     "",
	} {
		if got := linkNext([]string{header}); got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
}

// FuzzNext: no link makes a parser fail, and what it gives is part of the link.
func FuzzNext(f *testing.F) {
	f.Add(`</wiki/api/v2/spaces?limit=2&cursor=eyJpZCI6OX0=>; rel="next", <https://acme.example/wiki>; rel="base"`)
	f.Add(`<a>; rel="ne\xt";;=,<b`)
	f.Add(`https://x.example/?cursor=%2B&cursor=2#f`)
	f.Fuzz(func(t *testing.T, s string) {
		if target := linkNext([]string{s}); !strings.Contains(s, target) {
			t.Errorf("target %q is not in the header", target)
		}
		if cursor, err := cursorOf(s); (err == nil) != (cursor != "") || len(cursor) > len(s) {
			t.Errorf("cursor %q, %v", cursor, err)
		}
	})
}
