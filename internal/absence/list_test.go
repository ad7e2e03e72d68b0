package absence

import (
	"bytes"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
)

// scope is what runs with the default settings read.
var scope = tapfixture.Scope()

// unaudited are the settings of a run that does without audits, which find much of what is lost.
var unaudited = map[string]any{"audit_samples": 0}

// TestGroups (rows 4 and 5): lists by offset end where nothing new comes, not where next is missing.
func TestGroups(t *testing.T) {
	t.Parallel()
	many := small()
	many.Groups = 430
	for name, wrong := range map[string]func(*simconfluence.Site){
		"no next": nil,
		"one answer of the overlapping row": func(s *simconfluence.Site) {
			s.SetQuirks(simconfluence.Quirks{GroupNext: true})
			s.SetFaults(simconfluence.On("/wiki/rest/api/group", simconfluence.When(func(n int) bool { return n == 2 }, simconfluence.FirstRowOnly())))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario{site: many, streams: []string{"groups"}, wrong: wrong}.run(t).ends(tap.ExitDone).whole("groups").activates("groups")
		})
	}
}

// TestUnknownTypes (row 7): only the bare question tells that a type is unknown.
func TestUnknownTypes(t *testing.T) {
	t.Parallel()
	typed := func(kind string, fault simconfluence.Fault) simconfluence.Fault {
		return simconfluence.On("/custom-content", simconfluence.Where(func(r *http.Request) bool { return r.URL.Query().Get("type") == kind }, fault))
	}
	for _, status := range []int{400, 402, 403, 404, 405, 406, 409, 410, 413, 414, 415, 421, 422, 451, 500, 501} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			o := scenario{site: small(), settings: map[string]any{"max_retries": 1}, streams: []string{"custom_content"}, wrong: func(s *simconfluence.Site) {
				s.SetFaults(typed(s.CustomTypes()[0], simconfluence.Status(status, `{"message":"no"}`)))
			}}.run(t)
			o.activates()
			if status == 400 || status == 404 || status == 501 {
				o.ends(tap.ExitDone).says("skipping a type of custom content that the site does not know")
			} else {
				o.ends(tap.ExitFailed).says("stream=custom_content")
			}
		})
	}
	t.Run("400 about a parameter", func(t *testing.T) {
		t.Parallel()
		o := scenario{site: small(), streams: []string{"custom_content"}, wrong: func(s *simconfluence.Site) {
			s.SetFaults(typed(s.CustomTypes()[0], simconfluence.Where(func(r *http.Request) bool { return r.URL.Query().Has("body-format") },
				simconfluence.Status(400, `{"message":"body-format is invalid"}`))))
		}}.run(t)
		o.ends(tap.ExitFailed).says("stream=custom_content", "body-format is invalid").activates()
	})
}

