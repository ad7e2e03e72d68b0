package site

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

const spacesRoute = "/spaces?description-format=plain&include-icon=true&keys="

// TestSpaces looks up the spaces of the settings.
func TestSpaces(t *testing.T) {
	t.Parallel()
	var many []string
	for range 251 {
		many = append(many, "K"+strings.Repeat("x", len(many)))
	}
	for _, test := range []struct {
		name             string
		include, exclude []string
		answers          map[string][]string
		want             Spaces
		problem, warning string
	}{
		{name: "all"},
		{
			name: "some, in order of their ids", include: []string{"A", "B", "old"},
			answers: map[string][]string{spacesRoute + "A,B,old": {list("x", `{"id":"20","key":"B"}`, `{"id":"9","key":"a"}`), list("")}, spacesRoute + "A,B,old&cursor=x": {list("", `{"id":"100","key":"C","currentActiveAlias":"old"}`)}},
			want:    Spaces{Included: []string{"9", "20", "100"}},
		},
		{
			name: "a site that ignores the keys", include: []string{"A"}, answers: map[string][]string{spacesRoute + "A": {list("", `{"id":"1","key":"A"}`, `{"id":"2","key":"B"}`)}},
			want: Spaces{Included: []string{"1"}},
		},
		{
			name: "one that the site does not show", include: []string{"A", "B"}, answers: map[string][]string{spacesRoute + "A,B": {list("", `{"id":"1","key":"A"}`)}},
			problem: "space_keys: the site does not show B: check the keys",
		},
		{
			name: "excluded", exclude: []string{"A", "B"}, answers: map[string][]string{spacesRoute + "A,B": {list("", `{"id":"1","key":"A"}`)}},
			want: Spaces{Excluded: []string{"1"}, Hidden: []string{"B"}}, warning: "key=B",
		},
		{
			name: "more than a request takes", exclude: many,
			answers: map[string][]string{spacesRoute + strings.Join(many[:250], ","): {list("", `{"id":"2","key":"`+many[0]+`"}`)}, spacesRoute + many[250]: {list("", `{"id":"1","key":"`+many[250]+`"}`)}},
			want:    Spaces{Excluded: []string{"1", "2"}, Hidden: many[1:250]}, warning: "key=" + many[1],
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if test.answers == nil {
					test.answers = map[string][]string{}
				}
				s, _, log := opened(t, func(cfg *config.Config) { cfg.SpaceKeys, cfg.ExcludeSpaceKeys = test.include, test.exclude }, test.answers)
				got, err := s.Spaces(t.Context())
				if test.problem != "" {
					if e, ok := errors.AsType[*config.Error](err); !ok || !strings.Contains(e.Error(), test.problem) {
						t.Errorf("error %v", err)
					}
					return
				}
				if err != nil || !reflect.DeepEqual(got, test.want) {
					t.Errorf("%+v, error %v; want %+v", got, err, test.want)
				}
				if !strings.Contains(log.String(), test.warning) || test.warning == "" && log.Len() > 0 {
					t.Errorf("log %s", log)
				}
			})
		})
	}
}

// TestHas decides by number, whatever the order of the text.
func TestHas(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		spaces Spaces
		inside []string
	}{
		{Spaces{}, []string{"1", "2", "10", "x"}},
		{Spaces{Included: []string{"2", "10"}}, []string{"2", "10"}},
		{Spaces{Excluded: []string{"2", "10"}}, []string{"1", "x"}},
		{Spaces{Included: []string{"1", "2"}, Excluded: []string{"2"}}, []string{"1"}},
		{Spaces{Included: []string{}}, nil},
		{Spaces{Excluded: []string{"2"}, Hidden: []string{"B"}}, []string{"1", "10", "x"}},
	} {
		for _, id := range []string{"1", "2", "10", "x"} {
			if got := test.spaces.Has(id); got != slices.Contains(test.inside, id) {
				t.Errorf("%+v has %s: %v", test.spaces, id, got)
			}
		}
		if narrowed := len(test.inside) < 4; test.spaces.Narrowed() != narrowed {
			t.Errorf("%+v: narrowed %v", test.spaces, !narrowed)
		}
	}
}

// TestCompareIDs orders by number, of any length.
func TestCompareIDs(t *testing.T) {
	t.Parallel()
	ordered := []string{"1", "2", "9", "10", "99999999999999999998", "99999999999999999999"}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := CompareIDs(a, b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%s, %s: %d", a, b, got)
			}
		}
	}
	if CompareIDs("007", "7") != 0 {
		t.Error("zeros in front count")
	}
}

// search is the question how many items a search finds.
func search(cql string) string {
	return "/wiki/rest/api/search?cql=" + cql + "&includeArchivedSpaces=true"
}

