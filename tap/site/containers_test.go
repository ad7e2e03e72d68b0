package site

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tap-confluence/tap-confluence/internal/rawjson"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/stream"
)

// inSpaces are the spaces 1 and 3.
var inSpaces = Spaces{Included: []string{"1", "3"}}

// verdictsOf asks which rows lie in the chosen spaces.
func verdictsOf(t *testing.T, ctx context.Context, s *Site, l *stream.Listing, spaces Spaces, rows ...string) []Verdict {
	t.Helper()
	objects := make([]rawjson.Object, len(rows))
	for i, row := range rows {
		objects[i] = object(t, row)
	}
	verdicts, _ := s.Inside(ctx, l, spaces, objects)
	return verdicts
}

// tell writes a verdict in words.
func tell(v Verdict) string {
	switch {
	case v.Err != nil:
		return "error"
	case v.Reason != "":
		return strings.TrimSpace(map[bool]string{true: "inside"}[v.Inside] + " counted")
	case v.Inside:
		return "inside"
	}
	return "outside"
}

// TestInside decides by a row's own space, or by that of what it lies in.
func TestInside(t *testing.T) {
	t.Parallel()
	const (
		statuses = "&status=current&status=archived&status=trashed&status=deleted"
		posts    = "&status=current&status=trashed&status=deleted"
		page     = "/pages/17"
		post     = "/blogposts/17"
		archived = "?status=archived"
		trashed  = "?status=trashed"
		deleted  = "?status=deleted"
		draft    = "?status=draft"
		named    = `404 {"title":"Cannot find content with id [17]"}`
		bare     = `404 {"title":"Not Found"}`
	)
	// gone answers that there is no such item, without a status and with some.
	gone := func(path string, statuses ...string) map[string][]string {
		answers := map[string][]string{path: {named}}
		for _, status := range statuses {
			answers[path+status] = []string{named}
		}
		return answers
	}
	with := func(answers, more map[string][]string) map[string][]string { maps.Copy(answers, more); return answers }
	for _, test := range []struct {
		name    string
		listing *stream.Listing
		spaces  Spaces
		rows    []string
		answers map[string][]string
		want    []string
	}{
		{"all spaces", stream.Pages, Spaces{}, []string{`{}`}, nil, []string{"inside"}},
		{"rows that lie nowhere", stream.Groups, inSpaces, []string{`{}`}, nil, []string{"inside"}},
		{
			"their own space", stream.Pages, inSpaces, []string{`{"spaceId":"1"}`, `{"spaceId":"2"}`, `{"spaceId":"3"}`, `{"spaceId":"03"}`, `{"spaceId":"33"}`},
			nil, []string{"inside", "outside", "inside", "inside", "outside"},
		},
		{
			"all but some", stream.Pages, Spaces{Excluded: []string{"2", "10"}}, []string{`{"spaceId":"1"}`, `{"spaceId":"2"}`, `{"spaceId":"10"}`},
			nil, []string{"inside", "outside", "outside"},
		},
		{
			"all but a space that was hidden", stream.Pages, Spaces{Excluded: []string{"2"}, Hidden: []string{"SECRET"}},
			[]string{`{"spaceId":"1"}`, `{"spaceId":"2"}`, `{"spaceId":"3"}`, `{"spaceId":"17"}`, `{"spaceId":"5"}`},
			map[string][]string{"/spaces/1": {`{"key":"A"}`}, "/spaces/3": {`{"key":"secret"}`}, "/spaces/17": {named}, "/spaces/5": {bare}},
			[]string{"inside", "outside", "outside", "outside", "error"},
		},
		{
			"pages and posts, a page of rows at a time", stream.FooterComments, inSpaces,
			[]string{`{"pageId":"17"}`, `{"pageId":"18"}`, `{"pageId":"17"}`, `{"blogPostId":"19"}`},
			map[string][]string{
				"/pages?id=17,18" + statuses: {list("", `{"id":"17","spaceId":"1"}`, `{"id":"18","spaceId":"2"}`)},
				"/blogposts?id=19" + posts:   {list("", `{"id":"19","spaceId":"3"}`)},
			},
			[]string{"inside", "outside", "inside", "inside"},
		},
		{
			"a page that the list does not show", stream.FooterComments, inSpaces, []string{`{"pageId":"17"}`},
			map[string][]string{"/pages?id=17" + statuses: {list("")}, "/pages/17": {`{"id":"17","spaceId":"1"}`}}, []string{"inside"},
		},
		{
			"a page that its own route gives by its status only", stream.Attachments, inSpaces, []string{`{"pageId":"17"}`},
			with(gone(page, archived, trashed, deleted), map[string][]string{
				"/pages?id=17" + statuses: {list("")}, page + draft: {`{"id":"17","status":"draft","spaceId":"1"}`},
			}), []string{"inside"},
		},
		{
			"a page in the trash of a site that gives the trash by itself only", stream.Attachments, inSpaces, []string{`{"pageId":"17"}`},
			with(gone(page, archived), map[string][]string{
				"/pages?id=17" + statuses: {`400 {"message":"the trash by itself, please"}`}, page + trashed: {`{"id":"17","status":"trashed","spaceId":"1"}`},
			}), []string{"inside"},
		},
		{
			"a page that is gone", stream.FooterComments, inSpaces, []string{`{"pageId":"17"}`},
			with(gone(page, archived, trashed, deleted, draft), map[string][]string{"/pages?id=17" + statuses: {list("")}}), []string{"counted"},
		},
		{
			"a page of which nobody can tell", stream.FooterComments, inSpaces, []string{`{"pageId":"17"}`, `{"pageId":"18"}`},
			map[string][]string{"/pages?id=17,18" + statuses: {list("", `{"id":"18","spaceId":"1"}`)}, "/pages?id=17" + statuses: {list("")}, "/pages/17": {bare}}, []string{"error", "inside"},
		},
		{
			"a page that names no space", stream.FooterComments, inSpaces, []string{`{"pageId":"17"}`},
			map[string][]string{"/pages?id=17" + statuses: {list("", `{"id":"17"}`)}, "/pages/17": {`{"id":"17"}`}}, []string{"error"},
		},
		{
			"the list can't be had, the page can", stream.FooterComments, inSpaces, []string{`{"pageId":"17"}`},
			map[string][]string{"/pages?id=17" + statuses: {`403 {"message":"no"}`}, "/pages/17": {`{"id":"17","spaceId":"2"}`}}, []string{"outside"},
		},
		{
			"comments on what is in the trash, in all spaces", stream.FooterComments, Spaces{},
			[]string{`{"pageId":"17"}`, `{"pageId":"18"}`, `{"blogPostId":"19"}`, `{"attachmentId":"att1"}`, `{"customContentId":"2"}`, `{"id":"1"}`},
			map[string][]string{
				"/pages?id=17,18" + statuses: {list("", `{"id":"17","status":"archived"}`, `{"id":"18","status":"trashed"}`)},
				"/blogposts?id=19" + posts:   {list("", `{"id":"19","status":"deleted"}`)},
			},
			[]string{"inside", "counted", "counted", "inside", "inside", "inside"},
		},
		{
			"comments on a page that the list does not show, in all spaces", stream.InlineComments, Spaces{}, []string{`{"pageId":"17"}`},
			map[string][]string{"/pages?id=17" + statuses: {list("")}}, []string{"inside"},
		},
		{
			"comments on what is in the trash, in a space", stream.InlineComments, inSpaces, []string{`{"pageId":"17"}`, `{"pageId":"18"}`},
			map[string][]string{"/pages?id=17,18" + statuses: {list("", `{"id":"17","status":"trashed","spaceId":"1"}`, `{"id":"18","status":"current","spaceId":"1"}`)}},
			[]string{"counted", "inside"},
		},
		{"attachments in all spaces, whose page does not matter", stream.Attachments, Spaces{}, []string{`{"pageId":"17"}`}, nil, []string{"inside"}},
		{"rows that name nothing", stream.FooterComments, inSpaces, []string{`{"id":"1","pageId":null}`}, nil, []string{"inside counted"}},
		{
			"custom content, which is asked for singly", stream.Attachments, inSpaces, []string{`{"customContentId":"17"}`, `{"customContentId":"18"}`},
			map[string][]string{"/custom-content/17": {`{"id":"17","spaceId":"3"}`}, "/custom-content/18": {`{"id":"18","spaceId":"2"}`}}, []string{"inside", "outside"},
		},
		{
			"custom content on a page", stream.Attachments, inSpaces, []string{`{"customContentId":"17"}`},
			map[string][]string{"/custom-content/17": {`{"id":"17","pageId":"5"}`}, "/pages/5": {`{"id":"5","spaceId":"3"}`}}, []string{"inside"},
		},
		{
			"custom content on custom content on a page that is gone", stream.CustomContent, inSpaces, []string{`{"id":"1","customContentId":"2"}`},
			with(gone(page, archived, trashed, deleted, draft), map[string][]string{"/custom-content/2": {`{"id":"2","pageId":"17"}`}}), []string{"counted"},
		},
		{
			"custom content on a post that is deleted", stream.Attachments, inSpaces, []string{`{"customContentId":"2"}`},
			with(gone(post, trashed), map[string][]string{"/custom-content/2": {`{"id":"2","blogPostId":"17"}`}, post + deleted: {`{"id":"17","status":"deleted","spaceId":"1"}`}}),
			[]string{"inside"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if test.answers == nil {
					test.answers = map[string][]string{}
				}
				s, f, _ := opened(t, nil, test.answers)
				for _, again := range []bool{false, true} {
					before := len(f.asked)
					var got []string
					for _, v := range verdictsOf(t, t.Context(), s, test.listing, test.spaces, test.rows...) {
						got = append(got, tell(v))
						if v.Err != nil && !errors.Is(v.Err, ErrUnplaced) {
							t.Errorf("error %v", v.Err)
						}
					}
					if !slices.Equal(got, test.want) {
						t.Errorf("%v, want %v", got, test.want)
					}
					if more := f.asked[before:]; again && len(more) > 0 && !slices.Contains(test.want, "error") {
						t.Errorf("asked again: %v", more)
					}
				}
			})
		})
	}
}

