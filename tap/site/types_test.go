package site

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// found is a result of a search: content of a type.
func found(kind string) string { return `{"content":{"type":"` + kind + `"}}` }

// butTypes is the question for content of other types than these.
func butTypes(kinds ...string) string {
	return `/wiki/rest/api/search?cql=type not in (` + quoted(kinds) + `)&includeArchivedSpaces=true`
}

// TestTypes finds types of custom content: it asks for what it does not know yet, and follows
// next to its end.
func TestTypes(t *testing.T) {
	t.Parallel()
	all, four, one := ownTypes[0], ownTypes[1], ownTypes[2]
	and := func(kinds []string, more ...string) string { return butTypes(slices.Concat(kinds, more)...) }
	const refused, forbidden = `400 {"message":"cql"}`, `403 {"message":"no"}`
	for _, test := range []struct {
		name    string
		answers map[string][]string
		want    []string
		err     client.Kind // KindOther for none
	}{
		{"none", map[string][]string{and(all): {list("")}}, nil, client.KindOther},
		{"one page", map[string][]string{and(all): {list("", found("ac:b:note"), found("ac:a:note"), found("ac:b:note"))}, and(all, "ac:b:note", "ac:a:note"): {list("")}}, []string{"ac:a:note", "ac:b:note"}, client.KindOther},
		{"an answer that is cut", map[string][]string{
			and(all): {list("", found("ac:a:note"))}, and(all, "ac:a:note"): {list("", found("ac:b:note"))}, and(all, "ac:a:note", "ac:b:note"): {list("")},
		}, []string{"ac:a:note", "ac:b:note"}, client.KindOther},
		{"an answer that is cut to nothing", map[string][]string{and(all): {list(""), list("", found("ac:a:note"))}, and(all, "ac:a:note"): {list("")}}, []string{"ac:a:note"}, client.KindOther},
		{"types of Confluence that we don't know", map[string][]string{and(all): {list("", found("slides"), found("ac:a:note"))}, and(all, "slides", "ac:a:note"): {list("")}}, []string{"ac:a:note"}, client.KindOther},
		{
			"more pages: the question gets longer", map[string][]string{
				and(all): {list("x", found("ac:a:1"))}, and(all, "ac:a:1"): {list("y", found("ac:a:2"))}, and(all, "ac:a:1", "ac:a:2"): {list("")},
			}, []string{"ac:a:1", "ac:a:2"}, client.KindOther,
		},
		{
			"pages that show nothing new, or nothing", map[string][]string{
				and(all):                         {list("x", found("ac:a:1"))},
				and(all, "ac:a:1"):               {list("y", found("ac:a:1"))},
				and(all, "ac:a:1") + "&cursor=y": {list("z")},
				and(all, "ac:a:1") + "&cursor=z": {list("w", found("ac:a:2"))},
				and(all, "ac:a:1", "ac:a:2"):     {list("")},
			}, []string{"ac:a:1", "ac:a:2"}, client.KindOther,
		},
		{
			"a longer question is refused: the one before is read to its end", map[string][]string{
				and(all): {list("x", found("ac:a:1"))}, and(all, "ac:a:1"): {refused}, and(all) + "&cursor=x": {list("y", found("ac:a:2"))},
				and(all, "ac:a:2"): {refused}, and(all) + "&cursor=y": {list("", found("ac:a:3"))},
			}, []string{"ac:a:1", "ac:a:2", "ac:a:3"}, client.KindOther,
		},
		{"a simpler question", map[string][]string{and(all): {refused}, and(four): {list("", found("ac:a:1"), found("whiteboard"))}, and(four, "ac:a:1", "whiteboard"): {list("")}}, []string{"ac:a:1"}, client.KindOther},
		{"the simplest", map[string][]string{and(all): {refused}, and(four): {refused}, and(one): {list("", found("ac:a:1"), found("comment"))}, and(one, "ac:a:1", "comment"): {refused}}, []string{"ac:a:1"}, client.KindOther},
		{"refused however simply", map[string][]string{and(all): {refused}, and(four): {refused}, and(one): {refused}}, nil, client.KindBadRequest},
		{"the account may not search", map[string][]string{and(all): {forbidden}}, nil, client.KindForbidden},
		{"the search fails", map[string][]string{and(all): {"500 {}"}}, nil, client.KindServer},
		{"the search fails on a later page", map[string][]string{and(all): {list("x", found("ac:a:1"))}, and(all, "ac:a:1"): {forbidden}}, nil, client.KindForbidden},
		{
			"the search fails after a longer question was refused",
			map[string][]string{and(all): {list("x", found("ac:a:1"))}, and(all, "ac:a:1"): {refused}, and(all) + "&cursor=x": {refused}},
			nil, client.KindBadRequest,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, f, log := opened(t, nil, test.answers)
				for range 2 {
					got, err := s.Types(t.Context(), nil)
					if !slices.Equal(got, test.want) || client.KindOf(err) != test.err || (err == nil) != (test.err == client.KindOther) {
						t.Errorf("found %q, error %v; want %q", got, err, test.want)
					}
					if err != nil && !strings.Contains(err.Error(), "custom_content_types") {
						t.Errorf("the error does not say what to do: %v", err)
					}
				}
				if f.count(butTypes(one[0])[:60]) > len(test.answers) {
					t.Errorf("asked again: %v", f.asked)
				}
				if hints := strings.Contains(log.String(), "set custom_content_types"); hints != (test.want == nil && test.err == client.KindOther) {
					t.Errorf("log %s", log)
				}
			})
		})
	}
}