// TestSurvey asks what a plan has to know, and leaves unknown what the site refuses.
func TestSurvey(t *testing.T) {
	t.Parallel()
	const (
		inA, forbidden = ` and space in ("A")`, `403 {"message":"no"}`
	)
	byLabel := Question{ByLabel: []*stream.Listing{stream.Pages}}
	byOwner := Question{ByOwner: []*stream.Listing{stream.FooterComments}}
	counts := func(more map[string][]string) map[string][]string {
		answers := map[string][]string{
			spacesRoute + "A":         {list("", `{"id":"7","key":"A"}`)},
			search("type=page" + inA): {`{"totalSize":3,"archivedResultCount":1}`}, search("type=blogpost" + inA): {`{"totalSize":2}`},
			search("type=comment" + inA): {`{"totalSize":6}`}, search("type=comment"): {`{"totalSize":6000}`},
		}
		maps.Copy(answers, more)
		return answers
	}
	for _, test := range []struct {
		name     string
		question Question
		space    bool // one space is chosen
		pays     bool
		answers  map[string][]string
		want     Facts
	}{
		{name: "nothing", answers: map[string][]string{}},
		{name: "types", question: Question{Types: true}, answers: map[string][]string{butTypes(ownTypes[0]...): {list("", found("ac:a"))}, butTypes(append(slices.Clone(ownTypes[0]), "ac:a")...): {list("")}}, want: Facts{Types: []string{"ac:a"}}},
		{
			name: "labels and pages", question: byLabel, answers: map[string][]string{search("type=page"): {`{"totalSize":30,"archivedResultCount":4}`}, "/labels": {list("x", `{}`, `{}`)}, "/labels?cursor=x": {list("", `{}`)}},
			want: Facts{Labels: 3, Parents: map[*stream.Listing]int{stream.Pages: 34}},
		},
		{
			name: "more labels than pages", question: byLabel, answers: map[string][]string{search("type=page"): {`{"totalSize":1}`}, "/labels": {list("x", `{}`, `{}`)}},
			want: Facts{Labels: 2, Parents: map[*stream.Listing]int{stream.Pages: 1}},
		},
		{
			name: "no search", question: byLabel, answers: map[string][]string{search("type=page"): {forbidden}, "/pages": {list("x", `{}`, `{}`)}, "/labels": {list("", `{}`)}},
			want: Facts{Labels: 1, Parents: map[*stream.Listing]int{stream.Pages: 3}},
		},
		{
			name: "a search that does not count", question: byLabel, answers: map[string][]string{search("type=page"): {`{}`}, "/pages": {list("", `{}`, `{}`)}, "/labels": {list("", `{}`)}},
			want: Facts{Labels: 1, Parents: map[*stream.Listing]int{stream.Pages: 2}},
		},
		{name: "no pages", question: byLabel, answers: map[string][]string{search("type=page"): {forbidden}, "/pages": {forbidden}}},
		{name: "no labels", question: byLabel, answers: map[string][]string{search("type=page"): {`{"totalSize":1}`}, "/labels": {forbidden}}},
		{name: "owners, but all spaces", question: byOwner, answers: map[string][]string{}},
		{
			name: "owners", question: byOwner, space: true, pays: true, answers: counts(nil),
			want: Facts{Owners: map[*stream.Listing]OwnerCounts{stream.FooterComments: {Owners: 6, Inside: 6, All: 6000}}},
		},
		{name: "owners that don't pay", question: byOwner, space: true, answers: counts(nil)},
		{name: "owners that nobody counts", question: byOwner, space: true, pays: true, answers: counts(map[string][]string{search("type=blogpost" + inA): {forbidden}})},
		{name: "rows that nobody counts", question: byOwner, space: true, pays: true, answers: counts(map[string][]string{search("type=comment"): {forbidden}})},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, _, _ := opened(t, func(cfg *config.Config) {
					if test.space {
						cfg.SpaceKeys, cfg.CustomContentTypes = []string{"A"}, []string{"ac:a"}
					}
				}, test.answers)
				q := test.question
				q.Pays = func(l *stream.Listing, c OwnerCounts) bool { return test.pays }
				got, err := s.Survey(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				want := test.want
				if want.Clock, want.Local = s.Clock(), s.local; test.space {
					want.Spaces.Included = []string{"7"}
				}
				wantFacts(t, got, want)
			})
		})
	}
}

// wantFacts compares facts, in which no entry is the same as an empty map.
func wantFacts(t *testing.T, got, want Facts) {
	t.Helper()
	if len(got.Parents)+len(want.Parents) == 0 {
		got.Parents, want.Parents = nil, nil
	}
	if len(got.Owners)+len(want.Owners) == 0 {
		got.Owners, want.Owners = nil, nil
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

// TestSurveyOfALostSite ends where the site no longer answers, and only there.
func TestSurveyOfALostSite(t *testing.T) {
	t.Parallel()
	questions := map[string]Question{
		"types":  {Types: true},
		"labels": {ByLabel: []*stream.Listing{stream.Pages}},
	}
	for name, q := range questions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				broken := []string{"500 {}"}
				s, f, _ := opened(t, nil, map[string][]string{butTypes(ownTypes[0]...): broken, search("type=page"): broken, "/pages": broken})
				got, err := s.Survey(t.Context(), q)
				if err != nil || q.Types && client.KindOf(got.TypesErr) != client.KindServer || len(got.Parents) > 0 {
					t.Errorf("one route fails: %+v, error %v", got, err)
				}
				f.answers[whoami] = []string{"503 {}"}
				s.types, s.counts = memo[struct{}, []string]{}, memo[string, int]{}
				_, err = s.Survey(t.Context(), q)
				wantInterruption(t, err, true, false)
			})
		})
	}
}

// TestWith learns without changing what others hold.
func TestWith(t *testing.T) {
	t.Parallel()
	var none Facts
	one := none.With(stream.Pages, func(k *Learned) { k.Unsorted = true })
	two := one.With(stream.Pages, func(k *Learned) { k.Restarts++ }).With(stream.Tasks, func(k *Learned) { k.Split = true })
	if len(none.Learned) != 0 || one.Learned[stream.Pages] != (Learned{Unsorted: true}) || len(one.Learned) != 1 {
		t.Errorf("the facts before were changed: %+v, %+v", none.Learned, one.Learned)
	}
	if two.Learned[stream.Pages] != (Learned{Unsorted: true, Restarts: 1}) || two.Learned[stream.Tasks] != (Learned{Split: true}) {
		t.Errorf("%+v", two.Learned)
	}
}