// TestInsideAsksForMany asks for many items at once, for custom content type by type, and for the
// pages and posts that it lies in.
func TestInsideAsksForMany(t *testing.T) {
	t.Parallel()
	const statuses = "&status=current&status=archived&status=trashed&status=deleted"
	rowsOf := func(format string, from, to int) (rows []string) {
		for i := from; i < to; i++ {
			rows = append(rows, fmt.Sprintf(format, i))
		}
		return rows
	}
	ids := func(from, to int) string { return strings.Join(rowsOf("%d", from, to), ",") }
	for _, test := range []struct {
		name    string
		rows    []string
		answers map[string][]string
	}{
		{"pages", rowsOf(`{"pageId":"%d"}`, 1000, 1400), map[string][]string{
			"/pages?id=" + ids(1000, 1250) + statuses: {list("", rowsOf(`{"id":"%d","spaceId":"1"}`, 1000, 1250)...)},
			"/pages?id=" + ids(1250, 1400) + statuses: {list("", rowsOf(`{"id":"%d","spaceId":"1"}`, 1250, 1400)...)},
		}},
		{"little custom content", rowsOf(`{"customContentId":"%d"}`, 1, 3), map[string][]string{
			"/custom-content/1": {`{"id":"1","spaceId":"1"}`}, "/custom-content/2": {`{"id":"2","spaceId":"1"}`},
		}},
		{"custom content of two types, on pages, and of no type that is known", rowsOf(`{"customContentId":"%d"}`, 10, 22), map[string][]string{
			butTypes(ownTypes[0]...): {list("", found("ac:a"), found("ac:b"))},
			butTypes(append(slices.Clone(ownTypes[0]), "ac:a", "ac:b")...): {list("")},
			"/custom-content?type=ac:a&id=" + ids(10, 22):                  {list("", rowsOf(`{"id":"%d","spaceId":"1"}`, 10, 16)...)},
			"/custom-content?type=ac:b&id=" + ids(16, 22):                  {list("", rowsOf(`{"id":"%[1]d","pageId":"%[1]d"}`, 16, 21)...)},
			"/pages?id=" + ids(16, 21) + statuses:                          {list("", rowsOf(`{"id":"%d","spaceId":"1"}`, 16, 21)...)},
			"/custom-content/21":                                           {`{"id":"21","spaceId":"1"}`},
		}},
		{"custom content of a type that is refused", rowsOf(`{"customContentId":"%d"}`, 10, 14), map[string][]string{
			butTypes(ownTypes[0]...):                               {list("", found("ac:a"))},
			butTypes(append(slices.Clone(ownTypes[0]), "ac:a")...): {list("")},
			"/custom-content?type=ac:a&id=" + ids(10, 14):          {`403 {"message":"no"}`},
			"/custom-content/10":                                   {`{"id":"10","spaceId":"1"}`}, "/custom-content/11": {`{"id":"11","spaceId":"1"}`},
			"/custom-content/12": {`{"id":"12","spaceId":"1"}`}, "/custom-content/13": {`{"id":"13","spaceId":"1"}`},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				asked := len(test.answers)
				s, f, _ := opened(t, nil, test.answers)
				before := len(f.asked)
				for i, v := range verdictsOf(t, t.Context(), s, stream.Attachments, inSpaces, test.rows...) {
					if tell(v) != "inside" {
						t.Fatalf("row %d: %s, %v", i, tell(v), v.Err)
					}
				}
				if got := f.asked[before:]; len(got) != asked {
					t.Errorf("asked %q, want %d questions", got, asked)
				}
			})
		})
	}
}