// TestEarlierTypes adds types that earlier runs found to those of the search, but for what the site
// says that it does not know.
func TestEarlierTypes(t *testing.T) {
	t.Parallel()
	search := butTypes(ownTypes[0]...)
	bare := func(kind string) string { return "/custom-content?type=" + kind }
	for _, test := range []struct {
		name    string
		earlier []string
		answers map[string][]string
		want    []string
	}{
		{"shown by the search: nothing is asked", []string{"ac:b:2"}, map[string][]string{}, []string{"ac:b:2"}},
		{"not shown", []string{"ac:a:1", "ac:b:2"}, map[string][]string{bare("ac:a:1"): {list("")}}, []string{"ac:a:1", "ac:b:2"}},
		{"not known any more", []string{"ac:a:1"}, map[string][]string{bare("ac:a:1"): {`400 {"message":"unknown type"}`}}, []string{"ac:b:2"}},
		{"the site does not say", []string{"ac:a:1"}, map[string][]string{bare("ac:a:1"): {`403 {"message":"no"}`}}, []string{"ac:a:1", "ac:b:2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				test.answers[search] = []string{list("", found("ac:b:2"))}
				test.answers[butTypes(append(slices.Clone(ownTypes[0]), "ac:b:2")...)] = []string{list("")}
				s, _, _ := opened(t, nil, test.answers)
				for range 2 {
					if got, err := s.Types(t.Context(), test.earlier); err != nil || !slices.Equal(got, test.want) {
						t.Errorf("%q, %v, want %q", got, err, test.want)
					}
				}
			})
		})
	}
}

// TestGivenTypes asks for nothing where the settings name the types.
func TestGivenTypes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := opened(t, func(cfg *config.Config) { cfg.CustomContentTypes = []string{"ac:b:2", "ac:a:1"} }, map[string][]string{})
		if got, err := s.Types(t.Context(), []string{"ac:c:3"}); err != nil || !slices.Equal(got, []string{"ac:b:2", "ac:a:1"}) {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestUnknownType takes only the answer to the bare question for a word on the type.
func TestUnknownType(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]struct {
		unknown bool
		err     client.Kind
	}{
		`{"results":[]}`:            {false, client.KindOther},
		`400 {}`:                    {true, client.KindOther},
		`404 {"title":"no ac:a"}`:   {true, client.KindOther},
		`501 {}`:                    {true, client.KindOther},
		`403 {"message":"no"}`:      {false, client.KindForbidden},
		`500 {}`:                    {false, client.KindServer},
		`410 {}`:                    {false, client.KindGone},
		`401 {"message":"expired"}`: {false, client.KindVague}, // the site still knows the account
	} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, _, _ := opened(t, nil, map[string][]string{"/custom-content?type=ac:a": {answer}})
				got, err := s.UnknownType(t.Context(), "ac:a")
				if got != want.unknown || client.KindOf(err) != want.err || (err == nil) != (want.err == client.KindOther) {
					t.Errorf("unknown %v, error %v", got, err)
				}
			})
		})
	}
}

// TestAnswers asks for one row. What concerns the whole site interrupts.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{`{"results":[]}`: true, list("", `{"id":"1"}`): true, "400 {}": false, "500 {}": false} {
		synctest.Test(t, func(t *testing.T) {
			s, f, _ := opened(t, nil, map[string][]string{"/pages?sort=x": {answer}})
			req := client.Request{Path: stream.Path(stream.Pages.Route, ""), Query: [][2]string{{"sort", "x"}}}
			if got, err := s.Answers(t.Context(), req); got != want || err != nil {
				t.Errorf("%s: %v, %v", answer, got, err)
			}
			f.answers[whoami] = []string{"401 {}"}
			_, err := s.Answers(t.Context(), req)
			wantInterruption(t, err, !want, !want)
		})
	}
}