// TestSearchForTypes (rows 8 and 18): a search that takes only a part of the question still finds
// every type, or the stream fails.
func TestSearchForTypes(t *testing.T) {
	t.Parallel()
	many := small()
	many.CustomContent = 260
	types := simconfluence.New(many).CustomTypes()
	for name, quirks := range map[string]simconfluence.Quirks{
		"the second question is refused": {SearchRefuses: types},
		"one name is refused":            {SearchRefuses: []string{`"whiteboard"`}},
		"several names are refused":      {SearchRefuses: []string{`"embed"`, `"space"`, `"blogpost"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := scenario{site: many, streams: []string{"custom_content"}, wrong: func(s *simconfluence.Site) { s.SetQuirks(quirks) }}.run(t)
			o.ends(tap.ExitDone).whole("custom_content").activates("custom_content")
		})
	}
	for name, quirks := range map[string]simconfluence.Quirks{
		"all questions are refused":           {SearchRefuses: []string{"type"}},
		"the second page is refused, as well": {SearchRefuses: types, SearchRefusesCursor: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := scenario{site: many, streams: []string{"custom_content"}, wrong: func(s *simconfluence.Site) { s.SetQuirks(quirks) }}.run(t)
			o.ends(tap.ExitFailed).says("custom_content").activates()
		})
	}
}

// TestBlocks (row 9): a combined read without its blocks, or without their results.
func TestBlocks(t *testing.T) {
	t.Parallel()
	streams := []string{"page_labels", "page_content_properties", "page_versions"}
	for name, quirks := range map[string]simconfluence.Quirks{"no blocks": {NoBlocks: true}, "bare blocks": {BareBlocks: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := scenario{site: small(), settings: unaudited, streams: streams, wrong: func(s *simconfluence.Site) { s.SetQuirks(quirks) }}.run(t)
			o.ends(tap.ExitDone).whole(streams...).activates(streams...)
		})
	}
}

// TestUnrenderable (row 10): a page that the site can't render is listed without its body, and
// named. What needs no body is whole.
func TestUnrenderable(t *testing.T) {
	t.Parallel()
	id := first(simconfluence.New(small()), "pages")
	o := scenario{site: small(), settings: map[string]any{"max_retries": 2}, streams: []string{"pages", "child_pages"}, wrong: func(s *simconfluence.Site) {
		s.SetQuirks(simconfluence.Quirks{Unrenderable: []string{id}})
	}}.run(t)
	o.ends(tap.ExitFailed).says("stream=pages", "reading the body of "+id).whole("child_pages").activates("child_pages")
	want := o.fixture.Expect("pages", scope)
	got := o.rows("pages")
	if got[id] == "" || strings.Contains(got[id], `"storage"`) {
		t.Errorf("the row of %s is %s", id, got[id])
	}
	delete(want, id)
	delete(got, id)
	tapfixture.Compare(t, "pages", got, want)
	scenario{site: small(), streams: []string{"child_pages"}, wrong: func(s *simconfluence.Site) {
		s.SetQuirks(simconfluence.Quirks{Unrenderable: []string{id}})
	}}.run(t).ends(tap.ExitDone).whole("child_pages").activates("child_pages")
}

// TestNothingToCompare (row 11): plain lists that can't be read prove nothing, and that is said.
func TestNothingToCompare(t *testing.T) {
	t.Parallel()
	o := scenario{site: small(), streams: []string{"page_footer_comments"}, wrong: func(s *simconfluence.Site) {
		s.SetFaults(simconfluence.On("/pages/{id}/footer-comments", simconfluence.BareNotFound()))
	}}.run(t)
	o.ends(tap.ExitDone).hides("no difference").says("can't be compared").whole("page_footer_comments")
}

var counted = regexp.MustCompile(`WARNING .*skipped: (\d+) × footer comments on ([^(\n]*?)(?: \(.*)?\n`)

// TestForeignComments (rows 12 and 13): comments on what is no page or post are counted, replies
// too. Comments that do not say on what they are could be anybody's: no table is activated.
func TestForeignComments(t *testing.T) {
	t.Parallel()
	many := small()
	many.FooterComments = 200
	o := scenario{site: many, streams: commentStreams}.run(t).ends(tap.ExitDone).whole(commentStreams...).activates(commentStreams...)
	counts := map[string]string{}
	for _, m := range counted.FindAllStringSubmatch(o.result.Stderr, -1) {
		counts[m[2]] = m[1]
	}
	all := 0
	for _, name := range []string{"attachment_footer_comments", "custom_content_footer_comments"} {
		n := 0
		for range o.fixture.Site.Truth(name, scope) {
			n++
		}
		all += n
		if on := strings.ReplaceAll(strings.TrimSuffix(name, "_footer_comments"), "_c", "C"); counts[on] != strconv.Itoa(n) || n == 0 {
			t.Errorf("%s are counted as %q, want %d\n%s", name, counts[on], n, tail(o.result.Stderr))
		}
	}

	null := scenario{site: many, settings: unaudited, streams: commentStreams, wrong: func(s *simconfluence.Site) {
		s.SetQuirks(simconfluence.Quirks{SitewideNullPage: true})
	}}.run(t)
	null.ends(tap.ExitDone).says("on an unnamed item").activates()

	// An audit finds them missing, and they are read page by page.
	audited := scenario{site: many, streams: commentStreams, wrong: func(s *simconfluence.Site) {
		s.SetQuirks(simconfluence.Quirks{SitewideNullPage: true})
	}}.run(t)
	audited.ends(tap.ExitDone).whole(commentStreams...)
}

// TestNullParents (row 13): the plain route of replies names no page; the record does.
func TestNullParents(t *testing.T) {
	t.Parallel()
	o := scenario{site: small(), streams: []string{"page_footer_comments"}, wrong: func(s *simconfluence.Site) {
		s.SetQuirks(simconfluence.Quirks{ReplyNullPage: true})
		s.SetFaults(simconfluence.On("/footer-comments", simconfluence.Status(410, `{"message":"gone"}`)))
	}}.run(t)
	o.ends(tap.ExitDone)
	for key, row := range o.rows("page_footer_comments") {
		if strings.Contains(row, `"pageId":null`) {
			t.Errorf("comment %s has no page: %s", key, row)
		}
	}
	if n, want := len(o.rows("page_footer_comments")), len(o.fixture.Expect("page_footer_comments", scope)); n != want {
		t.Errorf("%d comments, want %d", n, want)
	}
}

// TestTypelessParents (row 14): a parent without a type counts as a page.
func TestTypelessParents(t *testing.T) {
	t.Parallel()
	o := small()
	o.Pages = 120
	scenario{site: o, settings: unaudited, streams: []string{"child_pages"}, wrong: func(s *simconfluence.Site) {
		s.SetQuirks(simconfluence.Quirks{NoParentTypes: true})
	}}.run(t).ends(tap.ExitDone).whole("child_pages")
}

// TestRefusedCursor (row 19): a cursor that is refused once makes the listing start over in the run.
func TestRefusedCursor(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"pages", "tasks", "attachments", "page_footer_comments", "custom_content"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			route := map[string]string{"pages": "/pages", "tasks": "/tasks", "attachments": "/attachments", "page_footer_comments": "/footer-comments", "custom_content": "/custom-content"}[name]
			many := small()
			many.Tasks, many.CustomContent = 20, 40
			refused := false
			o := scenario{site: many, settings: map[string]any{"page_size": 5, "audit_samples": 0}, streams: []string{name}, wrong: func(s *simconfluence.Site) {
				s.SetFaults(simconfluence.On(route, simconfluence.Where(func(r *http.Request) bool { return !refused && r.URL.Query().Has("cursor") },
					func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
						refused = true
						return simconfluence.RefuseCursor()(w, r, next)
					})))
			}}.run(t)
			o.ends(tap.ExitDone).whole(name).activates(name)
			if !refused {
				t.Error("no cursor was refused")
			}
		})
	}
}

// TestDates (row 21): rows without a date, and dates as numbers, keep no bookmark from moving.
func TestDates(t *testing.T) {
	t.Parallel()
	date := regexp.MustCompile(`"createdAt":"2[^"]*"`)
	for name, spoil := range map[string]func([]byte) []byte{
		"first row without a version": func(b []byte) []byte {
			at := bytes.Index(b, []byte(`"version":{`))
			if at < 0 {
				return b
			}
			end := at + bytes.IndexByte(b[at:], '}')
			return append(append(bytes.Clone(b[:at]), `"version":null`...), b[end+1:]...)
		},
		"numbers": func(b []byte) []byte {
			return date.ReplaceAllFunc(b, func([]byte) []byte { return []byte(`"createdAt":1767225600000`) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := scenario{site: small(), settings: map[string]any{"anchor_date": "1990-01-01", "audit_samples": 0}, streams: []string{"pages"}, incremental: true, wrong: func(s *simconfluence.Site) {
				s.SetFaults(simconfluence.On("/pages", simconfluence.Rewrite(spoil)))
			}}.run(t)
			o.ends(tap.ExitDone)
			if n, want := len(o.rows("pages")), len(o.fixture.Expect("pages", scope)); n != want {
				t.Errorf("%d pages, want %d", n, want)
			}
			if regexp.MustCompile(`"replication_key_value":"(1990|")`).MatchString(o.result.LastState()) {
				t.Errorf("the bookmark did not move: %s", o.result.LastState())
			}
		})
	}
}

// TestEmptyTrash (row 28): a trash that shows nothing is said.
func TestEmptyTrash(t *testing.T) {
	t.Parallel()
	o := scenario{site: small(), settings: map[string]any{"page_status": []string{"current", "trashed"}}, streams: []string{"pages"}, wrong: func(s *simconfluence.Site) {
		s.SetQuirks(simconfluence.Quirks{EmptyTrash: true})
	}}.run(t)
	o.ends(tap.ExitDone).says("the trash shows nothing", "manage/content")
}