// TestInsideLearns reads a listing from its beginning once many questions were asked about its items.
// What that does not tell is asked for.
func TestInsideLearns(t *testing.T) {
	t.Parallel()
	const statuses = "status=current&status=archived&status=trashed&status=deleted"
	for name, test := range map[string]struct {
		whole string
		more  int // questions after it
	}{
		"all that is asked for later": {list("", `{"id":"109","spaceId":"1"}`, `{"id":"110","spaceId":"1"}`, `{"id":"111","spaceId":"1"}`), 0},
		"some":                        {list("", `{"id":"109","spaceId":"1"}`, `{"id":"111","spaceId":"1"}`), 1},
		"nothing, it is refused":      {`403 {"message":"no"}`, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				answers := map[string][]string{"/pages?" + statuses: {test.whole}}
				for i := range 12 {
					answers[fmt.Sprintf("/pages?id=%d&%s", 100+i, statuses)] = []string{list("", fmt.Sprintf(`{"id":"%d","spaceId":"1"}`, 100+i))}
				}
				s, f, _ := opened(t, nil, answers)
				before := len(f.asked)
				for i := range 12 {
					if got := tell(verdictsOf(t, t.Context(), s, stream.FooterComments, inSpaces, fmt.Sprintf(`{"pageId":"%d"}`, 100+i))[0]); got != "inside" {
						t.Errorf("row %d: %s", i, got)
					}
				}
				if got := len(f.asked) - before; got != learnedAfter-1+1+test.more {
					t.Errorf("%d requests: %q", got, f.asked[before:])
				}
			})
		})
	}
}

// TestInsideInDoubt keeps comments where the site does not answer what they are on, and says why.
func TestInsideInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := opened(t, nil, map[string][]string{
			"/pages?id=17&status=current&status=archived&status=trashed&status=deleted": {`403 {"message":"no"}`},
			"/blogposts?id=18&status=current&status=trashed&status=deleted":             {list("", `{"id":"18","status":"trashed"}`)},
		})
		rows := []rawjson.Object{object(t, `{"pageId":"17"}`), object(t, `{"blogPostId":"18"}`)}
		verdicts, doubt := s.Inside(t.Context(), stream.FooterComments, Spaces{}, rows)
		if got := tell(verdicts[0]) + ", " + tell(verdicts[1]); got != "inside, counted" || client.KindOf(doubt) != client.KindForbidden {
			t.Errorf("%s; %v", got, doubt)
		}
	})
}

// TestContainersAreForgotten keeps at least the later half of what was found.
func TestContainersAreForgotten(t *testing.T) {
	t.Parallel()
	s := New(nil, nil, nil)
	for i := range 2*mostPlaces + 1 {
		s.remember(place{stream.Pages, strconv.Itoa(i)}, container{placed: true})
	}
	for _, i := range []int{mostPlaces, 2 * mostPlaces} {
		if _, known := s.known(place{stream.Pages, strconv.Itoa(i)}); !known {
			t.Errorf("item %d is forgotten", i)
		}
	}
	if _, known := s.known(place{stream.Pages, "0"}); known {
		t.Error("the first item is still known")
	}
}

// TestContainersInEachOther ends where items name each other: nobody can tell their space.
func TestContainersInEachOther(t *testing.T) {
	t.Parallel()
	for name, answers := range map[string]map[string][]string{
		"itself":      {"/custom-content/1": {`{"id":"1","customContentId":"1"}`}},
		"each other":  {"/custom-content/1": {`{"id":"1","customContentId":"2"}`}, "/custom-content/2": {`{"id":"2","customContentId":"1"}`}},
		"a long line": deep(12),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, _, _ := opened(t, nil, answers)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				verdicts := verdictsOf(t, ctx, s, stream.Attachments, inSpaces, `{"customContentId":"1"}`)
				if v := verdicts[0]; ctx.Err() != nil || !errors.Is(v.Err, ErrUnplaced) || client.KindOf(v.Err) == client.KindStopped {
					t.Errorf("%s: %v, %v", name, v, ctx.Err())
				}
			})
		})
	}
}

// deep is custom content, each in the next one.
func deep(n int) map[string][]string {
	answers := map[string][]string{}
	for i := range n {
		answers[fmt.Sprint("/custom-content/", i+1)] = []string{fmt.Sprintf(`{"id":"%d","customContentId":"%d"}`, i+1, i+2)}
	}
	answers[fmt.Sprint("/custom-content/", n+1)] = []string{`{"spaceId":"1"}`}
	return answers
}
